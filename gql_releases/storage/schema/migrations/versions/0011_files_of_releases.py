"""files of releases: blobs, chunks, bundles, release files, debug files."""

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
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
    with op.batch_alter_table("assemblies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assemblies_state_date_updated"), ["state", "date_updated"], unique=False)

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
    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_blobs_organization_id_date_stored"), ["organization_id", "date_stored"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_blobs_sha1"), ["sha1"], unique=False)

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
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_chunks_organization_id_date_stored"), ["organization_id", "date_stored"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_chunks_sha1"), ["sha1"], unique=False)

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
    with op.batch_alter_table("artifact_bundles", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_artifact_bundles_organization_id_blob_id"), ["organization_id", "blob_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_bundles_organization_id_date_modified_id"),
            ["organization_id", "date_modified", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_bundles_organization_id_date_used"), ["organization_id", "date_used"], unique=False
        )

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
    with op.batch_alter_table("artifact_bundle_associations", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_artifact_bundle_associations_organization_id_artifact_bundle_id_id"),
            ["organization_id", "artifact_bundle_id", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_bundle_associations_organization_id_version_dist_artifact_bundle_id"),
            ["organization_id", "version", "dist", "artifact_bundle_id"],
            unique=False,
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
    with op.batch_alter_table("artifact_bundle_projects", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_artifact_bundle_projects_organization_id_project_id_date_modified_artifact_bundle_id"),
            ["organization_id", "project_id", "date_modified", "artifact_bundle_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_bundle_projects_organization_id_project_id_artifact_bundle_id"),
            ["organization_id", "project_id", "artifact_bundle_id"],
            unique=False,
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
    with op.batch_alter_table("artifact_bundle_versions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_artifact_bundle_versions_organization_id_version_date_modified_artifact_bundle_id"),
            ["organization_id", "version", "date_modified", "artifact_bundle_id"],
            unique=False,
        )

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
    with op.batch_alter_table("artifact_files", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_artifact_files_organization_id_artifact_bundle_id_file_name"),
            ["organization_id", "artifact_bundle_id", "file_name"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_files_organization_id_artifact_bundle_id_id"),
            ["organization_id", "artifact_bundle_id", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_files_organization_id_artifact_bundle_id_url"),
            ["organization_id", "artifact_bundle_id", "url"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_artifact_files_organization_id_debug_id_type_artifact_bundle_id"),
            ["organization_id", "debug_id", "type", "artifact_bundle_id"],
            unique=False,
        )

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
    with op.batch_alter_table("debug_files", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_debug_files_organization_id_blob_id"), ["organization_id", "blob_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_debug_files_organization_id_date_used"), ["organization_id", "date_used"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_debug_files_organization_id_project_id_code_id"),
            ["organization_id", "project_id", "code_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_debug_files_organization_id_project_id_id"), ["organization_id", "project_id", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_debug_files_organization_id_project_id_sha1"),
            ["organization_id", "project_id", "sha1"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_debug_files_organization_id_symcache_blob_id"),
            ["organization_id", "symcache_blob_id"],
            unique=False,
        )

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
    with op.batch_alter_table("release_files", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_release_files_organization_id_blob_id"), ["organization_id", "blob_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_release_files_organization_id_release_id_name_id"),
            ["organization_id", "release_id", "name", "id"],
            unique=False,
        )


def downgrade() -> None:
    """Undo the change."""
    with op.batch_alter_table("release_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_release_files_organization_id_release_id_name_id"))
        batch_op.drop_index(batch_op.f("ix_release_files_organization_id_blob_id"))

    op.drop_table("release_files")
    with op.batch_alter_table("debug_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_debug_files_organization_id_symcache_blob_id"))
        batch_op.drop_index(batch_op.f("ix_debug_files_organization_id_project_id_sha1"))
        batch_op.drop_index(batch_op.f("ix_debug_files_organization_id_project_id_id"))
        batch_op.drop_index(batch_op.f("ix_debug_files_organization_id_project_id_code_id"))
        batch_op.drop_index(batch_op.f("ix_debug_files_organization_id_date_used"))
        batch_op.drop_index(batch_op.f("ix_debug_files_organization_id_blob_id"))

    op.drop_table("debug_files")
    with op.batch_alter_table("artifact_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_artifact_files_organization_id_debug_id_type_artifact_bundle_id"))
        batch_op.drop_index(batch_op.f("ix_artifact_files_organization_id_artifact_bundle_id_url"))
        batch_op.drop_index(batch_op.f("ix_artifact_files_organization_id_artifact_bundle_id_id"))
        batch_op.drop_index(batch_op.f("ix_artifact_files_organization_id_artifact_bundle_id_file_name"))

    op.drop_table("artifact_files")
    with op.batch_alter_table("artifact_bundle_versions", schema=None) as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_artifact_bundle_versions_organization_id_version_date_modified_artifact_bundle_id")
        )

    op.drop_table("artifact_bundle_versions")
    with op.batch_alter_table("artifact_bundle_projects", schema=None) as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_artifact_bundle_projects_organization_id_project_id_date_modified_artifact_bundle_id")
        )
        batch_op.drop_index(batch_op.f("ix_artifact_bundle_projects_organization_id_project_id_artifact_bundle_id"))

    op.drop_table("artifact_bundle_projects")
    with op.batch_alter_table("artifact_bundle_associations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_artifact_bundle_associations_organization_id_version_dist_artifact_bundle_id"))
        batch_op.drop_index(batch_op.f("ix_artifact_bundle_associations_organization_id_artifact_bundle_id_id"))

    op.drop_table("artifact_bundle_associations")
    with op.batch_alter_table("artifact_bundles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_artifact_bundles_organization_id_date_used"))
        batch_op.drop_index(batch_op.f("ix_artifact_bundles_organization_id_date_modified_id"))
        batch_op.drop_index(batch_op.f("ix_artifact_bundles_organization_id_blob_id"))

    op.drop_table("artifact_bundles")
    op.drop_table("version_artifacts")
    with op.batch_alter_table("chunks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chunks_sha1"))
        batch_op.drop_index(batch_op.f("ix_chunks_organization_id_date_stored"))

    op.drop_table("chunks")
    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_blobs_sha1"))
        batch_op.drop_index(batch_op.f("ix_blobs_organization_id_date_stored"))

    op.drop_table("blobs")
    with op.batch_alter_table("assemblies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assemblies_state_date_updated"))

    op.drop_table("assemblies")
