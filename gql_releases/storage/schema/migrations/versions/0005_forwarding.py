"""what is sent on to a running Sentry."""

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the upstreams, a queue for each release that is sent on, and the requests that wait."""
    op.create_table(
        "upstreams",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("url", identifier(200), nullable=False),
        sa.Column("organization", identifier(100), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("resume_at", UtcDateTime(), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_upstreams_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_upstreams")),
    )
    op.create_table(
        "upstream_releases",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("version", identifier(200), nullable=False),
        sa.Column("state", identifier(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", identifier(500), nullable=True),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("last_deploy", identifier(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_upstream_releases_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstream_releases")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_upstream_releases_organization_id_id")),
        sa.UniqueConstraint("organization_id", "version", name=op.f("uq_upstream_releases_organization_id_version")),
        sqlite_autoincrement=True,
    )
    due = ["organization_id", "state", "next_attempt_at", "id"]
    op.create_index(op.f(f"ix_upstream_releases_{'_'.join(due)}"), "upstream_releases", due)
    op.create_table(
        "outbox",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("queue_id", Id, nullable=False),
        sa.Column("kind", identifier(8), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "queue_id"],
            ["upstream_releases.organization_id", "upstream_releases.id"],
            name=op.f("fk_outbox_organization_id_queue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_outbox_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_organization_id_queue_id_id"), "outbox", ["organization_id", "queue_id", "id"])


def downgrade() -> None:
    """Take it back; what waits is lost."""
    for name in ("outbox", "upstream_releases", "upstreams"):
        op.drop_table(name)
