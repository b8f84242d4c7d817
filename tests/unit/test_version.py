"""The version grammar: docs/sentry-contract.md#2-3-versions and docs/sentry-contract.md#4-2-version-info."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql_releases.domain.versions.version import check_version, parse_version

HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "package", "raw", "numbers", "pre", "build", "components", "build_hash", "description"),
    [
        ("foo@1.2.3-rc1+42", "foo", "1.2.3-rc1+42", (1, 2, 3), "rc1", "42", 3, None, "1.2.3-rc1 (42)"),
        ("foo.bar.BazApp@1.0a+20200101100", "foo.bar.BazApp", "1.0a+20200101100", (1, 0, 0), "a", "20200101100", 2, None, "1.0a (20200101100)"),
        ("foo@1.0.0+abcdef123456", "foo", "1.0.0+abcdef123456", (1, 0, 0), None, "abcdef123456", 3, "abcdef123456", "1.0.0 (abcdef123456)"),
        (f"foo@1.0.0+{HASH}", "foo", f"1.0.0+{HASH}", (1, 0, 0), None, HASH, 3, HASH, "1.0.0 (0123456789ab)"),
        (HASH, None, HASH, None, None, None, None, HASH, "0123456789ab"),
        (f"frontend@{HASH}", "frontend", HASH, None, None, None, None, HASH, "0123456789ab"),
        ("f@" + "1" * 20, "f", "1" * 20, None, None, None, None, "1" * 20, "1" * 12),
        ("1.2.3", None, "1.2.3", None, None, None, None, None, "1.2.3"),
        ("v1.2.3", None, "v1.2.3", None, None, None, None, None, "v1.2.3"),
        ("1.2.1 (123)", None, "1.2.1 (123)", None, None, None, None, None, "1.2.1 (123)"),
        ("hackweek@6f85d2f", "hackweek", "6f85d2f", None, None, None, None, None, "hackweek@6f85d2f"),
        ("foo@", None, "foo@", None, None, None, None, None, "foo@"),
        ("@1.0", None, "@1.0", None, None, None, None, None, "@1.0"),
        ("@foo@1.0", "@foo", "1.0", (1, 0, 0), None, None, 2, None, "1.0"),
        ("a@b@1.0.0", "a", "b@1.0.0", None, None, None, None, None, "a@b@1.0.0"),
        (" foo@1.0 ", "foo", "1.0", (1, 0, 0), None, None, 2, None, "1.0"),
        ("f@01.02", "f", "01.02", (1, 2, 0), None, None, 2, None, "01.02"),
        ("f@1.2.3.4", "f", "1.2.3.4", (1, 2, 3), None, None, 4, None, "1.2.3.4"),
        ("f@1.0rc1", "f", "1.0rc1", (1, 0, 0), "rc1", None, 2, None, "1.0rc1"),
        ("f@1-rc1", "f", "1-rc1", (1, 0, 0), "rc1", None, 1, None, "1-rc1"),
        ("f@1.0-", "f", "1.0-", (1, 0, 0), None, None, 2, None, "1.0-"),
        ("f@1.0-+5", "f", "1.0-+5", (1, 0, 0), None, "5", 2, None, "1.0- (5)"),
        ("f@1.0-a.b-1.0+c.d-2", "f", "1.0-a.b-1.0+c.d-2", (1, 0, 0), "a.b-1.0", "c.d-2", 2, None, "1.0-a.b-1.0 (c.d-2)"),
        ("f@1.0a.0b", "f", "1.0a.0b", (1, 0, 0), "a.0b", None, 2, None, "1.0a.0b"),
        (f"f@{2**64 - 1}.{2**64}.1", "f", f"{2**64 - 1}.{2**64}.1", (2**64 - 1, 0, 1), None, None, 3, None, f"{2**64 - 1}.{2**64}.1"),
    ],
)  # fmt: skip
def test_version_says_what_the_grammar_says(
    text: str, package: Any, raw: str, numbers: Any, pre: Any, build: Any, components: Any, build_hash: Any, description: str
) -> None:
    info = parse_version(text)
    assert info
    result = None if info.major is None else (info.major, info.minor, info.patch)
    assert (info.package, info.raw, result, info.pre, info.build_code) == (package, raw, numbers, pre, build)
    assert (info.components, info.build_hash, info.description) == (components, build_hash, description)


@pytest.mark.parametrize("length", [11, 12, 13, 16, 20, 32, 40, 41, 64])
def test_hash_is_told_by_its_length(length: int) -> None:
    text = ("aBcDeF0123" * 7)[:length]
    bare, packed, built = (parse_version(f"{before}{text}") for before in ("", "f@", "f@1.0+"))
    assert bare
    assert packed
    assert built
    expected = text if length in (12, 16, 20, 32, 40, 64) else None
    assert [info.build_hash for info in (bare, packed, built)] == [expected] * 3
    assert built.description == f"1.0 ({text[:12] if expected else text})"


@pytest.mark.parametrize(
    "raw", ["1rc1", "1.0RC1", "1.0-alpha.01", "1-01.38", "1.2.3.4.5", "v1.2", "1.0 (2)", "1.0+", "1..0", "1.0-a..b"]
)
def test_version_outside_the_grammar_keeps_its_text(raw: str) -> None:
    info = parse_version(f"f@{raw}")
    assert info
    assert (info.major, info.semver_key, info.description) == (None, "", f"f@{raw}")


@pytest.mark.parametrize(
    "text", ["", " ", ".", "..", "latest", "LaTeSt", "a/b", "a\\b", "a\nb", "a\x1f", "a\x7f", "é" * 101, "x" * 201]
)
def test_version_that_the_parser_refuses_says_nothing(text: str) -> None:
    assert parse_version(text) is None


@pytest.mark.parametrize(
    "text", ["1.2.3\n", "\n1", "1\f", "1\t", "a/b", "@scope/pkg@1.0.0", "a\\b", "\r", ".", "..", " . ", "latest", " Latest "]
)
def test_forbidden_version_is_told(text: str) -> None:
    assert check_version(text) == f"Release with name {text} is not allowed"


@pytest.mark.parametrize(
    "text", ["1.2.1 (123)", " 1.2 ", "1.2.3+dev", "a@b:c#d?e%", "1–0", "\x0b1", "latest-1", "...", "v1"]
)
def test_surprising_version_is_allowed(text: str) -> None:
    assert check_version(text) is None


@pytest.mark.parametrize("text", ["é" * 100, "x" * 200, "...", "latest1", "f@latest", "a\x80b", "1–0", "\ud800"])
def test_version_at_the_edge_of_the_parser_is_described(text: str) -> None:
    info = parse_version(text)
    assert info
    assert info.description == text


@pytest.mark.parametrize(
    ("raw", "ordered", "number"),
    [
        ("1.0", True, -1),
        ("1.0+0", True, 0),
        ("1.0+007", True, 7),
        ("1.0+7a", True, -1),
        ("1.0+-7", True, -1),
        ("1.0+1.2", True, -1),
        (f"1.0+{2**63 - 1}", True, 2**63 - 1),
        (f"1.0+{2**63}", True, -1),
        (f"{2**63 - 1}.0+5", True, 5),
        (f"{2**63}.0+5", False, -1),
        (f"1.0.0.{2**63}+5", False, -1),
        (f"1.{2**64 - 1}+5", False, -1),
        (f"{2**64}.0+5", True, 5),
        ("v1.0+5", False, -1),
    ],
)
def test_sort_facts_stand_together(raw: str, ordered: bool, number: int) -> None:
    """Stored sort columns: all or none; a number beyond 64 bits is 0 and so fits.

    Source: docs/sentry-contract.md#4-2-version-info.
    """
    info = parse_version(f"f@{raw}")
    assert info
    assert (bool(info.semver_key), info.build_number) == (ordered, number)


def test_semver_key_of_a_number_beyond_64_bits_is_that_of_zero() -> None:
    assert semver_key(f"1.{2**64}.3") == semver_key("1.0.3")


def semver_key(raw: str) -> bytes:
    info = parse_version(f"f@{raw}")
    assert info
    assert info.semver_key
    return info.semver_key.encode()


def test_semver_key_orders_the_example_of_semver_org() -> None:
    """Clause 11 of semver.org 2.0, and around it what Sentry adds: a revision, pre-releases without a hyphen."""
    rising = [
        "0.9.10", "1.0.0-0", "1.0.0-2", "1.0.0-11", "1.0.0-11.0", "1.0.0-A", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-alpha-", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0rc1", "1.0.0", "1.0.0.1-a", "1.0.0.1", "1.0.0.2",
        "1.0.0.10", "1.0.1", "1.2", "1.10", "2", "10",
    ]  # fmt: skip
    assert sorted(rising, key=semver_key) == rising
    assert len({semver_key(raw) for raw in rising}) == len(rising)


@pytest.mark.parametrize(
    ("raw", "same"),
    [("1", "1.0.0.0"), ("1.0-", "1.0"), ("01.02", "1.2"), ("1.0a", "1.0-a")],
)
def test_semver_key_is_equal_where_precedence_is(raw: str, same: str) -> None:
    assert semver_key(raw) == semver_key(same)


def test_builds_of_one_version_are_ordered_after_it() -> None:
    """None, texts, numbers; all of them before the next version."""
    rising = [
        "1.0.0-a", "1.0.0-a+0", "1.0.0-a.0", "1.0.0-a.0+z", "1.0.0-a.b", "1.0.0", "1.0.0+-1", "1.0.0+abc", "1.0.0+b", "1.0.0+8",
        "1.0.0+9", "1.0.0+10", f"1.0.0+{'9' * 24}", f"1.0.0+1{'0' * 24}", f"1.0.0+1{'0' * 60}", "1.0.0.1-a", "1.0.0.1", "1.0.1-0",
    ]  # fmt: skip
    assert sorted(rising, key=semver_key) == rising
    assert semver_key("1.0.0+08") == semver_key("1.0.0+8")


def test_semver_key_orders_numbers_of_any_length() -> None:
    rising = [f"1-{digit}{'0' * zeros}" for zeros in range(190) for digit in (1, 9)]
    keys = {raw: semver_key(raw) for raw in rising}
    assert sorted(keys, key=keys.__getitem__) == rising


def test_semver_key_is_at_most_402_characters() -> None:
    """As many identifiers as fit: a column that holds keys must hold this first."""
    assert len(semver_key("10-" + ".".join(["1"] * 97) + ".1")) == 402


@given(st.text(st.characters(), max_size=250) | st.text("f@019.-+aZ \ud800", max_size=30))
def test_any_text_is_a_version_or_none(text: str) -> None:
    info = parse_version(text)
    if info:
        assert info.description
        assert info.raw
        assert (info.components is None) == (info.major is None)
        assert info.semver_key.isascii()
        assert -1 <= info.build_number < 2**63


@pytest.mark.parametrize(
    "text", ["f@1.0-" + "a" * 190, "f@" + "1." * 95, "f@1.0-" + "0" * 190 + ".", "f@1+" + "-." * 90, "@" * 200]
)
def test_nasty_version_is_read_in_one_go(text: str) -> None:
    """Two hundred characters that would make a backtracking expression run for ever."""
    assert parse_version(text)


identifiers = st.one_of(
    st.integers(0, 10**30).map(str), st.from_regex(r"[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,3}", fullmatch=True)
)
versions = st.tuples(
    st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 12), min_size=1, max_size=4), st.lists(identifiers, max_size=3)
)


def render_version(version: tuple[list[int], list[str]]) -> str:
    numbers, pre = version
    return "p@" + ".".join(map(str, numbers)) + ("-" + ".".join(pre) if pre else "")


def compare_versions(first: tuple[list[int], list[str]], second: tuple[list[int], list[str]]) -> int:
    """Compare as semver.org 2.0 clause 11 says, written down apart."""

    def by_value(a: Any, b: Any) -> int:
        return (a > b) - (a < b)

    padded = [numbers + [0] * (4 - len(numbers)) for numbers, _ in (first, second)]
    if padded[0] != padded[1]:
        return by_value(*padded)
    (_, pre), (_, their) = first, second
    if not pre or not their:
        return by_value(not pre, not their)
    for a, b in zip(pre, their, strict=False):
        if a != b:
            if a.isdigit() and b.isdigit():
                return by_value(int(a), int(b))
            return by_value(not a.isdigit(), not b.isdigit()) or by_value(a, b)
    return by_value(len(pre), len(their))


@given(st.lists(versions, min_size=2, max_size=8))
def test_semver_key_orders_bytes_as_versions(drawn: list[Any]) -> None:
    fitting = [
        item
        for item in drawn
        if len(render_version(item)) <= 200 and len(render_version(item)[2:]) not in (12, 16, 20, 32, 40, 64)
    ]
    infos = [(parse_version(render_version(item)), item) for item in fitting]
    keyed = [(info.semver_key.encode(), first) for info, first in infos if info and info.semver_key]
    assert len(keyed) == len(fitting)
    by_key = [key for key, _ in sorted(keyed, key=lambda first: first[0])]
    sort_key = cmp_to_key(compare_versions)
    by_version = [key for key, _ in sorted(keyed, key=lambda pair: sort_key(pair[1]))]
    assert by_key == by_version


@given(versions, st.integers(0, 2**70))
def test_well_formed_version_round_trips(version: Any, build: int) -> None:
    text = f"{render_version(version)}+{build}"
    info = parse_version(text)
    if len(text) > 200 or len(text[2:]) in (12, 16, 20, 32, 40, 64):
        return
    assert info
    assert [info.major, info.minor, info.patch][: len(version[0])] == version[0][:3]
    assert (info.pre or "") == ".".join(version[1])
    assert info.build_number == (build if build < 2**63 else -1)
