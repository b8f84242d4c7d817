"""Sessions over REST, in Sentry's documented shape."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness
from tests.events.conftest import events
from tests.events.writes import NOW, EventHarness, build_session

__all__ = ["events"]

PATH = "organizations/acme/sessions/?start=2026-11-30T10:30:00Z&end=2026-11-30T13:00:00Z&"


@pytest.fixture
def client_with_sessions(events: EventHarness) -> Client:
    """Four sessions and two users of web@1.0 in production, and one session of the project api without an environment."""
    aggregate = {
        "aggregates": [{"started": NOW.isoformat(), "exited": 2, "errored": 1}],
        "attrs": {"release": "web@1.0", "environment": "production"},
    }
    crash = build_session("web@1.0", "a" * 32, "crashed", did="ada")
    healthy = build_session("web@1.0", "b" * 32, "exited", did="bob")
    events.send(sessions=[crash, healthy], aggregates=[aggregate])
    other = build_session("api@1.0", "c" * 32, "ok") | {"attrs": {"release": "api@1.0"}}
    events.send(sessions=[other], project=events.find_project("api"))
    return events.client


def read_groups(client: Client, query: str) -> list[tuple[Any, ...]]:
    """Return the values by which groups are grouped, and their totals."""
    groups = client.rest("GET", PATH + query).json["groups"]
    return [(*group["by"].values(), *group["totals"].values()) for group in groups]


def test_answer_has_sentrys_shape(client_with_sessions: Client) -> None:
    query = "field=sum(session)&field=crash_free_rate(session)&groupBy=release&query=release:web@1.0"
    assert client_with_sessions.rest("GET", PATH + query).json == {
        "groups": [
            {
                "by": {"release": "web@1.0"},
                "totals": {"sum(session)": 5, "crash_free_rate(session)": 0.8},
                "series": {"sum(session)": [0, 0, 5], "crash_free_rate(session)": [None, None, 0.8]},
            }
        ],
        "start": "2026-11-30T10:00:00Z",
        "end": "2026-11-30T13:00:00Z",
        "intervals": ["2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z", "2026-11-30T12:00:00Z"],
        "query": "release:web@1.0",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("field=sum(session)", [(6,)]),
        ("field=count_unique(user)&field=crash_rate(user)", [(2, 0.5)]),
        ("field=crash_rate(session)&field=errored_rate(session)&project=1", [(0.2, 0.2)]),
        ("field=unhealthy_rate(session)&field=abnormal_rate(session)&field=unhandled_rate(session)&project=1", [(0.4, 0, 0)]),
        ("field=sum(session)&groupBy=project&groupBy=environment", [(1, "production", 5), (2, "", 1)]),
        ("field=sum(session)&groupBy=session.status&project=1",
         [("healthy", 3), ("errored", 1), ("unhandled", 0), ("abnormal", 0), ("crashed", 1)]),
        ("field=sum(session)&environment=production&interval=1d", [(5,)]),
        ("field=sum(session)&query=environment:production", [(5,)]),
        ("field=sum(session)&field=crash_free_rate(session)&environment=nowhere", [(0, None)]),
        ("field=sum(session)&groupBy=release&environment=nowhere", []),
    ],
)  # fmt: skip
def test_groups_and_fields(client_with_sessions: Client, query: str, expected: list[tuple[Any, ...]]) -> None:
    assert read_groups(client_with_sessions, query) == expected


@pytest.mark.parametrize(
    "query",
    ["", "field=p50(session.duration)", "field=crash_rate(session)&groupBy=session.status", "field=sum(session)&groupBy=user",
     "field=sum(session)&interval=5h", "field=sum(session)&interval=30m", "field=sum(session)&query=!release:a",
     "field=sum(session)&start=2020-01-01", "field=sum(session)&end=2026-11-30T09:00:00Z", "field=sum(session)&statsPeriod=x",
     "field=sum(session)&statsPeriod=99999w"],
)  # fmt: skip
def test_wrong_parameter_is_refused(client_with_sessions: Client, query: str) -> None:
    assert client_with_sessions.rest("GET", PATH + query).status == 400


def test_users_have_no_series(client_with_sessions: Client) -> None:
    [group] = client_with_sessions.rest("GET", PATH + "field=count_unique(user)&field=sum(session)").json["groups"]
    assert list(group["series"]) == ["sum(session)"]


def test_sessions_of_another_organization(client_with_sessions: Client, harness: Harness) -> None:
    other = harness.tokens["other"]
    assert client_with_sessions.rest("GET", PATH + "field=sum(session)", token=other).status == 403
    path = PATH.replace("acme", "other") + "field=sum(session)&groupBy=release"
    assert client_with_sessions.rest("GET", path, token=other).json["groups"] == []
