"""Removes what was uploaded for the version of a release that is deleted."""

from __future__ import annotations

from sqlalchemy import bindparam, delete

from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.files.version_artifacts import refresh_totals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.artifact_bundle import ArtifactBundleAssociationRow, ArtifactBundleVersionRow

associations, bundle_versions = table(ArtifactBundleAssociationRow), table(ArtifactBundleVersionRow)

_ORGANIZATION = bindparam("organization", type_=Id)
_VERSION = bindparam("version", type_=associations.c.version.type)
DELETE_ASSOCIATIONS = [
    Statement(
        f"artifact_bundles.delete_{name}",
        delete(rows).where(rows.c.organization_id == _ORGANIZATION, rows.c.version == _VERSION),
    )
    for name, rows in (("associations_of_version", associations), ("version", bundle_versions))
]


async def delete_version_files(transaction: Transaction, organization: int, version: str) -> None:
    """Delete the associations of bundles with a version, and its totals. The files of its release are deleted before.

    The transaction must hold the organization's lock FILES.
    """
    for statement in DELETE_ASSOCIATIONS:
        await transaction.execute(statement, {"organization": organization, "version": version})
    await refresh_totals(transaction, organization, [version])
