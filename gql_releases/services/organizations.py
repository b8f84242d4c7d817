"""Operations on organizations and projects, for whoever runs the store."""

from __future__ import annotations

from typing import Any, Protocol

from gql_releases.domain.organization import NewOrganization, NewProject, parse_new_organization, parse_new_project


class OrganizationStore(Protocol):
    """Where organizations are kept."""

    async def create_organization(self, new: NewOrganization) -> int: ...

    async def find_organization(self, slug: str) -> int: ...

    async def create_project(self, organization: int, new: NewProject) -> int: ...


class OrganizationService:
    """What an operator does; there is no principal, whoever has the database may."""

    def __init__(self, store: OrganizationStore) -> None:
        self._store = store

    async def create_organization(self, raw: dict[str, Any]) -> int:
        """Make an organization. Raises InvalidInput: a bad slug, or a taken one."""
        return await self._store.create_organization(parse_new_organization(raw))

    async def find_organization(self, slug: str) -> int:
        """Give an organization's id. Raises OrganizationNotFound."""
        return await self._store.find_organization(slug)

    async def create_project(self, organization: str, raw: dict[str, Any]) -> int:
        """Make a project. Raises OrganizationNotFound, InvalidInput."""
        new = parse_new_project(raw)
        return await self._store.create_project(await self._store.find_organization(organization), new)
