"""Writes releases: each method is one transaction, which also reads what the caller wants to see."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, delete, null, select, update

from gql_releases.domain.commit import NewCommit, sort_commits
from gql_releases.domain.counters import count_fall_back
from gql_releases.domain.dates import now
from gql_releases.domain.errors import DomainError, InvalidInput, Unavailable
from gql_releases.domain.outcomes import CreateResult, Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.ref import Ref
from gql_releases.domain.release import (
    FIELDS_KEPT_BY_EXISTING,
    RELEASE_FIELDS,
    NewRelease,
    Outcome,
    ReleaseChange,
    ReleaseKey,
)
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.commits.default_repositories import resolve_change, resolve_creation
from gql_releases.storage.commits.ranges import load_release_commits, lock_repositories, update_ranges
from gql_releases.storage.commits.refs import set_refs
from gql_releases.storage.commits.store import clear_commits, set_commits
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.natural_keys import bind_columns, insert_rows
from gql_releases.storage.engine.statements import BulkStatement, Statement, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id
from gql_releases.storage.environments import delete_release_environments, refresh_current
from gql_releases.storage.lookup import ReleaseHandle, find_release
from gql_releases.storage.outbox.writer import forward_change, forward_creation, forward_deletion
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.releases.batcher import Batcher
from gql_releases.storage.releases.bulk import lock_bulk
from gql_releases.storage.releases.creation import COPIED, Creation, ExistingRelease, create_all, links_to
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow

releases, links = table(ReleaseRow), table(ReleaseProjectRow)
logger = logging.getLogger(__name__)

_LINK = [column.name for column in links.c if column.name != "project_id"]
LINK_PROJECT = BulkStatement(
    "releases.link_project",
    lambda dialect: (
        insert_rows(dialect, links, (*_LINK, "project_id"), _LINK).on_conflict_do_nothing().returning(links.c.project_id)
    ),
    _LINK,
)
_SORT_KEYS = (*COPIED, "date_released")
FIND_SORT_KEYS = Statement(
    "releases.find_sort_keys",
    select(*(releases.c[name] for name in _SORT_KEYS)).where(releases.c.id == bindparam("release_id", type_=Id)),
)


MAX_CACHED_UPDATES = 128
"""Sets of columns whose UPDATE is kept: 2^6 are possible with six fields."""


def _where_release(column: Any) -> Any:
    return column == bindparam("release", type_=Id)


@lru_cache(maxsize=MAX_CACHED_UPDATES)
def update_columns(names: tuple[str, ...]) -> Statement:
    """Return the statement that sets columns of one release."""
    return Statement(
        "releases.update", update(releases).values(bind_columns(releases, *names)).where(_where_release(releases.c.id))
    )


UPDATE_DATE_OF_LINKS = Statement(
    "releases.update_date_of_links",
    update(links)
    .values(bind_columns(links, "release_order", "date_shown"))
    .where(links.c.organization_id == bindparam("organization", type_=Id), _where_release(links.c.release_id)),
)
CLEAR_LAST_DEPLOY = Statement(
    "releases.clear_last_deploy", update(releases).values(last_deploy_id=null()).where(_where_release(releases.c.id))
)
DELETE_RELEASE = Statement("releases.delete", delete(releases).where(_where_release(releases.c.id)))

LARGE_WRITE_ROWS = 1_000
"""Rows from which on a write is better not run on the event loop (about 10 ms of SQLite)."""
ROWS_OF_RELEASE = 20
"""As many as a release takes the time of, without its commits."""

Change = Callable[[Transaction, ReleaseHandle], Awaitable[None]]


class ReleaseStore:
    """Releases in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader
        self._together: Batcher[Creation, CreateResult | None] = Batcher(
            self._create_together, *database.dialect.batch_limits
        )

    async def create_release(
        self,
        principal: Principal,
        new: NewRelease,
        view: PagedSelection | None,
        *,
        create_projects: bool,
        in_turn: bool = False,
    ) -> CreateResult:
        """Create a release, or touch the one of this version: see docs/sentry-contract.md#2-creation. Raises InvalidInput.

        Those that come at the same moment are created by the same statements, unless they are to be created `in_turn`.
        """
        creation = Creation(principal, new, view, create_projects)
        size = ROWS_OF_RELEASE + _rows(new.commits)
        if not in_turn and not new.refs and not new.resolves_origin and size <= LARGE_WRITE_ROWS:
            created = await self._together.do(principal.organization_id, creation, size)
            if created is not None:
                return created
        return await self._create_alone(creation)

    async def _create_together(
        self, organization: int, creations: Sequence[Creation]
    ) -> Sequence[CreateResult | Exception | None]:
        """Create those of some releases that are new in one transaction; None: it is to be created alone."""
        if len(creations) == 1:
            return [await self._create_alone(creations[0])]
        try:
            made = await self._database.write(
                lambda transaction: create_all(transaction, organization, creations, self._show_all)
            )
        except Unavailable:
            raise
        except DomainError:  # of one of them, as a revoked token: alone, each one finds out for itself
            return [None] * len(creations)
        except Exception:
            count_fall_back("batch")
            logger.warning("a batch of %d creations failed: each is retried alone", len(creations), exc_info=True)
            return [None] * len(creations)
        return [None if isinstance(one, ExistingRelease) else one for one in made]

    async def _create_alone(self, creation: Creation) -> CreateResult:
        return await self._database.write(
            lambda transaction: self._create(transaction, creation), large=_rows(creation.new.commits) > LARGE_WRITE_ROWS
        )

    async def create_releases(
        self, principal: Principal, news: Sequence[NewRelease], view: PagedSelection | None, *, create_projects: bool
    ) -> list[CreateResult]:
        """Create several releases in one transaction. Raises InvalidInput, its paths below ("releases", index)."""

        begun = now()
        # Dates in the order of the input, whatever the order in which they are written.
        dated = [
            new if new.date_created else replace(new, date_created=begun + timedelta(microseconds=index))
            for index, new in enumerate(news)
        ]
        creations = [Creation(principal, new, view, create_projects) for new in dated]

        async def work(transaction: Transaction) -> list[CreateResult]:
            return await self._create_bulk(transaction, principal.organization_id, creations)

        return await self._database.write(
            work, large=sum(ROWS_OF_RELEASE + _rows(new.commits) for new in news) > LARGE_WRITE_ROWS
        )

    async def _create_bulk(
        self, transaction: Transaction, organization: int, creations: Sequence[Creation]
    ) -> list[CreateResult]:
        """Create releases of one organization: new ones by the same statements, then the others in the order of versions."""
        await lock_bulk(transaction, organization, creations)
        results: list[CreateResult | ExistingRelease | InvalidInput | None] = [None] * len(creations)
        first: dict[str, int] = {}
        for index, creation in enumerate(creations):
            first.setdefault(creation.new.version, index)
        news = [creation.new for creation in creations]
        usual = [index for index in first.values() if not news[index].refs and not news[index].resolves_origin]
        if usual:
            created = await create_all(transaction, organization, [creations[index] for index in usual], self._show_all)
            for index, result in zip(usual, created, strict=True):
                results[index] = result
        for index in sorted(range(len(creations)), key=lambda index: (creations[index].new.version, index)):
            results[index] = await self._finish(transaction, creations[index], results[index], index)
        refused = [result for result in results if isinstance(result, InvalidInput)]
        if refused:
            raise InvalidInput(problem for error in refused for problem in error.problems)
        return [result for result in results if isinstance(result, CreateResult)]

    async def _finish(
        self,
        transaction: Transaction,
        creation: Creation,
        result: CreateResult | ExistingRelease | InvalidInput | None,
        index: int,
    ) -> CreateResult | InvalidInput:
        """Do what is left of a bulk's creation, whose release is there already, has refs or repeats a version."""
        if isinstance(result, CreateResult):
            return result
        try:
            if isinstance(result, InvalidInput):
                raise result
            if isinstance(result, ExistingRelease):
                return await self._extend(transaction, creation, result)
            return await self._create(transaction, creation)
        except InvalidInput as error:
            return error.within("releases", index)

    async def _create(self, transaction: Transaction, creation: Creation) -> CreateResult:
        """Create a release, or give the one that is there what a creation brings. Raises InvalidInput."""
        if creation.new.resolves_origin:
            new = await resolve_creation(transaction, creation.principal.organization_id, creation.new)
            creation = replace(creation, new=new)
        [made] = await create_all(transaction, creation.principal.organization_id, [creation], self._show_all)
        if isinstance(made, InvalidInput):
            raise made
        assert made is not None, "alone, there is no other one of its version"
        return await self._extend(transaction, creation, made) if isinstance(made, ExistingRelease) else made

    async def _extend(self, transaction: Transaction, creation: Creation, there: ExistingRelease) -> CreateResult:
        """Give a release that is there what a creation brings: projects, commits, refs, a status."""
        principal, new = creation.principal, creation.new
        organization = principal.organization_id
        found = await find_release(transaction, principal, ReleaseKey(version=new.version))
        changes = {name: value for name, value in new.values.items() if name not in FIELDS_KEPT_BY_EXISTING}
        if changes.get("status") is found.status:
            del changes["status"]
        await self._apply(transaction, organization, found, changes)
        keys = await _sort_keys(transaction, found.id)
        extended = await transaction.fetch_many(LINK_PROJECT, links_to(organization, found.id, keys, there.projects))
        await update_existing(transaction, organization, found.id, new.commits, new.refs)
        if there.upstream:
            await forward_creation(transaction, principal, found.id, new, is_existing=True)
        outcome = Outcome.EXTENDED if extended else Outcome.EXISTING
        ignored = tuple(name for name in FIELDS_KEPT_BY_EXISTING if name in new.values)
        return CreateResult(outcome, found.id, ignored, await self._show(transaction, principal, found.id, creation.view))

    async def update_release(
        self, principal: Principal, key: ReleaseKey, change: ReleaseChange, view: PagedSelection
    ) -> Tree:
        """Change what is given of a release. Raises ReleaseNotFound, InvalidInput."""

        async def apply(transaction: Transaction, found: ReleaseHandle) -> None:
            organization = principal.organization_id
            resolved = await resolve_change(transaction, organization, found.id, change)
            await self._apply(transaction, organization, found, resolved.values)
            if resolved.refs is not None and not resolved.refs:
                await clear_commits(transaction, organization, found.id)
            await update_existing(transaction, organization, found.id, resolved.commits, resolved.refs)
            await forward_change(transaction, principal, found, resolved.values, resolved.commits, resolved.refs)

        large = change.refs == () or _rows(change.commits or ()) > LARGE_WRITE_ROWS
        return await self._change(principal, key, apply, view, large=large)

    async def finalize_release(
        self, principal: Principal, key: ReleaseKey, at: datetime | None, view: PagedSelection
    ) -> Tree:
        """Give a release its date: `at`, else the one that it has, else now. Raises ReleaseNotFound."""

        async def apply(transaction: Transaction, found: ReleaseHandle) -> None:
            values = {"date_released": at or found.date_released or now()}
            await self._apply(transaction, principal.organization_id, found, values)
            await forward_change(transaction, principal, found, values)

        return await self._change(principal, key, apply, view)

    async def set_commits(
        self,
        principal: Principal,
        key: ReleaseKey,
        commits: Sequence[NewCommit],
        repository: str | None,
        view: PagedSelection,
    ) -> Tree:
        """Replace a release's commits, or those of one repository. Raises ReleaseNotFound."""

        async def apply(transaction: Transaction, found: ReleaseHandle) -> None:
            before = await load_release_commits(transaction, principal.organization_id, found.id)
            names = _repositories(commits) | ({repository} if repository is not None else set())
            await lock_repositories(transaction, principal.organization_id, before, names)
            sent = await set_commits(
                transaction, principal.organization_id, found.id, sort_commits(commits), before.listed, repository
            )
            await update_ranges(transaction, principal.organization_id, found.id, sent, before)
            await forward_change(transaction, principal, found, {}, commits, None, repository)

        return await self._change(principal, key, apply, view, large=not commits or _rows(commits) > LARGE_WRITE_ROWS)

    async def set_refs(self, principal: Principal, key: ReleaseKey, refs: Sequence[Ref], view: PagedSelection) -> Tree:
        """Set a release's heads; an empty list clears heads and commits. Raises ReleaseNotFound, InvalidInput."""

        async def apply(transaction: Transaction, found: ReleaseHandle) -> None:
            if refs:
                await update_existing(transaction, principal.organization_id, found.id, None, refs)
            else:
                await clear_commits(transaction, principal.organization_id, found.id)
            await forward_change(transaction, principal, found, {}, None, refs)

        return await self._change(principal, key, apply, view, large=not refs)

    async def delete_release(self, principal: Principal, key: ReleaseKey) -> int:
        """Delete a release with its links, heads and deploys, and give its id. Raises ReleaseNotFound."""

        async def work(transaction: Transaction) -> int:
            await lock_organization(transaction, OrganizationLock.DEPLOYS, principal.organization_id)
            found = await find_release(transaction, principal, key, deleted=True)
            places = await delete_release_environments(transaction, principal.organization_id, found.id)
            await transaction.execute(CLEAR_LAST_DEPLOY, {"release": found.id})
            await transaction.execute(DELETE_RELEASE, {"release": found.id})
            await refresh_current(transaction, principal.organization_id, places)
            await forward_deletion(transaction, principal, found.version)
            return found.id

        return await self._database.write(work, large=True)  # as its list of commits may be

    async def _change(
        self, principal: Principal, key: ReleaseKey, change: Change, view: PagedSelection, *, large: bool = False
    ) -> Tree:
        async def work(transaction: Transaction) -> Tree:
            found = await find_release(transaction, principal, key)
            await change(transaction, found)
            shown = await self._show(transaction, principal, found.id, view)
            assert shown is not None
            return shown

        return await self._database.write(work, large=large)

    async def _apply(self, transaction: Transaction, organization: int, found: ReleaseHandle, values: Any) -> None:
        """Set the fields of a release that are in `values`."""
        columns = {field.column: values[field.name] for field in RELEASE_FIELDS if field.name in values}
        if not columns:
            return
        if "date_released" in columns:
            columns["release_order"] = columns["date_released"] or END_OF_TIME
        await transaction.execute(update_columns(tuple(columns)), {**columns, "release": found.id})
        if "date_released" in columns:
            order = {"release_order": columns["release_order"], "date_shown": columns["date_released"] or found.date_created}
            await transaction.execute(UPDATE_DATE_OF_LINKS, {**order, "release": found.id, "organization": organization})

    async def _show(
        self, transaction: Transaction, principal: Principal, release: int, view: PagedSelection | None
    ) -> Tree | None:
        [shown] = await self._show_all(transaction, [(principal, release, view)])
        return shown

    async def _show_all(
        self, transaction: Transaction, wanted: Sequence[tuple[Principal, int, PagedSelection | None]]
    ) -> list[Tree | None]:
        reads = [(principal, ObjectRead(view, (("id", release),))) for principal, release, view in wanted if view]
        shown = iter(await self._reader.read_all(transaction, reads))
        return [next(shown) if view else None for _, _, view in wanted]


async def _sort_keys(transaction: Transaction, release: int) -> dict[str, Any]:
    row = await transaction.fetch_one(FIND_SORT_KEYS, {"release_id": release})
    assert row
    return dict(zip(_SORT_KEYS, row, strict=True))


async def update_existing(
    transaction: Transaction,
    organization: int,
    release: int,
    commits: Sequence[NewCommit] | None,
    refs: Sequence[Ref] | None,
) -> None:
    """Take commits and refs as they came, where some came, then put together what they make known."""
    if not commits and not refs:
        return
    before = await load_release_commits(transaction, organization, release)
    await lock_repositories(
        transaction, organization, before, _repositories(commits or ()), {ref.repository for ref in refs or ()}
    )
    sent = None
    if commits:
        sent = await set_commits(transaction, organization, release, sort_commits(commits), before.listed)
    if refs:
        await set_refs(transaction, organization, release, refs)
    await update_ranges(transaction, organization, release, sent, before)


def _repositories(commits: Sequence[NewCommit]) -> set[str]:
    return {commit.repository for commit in commits if commit.repository is not None}


def _rows(commits: Sequence[NewCommit]) -> int:
    return len(commits) + sum([len(one.file_changes) for one in commits])
