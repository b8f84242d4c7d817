"""Operations on issues, shared by both APIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gql_releases.domain.errors import ErrorCode, invalid
from gql_releases.domain.events.issue import IssueStatus
from gql_releases.domain.events.issue_change import IssueKey, NewResolution, check_issue_count
from gql_releases.domain.events.users import hash_user
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import DELETE_EVENTS, WRITE_EVENTS, Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.reads import require_readable, require_storable
from gql_releases.services.releases import require_own


class IssueStore(Protocol):
    """The storage of issues; each method is one transaction."""

    async def resolve_issue(
        self, principal: Principal, key: IssueKey, new: NewResolution, view: PagedSelection | None
    ) -> Tree | None: ...

    async def set_status(
        self, principal: Principal, key: IssueKey, status: IssueStatus, view: PagedSelection | None
    ) -> Tree | None: ...

    async def merge_issues(
        self, principal: Principal, into: IssueKey, keys: Sequence[IssueKey], view: PagedSelection | None
    ) -> tuple[list[int], Tree | None]: ...

    async def delete_issues(self, principal: Principal, keys: Sequence[IssueKey]) -> list[int]: ...

    async def forget_user(self, principal: Principal, user_hash: str) -> int: ...


class SaltStore(Protocol):
    """The storage of the salts with which users are hashed."""

    async def find_salt(self, organization_id: int) -> str: ...


class IssueService:
    """Operations on issues. Every method raises Forbidden and OrganizationNotFound before anything else."""

    def __init__(self, store: IssueStore, salts: SaltStore) -> None:
        self._store, self._salts = store, salts

    async def resolve_issue(
        self, principal: Principal, key: IssueKey, new: NewResolution, view: PagedSelection | None = None
    ) -> Tree | None:
        """Resolve an issue. Raises IssueNotFound, ReleaseNotFound, CommitNotFound."""
        principal.require(WRITE_EVENTS)
        _require_own_issue(principal, key, "issue")
        if new.release:
            require_own(principal, new.release)
        require_storable((("commit", new.commit),))
        require_readable(principal, view)
        return await self._store.resolve_issue(principal, key, new, view)

    async def set_status(
        self, principal: Principal, key: IssueKey, status: IssueStatus, view: PagedSelection | None = None
    ) -> Tree | None:
        """Set an issue to UNRESOLVED or IGNORED. Raises IssueNotFound."""
        principal.require(WRITE_EVENTS)
        _require_own_issue(principal, key, "issue")
        require_readable(principal, view)
        return await self._store.set_status(principal, key, status, view)

    async def merge_issues(
        self, principal: Principal, into: IssueKey, keys: Sequence[IssueKey], view: PagedSelection | None = None
    ) -> tuple[list[int], Tree | None]:
        """Merge issues into another one, and return the ids that they had. Raises InvalidInput."""
        principal.require(DELETE_EVENTS)
        _require_own_issue(principal, into, "into")
        _require_own_issues(principal, keys)
        require_readable(principal, view)
        return await self._store.merge_issues(principal, into, keys, view)

    async def delete_issues(self, principal: Principal, keys: Sequence[IssueKey]) -> list[int]:
        """Delete issues with their events, and return their ids. Raises InvalidInput."""
        principal.require(DELETE_EVENTS)
        _require_own_issues(principal, keys)
        return await self._store.delete_issues(principal, keys)

    async def forget_user(self, principal: Principal, organization: str, user: str) -> int:
        """Remove a user from events and sessions: by the id, e-mail address or name that SDKs sent.

        Returns the number of issues that the user had. Raises InvalidInput.
        """
        principal.require(DELETE_EVENTS)
        principal.require_organization(organization)
        if not user.strip():
            raise invalid(ErrorCode.BLANK, ("user",), "This field may not be blank.")
        salt = bytes.fromhex(await self._salts.find_salt(principal.organization_id))
        return await self._store.forget_user(principal, hash_user(user.strip(), salt))


def _require_own_issues(principal: Principal, keys: Sequence[IssueKey]) -> None:
    for index, key in enumerate(keys):
        _require_own_issue(principal, key, "issues", str(index))
    check_issue_count("issues", len(keys))


def _require_own_issue(principal: Principal, key: IssueKey, *path: str) -> None:
    if key.organization is not None:
        principal.require_organization(key.organization, *path, "key", "organization")
    require_storable((("short_id", key.short_id),))
