"""Operations on projects."""

from __future__ import annotations

from typing import Protocol

from gql_releases.domain.organization import NewProject, ProjectChange, ProjectReference
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import WRITE_PROJECTS, Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.reads import require_readable, require_storable


class ProjectStore(Protocol):
    """The storage of projects; each method is one transaction."""

    async def create_project(self, principal: Principal, new: NewProject, view: PagedSelection | None) -> Tree | None: ...

    async def update_project(
        self, principal: Principal, key: ProjectReference, change: ProjectChange, view: PagedSelection | None
    ) -> Tree | None: ...


class ProjectService:
    """Operations on projects. Every method raises OrganizationNotFound and Forbidden before anything else."""

    def __init__(self, store: ProjectStore) -> None:
        self._store = store

    async def create_project(
        self, principal: Principal, organization: str, new: NewProject, view: PagedSelection | None = None
    ) -> Tree | None:
        """Create a project. Raises InvalidInput if the slug is in use."""
        principal.require(WRITE_PROJECTS)
        principal.require_organization(organization)
        require_readable(principal, view)
        return await self._store.create_project(principal, new, view)

    async def update_project(
        self, principal: Principal, key: ProjectReference, change: ProjectChange, view: PagedSelection | None = None
    ) -> Tree | None:
        """Change the given fields of a project. Raises ProjectNotFound, InvalidInput if the slug is in use."""
        principal.require(WRITE_PROJECTS)
        if key.organization is not None:
            principal.require_organization(key.organization, "project", "key", "organization")
        require_storable((("slug", key.slug),))
        require_readable(principal, view)
        return await self._store.update_project(principal, key, change, view)
