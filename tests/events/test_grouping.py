"""Grouping: each vector of the rules, and the rules for frames, values and groups of exceptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gql_releases.domain.events.event import parse_event
from gql_releases.domain.events.grouping import Grouping, group_event, hash_key
from gql_releases.domain.events.issue import GroupingStep

RECEIVED = datetime(2026, 12, 1, tzinfo=UTC)


def group(data: dict[str, Any]) -> Grouping:
    return group_event(parse_event(data, event_id=None, received=RECEIVED, sent_at=None))


def python_frame(module: str, function: str, line: str | None = None, *, in_app: bool = True) -> dict[str, Any]:
    filename = module.replace(".", "/") + ".py"
    frame = {"module": module, "function": function, "filename": filename, "abs_path": f"/srv/{filename}", "lineno": 7}
    return frame | {"in_app": in_app} | ({"context_line": line} if line else {})


def script_frame(filename: str, function: str, line: int = 1, column: int = 1, **fields: Any) -> dict[str, Any]:
    return {"filename": filename, "function": function, "lineno": line, "colno": column, "in_app": True, **fields}


def error(kind: str | None, value: Any, *frames: dict[str, Any], **mechanism: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"type": kind, "value": value}
    if frames:
        item["stacktrace"] = {"frames": list(frames)}
    return item | ({"mechanism": mechanism} if mechanism else {})


def chain(platform: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {"platform": platform, "exception": {"values": list(values)}}


RAISE = 'raise ValueError("bad id %d" % n)'
FULL_MESSAGE = (
    "user a@b.io at 10.0.0.7 wants https://x.example/a?b=1 2026-11-30T12:00:00Z 6ba09a7c53235ee8a8fa5ee4c1ca8ca886e7fdbb, "
    "-3.5% of q1"
)
URL = "https://s.example/app.js"

VECTORS: list[tuple[str, dict[str, Any], GroupingStep, list[str], str]] = [
    (
        "frames of the app",
        chain(
            "python",
            error(
                "ValueError",
                "bad id 17",
                python_frame("flask.app", "full_dispatch", "return self.dispatch()", in_app=False),
                python_frame("shop.views", "pay", "charge(n)"),
                python_frame("shop.pay", "charge", f"    {RAISE}"),
            ),
        ),
        GroupingStep.STACK,
        ["exception", "ValueError", "shop.views", "pay", "shop.pay", "charge", RAISE],
        "6cd8c8f81c01dcb7dc2ea2f053100689",
    ),
    (
        "a chain",
        chain(
            "python",
            error("KeyError", "'a'", python_frame("shop.db", "get", "return d[k]")),
            error("RuntimeError", "no", python_frame("shop.pay", "charge", "raise RuntimeError from e")),
        ),
        GroupingStep.STACK,
        [
            *("exception", "KeyError", "shop.db", "get", "return d[k]"),
            *("exception", "RuntimeError", "shop.pay", "charge", "raise RuntimeError from e"),
        ],
        "60017afd5ebbf7cd17161c93c237362f",
    ),
    (
        "a group of equal exceptions",
        chain(
            "python",
            error("E", "job 2", exception_id=2, parent_id=0, source="exceptions[1]"),
            error("E", "job 1", exception_id=1, parent_id=0, source="exceptions[0]"),
            error("ExceptionGroup", "many", exception_id=0, is_exception_group=True),
        ),
        GroupingStep.VALUE,
        ["exception", "E", "value", "job <n>"],
        "2051c07d4cd1e5e020258c7bdb7cb639",
    ),
    (
        "a group of different exceptions",
        chain(
            "python",
            error("KeyError", "'b'", exception_id=2, parent_id=0, source="exceptions[1]"),
            error("ValueError", "a", exception_id=1, parent_id=0, source="exceptions[0]"),
            error("ExceptionGroup", "many", exception_id=0, is_exception_group=True),
        ),
        GroupingStep.VALUE,
        [
            *("exception", "KeyError", "value", "'b'"),
            *("exception", "ValueError", "value", "a"),
            *("exception", "ExceptionGroup", "value", "many"),
        ],
        "d2bd777d485440355ee58b84236acb32",
    ),
    (
        "a message of Node 11",
        chain(
            "node",
            error(
                None,
                "hello",
                script_frame("node:internal/modules/esm/loader", "ModuleLoader.import", in_app=False, module="loader"),
                script_frame("/srv/app/src/cart.mjs", "?", 4, 8, module="cart", context_line="Sentry.captureMessage(text)"),
                synthetic=True,
            ),
        )
        | {"message": "hello"},
        GroupingStep.STACK,
        ["exception", "", "src/cart.mjs", "", "Sentry.captureMessage(text)"],
        "30793c821dce8ce5afe4b3c25ce9e431",
    ),
    (
        "a frame of Node",
        chain(
            "node",
            error(
                "TypeError",
                "x",
                script_frame("/srv/app/src/cart.js", "async Cart.total", module="cart", context_line="  throw e"),
            ),
        ),
        GroupingStep.STACK,
        ["exception", "TypeError", "src/cart.js", "total", "throw e"],
        "a20edf3db6ca61ee897787559a90fb3d",
    ),
    (
        "minified frames",
        chain(
            "javascript",
            error(
                "TypeError",
                "bad id 17",
                script_frame(f"{URL}?x=1", "Zh", 26, 41172),
                script_frame(f"{URL}?x=1", "PI", 26, 41239),
            ),
        ),
        GroupingStep.MINIFIED,
        ["exception", "TypeError", "value", "bad id <n>"],
        "ef810b2859166dbed3873c83c8238a36",
    ),
    (
        "frames of a browser that are not minified",
        chain(
            "javascript",
            error("TypeError", "x", script_frame("<anonymous>", "evaluate"), script_frame(URL, "Object.renderCart", 12, 4)),
        ),
        GroupingStep.STACK,
        ["exception", "TypeError", "", "renderCart", ""],
        "e4064f390436cae270034d5987d13092",
    ),
    (
        "a message with parameters",
        {"logentry": {"message": "pay %s failed", "params": [99], "formatted": "pay 99 failed"}},
        GroupingStep.MESSAGE,
        ["message", "pay %s failed"],
        "c48f8fc5ee19c4483ea43242d544d929",
    ),
    (
        "a message with all that varies",
        {"message": FULL_MESSAGE},
        GroupingStep.MESSAGE,
        ["message", "user <email> at <ip> wants <url> <date> <hex>, <n>% of q1"],
        "af33920f70e18c90b647ae47fc075606",
    ),
    (
        "a fingerprint with the default",
        {"fingerprint": ["{{ default }}", "tenant-9"], "message": "one"},
        GroupingStep.FINGERPRINT,
        ["fingerprint", "default", "b1e199b16bad2aa60b15e19192b1f335", "text", "tenant-9"],
        "359bd140e174f0529f3f55774bd5bf32",
    ),
    (
        "a fingerprint",
        {"fingerprint": ["a", "bc", 7, None]},
        GroupingStep.FINGERPRINT,
        ["fingerprint", "text", "a", "text", "bc", "text", "7"],
        "41f530348b6e2c49c29461180d07fc03",
    ),
    (
        "an exception that is an object",
        {"exception": {"type": "E", "value": "no user 17\n\nat line 3\nmore"}},
        GroupingStep.VALUE,
        ["exception", "E", "value", "no user <n>\nat line <n>"],
        "60834fc618b6973888bcdc66b1fb5d5a",
    ),
    (
        "nothing but a logger",
        {"logger": "root"},
        GroupingStep.EMPTY,
        ["empty", "", "root"],
        "3dcdf38f3311a29229c421587b40c50c",
    ),
]


@pytest.mark.parametrize(("data", "step", "key", "digest"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vectors(data: dict[str, Any], step: GroupingStep, key: list[str], digest: str) -> None:
    grouping = group(data)
    assert (grouping.step, list(grouping.key), grouping.hash) == (step, key, digest)
    assert grouping.hash == hash_key(grouping.key)


def test_a_site_is_the_place_of_the_error() -> None:
    groupings = {name: group(data) for name, data, *_ in VECTORS}
    assert groupings["frames of the app"].site == "dc9705029c9f7f58fc967e195f050e16"
    assert groupings["a chain"].site == hash_key(["site", "RuntimeError", "shop.pay", "charge", "raise RuntimeError from e"])
    for name in ("minified frames", "a message with parameters", "a group of equal exceptions", "nothing but a logger"):
        assert groupings[name].site is None


def test_two_callers_of_an_error_have_one_site() -> None:
    innermost = python_frame("shop.pay", "charge", RAISE)
    groupings = [
        group(chain("python", error("ValueError", "x", python_frame("shop.views", caller), innermost)))
        for caller in ("pay", "refund")
    ]
    assert groupings[0].hash != groupings[1].hash
    assert groupings[0].site == groupings[1].site


def test_lines_of_other_frames_are_no_part_of_the_key() -> None:
    outer, inner = python_frame("shop.views", "pay", "charge(n)"), python_frame("shop.pay", "charge", RAISE)
    moved = [outer | {"lineno": 70, "context_line": "charge(n, m)"}, inner | {"lineno": 700}]
    first = group(chain("python", error("E", "x", outer, inner)))
    assert group(chain("python", error("E", "y", *moved))).hash == first.hash
    assert group(chain("python", error("E", "x", outer, inner | {"context_line": "raise E"}))).hash != first.hash


def test_recursion_counts_once_and_thirty_frames_count() -> None:
    inner = python_frame("shop.tree", "visit", "return visit(node)")
    depths = {group(chain("python", error("RecursionError", "x", *[inner] * depth))).hash for depth in (1, 2, 90)}
    assert len(depths) == 1
    frames = [python_frame("shop.tree", f"visit{number}") for number in range(40)]
    assert (
        group(chain("python", error("E", "x", *frames))).hash == group(chain("python", error("E", "x", *frames[10:]))).hash
    )
    assert (
        group(chain("python", error("E", "x", *frames))).hash != group(chain("python", error("E", "x", *frames[11:]))).hash
    )


def test_without_app_frames_all_count() -> None:
    frame = python_frame("lib.pool", "get", "raise Empty", in_app=False)
    assert group(chain("python", error("Empty", "", frame))).key[2:4] == ("lib.pool", "get")
    frame.pop("in_app")
    assert group(chain("python", error("Empty", "", frame))).key[2:4] == ("lib.pool", "get")


@pytest.mark.parametrize(
    ("platform", "fields", "where", "function"),
    [
        ("node", {"module": "index", "filename": "/srv/api/src/cart/index.js", "function": "get"}, "cart/index.js", "get"),
        (
            "node",
            {"module": "src.cart:index", "filename": "/srv/src/cart/index.js", "function": "get"},
            "src.cart:index",
            "get",
        ),
        ("node", {"module": "@shop/cart", "filename": "/srv/x.js", "function": " get "}, "@shop/cart", "get"),
        ("node", {"filename": "C:\\srv\\Cart\\Index.js", "function": "new Cart"}, "cart/index.js", "Cart"),
        ("node", {"filename": "/srv/dist/main.4f3a2b1c9d.js", "function": "run"}, "dist/main.#.js", "run"),
        ("node", {"filename": "/srv/dist/index-B1aB2c3D.js", "function": "run"}, "dist/index-#.js", "run"),
        ("node", {"filename": "/srv/dist/main-window.js", "function": "a.b [as c]"}, "dist/main-window.js", "b"),
        ("node", {"filename": "file:///srv/a/b.js?x=1#y", "function": "go$1"}, "a/b.js", "go"),
        ("python", {"filename": "Shop/Pay.py", "function": "<lambda>"}, "shop/pay.py", ""),
        ("python", {"module": "Shop.Pay", "filename": "Shop/Pay.py", "function": "pay.now"}, "Shop.Pay", "pay.now"),
        ("python", {"filename": "<string>", "function": "charge"}, "", "charge"),
        (
            "javascript",
            {"filename": "app:///static/js/cart.js", "function": "Object.render"},
            "app:///static/js/cart.js",
            "render",
        ),
        ("javascript", {"filename": "blob:https://s.example/1", "function": "render"}, "", "render"),
        ("javascript", {"abs_path": "https://s.example/a.js", "function": "render"}, "", "render"),
        (
            "javascript",
            {"filename": "webpack://web/./src/cart.ts?4a", "function": "render"},
            "webpack://web/./src/cart.ts",
            "render",
        ),
    ],
)
def test_a_frame_is_described_without_what_a_build_changes(
    platform: str, fields: dict[str, Any], where: str, function: str
) -> None:
    assert group(chain(platform, error("E", "x", fields))).key[2:4] == (where, function)


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": "https://s.example/app.js", "function": "?"},
        {"filename": "<anonymous>", "function": "<anonymous>"},
        {"filename": "[native code]", "function": "eval"},
        {"lineno": 7},
        {},
    ],
)
def test_a_frame_without_place_and_function_is_none(fields: dict[str, Any]) -> None:
    grouping = group(chain("javascript", error("E", "x 1", fields)))
    assert grouping.step is GroupingStep.VALUE
    assert grouping.key == ("exception", "E", "value", "x <n>")


def test_half_of_the_frames_minified_are_all_minified() -> None:
    named, minified = script_frame(URL, "renderCart"), script_frame(URL, "t", 1, 900)
    eval_frame, nameless = script_frame("<anonymous>", "x"), script_frame(URL, "?")
    for frames, step in (
        ([named, minified], GroupingStep.MINIFIED),
        ([named, minified, minified], GroupingStep.MINIFIED),
        ([eval_frame, eval_frame, nameless, named, minified], GroupingStep.MINIFIED),
        ([named, named, minified], GroupingStep.STACK),
        ([script_frame("[native code]", "at"), named], GroupingStep.STACK),
        ([script_frame("[native code]", "at"), named, minified], GroupingStep.MINIFIED),
        ([script_frame("", "at", 1, 900), named], GroupingStep.STACK),
        ([script_frame("<anonymous>", "at", 1, 900)], GroupingStep.STACK),
        ([script_frame(URL, "renderCart", 1, 500)], GroupingStep.MINIFIED),
        ([script_frame(URL, "renderCart", 1, 499)], GroupingStep.STACK),
        ([script_frame(URL, "$e", 1, 4)], GroupingStep.MINIFIED),
        ([script_frame("/js/app.js", "o.Zh", 1, 4)], GroupingStep.MINIFIED),
        ([script_frame(URL, "map", 1, 4)], GroupingStep.STACK),
    ):
        assert group(chain("javascript", error("E", "x", *frames))).step is step
    assert group(chain("node", error("E", "x", script_frame("/srv/app.js", "t", 1, 900)))).step is GroupingStep.STACK


def test_a_minified_frame_among_others_is_no_part_of_the_key() -> None:
    """Its function has another name after each build."""
    frames = [script_frame(URL, "renderCart"), script_frame(URL, "renderLine"), script_frame(URL, "t", 1, 900)]
    renamed = [*frames[:2], script_frame(URL, "n", 1, 950)]
    groupings = [group(chain("javascript", error("E", "x", *items))) for items in (frames, renamed)]
    assert groupings[0] == groupings[1]
    assert groupings[0].key == ("exception", "E", "", "renderCart", "", "renderLine", "")


def symbolicate(event: Any) -> None:
    frames = event.body["exception"]["values"][-1]["stacktrace"]["frames"]
    frames[:] = [
        frame | {"filename": "webpack://web/./src/cart.ts", "function": name, "colno": 9, "symbolicated": True}
        for frame, name in zip(frames, ("render", "pay"), strict=True)
    ]


def test_a_source_map_that_comes_later_leads_to_the_first_hash() -> None:
    data = chain(
        "javascript", error("TypeError", "bad id 17", script_frame(URL, "Zh", 1, 900), script_frame(URL, "PI", 1, 901))
    )
    minified = group(data)
    assert minified.hash_without_frames == minified.hash
    event = parse_event(data, event_id=None, received=RECEIVED, sent_at=None)
    symbolicate(event)
    grouping = group_event(event)
    assert grouping.step is GroupingStep.STACK
    assert grouping.hash != minified.hash
    assert grouping.hash_without_frames == minified.hash
    assert grouping.site is not None


def test_symbolicated_frames_may_have_nulls() -> None:
    event = parse_event(
        chain("javascript", error("TypeError", "x", script_frame(URL, "Zh", 1, 900), script_frame(URL, "PI", 1, 901))),
        event_id=None,
        received=RECEIVED,
        sent_at=None,
    )
    symbolicate(event)
    frames = event.body["exception"]["values"][0]["stacktrace"]["frames"]
    frames[0] |= {"module": None, "function": None, "colno": None, "context_line": None}
    frames[1] |= {"filename": None, "abs_path": None, "context_line": None, "symbolicated": False, "colno": None}
    assert group_event(event).key == ("exception", "TypeError", "webpack://web/./src/cart.ts", "", "", "pay", "")


def test_a_fingerprint_with_the_default_keeps_the_hash_without_frames() -> None:
    data = chain("javascript", error("TypeError", "bad", script_frame(URL, "Zh", 1, 900), script_frame(URL, "PI", 1, 901)))
    data["fingerprint"] = ["{{default}}", "shop"]
    minified = group(data)
    event = parse_event(data, event_id=None, received=RECEIVED, sent_at=None)
    symbolicate(event)
    assert group_event(event).hash_without_frames == minified.hash


def test_events_without_source_maps_have_no_other_hash() -> None:
    """Else two bugs with equal values would be joined."""
    for _, data, *_ in VECTORS:
        grouping = group(data)
        assert grouping.hash_without_frames == grouping.hash


@pytest.mark.parametrize(
    "fingerprint", [["{{ default }}"], ["{{default}}", "{{ default }}"], [], [None], "text", None, {"a": 1}]
)
def test_a_fingerprint_of_the_default_is_none(fingerprint: Any) -> None:
    assert group({"fingerprint": fingerprint, "message": "one"}).step is GroupingStep.MESSAGE


def test_the_components_of_react_do_not_count() -> None:
    cause = error("TypeError", "bad", script_frame(URL, "renderCart"))
    components = error("React ErrorBoundary TypeError", "bad", script_frame(URL, "Cart"), script_frame(URL, "t", 1, 990))
    alone = group(chain("javascript", cause))
    assert group(chain("javascript", components, cause)).hash == alone.hash
    assert group(chain("javascript", components)).key[1] == "React ErrorBoundary TypeError"


def test_a_cause_of_a_group_of_the_browser_is_no_member() -> None:
    """SDKs of version 7 mark each exception with a cause as a group."""
    data = chain(
        "javascript",
        error("KeyError", "a", exception_id=1, parent_id=0, source="cause"),
        error("PayError", "b", exception_id=0, is_exception_group=True),
    )
    assert group(data).key == ("exception", "KeyError", "value", "a", "exception", "PayError", "value", "b")


def test_groups_in_groups_and_causes_of_members() -> None:
    def member(number: int, parent: int) -> list[dict[str, Any]]:
        cause = error("OSError", "closed", exception_id=number + 1, parent_id=number, source="__cause__")
        return [cause, error("E", "job", exception_id=number, parent_id=parent, source="exceptions[0]")]

    outer = error("ExceptionGroup", "outer", exception_id=0, is_exception_group=True)
    inner = error("ExceptionGroup", "inner", exception_id=1, parent_id=0, source="exceptions[0]", is_exception_group=True)
    alone = ("exception", "OSError", "value", "closed", "exception", "E", "value", "job")
    assert group(chain("python", *member(2, 1), *member(4, 1), inner, *member(6, 0), outer)).key == alone
    other = error("K", "k", exception_id=9, parent_id=0, source="exceptions[1]")
    grouping = group(chain("python", other, *member(2, 1), *member(4, 1), inner, outer))
    assert grouping.key == ("exception", "K", "value", "k", *alone, "exception", "ExceptionGroup", "value", "outer")


def test_ids_of_exceptions_that_repeat_or_refer_to_themselves() -> None:
    for ids in ([(0, 0), (0, 0)], [(1, 1), (0, 1)], [(0, 1), (1, 0)], [(7, 8), (8, 9)]):
        values = [error("E", "x", exception_id=a, parent_id=b, is_exception_group=True) for a, b in ids]
        assert "E" in group(chain("python", *values)).key


def test_threads_without_exceptions() -> None:
    def thread(function: str, **fields: Any) -> dict[str, Any]:
        return {"stacktrace": {"frames": [python_frame("shop.job", function, "sleep(1)")]}, **fields}

    threads = [{"id": 1, "crashed": True}, thread("first"), thread("current", current=True), thread("crashed", crashed=True)]
    for count, function in ((4, "crashed"), (3, "current"), (2, "first")):
        grouping = group({"platform": "python", "message": "one", "threads": {"values": threads[:count]}})
        assert (grouping.step, grouping.key) == (GroupingStep.THREAD, ("thread", "shop.job", function, "sleep(1)"))
    assert group({"message": "one", "threads": {"values": threads[:1]}}).step is GroupingStep.MESSAGE


def test_a_violated_policy() -> None:
    for report in (
        {"effective_directive": "script-src", "blocked_uri": "https://Evil.example/a.js?t=1"},
        {"violated-directive": "script-src 'self'", "blocked-uri": "https://evil.example"},
    ):
        grouping = group({"csp": report})
        assert (grouping.step, grouping.key) == (GroupingStep.CSP, ("csp", "script-src", "evil.example"))
    assert group({"csp": {"effective_directive": "style-src", "blocked_uri": "inline"}}).key == (
        "csp",
        "style-src",
        "inline",
    )
