"""versions with their case folded, where they are not ASCII alone."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BATCH = 5_000
NEXT = sa.text(f"SELECT id, version FROM releases WHERE id > :last ORDER BY id LIMIT {BATCH}")
SET_FOLDED = sa.text("UPDATE releases SET folded_version = :folded WHERE id = :id")


def upgrade() -> None:
    """Add the column, and fold the versions that need it: databases fold case in ways of their own."""
    op.add_column("releases", sa.Column("folded_version", sa.Text(), nullable=True))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(NEXT, {"last": last}).all():
        folded = [{"id": row_id, "folded": version.casefold()} for row_id, version in rows if not version.isascii()]
        if folded:
            connection.execute(SET_FOLDED, folded)
        last = rows[-1][0]


def downgrade() -> None:
    """Take it back."""
    op.drop_column("releases", "folded_version")
