"""Finds bundles and release files of a project: by debug id, by version, dist and URL, and their bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Text, and_, bindparam, exists, select

from gql_releases.domain.artifact_bundle import ArtifactLookup, FileBytes, FoundArtifacts, FoundFile
from gql_releases.domain.principal import Principal
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import RowStatement, Transaction
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
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow

bundles, links, associations = table(ArtifactBundleRow), table(ArtifactBundleProjectRow), table(ArtifactBundleAssociationRow)
artifact_files, blobs = table(ArtifactFileRow), table(BlobRow)
releases, release_links, release_files = table(ReleaseRow), table(ReleaseProjectRow), table(ReleaseFileRow)

MAX_BUNDLES, MAX_FILES = 5, 10

_ORGANIZATION, _PROJECT = bindparam("organization", type_=Id), bindparam("project", type_=Id)
_VERSION = bindparam("version", type_=associations.c.version.type)
_DIST = bindparam("dist", type_=associations.c.dist.type)
_URL = bindparam("url", type_=Text)


class BundleRowId(NamedTuple):
    """The id of a bundle's row."""

    artifact_bundle_id: int


class ReleaseFileColumns(NamedTuple):
    """A release file."""

    id: int
    name: str
    headers: str


class StoredBytes(NamedTuple):
    """The name of bytes, and their size."""

    name: str
    sha1: str
    size: int


class StoredMember(NamedTuple):
    """A file of a bundle."""

    sha1: str
    size: int


def _select_by_debug_id(dialect: Dialect) -> Any:
    """Select the bundles of a project that have a debug id, those modified last first."""
    same = and_(links.c.organization_id == artifact_files.c.organization_id,
                links.c.artifact_bundle_id == artifact_files.c.artifact_bundle_id)  # fmt: skip
    return (
        select(links.c.artifact_bundle_id)
        .join_from(artifact_files, links, same)
        .where(
            artifact_files.c.organization_id == _ORGANIZATION,
            artifact_files.c.debug_id == bindparam("debug_id", type_=artifact_files.c.debug_id.type),
            links.c.project_id == _PROJECT,
        )
        .group_by(links.c.artifact_bundle_id, links.c.date_modified)
        .order_by(links.c.date_modified.desc(), links.c.artifact_bundle_id.desc())
        .limit(MAX_BUNDLES)
    )


def _select_by_release(*, by_url: bool) -> Callable[[Dialect], Any]:
    """Return the query for bundles of a project for a version and dist, perhaps with a part of a file's URL."""

    def build(dialect: Dialect) -> Any:
        same = and_(links.c.organization_id == associations.c.organization_id,
                    links.c.artifact_bundle_id == associations.c.artifact_bundle_id)  # fmt: skip
        conditions: list[ColumnElement[bool]] = [
            associations.c.organization_id == _ORGANIZATION,
            associations.c.version == _VERSION,
            associations.c.dist == _DIST,
            links.c.project_id == _PROJECT,
        ]
        if by_url:
            has_url = select(artifact_files.c.id).where(
                artifact_files.c.organization_id == links.c.organization_id,
                artifact_files.c.artifact_bundle_id == links.c.artifact_bundle_id,
                dialect.contains(artifact_files.c.url, _URL),
            )
            conditions.append(exists(has_url))
        return (
            select(links.c.artifact_bundle_id)
            .join_from(associations, links, same)
            .where(*conditions)
            .order_by(links.c.date_modified.desc(), links.c.artifact_bundle_id.desc())
            .limit(MAX_BUNDLES)
        )

    return build


def _select_release_files(dialect: Dialect) -> Any:
    same = and_(release_files.c.organization_id == releases.c.organization_id, release_files.c.release_id == releases.c.id)
    return (
        select(release_files.c.id, release_files.c.name, release_files.c.headers)
        .join_from(releases, release_files, same)
        .where(
            releases.c.organization_id == _ORGANIZATION,
            releases.c.version == _VERSION,
            release_files.c.dist == _DIST,
            dialect.contains(release_files.c.name, _URL),
            _has_project(),
        )
        .order_by(release_files.c.id)
        .limit(MAX_FILES)
    )


def _has_project() -> ColumnElement[bool]:
    """Return the condition that a release is one of the project's."""
    return exists(
        select(release_links.c.release_id).where(
            release_links.c.organization_id == _ORGANIZATION,
            release_links.c.release_id == releases.c.id,
            release_links.c.project_id == _PROJECT,
        )
    )


FIND_BY_DEBUG_ID = RowStatement("artifact_lookup.find_by_debug_id", BundleRowId, _select_by_debug_id)
FIND_BY_RELEASE = RowStatement("artifact_lookup.find_by_release", BundleRowId, _select_by_release(by_url=False))
FIND_BY_URL = RowStatement("artifact_lookup.find_by_url", BundleRowId, _select_by_release(by_url=True))
FIND_RELEASE_FILES = RowStatement("artifact_lookup.find_release_files", ReleaseFileColumns, _select_release_files)
_OF_BUNDLE = and_(blobs.c.organization_id == bundles.c.organization_id, blobs.c.id == bundles.c.blob_id)
_OF_PROJECT = exists(
    select(links.c.project_id).where(
        links.c.organization_id == bundles.c.organization_id,
        links.c.artifact_bundle_id == bundles.c.id,
        links.c.project_id == _PROJECT,
    )
)
FIND_BUNDLE_BYTES = RowStatement(
    "artifact_lookup.find_bundle_bytes",
    StoredBytes,
    select(bundles.c.bundle_id, blobs.c.sha1, blobs.c.size)
    .join_from(bundles, blobs, _OF_BUNDLE)
    .where(bundles.c.organization_id == _ORGANIZATION, bundles.c.id == bindparam("bundle", type_=Id), _OF_PROJECT),
)
FIND_FILE_BYTES = RowStatement(
    "artifact_lookup.find_file_bytes",
    StoredBytes,
    select(release_files.c.name, blobs.c.sha1, blobs.c.size)
    .join_from(
        release_files,
        releases,
        and_(releases.c.organization_id == release_files.c.organization_id, releases.c.id == release_files.c.release_id),
    )
    .join(blobs, and_(blobs.c.organization_id == release_files.c.organization_id, blobs.c.id == release_files.c.blob_id))
    .where(
        release_files.c.organization_id == _ORGANIZATION, release_files.c.id == bindparam("file", type_=Id), _has_project()
    ),
)
FIND_MEMBER = RowStatement(
    "artifact_lookup.find_member",
    StoredMember,
    select(blobs.c.sha1, artifact_files.c.size)
    .join_from(bundles, blobs, _OF_BUNDLE)
    .join(
        artifact_files,
        and_(
            artifact_files.c.organization_id == bundles.c.organization_id,
            artifact_files.c.artifact_bundle_id == bundles.c.id,
        ),
    )
    .where(
        bundles.c.organization_id == _ORGANIZATION,
        bundles.c.bundle_id == bindparam("bundle_id", type_=bundles.c.bundle_id.type),
        artifact_files.c.path == bindparam("path", type_=artifact_files.c.path.type),
        _OF_PROJECT,
    )
    .limit(1),
)


class ArtifactLookupStore:
    """Finds artifacts in a database. Methods raise InvalidToken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_artifacts(self, principal: Principal, project: int, lookup: ArtifactLookup) -> FoundArtifacts:
        """Return the bundles of the most exact way that leads to any, else release files."""
        values = {
            "organization": principal.organization_id, "project": project, "debug_id": lookup.debug_id, "url": lookup.url,
            "version": lookup.version, "dist": lookup.dist,
        }  # fmt: skip
        ways = [("debug-id", FIND_BY_DEBUG_ID)] if lookup.debug_id else []
        if lookup.version:
            ways.append(("index", FIND_BY_URL) if lookup.url else ("release", FIND_BY_RELEASE))

        async def work(transaction: Transaction) -> FoundArtifacts:
            await require_active_token(transaction, principal)
            for way, statement in ways:
                rows = await statement.fetch_all(transaction, values)
                if rows:
                    return FoundArtifacts(way, bundles=tuple(row.artifact_bundle_id for row in rows))
            if not lookup.version or not lookup.url:
                return FoundArtifacts()
            files = await FIND_RELEASE_FILES.fetch_all(transaction, values)
            return FoundArtifacts(
                "release-old", files=tuple(FoundFile(file.id, file.name, orjson.loads(file.headers)) for file in files)
            )

        return await self._database.read(work)

    async def find_bundle(self, principal: Principal, project: int, bundle: int) -> FileBytes | None:
        """Return the bytes of a project's bundle, by the id of its row."""
        row = await self._find(principal, FIND_BUNDLE_BYTES, {"project": project, "bundle": bundle})
        return FileBytes(row.name, row.sha1, row.size) if row else None

    async def find_release_file(self, principal: Principal, project: int, file: int) -> FileBytes | None:
        """Return the bytes of a release file of one of the project's releases."""
        row = await self._find(principal, FIND_FILE_BYTES, {"project": project, "file": file})
        return FileBytes(row.name, row.sha1, row.size) if row else None

    async def find_member(self, principal: Principal, project: int, bundle_id: str, path: str) -> FileBytes | None:
        """Return the bytes of the bundle and the size of one of its files, for a bundle of the project."""
        values = {"project": project, "bundle_id": bundle_id, "path": path}
        row = await self._find(principal, FIND_MEMBER, values)
        return FileBytes(path, row.sha1, row.size) if row else None

    async def _find(self, principal: Principal, statement: RowStatement[Any], values: dict[str, Any]) -> Any:
        async def work(transaction: Transaction) -> Any:
            await require_active_token(transaction, principal)
            return await statement.fetch_one(transaction, {"organization": principal.organization_id, **values})

        return await self._database.read(work)
