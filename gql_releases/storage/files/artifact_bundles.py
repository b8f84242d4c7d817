"""Writes artifact bundles: their files, and the projects and versions that they were uploaded for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, select, update

from gql_releases.domain.artifact_bundle import USELESS_BUNDLE, BundleContents
from gql_releases.domain.assembly import AssembleFailed, AssemblyRequest
from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.bundle import BundleFile, choose_bundle_id
from gql_releases.domain.dates import now
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.principal import Principal
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.natural_keys import (
    MAX_ROWS_PER_STATEMENT,
    bind_columns,
    insert_all,
    insert_ignoring,
    match_ids,
)
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.files.assemblies import list_parameters, note_assembled
from gql_releases.storage.files.blobs import record_blob
from gql_releases.storage.files.version_artifacts import refresh_totals
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.projects import LOOK_UP_PROJECTS_BY_ID, LOOK_UP_PROJECTS_BY_SLUG
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleAssociationRow,
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    ArtifactBundleVersionRow,
    ArtifactFileRow,
)

bundles, artifact_files = table(ArtifactBundleRow), table(ArtifactFileRow)
bundle_projects, bundle_versions = table(ArtifactBundleProjectRow), table(ArtifactBundleVersionRow)
associations = table(ArtifactBundleAssociationRow)

MAX_URL, MAX_FILE_NAME = 600, 300
"""Characters of an indexed URL and of an indexed name; longer ones are not indexed."""
USE_INTERVAL = timedelta(days=30)
"""Time for which another upload of the same bundle is not noted as a use: retention counts in months."""
LARGE_BUNDLE_FILES = 200
"""Files of a bundle from which on its write must not run on the event loop."""

_SHARED = ("organization_id", "artifact_bundle_id")


class UsedBundle(NamedTuple):
    """A bundle, and whether its last use was noted not long ago."""

    id: int
    is_used: bool


class BundleVersion(NamedTuple):
    """A version of a bundle."""

    version: str


class BundleAssociation(NamedTuple):
    """A version and dist of a bundle."""

    version: str
    dist: str


class BundleProject(NamedTuple):
    """A project of a bundle."""

    project_id: int


@dataclass(frozen=True, slots=True)
class Associations:
    """What a bundle is uploaded for: pairs of version and dist ("" for none), and projects."""

    versions: frozenset[tuple[str, str]]
    projects: frozenset[int]


def _upsert_bundle(dialect: Dialect) -> Any:
    names = (
        "organization_id", "bundle_id", "blob_id", "size", "file_count", "date_uploaded", "date_modified", "date_used",
    )  # fmt: skip
    statement = dialect.insert(bundles).values(bind_columns(bundles, *names))
    changed = ("blob_id", "size", "file_count", "date_modified", "date_used")
    return statement.on_conflict_do_update(
        index_elements=["organization_id", "bundle_id"],
        set_={name: getattr(statement.excluded, name) for name in changed},
    ).returning(bundles.c.id)


UPSERT_BUNDLE = RowStatement("artifact_bundles.upsert", IdRow, _upsert_bundle)
FIND_BUNDLE = RowStatement(
    "artifact_bundles.find",
    UsedBundle,
    select(bundles.c.id, (bundles.c.date_used > bindparam("used_after", type_=UtcDateTime)).label("is_used")).where(
        *match_ids(bundles, "organization_id"),
        bundles.c.bundle_id == bindparam("bundle_id", type_=bundles.c.bundle_id.type),
    ),
)
_FILE_COLUMNS = ("path", "url", "type", "debug_id", "source_map", "file_name", "headers", "size")
INSERT_FILES = insert_all("artifact_bundles.insert_files", artifact_files, *_SHARED, *_FILE_COLUMNS, shared=_SHARED)
DELETE_FILES = Statement("artifact_bundles.delete_files", delete(artifact_files).where(*match_ids(artifact_files, *_SHARED)))
INSERT_ASSOCIATIONS = insert_ignoring(
    "artifact_bundles.insert_associations", associations, *_SHARED, "version", "dist", shared=_SHARED
)
_DATED = (*_SHARED, "date_modified")
INSERT_VERSIONS = insert_ignoring("artifact_bundles.insert_versions", bundle_versions, *_DATED, "version", shared=_DATED)
INSERT_PROJECTS = insert_ignoring("artifact_bundles.insert_projects", bundle_projects, *_DATED, "project_id", shared=_DATED)
_MODIFIED = bindparam("modified", type_=UtcDateTime)
_BUNDLE = bindparam("bundle", type_=Id)
_ORGANIZATION = bindparam("organization", type_=Id)
DATE_COPIES = [
    Statement(
        f"artifact_bundles.set_date_of_{name}",
        update(copies)
        .values(date_modified=_MODIFIED)
        .where(copies.c.organization_id == _ORGANIZATION, copies.c.artifact_bundle_id == _BUNDLE),
    )
    for name, copies in (("projects", bundle_projects), ("versions", bundle_versions))
]
SET_DATE = Statement(
    "artifact_bundles.set_date",
    update(bundles)
    .values(date_modified=_MODIFIED, date_used=_MODIFIED)
    .where(bundles.c.organization_id == _ORGANIZATION, bundles.c.id == _BUNDLE),
)
NOTE_UPLOAD = Statement(
    "artifact_bundles.note_upload",
    update(bundles).values(date_used=_MODIFIED).where(bundles.c.organization_id == _ORGANIZATION, bundles.c.id == _BUNDLE),
)
LIST_VERSIONS = RowStatement(
    "artifact_bundles.list_versions",
    BundleVersion,
    select(bundle_versions.c.version).where(*match_ids(bundle_versions, *_SHARED)),
)
LIST_ASSOCIATIONS = RowStatement(
    "artifact_bundles.list_associations",
    BundleAssociation,
    select(associations.c.version, associations.c.dist).where(*match_ids(associations, *_SHARED)),
)
LIST_PROJECTS_OF_BUNDLE = RowStatement(
    "artifact_bundles.list_projects",
    BundleProject,
    select(bundle_projects.c.project_id).where(*match_ids(bundle_projects, *_SHARED)),
)
REMOVE_PROJECT = RowStatement(
    "artifact_bundles.remove_project",
    BundleProject,
    delete(bundle_projects)
    .where(*match_ids(bundle_projects, *_SHARED), bundle_projects.c.project_id == bindparam("project", type_=Id))
    .returning(bundle_projects.c.project_id),
)
DELETE_BUNDLE = RowStatement(
    "artifact_bundles.delete",
    IdRow,
    delete(bundles).where(bundles.c.organization_id == _ORGANIZATION, bundles.c.id == _BUNDLE).returning(bundles.c.id),
)


class ArtifactBundleStore:
    """Artifact bundles in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_projects(self, principal: Principal, names: Sequence[str]) -> dict[str, int]:
        """Return the ids of projects by slug or id; unknown names are left out. Raises InvalidToken."""
        numbers = [number for name in names if (number := parse_row_id(name)) is not None]

        async def work(transaction: Transaction) -> dict[str, int]:
            await require_active_token(transaction, principal)
            ids: dict[str, int] = {}
            for statement, keys in ((LOOK_UP_PROJECTS_BY_ID, numbers), (LOOK_UP_PROJECTS_BY_SLUG, list(names))):
                named = transaction.dialect.list_value(keys)
                values = {"organization_id": principal.organization_id, "named": named}
                for row in await statement.fetch_all(transaction, values) if keys else ():
                    ids |= {row.slug: row.id} if keys is not numbers else {str(row.id): row.id}
            return {name: ids[name] for name in names if name in ids}

        return await self._database.read(work)

    async def save_bundle(
        self, principal: Principal, request: AssemblyRequest, blob: StoredBlob, contents: BundleContents
    ) -> None:
        """Insert a bundle, or replace the contents of the bundle of its id, and set the state of its assembly.

        Raises AssembleFailed if it has neither a release nor a debug id.
        """
        manifest = contents.manifest
        bundle_id = choose_bundle_id(manifest, request.checksum)
        result = {"bundle_id": bundle_id if manifest.files else None, "release": manifest.release, "dist": manifest.dist}
        rows = [_describe_file(file, contents.file_names) for file in manifest.files]
        has_debug_id = any(file.debug_id for file in manifest.files)

        async def work(transaction: Transaction) -> None:
            await lock_organization(transaction, OrganizationLock.FILES, principal.organization_id)
            parameters = await list_parameters(transaction, principal, request)
            if manifest.files:
                targets = _list_associations(parameters, result)
                if not targets.versions and not has_debug_id:
                    raise AssembleFailed(USELESS_BUNDLE)
                moment = now()
                bundle = await _upsert(transaction, principal.organization_id, bundle_id, blob, len(rows), moment)
                owner = {"organization_id": principal.organization_id, "artifact_bundle_id": bundle}
                await transaction.execute(DELETE_FILES, owner)
                for start in range(0, len(rows), MAX_ROWS_PER_STATEMENT):
                    batch = [{**owner, **row} for row in rows[start : start + MAX_ROWS_PER_STATEMENT]]
                    await transaction.execute_many(INSERT_FILES, batch)
                    await transaction.yield_to_others()
                await _associate(transaction, principal.organization_id, bundle, targets, moment)
            await note_assembled(transaction, principal, request, result)

        await self._database.write(work, large=len(rows) > LARGE_BUNDLE_FILES)

    async def add_associations(
        self, principal: Principal, request: AssemblyRequest, result: Mapping[str, Any] | None
    ) -> bool:
        """Associate a bundle that was assembled before with what it is requested for; return False if it is gone.

        If it is associated already, at most the date of its use is written, once in USE_INTERVAL.
        """
        organization = principal.organization_id
        if result is None or result["bundle_id"] is None:
            return True
        targets = _list_associations([request.parameters], result)

        async def find_new(transaction: Transaction) -> tuple[UsedBundle, bool] | None:
            values = {"organization_id": organization, "bundle_id": result["bundle_id"], "used_after": now() - USE_INTERVAL}
            row = await FIND_BUNDLE.fetch_one(transaction, values)
            if row is None:
                return None
            owner = {"organization_id": organization, "artifact_bundle_id": row.id}
            versions = {tuple(version) for version in await LIST_ASSOCIATIONS.fetch_all(transaction, owner)}
            projects = {project for (project,) in await LIST_PROJECTS_OF_BUNDLE.fetch_all(transaction, owner)}
            return row, targets.versions <= versions and targets.projects <= projects

        async def work(transaction: Transaction) -> bool:
            await lock_organization(transaction, OrganizationLock.FILES, organization)
            await require_active_token(transaction, principal)
            row = await find_new(transaction)
            if row is None:
                return False
            (bundle, is_associated), moment = row, now()
            values = {"organization": organization, "bundle": bundle.id, "modified": moment}
            await transaction.execute(NOTE_UPLOAD if is_associated else SET_DATE, values)
            if not is_associated:
                await _associate(transaction, organization, bundle.id, targets, moment)
            return True

        existing = await self._database.read(find_new)
        if existing is None or (existing[1] and existing[0].is_used):
            return existing is not None
        return await self._database.write(work)

    async def delete_bundle(self, principal: Principal, bundle: int, project: int | None = None) -> bool:
        """Take a bundle, by the id of its row, from a project, and delete it with its last one; without one delete it.

        Returns False if there is no such bundle, or it is not in the project. Raises InvalidToken.
        """
        organization = principal.organization_id
        owner = {"organization_id": organization, "artifact_bundle_id": bundle}
        key = {"organization": organization, "bundle": bundle}

        async def work(transaction: Transaction) -> bool:
            await lock_organization(transaction, OrganizationLock.FILES, organization)
            await require_active_token(transaction, principal)
            if project is not None:
                if not await REMOVE_PROJECT.fetch_all(transaction, {**owner, "project": project}):
                    return False
                if await LIST_PROJECTS_OF_BUNDLE.fetch_all(transaction, owner):
                    return True
            versions = [version for (version,) in await LIST_VERSIONS.fetch_all(transaction, owner)]
            if not await transaction.fetch_all(DELETE_BUNDLE, key):
                return False
            await refresh_totals(transaction, organization, versions)
            return True

        return await self._database.write(work, large=True)


async def _upsert(
    transaction: Transaction, organization: int, bundle_id: str, blob: StoredBlob, files: int, moment: datetime
) -> int:
    blob_row = await record_blob(transaction, organization, blob)
    values = {
        "organization_id": organization, "bundle_id": bundle_id, "blob_id": blob_row, "size": blob.size,
        "file_count": files, "date_uploaded": moment, "date_modified": moment, "date_used": moment,
    }  # fmt: skip
    row = await UPSERT_BUNDLE.fetch_one(transaction, values)
    assert row is not None
    return row.id


async def _associate(
    transaction: Transaction, organization: int, bundle: int, targets: Associations, moment: datetime
) -> None:
    """Add associations of a bundle that was modified, write its date into the copies, and compute totals again."""
    owner = {"organization_id": organization, "artifact_bundle_id": bundle}
    dated = {**owner, "date_modified": moment}
    pairs = sorted(targets.versions)
    versions = sorted({version for version, _ in pairs})
    await transaction.execute_many(INSERT_ASSOCIATIONS, [{**owner, "version": v, "dist": d} for v, d in pairs])
    await transaction.execute_many(INSERT_VERSIONS, [{**dated, "version": version} for version in versions])
    await transaction.execute_many(INSERT_PROJECTS, [{**dated, "project_id": id_} for id_ in sorted(targets.projects)])
    for statement in DATE_COPIES:
        await transaction.execute(statement, {"organization": organization, "bundle": bundle, "modified": moment})
    changed = [version for (version,) in await LIST_VERSIONS.fetch_all(transaction, owner)]
    await refresh_totals(transaction, organization, changed)


def _list_associations(parameters: Sequence[Mapping[str, Any]], result: Mapping[str, Any]) -> Associations:
    """Return what requests with these parameters are for; the release and dist of the manifest are the defaults."""
    versions, projects = set[tuple[str, str]](), set[int]()
    for request in parameters:
        version = request.get("version") or result["release"]
        projects |= set(request.get("projects", ()))
        if version:
            versions.add((version, request.get("dist") or result["dist"] or ""))
    return Associations(frozenset(versions), frozenset(projects))


def _describe_file(file: BundleFile, file_names: Mapping[str, str]) -> dict[str, Any]:
    file_name = file_names.get(file.path)
    return {
        "path": file.path,
        "url": file.url if file.url and len(file.url) <= MAX_URL else None,
        "type": file.type.value,
        "debug_id": file.debug_id,
        "source_map": file.source_map,
        "file_name": file_name if file_name and len(file_name) <= MAX_FILE_NAME else None,
        "headers": orjson.dumps(dict(file.headers or {})).decode(),
        "size": file.size,
    }
