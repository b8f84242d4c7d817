"""Endpoints of repositories."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.errors import ReleaseNotFound
from gql_releases.domain.paging import PageRequest
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import (
    NAME_ORDER,
    WHOLE_LIST,
    answer_organization_list,
    date_field,
    paged_selection,
)
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS, PROJECT_PARAMETERS
from gql_releases.rest_api.engine.release_reads import release_id
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, QueryParameters, Routes, release_routes

REPOSITORY_SELECTION = s.Selection(
    "Repository",
    (
        s.Value("id", "id", str),
        s.Value("name", "name"),
        s.Constant("url", None),
        s.Constant("provider", {"id": "unknown", "name": "Unknown Provider"}),
        s.Constant("status", "active"),
        date_field("dateCreated", "date_created"),
        s.Constant("integrationId", None),
        s.Constant("externalSlug", None),
        s.Constant("externalId", None),
    ),
)
RELEASE_REPOSITORIES = paged_selection("Release", "repositories", REPOSITORY_SELECTION)
REPOSITORIES = paged_selection("Organization", "repositories", REPOSITORY_SELECTION)


async def list_repositories(request: Request) -> Answer:
    """Return a page of an organization's repositories, by name."""
    return await answer_organization_list(request, REPOSITORIES, NAME_ORDER)


async def list_release_repositories(request: Request) -> Answer:
    """Return all repositories of a release's commits; the list is not paged."""
    release = await release_id(request)
    page = PageRequest(WHOLE_LIST.size, conditions=(("release", release),))
    read = ObjectRead(PagedSelection(RELEASE_REPOSITORIES, (page,)), (("id", release),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ReleaseNotFound
    return Answer(200, tree["rows"]["nodes"])


ROUTES: Routes = {
    (*ORGANIZATION_PATH, "repos"): {"GET": list_repositories},
    **release_routes("repositories", {"GET": list_release_repositories}),
}
PARAMETERS: QueryParameters = {list_repositories: PAGE_PARAMETERS, list_release_repositories: PROJECT_PARAMETERS}
