"""Finds and deletes rows of files that nothing refers to any more, in batches; and files that nobody uses, by retention.

Each deletion repeats its conditions: a row that another process has renewed or referred to meanwhile stays. On PostgreSQL a
reference that is being added makes the deletion fail, which is then tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, func, or_, select

from gql_releases.domain.assembly import AssemblyState
from gql_releases.domain.blob import BlobKind
from gql_releases.domain.file_collection import Removed
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.natural_keys import match_ids
from gql_releases.storage.engine.statements import IdRow, RowStatement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.files.version_artifacts import refresh_totals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.artifact_bundle import ArtifactBundleRow, ArtifactBundleVersionRow
from gql_releases.storage.schema.tables.blob import AssemblyRow, BlobRow, ChunkRow
from gql_releases.storage.schema.tables.debug_file import DebugFileRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow

BATCH_ROWS = 500
"""Rows that one transaction examines or deletes."""
BUNDLES_PER_TRANSACTION = 10
"""Bundles that retention deletes in one transaction, each with thousands of files at most."""

blobs, chunks, assemblies = table(BlobRow), table(ChunkRow), table(AssemblyRow)
bundles, versions = table(ArtifactBundleRow), table(ArtifactBundleVersionRow)
release_files, debug_files = table(ReleaseFileRow), table(DebugFileRow)
organizations = table(OrganizationRow)

_AFTER = bindparam("after", type_=Id)
_LIMIT = BATCH_ROWS
_BEFORE = bindparam("before", type_=UtcDateTime)


class SizedRow(NamedTuple):
    """A row that a collection may delete, and its bytes."""

    id: int
    size: int
    is_unused: bool


class ChunkCandidate(NamedTuple):
    """A chunk that a collection may delete."""

    id: int
    organization_id: int
    sha1: str
    size: int
    is_old: bool


class AssemblyCandidate(NamedTuple):
    """A finished assembly that a collection may delete."""

    id: int
    is_unused: bool


class SizeRow(NamedTuple):
    """The size of a deleted row."""

    size: int


class Sha1Row(NamedTuple):
    """The content of a row."""

    sha1: str


class Request(NamedTuple):
    """An unfinished assembly: its organization and the JSON of its request."""

    id: int
    organization_id: int
    request: str


class UnusedBundle(NamedTuple):
    """A bundle that nobody has used for long."""

    id: int
    size: int


class VersionRow(NamedTuple):
    """A version of a bundle."""

    version: str


def _refers(referring: Table, column: str) -> ColumnElement[bool]:
    same = and_(referring.c.organization_id == blobs.c.organization_id, referring.c[column] == blobs.c.id)
    return exists(select(referring.c.id).where(same).correlate(blobs))


_IS_OLD_BLOB = blobs.c.date_stored < _BEFORE
_IS_UNUSED_BLOB = and_(
    _IS_OLD_BLOB,
    ~_refers(bundles, "blob_id"),
    ~_refers(release_files, "blob_id"),
    ~_refers(debug_files, "blob_id"),
    ~_refers(debug_files, "symcache_blob_id"),
)
_HAS_BLOB = exists(
    select(blobs.c.id)
    .where(blobs.c.organization_id == assemblies.c.organization_id, blobs.c.sha1 == assemblies.c.checksum)
    .correlate(assemblies)
)
_IS_OVER = and_(
    assemblies.c.date_updated < _BEFORE,
    or_(
        assemblies.c.state == AssemblyState.ERROR.value,
        and_(assemblies.c.state == AssemblyState.OK.value, ~_HAS_BLOB),
    ),
)
_IS_UNFINISHED = or_(*(assemblies.c.state == state.value for state in AssemblyState if state.is_unfinished))

EXAMINE_BLOBS = RowStatement(
    "collection.examine_blobs",
    SizedRow,
    select(blobs.c.id, blobs.c.size, _IS_UNUSED_BLOB.label("is_unused"))
    .where(blobs.c.id > _AFTER)
    .order_by(blobs.c.id)
    .limit(_LIMIT),
)
DELETE_BLOBS = RowStatement(
    "collection.delete_blobs",
    SizeRow,
    lambda dialect: delete(blobs).where(dialect.is_among(blobs.c.id, "ids"), _IS_UNUSED_BLOB).returning(blobs.c.size),
)
EXAMINE_CHUNKS = RowStatement(
    "collection.examine_chunks",
    ChunkCandidate,
    select(
        *(chunks.c[name] for name in ("id", "organization_id", "sha1", "size")),
        (chunks.c.date_stored < _BEFORE).label("is_old"),
    )
    .where(chunks.c.id > _AFTER)
    .order_by(chunks.c.id)
    .limit(_LIMIT),
)
DELETE_CHUNKS = RowStatement(
    "collection.delete_chunks",
    SizeRow,
    lambda dialect: (
        delete(chunks).where(dialect.is_among(chunks.c.id, "ids"), chunks.c.date_stored < _BEFORE).returning(chunks.c.size)
    ),
)
LIST_UNFINISHED_REQUESTS = RowStatement(
    "collection.list_unfinished_requests",
    Request,
    select(assemblies.c.id, assemblies.c.organization_id, assemblies.c.request)
    .where(assemblies.c.id > _AFTER, _IS_UNFINISHED)
    .order_by(assemblies.c.id)
    .limit(_LIMIT),
)
EXAMINE_ASSEMBLIES = RowStatement(
    "collection.examine_assemblies",
    AssemblyCandidate,
    select(assemblies.c.id, _IS_OVER.label("is_unused"))
    .where(assemblies.c.id > _AFTER)
    .order_by(assemblies.c.id)
    .limit(_LIMIT),
)
DELETE_ASSEMBLIES = RowStatement(
    "collection.delete_assemblies",
    IdRow,
    lambda dialect: delete(assemblies).where(dialect.is_among(assemblies.c.id, "ids"), _IS_OVER).returning(assemblies.c.id),
)


def _list_owned(target: Table) -> Any:
    return lambda dialect: select(target.c.sha1).where(dialect.is_among(target.c.sha1, "sha1s")).distinct()


LIST_OWNED_BLOBS = RowStatement("collection.list_owned_blobs", Sha1Row, _list_owned(blobs))
LIST_OWNED_CHUNKS = RowStatement("collection.list_owned_chunks", Sha1Row, _list_owned(chunks))
_OWNED = {BlobKind.BLOB: LIST_OWNED_BLOBS, BlobKind.CHUNK: LIST_OWNED_CHUNKS}

LIST_ORGANIZATIONS = RowStatement(
    "collection.list_organizations", IdRow, select(organizations.c.id).order_by(organizations.c.id)
)
_UNUSED_BUNDLE = [*match_ids(bundles, "organization_id"), bundles.c.date_used < _BEFORE]
LIST_UNUSED_BUNDLES = RowStatement(
    "collection.list_unused_bundles",
    UnusedBundle,
    select(bundles.c.id, bundles.c.size).where(*_UNUSED_BUNDLE).order_by(bundles.c.date_used).limit(BUNDLES_PER_TRANSACTION),
)
COUNT_UNUSED_BUNDLES = RowStatement(
    "collection.count_unused_bundles",
    Removed,
    select(func.count(), func.coalesce(func.sum(bundles.c.size), 0)).where(*_UNUSED_BUNDLE),
)
LIST_BUNDLE_VERSIONS = RowStatement(
    "collection.list_bundle_versions",
    VersionRow,
    lambda dialect: (
        select(versions.c.version)
        .where(*match_ids(versions, "organization_id"), dialect.is_among(versions.c.artifact_bundle_id, "ids"))
        .distinct()
    ),
)
DELETE_UNUSED_BUNDLES = RowStatement(
    "collection.delete_unused_bundles",
    SizeRow,
    lambda dialect: delete(bundles).where(*_UNUSED_BUNDLE, dialect.is_among(bundles.c.id, "ids")).returning(bundles.c.size),
)
_UNUSED_DEBUG_FILE = [*match_ids(debug_files, "organization_id"), debug_files.c.date_used < _BEFORE]
COUNT_UNUSED_DEBUG_FILES = RowStatement(
    "collection.count_unused_debug_files",
    Removed,
    select(func.count(), func.coalesce(func.sum(debug_files.c.size), 0)).where(*_UNUSED_DEBUG_FILE),
)


def _delete_unused_debug_files(dialect: Dialect) -> Any:
    some = select(debug_files.c.id).where(*_UNUSED_DEBUG_FILE).order_by(debug_files.c.date_used).limit(_LIMIT)
    return delete(debug_files).where(*_UNUSED_DEBUG_FILE, debug_files.c.id.in_(some)).returning(debug_files.c.size)


DELETE_UNUSED_DEBUG_FILES = RowStatement("collection.delete_unused_debug_files", SizeRow, _delete_unused_debug_files)


class CollectionStore:
    """Rows of files that can be deleted. Methods with `dry_run` only count them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_organizations(self) -> list[int]:
        """Return the ids of all organizations."""
        return [row.id for row in await self._fetch(LIST_ORGANIZATIONS, {})]

    async def list_owned(self, kind: BlobKind, sha1s: Collection[str]) -> set[str]:
        """Return those contents that an organization has a row of."""
        values = {"sha1s": self._database.dialect.list_value(sorted(sha1s))}
        return {row.sha1 for row in await self._fetch(_OWNED[kind], values)}

    async def list_awaited_chunks(self) -> set[tuple[int, str]]:
        """Return organization and SHA-1 of all chunks of unfinished assemblies."""
        awaited, after = set(), 0
        while rows := await self._fetch(LIST_UNFINISHED_REQUESTS, {"after": after}):
            awaited |= _list_chunks(rows)
            after = rows[-1].id
        return awaited

    async def delete_blobs(self, after: int, before: datetime, *, dry_run: bool) -> tuple[int | None, Removed]:
        """Examine the next rows of blobs and delete those that are stored before a time and that nothing refers to.

        Returns the id after which to continue, None at the end, and what was deleted.
        """
        rows = await self._fetch(EXAMINE_BLOBS, {"after": after, "before": before})
        unused = [row for row in rows if row.is_unused]
        deleted = await self._delete(DELETE_BLOBS, unused, before, dry_run=dry_run)
        return _find_next(rows), deleted

    async def delete_chunks(self, after: int, before: datetime, *, dry_run: bool) -> tuple[int | None, Removed]:
        """Do the same for chunks that no unfinished assembly waits for."""
        rows = await self._fetch(EXAMINE_CHUNKS, {"after": after, "before": before})
        old = [row for row in rows if row.is_old]
        awaited = await self.list_awaited_chunks() if old else set()
        unused = [row for row in old if (row.organization_id, row.sha1) not in awaited]
        deleted = await self._delete(DELETE_CHUNKS, unused, before, dry_run=dry_run)
        return _find_next(rows), deleted

    async def delete_assemblies(self, after: int, before: datetime, *, dry_run: bool) -> tuple[int | None, Removed]:
        """Do the same for states of assemblies that failed, or whose file is gone."""
        rows = await self._fetch(EXAMINE_ASSEMBLIES, {"after": after, "before": before})
        unused = [row for row in rows if row.is_unused]
        if unused and not dry_run:
            ids = self._database.dialect.list_value([row.id for row in unused])
            unused = await self._write(DELETE_ASSEMBLIES, {"ids": ids, "before": before})
        return _find_next(rows), Removed(len(unused), 0)

    async def delete_unused_bundles(self, organization: int, before: datetime, *, dry_run: bool) -> Removed:
        """Delete some bundles that were last used before a time, with their files and associations; none is left at the end.

        With `dry_run` all are counted.
        """
        values: dict[str, Any] = {"organization_id": organization, "before": before}
        if dry_run:
            return Removed(*(await self._fetch(COUNT_UNUSED_BUNDLES, values))[0])

        async def work(transaction: Transaction) -> Removed:
            await lock_organization(transaction, OrganizationLock.FILES, organization)
            rows = await LIST_UNUSED_BUNDLES.fetch_all(transaction, values)
            if not rows:
                return Removed()
            selected = {**values, "ids": transaction.dialect.list_value([row.id for row in rows])}
            changed = await LIST_BUNDLE_VERSIONS.fetch_all(transaction, selected)
            deleted = await DELETE_UNUSED_BUNDLES.fetch_all(transaction, selected)
            await refresh_totals(transaction, organization, [row.version for row in changed])
            return _sum_sizes(deleted)

        return await self._database.write(work, large=True)

    async def delete_unused_debug_files(self, organization: int, before: datetime, *, dry_run: bool) -> Removed:
        """Do the same for debug files."""
        values = {"organization_id": organization, "before": before}
        if dry_run:
            return Removed(*(await self._fetch(COUNT_UNUSED_DEBUG_FILES, values))[0])
        return _sum_sizes(await self._write(DELETE_UNUSED_DEBUG_FILES, values))

    async def _delete(self, statement: Any, rows: Collection[Any], before: datetime, *, dry_run: bool) -> Removed:
        if dry_run or not rows:
            return _sum_sizes(rows)
        ids = self._database.dialect.list_value([row.id for row in rows])
        return _sum_sizes(await self._write(statement, {"ids": ids, "before": before}))

    async def _fetch(self, statement: Any, values: dict[str, Any]) -> list[Any]:
        return [statement.row_type(*row) for row in await self._database.rows(statement, values, large=True)]

    async def _write(self, statement: Any, values: dict[str, Any]) -> list[Any]:
        async def work(transaction: Transaction) -> list[Any]:
            rows: list[Any] = await statement.fetch_all(transaction, values)
            return rows

        return await self._database.write(work, large=True)


def _list_chunks(rows: Iterable[Request]) -> set[tuple[int, str]]:
    return {(row.organization_id, sha1) for row in rows for sha1 in orjson.loads(row.request)["chunks"]}


def _find_next(rows: Collection[Any]) -> int | None:
    """Return the id after which to continue."""
    return list(rows)[-1].id if len(rows) == BATCH_ROWS else None


def _sum_sizes(rows: Iterable[Any]) -> Removed:
    sizes = [row.size for row in rows]
    return Removed(len(sizes), sum(sizes))
