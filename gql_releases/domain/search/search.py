"""Converts a query in Sentry's search language to conditions of the store.

Source: docs/sentry-contract.md#5-lists. Free text is a substring of the version, without regard to case; it and
all filters must match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, count_conditions
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
    """Return the conditions of a query; `release:latest` matches the latest releases of `projects`, of all if it is empty.

    Raises DomainError(INVALID_ARGUMENT), whose message has the position of the error.
    """
    conditions = [
        _filter_by_text(term) if isinstance(term, Text) else _build_condition(term, projects) for term in parse_query(query)
    ]
    if count_conditions(tuple(conditions)) > MAX_CONDITIONS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"Invalid query: it has more than {MAX_CONDITIONS} conditions.")
    return tuple(conditions)


def text_condition(text: str) -> Condition:
    """Return the condition that versions contain a text; `X (Y)`, the form of descriptions, also matches `X+Y`."""
    text = fold_case(text)
    texts = [text]
    if text.endswith(")") and " (" in text:
        version, _, build = text[:-1].rpartition(" (")
        texts.append(f"{version}+{build}")
    return "version_contains", texts


def parse_period(text: str) -> timedelta:
    """Parse a period such as `14d`: a number of seconds, minutes, hours, days or weeks. Raises ValueError."""
    match = _AGE.fullmatch("-" + text)
    if not match:
        raise ValueError(text)
    return timedelta(**{_UNITS[match["unit"]]: int(match["number"])})


def _filter_by_text(term: Text) -> Condition:
    return text_condition(term.text)


def _build_condition(term: Filter, projects: Sequence[int]) -> Condition:
    build = FILTERS.get(term.key)
    if build is None:
        names = ", ".join(FILTERS)
        refuse(f'there is no filter "{shorten(term.key)}", but {names}; quote it if it is text', term.at)
    if term.sign and term.key not in _COMPARED:
        refuse(f"{shorten(term.key)} cannot be compared, only {' and '.join(_COMPARED)} can", term.at)
    alternatives = tuple([_join_conditions(build(word, term.sign, projects)) for word in term.values])
    condition = alternatives[0] if len(alternatives) == 1 else ("or", alternatives)
    return ("not", (condition,)) if term.negated else condition


def _join_conditions(conditions: Conditions) -> Condition:
    return conditions[0] if len(conditions) == 1 else ("and", conditions)


def _match_pattern(column: str, word: Word) -> Conditions:
    """Return the condition that a column matches a word, which may have a * at either end."""
    first, *between, last = word.parts if len(word.parts) > 1 else (word.text, word.text)
    if len(word.parts) == 1:
        return ((column, word.text),)
    if any(between[1:]) or (between and (first or last)):
        refuse("a * is allowed at the ends of a value only", word.at)
    if between:
        return ((f"{column}_has", between[0]),)
    if first and last:
        refuse("a * is allowed at the ends of a value only", word.at)
    return ((f"{column}_starts_with", first),) if first or not last else ((f"{column}_ends_with", last),)


def _filter_by_release(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    if word.text == "latest":  # not allowed as a version
        return (("latest_of", list(projects)),) if projects else (("latest", True),)
    return _match_pattern("version", word)


def _filter_by_package(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    return _match_pattern("package", word)


def _filter_by_build(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    if word.text.isascii() and word.text.isdigit():
        number = int(word.text) if len(word.text) < 20 else MAX_NUMBER + 1
        if number <= MAX_NUMBER:
            return ((_BUILD_SIGNS.get(sign, "build_equals"), number),)
        if not sign:  # not a number of 64 bits: stored as text
            return (("build_code", word.text),)
    if sign:
        refuse(f"builds are compared with a number of at most {MAX_NUMBER}", word.at)
    return _match_pattern("build_code", word)


def _filter_by_version(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    """`1.2.3`, `1.2.*` or `1.2.X`, each with or without a package; compared in the order of semver.org."""
    package, at, version = word.text.rpartition("@")
    conditions: list[Condition] = [("package", package)] if at else []
    # word.text has its stars: in a version a quoted star has the same meaning.
    numbers = version.removesuffix("X").removesuffix("*") if version.endswith((".*", ".X")) else version
    if version in ("*", "X"):
        return (*conditions, HAS_ORDER)
    if numbers != version:
        prefix = semver_prefix(numbers.removesuffix("."))
        if prefix is None or sign:
            refuse(f'"{shorten(version)}" is no version such as 1.2.3 or 1.2.*, or a * is compared', word.at)
        return (*conditions, ("semver_from", prefix[0]), ("semver_below", prefix[1]))
    bare, plus, build = version.partition("+")
    key = version_key(bare)
    if key is None:
        refuse(f'"{shorten(version)}" is no version such as 1.2.3 or 1.2.*', word.at)
    if sign:
        if plus:
            refuse("a version with a + cannot be compared: builds have no order", word.at)
        return (*conditions, *compare_versions(sign, key), HAS_ORDER)
    return (*conditions, *compare_versions("=", key), *([("build_code", build)] if plus else []))


def _filter_finalized(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    if word.text.lower() not in ("true", "false"):
        refuse("finalized is true or false", word.at)
    return ((("released" if word.text.lower() == "true" else "unreleased"), True),)


def _filter_by_creation(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    return filter_by_date("created", word, sign)


def filter_by_date(name: str, word: Word, sign: str) -> Conditions:
    """Return the conditions `{name}_from` and `{name}_before` of a date or an age.

    `>=2026-01-31`, `<2026-01-31T12:00:00`, `-14d` (within the last two weeks), `+14d` (before that).

    Raises DomainError(INVALID_ARGUMENT).
    """
    age = _AGE.fullmatch(word.text)
    if age and not sign:
        return ((f"{name}_from" if age["sign"] == "-" else f"{name}_before", now() - parse_period(word.text[1:])),)
    try:
        moment = parse_date(word.text)
        after = moment + (timedelta(days=1) if not sign and len(word.text) == 10 else _MICROSECOND)
    except (DomainError, OverflowError):
        refuse("expected a date such as 2026-01-31 or 2026-01-31T12:00:00Z, or an age such as -14d", word.at)
    if not sign:
        return (f"{name}_from", moment), (f"{name}_before", after)
    bound = f"{name}_from" if sign.startswith(">") else f"{name}_before"
    return ((bound, moment if sign in (">=", "<") else after),)


def _refuse_stage(word: Word, sign: str, projects: Sequence[int]) -> Conditions:
    refuse("stages of adoption are not supported", word.at)


BuildConditions = Callable[[Word, str, Sequence[int]], Conditions]
FILTERS: dict[str, BuildConditions] = {
    "release": _filter_by_release,
    "release.version": _filter_by_version,
    "release.package": _filter_by_package,
    "release.build": _filter_by_build,
    "release.stage": _refuse_stage,
    "release.created": _filter_by_creation,
    "finalized": _filter_finalized,
}
"""Filter of the language -> the function that builds its conditions."""
_COMPARED = ("release.version", "release.build", "release.created")
