"""Operations on organizations, for operators."""

from __future__ import annotations

from typing import Any, Protocol

from gql_releases.domain.organization import NewOrganization, parse_new_organization
from gql_releases.domain.principal import Principal


class OrganizationStore(Protocol):
    """The storage of organizations."""

    async def create_organization(self, new: NewOrganization) -> int: ...

    async def find_organization(self, slug: str) -> int: ...


class OrganizationService:
    """Operations of an operator: access to the database authorizes them, there is no principal."""

    def __init__(self, store: OrganizationStore) -> None:
        self._store = store

    async def create_organization(self, raw: dict[str, Any]) -> int:
        """Create an organization and return its id. Raises InvalidInput for an invalid slug or one in use."""
        return await self._store.create_organization(parse_new_organization(raw))

    async def load_operator(self, slug: str) -> Principal:
        """Return a principal with all scopes in an organization. Raises OrganizationNotFound."""
        return Principal.operator(await self._store.find_organization(slug), slug)
