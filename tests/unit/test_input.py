"""The rules of input that no request needs to show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql_releases.auth.token_format import PATTERN, digest_token, generate_token, looks_like_token, token_hint
from gql_releases.domain.commit import Author, NewCommit, choose_author, sort_commits
from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.deploy import parse_new_deploy
from gql_releases.domain.errors import ErrorCode, InvalidInput, UnwrittenNumber
from gql_releases.domain.numbers import WrittenNumber
from gql_releases.domain.organization import parse_new_organization, parse_new_token
from gql_releases.domain.paging import KEY_TYPES, Position
from gql_releases.domain.principal import Scope
from gql_releases.domain.release import NewRelease, parse_new_release, parse_release_change
from gql_releases.domain.validation import is_url
from gql_releases.graphql_api.execution.cursors import decode_cursor, encode_cursor
from gql_releases.graphql_api.execution.scalars import from_global_id, to_global_id
from gql_releases.storage.entities import CATALOGUE


def moment(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("2020-01-01", "2020-01-01T00:00:00.000000Z"),
        ("2020-01-01T00:00", "2020-01-01T00:00:00.000000Z"),
        ("2020-01-01 01:00:00+01:00", "2020-01-01T00:00:00.000000Z"),
        ("20200101T000000Z", "2020-01-01T00:00:00.000000Z"),
        ("2020-W01-1", "2019-12-30T00:00:00.000000Z"),
        ("2026-11-23T23:46:31.078515292Z", "2026-11-23T23:46:31.078515Z"),
        ("1000-01-01", "1000-01-01T00:00:00.000000Z"),
    ],
)
def test_date_is_read_as_sentry_reads_it(text: str, wire: str) -> None:
    """Source: docs/sentry-contract.md#2-4-dates."""
    assert format_date(parse_date(text)) == wire


@pytest.mark.parametrize("text", ["", "1700000000", "yesterday", "2020-13-01", "0001-01-01T00:00:00+02:00"])
def test_other_dates_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_date(text)


@given(st.datetimes(), st.datetimes())
def test_wire_dates_sort_as_time_does(first: datetime, other: datetime) -> None:
    first, other = first.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    assert (format_date(first) < format_date(other)) == (first < other)
    assert parse_date(format_date(first)) == first


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "https://e.example.com:8443/a?b#c",
        "ftp://1.2.3.4/x",
        "HTTPS://EXAMPLE.COM",
        "http://[::1]/",
        "https://u:p@h.de/",
        "http://münchen.example/",
    ],
)
def test_url_is_accepted(url: str) -> None:
    assert is_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "git@github.com:a/b.git",
        "http://a.b",
        "http://",
        "javascript:alert(1)",
        "http://a b.com",
        "http://e.com:99999",
        "//e.com",
        "http://-.com",
        "http://e.com/\n",
        "http://e..com",
    ],
)
def test_url_is_refused(url: str) -> None:
    assert not is_url(url)


def test_commits_are_sorted_by_time_only_where_all_have_one() -> None:
    """Source: docs/sentry-contract.md#2-5-commits, points 1 and 2, and
    docs/sentry-contract.md#8-defects for mixed timestamps.
    """
    timed = [NewCommit("a", timestamp=moment(1)), NewCommit("b", timestamp=moment(3)), NewCommit("c", timestamp=moment(3))]
    assert [sort_commit.sha for sort_commit in sort_commits(timed)] == ["b", "c", "a"]
    assert [sort_commit.sha for sort_commit in sort_commits([*timed, NewCommit("d")])] == ["a", "b", "c", "d"]
    skipped = [NewCommit("a", message="x #skipsentry y"), NewCommit("b"), NewCommit("b", repository="r"), NewCommit("b")]
    assert [(sort_commit.sha, sort_commit.repository) for sort_commit in sort_commits(skipped)] == [("b", None), ("b", "r")]


@pytest.mark.parametrize(
    ("name", "email", "author"),
    [
        ("Ada Lovelace!", None, Author("adalovelace@localhost", "Ada Lovelace!")),
        ("Ada", "Ada@Example.com", Author("ada@example.com", "Ada")),
        (None, "a@b", Author("a@b", None)),
        ("", "a@b", Author("a@b", None)),
        ("Ada", "", None),
        (None, None, None),
        ("!!!", None, None),
        ("Ada", "x" * 80, Author("x" * 72 + "...", "Ada")),
    ],
)
def test_author_is_told_by_address(name: str | None, email: str | None, author: Author | None) -> None:
    """Source: docs/sentry-contract.md#2-5-commits, point 6."""
    assert choose_author(name, email) == author


def test_release_cannot_be_built_from_a_bad_version() -> None:
    for version in ("", "a/b", "x" * 201, "a\0", "latest"):
        with pytest.raises(InvalidInput):
            NewRelease(version, ())


def test_numbers_are_spelled_out_and_strings_trimmed_but_the_version() -> None:
    """Source: docs/sentry-contract.md#2-2-body."""
    new = parse_new_release({"version": " 1.5 ", "projects": [], "ref": "  x ", "commits": [{"sha": 5}]})
    assert (new.version, new.values["ref"], new.commits[0].sha) == (" 1.5 ", "x", "5")
    assert parse_new_release({"version": WrittenNumber("1.50"), "projects": []}).version == "1.50"
    with pytest.raises(UnwrittenNumber):
        parse_new_release({"version": 1.5, "projects": []})


def test_change_knows_what_was_given() -> None:
    """Source: docs/sentry-contract.md#3-2-put."""
    change = parse_release_change({"url": None, "commits": [], "refs": []})
    assert (dict(change.values), change.commits, change.refs) == ({"url": None}, None, ())
    assert parse_release_change({}).refs is None


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({}, ErrorCode.REQUIRED),
        ({"environment": " "}, ErrorCode.BLANK),
        ({"environment": "a/b"}, ErrorCode.INVALID_ENVIRONMENT),
        ({"environment": "x" * 65}, ErrorCode.TOO_LONG),
        ({"environment": "e", "projects": []}, ErrorCode.EMPTY_LIST),
        ({"environment": "e", "projects": [None]}, ErrorCode.UNKNOWN_PROJECT),
        ({"environment": "e", "url": "x"}, ErrorCode.INVALID_URL),
        ({"environment": "e", "dateFinished": 1}, None),
    ],
)
def test_deploy_is_checked(raw: Any, code: ErrorCode | None) -> None:
    """Source: docs/sentry-contract.md#6-1-deploys."""
    if code is None:
        assert parse_new_deploy(raw).environment == "e"
        return
    with pytest.raises(InvalidInput) as caught:
        parse_new_deploy(raw)
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize("slug", ["", "Acme", "12", "-a", "a b", "a/b", "x" * 51, "a\n", "é"])
def test_slug_is_refused(slug: str) -> None:
    with pytest.raises(InvalidInput):
        parse_new_organization({"slug": slug})


def test_token_needs_known_scopes() -> None:
    assert parse_new_token({"scopes": ["org:ci"]}).scopes == {Scope.ORG_CI}
    for scopes in ([], ["nope"], None, "org:ci"):
        with pytest.raises(InvalidInput):
            parse_new_token({"scopes": scopes})


def test_token_has_our_prefix_and_a_checksum() -> None:
    token = generate_token()
    assert PATTERN.fullmatch(token)
    assert not token.startswith("sntrys_")
    assert looks_like_token(token)
    assert not looks_like_token(token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert len(digest_token(token)) == 32
    assert token_hint(token) in token
    assert generate_token() != token


@given(st.text())
def test_any_text_is_an_id_or_none(text: str) -> None:
    result = from_global_id(text)
    assert result is None or result[1] >= 0


def test_ids_and_cursors_round_trip() -> None:
    assert from_global_id(to_global_id("Release", 7)) == ("Release", 7)
    for field, kind in KEY_TYPES.items():
        key: Any = {"date": "2026-01-01T00:00:00.000000Z", "text": "a b", "number": 5}[kind]
        assert decode_cursor(encode_cursor(Position(field, key, 3)), field) == Position(field, key, 3)


def test_every_sort_has_a_kind_of_key() -> None:
    sorts = {order for entity in CATALOGUE.entities.values() for many in entity.manys.values() for order in many.orders}
    assert sorts == set(KEY_TYPES)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(
    json_values
    | st.fixed_dictionaries({}, optional=dict.fromkeys(("version", "projects", "commits", "refs", "status"), json_values))
)
def test_any_body_is_a_release_or_a_list_of_problems(raw: Any) -> None:
    problems: object = None
    try:
        parsed = parse_new_release(raw)
    except InvalidInput as error:
        parsed, problems = None, error.problems
    assert parsed or problems
