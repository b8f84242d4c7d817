"""Operations on environments."""

from __future__ import annotations

from typing import Protocol

from gql_releases.domain.outcomes import UpsertResult
from gql_releases.domain.principal import WRITE_PROJECTS, WRITE_RELEASES, Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.reads import require_readable


class EnvironmentStore(Protocol):
    """The storage of environments; each method is one transaction."""

    async def create_environment(self, principal: Principal, name: str, view: PagedSelection | None) -> UpsertResult: ...


class EnvironmentService:
    """Operations on environments. Every method raises OrganizationNotFound and Forbidden before anything else."""

    def __init__(self, store: EnvironmentStore) -> None:
        self._store = store

    async def create_environment(
        self, principal: Principal, organization: str, name: str, view: PagedSelection | None = None
    ) -> UpsertResult:
        """Create an environment, or return the existing one: idempotent. Deploys create new environments, too."""
        principal.require(WRITE_RELEASES | WRITE_PROJECTS)
        principal.require_organization(organization)
        require_readable(principal, view)
        return await self._store.create_environment(principal, name, view)
