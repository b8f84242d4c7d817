"""where a release's commits come from, and whether they are all there."""

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import UtcDateTime, identifier

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OF_HEAD = """FROM release_commits l JOIN commits c ON c.organization_id = l.organization_id AND c.id = l.commit_id
    WHERE l.organization_id = head_commits.organization_id AND l.release_id = head_commits.release_id"""
# Lists were all sent until now; a head that is not in its list, or has a previous commit, was named by a ref.
FILL_HEADS = f"""
UPDATE head_commits SET
    kind = CASE WHEN EXISTS (SELECT 1 {OF_HEAD} AND c.repository_id = head_commits.repository_id)
        THEN 'LIST' ELSE 'RANGE' END,
    said = CASE WHEN previous_sha IS NULL AND EXISTS (SELECT 1 {OF_HEAD} AND c.id = head_commits.commit_id)
        THEN {{no}} ELSE {{yes}} END,
    head_time = (SELECT min(c.timestamp) {OF_HEAD} AND c.id = head_commits.commit_id),
    known_until = (SELECT sha FROM commits c WHERE c.organization_id = head_commits.organization_id
        AND c.id = head_commits.commit_id)
"""
FILL_STATUSES = (
    "UPDATE head_commits SET known_until = NULL, commit_status = 'COMPLETE' WHERE kind = 'LIST'",
    f"""UPDATE head_commits SET commit_status = 'HEAD_UNLISTED' WHERE kind = 'LIST'
        AND NOT EXISTS (SELECT 1 {OF_HEAD} AND c.id = head_commits.commit_id)""",
    "UPDATE releases SET commit_status = 'COMPLETE' WHERE commit_count > 0",
    *(
        f"""UPDATE releases SET commit_status = '{status}' WHERE EXISTS (SELECT 1 FROM head_commits h WHERE
            h.organization_id = releases.organization_id AND h.release_id = releases.id AND h.commit_status = '{status}')"""
        for status in ("HEAD_UNLISTED", "HEAD_UNKNOWN")
    ),
)
INDEXES = (["commit_id"], ["repository_id", "kind", "head_time"], ["repository_id", "known_until"])


def upgrade() -> None:
    """Add the columns, and say of each head and each release what is known of it."""
    status = identifier(20)
    op.add_column("releases", sa.Column("commit_status", status, nullable=False, server_default="NO_COMMITS"))
    for column in (
        sa.Column("said", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("kind", identifier(5), nullable=False, server_default="RANGE"),
        sa.Column("commit_status", status, nullable=False, server_default="HEAD_UNKNOWN"),
        sa.Column("known_until", identifier(64), nullable=True),
        sa.Column("head_time", UtcDateTime(), nullable=True),
    ):
        op.add_column("head_commits", column)
    yes, no = ("1", "0") if op.get_bind().dialect.name == "sqlite" else ("true", "false")
    for statement in (FILL_HEADS.format(yes=yes, no=no), *FILL_STATUSES):
        op.execute(statement)
    for names in INDEXES:
        op.create_index(
            op.f(f"ix_head_commits_organization_id_{'_'.join(names)}"), "head_commits", ["organization_id", *names]
        )


def downgrade() -> None:
    """Take it back; ranges that were made stay as lists."""
    for names in INDEXES:
        op.drop_index(op.f(f"ix_head_commits_organization_id_{'_'.join(names)}"), "head_commits")
    for name in ("head_time", "known_until", "commit_status", "kind", "said"):
        op.drop_column("head_commits", name)
    op.drop_column("releases", "commit_status")
