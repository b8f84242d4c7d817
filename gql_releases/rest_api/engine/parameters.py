"""The query parameters that choose releases, as the store's conditions.

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
from gql_releases.rest_api.engine.paged_selections import paged_selection
from gql_releases.rest_api.engine.pagination import read_integer
from gql_releases.rest_api.engine.requests import Request, not_found

STATUSES: dict[str, Conditions] = {"open": (("status", "OPEN"),), "archived": (("status", "ARCHIVED"),), "": ()}
SORT_NEWEST = Order("date_created", descending=True)
SORTS: dict[str, tuple[Order, Conditions]] = {
    "date": (SORT_NEWEST, ()),
    "build": (Order("build_number", descending=True), (("build_from", 0),)),
    "semver": (Order("semver_key", descending=True), ()),
}
"""Sort -> order, and what it leaves out."""
SESSION_SORTS = frozenset(
    {"adoption", "sessions", "users", "crash_free_sessions", "crash_free_users", "sessions_24h", "users_24h"}
)
SESSION_PARAMETERS = ("health", "healthStat", "healthStatsPeriod", "summaryStatsPeriod", "adoptionStages")
"""Parameters about sessions: their values are checked, they have no effect."""
PAGE_PARAMETERS = ("per_page", "cursor")
PROJECT_PARAMETERS = ("project", "projectSlug")
DATE_PARAMETERS = ("start", "end", "statsPeriod")
FILTER_PARAMETERS = (*PROJECT_PARAMETERS, "sort", "status", "query", "environment", *SESSION_PARAMETERS)
"""Parameters that choose releases."""
PERIODS = ("1h", "24h", "1d", "48h", "2d", "7d", "14d", "30d", "90d")


def invalid_parameter(message: str) -> DomainError:
    """Make the refusal of a parameter."""
    return DomainError(ErrorCode.INVALID_ARGUMENT, message)


def read_sort(request: Request) -> tuple[Order, Conditions]:
    """Read `sort`. Raises DomainError."""
    sort = request.last("sort", "date")
    if sort in SESSION_SORTS:
        raise invalid_parameter("This store has no sessions: sort by date, build or semver.")
    if sort not in SORTS:
        raise invalid_parameter("invalid sort")
    return SORTS[sort]


def read_status(request: Request) -> Conditions:
    """Read `status`; open releases are meant if it is not said. Raises DomainError."""
    status = request.last("status", "open")
    if status not in STATUSES:
        raise invalid_parameter("invalid value for status")
    return STATUSES[status]


def read_periods(request: Request) -> None:
    """Refuse what the parameters about sessions may not be; there are no sessions to tell of."""
    for name in ("summaryStatsPeriod", "healthStatsPeriod"):
        if request.last(name) and request.last(name) not in PERIODS:
            raise invalid_parameter(f"Invalid {name}. Valid choices are {', '.join(map(repr, PERIODS))}")
    if request.last("healthStat") not in ("", "sessions", "users"):
        raise invalid_parameter("invalid healthStat")


def read_dates(request: Request) -> Conditions:
    """Read `statsPeriod`, or `start` and `end`: when releases were created, both ends included. Raises DomainError."""
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
    """Read `project` (ids, -1 for all; with `slugs` these, too) and `projectSlug`; [] stands for all.

    Raises DomainError for what is no id, Forbidden where one is not to be seen.
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


async def read_environments(request: Request, projects: list[int]) -> Conditions:
    """Read `environment`: releases that were deployed there, for one of the projects if there are any.

    Raises Refused (404) where the organization has no environment of a name. Nothing is deployed to the one without a name.
    """
    names = sorted(set(request.parameters.get("environment", ())))
    if not names:
        return ()
    named = [name for name in names if name]
    if named:
        page = PageRequest(len(named), conditions=(("names", named),))
        tree = await request.services.reads.read(
            request.principal, ObjectRead(PagedSelection(ENVIRONMENT_IDS, (page,)), request.own_organization)
        )
        if tree is None or len(tree["rows"]["nodes"]) < len(named):
            raise not_found()
    conditions: list[Condition] = [("deployed", (name, project)) for name in named for project in projects]
    return (("or", tuple(conditions or [("environment", name) for name in named])),)


def read_query(request: Request, projects: list[int]) -> Conditions:
    """Read `query`, in Sentry's search language. Raises DomainError."""
    return search_conditions(request.last("query"), projects)


def require_statement(conditions: Conditions) -> Conditions:
    """Refuse more conditions than a statement has. Raises DomainError."""
    if count_conditions(conditions) > MAX_CONDITIONS:
        raise invalid_parameter(f"These are more than {MAX_CONDITIONS} conditions.")
    return conditions


_ID_FIELD, _SLUG_FIELD = s.Value("id", "id"), s.Value("slug", "slug")
PROJECT_IDS = paged_selection("Organization", "projects", s.Selection("Project", (_ID_FIELD, _SLUG_FIELD)))
ENVIRONMENT_IDS = paged_selection("Organization", "environments", s.Selection("Environment", (_ID_FIELD,)))
