"""Operations on project keys."""

from __future__ import annotations

from typing import Protocol

from gql_releases.domain.errors import ProjectKeyNotFound
from gql_releases.domain.organization import ProjectReference
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import WRITE_PROJECT_KEYS, Principal
from gql_releases.domain.project_key import ProjectKeyChange, ProjectKeyReference
from gql_releases.domain.selection import PagedSelection
from gql_releases.domain.validation import wrong_characters
from gql_releases.services.reads import require_readable, require_storable


class ProjectKeyStore(Protocol):
    """The storage of project keys; each method is one transaction."""

    async def create_key(
        self, principal: Principal, project: ProjectReference, name: str, view: PagedSelection | None
    ) -> Tree | None: ...

    async def update_key(
        self, principal: Principal, key: ProjectKeyReference, change: ProjectKeyChange, view: PagedSelection | None
    ) -> Tree | None: ...

    async def delete_key(self, principal: Principal, key: ProjectKeyReference) -> None: ...


class ProjectKeyService:
    """Operations on project keys. Every method raises Forbidden and OrganizationNotFound before anything else."""

    def __init__(self, store: ProjectKeyStore) -> None:
        self._store = store

    async def create_key(
        self, principal: Principal, project: ProjectReference, name: str, view: PagedSelection | None = None
    ) -> Tree | None:
        """Create an active key of a project. Raises ProjectNotFound."""
        _require_project(principal, project)
        require_readable(principal, view)
        return await self._store.create_key(principal, project, name, view)

    async def update_key(
        self,
        principal: Principal,
        key: ProjectKeyReference,
        change: ProjectKeyChange,
        view: PagedSelection | None = None,
    ) -> Tree | None:
        """Change the given fields of a key. Raises ProjectNotFound, ProjectKeyNotFound."""
        _require_key(principal, key)
        require_readable(principal, view)
        return await self._store.update_key(principal, key, change, view)

    async def delete_key(self, principal: Principal, key: ProjectKeyReference) -> None:
        """Delete a key; its events stay. Raises ProjectNotFound, ProjectKeyNotFound."""
        _require_key(principal, key)
        await self._store.delete_key(principal, key)


def _require_project(principal: Principal, project: ProjectReference) -> None:
    principal.require(WRITE_PROJECT_KEYS)
    if project.organization is not None:
        principal.require_organization(project.organization, "project", "key", "organization")
    require_storable((("slug", project.slug),))


def _require_key(principal: Principal, key: ProjectKeyReference) -> None:
    _require_project(principal, key.project)
    if wrong_characters(key.public_key):
        raise ProjectKeyNotFound
