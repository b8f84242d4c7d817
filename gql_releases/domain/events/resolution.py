"""Whether an event comes after the fix of its issue, and which issues the message of a commit resolves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from gql_releases.domain.events.issue import ComparedBy, ResolutionKind

MAX_SHORT_IDS = 1_000
"""Issues that the messages of a release resolve."""
_BUILD = "!"
"""Begins the build in a version's order key (domain/versions/version.py)."""

# A short id is the slug of a project in upper case, a hyphen and a number. Both repetitions end at a separator.
_SHORT_ID = r"#?([a-z0-9_][a-z0-9_-]{0,49}-[1-9][0-9]{0,17})(?![a-z0-9_-])"
_KEYWORD = re.compile(
    rf"(?<![a-z0-9_-])(?:fix(?:es|ed)?|close[sd]?|resolve[sd]?)(?:\s*:\s*|\s+)(?={_SHORT_ID})", re.IGNORECASE
)
_NEXT_SHORT_ID = re.compile(_SHORT_ID, re.IGNORECASE)
_NUMBER = re.compile("-[1-9]")
_SEPARATOR = re.compile(r"(?:\s*,\s*(?:and\s+)?|\s+and\s+)", re.IGNORECASE)


class ShippedRelease(NamedTuple):
    """What a release is compared by: its place in the order of shipping and the order key of its version.

    `shipping_date` is text, whose byte order is chronological.
    """

    id: int
    package: str | None
    semver_key: str
    shipping_date: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an issue is resolved in. A resolving release keeps its keys when it is deleted: `release_id` is None then.

    `shipping_date` is None while the release is neither released nor deployed: no date is after it. `is_pending`: the
    release does not exist yet.
    """

    kind: ResolutionKind
    release_id: int | None = None
    package: str | None = None
    semver_key: str | None = None
    shipping_date: str | None = None
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Regression:
    """An event of a resolved issue after its fix; `compared_by` is None where no release was compared."""

    compared_by: ComparedBy | None = None


def find_regression(resolution: Resolution, release: ShippedRelease | None) -> Regression | None:
    """Return the regression that an event of a release is; None if the event does not come after the fix.

    Two semantic versions of one package are compared as such, without their builds: a hotfix of an old version is older
    than the fix, whenever it ships. Other releases are compared in the order of shipping.
    """
    if resolution.kind is ResolutionKind.NOW:
        return Regression()
    if release is None or resolution.is_pending:
        return None
    if resolution.semver_key and release.semver_key and resolution.package == release.package:
        is_after = drop_build(release.semver_key) >= drop_build(resolution.semver_key)
        return Regression(ComparedBy.SEMVER) if is_after else None
    if release.id == resolution.release_id:
        return Regression(ComparedBy.DATE)
    if resolution.shipping_date is None:
        return None
    own, other = (release.shipping_date, release.id), (resolution.shipping_date, resolution.release_id or 0)
    return Regression(ComparedBy.DATE) if own > other else None


def drop_build(semver_key: str) -> str:
    """Return the order key of a version without its build."""
    return semver_key.partition(_BUILD)[0]


def has_short_id(message: str) -> bool:
    """Return whether a message may name an issue, which is cheaper than to read it."""
    return _NUMBER.search(message) is not None


def list_resolved(message: str) -> list[str]:
    """Return the short ids of the issues that messages of commits resolve, as in `Fixes WEB-12, WEB-13 and API-2`."""
    short_ids: dict[str, None] = {}
    for keyword in _KEYWORD.finditer(message):
        position = keyword.end()
        while len(short_ids) < MAX_SHORT_IDS and (match := _NEXT_SHORT_ID.match(message, position)):
            short_ids[match[1].upper()] = None
            separator = _SEPARATOR.match(message, match.end())
            if separator is None:
                break
            position = separator.end()
    return list(short_ids)
