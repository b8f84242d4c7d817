"""what runs where; notes and metadata of releases; status and links of deploys."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FILL_CURRENT = """
INSERT INTO current_deploys (organization_id, environment_id, project_id, deploy_id, release_id)
SELECT organization_id, environment_id, project_id, deploy_id, release_id FROM (
    SELECT d.organization_id, d.environment_id, p.project_id, d.id AS deploy_id, d.release_id, row_number() OVER (
        PARTITION BY d.organization_id, d.environment_id, p.project_id ORDER BY d.date_finished DESC, d.id DESC
    ) AS place
    FROM deploys d JOIN deploy_projects p ON p.organization_id = d.organization_id AND p.deploy_id = d.id
) ranked WHERE place = 1 ORDER BY deploy_id
"""


@contextmanager
def _deploy_ids_kept() -> Iterator[None]:
    """SQLite makes the table anew, and would forget the ids of deleted deploys."""
    if op.get_bind().dialect.name != "sqlite":
        yield
        return
    last = op.get_bind().execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'deploys'")).scalar()
    yield
    if last is not None:
        op.get_bind().execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'deploys'"))
        op.get_bind().execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('deploys', :last)"), {"last": last})


def upgrade() -> None:
    """Add tables, columns and indexes; every deploy that is there has succeeded."""
    _create_current_deploys()
    op.create_index(op.f("ix_commits_organization_id_sha"), "commits", ["organization_id", "sha"])
    by_path = op.f("ix_file_changes_organization_id_path_commit_id")
    op.create_index(by_path, "file_changes", ["organization_id", "path", "commit_id"])
    op.add_column("releases", sa.Column("notes", sa.Text(), nullable=True))
    op.add_column("releases", sa.Column("metadata_json", sa.Text(), nullable=True))
    with op.batch_alter_table("deploy_projects", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.add_column(sa.Column("external_id", identifier(64), nullable=True))
        batch.create_unique_constraint(
            op.f("uq_deploy_projects_organization_id_project_id_external_id"),
            ["organization_id", "project_id", "external_id"],
        )
    _extend_deploys()
    op.execute(FILL_CURRENT)


def _create_current_deploys() -> None:
    op.create_table(
        "current_deploys",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("deploy_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=False),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", f"{name}_id"],
                [f"{name}s.organization_id", f"{name}s.id"],
                name=op.f(f"fk_current_deploys_organization_id_{name}_id"),
                ondelete=cascade,
            )
            for name, cascade in (("deploy", "CASCADE"), ("environment", None), ("project", None), ("release", "CASCADE"))
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_current_deploys_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_current_deploys")),
        sa.UniqueConstraint(
            "organization_id",
            "environment_id",
            "project_id",
            name=op.f("uq_current_deploys_organization_id_environment_id_project_id"),
        ),
        sqlite_autoincrement=True,
    )
    for name in ("deploy_id", "release_id"):
        op.create_index(op.f(f"ix_current_deploys_organization_id_{name}"), "current_deploys", ["organization_id", name])


def _extend_deploys() -> None:
    with op.batch_alter_table("deploys") as batch:
        batch.add_column(sa.Column("finish_order", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("status", identifier(12), nullable=True))
        batch.add_column(sa.Column("external_id", identifier(64), nullable=True))
        batch.add_column(sa.Column("comment", sa.Text(), nullable=True))
        batch.add_column(sa.Column("links", sa.Text(), nullable=True))
        batch.add_column(sa.Column("previous_release_id", Id, nullable=True))
    op.execute("UPDATE deploys SET finish_order = date_finished, status = 'SUCCEEDED', links = '[]'")
    with _deploy_ids_kept(), op.batch_alter_table("deploys", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_index(op.f("ix_deploys_organization_id_release_id_date_finished_id"))
        batch.alter_column("finish_order", existing_type=UtcDateTime(), nullable=False)
        batch.alter_column("status", existing_type=identifier(12), nullable=False)
        batch.alter_column("links", existing_type=sa.Text(), nullable=False)
        batch.alter_column("date_finished", existing_type=UtcDateTime(), nullable=True)
        batch.create_foreign_key(
            op.f("fk_deploys_organization_id_previous_release_id"),
            "releases",
            ["organization_id", "previous_release_id"],
            ["organization_id", "id"],
        )
        for sorted_by in (
            ["environment_id", "finish_order", "id"],
            ["previous_release_id"],
            ["release_id", "finish_order", "id"],
        ):
            batch.create_index(op.f(f"ix_deploys_organization_id_{'_'.join(sorted_by)}"), ["organization_id", *sorted_by])


def downgrade() -> None:
    """Take it back; an unfinished deploy is one that ended when it was made."""
    op.drop_table("current_deploys")
    op.execute("UPDATE deploys SET date_finished = date_created WHERE date_finished IS NULL")
    with _deploy_ids_kept(), op.batch_alter_table("deploys", table_kwargs={"sqlite_autoincrement": True}) as batch:
        for name in ("environment_id_finish_order_id", "previous_release_id", "release_id_finish_order_id"):
            batch.drop_index(op.f(f"ix_deploys_organization_id_{name}"))
        batch.drop_constraint(op.f("fk_deploys_organization_id_previous_release_id"), type_="foreignkey")
        batch.alter_column("date_finished", existing_type=UtcDateTime(), nullable=False)
        for name in ("previous_release_id", "links", "comment", "external_id", "status", "finish_order"):
            batch.drop_column(name)
        batch.create_index(
            op.f("ix_deploys_organization_id_release_id_date_finished_id"),
            ["organization_id", "release_id", "date_finished", "id"],
        )
    with op.batch_alter_table("deploy_projects", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_constraint(op.f("uq_deploy_projects_organization_id_project_id_external_id"), type_="unique")
        batch.drop_column("external_id")
    op.drop_column("releases", "metadata_json")
    op.drop_column("releases", "notes")
    op.drop_index(op.f("ix_file_changes_organization_id_path_commit_id"), "file_changes")
    op.drop_index(op.f("ix_commits_organization_id_sha"), "commits")
