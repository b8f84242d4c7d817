"""Totals of the files of a version, computed again by each write of a bundle's versions or of release files."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ClauseElement, and_, bindparam, delete, func, literal, select, union_all

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleRow,
    ArtifactBundleVersionRow,
    ArtifactFileRow,
    VersionArtifactsRow,
)
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow

totals, versions = table(VersionArtifactsRow), table(ArtifactBundleVersionRow)
bundles, artifact_files = table(ArtifactBundleRow), table(ArtifactFileRow)
releases, release_files = table(ReleaseRow), table(ReleaseFileRow)

_ORGANIZATION = bindparam("organization", type_=Id)
_VERSION = bindparam("version", type_=totals.c.version.type)
_COLUMNS = ("organization_id", "version", "total", "with_debug_ids", "last_uploaded")

DELETE_TOTALS = Statement(
    "files.delete_totals", delete(totals).where(totals.c.organization_id == _ORGANIZATION, totals.c.version == _VERSION)
)


def _insert_totals(dialect: Dialect) -> ClauseElement:
    has_debug_id = (
        select(func.count())
        .select_from(artifact_files)
        .where(
            artifact_files.c.organization_id == bundles.c.organization_id,
            artifact_files.c.artifact_bundle_id == bundles.c.id,
            artifact_files.c.debug_id.is_not(None),
        )
        .correlate(bundles)
        .scalar_subquery()
    )
    of_bundle = and_(bundles.c.organization_id == versions.c.organization_id, bundles.c.id == versions.c.artifact_bundle_id)
    from_bundles = (
        select(
            bundles.c.file_count.label("total"),
            has_debug_id.label("with_debug_ids"),
            bundles.c.date_modified.label("uploaded"),
        )
        .join_from(versions, bundles, of_bundle)
        .where(versions.c.organization_id == _ORGANIZATION, versions.c.version == _VERSION)
    )
    of_release = and_(
        release_files.c.organization_id == releases.c.organization_id, release_files.c.release_id == releases.c.id
    )
    from_release = (
        select(literal(1), literal(0), release_files.c.date_created)
        .join_from(releases, release_files, of_release)
        .where(releases.c.organization_id == _ORGANIZATION, releases.c.version == _VERSION)
    )
    files = union_all(from_bundles, from_release).subquery()
    last = func.max(files.c.uploaded)
    sums = [func.sum(files.c.total), func.sum(files.c.with_debug_ids), last]
    return totals.insert().from_select(_COLUMNS, select(_ORGANIZATION, _VERSION, *sums).having(last.is_not(None)))


INSERT_TOTALS = Statement("files.insert_totals", _insert_totals)


async def refresh_totals(transaction: Transaction, organization: int, changed: Iterable[str]) -> None:
    """Compute the totals of versions again. The transaction must hold the organization's lock FILES."""
    for version in sorted(set(changed)):
        values = {"organization": organization, "version": version}
        await transaction.execute(DELETE_TOTALS, values)
        await transaction.execute(INSERT_TOTALS, values)
