"""Writes release files: each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, select, update

from gql_releases.domain.assembly import AssemblyRequest
from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.release_file import NewReleaseFile, ReleaseFileExists
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import IdRow, RowStatement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.files.assemblies import note_assembled
from gql_releases.storage.files.blobs import record_blob
from gql_releases.storage.files.version_artifacts import refresh_totals
from gql_releases.storage.lookup import ReleaseHandle, find_release
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow

release_files = table(ReleaseFileRow)

LARGE_BUNDLE_FILES = 100
"""Files of a release bundle from which on its write must not run on the event loop."""
_COLUMNS = tuple(column.name for column in release_files.c if column.name != "id")
_OF_RELEASE = [
    release_files.c.organization_id == bindparam("organization", type_=Id),
    release_files.c.release_id == bindparam("release", type_=Id),
]
_OF_FILE = [*_OF_RELEASE, release_files.c.id == bindparam("file", type_=Id)]
_REPLACED_COLUMNS = ("headers", "blob_id", "size", "sha1", "date_created")


def _insert_file(dialect: Dialect) -> Any:
    insert = dialect.insert(release_files).values(bind_columns(release_files, *_COLUMNS))
    return insert.on_conflict_do_nothing().returning(release_files.c.id)


def _replace_file(dialect: Dialect) -> Any:
    insert = dialect.insert(release_files).values(bind_columns(release_files, *_COLUMNS))
    return insert.on_conflict_do_update(
        index_elements=["organization_id", "release_id", "name", "dist"],
        set_={name: insert.excluded[name] for name in _REPLACED_COLUMNS},
    ).returning(release_files.c.id)


class FileKey(NamedTuple):
    """The name and dist of a release file."""

    name: str
    dist: str


INSERT_FILE = RowStatement("release_files.insert", IdRow, _insert_file)
REPLACE_FILE = RowStatement("release_files.replace", IdRow, _replace_file)
FIND_FILE = RowStatement(
    "release_files.find", FileKey, select(release_files.c.name, release_files.c.dist).where(*_OF_FILE).with_for_update()
)
FIND_FILE_BY_NAME = RowStatement(
    "release_files.find_by_name",
    IdRow,
    select(release_files.c.id).where(
        *_OF_RELEASE,
        release_files.c.name == bindparam("name", type_=release_files.c.name.type),
        release_files.c.dist == bindparam("dist", type_=release_files.c.dist.type),
    ),
)
RENAME_FILE = RowStatement(
    "release_files.rename",
    IdRow,
    update(release_files)
    .values(name=bindparam("name", type_=release_files.c.name.type))
    .where(*_OF_FILE)
    .returning(release_files.c.id),
)
DELETE_ALL_FILES = RowStatement(
    "release_files.delete_all", IdRow, delete(release_files).where(*_OF_RELEASE).returning(release_files.c.id)
)
DELETE_FILES = RowStatement(
    "release_files.delete",
    IdRow,
    lambda dialect: (
        delete(release_files)
        .where(*_OF_RELEASE, dialect.is_among(release_files.c.id, "files"))
        .returning(release_files.c.id)
    ),
)


class ReleaseFileStore:
    """Release files in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_file(
        self, principal: Principal, key: ReleaseKey, new: NewReleaseFile, view: PagedSelection
    ) -> Tree | None:
        """Store a file of a release and return it. Raises ReleaseNotFound, ReleaseFileExists, InvalidToken."""

        async def work(transaction: Transaction) -> Tree | None:
            release = await _lock_release(transaction, principal, key)
            row = await _build_row(transaction, principal.organization_id, release, new)
            inserted = await INSERT_FILE.fetch_one(transaction, row)
            if inserted is None:
                raise ReleaseFileExists
            await refresh_totals(transaction, principal.organization_id, [release.version])
            return await self._reader.read(transaction, principal, ObjectRead(view, (("id", inserted.id),)))

        return await self._database.write(work)

    async def rename_file(
        self, principal: Principal, key: ReleaseKey, file_id: int, name: str, view: PagedSelection
    ) -> Tree | None:
        """Rename a file and return it, None if it is absent. Raises ReleaseNotFound, ReleaseFileExists, InvalidToken."""

        async def work(transaction: Transaction) -> Tree | None:
            release = await _lock_release(transaction, principal, key)
            values = {"organization": principal.organization_id, "release": release.id, "file": file_id, "name": name}
            stored = await FIND_FILE.fetch_one(transaction, values)
            if stored is None:
                return None
            same = await FIND_FILE_BY_NAME.fetch_one(transaction, {**values, "dist": stored.dist})
            if same is not None and same.id != file_id:
                raise ReleaseFileExists
            await RENAME_FILE.fetch_one(transaction, values)
            return await self._reader.read(transaction, principal, ObjectRead(view, (("id", file_id),)))

        return await self._database.write(work)

    async def delete_files(
        self, principal: Principal, key: ReleaseKey, ids: Collection[int] | None, *, must_exist: bool = False
    ) -> list[int]:
        """Delete files of a release, or all of them, and return their ids. Raises ReleaseNotFound, InvalidToken.

        With `must_exist`, nothing is deleted if the release does not have one of the ids: raises InvalidInput.
        """

        async def work(transaction: Transaction) -> list[int]:
            release = await _lock_release(transaction, principal, key)
            values: dict[str, Any] = {"organization": principal.organization_id, "release": release.id}
            if ids is None:
                rows = await DELETE_ALL_FILES.fetch_all(transaction, values)
            else:
                values["files"] = transaction.dialect.list_value(sorted(set(ids)))
                rows = await DELETE_FILES.fetch_all(transaction, values)
                if must_exist:
                    _require_all(ids, {row.id for row in rows})
            await refresh_totals(transaction, principal.organization_id, [release.version])
            return sorted(row.id for row in rows)

        return await self._database.write(work)

    async def replace_files(
        self, principal: Principal, request: AssemblyRequest, key: ReleaseKey, files: Sequence[NewReleaseFile]
    ) -> None:
        """Store the files of a release bundle; those of the same name and dist are replaced. Raises ReleaseNotFound."""

        async def work(transaction: Transaction) -> None:
            release = await _lock_release(transaction, principal, key)
            if len(files) > LARGE_BUNDLE_FILES:
                transaction.require_thread()
            for new in files:
                row = await _build_row(transaction, principal.organization_id, release, new)
                await REPLACE_FILE.fetch_one(transaction, row)
                await transaction.yield_to_others()
            await refresh_totals(transaction, principal.organization_id, [release.version])
            await note_assembled(transaction, principal, request)

        await self._database.write(work)


def _require_all(ids: Collection[int], deleted: set[int]) -> None:
    """Raise InvalidInput with a problem for each id that did not exist; the transaction is rolled back."""
    problems = [
        Problem(ErrorCode.RELEASE_FILE_NOT_FOUND, ("ids", index), "The requested resource does not exist")
        for index, file in enumerate(ids)
        if file not in deleted
    ]
    if problems:
        raise InvalidInput(problems)


async def _lock_release(transaction: Transaction, principal: Principal, key: ReleaseKey) -> ReleaseHandle:
    await lock_organization(transaction, OrganizationLock.FILES, principal.organization_id)
    return await find_release(transaction, principal, key)


async def _build_row(
    transaction: Transaction, organization: int, release: ReleaseHandle, new: NewReleaseFile
) -> dict[str, Any]:
    return {
        "organization_id": organization,
        "release_id": release.id,
        "name": new.name,
        "dist": new.dist,
        "headers": orjson.dumps(dict(new.headers)).decode(),
        "blob_id": await record_blob(transaction, organization, new.blob),
        "size": new.blob.size,
        "sha1": new.blob.sha1,
        "date_created": now(),
    }
