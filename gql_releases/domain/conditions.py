"""Conditions of a read: (filter's name, value) pairs, and groups of them under `and`, `or` and `not`.

Filters have the names of storage/entities. A list is bound as one value, a tuple as one value for each item. The value of a
group is a tuple of conditions; all conditions of a tuple must hold, except those of an `or`.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Any

Condition = tuple[str, Any]
Conditions = tuple[Condition, ...]
Names = tuple[Any, ...]
"""Conditions without their values: names, and (group, Names) pairs."""

GROUPS = frozenset({"and", "or", "not"})
MAX_CONDITIONS = 100
"""Filters and groups in the conditions of a list at most: they bound the size of a statement."""

SCANNING_CONDITIONS = frozenset(
    {
        "author",
        "between",
        "build_code_ends_with",
        "build_code_has",
        "commit",
        "commit_prefix",
        "deployed",
        "environment",
        "last",
        "last_of",
        "latest",
        "latest_of",
        "of_project",
        "package_ends_with",
        "package_has",
        "path",
        "query",
        "seen_in",
        "seen_in_environment",
        "version_contains",
        "version_ends_with",
        "version_has",
    }
)
"""Conditions of lists that search inside of texts, or read rows of other tables for each row of the list.

A list with one of them may read every row of the organization before its page is full. Arguments of computed references
(`releaseContaining(commit:)`, `latestRelease(environment:)`) have the same names and use an index: they do not count.
"""

SIMPLE_CONDITIONS = frozenset(
    {
        "artifact",
        "build_above",
        "build_below",
        "build_code",
        "build_code_starts_with",
        "build_equals",
        "build_from",
        "build_until",
        "bundle_id",
        "checksums",
        "code_id",
        "created_before",
        "created_from",
        "debug_id",
        "dist",
        "event_id",
        "first_release",
        "first_seen_before",
        "first_seen_from",
        "formats",
        "handled",
        "has_project",
        "id",
        "ids",
        "introduced_in",
        "introduction",
        "is_active",
        "is_source",
        "last_environment",
        "level",
        "name",
        "named",
        "names",
        "new_path",
        "nothing",
        "of_project_id",
        "on_projects",
        "package",
        "package_starts_with",
        "project",
        "project_ids",
        "public_key",
        "release",
        "released",
        "released_before",
        "released_from",
        "repository",
        "semver_above",
        "semver_below",
        "semver_from",
        "semver_until",
        "short_id",
        "slug",
        "unreleased",
        "version",
        "version_in",
        "version_starts_with",
    }
)
"""Conditions that compare a column of the row, or look one row up by its key; the two sets name each filter of the store."""


_LOWER_CASE = str.maketrans(ascii_uppercase, ascii_lowercase)


def build_search_condition(text: str) -> Condition:
    """Return the condition that a text of the row contains this one, in upper or lower case (ASCII letters)."""
    return "query", text.translate(_LOWER_CASE)


def condition_names(conditions: Conditions) -> Names:
    """Return the names of conditions, which determine their statement."""
    return tuple([name if name not in GROUPS else (name, condition_names(value)) for name, value in conditions])


def count_conditions(conditions: Conditions) -> int:
    """Return the number of filters and groups."""
    return sum(1 + (count_conditions(value) if name in GROUPS else 0) for name, value in conditions)


def list_leaves(conditions: Conditions) -> list[Condition]:
    """Return the filters outside and inside of groups, in their order."""
    leaves = []
    for condition in conditions:
        if condition[0] in GROUPS:
            leaves += list_leaves(condition[1])
        else:
            leaves.append(condition)
    return leaves


def is_scanning(names: Names) -> bool:
    """Return whether one of a list's conditions, at any depth of groups, is in SCANNING_CONDITIONS."""
    return any(name in SCANNING_CONDITIONS if isinstance(name, str) else is_scanning(name[1]) for name in names)
