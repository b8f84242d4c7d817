"""The tables of sessions, from which the health of releases is computed."""

from datetime import datetime

from sqlalchemy import PrimaryKeyConstraint
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    WITHOUT_ROWID,
    date,
    member,
    sorted_by,
    text,
)


class SessionHourRow(SQLModel, table=True):
    """The sessions of a release that began in an hour (hours since 1970-01-01, UTC); each has its worst status.

    `environment_id` is 0 for none.
    """

    __tablename__ = "session_hours"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "project_id", "environment_id", "hour"),
        sorted_by("project_id", "hour"),
        sorted_by("environment_id", "hour"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    release_id: int = member()
    project_id: int = member()
    environment_id: int = member()
    hour: int
    sessions: int = member()
    crashed: int = member()
    abnormal: int = member()
    unhandled: int = member()
    errored: int = member()


class LiveSessionRow(SQLModel, table=True):
    """A session that may be updated: what was counted for it; kept for five days."""

    __tablename__ = "live_sessions"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "project_id", "sid"),
        sorted_by("date_updated"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    project_id: int = member()
    sid: str = text(36)
    release_id: int = member()
    environment_id: int = member()
    hour: int
    status: str = text(10)
    date_updated: datetime = date()


class SessionUserRow(SQLModel, table=True):
    """A user of a release, by the salted hash, and whether a session of the user crashed."""

    __tablename__ = "session_users"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "project_id", "environment_id", "user_hash"),
        sorted_by("user_hash"),
        sorted_by("last_hour"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    release_id: int = member()
    project_id: int = member()
    environment_id: int = member()
    user_hash: str = text(32)
    last_hour: int
    crashed: bool
