"""${message}."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Undo the change."""
    ${downgrades if downgrades else "pass"}
