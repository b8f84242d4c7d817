"""Changes issues: resolves, reopens, ignores, merges and deletes them, and forgets their users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, null, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.errors import CommitNotFound, ErrorCode, InvalidInput, IssueNotFound, Problem, ReleaseNotFound
from gql_releases.domain.events.issue import IssueStatus, ResolutionKind
from gql_releases.domain.events.issue_change import IssueKey, NewResolution
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.issue_merges import merge_issues, remove_issues
from gql_releases.storage.events.regressions import AWAITED_RELEASE
from gql_releases.storage.events.resolutions import (
    FIND_FIRST_WITH_COMMIT,
    RESOLVE_IN_COMMIT,
    RESOLVE_IN_NEXT_RELEASE,
    RESOLVE_IN_RELEASE,
    RESOLVE_NOW,
    SET_ISSUE_STATUS,
)
from gql_releases.storage.lookup import find_release, require_active_token
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.event import EventRow
from gql_releases.storage.schema.tables.issue import IssueRow, IssueUserRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.session import SessionUserRow

issues, issue_users, commits, events = table(IssueRow), table(IssueUserRow), table(CommitRow), table(EventRow)
session_users, organizations = table(SessionUserRow), table(OrganizationRow)

_OWN = bindparam("organization_id", type_=Id)
_USER = bindparam("user_hash", type_=issue_users.c.user_hash.type)


class StoredIssue(NamedTuple):
    """The columns of an issue that a change needs."""

    id: int
    project_id: int


_SELECT_ISSUE = select(issues.c.id, issues.c.project_id).where(issues.c.organization_id == _OWN)
FIND_ISSUE_BY_ID = RowStatement(
    "issues.find_by_id", StoredIssue, _SELECT_ISSUE.where(issues.c.id == bindparam("id", type_=Id))
)
FIND_ISSUE_BY_SHORT_ID = RowStatement(
    "issues.find_by_short_id",
    StoredIssue,
    _SELECT_ISSUE.where(issues.c.short_id == bindparam("short_id", type_=issues.c.short_id.type)),
)
FIND_COMMIT = Statement(
    "commits.find_newest_by_sha",
    lambda dialect: (
        select(commits.c.id)
        .where(commits.c.organization_id == _OWN, commits.c.sha == bindparam("sha", type_=commits.c.sha.type))
        .order_by(dialect.avoid_index(commits.c.id).desc())
        .limit(1)
    ),
)
_issues_of_user = select(issue_users.c.issue_id).where(
    issue_users.c.organization_id == _OWN, issue_users.c.user_hash == _USER
)
COUNT_ISSUES_OF_USER = Statement(
    "issues.count_of_user",
    select(func.count())
    .select_from(issue_users)
    .where(issue_users.c.organization_id == _OWN, issue_users.c.user_hash == _USER),
)
FORGET_USER = [
    Statement(
        "events.forget_user",
        update(events)
        .values(user_hash=null())
        .where(events.c.organization_id == _OWN, events.c.issue_id.in_(_issues_of_user), events.c.user_hash == _USER),
    ),
    *[
        Statement(f"{rows.name}.forget_user", delete(rows).where(rows.c.organization_id == _OWN, rows.c.user_hash == _USER))
        for rows in (issue_users, session_users)
    ],
]

Change = Callable[[Transaction, StoredIssue], Awaitable[None]]


class IssueStore:
    """Issues in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def resolve_issue(
        self, principal: Principal, key: IssueKey, new: NewResolution, view: PagedSelection | None
    ) -> Tree | None:
        """Resolve an issue. Raises IssueNotFound, ReleaseNotFound, CommitNotFound."""

        async def change(transaction: Transaction, issue: StoredIssue) -> None:
            organization = principal.organization_id
            values = {
                "organization_id": organization,
                "issue_ids": transaction.dialect.list_value([issue.id]),
                "date": now(),
            }
            match new.kind:
                case ResolutionKind.NOW:
                    await transaction.execute(RESOLVE_NOW, values)
                case ResolutionKind.NEXT_RELEASE:
                    await transaction.execute(RESOLVE_IN_NEXT_RELEASE, values)
                case ResolutionKind.RELEASE:
                    if new.release is None:
                        raise ReleaseNotFound
                    release = await find_release(transaction, principal, new.release)
                    await transaction.execute(RESOLVE_IN_RELEASE, {**values, "release": release.id})
                case ResolutionKind.COMMIT:
                    row = await transaction.fetch_one(FIND_COMMIT, {"organization_id": organization, "sha": new.commit})
                    if row is None:
                        raise CommitNotFound
                    place = {"organization_id": organization, "commit": row[0]}
                    first = await transaction.fetch_one(FIND_FIRST_WITH_COMMIT, place)
                    release_id = first[0] if first else AWAITED_RELEASE
                    await transaction.execute(RESOLVE_IN_COMMIT, {**values, "commit": row[0], "release": release_id})

        return await self._change(principal, key, change, view)

    async def set_status(
        self, principal: Principal, key: IssueKey, status: IssueStatus, view: PagedSelection | None
    ) -> Tree | None:
        """Reopen or ignore an issue: it has no resolution afterwards. Raises IssueNotFound."""

        async def change(transaction: Transaction, issue: StoredIssue) -> None:
            listed = transaction.dialect.list_value([issue.id])
            values = {"organization_id": principal.organization_id, "issue_ids": listed, "status": status}
            await transaction.execute(SET_ISSUE_STATUS, values)

        return await self._change(principal, key, change, view)

    async def merge_issues(
        self, principal: Principal, into: IssueKey, keys: Sequence[IssueKey], view: PagedSelection | None
    ) -> tuple[list[int], Tree | None]:
        """Merge issues into another one of their project; return the ids that they had. Raises InvalidInput."""

        async def work(transaction: Transaction) -> tuple[list[int], Tree | None]:
            await lock_organization(transaction, OrganizationLock.EVENTS, principal.organization_id)
            await require_active_token(transaction, principal)
            target, problems = await self._find_all(transaction, principal, [into], "into")
            sources, more = await self._find_all(transaction, principal, keys, "issues")
            problems += more
            for index, issue in sources.items():
                if target and issue.id == target[0].id:
                    message = "An issue cannot be merged into itself."
                    problems.append(Problem(ErrorCode.INVALID_CHOICE, ("issues", index), message))
                elif target and issue.project_id != target[0].project_id:
                    message = "Issues of different projects cannot be merged."
                    problems.append(Problem(ErrorCode.INVALID_CHOICE, ("issues", index), message))
            if problems:
                raise InvalidInput(problems)
            ids = sorted({issue.id for issue in sources.values()})
            await merge_issues(transaction, principal.organization_id, target[0].id, ids)
            return ids, await self._read_result(transaction, principal, target[0].id, view)

        return await self._database.write(work, large=True)

    async def delete_issues(self, principal: Principal, keys: Sequence[IssueKey]) -> list[int]:
        """Delete issues with their events, and return their ids. Raises InvalidInput."""

        async def work(transaction: Transaction) -> list[int]:
            await lock_organization(transaction, OrganizationLock.EVENTS, principal.organization_id)
            await require_active_token(transaction, principal)
            deleted, problems = await self._find_all(transaction, principal, keys, "issues")
            if problems:
                raise InvalidInput(problems)
            ids = sorted({issue.id for issue in deleted.values()})
            await remove_issues(transaction, principal.organization_id, ids)
            return ids

        return await self._database.write(work, large=True)

    async def forget_user(self, principal: Principal, user_hash: str) -> int:
        """Remove the hash of a user from events and sessions, and return the number of issues that the user had."""

        async def work(transaction: Transaction) -> int:
            await lock_organization(transaction, OrganizationLock.EVENTS, principal.organization_id)
            await require_active_token(transaction, principal)
            values = {"organization_id": principal.organization_id, "user_hash": user_hash}
            [(count,)] = await transaction.fetch_all(COUNT_ISSUES_OF_USER, values)
            for statement in FORGET_USER:
                await transaction.execute(statement, values)
            return int(count)

        return await self._database.write(work, large=True)

    async def _change(self, principal: Principal, key: IssueKey, change: Change, view: PagedSelection | None) -> Tree | None:
        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            issue = await _find_issue(transaction, principal.organization_id, key)
            if issue is None:
                raise IssueNotFound
            await change(transaction, issue)
            return await self._read_result(transaction, principal, issue.id, view)

        return await self._database.write(work)

    async def _find_all(
        self, transaction: Transaction, principal: Principal, keys: Sequence[IssueKey], name: str
    ) -> tuple[dict[int, StoredIssue], list[Problem]]:
        """Return the issues by their index in the list `name` of the input, and a problem for each that does not exist."""
        stored: dict[int, StoredIssue] = {}
        problems = []
        for index, key in enumerate(keys):
            issue = await _find_issue(transaction, principal.organization_id, key)
            if issue is None:
                path = ("issues", index) if name == "issues" else (name,)
                problems.append(Problem(ErrorCode.ISSUE_NOT_FOUND, path, IssueNotFound().message))
            else:
                stored[index] = issue
        return stored, problems

    async def _read_result(
        self, transaction: Transaction, principal: Principal, issue: int, view: PagedSelection | None
    ) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, ObjectRead(view, (("id", issue),)))


async def _find_issue(transaction: Transaction, organization: int, key: IssueKey) -> StoredIssue | None:
    values = {"organization_id": organization}
    if key.id is not None:
        return await FIND_ISSUE_BY_ID.fetch_one(transaction, {**values, "id": key.id})
    return await FIND_ISSUE_BY_SHORT_ID.fetch_one(transaction, {**values, "short_id": (key.short_id or "").upper()})
