"""Endpoints of lists of releases: of an organization, of a project, and their statistics.

Source: docs/sentry-contract.md#5-lists.
"""

from __future__ import annotations

from contextlib import suppress

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ProjectNotFound
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine import parameters
from gql_releases.rest_api.engine.paged_selections import answer_page, paged_selection
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Refused, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.flat_release_lists import answer_flat
from gql_releases.rest_api.releases import STATS_SELECTION, release_pages, release_selection

ORGANIZATION_RELEASES = paged_selection("Organization", "releases", release_selection(1))
PROJECT_RELEASES = paged_selection("Project", "releases", release_selection(1))
"""Pages of releases; RELEASE_PAGES, of the lists of each release, follow the page itself."""
RELEASE_STATS = paged_selection("Organization", "releases", STATS_SELECTION)

STATS_PER_PAGE = 1000
NEWEST_SHOWN_FIRST = Order("date_shown", descending=True)


async def list_releases(request: Request) -> Answer:
    """Return a page of an organization's releases. `flatten=1` has a row for each release and project."""
    order, conditions, projects = await read_filters(request)
    if request.last("flatten") == "1":
        return await answer_flat(request, order, conditions, projects)
    page = read_page(request.parameters, order, conditions)
    pages = (page, *release_pages(projects, parameters.list_environments(request)))
    read = ObjectRead(PagedSelection(ORGANIZATION_RELEASES, pages), request.own_organization)
    return await answer_page(request, read, page, ProjectNotFound())


async def list_stats(request: Request) -> Answer:
    """Return a page of versions and their dates of creation."""
    order, conditions, _ = await read_filters(request)
    page = read_page(request.parameters, order, conditions, STATS_PER_PAGE)
    read = ObjectRead(PagedSelection(RELEASE_STATS, (page,)), request.own_organization)
    return await answer_page(request, read, page, ProjectNotFound())


async def list_project_releases(request: Request) -> Answer:
    """Return a page of a project's open releases. `sort=date` is by dateReleased, or else dateCreated.

    The page is empty for an unknown environment.
    """
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    order, sort_conditions = parameters.read_sort(request)
    project = await project_id(request)
    environments: Conditions = (("nothing", True),)
    with suppress(Refused):
        environments = await parameters.read_environments(request, [project])
    filters = (*parameters.read_query(request, [project]), *parameters.read_dates(request))
    conditions = (("status", "OPEN"), *sort_conditions, *filters, *environments)
    order = NEWEST_SHOWN_FIRST if order == parameters.SORT_NEWEST else order
    page = read_page(request.parameters, order, parameters.limit_conditions(conditions))
    pages = (page, *release_pages([project], parameters.list_environments(request)))
    read = ObjectRead(PagedSelection(PROJECT_RELEASES, pages), (("id", project),))
    return await answer_page(request, read, page, ProjectNotFound())


async def read_filters(request: Request) -> tuple[Order, Conditions, list[int]]:
    """Return the order, conditions and projects ([]: all) that select an organization's releases. Raises DomainError."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    parameters.check_session_parameters(request)
    order, sort_conditions = parameters.read_sort(request)
    status, dates = parameters.read_status(request), parameters.read_dates(request)
    projects = await parameters.read_projects(request)
    conditions = [*status, *dates, *sort_conditions, *parameters.read_query(request, projects)]
    conditions += await parameters.read_environments(request, projects)
    conditions.append(("on_projects", projects) if projects else ("has_project", True))
    return order, parameters.limit_conditions(tuple(conditions)), projects


ROUTES: Routes = {
    (*ORGANIZATION_PATH, "releases"): {"GET": list_releases},
    (*ORGANIZATION_PATH, "releases", "stats"): {"GET": list_stats},
    (*PROJECT_PATH, "releases"): {"GET": list_project_releases},
}
_LIST_PARAMETERS = (*parameters.FILTER_PARAMETERS, *parameters.DATE_PARAMETERS, *parameters.PAGE_PARAMETERS)
PARAMETERS: QueryParameters = {
    list_releases: (*_LIST_PARAMETERS, "flatten"),
    list_stats: _LIST_PARAMETERS,
    list_project_releases: (
        "sort", "query", "environment", *parameters.DATE_PARAMETERS, *parameters.PAGE_PARAMETERS,
    ),
}  # fmt: skip
