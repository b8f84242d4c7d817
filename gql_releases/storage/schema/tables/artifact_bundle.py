"""The tables of artifact bundles: their files, and the projects and versions that they are associated with."""

from datetime import datetime

from sqlalchemy import PrimaryKeyConstraint, Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    WITHOUT_ROWID,
    date,
    field,
    key,
    member,
    natural_key,
    owner,
    referable,
    reference,
    size_in_bytes,
    sorted_by,
    text,
)


class ArtifactBundleRow(SQLModel, table=True):
    """An uploaded bundle of minified sources and source maps."""

    __tablename__ = "artifact_bundles"
    __table_args__ = (
        natural_key("bundle_id"),
        referable(),
        reference("blob_id", "blobs"),
        sorted_by("blob_id"),
        sorted_by("date_modified", "id"),
        sorted_by("date_used"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    bundle_id: str = text(36)
    blob_id: int = member()
    size: int = size_in_bytes()
    file_count: int
    date_uploaded: datetime = date()
    date_modified: datetime = date()
    date_used: datetime = date()


class ArtifactBundleProjectRow(SQLModel, table=True):
    """A project of a bundle, with a copy of the bundle's date, whose index sorts a project's bundles."""

    __tablename__ = "artifact_bundle_projects"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "artifact_bundle_id", "project_id"),
        reference("artifact_bundle_id", "artifact_bundles", cascade=True),
        reference("project_id", "projects"),
        sorted_by("project_id", "date_modified", "artifact_bundle_id"),
        sorted_by("project_id", "artifact_bundle_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = owner()
    artifact_bundle_id: int = member()
    project_id: int = member()
    date_modified: datetime = date()


class ArtifactBundleAssociationRow(SQLModel, table=True):
    """A version and dist ("" for none) that a bundle was uploaded for. The release need not exist."""

    __tablename__ = "artifact_bundle_associations"
    __table_args__ = (
        natural_key("artifact_bundle_id", "version", "dist"),
        reference("artifact_bundle_id", "artifact_bundles", cascade=True),
        sorted_by("version", "dist", "artifact_bundle_id"),
        sorted_by("artifact_bundle_id", "id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    artifact_bundle_id: int = member()
    version: str = text(200)
    dist: str = text(64)


class ArtifactBundleVersionRow(SQLModel, table=True):
    """A version of a bundle, once for all dists, with a copy of the bundle's date, whose index sorts a version's bundles."""

    __tablename__ = "artifact_bundle_versions"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "artifact_bundle_id", "version"),
        reference("artifact_bundle_id", "artifact_bundles", cascade=True),
        sorted_by("version", "date_modified", "artifact_bundle_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = owner()
    artifact_bundle_id: int = member()
    version: str = text(200)
    date_modified: datetime = date()


class ArtifactFileRow(SQLModel, table=True):
    """A file of a bundle, as its manifest lists it.

    `file_name` is the name that the file's source map comment gives it, which finds it without URL and debug id.
    """

    __tablename__ = "artifact_files"
    __table_args__ = (
        reference("artifact_bundle_id", "artifact_bundles", cascade=True),
        sorted_by("artifact_bundle_id", "id"),
        sorted_by("artifact_bundle_id", "url"),
        sorted_by("artifact_bundle_id", "file_name"),
        sorted_by("debug_id", "type", "artifact_bundle_id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    artifact_bundle_id: int = member()
    path: str = field(Text())
    url: str | None = text(600, nullable=True)
    type: str = text(20)
    debug_id: str | None = text(45, nullable=True)
    source_map: str | None = field(Text(), nullable=True)
    file_name: str | None = text(300, nullable=True)
    headers: str = field(Text())
    size: int = size_in_bytes()


class VersionArtifactsRow(SQLModel, table=True):
    """Totals of the files uploaded for a version, in bundles and as release files; written with them."""

    __tablename__ = "version_artifacts"
    __table_args__ = (natural_key("version"), referable(), NO_ID_REUSE)

    id: int | None = key()
    organization_id: int = owner()
    version: str = text(200)
    total: int
    with_debug_ids: int
    last_uploaded: datetime = date()
