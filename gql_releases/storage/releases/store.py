"""Writes releases: each method is one transaction, which also reads the caller's selection."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, delete, null, update

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
    Origin,
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
from gql_releases.storage.events.release_changes import claim_release, remove_release, reorder_issues
from gql_releases.storage.events.resolutions import follow_commits, resolve_awaiting
from gql_releases.storage.files.version_files import delete_version_files
from gql_releases.storage.lookup import ReleaseHandle, find_release
from gql_releases.storage.outbox.writer import forward_change, forward_creation, forward_deletion
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.release_rows import build_project_links, find_sort_keys
from gql_releases.storage.releases.batcher import Batcher
from gql_releases.storage.releases.bulk import lock_bulk
from gql_releases.storage.releases.creation import Creation, ExistingRelease, create_all
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow

releases, links = table(ReleaseRow), table(ReleaseProjectRow)
logger = logging.getLogger(__name__)

_LINK_COLUMNS = [column.name for column in links.c if column.name != "project_id"]
LINK_PROJECT = BulkStatement(
    "releases.link_project",
    lambda dialect: (
        insert_rows(dialect, links, (*_LINK_COLUMNS, "project_id"), _LINK_COLUMNS)
        .on_conflict_do_nothing()
        .returning(links.c.project_id)
    ),
    _LINK_COLUMNS,
)

MAX_CACHED_UPDATES = 128
"""Sets of columns whose UPDATE is kept: 2^6 are possible with six fields."""


def _match_release(column: Any) -> Any:
    return column == bindparam("release", type_=Id)


@lru_cache(maxsize=MAX_CACHED_UPDATES)
def update_columns(names: tuple[str, ...]) -> Statement:
    """Return the statement that sets columns of one release."""
    return Statement(
        "releases.update", update(releases).values(bind_columns(releases, *names)).where(_match_release(releases.c.id))
    )


UPDATE_DATE_OF_LINKS = Statement(
    "releases.update_date_of_links",
    update(links)
    .values(bind_columns(links, "release_order", "date_shown"))
    .where(links.c.organization_id == bindparam("organization", type_=Id), _match_release(links.c.release_id)),
)
CLEAR_LAST_DEPLOY = Statement(
    "releases.clear_last_deploy", update(releases).values(last_deploy_id=null()).where(_match_release(releases.c.id))
)
DELETE_RELEASE = Statement("releases.delete", delete(releases).where(_match_release(releases.c.id)))

LARGE_WRITE_ROWS = 1_000
"""A write with more rows does not run on the event loop (they take about 10 ms on SQLite)."""
ROWS_OF_RELEASE = 20
"""The time to write a release without its commits, as a number of rows."""

Change = Callable[[Transaction, ReleaseHandle], Awaitable[None]]


class ReleaseStore:
    """Releases in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader
        self._batcher: Batcher[Creation, CreateResult | None] = Batcher(self._create_batch, *database.dialect.batch_limits)

    async def create_release(
        self,
        principal: Principal,
        new: NewRelease,
        view: PagedSelection | None,
        *,
        create_projects: bool,
        in_turn: bool = False,
    ) -> CreateResult:
        """Create or update the release of this version: see docs/sentry-contract.md#2-creation. Raises InvalidInput.

        Concurrent creations are written by the same statements, unless they must be created `in_turn`.
        """
        creation = Creation(principal, new, view, create_projects)
        size = ROWS_OF_RELEASE + _count_rows(new.commits)
        if not in_turn and not new.refs and not new.resolves_origin and size <= LARGE_WRITE_ROWS:
            created = await self._batcher.submit(principal.organization_id, creation, size)
            if created is not None:
                return created
        return await self._create_alone(creation)

    async def _create_batch(
        self, organization: int, creations: Sequence[Creation]
    ) -> Sequence[CreateResult | Exception | None]:
        """Create the new ones of some releases in one transaction; None: create this one alone."""
        if len(creations) == 1:
            return [await self._create_alone(creations[0])]
        try:
            results = await self._database.write(
                lambda transaction: create_all(transaction, organization, creations, self._read_results)
            )
        except Unavailable:
            raise
        except DomainError:  # of one of them, as a revoked token: alone, only its creation fails
            return [None] * len(creations)
        except Exception:
            count_fall_back("batch")
            logger.warning("a batch of %d creations failed: each is retried alone", len(creations), exc_info=True)
            return [None] * len(creations)
        return [None if isinstance(result, ExistingRelease) else result for result in results]

    async def _create_alone(self, creation: Creation) -> CreateResult:
        return await self._database.write(
            lambda transaction: self._create(transaction, creation),
            large=_count_rows(creation.new.commits) > LARGE_WRITE_ROWS,
        )

    async def create_releases(
        self, principal: Principal, news: Sequence[NewRelease], view: PagedSelection | None, *, create_projects: bool
    ) -> list[CreateResult]:
        """Create several releases in one transaction. Raises InvalidInput, its paths below ("releases", index)."""

        begun = now()
        # The dates follow the order of the input, in whatever order the releases are written.
        dated = [
            new if new.date_created else replace(new, date_created=begun + timedelta(microseconds=index))
            for index, new in enumerate(news)
        ]
        creations = [Creation(principal, new, view, create_projects) for new in dated]

        async def work(transaction: Transaction) -> list[CreateResult]:
            return await self._create_bulk(transaction, principal.organization_id, creations)

        return await self._database.write(
            work, large=sum(ROWS_OF_RELEASE + _count_rows(new.commits) for new in news) > LARGE_WRITE_ROWS
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
            created = await create_all(transaction, organization, [creations[index] for index in usual], self._read_results)
            for index, result in zip(usual, created, strict=True):
                results[index] = result
        for index in sorted(range(len(creations)), key=lambda index: (creations[index].new.version, index)):
            results[index] = await self._create_rest_of_bulk(transaction, creations[index], results[index], index)
        refused = [result for result in results if isinstance(result, InvalidInput)]
        if refused:
            raise InvalidInput(problem for error in refused for problem in error.problems)
        return [result for result in results if isinstance(result, CreateResult)]

    async def _create_rest_of_bulk(
        self,
        transaction: Transaction,
        creation: Creation,
        result: CreateResult | ExistingRelease | InvalidInput | None,
        index: int,
    ) -> CreateResult | InvalidInput:
        """Create a release of a bulk that exists, has refs or repeats a version."""
        if isinstance(result, CreateResult):
            return result
        try:
            if isinstance(result, InvalidInput):
                raise result
            if isinstance(result, ExistingRelease):
                return await self._update_existing(transaction, creation, result)
            return await self._create(transaction, creation)
        except InvalidInput as error:
            return error.within("releases", index)

    async def _create(self, transaction: Transaction, creation: Creation) -> CreateResult:
        """Create a release or update the existing one. Raises InvalidInput."""
        if creation.new.resolves_origin:
            new = await resolve_creation(transaction, creation.principal.organization_id, creation.new)
            creation = replace(creation, new=new)
        [result] = await create_all(transaction, creation.principal.organization_id, [creation], self._read_results)
        if isinstance(result, InvalidInput):
            raise result
        assert result is not None, "a single creation has no other of its version"
        return await self._update_existing(transaction, creation, result) if isinstance(result, ExistingRelease) else result

    async def _update_existing(
        self, transaction: Transaction, creation: Creation, existing: ExistingRelease
    ) -> CreateResult:
        """Update the existing release with the projects, commits, refs and status of the request.

        A release that an event created gets all fields of the request.
        """
        principal, new = creation.principal, creation.new
        organization = principal.organization_id
        release = await find_release(transaction, principal, ReleaseKey(version=new.version))
        is_filled = release.origin is Origin.EVENT
        kept = () if is_filled else FIELDS_KEPT_BY_EXISTING
        changes = {name: value for name, value in new.values.items() if name not in kept}
        if changes.get("status") is release.status:
            del changes["status"]
        await claim_release(transaction, organization, release)
        if is_filled and new.user_agent is not None:
            await transaction.execute(update_columns(("user_agent",)), {"user_agent": new.user_agent, "release": release.id})
        await self._update_columns(transaction, organization, release, changes)
        keys = await find_sort_keys(transaction, release.id)
        extended = await transaction.fetch_many(
            LINK_PROJECT, build_project_links(organization, release.id, keys, existing.projects)
        )
        await apply_commits_and_refs(transaction, organization, release.id, new.commits, new.refs)
        if new.commits or new.refs:
            await follow_commits(transaction, organization, release.id)
        if extended:
            await resolve_awaiting(transaction, organization, [release.id])
        if existing.upstream:
            await forward_creation(transaction, principal, release.id, new, is_existing=True)
        outcome = Outcome.EXTENDED if extended else Outcome.EXISTING
        ignored = tuple(name for name in kept if name in new.values)
        return CreateResult(
            outcome, release.id, ignored, await self._read_result(transaction, principal, release.id, creation.view)
        )

    async def update_release(
        self, principal: Principal, key: ReleaseKey, change: ReleaseChange, view: PagedSelection
    ) -> Tree:
        """Update the fields of a release that are sent. Raises ReleaseNotFound, InvalidInput."""

        async def apply(transaction: Transaction, release: ReleaseHandle) -> None:
            organization = principal.organization_id
            resolved = await resolve_change(transaction, organization, release.id, change)
            await self._update_columns(transaction, organization, release, resolved.values)
            if resolved.refs is not None and not resolved.refs:
                await clear_commits(transaction, organization, release.id)
            await apply_commits_and_refs(transaction, organization, release.id, resolved.commits, resolved.refs)
            if resolved.commits or resolved.refs:
                await follow_commits(transaction, organization, release.id)
            await forward_change(transaction, principal, release, resolved.values, resolved.commits, resolved.refs)

        large = change.refs == () or _count_rows(change.commits or ()) > LARGE_WRITE_ROWS
        return await self._update(principal, key, apply, view, large=large)

    async def finalize_release(
        self, principal: Principal, key: ReleaseKey, at: datetime | None, view: PagedSelection
    ) -> Tree:
        """Set a release's date: `at`, else the stored date, else now. Raises ReleaseNotFound."""

        async def apply(transaction: Transaction, release: ReleaseHandle) -> None:
            values = {"date_released": at or release.date_released or now()}
            await self._update_columns(transaction, principal.organization_id, release, values)
            await forward_change(transaction, principal, release, values)

        return await self._update(principal, key, apply, view)

    async def set_commits(
        self,
        principal: Principal,
        key: ReleaseKey,
        commits: Sequence[NewCommit],
        repository: str | None,
        view: PagedSelection,
    ) -> Tree:
        """Replace a release's commits, or those of one repository. Raises ReleaseNotFound."""

        async def apply(transaction: Transaction, release: ReleaseHandle) -> None:
            before = await load_release_commits(transaction, principal.organization_id, release.id)
            names = _list_repositories(commits) | ({repository} if repository is not None else set())
            await lock_repositories(transaction, principal.organization_id, before, names)
            sent = await set_commits(
                transaction, principal.organization_id, release.id, sort_commits(commits), before.listed, repository
            )
            await update_ranges(transaction, principal.organization_id, release.id, sent, before)
            await follow_commits(transaction, principal.organization_id, release.id)
            await forward_change(transaction, principal, release, {}, commits, None, repository)

        return await self._update(principal, key, apply, view, large=not commits or _count_rows(commits) > LARGE_WRITE_ROWS)

    async def set_refs(self, principal: Principal, key: ReleaseKey, refs: Sequence[Ref], view: PagedSelection) -> Tree:
        """Set a release's heads; an empty list clears heads and commits. Raises ReleaseNotFound, InvalidInput."""

        async def apply(transaction: Transaction, release: ReleaseHandle) -> None:
            if refs:
                await apply_commits_and_refs(transaction, principal.organization_id, release.id, None, refs)
                await follow_commits(transaction, principal.organization_id, release.id)
            else:
                await clear_commits(transaction, principal.organization_id, release.id)
            await forward_change(transaction, principal, release, {}, None, refs)

        return await self._update(principal, key, apply, view, large=not refs)

    async def delete_release(self, principal: Principal, key: ReleaseKey) -> int:
        """Delete a release with its links, heads, deploys, files and counters, and return its id. Raises ReleaseNotFound.

        Bundles that were uploaded for its version stay in their projects.
        """

        async def work(transaction: Transaction) -> int:
            await lock_organization(transaction, OrganizationLock.DEPLOYS, principal.organization_id)
            await lock_organization(transaction, OrganizationLock.FILES, principal.organization_id)
            await lock_organization(transaction, OrganizationLock.EVENTS, principal.organization_id)
            release = await find_release(transaction, principal, key, deleted=True)
            places = await delete_release_environments(transaction, principal.organization_id, release.id)
            await remove_release(transaction, principal.organization_id, release.id, release.version)
            await transaction.execute(CLEAR_LAST_DEPLOY, {"release": release.id})
            await transaction.execute(DELETE_RELEASE, {"release": release.id})
            await delete_version_files(transaction, principal.organization_id, release.version)
            await refresh_current(transaction, principal.organization_id, places)
            await forward_deletion(transaction, principal, release.version)
            return release.id

        return await self._database.write(work, large=True)  # as its list of commits may be

    async def _update(
        self, principal: Principal, key: ReleaseKey, change: Change, view: PagedSelection, *, large: bool = False
    ) -> Tree:
        async def work(transaction: Transaction) -> Tree:
            release = await find_release(transaction, principal, key)
            await claim_release(transaction, principal.organization_id, release)
            await change(transaction, release)
            shown = await self._read_result(transaction, principal, release.id, view)
            assert shown is not None
            return shown

        return await self._database.write(work, large=large)

    async def _update_columns(
        self, transaction: Transaction, organization: int, release: ReleaseHandle, values: Any
    ) -> None:
        """Set the fields of a release that are in `values`."""
        columns = {field.column: values[field.name] for field in RELEASE_FIELDS if field.name in values}
        if not columns:
            return
        if "date_released" in columns:
            columns["release_order"] = columns["date_released"] or END_OF_TIME
            columns["shipping_date"] = columns["date_released"] or release.date_created
        await transaction.execute(update_columns(tuple(columns)), {**columns, "release": release.id})
        if "date_released" in columns:
            order = {
                "release_order": columns["release_order"],
                "date_shown": columns["shipping_date"],
            }
            await transaction.execute(UPDATE_DATE_OF_LINKS, {**order, "release": release.id, "organization": organization})
            if columns["shipping_date"] != (release.date_released or release.date_created):
                await reorder_issues(transaction, organization, release.id)

    async def _read_result(
        self, transaction: Transaction, principal: Principal, release: int, view: PagedSelection | None
    ) -> Tree | None:
        [shown] = await self._read_results(transaction, [(principal, release, view)])
        return shown

    async def _read_results(
        self, transaction: Transaction, requests: Sequence[tuple[Principal, int, PagedSelection | None]]
    ) -> list[Tree | None]:
        reads = [(principal, ObjectRead(view, (("id", release),))) for principal, release, view in requests if view]
        shown = iter(await self._reader.read_all(transaction, reads))
        return [next(shown) if view else None for _, _, view in requests]


async def apply_commits_and_refs(
    transaction: Transaction,
    organization: int,
    release: int,
    commits: Sequence[NewCommit] | None,
    refs: Sequence[Ref] | None,
) -> None:
    """Write commits and refs of a request, if there are any, then update the ranges."""
    if not commits and not refs:
        return
    before = await load_release_commits(transaction, organization, release)
    await lock_repositories(
        transaction, organization, before, _list_repositories(commits or ()), {ref.repository for ref in refs or ()}
    )
    sent = None
    if commits:
        sent = await set_commits(transaction, organization, release, sort_commits(commits), before.listed)
    if refs:
        await set_refs(transaction, organization, release, refs)
    await update_ranges(transaction, organization, release, sent, before)


def _list_repositories(commits: Sequence[NewCommit]) -> set[str]:
    return {commit.repository for commit in commits if commit.repository is not None}


def _count_rows(commits: Sequence[NewCommit]) -> int:
    return len(commits) + sum([len(commit.file_changes) for commit in commits])
