"""Errors, messages and sessions of Sentry's SDKs, unmodified, through a proxy that records what became of each request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Served, create_project
from tests.e2e.recording_proxy import RecordingProxy, record
from tests.e2e.sdks import (
    bundle,
    find_line,
    find_tool,
    list_events,
    list_versions,
    read_dsn,
    read_release,
    run_app,
    serve_page,
)
from tests.e2e.test_sentry_cli import CLI, Program
from tests.scale import IN_SOAK

pytestmark = pytest.mark.e2e

SENTRY_CLI = [pytest.param(version, marks=() if version in (CLI[0], "2.58.6") else IN_SOAK) for version in CLI]
PYTHON_TITLES = {
    ("ValueError: bad id 17", True), ("RuntimeError: no such item", True), ("stock is low", None), ("payment 99 failed", None),
    ("OSError: disk full", True), ("ValueError: bad id 18", False), ("OSError: disk full", False),
}  # fmt: skip
JAVASCRIPT_TITLES = {
    "TypeError: bad id 17",
    "Error: no such item",
    "stock is low",
    "payment %s failed 99",
    "Error: disk full",
}


def open_project(server: Served, proxy: RecordingProxy, name: str) -> tuple[str, str]:
    """Create a project with this name, and return its DSN and a release for it."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())
    create_project(server, slug, None)
    return read_dsn(server, proxy, slug), f"{slug}@1.0"


def assert_common(event: Any, release: str, sdk: str, version: str) -> None:
    """Assert what every event of an app has."""
    assert event["release"] == {"version": release}
    assert event["issue"]["introducedIn"] == {"version": release}
    assert event["environment"] == {"name": "production"}
    assert event["sdk"] == {"name": sdk, "version": version}


def assert_frame(frame: Any, app: str, function: str, statement: str) -> None:
    """Assert that a frame is of a statement in an app, with the lines around it."""
    lines = (Path(__file__).parent / "sdk_apps" / app).read_text().splitlines()
    number = find_line(app, statement)
    assert (frame["function"], frame["line"]) == (function, number)
    assert frame["file"].endswith(app)
    assert frame["contextLine"] == lines[number - 1]
    assert frame["preContext"][-1] == lines[number - 2]
    assert frame["postContext"][0] == lines[number]
    assert (frame["inApp"], frame["minified"], frame["symbolicated"]) == (True, False, False)


@pytest.mark.parametrize("version", list_versions("sentry-sdk"))
def test_python_sends_errors_messages_and_sessions(server: Served, version: str) -> None:
    tool = find_tool("sentry-sdk", version)
    with record(server.base) as proxy:
        dsn, release = open_project(server, proxy, f"python-{version}")
        printed = run_app([str(tool / "bin" / "python"), "-c", "import shop; shop.main()"], tool, dsn, release, status=1)
    assert "OSError: disk full" in printed
    proxy.assert_nothing_was_lost()
    store, encoding = ("/store/", "gzip") if version.startswith("1.") else ("/envelope/", "br")
    assert {post.request_headers["content-encoding"] for post in proxy.posts} == {encoding}
    assert all(store in post.target for post in proxy.posts if post.items[0][0] == "event")
    shown = read_release(server, release)
    assert (shown["origin"], shown["newIssueCount"], shown["eventCount"]) == ("EVENT", 7, 7)
    assert shown["health"] == {
        "sessions": 2, "crashed": 1, "errored": 0, "abnormal": 0, "unhandled": 0, "users": 0,
    }  # fmt: skip
    events = list_events(shown)
    assert set(events) == PYTHON_TITLES
    for event in events.values():
        assert_common(event, release, "sentry.python", version)
        assert event["platform"] == "python"
        assert event["tags"] == [{"key": "region", "value": "eu"}]
        assert event["level"] == ("WARNING" if event["title"] == "stock is low" else "ERROR")
        step = "STACK" if event["exceptions"] else "MESSAGE"
        assert event["issue"]["grouping"]["step"] == step
        culprit = {
            "ValueError": "shop in charge", "RuntimeError": "shop in order_item", "OSError": "shop in leave",
        }.get(event["title"].partition(":")[0])  # fmt: skip
        assert event["culprit"] == event["issue"]["culprit"] == culprit
    chain = events["RuntimeError: no such item", True]["exceptions"]
    assert [(exception["type"], exception["value"]) for exception in chain] == [
        ("RuntimeError", "no such item"),
        ("KeyError", "'ink'"),
    ]
    assert_frame(chain[0]["frames"][0], "shop.py", "order_item", 'raise RuntimeError("no such item") from error')
    assert_frame(chain[1]["frames"][0], "shop.py", "find_price", "return PRICES[name]")
    assert_frame(chain[1]["frames"][1], "shop.py", "order_item", "return find_price(name)")
    [exception] = events["ValueError: bad id 18", False]["exceptions"]
    assert_frame(exception["frames"][0], "shop.py", "charge", 'raise ValueError(f"bad id {order}")')
    assert [frame["module"] for frame in exception["frames"]] == ["shop", "shop"]
    logged = events["OSError: disk full", True]
    assert (logged["message"], logged["exceptions"][0]["value"]) == ("cannot write", "disk full")
    assert events["payment 99 failed", None]["message"] == "payment 99 failed"


def test_items_that_are_not_stored_are_stopped_while_errors_go_on(server: Served) -> None:
    version = list_versions("sentry-sdk")[0]
    tool = find_tool("sentry-sdk", version)
    with record(server.base) as proxy:
        dsn, release = open_project(server, proxy, "python-traces")
        run_app([str(tool / "bin" / "python"), "-c", "import shop; shop.trace()"], tool, dsn, release)
    proxy.assert_nothing_was_lost()
    [first, second, *_] = proxy.posts
    assert [kind for kind, _ in first.items] == ["event", "attachment"]
    assert "attachment" in first.response_headers["x-sentry-rate-limits"]
    assert [kind for kind, _ in second.items if kind != "client_report"] == ["event"]
    assert not {"transaction", "log", "span"} & {kind for kind, _ in proxy.items}, "not sent any more"
    events = list_events(read_release(server, release))
    assert set(events) == {("with a file", None), ("ValueError: bad id 19", True)}


@pytest.mark.parametrize("version", list_versions("@sentry/node"))
def test_node_sends_errors_messages_and_sessions(server: Served, version: str) -> None:
    tool = find_tool("@sentry/node", version)
    command = ["node", "--import", "./instrument.mjs"]
    with record(server.base) as proxy:
        dsn, release = open_project(server, proxy, f"node-{version}")
        assert "Error: disk full" in run_app([*command, "shop.mjs"], tool, dsn, release, status=1)
        run_app([*command, "server.mjs"], tool, dsn, f"{release}-server")
    proxy.assert_nothing_was_lost()
    assert {post.request_headers["transfer-encoding"] for post in proxy.posts} == {"chunked"}
    shown = read_release(server, release)
    assert (shown["origin"], shown["newIssueCount"], shown["eventCount"]) == ("EVENT", 5, 5)
    assert shown["health"] == {
        "sessions": 1, "crashed": 1, "errored": 0, "abnormal": 0, "unhandled": 0, "users": 1,
    }  # fmt: skip
    events = {title: event for (title, _), event in list_events(shown).items()}
    assert set(events) == JAVASCRIPT_TITLES
    for title, event in events.items():
        assert_common(event, release, "sentry.javascript.node", version)
        assert event["platform"] == "node"
        assert event["tags"] == [{"key": "region", "value": "eu"}]
        assert event["level"] == {"stock is low": "WARNING", "Error: disk full": "FATAL"}.get(title, "ERROR")
        if ":" in title:
            assert event["handled"] is (title != "Error: disk full")
    assert events["TypeError: bad id 17"]["culprit"] == "shop in charge"
    assert events["Error: no such item"]["culprit"] == "shop in orderItem"
    chain = events["Error: no such item"]["exceptions"]
    assert [exception["type"] for exception in chain] == ["Error", "RangeError"]
    assert_frame(chain[0]["frames"][0], "shop.mjs", "orderItem", 'throw new Error("no such item", { cause: error });')
    assert_frame(chain[1]["frames"][0], "shop.mjs", "findPrice", "throw new RangeError(`no price of ${name}`);")
    [exception] = events["TypeError: bad id 17"]["exceptions"]
    assert_frame(exception["frames"][0], "shop.mjs", "charge", "throw new TypeError(`bad id ${order}`);")
    shown = read_release(server, f"{release}-server")
    assert [title for title, _ in list_events(shown)] == ["Error: no paper"]
    process = 1 if version.startswith("10.") else 0  # version 10 has a session of the process as well
    assert (shown["health"]["sessions"], shown["health"]["errored"]) == (2 + process, 1 + process)


class Page:
    """A page of an app in Chromium, with its uncaught errors, messages of its console and failed requests."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.console: list[str] = []
        self.uncaught: list[str] = []
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.uncaught.append(error.message))
        page.on("requestfailed", lambda request: self.console.append(f"failed: {request.url}"))

    def _note_message(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.console.append(message.text)

    def click(self, *names: str) -> None:
        """Click buttons and wait until the SDK has sent what it has, and each request was answered."""
        for name in names:
            self.page.click(f"#{name}")
            self.page.wait_for_timeout(20)
        assert self.page.evaluate("flush()")
        self.page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("version", list_versions("@sentry/browser"))
def test_browser_sends_errors_messages_and_sessions(server: Served, page: Any, tmp_path: Path, version: str) -> None:
    bundle("browser", find_tool("@sentry/browser", version), tmp_path)
    seen = Page(page)
    with record(server.base) as proxy:
        dsn, release = open_project(server, proxy, f"browser-{version}")
        with serve_page(tmp_path, dsn=dsn, release=release, environment="production") as base:
            page.goto(f"{base}/index.html?card=1234")
            seen.click("handled", "chained", "message", "logged", "uncaught", "rejected")
            page.goto("about:blank")
    proxy.assert_nothing_was_lost()
    assert seen.console == ["payment %s failed 99"], "what the page logged itself"
    assert seen.uncaught == ["bad id 18", "disk full"]
    assert {post.request_headers["origin"] for post in proxy.posts} == {base}
    shown = read_release(server, release)
    assert (shown["origin"], shown["newIssueCount"], shown["eventCount"]) == ("EVENT", 5, 6)
    worst = "crashed" if version.startswith("10.") else "unhandled"
    health = {"sessions": 1, "crashed": 0, "errored": 0, "abnormal": 0, "unhandled": 0, "users": 1}
    assert shown["health"] == health | {worst: 1}
    events = {title: event for (title, _), event in list_events(shown).items()}
    assert set(events) == JAVASCRIPT_TITLES | {"TypeError: bad id 18"}
    for title, event in events.items():
        assert_common(event, release, "sentry.javascript.browser", version)
        assert event["platform"] == "javascript"
        assert event["level"] == ("WARNING" if title == "stock is low" else "ERROR")
        if ":" in title:
            assert event["handled"] is (title not in ("TypeError: bad id 18", "Error: disk full"))
            assert event["issue"]["grouping"]["step"] == "MINIFIED"
    chain = events["Error: no such item"]["exceptions"]
    assert [exception["type"] for exception in chain] == ["Error", "RangeError"]
    frame = events["TypeError: bad id 17"]["exceptions"][0]["frames"][0]
    assert (frame["file"], frame["minified"], frame["inApp"]) == (f"{base}/app.js", True, True)
    assert events["TypeError: bad id 17"]["culprit"] == f"{base}/app.js in {frame['function']}"
    assert "1234" not in str(shown), "the query of an address is not stored"


@pytest.mark.parametrize("version", list_versions("@sentry/react"))
def test_react_sends_errors_of_components(server: Served, page: Any, tmp_path: Path, version: str) -> None:
    bundle("react", find_tool("@sentry/react", version), tmp_path)
    seen = Page(page)
    with record(server.base) as proxy:
        dsn, release = open_project(server, proxy, f"react-{version}")
        with serve_page(tmp_path, dsn=dsn, release=release, environment="production") as base:
            page.goto(f"{base}/index.html")
            seen.click("inside", "outside")
            page.goto("about:blank")
    proxy.assert_nothing_was_lost()
    assert [text.splitlines()[0] for text in seen.console] == ["TypeError: bad id 17"], "by React, in the error boundary"
    assert not seen.uncaught
    shown = read_release(server, release)
    assert (shown["origin"], shown["newIssueCount"], shown["eventCount"]) == ("EVENT", 1, 2)
    assert shown["health"]["sessions"] == 1
    events = list_events(shown)
    assert set(events) == {("TypeError: bad id 17", True), ("TypeError: bad id 17", False)}
    for event in events.values():
        assert_common(event, release, "sentry.javascript.react", version)
        assert [exception["type"] for exception in event["exceptions"]] == ["TypeError", "React ErrorBoundary TypeError"]


@pytest.mark.parametrize("version", SENTRY_CLI)
def test_sentry_cli_sends_an_event(server: Served, tmp_path: Path, version: str) -> None:
    cli = Program("sentry-cli", version, server, tmp_path)
    with record(server.base) as proxy:
        dsn, release = open_project(server, proxy, f"cli-{version}")
        words = ["send-event", "-m", "backup of %s failed", "-a", "disk", "-l", "fatal", "-r", release, "-E", "production"]
        printed = cli(*words, "-t", "region:eu", "-f", "backup", SENTRY_DSN=dsn)
    assert "Event dispatched" in printed, printed
    proxy.assert_nothing_was_lost()
    [(_, event)] = list_events(read_release(server, release)).items()
    assert (event["title"], event["message"]) == ("backup of disk failed", "backup of disk failed")
    assert (event["level"], event["handled"], event["culprit"]) == ("FATAL", None, None)
    assert {"key": "region", "value": "eu"} in event["tags"]
    assert event["issue"]["grouping"]["step"] == "FINGERPRINT"
    assert event["environment"] == {"name": "production"}
