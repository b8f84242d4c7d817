"""Query parameters that select releases, parsed to conditions of a read.

Source: docs/sentry-contract.md#1-1-authentication, docs/sentry-contract.md#3-1-get and docs/sentry-contract.md#5-lists.
"""

from __future__ import annotations

from datetime import timedelta

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, count_conditions
from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode, Forbidden, shorten
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.search.search import parse_period, search_conditions
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import ID_FIELD, paged_selection
from gql_releases.rest_api.engine.pagination import read_integer
from gql_releases.rest_api.engine.requests import Request, not_found

STATUSES: dict[str, Conditions] = {"open": (("status", "OPEN"),), "archived": (("status", "ARCHIVED"),), "": ()}
SORT_NEWEST = Order("date_created", descending=True)
SORTS: dict[str, tuple[Order, Conditions]] = {
    "date": (SORT_NEWEST, ()),
    "build": (Order("build_number", descending=True), (("build_from", 0),)),
    "semver": (Order("semver_key", descending=True), ()),
}
"""Sort -> order, and the conditions of the releases that it lists."""
SESSION_SORTS = frozenset(
    {"adoption", "sessions", "users", "crash_free_sessions", "crash_free_users", "sessions_24h", "users_24h"}
)
SESSION_PARAMETERS = ("health", "healthStat", "healthStatsPeriod", "summaryStatsPeriod", "adoptionStages")
"""Parameters about sessions: values are validated and have no effect."""
PAGE_PARAMETERS = ("per_page", "cursor")
PROJECT_PARAMETERS = ("project", "projectSlug")
DATE_PARAMETERS = ("start", "end", "statsPeriod")
FILTER_PARAMETERS = (*PROJECT_PARAMETERS, "sort", "status", "query", "environment", *SESSION_PARAMETERS)
"""Parameters that select releases."""
PERIODS = ("1h", "24h", "1d", "48h", "2d", "7d", "14d", "30d", "90d")

PROJECT_IDS = paged_selection("Organization", "projects", s.Selection("Project", (ID_FIELD, s.Value("slug", "slug"))))
ENVIRONMENT_IDS = paged_selection("Organization", "environments", s.Selection("Environment", (ID_FIELD,)))


def invalid_parameter(message: str) -> DomainError:
    """Return the error of an invalid parameter."""
    return DomainError(ErrorCode.INVALID_ARGUMENT, message)


def read_sort(request: Request) -> tuple[Order, Conditions]:
    """Return the order of `sort` (default `date`) and its conditions. Raises DomainError."""
    sort = request.last("sort", "date")
    if sort in SESSION_SORTS:
        raise invalid_parameter("Releases are not sorted by sessions and adoption: sort by date, build or semver.")
    if sort not in SORTS:
        raise invalid_parameter("invalid sort")
    return SORTS[sort]


def read_status(request: Request) -> Conditions:
    """Return the condition of `status` (default `open`). Raises DomainError."""
    status = request.last("status", "open")
    if status not in STATUSES:
        raise invalid_parameter("invalid value for status")
    return STATUSES[status]


def check_session_parameters(request: Request) -> None:
    """Validate the parameters about sessions, which have no effect. Raises DomainError."""
    for name in ("summaryStatsPeriod", "healthStatsPeriod"):
        if request.last(name) and request.last(name) not in PERIODS:
            raise invalid_parameter(f"Invalid {name}. Valid choices are {', '.join(map(repr, PERIODS))}")
    if request.last("healthStat") not in ("", "sessions", "users"):
        raise invalid_parameter("invalid healthStat")


def read_dates(request: Request) -> Conditions:
    """Return the conditions on dateCreated of `statsPeriod`, or of `start` and `end`, both included. Raises DomainError."""
    try:
        if request.last("statsPeriod"):
            return (("created_from", now() - parse_period(request.last("statsPeriod"))),)
        start, end = request.last("start"), request.last("end")
        if not start and not end:
            return ()
        if not start or not end:
            raise invalid_parameter("Invalid date range: start and end are both required")
        begin, stop = parse_date(start), parse_date(end)
        after = stop + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise invalid_parameter(
            f'Invalid date range: "{shorten(request.last("statsPeriod"))}" is no period such as 14d'
        ) from None
    except DomainError as error:
        if error.code is ErrorCode.INVALID_DATE:
            raise invalid_parameter("Invalid date range: start and end must be dates such as 2026-01-31T12:00:00Z") from None
        raise
    if begin >= stop:
        raise invalid_parameter("Invalid date range: start must be before end")
    return ("created_from", begin), ("created_before", after)


async def read_projects(request: Request, *, slugs: bool = False) -> list[int]:
    """Return the ids of `project` (ids, -1 for all, with `slugs` also slugs) and `projectSlug`; [] means all projects.

    Raises DomainError for an invalid id, Forbidden for a project that the organization does not have.
    """
    conditions: set[Condition] = {("slug", value) for value in request.parameters.get("projectSlug", ())}
    for text in request.parameters.get("project", ()):
        try:
            conditions.add(("id", read_integer(text)))
        except ValueError:
            if not slugs:
                raise invalid_parameter("Invalid project parameter. Values must be numbers.") from None
            if not text:
                raise invalid_parameter("Invalid project") from None
            conditions.add(("slug", text))
    if not conditions or ("id", -1) in conditions:
        return []
    if len(conditions) > MAX_CONDITIONS or any(name == "id" and not 0 <= value < 2**63 for name, value in conditions):
        raise Forbidden
    page = PageRequest(len(conditions), conditions=(("or", tuple(sorted(conditions, key=str))),))
    tree = await request.services.reads.read(
        request.principal, ObjectRead(PagedSelection(PROJECT_IDS, (page,)), request.own_organization)
    )
    slugs_by_id = {value["id"]: value["slug"] for value in tree["rows"]["nodes"]} if tree else {}
    names = {*slugs_by_id.keys(), *slugs_by_id.values()}
    if any(value not in names for _, value in conditions):
        raise Forbidden
    return sorted(slugs_by_id)


def list_environments(request: Request) -> list[str]:
    """Return the names in `environment`."""
    return sorted(set(request.parameters.get("environment", ())))


async def read_environments(request: Request, projects: list[int]) -> Conditions:
    """Return the condition of `environment`: releases deployed to one of them, for one of `projects` unless that is [].

    Raises Refused (404) if the organization has no environment of a name. No deploy has an environment with an empty name.
    """
    names = list_environments(request)
    if not names:
        return ()
    nonempty = [name for name in names if name]
    if nonempty:
        page = PageRequest(len(nonempty), conditions=(("names", nonempty),))
        tree = await request.services.reads.read(
            request.principal, ObjectRead(PagedSelection(ENVIRONMENT_IDS, (page,)), request.own_organization)
        )
        if tree is None or len(tree["rows"]["nodes"]) < len(nonempty):
            raise not_found()
    conditions: list[Condition] = [("deployed", (name, project)) for name in nonempty for project in projects]
    return (("or", tuple(conditions or [("environment", name) for name in nonempty])),)


def read_query(request: Request, projects: list[int]) -> Conditions:
    """Return the conditions of `query`, in Sentry's search syntax. Raises DomainError."""
    return search_conditions(request.last("query"), projects)


def limit_conditions(conditions: Conditions) -> Conditions:
    """Return the conditions. Raises DomainError if there are more than a statement may have."""
    if count_conditions(conditions) > MAX_CONDITIONS:
        raise invalid_parameter(f"These are more than {MAX_CONDITIONS} conditions.")
    return conditions
