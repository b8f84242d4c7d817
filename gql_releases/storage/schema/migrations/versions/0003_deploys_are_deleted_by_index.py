"""an index for what a deleted deploy leaves behind: its foreign key walked all releases of the organization."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME = "ix_releases_organization_id_last_deploy_id"


def upgrade() -> None:
    """Make the index."""
    op.create_index(op.f(NAME), "releases", ["organization_id", "last_deploy_id"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(op.f(NAME), table_name="releases")
