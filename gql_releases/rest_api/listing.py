"""Lists of releases over REST: of an organization, of a project, and their statistics.

Source: docs/sentry-contract.md#5-lists.
"""

from __future__ import annotations

from contextlib import suppress

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ProjectNotFound
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.selection import Read, View
from gql_releases.rest_api import lists, parameters, shapes
from gql_releases.rest_api.flattening import answer_flat
from gql_releases.rest_api.pagination import read_page
from gql_releases.rest_api.requests import Answer, Refused, Request

STATS_PER_PAGE = 1000
BY_DATE_SHOWN = Order("date_shown", descending=True)


async def list_releases(request: Request) -> Answer:
    """List an organization's releases, the newest first; with `flatten=1` each once a project."""
    order, conditions, projects = await _chosen(request)
    if request.last("flatten") == "1":
        return await answer_flat(request, order, conditions, projects)
    page = read_page(request.parameters, order, conditions)
    read = Read(View(lists.RELEASES_OF_ORGANIZATION, (page, *shapes.PAGES)), request.own)
    return await lists.answer_page(request, read, page, ProjectNotFound())


async def list_stats(request: Request) -> Answer:
    """List versions and when they were created."""
    order, conditions, _ = await _chosen(request)
    page = read_page(request.parameters, order, conditions, STATS_PER_PAGE)
    return await lists.answer_page(request, Read(View(lists.STATS, (page,)), request.own), page, ProjectNotFound())


async def list_project_releases(request: Request) -> Answer:
    """List a project's open releases by release date, else by creation date; an unknown environment has none."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    parameters.read_sort(request)
    project = await _project(request)
    within: Conditions = (("nothing", True),)
    with suppress(Refused):
        within = await parameters.read_environments(request, [project])
    chosen = (*parameters.read_query(request, [project]), *parameters.read_dates(request))
    conditions = (("status", "OPEN"), *chosen, *within)
    page = read_page(request.parameters, BY_DATE_SHOWN, parameters.require_statement(conditions))
    read = Read(View(lists.RELEASES_OF_PROJECT, (page, *shapes.PAGES)), (("id", project),))
    return await lists.answer_page(request, read, page, ProjectNotFound())


async def _project(request: Request) -> int:
    """Give the id of the path's project. Raises ProjectNotFound."""
    tree = await request.services.reads.read(request.principal, Read(shapes.PROJECT_ID, (lists.named(request.path[1]),)))
    if tree is None:
        raise ProjectNotFound
    found: int = tree["id"]
    return found


async def _chosen(request: Request) -> tuple[Order, Conditions, list[int]]:
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
