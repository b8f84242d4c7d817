"""files of releases: blobs, chunks, bundles, release files, debug files."""

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NEW_TABLES = (
    "debug_files", "release_files", "version_artifacts", "artifact_files", "artifact_bundle_versions",
    "artifact_bundle_projects", "artifact_bundle_associations", "artifact_bundles", "assemblies", "chunks", "blobs",
)  # fmt: skip
"""In an order in which they can be dropped."""


def upgrade() -> None:
    """Make the tables."""
    _create_blobs()
    _create_bundles()
    _create_bundle_places()
    _create_bundle_files()
    _create_files()


def _create_blobs() -> None:
    """Make the tables of blobs, chunks and assemblies."""
    op.create_table(
        "blobs",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("sha1", identifier(40), nullable=False),
        sa.Column("sha256", identifier(64), nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("date_stored", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_blobs_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blobs")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_blobs_organization_id_id")),
        sa.UniqueConstraint("organization_id", "sha1", name=op.f("uq_blobs_organization_id_sha1")),
        sqlite_autoincrement=True,
    )
    _create_indexes("blobs", ["organization_id", "date_stored"], ["sha1"])
    op.create_table(
        "chunks",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("sha1", identifier(40), nullable=False),
        sa.Column("sha256", identifier(64), nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("date_stored", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_chunks_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunks")),
        sa.UniqueConstraint("organization_id", "sha1", name=op.f("uq_chunks_organization_id_sha1")),
        sqlite_autoincrement=True,
    )
    _create_indexes("chunks", ["organization_id", "date_stored"], ["sha1"])
    op.create_table(
        "assemblies",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("kind", identifier(20), nullable=False),
        sa.Column("subject", identifier(100), nullable=False),
        sa.Column("checksum", identifier(40), nullable=False),
        sa.Column("state", identifier(12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.Column("date_updated", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_assemblies_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assemblies")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_assemblies_organization_id_id")),
        sa.UniqueConstraint(
            "organization_id",
            "kind",
            "subject",
            "checksum",
            name=op.f("uq_assemblies_organization_id_kind_subject_checksum"),
        ),
        sqlite_autoincrement=True,
    )
    _create_indexes("assemblies", ["state", "date_updated"])


def _create_bundles() -> None:
    """Make the tables of artifact bundles."""
    op.create_table(
        "artifact_bundles",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("bundle_id", identifier(36), nullable=False),
        sa.Column("blob_id", Id, nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("date_uploaded", UtcDateTime(), nullable=False),
        sa.Column("date_modified", UtcDateTime(), nullable=False),
        sa.Column("date_used", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "blob_id"],
            ["blobs.organization_id", "blobs.id"],
            name=op.f("fk_artifact_bundles_organization_id_blob_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_artifact_bundles_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_bundles")),
        sa.UniqueConstraint("organization_id", "bundle_id", name=op.f("uq_artifact_bundles_organization_id_bundle_id")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_artifact_bundles_organization_id_id")),
        sqlite_autoincrement=True,
    )
    _create_indexes(
        "artifact_bundles",
        ["organization_id", "blob_id"],
        ["organization_id", "date_modified", "id"],
        ["organization_id", "date_used"],
    )


def _create_bundle_places() -> None:
    """Make the tables of the projects and versions of bundles."""
    op.create_table(
        "artifact_bundle_associations",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("artifact_bundle_id", Id, nullable=False),
        sa.Column("version", identifier(200), nullable=False),
        sa.Column("dist", identifier(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "artifact_bundle_id"],
            ["artifact_bundles.organization_id", "artifact_bundles.id"],
            name=op.f("fk_artifact_bundle_associations_organization_id_artifact_bundle_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_artifact_bundle_associations_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_bundle_associations")),
        sa.UniqueConstraint(
            "organization_id",
            "artifact_bundle_id",
            "version",
            "dist",
            name=op.f("uq_artifact_bundle_associations_organization_id_artifact_bundle_id_version_dist"),
        ),
        sqlite_autoincrement=True,
    )
    _create_indexes(
        "artifact_bundle_associations",
        ["organization_id", "artifact_bundle_id", "id"],
        ["organization_id", "version", "dist", "artifact_bundle_id"],
    )
    op.create_table(
        "artifact_bundle_projects",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("artifact_bundle_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("date_modified", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "artifact_bundle_id"],
            ["artifact_bundles.organization_id", "artifact_bundles.id"],
            name=op.f("fk_artifact_bundle_projects_organization_id_artifact_bundle_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "project_id"],
            ["projects.organization_id", "projects.id"],
            name=op.f("fk_artifact_bundle_projects_organization_id_project_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_artifact_bundle_projects_organization_id")
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "artifact_bundle_id", "project_id", name=op.f("pk_artifact_bundle_projects")
        ),
        sqlite_with_rowid=False,
    )
    _create_indexes(
        "artifact_bundle_projects",
        ["organization_id", "project_id", "date_modified", "artifact_bundle_id"],
        ["organization_id", "project_id", "artifact_bundle_id"],
    )
    op.create_table(
        "artifact_bundle_versions",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("artifact_bundle_id", Id, nullable=False),
        sa.Column("version", identifier(200), nullable=False),
        sa.Column("date_modified", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "artifact_bundle_id"],
            ["artifact_bundles.organization_id", "artifact_bundles.id"],
            name=op.f("fk_artifact_bundle_versions_organization_id_artifact_bundle_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_artifact_bundle_versions_organization_id")
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "artifact_bundle_id", "version", name=op.f("pk_artifact_bundle_versions")
        ),
        sqlite_with_rowid=False,
    )
    _create_indexes("artifact_bundle_versions", ["organization_id", "version", "date_modified", "artifact_bundle_id"])


def _create_bundle_files() -> None:
    """Make the tables of the files of bundles, and of their totals."""
    op.create_table(
        "artifact_files",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("artifact_bundle_id", Id, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("url", identifier(600), nullable=True),
        sa.Column("type", identifier(20), nullable=False),
        sa.Column("debug_id", identifier(45), nullable=True),
        sa.Column("source_map", sa.Text(), nullable=True),
        sa.Column("file_name", identifier(300), nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "artifact_bundle_id"],
            ["artifact_bundles.organization_id", "artifact_bundles.id"],
            name=op.f("fk_artifact_files_organization_id_artifact_bundle_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_artifact_files_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_files")),
        sqlite_autoincrement=True,
    )
    _create_indexes(
        "artifact_files",
        ["organization_id", "artifact_bundle_id", "file_name"],
        ["organization_id", "artifact_bundle_id", "id"],
        ["organization_id", "artifact_bundle_id", "url"],
        ["organization_id", "debug_id", "type", "artifact_bundle_id"],
    )
    op.create_table(
        "version_artifacts",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("version", identifier(200), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("with_debug_ids", sa.Integer(), nullable=False),
        sa.Column("last_uploaded", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_version_artifacts_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version_artifacts")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_version_artifacts_organization_id_id")),
        sa.UniqueConstraint("organization_id", "version", name=op.f("uq_version_artifacts_organization_id_version")),
        sqlite_autoincrement=True,
    )


def _create_files() -> None:
    """Make the tables of release files and debug files."""
    op.create_table(
        "release_files",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("name", identifier(600), nullable=False),
        sa.Column("dist", identifier(64), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("blob_id", Id, nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("sha1", identifier(40), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "blob_id"],
            ["blobs.organization_id", "blobs.id"],
            name=op.f("fk_release_files_organization_id_blob_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "release_id"],
            ["releases.organization_id", "releases.id"],
            name=op.f("fk_release_files_organization_id_release_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_release_files_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_files")),
        sa.UniqueConstraint(
            "organization_id",
            "release_id",
            "name",
            "dist",
            name=op.f("uq_release_files_organization_id_release_id_name_dist"),
        ),
        sqlite_autoincrement=True,
    )
    _create_indexes("release_files", ["organization_id", "blob_id"], ["organization_id", "release_id", "name", "id"])
    op.create_table(
        "debug_files",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("debug_id", identifier(45), nullable=False),
        sa.Column("code_id", identifier(64), nullable=True),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("cpu_name", identifier(40), nullable=False),
        sa.Column("format", identifier(20), nullable=False),
        sa.Column("kind", identifier(20), nullable=True),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("proguard_releases", sa.Text(), nullable=False),
        sa.Column("blob_id", Id, nullable=False),
        sa.Column("symcache_blob_id", Id, nullable=True),
        sa.Column("size", Id, nullable=False),
        sa.Column("sha1", identifier(40), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.Column("date_used", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "blob_id"],
            ["blobs.organization_id", "blobs.id"],
            name=op.f("fk_debug_files_organization_id_blob_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "project_id"],
            ["projects.organization_id", "projects.id"],
            name=op.f("fk_debug_files_organization_id_project_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "symcache_blob_id"],
            ["blobs.organization_id", "blobs.id"],
            name=op.f("fk_debug_files_organization_id_symcache_blob_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_debug_files_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debug_files")),
        sa.UniqueConstraint(
            "organization_id",
            "project_id",
            "debug_id",
            "sha1",
            name=op.f("uq_debug_files_organization_id_project_id_debug_id_sha1"),
        ),
        sqlite_autoincrement=True,
    )
    _create_indexes(
        "debug_files",
        ["organization_id", "blob_id"],
        ["organization_id", "date_used"],
        ["organization_id", "project_id", "code_id"],
        ["organization_id", "project_id", "id"],
        ["organization_id", "project_id", "sha1"],
        ["organization_id", "symcache_blob_id"],
    )


def _create_indexes(table: str, *columns: list[str]) -> None:
    for names in columns:
        op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, names)


def downgrade() -> None:
    """Remove the tables."""
    for name in NEW_TABLES:
        op.drop_table(name)
