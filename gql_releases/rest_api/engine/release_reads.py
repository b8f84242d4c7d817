"""Reads of the path's release, limited to the projects of the parameter `project`."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ReleaseNotFound
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.selection import ObjectRead
from gql_releases.rest_api.engine.parameters import read_projects
from gql_releases.rest_api.engine.path_parameters import release_key
from gql_releases.rest_api.engine.requests import Request

RELEASE_ID_VIEW = s.PagedSelection(s.Selection("Release", (s.Value("id", "id"),)))
"""The id of a release."""


async def release_id(request: Request) -> int:
    """Return the id of the path's release. Raises ReleaseNotFound, and what read_release raises."""
    conditions, _ = await read_release(request)
    tree = await request.services.reads.read(request.principal, ObjectRead(RELEASE_ID_VIEW, conditions))
    if tree is None:
        raise ReleaseNotFound
    identifier: int = tree["id"]
    return identifier


async def read_release(request: Request) -> tuple[Conditions, list[int]]:
    """Return the conditions for a read of the path's release, and the ids of `project` ([]: all).

    The release must be on one of these projects (docs/sentry-contract.md#1-1-authentication). Raises DomainError.
    """
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    conditions = release_key(request).conditions()
    projects = await read_projects(request, slugs=True)
    return (*conditions, *((("on_projects", projects),) if projects else ())), projects
