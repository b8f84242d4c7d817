"""ReleaseFilter by plain Python over ORM rows: what the oracle believes a filter means."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Related = Callable[[Any, str], set[Any]]
"""(release, what of: project, environment, author, commit, path) -> the values that it has."""


def fits(row: Any, given: dict[str, Any], related: Related) -> bool:
    return all(_holds(row, name, value, related) for name, value in given.items() if value is not None)


def _holds(row: Any, name: str, value: Any, related: Related) -> bool:
    match name:
        case "and":
            return all(fits(row, one, related) for one in value)
        case "or":
            return any(fits(row, one, related) for one in value)
        case "not":
            return not fits(row, value, related)
        case "status":
            return bool(row.status == value)
        case "released":
            return (row.date_released is not None) == value
        case "dateCreated":
            return _within(row.date_created, value)
        case "dateReleased":
            return _within(row.date_released, value)
        case "version":
            return all(_version(row, one, wanted) for one, wanted in value.items() if wanted is not None)
        case "author":
            return value.lower() in related(row, name)
        case "commit" if re.fullmatch("[0-9a-f]{7,39}", value):
            return any(sha.startswith(value) for sha in related(row, name))
        case _:
            return value in related(row, name)


def _within(moment: datetime | None, given: dict[str, str]) -> bool:
    bounds = {side: datetime.fromisoformat(text).astimezone(UTC) for side, text in given.items() if text is not None}
    if not bounds:
        return True
    if moment is None:
        return False
    moment = moment.astimezone(UTC)
    return not ("from" in bounds and moment < bounds["from"]) and not ("before" in bounds and moment >= bounds["before"])


def _version(row: Any, name: str, wanted: Any) -> bool:
    version: str = row.version
    match name:
        case "equals":
            return bool(version == wanted)
        case "in":
            return version in wanted
        case "startsWith":
            return version.startswith(wanted)
        case "contains":
            return wanted.casefold() in version.casefold()
        case _:
            return _semver(row, wanted)


def _semver(row: Any, wanted: dict[str, Any]) -> bool:
    if wanted.get("package") is not None and row.package != wanted["package"]:
        return False
    if row.components is None or not row.semver_key:
        return False
    here = _key(row.raw)
    for sign, version in re.findall(r"([<>]=?|\^|~)?(\S+)", wanted["range"]):
        there = _key(version)
        low, high = {
            "": (there, None), ">": (None, None), ">=": (there, None), "<": (None, there), "<=": (None, None),
            "~": (there, _key(_next(version, 1))), "^": (there, _key(_next(version, 0))),
        }[sign]  # fmt: skip
        if sign == "" and here != there:
            return False
        if (sign == ">" and not here > there) or (sign == "<=" and not here <= there):
            return False
        if (low is not None and here < low) or (high is not None and here >= high):
            return False
    return True


def _next(version: str, place: int) -> str:
    numbers = [int(one) for one in version.partition("-")[0].split(".")]
    place = min(place, len(numbers) - 1)
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))


def _key(raw: str) -> Any:
    numbers, _, pre = raw.partition("+")[0].partition("-")
    parts = [int(one) for one in numbers.split(".")]
    words = [(0, int(one), "") if one.isdigit() else (1, 0, one) for one in pre.split(".")] if pre else []
    return parts + [0] * (4 - len(parts)), not words, words
