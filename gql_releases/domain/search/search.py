"""What a query in Sentry's search language asks of releases, as the store's conditions.

Source: docs/sentry-contract.md#5-lists. Free text is a substring of the version, in capitals or not,
and holds beside the filters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, size_of
from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode, shorten
from gql_releases.domain.search.search_terms import Filter, Text, Word, parse_query, refuse
from gql_releases.domain.versions.ranges import compare_versions, semver_prefix, version_key
from gql_releases.domain.versions.version import fold_case

_BUILD_SIGNS = {">": "build_above", ">=": "build_from", "<": "build_below", "<=": "build_until"}
_AGE = re.compile(r"(?P<sign>[+-])(?P<number>[0-9]{1,5})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MICROSECOND = timedelta(microseconds=1)
MAX_NUMBER = 2**63 - 1
HAS_ORDER: Condition = ("semver_above", "")
"""Holds for versions that were parsed."""


def search_conditions(query: str, projects: Sequence[int] = ()) -> Conditions:
    """Turn a query into conditions; `projects` are those whose latest releases `release:latest` means, none for all.

    Raises DomainError(INVALID_ARGUMENT), whose message says at which character.
    """
    found = [_text(term) if isinstance(term, Text) else _filter(term, projects) for term in parse_query(query)]
    if size_of(tuple(found)) > MAX_CONDITIONS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"Invalid query: it has more than {MAX_CONDITIONS} conditions.")
    return tuple(found)


def text_condition(text: str) -> Condition:
    """Give the condition that versions contain a text; `X (Y)` also stands for `X+Y`, as descriptions have it."""
    text = fold_case(text)
    texts = [text]
    if text.endswith(")") and " (" in text:
        version, _, build = text[:-1].rpartition(" (")
        texts.append(f"{version}+{build}")
    return "version_contains", texts


def period(text: str) -> timedelta:
    """Read a period such as `14d`: a number of seconds, minutes, hours, days or weeks. Raises ValueError."""
    match = _AGE.fullmatch("-" + text)
    if not match:
        raise ValueError(text)
    return timedelta(**{_UNITS[match["unit"]]: int(match["number"])})


def _text(term: Text) -> Condition:
    return text_condition(term.text)


def _filter(term: Filter, projects: Sequence[int]) -> Condition:
    make = FILTERS.get(term.key)
    if make is None:
        known = ", ".join(FILTERS)
        refuse(f'there is no filter "{shorten(term.key)}", but {known}; put it into quotation marks if it is text', term.at)
    if term.sign and term.key not in _COMPARED:
        refuse(f"{shorten(term.key)} cannot be compared, only {' and '.join(_COMPARED)} can", term.at)
    one_of = tuple([_together(make(word, term.sign, projects)) for word in term.values])
    found = one_of[0] if len(one_of) == 1 else ("or", one_of)
    return ("not", (found,)) if term.negated else found


def _together(conditions: Conditions) -> Condition:
    return conditions[0] if len(conditions) == 1 else ("and", conditions)


def _pattern(column: str, word: Word) -> Conditions:
    """Give the conditions that a column is as a word says: stars may stand at either end."""
    first, *between, last = word.parts if len(word.parts) > 1 else (word.text, word.text)
    if len(word.parts) == 1:
        return ((column, word.text),)
    if any(between[1:]) or (between and (first or last)):
        refuse("a * may stand at the ends of a value only", word.at)
    if between:
        return ((f"{column}_has", between[0]),)
    if first and last:
        refuse("a * may stand at the ends of a value only", word.at)
    return ((f"{column}_starts_with", first),) if first or not last else ((f"{column}_ends_with", last),)


def _release(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    if word.text == "latest":  # a release cannot be named so
        return (("latest_of", list(projects)),) if projects else (("latest", True),)
    return _pattern("version", word)


def _package(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    return _pattern("package", word)


def _build(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    if word.text.isascii() and word.text.isdigit():
        number = int(word.text) if len(word.text) < 20 else MAX_NUMBER + 1
        if number <= MAX_NUMBER:
            return ((_BUILD_SIGNS.get(sign, "build_equals"), number),)
        if not sign:  # no number of 64 bits: kept as text
            return (("build_code", word.text),)
    if sign:
        refuse(f"builds are compared with a number of at most {MAX_NUMBER}", word.at)
    return _pattern("build_code", word)


def _version(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    """`1.2.3`, `1.2.*` or `1.2.X`, each with a package before it or not; compared by semver.org's order."""
    package, at, version = word.text.rpartition("@")
    found: list[Condition] = [("package", package)] if at else []
    # The parts between stars are whole here, as a star in quotation marks means nothing else in a version.
    numbers = version.removesuffix("X").removesuffix("*") if version.endswith((".*", ".X")) else version
    if version in ("*", "X"):
        return (*found, HAS_ORDER)
    if numbers != version:
        prefix = semver_prefix(numbers.removesuffix("."))
        if prefix is None or sign:
            refuse(f'"{shorten(version)}" is no version such as 1.2.3 or 1.2.*, or a * is compared', word.at)
        return (*found, ("semver_from", prefix[0]), ("semver_below", prefix[1]))
    bare, plus, build = version.partition("+")
    key = version_key(bare)
    if key is None:
        refuse(f'"{shorten(version)}" is no version such as 1.2.3 or 1.2.*', word.at)
    if sign:
        if plus:
            refuse("a version with a + is not compared, for what stands after it has no order", word.at)
        return (*found, *compare_versions(sign, key), HAS_ORDER)
    return (*found, *compare_versions("=", key), *([("build_code", build)] if plus else []))


def _finalized(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    if word.text.lower() not in ("true", "false"):
        refuse("finalized is true or false", word.at)
    return ((("released" if word.text.lower() == "true" else "unreleased"), True),)


def _created(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    """`>=2026-01-31`, `<2026-01-31T12:00:00`, `-14d` (within the last two weeks), `+14d` (before that)."""
    age = _AGE.fullmatch(word.text)
    if age and not sign:
        return ((("created_from" if age["sign"] == "-" else "created_before"), now() - period(word.text[1:])),)
    try:
        moment = parse_date(word.text)
        after = moment + (timedelta(days=1) if not sign and len(word.text) == 10 else _MICROSECOND)
    except (DomainError, OverflowError):
        refuse("a date such as 2026-01-31 or 2026-01-31T12:00:00Z must stand here, or an age such as -14d", word.at)
    if not sign:
        return ("created_from", moment), ("created_before", after)
    name = "created_from" if sign.startswith(">") else "created_before"
    return ((name, moment if sign in (">=", "<") else after),)


def _stage(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    refuse("stages of adoption are not known, for this store has no sessions", word.at)


Make = Callable[[Word, str, Sequence[int]], Conditions]
FILTERS: dict[str, Make] = {
    "release": _release,
    "release.version": _version,
    "release.package": _package,
    "release.build": _build,
    "release.stage": _stage,
    "release.created": _created,
    "finalized": _finalized,
}
"""Every filter of the language."""
_COMPARED = ("release.version", "release.build", "release.created")
