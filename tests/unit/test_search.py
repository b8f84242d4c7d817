"""The search language: what queries mean, and at which character they are refused.

Source: docs/sentry-contract.md#5-lists.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql_releases.domain.conditions import MAX_CONDITIONS
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.search.search import search_conditions
from gql_releases.domain.search.search_terms import MAX_LENGTH, Filter, parse_query
from gql_releases.domain.versions.ranges import version_key
from gql_releases.domain.versions.version import AFTER_BUILDS, order_prefix


def key(version: str) -> str:
    result = version_key(version)
    assert result
    return result


def same(version: str) -> tuple[tuple[str, str], ...]:
    return ("semver_from", key(version)), ("semver_below", key(version) + AFTER_BUILDS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("web@", (("version_contains", ["web@"]),)),
        (" a  b ", (("version_contains", ["a  b"]),)),
        ("1.2.1 (123)", (("version_contains", ["1.2.1 (123)", "1.2.1+123"]),)),
        ("12:30 my-app@1:2", (("version_contains", ["12:30 my-app@1:2"]),)),
        ('"AND release:x"', (("version_contains", ["and release:x"]),)),
        ("a finalized:true b", (("version_contains", ["a"]), ("released", True), ("version_contains", ["b"]))),
        ("a(b) (c)", (("version_contains", ["a(b) (c)", "a(b)+c"]),)),
        ('"(" ")"', (("version_contains", ["("]), ("version_contains", [")"]))),
        ("release:a@1", (("version", "a@1"),)),
        ("release:a(b)", (("version", "a(b)"),)),
        ('release:"("', (("version", "("),)),
        (r"release:a\"\(", (("version", 'a"('),)),
        ('app@"4.8.1"', (("version_contains", ['app@"4.8.1"']),)),
        ('5"disk a"b" c', (("version_contains", ['5"disk a"b" c']),)),
        ('release:app@"4.8.1"', (("version", 'app@"4.8.1"'),)),
        ('!release:a"b*', (("not", (("version_starts_with", 'a"b'),)),)),
        ('release:"a b"', (("version", "a b"),)),
        ("release:a*", (("version_starts_with", "a"),)),
        ("release:*a", (("version_ends_with", "a"),)),
        ("release:*a*", (("version_has", "a"),)),
        ("release:*", (("version_starts_with", ""),)),
        (r"release:a\*", (("version", "a*"),)),
        ('release:"a*"', (("version", "a*"),)),
        ("!release:a", (("not", (("version", "a"),)),)),
        ("release:[a, b c,d*]", (("or", (("version", "a"), ("version", "b c"), ("version_starts_with", "d"))),)),
        ('!release:[a,"b,c"]', (("not", (("or", (("version", "a"), ("version", "b,c"))),)),)),
        ("release:latest", (("latest", True),)),
        ("release.package:web", (("package", "web"),)),
        ("release.package:@scope*", (("package_starts_with", "@scope"),)),
        ("release.build:124", (("build_equals", 124),)),
        ("release.build:>124", (("build_above", 124),)),
        ("release.build:<=124", (("build_until", 124),)),
        ("release.build:12a", (("build_code", "12a"),)),
        ("release.build:12*", (("build_code_starts_with", "12"),)),
        (f"release.build:{2**63}", (("build_code", str(2**63)),)),
        ("release.version:1.2.3", (("and", same("1.2.3")),)),
        ("release.version:1.2", (("and", same("1.2.0")),)),
        ("release.version:1.2.3-rc1+42", (("and", (*same("1.2.3-rc1"), ("build_code", "42"))),)),
        ("release.version:>=web@1.2", (("and", (("package", "web"), ("semver_from", key("1.2")), ("semver_above", ""))),)),
        ("release.version:<2", (("and", (("semver_below", key("2")), ("semver_above", ""))),)),
        (
            "release.version:1.2.*",
            (("and", (("semver_from", order_prefix([1, 2])), ("semver_below", order_prefix([1, 3])))),),
        ),
        ("release.version:9.X", (("and", (("semver_from", order_prefix([9])), ("semver_below", order_prefix([10])))),)),
        ("release.version:@s@*", (("and", (("package", "@s"), ("semver_above", ""))),)),
        ("finalized:False", (("unreleased", True),)),
        (
            "release.created:2026-01-31",
            (
                (
                    "and",
                    (
                        ("created_from", datetime(2026, 1, 31, tzinfo=UTC)),
                        ("created_before", datetime(2026, 2, 1, tzinfo=UTC)),
                    ),
                ),
            ),
        ),
        ("release.created:<2026-01-31T12:00:00Z", (("created_before", datetime(2026, 1, 31, 12, tzinfo=UTC)),)),
        ("release.created:>2026-01-31", (("created_from", datetime(2026, 1, 31, 0, 0, 0, 1, tzinfo=UTC)),)),
    ],
)  # fmt: skip
def test_query_means(query: str, expected: Any) -> None:
    assert search_conditions(query) == expected


def test_age_is_counted_from_now() -> None:
    for query, name in (("release.created:-14d", "created_from"), ("release.created:+14d", "created_before")):
        [(result, moment)] = search_conditions(query)
        assert result == name
        assert abs(datetime.now(UTC) - timedelta(days=14) - moment) < timedelta(minutes=1)


def test_latest_is_of_the_projects_that_are_listed() -> None:
    assert search_conditions("release:latest", [3, 1]) == (("latest_of", [3, 1]),)


@pytest.mark.parametrize(
    ("query", "at", "why"),
    [
        ("release:", 1, "needs a value"),
        ("a !release: b", 3, "needs a value"),
        ("a OR b", 3, "OR is not supported"),
        ("release:a AND finalized:true", 11, "AND is not supported"),
        ('a "b', 3, "not closed"),
        ('release:"a"b', 12, '"b" is not allowed here'),
        ("release:[a,,b]", 12, '"," is not allowed here'),
        ("release:[a", 11, "it ends where"),
        ("release:[]", 10, '"]" is not allowed here'),
        ("x release:a*b", 11, "at the ends"),
        ("release:*a*b*", 9, "at the ends"),
        ("release:>a", 1, "cannot be compared"),
        ("level:error", 1, 'no filter "level"'),
        ("a user.id:1", 3, 'no filter "user.id"'),
        ("release.version:>1.*", 18, "no version"),
        ("release.version:1.*.3", 17, "no version"),
        ("release.version:one", 17, "no version"),
        ("release.version:>1.0+5", 18, "with a +"),
        ("release.build:>many", 16, "compared with a number"),
        (f"release.build:>{2**63}", 16, "compared with a number"),
        ("finalized:maybe", 11, "true or false"),
        ("release.created:soon", 17, "a date such as"),
        ("release.created:>-14d", 18, "a date such as"),
        ("release.stage:adopted", 15, "stages of adoption are not supported"),
        ("release:[a,b*c]", 12, "at the ends"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH + 1, "more than"),
        ("release:(", 9, "groups in brackets"),
        ("release:(a OR b)", 9, "groups in brackets"),
        ("a (release:b)", 3, "groups in brackets"),
        ("!((!release.build:1))", 1, "groups in brackets"),
        ("release:a(b", 10, "not closed"),
        ("release:a(b))", 13, "closes nothing"),
        ("release:[a, b)]", 14, "closes nothing"),
        ("(a release:b)", 13, "closes nothing"),
        ("(a release:b", 1, "not closed"),
        ("1.2 (3", 5, "not closed"),
        ("a)", 2, "closes nothing"),
        ('release:a"b"c"', 14, "quotation mark"),
        ('release:[a"b"]', 11, "quotation mark"),
        ('web"', 4, "quotation mark"),
        ("release:a\\", 10, "escapes nothing"),
        ("!!release:a", 1, "one !"),
        ("a or b", 3, "or is not supported"),
        ("user-id:1", 1, 'no filter "user-id"'),
        ("x tags[a]:1", 3, 'no filter "tags[a]"'),
    ],
)
def test_wrong_query_is_refused_at_its_character(query: str, at: int, why: str) -> None:
    with pytest.raises(DomainError) as caught:
        search_conditions(query)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert caught.value.message.startswith(f"Invalid query, at character {at}: ")
    assert why in caught.value.message


def test_more_conditions_than_a_statement_has_are_refused() -> None:
    with pytest.raises(DomainError, match=f"more than {MAX_CONDITIONS} conditions"):
        search_conditions(f"release:[{','.join('a' for _ in range(MAX_CONDITIONS))}]")


@given(st.text(max_size=60) | st.text(alphabet='release.:![],"\\*<>=@ 1ANDOR', max_size=60))
def test_any_text_is_a_query_or_refused_inside_of_it(query: str) -> None:
    try:
        terms = parse_query(query)
    except DomainError as error:
        result = re.match(r"Invalid query, at character ([0-9]+): ", error.message)
        assert result
        assert 1 <= int(result[1]) <= len(query) + 1
        return
    assert all(0 <= term.at < len(query) for term in terms)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_quoted_value_is_taken_as_it_is(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    [term] = parse_query(f'release:"{escaped}"')
    assert isinstance(term, Filter)
    assert [word.text for word in term.values] == [value]
