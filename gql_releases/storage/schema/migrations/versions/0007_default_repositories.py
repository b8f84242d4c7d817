"""a default repository of each project."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DEFAULT = "fk_projects_organization_id_default_repository_id"


def upgrade() -> None:
    """Add the column: null, until somebody names one."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("projects") as batch:
        batch.add_column(sa.Column("default_repository_id", key, nullable=True))
        columns = ["organization_id", "default_repository_id"]
        batch.create_foreign_key(op.f(DEFAULT), "repositories", columns, ["organization_id", "id"])


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("projects") as batch:
        batch.drop_constraint(op.f(DEFAULT), type_="foreignkey")
        batch.drop_column("default_repository_id")
