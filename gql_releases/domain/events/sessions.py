"""Sessions as SDKs send them: one session with its state, or counts of sessions that began in a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gql_releases.domain.events.event import MAX_AHEAD
from gql_releases.domain.events.fields import MAX_ITEMS, read_integer, read_object, read_text, read_time, read_uuid
from gql_releases.domain.events.names import read_environment, read_release
from gql_releases.domain.events.outcomes import INVALID_RELEASE

MAX_SESSION_AGE = timedelta(days=5)
"""A session that began before counts at its arrival."""
MAX_DURATION_SECONDS = 366 * 86400.0

_COUNT_NAMES = ("exited", "errored", "crashed", "abnormal", "unhandled")


class SessionStatus(StrEnum):
    """The state of a session, from the best to the worst; all but OK and EXITED are unhealthy."""

    OK = "OK"
    EXITED = "EXITED"
    ERRORED = "ERRORED"
    UNHANDLED = "UNHANDLED"
    ABNORMAL = "ABNORMAL"
    CRASHED = "CRASHED"

    @property
    def rank(self) -> int:
        """Position from the best (0) to the worst: the worst of a session's updates counts."""
        return _RANKS[self]


_RANKS = {status: rank for rank, status in enumerate(SessionStatus)}
_STATUSES = {status.lower(): status for status in SessionStatus}


@dataclass(frozen=True, slots=True)
class NewSession:
    """The state of a session at the time of an update; updates come in any order, and more than once.

    `started` is that of the update's bucket: the arrival, for a session that began more than MAX_SESSION_AGE before.
    `status` is ERRORED for a running or finished session with errors. `user` is hashed before it is stored. `duration` is
    in seconds.
    """

    sid: str
    started: datetime
    received: datetime
    status: SessionStatus
    errors: int
    user: str | None
    release: str
    environment: str | None
    is_init: bool
    duration: float | None


@dataclass(frozen=True, slots=True)
class SessionAggregate:
    """Numbers of sessions that began at a time. Two equal ones are two facts."""

    started: datetime
    received: datetime
    exited: int
    errored: int
    crashed: int
    abnormal: int
    unhandled: int
    user: str | None
    release: str
    environment: str | None

    @property
    def total(self) -> int:
        """Number of sessions."""
        return self.exited + self.errored + self.crashed + self.abnormal + self.unhandled


def parse_session(data: Any, received: datetime) -> NewSession | None:
    """Return a session of parsed JSON of any shape; None without a session id or a valid release."""
    fields = read_object(data)
    attributes = read_object(fields.get("attrs"))
    release, _ = read_release(attributes.get("release"))
    sid = read_uuid(fields.get("sid"))
    if release is None or sid is None:
        return None
    status = _STATUSES.get((read_text(fields.get("status"), 16) or "").lower(), SessionStatus.OK)
    errors = read_integer(fields.get("errors")) or 0
    if status in (SessionStatus.CRASHED, SessionStatus.UNHANDLED, SessionStatus.ERRORED):
        errors = max(errors, 1)
    elif errors and status is not SessionStatus.ABNORMAL:
        status = SessionStatus.ERRORED
    return NewSession(
        sid=sid,
        started=_read_started(fields.get("started"), received),
        received=received,
        status=status,
        errors=errors,
        user=_read_did(fields.get("did")),
        release=release,
        environment=read_environment(attributes.get("environment")),
        is_init=fields.get("init") is True,
        duration=_read_duration(fields.get("duration")),
    )


def parse_sessions(data: Any, received: datetime) -> list[SessionAggregate]:
    """Return the aggregates of parsed JSON of any shape, at most MAX_ITEMS; none without a valid release."""
    fields = read_object(data)
    attributes = read_object(fields.get("attrs"))
    release, _ = read_release(attributes.get("release"))
    items = fields.get("aggregates")
    if release is None or type(items) is not list:
        return []
    environment = read_environment(attributes.get("environment"))
    aggregates = []
    for item in items[:MAX_ITEMS]:
        values = read_object(item)
        counts = {name: read_integer(values.get(name)) or 0 for name in _COUNT_NAMES}
        if any(counts.values()):
            aggregates.append(
                SessionAggregate(
                    started=_read_started(values.get("started"), received),
                    received=received,
                    user=_read_did(values.get("did")),
                    release=release,
                    environment=environment,
                    **counts,
                )
            )
    return aggregates


def describe_dropped_session(data: Any) -> tuple[str, str]:
    """Return why a session or sessions item has no sessions, as the reason and value of its outcome."""
    release, invalid_release = read_release(read_object(read_object(data).get("attrs")).get("release"))
    if invalid_release is not None:
        return INVALID_RELEASE, invalid_release
    return ("no_release" if release is None else "invalid_session"), ""


def _read_did(raw: Any) -> str | None:
    text = None if type(raw) is bool else read_text(raw, 256)
    return text.strip() or None if text else None


def _read_started(raw: Any, received: datetime) -> datetime:
    started = read_time(raw)
    if started is None or not -MAX_SESSION_AGE <= started - received <= MAX_AHEAD:
        return received
    return started


def _read_duration(raw: Any) -> float | None:
    return float(raw) if type(raw) in (int, float) and 0 <= raw <= MAX_DURATION_SECONDS else None
