"""Operations on organizations, for whoever runs the store."""

from __future__ import annotations

from typing import Any, Protocol

from gql_releases.domain.organization import NewOrganization, parse_new_organization
from gql_releases.domain.principal import Principal


class OrganizationStore(Protocol):
    """Where organizations are kept."""

    async def create_organization(self, new: NewOrganization) -> int: ...

    async def find_organization(self, slug: str) -> int: ...


class OrganizationService:
    """What an operator does; there is no principal, whoever has the database may."""

    def __init__(self, store: OrganizationStore) -> None:
        self._store = store

    async def create_organization(self, raw: dict[str, Any]) -> int:
        """Make an organization. Raises InvalidInput: a bad slug, or a taken one."""
        return await self._store.create_organization(parse_new_organization(raw))

    async def load_operator(self, slug: str) -> Principal:
        """Give the principal that may do all in an organization. Raises OrganizationNotFound."""
        return Principal.operator(await self._store.find_organization(slug), slug)
