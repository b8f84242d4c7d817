"""builds of one version in the order of versions."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 5_000
WITH_BUILD = "build_code IS NOT NULL AND semver_key <> ''"
NEXT = sa.text(
    f"SELECT id, semver_key, build_code FROM releases WHERE id > :last AND {WITH_BUILD} ORDER BY id LIMIT {BATCH}"
)
SET_KEY = sa.text("UPDATE releases SET semver_key = :key WHERE id = :id")
COPY = f"""UPDATE release_projects SET semver_key = (
    SELECT semver_key FROM releases WHERE releases.organization_id = release_projects.organization_id
      AND releases.id = release_projects.release_id
  ) WHERE release_id IN (SELECT id FROM releases WHERE {WITH_BUILD})"""


def _suffix(build: str) -> str:
    """Spell a build as domain/versions/version.py does in order keys: numbers after texts, by a letter for their length."""
    if not (build.isascii() and build.isdigit()):
        return f"!1{build}"
    digits = str(int(build))
    return f"!2{'z' * (len(digits) // 25)}{chr(ord('a') + len(digits) % 25)}{digits}"


def upgrade() -> None:
    """Append the build to the order key of each release that has one, then copy the keys to the links to projects."""
    connection, last = op.get_bind(), 0
    while rows := connection.execute(NEXT, {"last": last}).all():
        connection.execute(SET_KEY, [{"id": row_id, "key": key + _suffix(build)} for row_id, key, build in rows])
        last = rows[-1][0]
    op.execute(COPY)


def downgrade() -> None:
    """Take the builds away: no other part of a key has an exclamation mark."""
    postgres = op.get_bind().dialect.name == "postgresql"
    for table in ("releases", "release_projects"):
        short = "split_part(semver_key, '!', 1)" if postgres else "substr(semver_key, 1, instr(semver_key, '!') - 1)"
        op.execute(f"UPDATE {table} SET semver_key = {short} WHERE semver_key LIKE '%!%'")
