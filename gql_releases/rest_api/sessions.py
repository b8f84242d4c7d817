"""The endpoint of sessions: the health of releases, in the shape that Sentry documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Condition, Conditions
from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.errors import DomainError, OrganizationNotFound, shorten
from gql_releases.domain.events.session_counts import MAX_GROUPS, SESSION_FIELDS, STATUSES, SessionCounts
from gql_releases.domain.paging import PageRequest
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.search.search import parse_period
from gql_releases.domain.search.search_terms import Text, parse_query, refuse
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.parameters import (
    DATE_PARAMETERS,
    PROJECT_PARAMETERS,
    invalid_parameter,
    list_environments,
    read_projects,
)
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, QueryParameters, Routes

_SESSION_COUNTS = s.Value("counts", "session_counts", orjson.loads, slot=0)
_USER_COUNTS = s.Value("users", "session_user_counts", orjson.loads, slot=1)
COUNTS_SELECTION = s.Selection("Organization", (_SESSION_COUNTS,))
COUNTS_AND_USERS_SELECTION = s.Selection("Organization", (_SESSION_COUNTS, _USER_COUNTS))

GROUPS = {"release": "by_release", "project": "by_project", "environment": "by_environment"}
"""`groupBy` -> argument of the counts."""
STATUS_GROUP = "session.status"
MAX_INTERVALS = 1_000
DEFAULT_PERIOD = "24h"
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """Hours since 1970 from `since` and before `until`, in intervals of `hours`."""

    since: int
    until: int
    hours: int

    def list_starts(self) -> list[str]:
        """Return the beginning of each interval."""
        return [render_hour(hour) for hour in range(self.since, self.until, self.hours)]


def render_hour(hour: int) -> str:
    """Return hours since 1970 as a date."""
    return (_EPOCH + hour * _HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")


async def list_sessions(request: Request) -> Answer:
    """Return counts and rates of an organization's sessions, in groups, as totals and by interval."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    fields = _read_choices(request, "field", SESSION_FIELDS)
    groups = _read_choices(request, "groupBy", (*GROUPS, STATUS_GROUP))
    if not fields:
        raise invalid_parameter('Request is missing a "field"')
    if STATUS_GROUP in groups and (wrong := [field for field in fields if field != "sum(session)"]):
        raise invalid_parameter(f"Cannot group field {wrong[0]} by {STATUS_GROUP}")
    period, projects = read_period(request), await read_projects(request)
    conditions: list[Condition] = [("since", period.since), ("until", period.until), *read_filters(request)]
    conditions += [("projects", projects)] if projects else []
    conditions += [(GROUPS[group], True) for group in groups if group in GROUPS]
    page = PageRequest(1, conditions=(*conditions, ("interval", period.hours)))
    view = PagedSelection(COUNTS_SELECTION, (page,))
    if any(field.endswith("(user)") for field in fields):
        view = PagedSelection(COUNTS_AND_USERS_SELECTION, (page, PageRequest(1, conditions=tuple(conditions))))
    tree = await request.services.reads.read(request.principal, ObjectRead(view, request.own_organization))
    if tree is None:
        raise OrganizationNotFound
    if max(len(tree["counts"]), len(tree.get("users", ()))) > MAX_GROUPS:
        raise invalid_parameter("Your interval and date range would create too many results.")
    shown = [name for name in ("totals", "series") if request.last(f"include{name.title()}", "1") != "0"]
    body = {
        "groups": _build_groups(tree, fields, groups, period, shown),
        "start": render_hour(period.since),
        "end": render_hour(period.until),
        "intervals": period.list_starts(),
        "query": request.last("query"),
    }
    return Answer(200, body)


def _read_choices(request: Request, name: str, choices: Sequence[str]) -> list[str]:
    """Return the different values of a parameter, in their order. Raises DomainError for one that is no choice."""
    values = list(dict.fromkeys(request.parameters.get(name, ())))
    for value in values:
        if value not in choices:
            raise invalid_parameter(f'Invalid {name}: "{shorten(value)}". Valid choices are {", ".join(choices)}.')
    return values


def read_period(request: Request) -> Period:
    """Return the period of `statsPeriod` (default 24h), or of `start` and `end`, and `interval` (default 1h).

    It begins and ends at whole intervals. Raises DomainError.
    """
    hours = _read_interval(request)
    start, end = request.last("start"), request.last("end")
    if request.last("statsPeriod") or not (start or end):
        until = -(-_count_hours(now()) // hours) * hours
        text = request.last("statsPeriod") or DEFAULT_PERIOD
        try:
            length = parse_period(text) / _HOUR
        except (ValueError, OverflowError):
            raise invalid_parameter(f'Invalid statsPeriod: "{shorten(text)}" is no period such as 14d') from None
        since = until - max(1, -int(-length // hours)) * hours
    else:
        if not start or not end:
            raise invalid_parameter("start and end are both required")
        try:
            since = int(_count_hours(parse_date(start)) // hours) * hours
            until = -int(-_count_hours(parse_date(end)) // hours) * hours
        except DomainError:
            raise invalid_parameter("start and end must be dates such as 2026-01-31T12:00:00Z") from None
        if since >= until:
            raise invalid_parameter("start must be before end")
    if (until - since) // hours > MAX_INTERVALS or since < 0:
        raise invalid_parameter("Your interval and date range would create too many results.")
    return Period(int(since), int(until), hours)


def _count_hours(moment: datetime) -> float:
    return (moment - _EPOCH) / _HOUR


def _read_interval(request: Request) -> int:
    """Return the hours of `interval`. Raises DomainError unless it is a part of a day in hours, or a number of days."""
    text = request.last("interval") or "1h"
    try:
        hours = parse_period(text) / _HOUR
    except (ValueError, OverflowError):
        hours = 0
    if hours < 1 or hours % 1 or (24 % hours and hours % 24) or hours > 24 * 366:
        raise invalid_parameter("Invalid interval: it is a part of a day in hours such as 1h, or days such as 1d.")
    return int(hours)


def read_filters(request: Request) -> Conditions:
    """Return the conditions of `environment` and of `release:` and `environment:` in `query`. Raises DomainError."""
    names: dict[str, list[str]] = {"environments": list_environments(request), "versions": []}
    for term in parse_query(request.last("query")):
        kind = None if isinstance(term, Text) else {"release": "versions", "environment": "environments"}.get(term.key)
        if isinstance(term, Text) or kind is None or term.negated or term.sign or names[kind]:
            refuse("sessions are filtered by release: and environment: alone, each once", term.at)
        names[kind] = [word.text for word in term.values]
    return tuple([(kind, values) for kind, values in names.items() if values])


def _build_groups(
    tree: dict[str, Any], fields: Sequence[str], groups: Sequence[str], period: Period, shown: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the groups of an answer, each with its totals and its values by interval."""
    size = (period.until - period.since) // period.hours
    totals: dict[tuple[Any, ...], SessionCounts] = {}
    series: dict[tuple[Any, ...], dict[int, SessionCounts]] = {}
    if not any(group in GROUPS for group in groups):
        totals[None, None, None] = SessionCounts()
    for *key, bucket, sessions, crashed, errored, abnormal, unhandled in tree["counts"]:
        counts = [sessions, crashed, errored, abnormal, unhandled]
        place = tuple(key)
        totals.setdefault(place, SessionCounts()).add(counts)
        series.setdefault(place, {}).setdefault(bucket, SessionCounts()).add(counts)
    for *key, _, users, crashed_users in tree.get("users", ()):
        total = totals.setdefault(tuple(key), SessionCounts())
        total.users, total.crashed_users = users, crashed_users
    return [
        group
        for place, total in totals.items()
        for group in _render_groups(
            _render_place(place, groups),
            total,
            [series.get(place, {}).get(bucket, SessionCounts()) for bucket in range(size)],
            fields,
            by_status=STATUS_GROUP in groups,
            shown=shown,
        )
    ]


def _render_place(place: tuple[Any, ...], groups: Sequence[str]) -> dict[str, Any]:
    version, project, environment = place
    values = {"release": version, "project": project, "environment": environment or ""}
    return {name: values[name] for name in groups if name in values}


def _render_groups(
    place: dict[str, Any],
    total: SessionCounts,
    series: Sequence[SessionCounts],
    fields: Sequence[str],
    *,
    by_status: bool,
    shown: Sequence[str],
) -> Iterable[dict[str, Any]]:
    """Yield the group of a place, or one for each status. Users have no series: only their last session is stored."""
    if by_status:
        for status in STATUSES:
            values: dict[str, Any] = {
                "totals": {"sum(session)": getattr(total, status)},
                "series": {"sum(session)": [getattr(counts, status) for counts in series]},
            }
            yield {"by": {**place, STATUS_GROUP: status}, **{name: values[name] for name in shown}}
        return
    values = {
        "totals": {field: total.compute(field) for field in fields},
        "series": {field: [counts.compute(field) for counts in series] for field in fields if field.endswith("(session)")},
    }
    yield {"by": place, **{name: values[name] for name in shown}}


ROUTES: Routes = {(*ORGANIZATION_PATH, "sessions"): {"GET": list_sessions}}
PARAMETERS: QueryParameters = {
    list_sessions: (
        "field", "groupBy", "interval", *DATE_PARAMETERS, *PROJECT_PARAMETERS, "environment", "query", "includeTotals",
        "includeSeries",
    )
}  # fmt: skip
