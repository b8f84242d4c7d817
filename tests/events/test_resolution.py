"""Resolutions: which events come after a fix, and which issues a commit's message resolves."""

from __future__ import annotations

import time

import pytest

from gql_releases.domain.events.issue import ComparedBy, ResolutionKind
from gql_releases.domain.events.resolution import Resolution, ShippedRelease, find_regression, list_resolved
from gql_releases.domain.versions.version import parse_version

DAYS = [f"2026-11-{day:02}T00:00:00.000000Z" for day in range(1, 31)]


def release(version: str, day: int, row_id: int = 0) -> ShippedRelease:
    """Return a release that shipped on a day."""
    info = parse_version(version)
    assert info
    return ShippedRelease(row_id or day, info.package, info.semver_key, DAYS[day])


def resolve_in(shipped: ShippedRelease, *, is_released: bool = True) -> Resolution:
    """Return a resolution in a release."""
    date = shipped.shipping_date if is_released else None
    return Resolution(ResolutionKind.RELEASE, shipped.id, shipped.package, shipped.semver_key, date)


def compare(fix: ShippedRelease, event: ShippedRelease | None) -> ComparedBy | None:
    """Return how an event was compared with a fix that it comes after."""
    regression = find_regression(resolve_in(fix), event)
    return regression.compared_by if regression else None


def test_versions_of_a_package_are_compared_as_such() -> None:
    fix = release("web@10.24.0", 10)
    assert compare(fix, release("web@10.24.0", 10)) is ComparedBy.SEMVER
    assert compare(fix, release("web@10.24.1", 5)) is ComparedBy.SEMVER
    assert compare(fix, release("web@10.24.0+7", 5)) is ComparedBy.SEMVER  # builds are ignored
    assert compare(release("web@10.24.0+9", 10), release("web@10.24.0+7", 5)) is ComparedBy.SEMVER
    assert compare(fix, release("web@10.18.7", 20)) is None  # a hotfix that shipped later is older
    assert compare(fix, release("web@10.24.0-rc.1", 20)) is None


def test_other_releases_are_compared_by_date() -> None:
    fix = release("web@10.24.0", 10)
    assert compare(fix, release("api@1.0.0", 11)) is ComparedBy.DATE
    assert compare(fix, release("api@11.0.0", 9)) is None
    assert compare(fix, release("0123456789abcdef0123456789abcdef01234567", 11)) is ComparedBy.DATE
    assert compare(fix, release("nightly", 9)) is None
    first, second = release("nightly", 10, 7), release("hourly", 10, 8)
    assert compare(first, second) is ComparedBy.DATE
    assert compare(second, first) is None
    assert compare(first, first) is ComparedBy.DATE


def test_a_release_that_has_not_shipped_is_pending() -> None:
    fix = release("nightly-2", 10)
    pending = resolve_in(fix, is_released=False)
    assert find_regression(pending, release("nightly-1", 20)) is None
    assert find_regression(pending, fix) is not None


def test_a_deleted_release_keeps_its_keys() -> None:
    fix = Resolution(ResolutionKind.RELEASE, None, "web", release("web@2.0", 1).semver_key, DAYS[10])
    assert find_regression(fix, release("web@2.1", 5))
    assert not find_regression(fix, release("web@1.9", 20))
    assert find_regression(fix, release("nightly", 11))
    assert not find_regression(fix, release("nightly", 9))


def test_an_event_without_a_release_reopens_what_is_resolved_now_only() -> None:
    assert find_regression(Resolution(ResolutionKind.NOW), None) is not None
    assert find_regression(Resolution(ResolutionKind.NOW), release("web@1.0", 1)) is not None
    assert find_regression(resolve_in(release("web@1.0", 1)), None) is None


def test_nothing_comes_after_the_next_release_while_there_is_none() -> None:
    waiting = Resolution(ResolutionKind.NEXT_RELEASE, shipping_date=DAYS[1], is_pending=True)
    assert find_regression(waiting, release("web@2.0", 20)) is None


@pytest.mark.parametrize(
    ("message", "short_ids"),
    [
        ("Fixes WEB-12", ["WEB-12"]),
        ("fix: WEB-12", ["WEB-12"]),
        ("closes web-12, my-app-3 and API-4.\n\nmore", ["WEB-12", "MY-APP-3", "API-4"]),
        ("Resolved WEB-1, and WEB-2", ["WEB-1", "WEB-2"]),
        ("RESOLVES:WEB-1\nClose WEB-2", ["WEB-1", "WEB-2"]),
        ("fixed WEB-1 WEB-2", ["WEB-1"]),
        ("close #WEB-1", ["WEB-1"]),
        ("prefixes WEB-1", []),
        ("fixing WEB-1", []),
        ("see WEB-1", []),
        ("fixes 12", []),
        ("fixes WEB-0", []),
        ("fixes WEB-12b", []),
        ("fixes WEB-12-3", ["WEB-12-3"]),
        ("", []),
    ],
)
def test_the_issues_that_a_message_resolves(message: str, short_ids: list[str]) -> None:
    assert list_resolved(message) == short_ids


def test_a_hostile_message_is_read_in_linear_time() -> None:
    begun = time.perf_counter()
    for part in ("fixes ", "fixes a-", "fixes A-1, ", "fixes : ", "a-1 and ", "fixes " + " " * 1000, "fixes " + "-" * 60):
        list_resolved(part * (200_000 // len(part)))
    assert time.perf_counter() - begun < 2
