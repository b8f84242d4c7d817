"""What is kept of an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gql_releases.domain.events.event import NewEvent, parse_event
from gql_releases.domain.events.issue import Level
from gql_releases.domain.events.json_text import InvalidEvent
from gql_releases.domain.events.names import read_dist, read_environment, read_release

RECEIVED = datetime(2026, 12, 1, 12, tzinfo=UTC)
NOT_ENVIRONMENTS: list[Any] = ["x" * 65, "a/b", "a\nb", "a\rb", "", " ", "none", "NONE", None, 1, ["a"]]
NOT_USERS: list[Any] = [{"ip_address": "{{auto}}"}, {"ip_address": "10.0.0.7"}, {}, None, "ada", {"id": []}]
NOT_DISTS: list[Any] = ["a b", "é", "", "x" * 65, 1.5, True, None, {}, "a\nb"]
NOT_TIMES: list[Any] = ["x", "", [], {}, True, 1e30, -1e30, float("nan"), 10**400, "9999-12-31T23:59:59-23:59"]


def parse(**data: Any) -> NewEvent:
    return parse_event(data, event_id=None, received=RECEIVED, sent_at=None)


def read_frame(**fields: Any) -> dict[str, Any]:
    (exception,) = parse(exception={"type": "E", "stacktrace": {"frames": [{"function": "f"} | fields]}}).body["exception"][
        "values"
    ]
    frame: dict[str, Any] = exception["stacktrace"]["frames"][0]
    return frame


@pytest.mark.parametrize("data", [None, [], "x", 1, True, [{}]])
def test_only_an_object_is_an_event(data: Any) -> None:
    with pytest.raises(InvalidEvent):
        parse_event(data, event_id=None, received=RECEIVED, sent_at=None)


def test_an_empty_event() -> None:
    event = parse()
    assert (event.level, event.platform, event.timestamp, event.body) == (Level.ERROR, "other", RECEIVED, {})
    assert (event.handled, event.type, event.message, event.user, event.culprit) == (None,) * 5
    assert parse().event_id != event.event_id


@pytest.mark.parametrize(
    ("raw", "release", "invalid"),
    [
        ("1.0", "1.0", None),
        (" shop@1.0+7 ", "shop@1.0+7", None),
        (20261201, "20261201", None),
        (10**30, "1" + "0" * 30, None),
        (-1, "-1", None),
        (1.0, None, "1.0"),
        (1e30, None, "1e+30"),
        (float("nan"), None, "nan"),
        ("", None, ""),
        ("  ", None, ""),
        ("Latest", None, "Latest"),
        (".", None, "."),
        ("..", None, ".."),
        ("feature/cart", None, "feature/cart"),
        ("a\\b", None, "a\\b"),
        ("a\nb", None, "a\nb"),
        ("a\tb", None, "a\tb"),
        ("x" * 200, "x" * 200, None),
        ("x" * 201, None, "x" * 200),
        (" " * 99 + "x" * 200 + " " * 99, "x" * 200, None),
        ("\0 1.0 \0", "1.0", None),
        ("é" * 100, "é" * 100, None),
        ("é" * 101, None, "é" * 101),
        ("1.0\0", "1.0", None),
        ("1.\ud800", "1.\ufffd", None),
        (None, None, None),
        (True, None, None),
        ({"a": 1}, None, None),
        (["1.0"], None, None),
    ],
)
def test_releases(raw: Any, release: str | None, invalid: str | None) -> None:
    assert read_release(raw) == (release, invalid)
    event = parse(release=raw)
    assert (event.release, event.invalid_release) == (release, invalid)


@pytest.mark.parametrize(
    ("raw", "environment"),
    [
        ("production", "production"),
        (" Staging ", "Staging"),
        ("x" * 64, "x" * 64),
        *[(raw, None) for raw in NOT_ENVIRONMENTS],
    ],
)
def test_environments(raw: Any, environment: str | None) -> None:
    assert read_environment(raw) == environment
    assert parse(environment=raw).environment == environment


@pytest.mark.parametrize(
    ("raw", "dist"),
    [
        ("7", "7"),
        (7, "7"),
        ("a-b_c.1", "a-b_c.1"),
        *[(raw, None) for raw in NOT_DISTS],
    ],
)
def test_dists(raw: Any, dist: str | None) -> None:
    assert read_dist(raw) == dist
    assert parse(dist=raw).dist == dist


@pytest.mark.parametrize(
    ("raw", "sent_at", "timestamp"),
    [
        ("2026-12-01T11:00:00Z", None, RECEIVED - timedelta(hours=1)),
        ("2026-12-01T11:00:00", None, RECEIVED - timedelta(hours=1)),
        ("2026-12-01T12:00:00.123456789+01:00", None, RECEIVED.replace(hour=11, microsecond=123456)),
        ((RECEIVED - timedelta(hours=1)).timestamp(), None, RECEIVED - timedelta(hours=1)),
        (" 2026-12-01T11:00:00Z ", None, RECEIVED - timedelta(hours=1)),
        (str(int(RECEIVED.timestamp()) - 60), None, RECEIVED - timedelta(seconds=60)),
        (RECEIVED.timestamp() + 60, None, RECEIVED + timedelta(seconds=60)),
        (RECEIVED.timestamp() + 61, None, RECEIVED),
        (RECEIVED.timestamp() - 30 * 86400, None, RECEIVED - timedelta(days=30)),
        (RECEIVED.timestamp() - 30 * 86400 - 1, None, RECEIVED),
        ("2026-12-01T09:00:00Z", RECEIVED - timedelta(hours=2), RECEIVED - timedelta(hours=1)),
        ("2026-12-01T14:00:00Z", RECEIVED + timedelta(hours=3), RECEIVED - timedelta(hours=1)),
        ("2026-12-01T11:00:00Z", RECEIVED - timedelta(minutes=54), RECEIVED - timedelta(hours=1)),
        ("2026-12-01T11:00:00Z", RECEIVED - timedelta(minutes=55), RECEIVED - timedelta(minutes=5)),
        (None, RECEIVED - timedelta(hours=2), RECEIVED),
        ("2026-12-01T11:00:00Z", datetime(1, 1, 1, tzinfo=UTC), RECEIVED),
        *[(raw, None, RECEIVED) for raw in NOT_TIMES],
    ],
)
def test_times(raw: Any, sent_at: datetime | None, timestamp: datetime) -> None:
    event = parse_event({"timestamp": raw}, event_id=None, received=RECEIVED, sent_at=sent_at)
    assert event.timestamp == timestamp
    assert event.timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("raw", "level"),
    [
        ("fatal", "FATAL"),
        ("critical", "FATAL"),
        (" Warning ", "WARNING"),
        ("log", "INFO"),
        ("debug", "DEBUG"),
        ("x", "ERROR"),
        ([], "ERROR"),
    ],
)
def test_levels(raw: Any, level: str) -> None:
    assert parse(level=raw).level == level


def test_platforms() -> None:
    assert parse(platform=" python ").platform == "python"
    assert parse(platform="x" * 99).platform == "x" * 64
    values: list[Any] = [" ", None, [], {}]
    for raw in values:
        assert parse(platform=raw).platform == "other"


def test_ids() -> None:
    dashed = "6BA09A7C-5323-5EE8-A8FA-5EE4C1CA8CA8"
    digits = "6ba09a7c53235ee8a8fa5ee4c1ca8ca8"
    assert parse(event_id=dashed).event_id == digits
    assert parse_event({"event_id": "1" * 32}, event_id=digits, received=RECEIVED, sent_at=None).event_id == digits
    assert parse_event({"event_id": digits}, event_id="x", received=RECEIVED, sent_at=None).event_id == digits
    assert parse(event_id=f" {digits}\n").event_id == digits
    assert len(parse(event_id=7).event_id) == 32


def test_tags() -> None:
    assert parse(tags={"a": "1", "b": 2, "c": True, "d": None, "e": "", "f": []}).tags == (
        ("a", "1"),
        ("b", "2"),
        ("c", "true"),
    )
    assert parse(tags=[["a", "1"], ["b"], "x", None, {"key": "c", "value": 3}]).tags == (("a", "1"), ("c", "3"))
    assert parse(tags={"x" * 33: "1", "y" * 32: "z" * 201}).tags == (("y" * 32, "z" * 200),)
    assert len(parse(tags={str(number): "x" for number in range(60)}).tags) == 50
    assert parse(tags={" a ": " 1 ", " ": "2", "b": " "}).tags == (("a", "1"),)
    assert parse(tags="x").tags == parse(tags=None).tags == ()


def test_fingerprints() -> None:
    assert parse(fingerprint=["a", 7, None, True, 1.5, ["x"], {"b": 1}]).fingerprint == (
        "a",
        "7",
        "true",
        "1.5",
        '["x"]',
        '{"b":1}',
    )
    assert (
        parse(fingerprint="a").fingerprint
        == parse(fingerprint=[None]).fingerprint
        == parse(fingerprint={}).fingerprint
        == ()
    )


def test_exception_that_sentry_react_adds_may_say_that_the_error_was_not_handled() -> None:
    components = {"type": "React ErrorBoundary TypeError", "value": "bad", "mechanism": {"handled": False}}
    error = {"type": "TypeError", "value": "bad", "mechanism": {"handled": True}}
    cause = {"type": "KeyError", "value": "bad", "mechanism": {"handled": False}}
    assert parse(exception=[components, error]).handled is False, "@sentry/react 10"
    assert parse(exception=[components | {"mechanism": {"handled": True}}, error]).handled is True
    assert parse(exception=[components, error | {"mechanism": {"handled": False}}]).handled is False, "@sentry/react 11"
    assert parse(exception=[cause, error]).handled is True


@pytest.mark.parametrize("shape", ["list", "values", "object", "values object"])
def test_shapes_of_exceptions(shape: str) -> None:
    exception = {"type": "E", "value": "bad", "mechanism": {"handled": False}}
    raw: Any = {
        "list": [None, exception],
        "values": {"values": [None, {}, exception]},
        "object": exception,
        "values object": {"values": exception},
    }[shape]
    event = parse(exception=raw)
    assert event.body["exception"]["values"] == [exception]
    assert (event.title, event.type, event.handled) == ("E: bad", "E", False)


@pytest.mark.parametrize(
    "raw", [None, "x", 1, [], {}, {"values": None}, {"values": [None, 1, {}]}, {"values": "x"}, [{"stacktrace": {}}]]
)
def test_odd_shapes_are_absent(raw: Any) -> None:
    for name in (
        "exception",
        "threads",
        "breadcrumbs",
        "request",
        "contexts",
        "debug_meta",
        "tags",
        "logentry",
        "csp",
        "user",
    ):
        event = parse(message="hello", **{name: raw})
        assert event.title == "hello"
        assert "exception" not in event.body or raw == {"values": "x"}


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ({"exception": {"type": "E", "value": "  one\ntwo"}}, "E: one"),
        ({"exception": {"type": "E"}}, "E"),
        ({"exception": {"value": "one"}}, "one"),
        ({"exception": {"type": "E", "value": {"a": 1}}}, 'E: {"a":1}'),
        ({"exception": {"type": "Error", "value": "one", "mechanism": {"synthetic": True}}}, "one"),
        ({"exception": {"type": "E", "value": "x" * 999}}, "E: " + "x" * 253),
        ({"exception": [{"type": "A"}, {"type": "B"}]}, "B"),
        ({"message": "\none\ntwo"}, "one"),
        ({"message": {"message": "a %s", "formatted": "a 1"}}, "a 1"),
        ({"logentry": "one"}, "one"),
        ({"logentry": {"message": "a %s", "params": []}}, "a %s"),
        ({"logentry": {"message": "a %s %d %% %s %s", "params": ["b", 7, None]}}, "a b 7 % %s %s"),
        ({"logentry": {"message": "a %s", "params": ["b"], "formatted": "c"}}, "c"),
        ({"logentry": {"params": ["b"]}, "message": "d"}, "d"),
        ({"logentry": {"message": "a"}, "message": {"message": "d"}}, "a"),
        ({"logentry": {"message": "%s" * 2000, "params": ["x" * 999] * 99}}, "x" * 256),
        ({"exception": {"type": "Error", "mechanism": {"synthetic": True}}}, "Error"),
        (
            {"csp": {"effective_directive": "img-src", "blocked_uri": "https://a.example/x"}},
            "Blocked img-src from a.example",
        ),
        ({"csp-report": {"violated-directive": "img-src *", "blocked-uri": "data"}}, "Blocked img-src from data"),
        ({"transaction": "/pay"}, "<unlabeled event>"),
    ],
)
def test_titles(data: dict[str, Any], title: str) -> None:
    assert parse(**data).title == title


def test_culprits() -> None:
    frames = [
        {"module": "shop.views", "function": "pay", "in_app": True},
        {"filename": "shop/pay.py", "function": "charge", "in_app": True},
        {"module": "lib.pool", "function": "get", "in_app": False},
    ]
    cases: list[tuple[list[dict[str, Any]], str | None]] = [
        (frames, "shop/pay.py in charge"),
        (frames[2:], "lib.pool in get"),
        ([{"module": "a"}], "a"),
        ([{"abs_path": "/srv/a.py", "function": "f"}], "/srv/a.py in f"),
        ([{"function": "b"}], "b"),
        ([], "/pay"),
    ]
    for stack, culprit in cases:
        assert parse(exception={"type": "E", "stacktrace": {"frames": stack}}, transaction="/pay").culprit == culprit
    assert parse(threads=[{"stacktrace": {"frames": frames}}]).culprit == "shop/pay.py in charge"


def test_frames() -> None:
    frame = read_frame(lineno=0, colno=0, vars={"a": 1}, in_app="yes", module=None, filename=1, data={})
    assert frame == {"function": "f"}
    frame = read_frame(
        lineno=12.0, colno=7, context_line="x", pre_context=["a", None, "b" * 300], post_context=list("0123456789ab")
    )
    assert frame == {
        "function": "f",
        "lineno": 12,
        "colno": 7,
        "context_line": "x",
        "pre_context": ["a", "", "b" * 256],
        "post_context": list("0123456789"),
    }
    assert read_frame(abs_path="https://u:p@s.example/a.js?token=1#x")["abs_path"] == "https://s.example/a.js"
    assert read_frame(filename="webpack://web/./a.vue?4a")["filename"] == "webpack://web/./a.vue?4a"
    assert read_frame(lineno=10**30, colno=-1) == {"function": "f"}
    assert read_frame(lineno=float("inf"), colno=float("nan")) == {"function": "f"}


def test_the_first_and_last_frames_are_kept() -> None:
    frames: list[Any] = [{"function": f"f{number}"} for number in range(1_000)]
    (exception,) = parse(exception=[{"stacktrace": {"frames": frames}}]).body["exception"]["values"]
    assert exception["stacktrace"]["frames"] == frames[:50] + frames[-50:]
    (exception,) = parse(exception=[{"stacktrace": {"frames": [None, 1, *frames[:97], "x"]}}]).body["exception"]["values"]
    assert exception["stacktrace"]["frames"] == frames[:97]
    assert parse(exception=[{"type": "E", "stacktrace": {"frames": None}}]).body == {
        "exception": {"values": [{"type": "E"}]}
    }


def test_requests_lose_what_may_be_secret() -> None:
    pairs: list[Any] = [[7, "x"], ["Cookie", "a=b"], ["user-agent", ["Browser/1", "x"]]]
    for headers in ({"Cookie": "a=b", "User-agent": "Browser/1"}, pairs):
        request = {
            "method": "POST",
            "url": "https://u:p@shop.example:8000/pay?token=1#x",
            "headers": headers,
            "query_string": "token=1",
            "cookies": {"a": "b"},
            "data": {"card": 1},
            "env": {"REMOTE_ADDR": "10.0.0.7"},
        }
        assert parse(request=request).body["request"] == {
            "method": "POST",
            "url": "https://shop.example:8000/pay",
            "headers": {"User-Agent": "Browser/1"},
        }


def test_users() -> None:
    assert parse(user={"id": 42, "email": "a@b.example"}).user == "42"
    assert parse(user={"id": "", "email": " a@b.example "}).user == "a@b.example"
    assert parse(user={"username": "ada"}).user == parse(user={"name": "ada"}).user == "ada"
    assert parse(user={"id": "\0"}).user is None
    for raw in NOT_USERS:
        event = parse(user=raw)
        assert event.user is None
        assert event.body == {}


def test_contexts_breadcrumbs_images_and_extra() -> None:
    event = parse(
        contexts={"runtime": {"name": "CPython", "inner": {}}, "app": {"x": 1}, "os": "Linux", "trace": {"data": {}}},
        breadcrumbs=[{"message": str(number), "data": {"url": "https://a.example/?t=1", "x": 1}} for number in range(40)],
        debug_meta={
            "images": [{"type": "sourcemap", "code_file": "https://s.example/a.js?v=1", "debug_id": "d", "x": 1}, None]
        },
        extra={
            "order": 17,
            "environ": "PATH=1",
            "sys.argv": "x",
            "list": [1],
            "long": "x" * 999,
            "nan": float("nan"),
            "": 1,
            "n" * 65: 2,
        },
        modules={"a": "1"},
        server_name="worker-1",
    )
    assert event.body["contexts"] == {"runtime": {"name": "CPython"}}
    assert len(event.body["breadcrumbs"]["values"]) == 30
    assert event.body["breadcrumbs"]["values"][-1] == {"message": "39", "data": {"url": "https://a.example/"}}
    assert event.body["debug_meta"] == {
        "images": [{"type": "sourcemap", "code_file": "https://s.example/a.js", "debug_id": "d"}]
    }
    assert event.body["extra"] == {"order": 17, "long": "x" * 256}
    assert set(event.body) == {"contexts", "breadcrumbs", "debug_meta", "extra"}


def test_a_thread_is_kept() -> None:
    frames = {"frames": [{"function": "f"}]}
    threads = [{"id": 1}, {"id": 2, "stacktrace": frames}, {"id": 3, "stacktrace": frames, "crashed": True, "name": "main"}]
    thread = {"stacktrace": frames, "name": "main", "id": "3", "crashed": True}
    assert parse(threads={"values": threads}).body["threads"] == {"values": [thread]}
    assert parse(threads={"values": threads[:2]}).body["threads"]["values"][0]["id"] == "2"
    assert "threads" not in parse(exception={"type": "E"}, threads={"values": threads[:2]}).body
    assert parse(threads=[{"id": 2}], stacktrace=frames).body == parse(exception={}, stacktrace=1).body == {}
    assert "threads" not in parse(exception={"type": "E"}, stacktrace=frames).body
    assert parse(stacktrace=frames).body["threads"] == {"values": [{"stacktrace": frames, "current": True}]}


def test_characters_that_cannot_be_stored() -> None:
    text = "a\0b\ud800"
    event = parse(
        message=text, release=text, environment=text, tags={text: text}, fingerprint=[text], user={"id": text}, logger=text,
        exception={"type": text, "value": text, "stacktrace": {"frames": [{"function": text, "context_line": text, "pre_context": [text]}]}},
    )  # fmt: skip
    clean = "ab\ufffd"
    assert (event.message, event.release, event.environment, event.user, event.type) == (clean,) * 5
    assert (event.tags, event.fingerprint) == (((clean, clean),), (clean,))
    assert parse(fingerprint=["\0", "a"], message="\0").fingerprint == ("a",)
    frame = event.body["exception"]["values"][0]["stacktrace"]["frames"][0]
    assert frame == {"function": clean, "context_line": clean, "pre_context": [clean]}
