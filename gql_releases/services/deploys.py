"""Operations on deploys, shared by both APIs."""

from __future__ import annotations

from typing import Protocol

from gql_releases.domain.deploy import DeployChange, DeployKey, NewDeploy
from gql_releases.domain.outcomes import Tree, UpsertResult
from gql_releases.domain.principal import WRITE_RELEASES, Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.reads import require_readable, require_storable
from gql_releases.services.releases import require_own


class DeployStore(Protocol):
    """The storage of deploys."""

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: PagedSelection | None
    ) -> UpsertResult: ...

    async def update_deploy(
        self, principal: Principal, key: DeployKey, change: DeployChange, view: PagedSelection
    ) -> Tree: ...


class DeployService:
    """Operations on deploys."""

    def __init__(self, store: DeployStore) -> None:
        self._store = store

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: PagedSelection | None = None
    ) -> UpsertResult:
        """Create a deploy of a release; if its project has a deploy with this external id, that is returned instead.

        Raises Forbidden, OrganizationNotFound, ReleaseNotFound, InvalidInput.
        """
        principal.require(WRITE_RELEASES)
        require_own(principal, key)
        require_readable(principal, view)
        return await self._store.create_deploy(principal, key, new, view)

    async def update_deploy(self, principal: Principal, key: DeployKey, change: DeployChange, view: PagedSelection) -> Tree:
        """Change the given fields of a deploy. Raises Forbidden, OrganizationNotFound, DeployNotFound."""
        principal.require(WRITE_RELEASES)
        if key.organization is not None:
            principal.require_organization(key.organization, "deploy", "key", "organization")
        require_storable((("project", key.project), ("external_id", key.external_id)))
        require_readable(principal, view)
        return await self._store.update_deploy(principal, key, change, view)
