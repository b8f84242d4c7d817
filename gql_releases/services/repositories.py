"""Operations on repositories."""

from __future__ import annotations

from typing import Protocol

from gql_releases.domain.outcomes import UpsertResult
from gql_releases.domain.principal import WRITE_PROJECTS, WRITE_RELEASES, Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.reads import require_readable


class RepositoryStore(Protocol):
    """The storage of repositories; each method is one transaction."""

    async def create_repository(self, principal: Principal, name: str, view: PagedSelection | None) -> UpsertResult: ...


class RepositoryService:
    """Operations on repositories. Every method raises OrganizationNotFound and Forbidden before anything else."""

    def __init__(self, store: RepositoryStore) -> None:
        self._store = store

    async def create_repository(
        self, principal: Principal, organization: str, name: str, view: PagedSelection | None = None
    ) -> UpsertResult:
        """Create a repository, or return the existing one: idempotent. Commits create new repositories, too."""
        principal.require(WRITE_RELEASES | WRITE_PROJECTS)
        principal.require_organization(organization)
        require_readable(principal, view)
        return await self._store.create_repository(principal, name, view)
