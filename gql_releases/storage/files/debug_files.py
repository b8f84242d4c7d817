"""Writes debug files, and finds those that symbolication needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, select, update

from gql_releases.domain.assembly import AssemblyKind, AssemblyRequest
from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.debug_file import (
    DebugFileFormat,
    NewDebugFile,
    StoredDebugFile,
    choose_redundant,
    name_subject,
)
from gql_releases.domain.principal import Principal
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import bind_columns, match_ids
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.files.assemblies import forget_assembly, note_assembled
from gql_releases.storage.files.blobs import record_blob
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.blob import BlobRow
from gql_releases.storage.schema.tables.debug_file import DebugFileRow

debug_files, blobs = table(DebugFileRow), table(BlobRow)

USE_INTERVAL = timedelta(days=30)
"""A use is stored if the last stored one is older: retention counts in months."""
_IN_PROJECT = match_ids(debug_files, "organization_id", "project_id")


class FileOfDebugId(NamedTuple):
    """A debug file among those of its debug id."""

    id: int
    format: str
    features: str
    proguard_releases: str


class DeletedFile(NamedTuple):
    """The columns of a deleted debug file by which its assembly is known."""

    project_id: int
    debug_id: str
    format: str
    sha1: str


class FileColumns(NamedTuple):
    """The columns of a debug file that a look-up reads."""

    id: int
    project_id: int
    debug_id: str
    code_id: str | None
    object_name: str
    format: str
    kind: str | None
    features: str
    sha1: str
    size: int
    is_used: bool
    symcache_sha1: str | None


def _insert(dialect: Dialect) -> Any:
    names = [column.name for column in debug_files.c if column.name not in ("id", "symcache_blob_id")]
    statement = dialect.insert(debug_files).values(bind_columns(debug_files, *names))
    return statement.on_conflict_do_nothing().returning(debug_files.c.id)


def _select_files(*conditions: Any) -> Any:
    symcaches = blobs.alias("symcaches")
    same = (symcaches.c.organization_id == debug_files.c.organization_id) & (
        symcaches.c.id == debug_files.c.symcache_blob_id
    )
    columns = [debug_files.c[name] for name in FileColumns._fields[:-2]]
    is_used = (debug_files.c.date_used > bindparam("used_after", type_=UtcDateTime())).label("is_used")
    return (
        select(*columns, is_used, symcaches.c.sha1.label("symcache_sha1"))
        .select_from(debug_files.outerjoin(symcaches, same))
        .where(*_IN_PROJECT, *conditions)
        .order_by(debug_files.c.id.desc())
    )


INSERT_DEBUG_FILE = RowStatement("debug_files.insert", IdRow, _insert)
LIST_FILES_OF_DEBUG_ID = RowStatement(
    "debug_files.list_of_debug_id",
    FileOfDebugId,
    select(*(debug_files.c[name] for name in FileOfDebugId._fields))
    .where(*_IN_PROJECT, debug_files.c.debug_id == bindparam("debug_id", type_=debug_files.c.debug_id.type))
    .order_by(debug_files.c.id),
)
DELETE_DEBUG_FILE = RowStatement(
    "debug_files.delete",
    DeletedFile,
    delete(debug_files)
    .where(*match_ids(debug_files, "organization_id", "id"))
    .returning(*(debug_files.c[name] for name in DeletedFile._fields)),
)
DELETE_DEBUG_FILE_OF_PROJECT = RowStatement(
    "debug_files.delete_of_project",
    DeletedFile,
    delete(debug_files)
    .where(*match_ids(debug_files, "organization_id", "project_id", "id"))
    .returning(*(debug_files.c[name] for name in DeletedFile._fields)),
)
SET_PROGUARD_RELEASES = Statement(
    "debug_files.set_proguard_releases",
    update(debug_files)
    .values(proguard_releases=bindparam("releases", type_=debug_files.c.proguard_releases.type))
    .where(*match_ids(debug_files, "organization_id", "id")),
)
FIND_MAPPINGS = RowStatement(
    "debug_files.find_mappings",
    FileOfDebugId,
    select(*(debug_files.c[name] for name in FileOfDebugId._fields))
    .where(
        *_IN_PROJECT,
        debug_files.c.debug_id == bindparam("debug_id", type_=debug_files.c.debug_id.type),
        debug_files.c.format == DebugFileFormat.PROGUARD.value,
    )
    .order_by(debug_files.c.id)
    .with_for_update(),
)
FIND_BY_ID = RowStatement("debug_files.find_by_id", FileColumns, _select_files(*match_ids(debug_files, "id")))
FIND_BY_CHECKSUMS = RowStatement(
    "debug_files.find_by_checksums",
    FileColumns,
    lambda dialect: _select_files(dialect.is_among(debug_files.c.sha1, "checksums")),
)
FIND_BY_DEBUG_IDS = RowStatement(
    "debug_files.find_by_debug_ids",
    FileColumns,
    lambda dialect: _select_files(dialect.is_among(debug_files.c.debug_id, "debug_ids")),
)
FIND_BY_CODE_IDS = RowStatement(
    "debug_files.find_by_code_ids",
    FileColumns,
    lambda dialect: _select_files(dialect.is_among(debug_files.c.code_id, "code_ids")),
)
NOTE_USE = Statement(
    "debug_files.note_use",
    update(debug_files)
    .values(date_used=bindparam("date", type_=UtcDateTime()))
    .where(*match_ids(debug_files, "organization_id", "id")),
)
SET_SYMCACHE = Statement(
    "debug_files.set_symcache",
    update(debug_files)
    .values(symcache_blob_id=bindparam("blob", type_=Id))
    .where(*match_ids(debug_files, "organization_id", "id")),
)


class DebugFileStore:
    """Debug files in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_files(
        self,
        principal: Principal,
        project: int,
        files: Sequence[NewDebugFile],
        blob: StoredBlob,
        request: AssemblyRequest | None = None,
    ) -> list[int]:
        """Add the debug files that a stored blob is; return the ids of those that are new.

        A file with the debug id and content of an existing one is not added. Older files that are not needed any more are
        deleted. `request`: what the blob was assembled for, whose state becomes ok. Raises InvalidToken, ChecksumMismatch.
        """

        async def work(transaction: Transaction) -> list[int]:
            await require_active_token(transaction, principal)
            organization = principal.organization_id
            blob_id = await record_blob(transaction, organization, blob)
            ids = []
            for file in files:
                row = await INSERT_DEBUG_FILE.fetch_one(transaction, _build_row(organization, project, file, blob, blob_id))
                if row is not None:
                    ids.append(row.id)
                    await _delete_redundant(transaction, organization, project, file.debug_id)
            if request is not None:
                await note_assembled(transaction, principal, request, {"date": format_date(now())})
            return ids

        return await self._database.write(work)

    async def delete_file(self, principal: Principal, file: int, project: int | None = None) -> bool:
        """Delete a debug file, with a project only if it is one of this project; return whether it existed.

        The state of its assembly is deleted, too, so that it can be uploaded again. Raises InvalidToken.
        """

        async def work(transaction: Transaction) -> bool:
            await require_active_token(transaction, principal)
            values = {"organization_id": principal.organization_id, "id": file, "project_id": project}
            statement = DELETE_DEBUG_FILE if project is None else DELETE_DEBUG_FILE_OF_PROJECT
            row = await statement.fetch_one(transaction, values)
            if row is None:
                return False
            uuid = row.debug_id if row.format == DebugFileFormat.PROGUARD else None
            subject = name_subject(row.project_id, uuid)
            await forget_assembly(transaction, principal.organization_id, AssemblyKind.DEBUG_FILE, subject, row.sha1)
            return True

        return await self._database.write(work)

    async def add_proguard_release(self, principal: Principal, project: int, uuid: str, release: str) -> bool | None:
        """Add the name of a release to a ProGuard mapping.

        Returns False if the mapping has it already, None if there is no such mapping. Raises InvalidToken.
        """

        async def work(transaction: Transaction) -> bool | None:
            await require_active_token(transaction, principal)
            values = {"organization_id": principal.organization_id, "project_id": project, "debug_id": uuid}
            rows = await FIND_MAPPINGS.fetch_all(transaction, values)
            if not rows:
                return None
            names = orjson.loads(rows[-1].proguard_releases)
            if release in names:
                return False
            changed = orjson.dumps([*names, release]).decode()
            values = {"organization_id": principal.organization_id, "id": rows[-1].id, "releases": changed}
            await transaction.execute(SET_PROGUARD_RELEASES, values)
            return True

        return await self._database.write(work)

    async def set_symcache(self, principal: Principal, file: int, symcache: StoredBlob) -> None:
        """Store that a blob is the look-up table of a debug file."""

        async def work(transaction: Transaction) -> None:
            organization = principal.organization_id
            blob_id = await record_blob(transaction, organization, symcache)
            await transaction.execute(SET_SYMCACHE, {"organization_id": organization, "id": file, "blob": blob_id})

        await self._database.write(work)

    async def find_file(self, principal: Principal, project: int, file: int) -> StoredDebugFile | None:
        """Return a debug file of a project by its id, and note its use."""
        return next(iter(await self._find(principal, project, FIND_BY_ID, {"id": file}, is_use=True)), None)

    async def find_by_checksums(self, principal: Principal, project: int, checksums: Sequence[str]) -> list[StoredDebugFile]:
        """Return a project's debug files with one of these contents, the newest first."""
        values = {"checksums": self._database.dialect.list_value(list(checksums))}
        return await self._find(principal, project, FIND_BY_CHECKSUMS, values)

    async def find_by_debug_ids(self, principal: Principal, project: int, debug_ids: Sequence[str]) -> list[StoredDebugFile]:
        """Return a project's debug files with one of these debug ids, the newest first, and note their use."""
        values = {"debug_ids": self._database.dialect.list_value(list(debug_ids))}
        return await self._find(principal, project, FIND_BY_DEBUG_IDS, values, is_use=True)

    async def find_by_code_ids(self, principal: Principal, project: int, code_ids: Sequence[str]) -> list[StoredDebugFile]:
        """Return a project's debug files with one of these code ids, the newest first, and note their use."""
        values = {"code_ids": self._database.dialect.list_value(list(code_ids))}
        return await self._find(principal, project, FIND_BY_CODE_IDS, values, is_use=True)

    async def _find(
        self,
        principal: Principal,
        project: int,
        statement: RowStatement[FileColumns],
        values: Mapping[str, Any],
        *,
        is_use: bool = False,
    ) -> list[StoredDebugFile]:
        keys = {"organization_id": principal.organization_id, "project_id": project, "used_after": now() - USE_INTERVAL}
        rows = [statement.row_type(*row) for row in await self._database.rows(statement, {**keys, **values})]
        if is_use and any(not row.is_used for row in rows):
            await self._note_use(principal, [row.id for row in rows if not row.is_used])
        return [_build_file(row) for row in rows]

    async def _note_use(self, principal: Principal, files: Sequence[int]) -> None:
        async def work(transaction: Transaction) -> None:
            key = {"organization_id": principal.organization_id, "date": now()}
            await transaction.execute_many(NOTE_USE, [{**key, "id": file} for file in sorted(files)])

        await self._database.write(work)


def _build_row(organization: int, project: int, file: NewDebugFile, blob: StoredBlob, blob_id: int) -> dict[str, Any]:
    date = now()
    return {
        "organization_id": organization,
        "project_id": project,
        "debug_id": file.debug_id,
        "code_id": file.code_id,
        "object_name": file.object_name,
        "cpu_name": file.cpu_name,
        "format": file.format.value,
        "kind": file.kind,
        "features": orjson.dumps(file.features).decode(),
        "proguard_releases": "[]",
        "blob_id": blob_id,
        "size": blob.size,
        "sha1": blob.sha1,
        "date_created": date,
        "date_used": date,
    }


def _build_file(row: FileColumns) -> StoredDebugFile:
    return StoredDebugFile(
        row.id,
        row.project_id,
        row.debug_id,
        row.code_id,
        row.object_name,
        row.format,
        row.kind,
        frozenset(orjson.loads(row.features)),
        row.sha1,
        row.size,
        row.symcache_sha1,
    )


async def _delete_redundant(transaction: Transaction, organization: int, project: int, debug_id: str) -> None:
    """Delete the files of a debug id that newer ones replace. The newest mapping gets the releases of older ones."""
    values = {"organization_id": organization, "project_id": project, "debug_id": debug_id}
    rows = await LIST_FILES_OF_DEBUG_ID.fetch_all(transaction, values)
    redundant = choose_redundant((row.id, row.format, frozenset(orjson.loads(row.features))) for row in rows)
    if not redundant:
        return
    names = [name for row in rows for name in orjson.loads(row.proguard_releases)]
    if names:
        releases = orjson.dumps(list(dict.fromkeys(names))).decode()
        newest = {"organization_id": organization, "id": rows[-1].id, "releases": releases}
        await transaction.execute(SET_PROGUARD_RELEASES, newest)
    for row_id in sorted(redundant):
        await DELETE_DEBUG_FILE.fetch_all(transaction, {"organization_id": organization, "id": row_id})
