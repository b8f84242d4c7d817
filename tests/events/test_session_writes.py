"""Sessions are counted once, by their worst status, in whatever order their updates come."""

from __future__ import annotations

import itertools

import pytest

from tests.events.writes import NOW, EventHarness, build_session

COLUMNS = "sessions, crashed, abnormal, unhandled, errored"


def read_counts(events: EventHarness) -> list[tuple[int, ...]]:
    return [tuple(row) for row in events.rows(f"SELECT {COLUMNS} FROM session_hours")]


def test_aggregates_add_up(events: EventHarness) -> None:
    counts = {"started": NOW.isoformat(), "exited": 2, "errored": 1, "crashed": 1}
    body = {"aggregates": [counts], "attrs": {"release": "1.0"}}
    events.send(aggregates=[body])
    assert read_counts(events) == [(4, 1, 0, 0, 1)]
    events.send(aggregates=[body])
    assert read_counts(events) == [(8, 2, 0, 0, 2)]
    assert events.rows("SELECT version, origin FROM releases") == [("1.0", "EVENT")]
    assert events.rows("SELECT events FROM release_events") == []


SID = "0123456789abcdef0123456789abcdef"
BROWSER = [
    build_session("1.0", SID, init=True),
    build_session("1.0", SID),
    build_session("1.0", SID, errors=1),
    build_session("1.0", SID, status="unhandled", errors=1),
]


@pytest.mark.parametrize("order", [*itertools.islice(itertools.permutations(range(4)), 0, 24, 5)])
def test_a_session_is_counted_by_its_worst_status(events: EventHarness, order: tuple[int, ...]) -> None:
    for index in order:
        events.send(sessions=[BROWSER[index]])
    events.send(sessions=[BROWSER[index] for index in (*order, *order)])
    assert read_counts(events) == [(1, 0, 0, 1, 0)]
    assert events.rows("SELECT status FROM live_sessions") == [("UNHANDLED",)]


def test_a_crash_may_arrive_before_its_session(events: EventHarness) -> None:
    events.send(sessions=[build_session("1.0", SID, status="crashed", did="42")])
    events.send(sessions=[build_session("1.0", SID, init=True, did="42")])
    assert read_counts(events) == [(1, 1, 0, 0, 0)]
    [(crashed, last_hour)] = events.rows("SELECT crashed, last_hour FROM session_users")
    assert (bool(crashed), last_hour) == (True, int(NOW.timestamp()) // 3600)


def test_users_crash_once_and_for_all(events: EventHarness) -> None:
    sids = [f"{index:032x}" for index in range(3)]
    for sid, status in zip(sids, ("ok", "crashed", "exited"), strict=True):
        events.send(sessions=[build_session("1.0", sid, status=status, did="42")])
    assert [bool(crashed) for (crashed,) in events.rows("SELECT crashed FROM session_users")] == [True]
    assert read_counts(events) == [(3, 1, 0, 0, 0)]
