"""Converts a query in Sentry's search language to conditions on issues.

Free text is a part of the title, the culprit or the short id, without regard to case.
"""

from __future__ import annotations

from collections.abc import Callable

from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, build_search_condition, count_conditions
from gql_releases.domain.errors import DomainError, ErrorCode, shorten
from gql_releases.domain.events.issue import IssueStatus, Level
from gql_releases.domain.search.search import filter_by_date
from gql_releases.domain.search.search_terms import Filter, Text, Word, parse_query, refuse

STATUSES = {
    "unresolved": IssueStatus.UNRESOLVED,
    "resolved": IssueStatus.RESOLVED,
    "ignored": IssueStatus.IGNORED,
    "muted": IssueStatus.IGNORED,
    "archived": IssueStatus.IGNORED,
}
"""Sentry's names of statuses -> status."""
_LEVELS = {level.lower(): level for level in Level}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def search_issues(query: str) -> Conditions:
    """Return the conditions of a query on issues. Raises DomainError(INVALID_ARGUMENT) with the position of the error."""
    conditions = tuple(
        [
            build_search_condition(term.text) if isinstance(term, Text) else _build_condition(term)
            for term in parse_query(query)
        ]
    )
    if count_conditions(conditions) > MAX_CONDITIONS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"Invalid query: it has more than {MAX_CONDITIONS} conditions.")
    return conditions


def _build_condition(term: Filter) -> Condition:
    build = FILTERS.get(term.key)
    if build is None:
        names = ", ".join(FILTERS)
        refuse(f'there is no filter "{shorten(term.key)}", but {names}; quote it if it is text', term.at)
    if term.sign and term.key != "firstSeen":
        refuse(f"{shorten(term.key)} cannot be compared, only firstSeen can", term.at)
    alternatives = tuple([build(word, term.sign) for word in term.values])
    condition = alternatives[0] if len(alternatives) == 1 else ("or", alternatives)
    return ("not", (condition,)) if term.negated else condition


def _filter_by_status(word: Word, sign: str) -> Condition:
    status = STATUSES.get(word.text.lower())
    if status is None:
        refuse(f"is: has one of {', '.join(STATUSES)}", word.at)
    return "status", status.value


def _filter_by_level(word: Word, sign: str) -> Condition:
    level = _LEVELS.get(word.text.lower())
    if level is None:
        refuse(f"level is one of {', '.join(_LEVELS)}", word.at)
    return "level", level.value


def _filter_by_handling(value: bool) -> Callable[[Word, str], Condition]:
    """Return the filter of a boolean; issues for which it is unknown match neither value."""

    def build(word: Word, sign: str) -> Condition:
        boolean = _BOOLEANS.get(word.text.lower())
        if boolean is None:
            refuse("expected true or false", word.at)
        return "handled", boolean is value

    return build


def _filter_by_first_seen(word: Word, sign: str) -> Condition:
    conditions = filter_by_date("first_seen", word, sign)
    return conditions[0] if len(conditions) == 1 else ("and", conditions)


def _filter_by_text(name: str) -> Callable[[Word, str], Condition]:
    """Return the filter by a name that is compared as a whole."""
    return lambda word, sign: (name, word.text)


FILTERS: dict[str, Callable[[Word, str], Condition]] = {
    "is": _filter_by_status,
    "level": _filter_by_level,
    "release": _filter_by_text("seen_in"),
    "firstRelease": _filter_by_text("first_release"),
    "environment": _filter_by_text("environment"),
    "project": _filter_by_text("project"),
    "issue": lambda word, sign: ("short_id", word.text.upper()),
    "error.handled": _filter_by_handling(True),
    "error.unhandled": _filter_by_handling(False),
    "firstSeen": _filter_by_first_seen,
}
"""Filter of the language -> the function that builds its condition."""
