"""Operations on deploys, the same for both doors."""

from __future__ import annotations

from typing import Protocol

from gql_releases.domain.deploy import NewDeploy
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import WRITE_RELEASES, Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.selection import View
from gql_releases.services.reading import require_readable
from gql_releases.services.releases import require_own


class DeployStore(Protocol):
    """Where deploys are kept."""

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: View | None
    ) -> Tree | None: ...


class DeployService:
    """What can be done with deploys."""

    def __init__(self, store: DeployStore) -> None:
        self._store = store

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: View | None = None
    ) -> Tree | None:
        """Record a deploy of a release. Raises Forbidden, OrganizationNotFound, ReleaseNotFound, InvalidInput."""
        principal.require(WRITE_RELEASES)
        require_own(principal, key)
        if view is not None:
            require_readable(principal, view)
        return await self._store.create_deploy(principal, key, new, view)
