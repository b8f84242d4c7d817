"""Events and sessions of any shape: none raises, all that is kept can be stored, none takes long."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gql_releases.domain.events.event import NewEvent, parse_event
from gql_releases.domain.events.grouping import group_event
from gql_releases.domain.events.json_text import InvalidEvent, parse_json
from gql_releases.domain.events.message_text import normalize_text
from gql_releases.domain.events.sessions import describe_dropped_session, parse_session, parse_sessions

RECEIVED = datetime(2026, 12, 1, tzinfo=UTC)
MAX_CPU_SECONDS = 0.1
MIB = 1024 * 1024

TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(
        [10**30, 10**4000, -(10**400), math.nan, 1e308, "\ud800", "a\0b", "{{ default }}", "2026-12-01T00:00:00Z"]
    )
)
NAMES = st.sampled_from(
    [
        "exception",
        "values",
        "type",
        "value",
        "mechanism",
        "handled",
        "synthetic",
        "is_exception_group",
        "exception_id",
        "parent_id",
        "source",
        "stacktrace",
        "frames",
        "function",
        "module",
        "filename",
        "abs_path",
        "lineno",
        "colno",
        "in_app",
        "context_line",
        "pre_context",
        "post_context",
        "symbolicated",
        "threads",
        "crashed",
        "current",
        "id",
        "name",
        "message",
        "logentry",
        "formatted",
        "params",
        "logger",
        "transaction",
        "request",
        "url",
        "method",
        "headers",
        "User-Agent",
        "contexts",
        "runtime",
        "trace",
        "breadcrumbs",
        "category",
        "data",
        "timestamp",
        "debug_meta",
        "images",
        "code_file",
        "debug_id",
        "extra",
        "csp",
        "effective_directive",
        "blocked_uri",
        "tags",
        "fingerprint",
        "level",
        "platform",
        "release",
        "environment",
        "dist",
        "user",
        "email",
        "sdk",
        "version",
        "event_id",
        "sid",
        "started",
        "status",
        "errors",
        "did",
        "init",
        "duration",
        "attrs",
        "aggregates",
        "exited",
    ]
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXTS, inner, max_size=5))


def interface_shapes(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return values in the shapes of an interface: a list, an object with values, one object."""
    return st.lists(strategy, max_size=4) | st.lists(strategy, max_size=4).map(lambda items: {"values": items}) | strategy


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects with any of the fields, of their type or any."""
    return st.fixed_dictionaries({}, optional={name: field | VALUES for name, field in fields.items()})


FRAMES = objects(
    function=TEXTS,
    module=TEXTS,
    filename=st.sampled_from(["https://s.example/a.js?x", "<anonymous>", "shop/pay.py"]),
    colno=st.integers(0, 2000),
    in_app=st.booleans(),
    context_line=TEXTS,
    pre_context=st.lists(TEXTS),
)
STACKS = objects(frames=st.lists(FRAMES | st.none(), max_size=6))
EXCEPTIONS = objects(
    type=TEXTS,
    value=TEXTS,
    stacktrace=STACKS,
    mechanism=objects(
        handled=st.booleans(),
        synthetic=st.booleans(),
        is_exception_group=st.booleans(),
        exception_id=st.integers(0, 3),
        parent_id=st.integers(0, 3),
        source=st.sampled_from(["cause", "exceptions[0]"]),
    ),
)
EVENTS = objects(
    platform=st.sampled_from(["python", "node", "javascript"]),
    exception=interface_shapes(EXCEPTIONS),
    threads=interface_shapes(objects(stacktrace=STACKS, crashed=st.booleans(), current=st.booleans())),
    logentry=objects(message=TEXTS, formatted=TEXTS, params=st.lists(SCALARS)),
    message=TEXTS,
    release=TEXTS,
    environment=TEXTS,
    fingerprint=st.lists(SCALARS),
    tags=st.dictionaries(TEXTS, SCALARS),
    breadcrumbs=interface_shapes(objects(message=TEXTS, data=VALUES)),
    timestamp=SCALARS,
    contexts=st.dictionaries(NAMES, st.dictionaries(TEXTS, SCALARS)),
    request=objects(url=TEXTS, headers=VALUES),
    csp=VALUES,
    extra=st.dictionaries(TEXTS, SCALARS),
)

quick = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def check_event(event: NewEvent) -> None:
    """Check that all columns and the body of an event can be stored."""
    texts = [
        getattr(event, name) for name in ("release", "environment", "dist", "type", "culprit", "message", "user", "sdk_name")
    ]
    stored = [event.event_id, event.title, event.platform, *texts, event.invalid_release, event.tags, event.fingerprint]
    content = orjson.dumps([stored, event.body])  # refuses lone surrogates and integers of more than 64 bits
    assert b"\\u0000" not in content.replace(b"\\\\", b"")  # a backslash that is text, before u0000, is no escape
    assert orjson.loads(content)[1] == event.body  # NaN would be null
    assert len(event.event_id) == 32
    assert event.title
    assert RECEIVED - timedelta(days=30) <= event.timestamp <= RECEIVED + timedelta(minutes=1)


@quick
@given(EVENTS | VALUES)
def test_an_event_of_any_shape_is_stored_or_refused(data: Any) -> None:
    try:
        event = parse_event(data, event_id=None, received=RECEIVED, sent_at=RECEIVED - timedelta(hours=2))
    except InvalidEvent:
        assert not isinstance(data, dict)
        return
    check_event(event)
    grouping = group_event(event)
    assert grouping == group_event(event)
    assert all(len(digest) == 32 for digest in (grouping.hash, grouping.hash_without_frames, grouping.site or "-" * 32))
    orjson.dumps(grouping.key)


@quick
@given(EVENTS)
def test_an_event_that_is_parsed_from_its_body_groups_the_same(data: Any) -> None:
    """Nothing that grouping needs is cut from the body."""
    event = parse_event(data, event_id="0" * 32, received=RECEIVED, sent_at=None)
    again = parse_event(
        {**event.body, "platform": event.platform, "fingerprint": list(event.fingerprint)},
        event_id=None,
        received=RECEIVED,
        sent_at=None,
    )
    if "csp" not in event.body:
        assert group_event(again) == group_event(event)


@quick
@given(EVENTS | VALUES)
def test_the_json_of_any_event_is_parsed(data: Any) -> None:
    try:
        payload = json.dumps(data).encode()
    except ValueError:  # Python writes no integers of more than 4300 digits
        return
    value = parse_json(payload)
    orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS) if not _has_long_integer(value) else None
    if isinstance(value, dict):
        check_event(parse_event(value, event_id=None, received=RECEIVED, sent_at=None))


def _has_long_integer(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_long_integer, value.values()))
    if isinstance(value, list):
        return any(map(_has_long_integer, value))
    return isinstance(value, int) and value.bit_length() > 62


@quick
@given(st.binary(max_size=60) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_parsed_or_refused(payload: bytes) -> None:
    try:
        orjson.dumps(parse_json(payload))
    except InvalidEvent:
        with pytest.raises(ValueError):
            orjson.loads(payload)


SESSIONS = objects(
    sid=st.uuids().map(str),
    status=st.sampled_from(["ok", "exited", "crashed"]),
    errors=st.integers(),
    init=st.booleans(),
    started=SCALARS,
    duration=SCALARS,
    did=SCALARS,
    attrs=objects(release=st.just("1.0"), environment=TEXTS),
    aggregates=st.lists(objects(started=SCALARS, exited=st.integers(), crashed=SCALARS, did=SCALARS)),
)


@quick
@given(SESSIONS | VALUES)
def test_sessions_of_any_shape(data: Any) -> None:
    session = parse_session(data, RECEIVED)
    aggregates = parse_sessions(data, RECEIVED)
    for item in ([session] if session else []) + aggregates:
        assert item.release
        assert RECEIVED - timedelta(days=5) <= item.started <= RECEIVED + timedelta(minutes=1)
        orjson.dumps([item.user, item.environment])
    assert describe_dropped_session(data)[0] in ("invalid_release", "no_release", "invalid_session")


FRAME = {"function": "a", "filename": "-1a-2b-3c-4d" * 40, "context_line": "x " * 400, "in_app": True}
HUGE: dict[str, Callable[[], Any]] = {
    "100,000 frames": lambda: {"exception": {"values": [{"type": "E", "stacktrace": {"frames": [FRAME] * 100_000}}]}},
    "100,000 exceptions": lambda: {"exception": {"values": [{"type": "E", "value": "a1" * 200}] * 100_000}},
    "5,000 frames of 50 exceptions": lambda: {
        "exception": {"values": [{"type": "E", "stacktrace": {"frames": [FRAME] * 100}}] * 50}
    },
    "5,000 minified frames": lambda: {
        "platform": "javascript",
        "exception": {
            "values": [{"stacktrace": {"frames": [FRAME | {"filename": f"/{n}" * 300} for n in range(100)]}}] * 50
        },
    },
    "5,000 frames of Node": lambda: {
        "platform": "node",
        "exception": {"values": [{"stacktrace": {"frames": [FRAME | {"lineno": n} for n in range(100)]}}] * 50},
    },
    "100,000 empty frames": lambda: {"exception": {"stacktrace": {"frames": [{}] * 100_000}}},
    "5,000 tags": lambda: {"tags": {f"tag{number}": "x" * 1_000 for number in range(5_000)}},
    "5,000 tags without a value": lambda: {"tags": [[f"tag{number}", None] for number in range(5_000)]},
    "100,000 threads": lambda: {"threads": {"values": [{"stacktrace": {"frames": [{}]}}] * 100_000}},
    "100,000 breadcrumbs": lambda: {"breadcrumbs": {"values": [{"message": "x" * 1_000}] * 100_000}},
    "a fingerprint of 100,000 lists": lambda: {"fingerprint": [[[]] * 1_000] * 100_000},
    "300,000 names": lambda: {"extra": {str(number): [] for number in range(300_000)}},
    "a message of 1 MiB": lambda: {"message": "a1@-" * (MIB // 4)},
    "a value of 1 MiB of blank lines": lambda: {"exception": {"type": "E", "value": "\n " * (MIB // 2)}},
    "50 exceptions of one group": lambda: {
        "exception": [
            {
                "type": "E" * 200,
                "value": f"a{n}",
                "mechanism": {"exception_id": n, "parent_id": n + 1, "is_exception_group": True},
            }
            for n in range(50)
        ]
    },
    "a release of 1 MiB": lambda: {
        "release": " 1" * (MIB // 2),
        "environment": " " * MIB,
        "dist": "1" * MIB,
        "level": "e" * MIB,
    },
    "an integer of 5,000 digits": lambda: {"release": 10**5_000, "message": 10**5_000, "tags": {"a": 10**5_000}},
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_event_is_cut(name: str) -> None:
    data = HUGE[name]()
    started = time.process_time()
    event = parse_event(data, event_id=None, received=RECEIVED, sent_at=None)
    group_event(event)
    assert time.process_time() - started < MAX_CPU_SECONDS
    check_event(event)


def test_an_event_nested_deeply_is_cut() -> None:
    value: Any = 1
    for _ in range(50_000):
        value = [value]
    for data in ({name: value} for name in ("exception", "message", "tags", "fingerprint", "extra", "contexts", "release")):
        check_event(parse_event(data, event_id=None, received=RECEIVED, sent_at=None))
    check_event(
        parse_event({"exception": {"value": value}, "fingerprint": [value]}, event_id=None, received=RECEIVED, sent_at=None)
    )


PAYLOADS = {
    "frames": b'{"exception":[{"stacktrace":{"frames":[' + b'{"lineno":   1},' * 49_000 + b'{}]}}],"message":"\\u0000"}',
    "escaped quotation marks": b'{"message":"' + b'\\"' * 500_000 + b'","logger":"\\ud800"}',
    "backslashes": b'{"message":"' + b"\\\\" * 500_000 + b'","logger":"\\ud800"}',
    "lone surrogates": b'{"message":"' + b"\\ud800" * 170_000 + b'"}',
    "control characters": b'{"message":"' + b"\x01\n" * 500_000 + b'"}',
    "open brackets": b"[" * MIB,
    "brackets in a string": b'{"message":"' + b"[" * MIB + b'\\ud800"}',
    "strings": b'{"tags":[' + b'"",' * 340_000 + b"NaN]}",
    "a long number": b'{"message":' + b"1" * MIB + b"}",
    "long numbers": b'{"message":NaN,"tags":[' + b",".join([b"1" * 4_299] * 240) + b"]}",
    "integers": b'{"release":1e3,"tags":[' + b"1," * 500_000 + b"1]}",
    "characters of two bytes": b'{"message":"' + "é".encode() * 500_000 + b'\\u0000"}',
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_of_one_mebibyte_is_parsed_quickly(name: str) -> None:
    started = time.process_time()
    try:
        event = parse_event(parse_json(PAYLOADS[name]), event_id=None, received=RECEIVED, sent_at=None)
        group_event(event)
    except InvalidEvent:
        assert name == "open brackets"
    assert time.process_time() - started < 2 * MAX_CPU_SECONDS


@pytest.mark.parametrize(
    "unit", ["a", "1", "a1", "-", "1.", "a.", "a@", "1-", "0x", "://", "a://", "f0", "f-", " ", "1,", "+", "@.", "\n"]
)
def test_normalizing_takes_linear_time(unit: str) -> None:
    text = unit * 512
    started = time.process_time()
    for _ in range(20):
        normalize_text(text)
    assert (time.process_time() - started) / 20 < 0.002
