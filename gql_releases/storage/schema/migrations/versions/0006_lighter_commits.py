"""one index fewer for each commit, one more for authors, and no foreign key that another one implies."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IMPLIED = ("commits", "file_changes", "release_commits", "release_authors")
"""Tables whose every row refers to another row of its organization, which refers to the organization."""
BY_REPOSITORY = "uq_commits_organization_id_repository_id_sha"
BY_SHA = "uq_commits_organization_id_sha_repository_id"
SHAS = "ix_commits_organization_id_sha"
BY_AUTHOR = "ix_release_authors_organization_id_author_id_release_id"


def _keep_form(table: str) -> dict[str, bool]:
    return {"sqlite_with_rowid": False} if table.startswith("release_") else {}


def upgrade() -> None:
    """Let the unique key of commits begin with the sha: it serves both ways of looking for one."""
    for table in IMPLIED:
        with op.batch_alter_table(table, table_kwargs=_keep_form(table)) as batch:
            batch.drop_constraint(op.f(f"fk_{table}_organization_id"), type_="foreignkey")
            if table == "commits":
                batch.drop_index(op.f(SHAS))
                batch.drop_constraint(op.f(BY_REPOSITORY), type_="unique")
                batch.create_unique_constraint(op.f(BY_SHA), ["organization_id", "sha", "repository_id"])
    op.create_index(op.f(BY_AUTHOR), "release_authors", ["organization_id", "author_id", "release_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f(BY_AUTHOR), "release_authors")
    for table in IMPLIED:
        with op.batch_alter_table(table, table_kwargs=_keep_form(table)) as batch:
            if table == "commits":
                batch.drop_constraint(op.f(BY_SHA), type_="unique")
                batch.create_unique_constraint(op.f(BY_REPOSITORY), ["organization_id", "repository_id", "sha"])
                batch.create_index(op.f(SHAS), ["organization_id", "sha"])
            batch.create_foreign_key(op.f(f"fk_{table}_organization_id"), "organizations", ["organization_id"], ["id"])
