"""ReleaseFilter in plain Python over ORM rows: the oracle's definition of each condition."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gql_releases.domain.release import RELEASE_FIELDS

COLUMNS = {field.graphql_name: field.column for field in RELEASE_FIELDS if field.is_filter}
"""Filter by the exact value of a column -> that column."""
Related = Callable[[Any, str], set[Any]]
"""(release, kind: project, environment, author, commit or path) -> the release's values of that kind."""


def matches(row: Any, conditions: dict[str, Any], related: Related) -> bool:
    return all(_condition_holds(row, name, value, related) for name, value in conditions.items() if value is not None)


def _condition_holds(row: Any, name: str, value: Any, related: Related) -> bool:
    match name:
        case "and":
            return all(matches(row, part, related) for part in value)
        case "or":
            return any(matches(row, part, related) for part in value)
        case "not":
            return not matches(row, value, related)
        case _ if name in COLUMNS:
            return bool(getattr(row, COLUMNS[name]) == value)
        case "released":
            return (row.date_released is not None) == value
        case "dateCreated":
            return _is_within(row.date_created, value)
        case "dateReleased":
            return _is_within(row.date_released, value)
        case "version":
            return all(_version_matches(row, field, expected) for field, expected in value.items() if expected is not None)
        case "author":
            return value.lower() in related(row, name)
        case "commit" if re.fullmatch("[0-9a-f]{7,39}", value):
            return any(sha.startswith(value) for sha in related(row, name))
        case _:
            return value in related(row, name)


def _is_within(moment: datetime | None, limits: dict[str, str]) -> bool:
    bounds = {side: datetime.fromisoformat(text).astimezone(UTC) for side, text in limits.items() if text is not None}
    if not bounds:
        return True
    if moment is None:
        return False
    moment = moment.astimezone(UTC)
    return not ("from" in bounds and moment < bounds["from"]) and not ("before" in bounds and moment >= bounds["before"])


def _version_matches(row: Any, name: str, expected: Any) -> bool:
    version: str = row.version
    match name:
        case "equals":
            return bool(version == expected)
        case "in":
            return version in expected
        case "startsWith":
            return version.startswith(expected)
        case "contains":
            return expected.casefold() in version.casefold()
        case _:
            return _semver_matches(row, expected)


def _semver_matches(row: Any, expected: dict[str, Any]) -> bool:
    if expected.get("package") is not None and row.package != expected["package"]:
        return False
    if row.components is None or not row.semver_key:
        return False
    key = _version_key(row.raw)
    for sign, version in re.findall(r"([<>]=?|\^|~)?(\S+)", expected["range"]):
        bound = _version_key(version)
        low, high = {
            "": (bound, None), ">": (None, None), ">=": (bound, None), "<": (None, bound), "<=": (None, None),
            "~": (bound, _version_key(_next_version(version, 1))), "^": (bound, _version_key(_next_version(version, 0))),
        }[sign]  # fmt: skip
        if sign == "" and key != bound:
            return False
        if (sign == ">" and not key > bound) or (sign == "<=" and not key <= bound):
            return False
        if (low is not None and key < low) or (high is not None and key >= high):
            return False
    return True


def _next_version(version: str, index: int) -> str:
    numbers = [int(number) for number in version.partition("-")[0].split(".")]
    index = min(index, len(numbers) - 1)
    return ".".join(map(str, [*numbers[:index], numbers[index] + 1]))


def _version_key(raw: str) -> Any:
    numbers, _, pre = raw.partition("+")[0].partition("-")
    parts = [int(number) for number in numbers.split(".")]
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in pre.split(".")] if pre else []
    return parts + [0] * (4 - len(parts)), not words, words
