"""Ranges of versions, as `>=1.2 <2`: all comparators must hold."""

from __future__ import annotations

import re

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.versions.version import AFTER_BUILDS, order_prefix, parse_version

_COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~)?\s*([0-9][0-9A-Za-z.-]*)(?:\s+|$)")
_NUMBERS = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18}){0,2}")
_SIGNS = {">=": "semver_from", ">": "semver_above", "<=": "semver_until", "<": "semver_below", "=": ""}
_LOWEST = "semver_above", ""
"""Matches every version that has an order."""


def range_conditions(text: str) -> Conditions:
    """Return the conditions of a range on the order key of versions. Raises DomainError(INVALID_ARGUMENT).

    Comparators are `>=`, `>`, `<=`, `<`, `=` (or none), `^1.2` (below 2; below 0.3 for ^0.2) and `~1.2` (below 1.3), as
    in npm. The order is that of semver.org: 2.0.0-rc.1 is below 2.0.0, so it is in `<2`. Builds are ignored.
    """
    conditions: list[tuple[str, str]] = [_LOWEST]
    rest = text.strip()
    while rest:
        match = _COMPARATOR.match(rest)
        if match is None:
            raise _range_error(text)
        conditions += _parse_comparator(match[1] or "=", match[2], text)
        rest = rest[match.end() :]
    if len(conditions) == 1:
        raise _range_error(text)
    return tuple(conditions)


def _parse_comparator(sign: str, version: str, text: str) -> list[tuple[str, str]]:
    key = _key(version, text)
    if sign in _SIGNS:
        return list(compare_versions(sign, key))
    numbers = [int(number) for number in re.match(r"[0-9.]+", version)[0].strip(".").split(".")]  # type: ignore[index]
    if sign == "~":
        kept = numbers[:2]
    else:  # the first number that is not zero may not change
        kept = numbers[: next((index for index, number in enumerate(numbers) if number), len(numbers) - 1) + 1]
    kept[-1] += 1
    return [*compare_versions(">=", key), *compare_versions("<", _key(".".join(map(str, kept)), text))]


def compare_versions(sign: str, key: str) -> Conditions:
    """Return the conditions that a version with any build compares by `sign` with the key of a version without a build."""
    if sign == "=":
        return ("semver_from", key), ("semver_below", key + AFTER_BUILDS)
    return ((_SIGNS[sign], key + AFTER_BUILDS if sign in (">", "<=") else key),)


def version_key(version: str) -> str | None:
    """Return the order key of a version; None if it is not a version."""
    info = parse_version(f"any@{version}")
    return info.semver_key or None if info else None


def semver_prefix(numbers: str) -> tuple[str, str] | None:
    """Return the first key of all versions that begin with some numbers, as `1.2`, and the first key after them.

    None if the text is not numbers.

    Pre-releases of 1.2.0 are among those of `1.2`, those of 1.3.0 are not.
    """
    if not _NUMBERS.fullmatch(numbers):
        return None
    *kept, last = map(int, numbers.split("."))
    return order_prefix([*kept, last]), order_prefix([*kept, last + 1])


def _key(version: str, text: str) -> str:
    key = version_key(version)
    if key is None:
        raise _range_error(text)
    return key


def _range_error(text: str) -> DomainError:
    return DomainError(ErrorCode.INVALID_ARGUMENT, f'"{text[:100]}" is not a range of versions such as ">=1.2 <2".')
