"""The table of events, and the counters that are written with them."""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, PrimaryKeyConstraint, Text, UniqueConstraint
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    WITHOUT_ROWID,
    date,
    field,
    key,
    member,
    size_in_bytes,
    sorted_by,
    text,
)

PARTITIONED: dict[str, Any] = {"postgresql_partition_by": "RANGE (day)"}
"""On PostgreSQL the table has a partition for each day: old events are removed by dropping it."""


def is_partition(name: str | None) -> bool:
    """Return whether a table is a partition of the events: of a day, or the default one."""
    prefix, _, day = (name or "").partition("_")
    return prefix == EventRow.__tablename__ and (day.isdigit() or day == "default")


class EventRow(SQLModel, table=True):
    """An event that was received on `day` (days since 1970-01-01, UTC), with its compressed body.

    Its id is unique in its project and day: a unique constraint of partitions has to include their column. Without foreign
    keys: see IssueReleaseRow.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("organization_id", "project_id", "event_id", "day"),
        sorted_by("issue_id", "timestamp", "id"),
        sorted_by("project_id", "timestamp", "id"),
        {**NO_ID_REUSE, **PARTITIONED},
    )

    id: int | None = key()
    organization_id: int = member()
    project_id: int = member()
    event_id: str = text(32)
    day: int
    issue_id: int = member()
    release_id: int | None = member(nullable=True)
    environment_id: int | None = member(nullable=True)
    timestamp: datetime = date()
    received: datetime = date()
    dist: str | None = text(64, nullable=True)
    level: str = text(8)
    platform: str = text(64)
    handled: bool | None = None
    title: str = field(Text())
    user_hash: str | None = text(32, nullable=True)
    sdk_name: str | None = text(64, nullable=True)
    sdk_version: str | None = text(64, nullable=True)
    body: bytes = field(LargeBinary())


class ReleaseEventsRow(SQLModel, table=True):
    """The events of a release in a project and environment (0: none), and its new issues."""

    __tablename__ = "release_events"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "project_id", "environment_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    release_id: int = member()
    project_id: int = member()
    environment_id: int = member()
    first_event: datetime = date()
    last_event: datetime = date()
    events: int = member()
    new_issues: int


class EventHourRow(SQLModel, table=True):
    """The events of a project in an hour (hours since 1970-01-01, UTC), by release and environment (0: none)."""

    __tablename__ = "event_hours"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "project_id", "hour", "release_id", "environment_id"),
        sorted_by("release_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    project_id: int = member()
    hour: int
    release_id: int = member()
    environment_id: int = member()
    events: int = member()


class IngestHourRow(SQLModel, table=True):
    """What was stored for a project in an hour: its quota, and the releases, environments and issues that events created.

    `bytes` is the size of the bodies that are still stored.
    """

    __tablename__ = "ingest_hours"
    __table_args__ = (PrimaryKeyConstraint("organization_id", "project_id", "hour"), WITHOUT_ROWID)

    organization_id: int = member()
    project_id: int = member()
    hour: int
    events: int = member()
    releases: int
    environments: int
    issues: int
    bytes: int = size_in_bytes()


class OutcomeRow(SQLModel, table=True):
    """What became of events and other items in an hour, by reason and category.

    `value` is a refused release name; "" for other reasons. `bytes` is the size of items that were not stored.
    """

    __tablename__ = "outcomes"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "project_id", "hour", "outcome", "reason", "category", "value"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    project_id: int = member()
    hour: int
    outcome: str = text(16)
    reason: str = text(64)
    category: str = text(32)
    value: str = text(200)
    quantity: int = member()
    bytes: int = size_in_bytes()


class DeletedReleaseRow(SQLModel, table=True):
    """A deleted release, which events do not create again for 30 days."""

    __tablename__ = "deleted_releases"
    __table_args__ = (PrimaryKeyConstraint("organization_id", "version"), WITHOUT_ROWID)

    organization_id: int = member()
    version: str = text(200)
    date_deleted: datetime = date()
