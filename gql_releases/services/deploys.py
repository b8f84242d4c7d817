"""Operations on deploys, the same for both doors."""

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
    """Where deploys are kept."""

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: PagedSelection | None
    ) -> UpsertResult: ...

    async def update_deploy(
        self, principal: Principal, key: DeployKey, change: DeployChange, view: PagedSelection
    ) -> Tree: ...


class DeployService:
    """What can be done with deploys."""

    def __init__(self, store: DeployStore) -> None:
        self._store = store

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: PagedSelection | None = None
    ) -> UpsertResult:
        """Record a deploy of a release; one whose external id its project knows is found instead.

        Raises Forbidden, OrganizationNotFound, ReleaseNotFound, InvalidInput.
        """
        principal.require(WRITE_RELEASES)
        require_own(principal, key)
        require_readable(principal, view)
        return await self._store.create_deploy(principal, key, new, view)

    async def update_deploy(self, principal: Principal, key: DeployKey, change: DeployChange, view: PagedSelection) -> Tree:
        """Change what is given of a deploy. Raises Forbidden, OrganizationNotFound, DeployNotFound."""
        principal.require(WRITE_RELEASES)
        if key.organization is not None:
            principal.require_organization(key.organization, "deploy", "key", "organization")
        require_storable((("project", key.project), ("external_id", key.external_id)))
        require_readable(principal, view)
        return await self._store.update_deploy(principal, key, change, view)
