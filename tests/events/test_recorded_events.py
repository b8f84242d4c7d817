"""Events and sessions that SDKs sent: what is kept of them and how they are grouped."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gql_releases.domain.events.event import NewEvent, parse_event
from gql_releases.domain.events.grouping import Grouping, group_event
from gql_releases.domain.events.issue import GroupingStep, Level
from gql_releases.domain.events.sessions import SessionStatus, parse_session, parse_sessions
from tests.events.recorded import SDKS, load_items

RECEIVED = datetime(2026, 12, 1, 3, tzinfo=UTC)
PYTHON, NODE = SDKS[:2], SDKS[2:]


def read(sdk: str) -> list[tuple[NewEvent, Grouping]]:
    events = [parse_event(data, event_id=None, received=RECEIVED, sent_at=None) for data in load_items(sdk, "event")]
    return [(event, group_event(event)) for event in events]


@pytest.mark.parametrize("sdk", SDKS)
def test_what_every_event_has(sdk: str) -> None:
    name, _, version = sdk.partition("-")
    for data, (event, _) in zip(load_items(sdk, "event"), read(sdk), strict=True):
        assert event.release == ("shop@1.2.0" if name == "python" else "cart@2.0.0")
        assert event.invalid_release is None
        assert event.environment == "production"
        assert event.dist == ("7" if name == "python" else None)
        assert (event.platform, event.sdk_version) == (name, version)
        assert event.user == "42"
        assert event.tags == (("tenant", "acme"),)
        assert event.event_id == data["event_id"]
        assert RECEIVED.replace(hour=2) < event.timestamp < RECEIVED
        assert event.body["contexts"]["runtime"]["name"] in ("CPython", "node")


@pytest.mark.parametrize("sdk", SDKS)
def test_what_is_dropped(sdk: str) -> None:
    """Context lines are source text: they stay as they are."""
    for event, _ in read(sdk):
        assert set(event.body) <= {"exception", "message", "logentry", "logger", "contexts", "breadcrumbs", "extra"}
        assert event.body.get("extra", {"order": 17}) == {"order": 17}
        for exception in event.body.get("exception", {}).get("values", ()):
            assert set(exception) <= {"type", "value", "module", "mechanism", "stacktrace"}
            for frame in exception.get("stacktrace", {}).get("frames", ()):
                assert "vars" not in frame


@pytest.mark.parametrize("sdk", PYTHON)
def test_events_of_python(sdk: str) -> None:
    events = read(sdk)
    assert [(event.title, event.level, event.handled, event.culprit) for event, _ in events] == [
        ("ValueError: bad id -17", Level.ERROR, True, "shop.pay in charge"),
        ("ValueError: bad id -3", Level.ERROR, True, "shop.pay in charge"),
        ("PaymentError: no price for order 3", Level.ERROR, True, "shop.pay in charge"),
        ("ExceptionGroup: jobs", Level.ERROR, True, "__main__ in run_jobs"),
        ("user 17 has no cart", Level.WARNING, None, None),
        ("order 99 failed", Level.ERROR, None, None),
        ("ValueError: bad id -18", Level.ERROR, False, "shop.pay in charge"),
    ]
    steps = [grouping.step for _, grouping in events]
    assert steps == [*[GroupingStep.STACK] * 4, *[GroupingStep.MESSAGE] * 2, GroupingStep.STACK]
    pay, refund, chain, group, message, log, uncaught = [grouping for _, grouping in events]
    assert len({grouping.hash for _, grouping in events}) == 7
    assert pay.site == refund.site == uncaught.site
    assert pay.key[-5:] == ("shop.views", "pay", "shop.pay", "charge", 'raise ValueError(f"bad id {number}")')
    assert [chain.key[position + 1] for position, part in enumerate(chain.key) if part == "exception"] == [
        "KeyError",
        "PaymentError",
    ]
    assert group.key[:2] == ("exception", "RuntimeError")
    assert group.key.count("exception") == 1
    assert message.key == ("message", "user <n> has no cart")
    assert log.key == ("message", "order %s failed")


def test_both_versions_of_python_group_equally() -> None:
    assert [grouping for _, grouping in read(PYTHON[0])] == [grouping for _, grouping in read(PYTHON[1])]


@pytest.mark.parametrize("sdk", NODE)
def test_events_of_node(sdk: str) -> None:
    events = {event.title: (event, grouping) for event, grouping in read(sdk)}
    assert set(events) == {
        "TypeError: no price for order 17",
        "Error: cart 1 is damaged",
        "AggregateError: All promises were rejected",
        "user 17 has no cart",
        "RangeError: quantity -1",
    }
    event, grouping = events["TypeError: no price for order 17"]
    assert event.culprit == "cart in Cart.total"
    assert grouping.key[-3:-1] == ("src/cart.mjs", "total")
    _, grouping = events["Error: cart 1 is damaged"]
    assert [part for part in grouping.key if part.endswith("Error")] == ["SyntaxError", "Error"]
    event, grouping = events["RangeError: quantity -1"]
    assert (event.level, event.handled) == (Level.FATAL, False)
    event, grouping = events["user 17 has no cart"]
    assert (event.level, event.type) == (Level.WARNING, None)
    if sdk == "node-8.55.2":
        assert grouping.key == ("message", "user <n> has no cart")
    else:
        assert grouping.key[:4] == ("exception", "", "src/cart.mjs", "")
    _, grouping = events["AggregateError: All promises were rejected"]
    assert grouping.key[:3] == ("exception", "Error", "src/cart.mjs")
    assert grouping.key.count("exception") == 1


def test_sessions_of_node() -> None:
    for sdk in NODE:
        sessions = [parse_session(data, RECEIVED) for data in load_items(sdk, "session")]
        assert all(session and (session.release, session.user) == ("cart@2.0.0", "42") for session in sessions)
        assert [session.status for session in sessions if session][-1] is SessionStatus.CRASHED
        assert len({session.sid for session in sessions if session}) == 1


def test_sessions_of_python() -> None:
    (data,) = load_items("python-2.75.0", "session")
    session = parse_session(data, RECEIVED)
    assert session
    assert (session.status, session.errors, session.sid) == (SessionStatus.EXITED, 0, data["sid"].replace("-", ""))
    (data,) = load_items("python-2.75.0", "sessions")
    (aggregate,) = parse_sessions(data, RECEIVED)
    assert (aggregate.total, aggregate.exited, aggregate.release) == (1, 1, "shop@1.2.0")
