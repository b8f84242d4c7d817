"""The organization, project and release in the path of a request."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.errors import ProjectNotFound
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.principal import READ_ORGANIZATION
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.selection import ObjectRead
from gql_releases.rest_api.engine.requests import Request

PROJECT_ID_VIEW = s.PagedSelection(s.Selection("Project", (s.Value("id", "id"),)))
"""The id of a project."""


def project_condition(project: str) -> tuple[str, Any]:
    """Return the condition of a project, by its slug or its id."""
    number = parse_row_id(project)
    return ("slug", project) if number is None else ("id", number)


def require_organization_read(request: Request) -> None:
    """Raise Forbidden without the scope, OrganizationNotFound for another organization."""
    request.principal.require(READ_ORGANIZATION)
    request.principal.require_organization(request.path[0])


def release_key(request: Request) -> ReleaseKey:
    """Return the key of the path's release. Below an organization, a release without projects does not match."""
    organization, *project, version = request.path
    slug = project[0] if project else None
    return ReleaseKey(organization=organization, version=version, project=slug, needs_project=slug is None)


async def project_id(request: Request) -> int:
    """Return the id of the path's project. Raises ProjectNotFound."""
    tree = await request.services.reads.read(
        request.principal, ObjectRead(PROJECT_ID_VIEW, (project_condition(request.path[1]),))
    )
    if tree is None:
        raise ProjectNotFound
    identifier: int = tree["id"]
    return identifier
