"""Lists of releases over REST: of an organization, of a project, and their statistics.

Source: docs/sentry-contract.md#5-lists.
"""

from __future__ import annotations

from contextlib import suppress

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ProjectNotFound
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine import paged_selections, parameters
from gql_releases.rest_api.engine.paged_selections import paged_selection
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Refused, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.flat_release_lists import answer_flat
from gql_releases.rest_api.releases import RELEASE_PAGES, STATS_SELECTION, release_selection

ORGANIZATION_RELEASES = paged_selection("Organization", "releases", release_selection(1))
PROJECT_RELEASES = paged_selection("Project", "releases", release_selection(1))
"""Releases; shapes.PAGES follow the list's own page."""
RELEASE_STATS = paged_selection("Organization", "releases", STATS_SELECTION)


STATS_PER_PAGE = 1000
NEWEST_SHOWN_FIRST = Order("date_shown", descending=True)


async def list_releases(request: Request) -> Answer:
    """List an organization's releases, the newest first; with `flatten=1` each once a project."""
    order, conditions, projects = await read_filters(request)
    if request.last("flatten") == "1":
        return await answer_flat(request, order, conditions, projects)
    page = read_page(request.parameters, order, conditions)
    read = ObjectRead(PagedSelection(ORGANIZATION_RELEASES, (page, *RELEASE_PAGES)), request.own_organization)
    return await paged_selections.answer_page(request, read, page, ProjectNotFound())


async def list_stats(request: Request) -> Answer:
    """List versions and when they were created."""
    order, conditions, _ = await read_filters(request)
    page = read_page(request.parameters, order, conditions, STATS_PER_PAGE)
    return await paged_selections.answer_page(
        request, ObjectRead(PagedSelection(RELEASE_STATS, (page,)), request.own_organization), page, ProjectNotFound()
    )


async def list_project_releases(request: Request) -> Answer:
    """List a project's open releases; `date` is the release date, else the creation date.

    An unknown environment has none.
    """
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    order, needed = parameters.read_sort(request)
    project = await project_id(request)
    within: Conditions = (("nothing", True),)
    with suppress(Refused):
        within = await parameters.read_environments(request, [project])
    chosen = (*parameters.read_query(request, [project]), *parameters.read_dates(request))
    conditions = (("status", "OPEN"), *needed, *chosen, *within)
    order = NEWEST_SHOWN_FIRST if order == parameters.SORT_NEWEST else order
    page = read_page(request.parameters, order, parameters.require_statement(conditions))
    read = ObjectRead(PagedSelection(PROJECT_RELEASES, (page, *RELEASE_PAGES)), (("id", project),))
    return await paged_selections.answer_page(request, read, page, ProjectNotFound())


async def read_filters(request: Request) -> tuple[Order, Conditions, list[int]]:
    """Read what chooses an organization's releases: their order, conditions, and projects ([]: all)."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    parameters.read_periods(request)
    order, needed = parameters.read_sort(request)
    status, dates = parameters.read_status(request), parameters.read_dates(request)
    projects = await parameters.read_projects(request)
    conditions = [*status, *dates, *needed, *parameters.read_query(request, projects)]
    conditions += await parameters.read_environments(request, projects)
    conditions.append(("on_projects", projects) if projects else ("has_project", True))
    return order, parameters.require_statement(tuple(conditions)), projects


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
