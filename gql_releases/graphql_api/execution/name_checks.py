"""Checks of the names in a field's conditions, and conditions for abbreviated shas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gql_releases.domain.conditions import Condition, Conditions, list_leaves
from gql_releases.domain.names import LISTED, NameCheck

_ABBREVIATED = re.compile("[0-9a-f]{7,39}")


def build_commit_condition(sha: str) -> Condition:
    """Return the condition for a commit: its sha, or a prefix of 7 to 39 hex digits."""
    if not _ABBREVIATED.fullmatch(sha):
        return "commit", sha
    return "commit_prefix", (sha, sha[:-1] + chr(ord(sha[-1]) + 1))


def _list_named(conditions: Conditions) -> Iterator[Condition]:
    """Yield the conditions outside and inside of groups; one with a version and an environment as two."""
    for name, value in list_leaves(conditions):
        if name == "seen_in_environment":
            yield "seen_in", value[0]
            yield "environment", value[1]
        else:
            yield name, value


def list_name_checks(conditions: Conditions) -> tuple[NameCheck, ...]:
    """Return the checks of the names in conditions. Authors, paths and complete shas need not exist and are not checked."""
    listed: dict[str, list[str]] = {}
    checks: list[NameCheck] = []
    for name, value in _list_named(conditions):
        if name in LISTED:
            names = listed.setdefault(name, [])
            if value not in names:
                names.append(value)
        elif name == "between":
            checks.append(NameCheck("comparison", value))
        elif name == "commit_prefix":
            checks.append(NameCheck("commit", value))
    if "repository" in listed:  # the commit must be in this repository
        checks = [NameCheck("commit_in", (*check.value, listed["repository"][0])) for check in checks]
    return *[NameCheck(kind, names) for kind, names in listed.items()], *dict.fromkeys(checks)
