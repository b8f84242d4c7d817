"""Sessions: what is read of an update or an aggregate, and the worst state of any order of updates."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gql_releases.domain.events.sessions import (
    NewSession,
    SessionAggregate,
    SessionStatus,
    describe_dropped_session,
    parse_session,
    parse_sessions,
)

RECEIVED = datetime(2026, 12, 1, 12, tzinfo=UTC)
SID = "53ae2544-e94f-4a5c-a81f-a8cab7e3acc5"
ATTRIBUTES = {"release": "shop@1.2.0", "environment": "production", "ip_address": "{{auto}}", "user_agent": "x"}


def read(**fields: Any) -> NewSession:
    session = parse_session({"sid": SID, "attrs": ATTRIBUTES, "status": "ok", "errors": 0} | fields, RECEIVED)
    assert session
    return session


def test_a_session() -> None:
    session = read(init=True, started="2026-12-01T11:00:00Z", status="exited", did=42, duration=2.5)
    assert session == NewSession(
        SID.replace("-", ""),
        RECEIVED - timedelta(hours=1),
        RECEIVED,
        SessionStatus.EXITED,
        0,
        "42",
        "shop@1.2.0",
        "production",
        True,
        2.5,
    )


@pytest.mark.parametrize(
    ("fields", "status", "errors"),
    [
        ({}, SessionStatus.OK, 0),
        ({"errors": 2}, SessionStatus.ERRORED, 2),
        ({"status": "exited", "errors": 1}, SessionStatus.ERRORED, 1),
        ({"status": "crashed"}, SessionStatus.CRASHED, 1),
        ({"status": "unhandled", "errors": 3}, SessionStatus.UNHANDLED, 3),
        ({"status": "abnormal"}, SessionStatus.ABNORMAL, 0),
        ({"status": "abnormal", "errors": 2}, SessionStatus.ABNORMAL, 2),
        ({"status": "Crashed", "errors": "x"}, SessionStatus.CRASHED, 1),
        ({"status": "other"}, SessionStatus.OK, 0),
        ({"status": None, "errors": -1}, SessionStatus.OK, 0),
    ],
)
def test_states(fields: dict[str, Any], status: SessionStatus, errors: int) -> None:
    session = read(**fields)
    assert (session.status, session.errors) == (status, errors)


@pytest.mark.parametrize(
    ("updates", "status"),
    [
        # A session of @sentry/browser 11
        (
            [{"init": True}, {}, {"errors": 1}, {"status": "unhandled", "errors": 1}],
            SessionStatus.UNHANDLED,
        ),
        # Crashed before its first update arrived
        ([{"status": "crashed", "errors": 1}, {"init": True}], SessionStatus.CRASHED),
        ([{"init": True}, {"status": "exited"}], SessionStatus.EXITED),
        ([{"status": "crashed"}, {"status": "abnormal"}, {"status": "unhandled"}], SessionStatus.CRASHED),
    ],
)
def test_the_worst_state_of_a_session_counts(updates: list[dict[str, Any]], status: SessionStatus) -> None:
    generator = random.Random(7)
    for _ in range(20):
        shuffled = updates * 2
        generator.shuffle(shuffled)
        sessions = [read(**update) for update in shuffled]
        assert len({session.sid for session in sessions}) == 1
        assert max((session.status for session in sessions), key=lambda item: item.rank) is status


def test_aggregates() -> None:
    item = {"started": "2026-12-01T11:59:00Z", "exited": 2, "errored": 1, "crashed": 1}
    data = {
        "aggregates": [item, item, {"started": "x", "exited": 0}, None, {"exited": "x"}, {"did": "7", "abnormal": 1}],
        "attrs": ATTRIBUTES,
    }
    aggregates = parse_sessions(data, RECEIVED)
    started = RECEIVED - timedelta(minutes=1)
    whole = SessionAggregate(started, RECEIVED, 2, 1, 1, 0, 0, None, "shop@1.2.0", "production")
    assert aggregates == [whole, whole, SessionAggregate(RECEIVED, RECEIVED, 0, 0, 0, 1, 0, "7", "shop@1.2.0", "production")]
    assert whole.total == 4
    assert 1 - whole.crashed / whole.total == 0.75
    assert len(parse_sessions({"aggregates": [item] * 5_000, "attrs": ATTRIBUTES}, RECEIVED)) == 1_000


@pytest.mark.parametrize(
    ("started", "bucket"),
    [
        ("2026-11-26T12:00:00Z", RECEIVED - timedelta(days=5)),
        ("2026-11-26T11:59:59Z", RECEIVED),
        ("2026-12-01T12:01:00Z", RECEIVED + timedelta(minutes=1)),
        ("2026-12-01T12:01:01Z", RECEIVED),
        (RECEIVED.timestamp() - 60, RECEIVED - timedelta(minutes=1)),
        (None, RECEIVED),
        ([], RECEIVED),
    ],
)
def test_buckets(started: Any, bucket: datetime) -> None:
    assert read(started=started).started == bucket


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"sid": SID, "attrs": {"environment": "x"}}, ("no_release", "")),
        ({"sid": SID}, ("no_release", "")),
        ([], ("no_release", "")),
        ({"sid": SID, "attrs": {"release": "feature/cart"}}, ("invalid_release", "feature/cart")),
        ({"attrs": ATTRIBUTES}, ("invalid_session", "")),
        ({"sid": "x" * 32, "attrs": ATTRIBUTES}, ("invalid_session", "")),
        ({"sid": 7, "attrs": ATTRIBUTES, "aggregates": {}}, ("invalid_session", "")),
    ],
)
def test_sessions_without_release_or_id_are_dropped(data: Any, reason: tuple[str, str]) -> None:
    assert parse_session(data, RECEIVED) is None
    assert parse_sessions(data, RECEIVED) == []
    assert describe_dropped_session(data) == reason


@pytest.mark.parametrize("duration", [-1, float("nan"), float("inf"), 10**400, "2", True, None])
def test_odd_durations(duration: Any) -> None:
    assert read(duration=duration).duration is None
