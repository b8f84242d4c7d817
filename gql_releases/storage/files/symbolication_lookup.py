"""Looks up uploaded files for symbolication: one statement for each way to find them, for any number of frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, FromClause, Text, and_, bindparam, cast, exists, func, literal, or_, select, update

from gql_releases.domain.bundle import FileType
from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.file_urls import find_source_map_header
from gql_releases.domain.principal import Principal
from gql_releases.domain.uploaded_files import FileQuery, FoundFiles, UploadedFile
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleAssociationRow,
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    ArtifactFileRow,
)
from gql_releases.storage.schema.tables.blob import BlobRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow

USE_INTERVAL = timedelta(days=30)
"""A use of a bundle is recorded if the last recorded one is older: most uses write nothing."""
DEBUG_ID_TYPES = (FileType.MINIFIED_SOURCE, FileType.SOURCE_MAP)

bundles, links, associations = table(ArtifactBundleRow), table(ArtifactBundleProjectRow), table(ArtifactBundleAssociationRow)
artifact_files, blobs, projects = table(ArtifactFileRow), table(BlobRow), table(ProjectRow)
releases, release_files = table(ReleaseRow), table(ReleaseFileRow)

_ORGANIZATION, _PROJECT = bindparam("organization", type_=Id), bindparam("project", type_=Id)
_VERSION = bindparam("version", type_=associations.c.version.type)
_DIST = bindparam("dist", type_=associations.c.dist.type)


class FileRow(NamedTuple):
    """A file of a bundle, and the text that it was found by."""

    name: str
    blob: str
    path: str
    url: str | None
    type: str
    debug_id: str | None
    source_map: str | None
    size: int
    modified: Any
    bundle_id: int
    used: Any


class NamedFileRow(NamedTuple):
    """A file of a bundle that was found by its file name, and how many different files have that name."""

    name: str
    blob: str
    path: str
    url: str | None
    type: str
    debug_id: str | None
    source_map: str | None
    size: int
    modified: Any
    bundle_id: int
    used: Any
    file_count: int


class MatchRow(NamedTuple):
    """The row of a statement that has one if anything matches."""

    number: int


class ReleaseFileColumns(NamedTuple):
    """A release file."""

    name: str
    blob: str
    headers: str
    size: int
    created: Any


FIND_PROJECT = RowStatement(
    "symbolication.find_project",
    IdRow,
    select(projects.c.id).where(
        projects.c.organization_id == _ORGANIZATION, projects.c.slug == bindparam("slug", type_=projects.c.slug.type)
    ),
)


def _list_file_columns(name: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Return the columns of a FileRow."""
    return [
        name.label("name"), blobs.c.sha1, artifact_files.c.path, artifact_files.c.url, artifact_files.c.type,
        artifact_files.c.debug_id, artifact_files.c.source_map, artifact_files.c.size, bundles.c.date_modified, bundles.c.id,
        bundles.c.date_used,
    ]  # fmt: skip


def _join_files(dialect: Dialect, names: Any, is_wanted: ColumnElement[bool]) -> Any:
    """Join files, with their bundle and its blob, to a table of names."""
    own = and_(artifact_files.c.organization_id == _ORGANIZATION, is_wanted)
    in_bundle = and_(bundles.c.organization_id == _ORGANIZATION, bundles.c.id == artifact_files.c.artifact_bundle_id)
    in_blob = and_(blobs.c.organization_id == _ORGANIZATION, blobs.c.id == bundles.c.blob_id)
    joined = dialect.join(dialect.join(names, artifact_files, own), bundles, in_bundle)
    return dialect.join(joined, blobs, in_blob)


def _match_project(files: FromClause, of_project: FromClause) -> ColumnElement[bool]:
    """Return the condition that joins files to the link of their bundle to the project."""
    return and_(
        of_project.c.organization_id == files.c.organization_id,
        of_project.c.artifact_bundle_id == files.c.artifact_bundle_id,
        of_project.c.project_id == _PROJECT,
    )


def _select_newest(files: FromClause, of_project: FromClause, source: Any, *conditions: ColumnElement[bool]) -> Any:
    """Select the id of the file that meets the conditions in the bundle that was modified last."""
    newest = (of_project.c.date_modified.desc(), of_project.c.artifact_bundle_id.desc(), files.c.id)
    return select(files.c.id).select_from(source).where(*conditions).order_by(*newest).limit(1)


def _select_by_debug_id(dialect: Dialect) -> Any:
    ids, types = (
        dialect.list_items("debug_ids", artifact_files.c.debug_id.type),
        dialect.list_items("types", artifact_files.c.type.type),
    )
    files, of_project = artifact_files.alias(), links.alias()
    source = dialect.join(files, of_project, _match_project(files, of_project))
    conditions = [
        files.c.organization_id == _ORGANIZATION, files.c.debug_id == ids.c.value, files.c.type == types.c.value,
    ]  # fmt: skip
    newest = _select_newest(files, of_project, source, *conditions).correlate(ids, types).scalar_subquery()
    names = ids.join(types, types.c.value.is_not(None))
    return select(*_list_file_columns(ids.c.value)).select_from(_join_files(dialect, names, artifact_files.c.id == newest))


def _join_associated(dialect: Dialect, on: ColumnElement[bool], files: FromClause, of_project: FromClause) -> Any:
    """Join the files of the version's and dist's bundles in the project."""
    chosen = and_(
        files.c.organization_id == associations.c.organization_id,
        files.c.artifact_bundle_id == associations.c.artifact_bundle_id,
        on,
    )
    return dialect.join(dialect.join(associations, files, chosen), of_project, _match_project(files, of_project))


_OF_VERSION = (
    associations.c.organization_id == _ORGANIZATION, associations.c.version == _VERSION, associations.c.dist == _DIST,
)  # fmt: skip


def _select_by_url(dialect: Dialect) -> Any:
    urls, files, of_project = dialect.list_items("urls", artifact_files.c.url.type), artifact_files.alias(), links.alias()
    source = _join_associated(dialect, files.c.url == urls.c.value, files, of_project)
    newest = _select_newest(files, of_project, source, *_OF_VERSION).correlate(urls).scalar_subquery()
    return select(*_list_file_columns(urls.c.value)).select_from(_join_files(dialect, urls, artifact_files.c.id == newest))


def _select_by_file_name(dialect: Dialect) -> Any:
    names = dialect.list_items("file_names", artifact_files.c.file_name.type)

    def select_from_version(build: Any) -> Any:
        files, of_project = artifact_files.alias(), links.alias()
        source = _join_associated(dialect, files.c.file_name == names.c.value, files, of_project)
        conditions = [*_OF_VERSION, files.c.type == FileType.MINIFIED_SOURCE.value]
        return build(files, of_project, source, conditions).correlate(names).scalar_subquery()

    newest = select_from_version(
        lambda files, of_project, source, conditions: _select_newest(files, of_project, source, *conditions)
    )
    # The same file in several bundles, which its debug id shows, is one.
    count = select_from_version(
        lambda files, of_project, source, conditions: (
            select(func.count(func.coalesce(files.c.debug_id, cast(files.c.id, Text)).distinct()))
            .select_from(source)
            .where(*conditions)
        )
    )
    columns = [*_list_file_columns(names.c.value), count.label("file_count")]
    return select(*columns).select_from(_join_files(dialect, names, artifact_files.c.id == newest))


def _select_in_bundles(dialect: Dialect) -> Any:
    numbers = dialect.list_items("bundles", Id)
    own = and_(artifact_files.c.artifact_bundle_id == numbers.c.value, dialect.is_among(artifact_files.c.url, "urls"))
    return select(*_list_file_columns(artifact_files.c.url)).select_from(_join_files(dialect, numbers, own))


def _select_release_files(dialect: Dialect) -> Any:
    in_release = and_(
        release_files.c.organization_id == releases.c.organization_id,
        release_files.c.release_id == releases.c.id,
        release_files.c.dist == _DIST,
        dialect.is_among(release_files.c.name, "urls"),
    )
    in_blob = and_(blobs.c.organization_id == release_files.c.organization_id, blobs.c.id == release_files.c.blob_id)
    source = dialect.join(dialect.join(releases, release_files, in_release), blobs, in_blob)
    columns = (
        release_files.c.name, blobs.c.sha1, release_files.c.headers, release_files.c.size, release_files.c.date_created,
    )  # fmt: skip
    return (
        select(*columns)
        .select_from(source)
        .where(releases.c.organization_id == _ORGANIZATION, releases.c.version == _VERSION)
    )


FIND_BY_DEBUG_ID = RowStatement("symbolication.find_by_debug_id", FileRow, _select_by_debug_id)
FIND_BY_URL = RowStatement("symbolication.find_by_url", FileRow, _select_by_url)
FIND_BY_FILE_NAME = RowStatement("symbolication.find_by_file_name", NamedFileRow, _select_by_file_name)
FIND_IN_BUNDLES = RowStatement("symbolication.find_in_bundles", FileRow, _select_in_bundles)
FIND_RELEASE_FILES = RowStatement("symbolication.find_release_files", ReleaseFileColumns, _select_release_files)
HAS_FILES = RowStatement(
    "files.find_any",
    MatchRow,
    select(literal(1).label("number")).where(
        or_(
            exists().where(links.c.organization_id == _ORGANIZATION, links.c.project_id == _PROJECT),
            exists().where(
                releases.c.organization_id == _ORGANIZATION,
                releases.c.version == _VERSION,
                release_files.c.organization_id == releases.c.organization_id,
                release_files.c.release_id == releases.c.id,
            ),
        )
    ),
)
RENEW_USE = Statement(
    "symbolication.renew_use",
    lambda dialect: (
        update(bundles)
        .values(date_used=bindparam("date_used", type_=bundles.c.date_used.type))
        .where(bundles.c.organization_id == _ORGANIZATION, dialect.is_among(bundles.c.id, "bundles"))
    ),
)


class SymbolicationLookup:
    """Finds the uploaded files of a project, and records that its bundles are used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_project(self, principal: Principal, slug: str) -> int | None:
        """Return the id of a project, None if it does not exist. Raises InvalidToken."""

        async def work(transaction: Transaction) -> int | None:
            await require_active_token(transaction, principal)
            row = await FIND_PROJECT.fetch_one(transaction, {"organization": principal.organization_id, "slug": slug})
            return row and row.id

        return await self._database.read(work)

    async def find_files(self, principal: Principal, project: str, query: FileQuery) -> FoundFiles | None:
        """Return the files of a query in a project, by slug; None if the project does not exist.

        The use of the bundles is recorded, if the database can be written. Raises InvalidToken, Unavailable, TimedOut.
        """
        used: dict[int, Any] = {}

        async def work(transaction: Transaction) -> FoundFiles | None:
            await require_active_token(transaction, principal)
            values = {"organization": principal.organization_id, "slug": project}
            row = await FIND_PROJECT.fetch_one(transaction, values)
            return None if row is None else await _find_files(transaction, principal.organization_id, row.id, query, used)

        found_files = await self._database.read(work)
        await self._renew_use(principal.organization_id, used)
        return found_files

    async def find_project_files(self, organization: int, project: int, query: FileQuery) -> FoundFiles:
        """Return the files of a query in a project, by id; their use is recorded. Raises Unavailable, TimedOut."""
        used: dict[int, Any] = {}
        found_files = await self._database.read(
            lambda transaction: _find_files(transaction, organization, project, query, used)
        )
        await self._renew_use(organization, used)
        return found_files

    async def has_files(self, organization: int, project: int, version: str | None) -> bool:
        """Return whether a project has a bundle, or a release of the version has files. Raises Unavailable, TimedOut."""
        values = {"organization": organization, "project": project, "version": version}
        return await self._database.read(lambda transaction: HAS_FILES.fetch_one(transaction, values)) is not None

    async def _renew_use(self, organization: int, used: dict[int, Any]) -> None:
        """Record the use of bundles whose last recorded use is older than USE_INTERVAL."""
        date = now()
        stale = sorted(bundle for bundle, last in used.items() if parse_date(last) < date - USE_INTERVAL)
        if not stale:
            return

        async def work(transaction: Transaction) -> None:
            listed = transaction.dialect.list_value(stale)
            values = {"organization": organization, "date_used": date, "bundles": listed}
            await transaction.execute(RENEW_USE, values)

        with suppress(Unavailable):  # the next use records it
            await self._database.write(work)


async def _find_files(
    transaction: Transaction, organization: int, project: int, query: FileQuery, used: dict[int, Any]
) -> FoundFiles:
    """Return the files of a query; the last recorded use of their bundles is added to `used`."""
    common = {"organization": organization, "project": project}

    def bind_list(items: Iterable[Any]) -> Any:
        return transaction.dialect.list_value(list(items))

    def read_rows(rows: Sequence[FileRow | NamedFileRow]) -> list[tuple[str, UploadedFile]]:
        used.update({row.bundle_id: row.used for row in rows})
        return [(row.name, _to_file(row)) for row in rows]

    by_debug_id: dict[tuple[str, FileType], UploadedFile] = {}
    if query.debug_ids:
        values = common | {"debug_ids": bind_list(query.debug_ids), "types": bind_list(map(str, DEBUG_ID_TYPES))}
        for debug_id, file in read_rows(await FIND_BY_DEBUG_ID.fetch_all(transaction, values)):
            by_debug_id[debug_id, file.type] = file
    in_bundles: dict[tuple[int, str], UploadedFile] = {}
    if query.bundles and query.urls:
        values = {"organization": organization, "bundles": bind_list(query.bundles), "urls": bind_list(query.urls)}
        for url, file in read_rows(await FIND_IN_BUNDLES.fetch_all(transaction, values)):
            assert file.bundle_id is not None
            in_bundles.setdefault((file.bundle_id, url), file)
    if query.version is None:
        return FoundFiles(by_debug_id, in_bundles=in_bundles)
    of_version = {**common, "version": query.version, "dist": query.dist}
    by_url, uploaded, by_name = dict[str, UploadedFile](), dict[str, UploadedFile](), dict[str, UploadedFile]()
    if query.urls:
        urls = {"urls": bind_list(query.urls)}
        by_url = dict(read_rows(await FIND_BY_URL.fetch_all(transaction, of_version | urls)))
        uploaded_rows = await FIND_RELEASE_FILES.fetch_all(transaction, of_version | urls)
        uploaded = {row.name: _to_release_file(row) for row in uploaded_rows}
    if query.file_names:
        names = {"file_names": bind_list(query.file_names)}
        rows = await FIND_BY_FILE_NAME.fetch_all(transaction, of_version | names)
        by_name = dict(read_rows([row for row in rows if row.file_count == 1]))
    return FoundFiles(by_debug_id, by_url, uploaded, by_name, in_bundles)


def _to_file(row: FileRow | NamedFileRow) -> UploadedFile:
    return UploadedFile(
        row.blob, row.path, row.url, FileType(row.type), row.debug_id, row.source_map, row.size, parse_date(row.modified),
        row.bundle_id,
    )  # fmt: skip


def _to_release_file(row: ReleaseFileColumns) -> UploadedFile:
    reference = find_source_map_header(orjson.loads(row.headers))
    return UploadedFile(row.blob, None, row.name, FileType.OTHER, None, reference, row.size, parse_date(row.created))
