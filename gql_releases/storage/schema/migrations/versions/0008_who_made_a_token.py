"""which token made a token."""

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import Id

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is empty for tokens of before."""
    op.add_column("tokens", sa.Column("maker_id", Id, nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("tokens", "maker_id")
