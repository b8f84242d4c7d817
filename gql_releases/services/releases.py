"""Operations on releases, shared by both APIs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gql_releases.domain.commit import NewCommit
from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.outcomes import CreateResult, Result, Tree
from gql_releases.domain.principal import DELETE_RELEASES, WRITE_RELEASES, Principal
from gql_releases.domain.ref import Ref
from gql_releases.domain.release import NewRelease, ReleaseChange, ReleaseKey
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.reads import require_readable, require_storable


class ReleaseStore(Protocol):
    """The storage of releases; each method is one transaction."""

    async def create_release(
        self,
        principal: Principal,
        new: NewRelease,
        view: PagedSelection | None,
        *,
        create_projects: bool,
        in_turn: bool = False,
    ) -> CreateResult: ...

    async def create_releases(
        self, principal: Principal, news: Sequence[NewRelease], view: PagedSelection | None, *, create_projects: bool
    ) -> list[CreateResult]: ...

    async def update_release(
        self, principal: Principal, key: ReleaseKey, change: ReleaseChange, view: PagedSelection
    ) -> Tree: ...

    async def finalize_release(
        self, principal: Principal, key: ReleaseKey, at: datetime | None, view: PagedSelection
    ) -> Tree: ...

    async def set_commits(
        self,
        principal: Principal,
        key: ReleaseKey,
        commits: Sequence[NewCommit],
        repository: str | None,
        view: PagedSelection,
    ) -> Tree: ...

    async def set_refs(self, principal: Principal, key: ReleaseKey, refs: Sequence[Ref], view: PagedSelection) -> Tree: ...

    async def delete_release(self, principal: Principal, key: ReleaseKey) -> int: ...


class ReleaseService:
    """Operations on releases. Every method raises OrganizationNotFound and Forbidden before anything else.

    `in_turn`: concurrent creations are executed in the order of their calls.
    """

    def __init__(self, store: ReleaseStore, *, create_projects: bool = False, in_turn: bool = False) -> None:
        self._store, self._create_projects, self._in_turn = store, create_projects, in_turn

    @property
    def creates_projects(self) -> bool:
        """Whether a creation creates the unknown projects that it names."""
        return self._create_projects

    async def create_release(
        self, principal: Principal, organization: str, new: NewRelease, view: PagedSelection | None = None
    ) -> CreateResult:
        """Create a release, or update the existing one of this version: idempotent. Raises InvalidInput."""
        principal.require(WRITE_RELEASES)
        principal.require_organization(organization)
        require_readable(principal, view)
        create = self._create_projects
        return await self._store.create_release(principal, new, view, create_projects=create, in_turn=self._in_turn)

    async def create_releases(
        self,
        principal: Principal,
        organization: str,
        news: Sequence[NewRelease | InvalidInput],
        view: PagedSelection | None = None,
        *,
        together: bool,
    ) -> list[Result]:
        """Create many releases: with `together` all or none in one transaction, else each in its own.

        With `together`, raises InvalidInput with the problems of all releases.
        """
        principal.require(WRITE_RELEASES)
        principal.require_organization(organization)
        require_readable(principal, view)
        good, create = [new for new in news if isinstance(new, NewRelease)], self._create_projects
        if not together:
            return [await self._create_one(principal, index, new, view) for index, new in enumerate(news)]
        if len(good) < len(news):
            raise InvalidInput(problem for new in news if isinstance(new, InvalidInput) for problem in new.problems)
        return [*await self._store.create_releases(principal, good, view, create_projects=create)]

    async def _create_one(
        self, principal: Principal, index: int, new: NewRelease | InvalidInput, view: PagedSelection | None
    ) -> Result:
        if isinstance(new, InvalidInput):
            return new
        try:
            return await self._store.create_release(principal, new, view, create_projects=self._create_projects)
        except InvalidInput as error:
            return error.within("releases", index)

    async def update_release(
        self, principal: Principal, key: ReleaseKey, change: ReleaseChange, view: PagedSelection
    ) -> Tree:
        """Change the given fields of a release. Raises ReleaseNotFound, InvalidInput."""
        _require_write(principal, key, view)
        return await self._store.update_release(principal, key, change, view)

    async def finalize_release(
        self, principal: Principal, key: ReleaseKey, at: datetime | None, view: PagedSelection
    ) -> Tree:
        """Set a release's date: `at`, else its existing date, else now. Raises ReleaseNotFound."""
        _require_write(principal, key, view)
        return await self._store.finalize_release(principal, key, at, view)

    async def set_commits(
        self,
        principal: Principal,
        key: ReleaseKey,
        commits: Sequence[NewCommit],
        repository: str | None,
        view: PagedSelection,
    ) -> Tree:
        """Replace a release's commits, or only those of one repository. Raises ReleaseNotFound."""
        _require_write(principal, key, view)
        return await self._store.set_commits(principal, key, commits, repository, view)

    async def set_refs(self, principal: Principal, key: ReleaseKey, refs: Sequence[Ref], view: PagedSelection) -> Tree:
        """Set a release's heads; an empty list clears heads and commits. Raises ReleaseNotFound, InvalidInput."""
        _require_write(principal, key, view)
        return await self._store.set_refs(principal, key, refs, view)

    async def delete_release(self, principal: Principal, key: ReleaseKey) -> int:
        """Delete a release in all its projects and return its id. Raises ReleaseNotFound."""
        principal.require(DELETE_RELEASES)
        require_own(principal, key)
        return await self._store.delete_release(principal, key)


def require_own(principal: Principal, key: ReleaseKey) -> None:
    """Check that a key does not name another organization. Raises OrganizationNotFound."""
    if key.organization is not None:
        principal.require_organization(key.organization, "release", "key", "organization")
    require_storable(key.conditions())


def _require_write(principal: Principal, key: ReleaseKey, view: PagedSelection) -> None:
    principal.require(WRITE_RELEASES)
    require_own(principal, key)
    require_readable(principal, view)
