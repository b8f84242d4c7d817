"""How long events and their counters are kept, and what a run of retention has removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import Enum

EVENTS_KEPT = timedelta(days=90)
HOURS_KEPT = timedelta(days=396)
"""Age of the hours of events and sessions: 13 months."""
OUTCOMES_KEPT = USERS_KEPT = timedelta(days=90)
LIVE_SESSIONS_KEPT = timedelta(days=5)
DELETED_RELEASES_KEPT = timedelta(days=30)
THINNED_AFTER = timedelta(hours=1)
KEPT_BETWEEN = 50
"""Events of an issue in a release that are kept between the first and the newest."""
DEFAULT_PROJECT_BYTES = 5 * 1024**3
"""Bytes of the bodies of a project's events."""
DAYS_AHEAD = 8
"""Partitions that exist for today and the next days."""


class RetentionLock(Enum):
    """The locks of retention; the value is the key of PostgreSQL's advisory lock."""

    RETENTION_RUN = 7_101_987
    """Held while old events are removed."""
    RETENTION_SCHEDULE = 7_101_988
    """Held by the server process that removes them hourly."""


class ExpiringTable(Enum):
    """Counters that are removed by their age; the value is the attribute of Pruned."""

    EVENT_HOURS = "event_hours"
    INGEST_HOURS = "ingest_hours"
    OUTCOMES = "outcomes"
    SESSION_HOURS = "session_hours"
    SESSION_USERS = "session_users"
    LIVE_SESSIONS = "live_sessions"
    DELETED_RELEASES = "deleted_releases"


@dataclass(frozen=True, slots=True)
class Pruned:
    """The numbers of rows that were removed, or would be."""

    expired_events: int = 0
    """Events by their age."""
    events_beyond_size: int = 0
    thinned_events: int = 0
    event_hours: int = 0
    ingest_hours: int = 0
    session_hours: int = 0
    live_sessions: int = 0
    session_users: int = 0
    outcomes: int = 0
    deleted_releases: int = 0

    def describe(self) -> str:
        """Return what was removed, for a log line; an empty text for nothing."""
        numbers = [(getattr(self, field.name), field.name) for field in fields(self)]
        return ", ".join(f"{number} {name}" for number, name in numbers if number)


def choose_kept(ids: Sequence[int]) -> set[int]:
    """Return the ids of the events that thinning keeps: the first, the last and KEPT_BETWEEN evenly between them.

    `ids` are those of an issue in a release, in the order of time.
    """
    last = len(ids) - 1
    steps = KEPT_BETWEEN + 1
    return {ids[round(step * last / steps)] for step in range(steps + 1)} if last > steps else set(ids)
