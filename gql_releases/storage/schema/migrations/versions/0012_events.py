"""events of SDKs, their issues, sessions and project keys."""

import secrets
import time
from typing import Any

import sqlalchemy as sa
from alembic import op

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DAYS_AHEAD = 8
NEW_TABLES = (
    "session_users", "live_sessions", "session_hours", "outcomes", "ingest_hours", "release_events", "event_hours", "events",
    "suspect_commits", "issue_users", "issue_releases", "issue_hashes", "issues", "deleted_releases", "project_keys",
)  # fmt: skip
"""In an order in which they can be dropped."""
EPOCH = "1970-01-01T00:00:00.000000Z"
NEW_COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    ("organizations", sa.Column("user_salt", identifier(32), nullable=False, server_default="")),
    ("projects", sa.Column("issue_counter", Id, nullable=False, server_default="0")),
    ("releases", sa.Column("shipping_date", UtcDateTime(), nullable=False, server_default=EPOCH)),
    ("releases", sa.Column("origin", identifier(6), nullable=False, server_default="CLIENT")),
)
SET_SALT = sa.text("UPDATE organizations SET user_salt = :salt WHERE id = :id")
ADD_KEY = sa.text("""INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created)
    VALUES (:organization, :project, :key, 'Default', :is_active, :date)""")


def upgrade() -> None:
    """Make the tables, and the columns of organizations, projects and releases with their values."""
    _create_project_keys()
    _create_issues()
    _create_issue_parts()
    _create_events()
    _create_event_counters()
    _create_sessions()
    if op.get_bind().dialect.name == "postgresql":
        _create_partitions()
    for table, column in NEW_COLUMNS:
        op.add_column(table, column)
    op.execute("UPDATE releases SET shipping_date = coalesce(date_released, date_created)")
    _fill_salts_and_keys()


def _create_project_keys() -> None:
    """Make the table of keys, and that of deleted releases."""
    op.create_table(
        "project_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("public_key", identifier(32), nullable=False),
        sa.Column("name", identifier(64), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "project_id"],
            ["projects.organization_id", "projects.id"],
            name=op.f("fk_project_keys_organization_id_project_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_project_keys_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_keys")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_project_keys_organization_id_id")),
        sa.UniqueConstraint("public_key", name=op.f("uq_project_keys_public_key")),
        sqlite_autoincrement=True,
    )
    _create_indexes("project_keys", ["organization_id", "project_id", "id"])
    op.create_table(
        "deleted_releases",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("version", identifier(200), nullable=False),
        sa.Column("date_deleted", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "version", name=op.f("pk_deleted_releases")),
        sqlite_with_rowid=False,
    )


def _create_issues() -> None:
    """Make the tables of issues."""
    op.create_table(
        "issues",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("short_id", identifier(64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("culprit", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("level", identifier(8), nullable=False),
        sa.Column("platform", identifier(64), nullable=False),
        sa.Column("handled", sa.Boolean(), nullable=True),
        sa.Column("status", identifier(12), nullable=False),
        sa.Column("times", Id, nullable=False),
        sa.Column("users", Id, nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("date_created", UtcDateTime(), nullable=False),
        sa.Column("first_release_id", Id, nullable=True),
        sa.Column("introduced_in_id", Id, nullable=True),
        sa.Column("last_release_id", Id, nullable=True),
        sa.Column("new_path_of_id", Id, nullable=True),
        sa.Column("site", identifier(32), nullable=True),
        sa.Column("grouping_step", identifier(12), nullable=False),
        sa.Column("grouping_key", sa.Text(), nullable=False),
        sa.Column("grouping_algorithm", identifier(16), nullable=False),
        sa.Column("suspect_status", identifier(12), nullable=False),
        sa.Column("resolved_in", identifier(12), nullable=True),
        sa.Column("resolved_release_id", Id, nullable=True),
        sa.Column("resolved_commit_id", Id, nullable=True),
        sa.Column("resolved_package", identifier(200), nullable=True),
        sa.Column("resolved_semver_key", identifier(400), nullable=True),
        sa.Column("resolved_shipping_date", UtcDateTime(), nullable=True),
        sa.Column("date_resolved", UtcDateTime(), nullable=True),
        sa.Column("regressed_in_id", Id, nullable=True),
        sa.Column("date_regressed", UtcDateTime(), nullable=True),
        sa.Column("compared_by", identifier(6), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "new_path_of_id"],
            ["issues.organization_id", "issues.id"],
            name=op.f("fk_issues_organization_id_new_path_of_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "project_id"],
            ["projects.organization_id", "projects.id"],
            name=op.f("fk_issues_organization_id_project_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_issues_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_issues_organization_id_id")),
        sa.UniqueConstraint("organization_id", "short_id", name=op.f("uq_issues_organization_id_short_id")),
        sqlite_autoincrement=True,
    )
    _create_indexes(
        "issues",
        ["organization_id", "first_release_id", "project_id"],
        ["organization_id", "first_seen", "id"],
        ["organization_id", "introduced_in_id", "times", "id"],
        ["organization_id", "last_release_id"],
        ["organization_id", "last_seen", "id"],
        ["organization_id", "new_path_of_id"],
        ["organization_id", "project_id", "first_seen", "id"],
        ["organization_id", "project_id", "last_seen", "id"],
        ["organization_id", "project_id", "site", "id"],
        ["organization_id", "regressed_in_id", "id"],
        ["organization_id", "resolved_release_id", "id"],
    )


def _create_issue_parts() -> None:
    """Make the tables of an issue's hashes, releases, users and suspect commits."""
    op.create_table(
        "issue_hashes",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("algorithm", identifier(16), nullable=False),
        sa.Column("hash", identifier(32), nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "issue_id"],
            ["issues.organization_id", "issues.id"],
            name=op.f("fk_issue_hashes_organization_id_issue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_issue_hashes_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "project_id", "algorithm", "hash", name=op.f("pk_issue_hashes")),
        sqlite_with_rowid=False,
    )
    _create_indexes("issue_hashes", ["organization_id", "issue_id"])
    op.create_table(
        "issue_releases",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("times", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "issue_id"],
            ["issues.organization_id", "issues.id"],
            name=op.f("fk_issue_releases_organization_id_issue_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "issue_id", "release_id", "environment_id", name=op.f("pk_issue_releases")
        ),
        sqlite_with_rowid=False,
    )
    _create_indexes("issue_releases", ["organization_id", "release_id", "last_seen", "issue_id"])
    op.create_table(
        "issue_users",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.Column("user_hash", identifier(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "issue_id"],
            ["issues.organization_id", "issues.id"],
            name=op.f("fk_issue_users_organization_id_issue_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "issue_id", "user_hash", name=op.f("pk_issue_users")),
        sqlite_with_rowid=False,
    )
    _create_indexes("issue_users", ["organization_id", "user_hash"])
    op.create_table(
        "suspect_commits",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("commit_id", Id, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("frame_path", sa.Text(), nullable=False),
        sa.Column("matched_segments", sa.Integer(), nullable=False),
        sa.Column("releases_back", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "commit_id"],
            ["commits.organization_id", "commits.id"],
            name=op.f("fk_suspect_commits_organization_id_commit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "issue_id"],
            ["issues.organization_id", "issues.id"],
            name=op.f("fk_suspect_commits_organization_id_issue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_suspect_commits_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "issue_id", "position", name=op.f("pk_suspect_commits")),
        sqlite_with_rowid=False,
    )
    _create_indexes("suspect_commits", ["organization_id", "commit_id"])


def _create_events() -> None:
    """Make the table of events. A key of a partitioned table includes the column of the partitions."""
    partitioned_by = ["day"] if op.get_bind().dialect.name == "postgresql" else []
    op.create_table(
        "events",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("event_id", identifier(32), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=True),
        sa.Column("environment_id", Id, nullable=True),
        sa.Column("timestamp", UtcDateTime(), nullable=False),
        sa.Column("received", UtcDateTime(), nullable=False),
        sa.Column("dist", identifier(64), nullable=True),
        sa.Column("level", identifier(8), nullable=False),
        sa.Column("platform", identifier(64), nullable=False),
        sa.Column("handled", sa.Boolean(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("user_hash", identifier(32), nullable=True),
        sa.Column("sdk_name", identifier(64), nullable=True),
        sa.Column("sdk_version", identifier(64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", *partitioned_by, name=op.f("pk_events")),
        sa.UniqueConstraint(
            "organization_id",
            "project_id",
            "event_id",
            "day",
            name=op.f("uq_events_organization_id_project_id_event_id_day"),
        ),
        sqlite_autoincrement=True,
        postgresql_partition_by="RANGE (day)",
    )
    _create_indexes(
        "events", ["organization_id", "issue_id", "timestamp", "id"], ["organization_id", "project_id", "timestamp", "id"]
    )


def _create_event_counters() -> None:
    """Make the tables of what is counted of events."""
    op.create_table(
        "event_hours",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("events", Id, nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "project_id", "hour", "release_id", "environment_id", name=op.f("pk_event_hours")
        ),
        sqlite_with_rowid=False,
    )
    _create_indexes("event_hours", ["organization_id", "release_id"])
    op.create_table(
        "release_events",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("first_event", UtcDateTime(), nullable=False),
        sa.Column("last_event", UtcDateTime(), nullable=False),
        sa.Column("events", Id, nullable=False),
        sa.Column("new_issues", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "release_id", "project_id", "environment_id", name=op.f("pk_release_events")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ingest_hours",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("events", Id, nullable=False),
        sa.Column("releases", sa.Integer(), nullable=False),
        sa.Column("environments", sa.Integer(), nullable=False),
        sa.Column("issues", sa.Integer(), nullable=False),
        sa.Column("bytes", Id, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "project_id", "hour", name=op.f("pk_ingest_hours")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcomes",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("outcome", identifier(16), nullable=False),
        sa.Column("reason", identifier(64), nullable=False),
        sa.Column("category", identifier(32), nullable=False),
        sa.Column("value", identifier(200), nullable=False),
        sa.Column("quantity", Id, nullable=False),
        sa.Column("bytes", Id, nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "project_id", "hour", "outcome", "reason", "category", "value", name=op.f("pk_outcomes")
        ),
        sqlite_with_rowid=False,
    )


def _create_sessions() -> None:
    """Make the tables of sessions."""
    op.create_table(
        "session_hours",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("sessions", Id, nullable=False),
        sa.Column("crashed", Id, nullable=False),
        sa.Column("abnormal", Id, nullable=False),
        sa.Column("unhandled", Id, nullable=False),
        sa.Column("errored", Id, nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "release_id", "project_id", "environment_id", "hour", name=op.f("pk_session_hours")
        ),
        sqlite_with_rowid=False,
    )
    _create_indexes(
        "session_hours", ["organization_id", "environment_id", "hour"], ["organization_id", "project_id", "hour"]
    )
    op.create_table(
        "live_sessions",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("sid", identifier(36), nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("status", identifier(10), nullable=False),
        sa.Column("date_updated", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "project_id", "sid", name=op.f("pk_live_sessions")),
        sqlite_with_rowid=False,
    )
    _create_indexes("live_sessions", ["organization_id", "date_updated"])
    op.create_table(
        "session_users",
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("release_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("environment_id", Id, nullable=False),
        sa.Column("user_hash", identifier(32), nullable=False),
        sa.Column("last_hour", sa.Integer(), nullable=False),
        sa.Column("crashed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "release_id", "project_id", "environment_id", "user_hash", name=op.f("pk_session_users")
        ),
        sqlite_with_rowid=False,
    )
    _create_indexes("session_users", ["organization_id", "last_hour"], ["organization_id", "user_hash"])


def _create_indexes(table: str, *columns: list[str]) -> None:
    for names in columns:
        op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, names)


def _create_partitions() -> None:
    """Create the partitions of the events of the next days; events of other days are in the default partition."""
    op.execute("CREATE TABLE events_default PARTITION OF events DEFAULT")
    today = int(time.time()) // 86_400
    for day in range(today, today + DAYS_AHEAD):
        op.execute(f"CREATE TABLE events_{day} PARTITION OF events FOR VALUES FROM ({day}) TO ({day + 1})")


def _fill_salts_and_keys() -> None:
    """Give each organization a salt and each project an active key."""
    connection = op.get_bind()
    for (organization,) in connection.execute(sa.text("SELECT id FROM organizations")).all():
        connection.execute(SET_SALT, {"id": organization, "salt": secrets.token_hex(16)})
    projects = connection.execute(sa.text("SELECT id, organization_id, date_created FROM projects ORDER BY id")).all()
    for project, organization, date_created in projects:
        values = {
            "organization": organization,
            "project": project,
            "key": secrets.token_hex(16),
            "date": date_created,
            "is_active": True,
        }
        connection.execute(ADD_KEY, values)


def downgrade() -> None:
    """Remove the tables and the columns."""
    for table, column in reversed(NEW_COLUMNS):
        op.drop_column(table, column.name)
    for name in NEW_TABLES:
        op.drop_table(name)
