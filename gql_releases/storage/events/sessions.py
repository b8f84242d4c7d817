"""Counts sessions: each once in its hour, by its worst status; updates of a session come in any order and repeatedly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from gql_releases.domain.events.event_batch import SECONDS_PER_HOUR, PreparedRequest
from gql_releases.domain.events.outcomes import ItemOutcome
from gql_releases.domain.events.sessions import NewSession, SessionAggregate, SessionStatus
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.merges import add, choose_greatest, replace, upsert
from gql_releases.storage.engine.statements import RowStatement, StatementRows, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.lookup import BatchLookup
from gql_releases.storage.events.outcomes import OutcomeCounter
from gql_releases.storage.events.references import RELEASE_LIMIT, Creations
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.session import LiveSessionRow, SessionHourRow, SessionUserRow

session_hours, live_sessions, session_users = table(SessionHourRow), table(LiveSessionRow), table(SessionUserRow)

_SHARED = ("organization_id",)
_COUNTED = ("crashed", "abnormal", "unhandled", "errored")
_COUNT_BY_STATUS = {SessionStatus[name.upper()]: name for name in _COUNTED}
"""Status -> the column that counts it; healthy sessions are in `sessions` only."""

COUNT_SESSION_HOUR = upsert(
    "sessions.count_hour",
    session_hours,
    ("organization_id", "release_id", "project_id", "environment_id", "hour"),
    {"sessions": add, **dict.fromkeys(_COUNTED, add)},
    _SHARED,
)
UPSERT_LIVE_SESSION = upsert(
    "sessions.upsert_live",
    live_sessions,
    ("organization_id", "project_id", "sid"),
    {"release_id": replace, "environment_id": replace, "hour": replace, "status": replace, "date_updated": choose_greatest},
    _SHARED,
)
COUNT_SESSION_USER = upsert(
    "sessions.count_user",
    session_users,
    ("organization_id", "release_id", "project_id", "environment_id", "user_hash"),
    {"last_hour": choose_greatest, "crashed": lambda stored, new: stored | new},
    _SHARED,
)


class LiveSession(NamedTuple):
    """A session that was counted before."""

    project_id: int
    sid: str
    release_id: int
    environment_id: int
    hour: int
    status: str


def _select_live(dialect: Dialect) -> Any:
    return select(*[live_sessions.c[name] for name in LiveSession._fields]).where(
        live_sessions.c.organization_id == bindparam("organization_id", type_=Id),
        dialect.is_among(live_sessions.c.project_id, "projects"),
        dialect.is_among(live_sessions.c.sid, "sids"),
    )


FIND_LIVE_SESSIONS = RowStatement("sessions.find_live", LiveSession, _select_live)


class Place(NamedTuple):
    """The key of a row of counted sessions; the environment is 0 for none."""

    release_id: int
    project_id: int
    environment_id: int


@dataclass(slots=True)
class _State:
    """What is counted of a session."""

    place: Place
    hour: int
    status: SessionStatus
    updated: datetime


class SessionCounts:
    """The sums of a batch."""

    def __init__(self) -> None:
        self.hours: dict[tuple[Place, int], dict[str, int]] = {}
        self.users: dict[tuple[Place, str], tuple[int, bool]] = {}
        self.states: dict[tuple[int, str], _State] = {}
        self.changed: set[tuple[int, str]] = set()

    def add_to_hour(self, place: Place, hour: int, **counts: int) -> None:
        """Add to the counts of an hour."""
        row = self.hours.setdefault((place, hour), dict.fromkeys(("sessions", *_COUNTED), 0))
        for name, count in counts.items():
            row[name] += count

    def add_user(self, place: Place, user_hash: str | None, hour: int, *, crashed: bool) -> None:
        """Count a user of a session."""
        if user_hash is not None:
            last_hour, has_crashed = self.users.get((place, user_hash), (hour, False))
            self.users[place, user_hash] = max(last_hour, hour), has_crashed or crashed

    def add_session(self, project: int, session: NewSession, user_hash: str | None, place: Place) -> None:
        """Count a session, or only what an update changes: the worst status of all updates is counted."""
        key = project, session.sid
        state = self.states.get(key)
        if state is None or state.place.release_id != place.release_id:  # none, or one of a release that was deleted
            self.states[key] = state = _State(place, _hour(session.started), session.status, session.received)
            self.changed.add(key)
            self.add_to_hour(place, state.hour, sessions=1, **_count_status(session.status, 1))
        elif session.status.rank > state.status.rank:
            self.changed.add(key)
            self.add_to_hour(state.place, state.hour, **_count_status(state.status, -1))
            self.add_to_hour(state.place, state.hour, **_count_status(session.status, 1))
            state.status, state.updated = session.status, max(session.received, state.updated)
        self.add_user(state.place, user_hash, state.hour, crashed=session.status is SessionStatus.CRASHED)

    def add_aggregate(self, aggregate: SessionAggregate, user_hash: str | None, place: Place) -> None:
        """Add counts of sessions."""
        hour = _hour(aggregate.started)
        counts = {name: getattr(aggregate, name) for name in _COUNTED}
        self.add_to_hour(place, hour, sessions=aggregate.total, **counts)
        self.add_user(place, user_hash, hour, crashed=aggregate.crashed > 0)


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // SECONDS_PER_HOUR


def _count_status(status: SessionStatus, number: int) -> dict[str, int]:
    name = _COUNT_BY_STATUS.get(status)
    return {name: number} if name else {}


async def count_sessions(
    transaction: Transaction,
    organization: int,
    requests: Sequence[PreparedRequest],
    lookup: BatchLookup,
    creations: Creations,
    outcomes: OutcomeCounter,
) -> list[StatementRows]:
    """Return what is written for the sessions of a batch. Sessions of a release that was not created are left out."""
    counts = SessionCounts()
    await _load_states(transaction, organization, requests, counts)
    for request in requests:
        for fact, user_hash in request.sessions:
            release = lookup.releases.get(fact.release)
            if release is None:
                reason = creations.refused_versions.get((request.project_id, fact.release), RELEASE_LIMIT)
                quantity = fact.total if isinstance(fact, SessionAggregate) else 1
                outcomes.add(request.project_id, request.hour, ItemOutcome.DROPPED, reason, "session", quantity)
                continue
            environment = lookup.environments.get(fact.environment, 0) if fact.environment is not None else 0
            place = Place(release.id, request.project_id, environment)
            if isinstance(fact, SessionAggregate):
                counts.add_aggregate(fact, user_hash, place)
            else:
                counts.add_session(request.project_id, fact, user_hash, place)
    return _build_rows(organization, counts)


async def _load_states(
    transaction: Transaction, organization: int, requests: Sequence[PreparedRequest], counts: SessionCounts
) -> None:
    sids: dict[str, datetime] = {}
    for request in requests:
        for session, _ in request.sessions:
            if isinstance(session, NewSession):
                sids[session.sid] = session.received
    if not sids:
        return
    projects = {request.project_id for request in requests if request.sessions}
    list_value = transaction.dialect.list_value
    values = {"organization_id": organization, "projects": list_value(list(projects)), "sids": list_value(list(sids))}
    for row in await FIND_LIVE_SESSIONS.fetch_all(transaction, values):
        place = Place(row.release_id, row.project_id, row.environment_id)
        status = SessionStatus(row.status)
        counts.states[row.project_id, row.sid] = _State(place, row.hour, status, sids[row.sid])


def _build_rows(organization: int, counts: SessionCounts) -> list[StatementRows]:
    owner = {"organization_id": organization}
    hours = [{**owner, **place._asdict(), "hour": hour, **counts.hours[place, hour]} for place, hour in sorted(counts.hours)]
    live = []
    for project, sid in sorted(counts.changed):
        state = counts.states[project, sid]
        live.append(
            {
                **owner,
                "project_id": project,
                "sid": sid,
                "release_id": state.place.release_id,
                "environment_id": state.place.environment_id,
                "hour": state.hour,
                "status": state.status,
                "date_updated": state.updated,
            }
        )
    users = []
    for place, user_hash in sorted(counts.users):
        hour, crashed = counts.users[place, user_hash]
        users.append({**owner, **place._asdict(), "user_hash": user_hash, "last_hour": hour, "crashed": crashed})
    return [(COUNT_SESSION_HOUR, hours), (UPSERT_LIVE_SESSION, live), (COUNT_SESSION_USER, users)]
