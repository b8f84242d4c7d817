"""One log line for every request, whatever its result and whichever application handled it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.domain.errors import Unavailable
from gql_releases.logs import JsonFormatter, LineFormatter
from gql_releases.web.request_log import RequestLog, quote_text
from gql_releases.web.request_record import RequestRecord, current_record
from tests.conftest import Harness, Template
from tests.factories import CREATE, as_graphql, release

ERRORS = Path(__file__).parents[2] / "docs" / "errors.md"
RELEASES = "/api/0/organizations/acme/releases/"
LINE = re.compile(
    r"\S+Z (?P<level>[A-Z]+) gql_releases\.requests: (?P<client>\S+) (?P<method>\S+) (?P<path>\S+)"
    r"( operation=(?P<operation>\S+))? token=(?P<token>\S+) status=(?P<status>\d+) ms=\d+\.\d bytes=(?P<bytes>\d+)"
    r"( errors=(?P<errors>\d+) codes=(?P<codes>\S+))? request=(?P<request>\S+)"
)


class Lines:
    """The lines that the request log of an application writes."""

    def __init__(self, harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
        self._log: RequestLog = harness.app._note.__self__  # type: ignore[attr-defined]
        self._caplog = caplog

    def take(self) -> list[str]:
        """Return the lines since the last call."""
        self._log.flush()
        lines = [
            line for record in self._caplog.records if hasattr(record, "lines") for line in record.getMessage().split("\n")
        ]
        self._caplog.clear()
        return lines

    def take_one(self) -> dict[str, str]:
        """Return the fields of the only line since the last call."""
        (line,) = self.take()
        match = LINE.fullmatch(line)
        assert match, line
        return {name: value for name, value in match.groupdict().items() if value is not None}


@pytest.fixture
def limited_harness(template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(template, tmp_path, rate_limit=60, max_body_size=4096, cors_origins=("https://app.example.com",))
    yield harness
    harness.close()


@pytest.fixture
def lines(limited_harness: Harness, caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.DEBUG, "gql_releases")
    return Lines(limited_harness, caplog)


def graphql(query: str, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/graphql", "body": {"query": query, **more}}


def post(body: Any, path: str = RELEASES, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "body": body, **more}


def get(path: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "path": path, **more}


GRAPHQL_RESPONSE_TYPE = {"accept": "application/graphql-response+json"}
CREATE_MANY = (
    'mutation Many($r: [ReleaseInput!]!) {createReleases(input: {organization: "acme", releases: $r}) {results {outcome}}}'
)
PREFLIGHT = {
    "origin": "https://app.example.com", "access-control-request-method": "POST", "access-control-request-headers": "authorization",
}  # fmt: skip
# request, status, operation of a GraphQL line, codes
EXITS: dict[str, tuple[dict[str, Any], int, str | None, str | None]] = {
    "query": (graphql("query Who {viewer {token {id}}}"), 200, "Who", None),
    "query without a name": (graphql("{viewer {token {id}}}"), 200, "-", None),
    "query by GET": (get("/graphql?query=query+Who{__typename}"), 200, "Who", None),
    "page of GraphiQL": (get("/graphql", headers={"accept": "text/html"}), 200, "-", None),
    "not JSON": (post(b"{", "/graphql"), 400, "-", "HTTP_400"),
    "no query": (post({}, "/graphql"), 400, "-", "HTTP_400"),
    "method of GraphQL": ({"method": "DELETE", "path": "/graphql"}, 405, "-", "HTTP_405"),
    "mutation by GET": (get("/graphql?query=mutation+M{__typename}"), 405, "M", "HTTP_405"),
    "media type of GraphQL": (post(b"x", "/graphql", headers={"content-type": "text/plain"}), 415, "-", "HTTP_415"),
    "not acceptable": (get("/graphql?query={__typename}", headers={"accept": "image/png"}), 406, "-", "HTTP_406"),
    "body of GraphQL": (post(b" " * 5000, "/graphql"), 413, "-", "HTTP_413"),
    "token of GraphQL": ({**graphql("query Who {viewer {token {id}}}"), "token": "wrong"}, 401, "-", "INVALID_TOKEN"),
    "syntax": ({**graphql("query Who {"), "headers": GRAPHQL_RESPONSE_TYPE}, 400, "Who", "*"),
    "validation": (graphql("query Who {nothing}"), 200, "Who", "*"),
    "variables": (graphql("query Who($id: ID!) {node(id: $id) {id}}"), 200, "Who", "*"),
    "anonymous": ({**graphql("query Who {viewer {token {id}}}"), "token": None}, 200, "Who", "UNAUTHENTICATED"),
    "argument": (graphql("query Who {organization(slug: \"acme\") {releases(first: 1000) {totalCount}}}"), 200, "Who", "*"),
    "user errors": (graphql(CREATE, variables={"input": as_graphql(release("", projects=["no"]))}), 200, "-", "*"),
    "user errors of results": (graphql(CREATE_MANY, variables={"r": [{"version": "", "projects": ["web"]}]}), 200, "Many", "BLANK"),
    "created": (post(release("1.0")), 201, None, None),
    "there already": (post(release("1.0")), 208, None, None),
    "list": (get(RELEASES), 200, None, None),
    "head": ({"method": "HEAD", "path": RELEASES}, 200, None, None),
    "input": (post({"projects": ["no"], "version": "x"}), 400, None, "UNKNOWN_PROJECT"),
    "input with two faults": (post({"projects": ["web"], "version": "x", "url": "no", "ref": 7}), 400, None, "*"),
    "not JSON over REST": (post(b"{"), 400, None, "HTTP_400"),
    "no token": (get(RELEASES, token=None), 401, None, "UNAUTHENTICATED"),
    "wrong token": (get(RELEASES, token="wrong"), 401, None, "INVALID_TOKEN"),
    "somebody else's": (get("/api/0/organizations/other/"), 403, None, "ORGANIZATION_NOT_FOUND"),
    "no such release": (get(f"{RELEASES}none/"), 404, None, "RELEASE_NOT_FOUND"),
    "no such path": (get("/api/0/nothing/"), 404, None, "HTTP_404"),
    "no slash": (get("/api/0/organizations/acme/releases"), 404, None, "HTTP_404"),
    "method": ({"method": "PATCH", "path": RELEASES}, 405, None, "HTTP_405"),
    "body": (post(b" " * 5000), 413, None, "HTTP_413"),
    "media type": (post(b"x", headers={"content-type": "text/plain"}), 415, None, "HTTP_415"),
    "root": (get("/nowhere"), 404, None, "HTTP_404"),
    "another API": (post(b"{}", "/api/nothing/"), 404, None, "HTTP_404"),
    "events without a key": (post(b"{}", "/api/1/envelope/?sentry_version=7"), 401, None, "HTTP_401"),
    "events that are not kept": (post(b"{}", "/api/1/minidump/?sentry_key=x"), 501, None, "*"),
    "schema": (get("/schema.graphql"), 200, None, None),
    "preflight": ({"method": "OPTIONS", "path": "/graphql", "headers": PREFLIGHT}, 200, None, None),
    "preflight from elsewhere": (
        {"method": "OPTIONS", "path": "/graphql", "headers": {**PREFLIGHT, "origin": "https://evil.example"}}, 400, None, "HTTP_400"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXITS)
def test_every_exit_is_one_line(name: str, limited_harness: Harness, lines: Lines) -> None:
    request, status, operation, codes = EXITS[name]
    if name == "there already":
        limited_harness.client.request(**EXITS["created"][0])
        lines.take()
    response = limited_harness.client.request(**request)
    fields = lines.take_one()
    assert response.status in (status, 501), response.body
    assert int(fields["status"]) == response.status
    assert (fields["method"], fields["path"]) == (request["method"], request["path"].partition("?")[0])
    assert fields.get("operation") == operation
    if codes == "*":
        assert int(fields["errors"]) >= 1
        assert re.fullmatch("[A-Z_,0-9]+", fields["codes"])
    elif response.status != 501:
        assert fields.get("codes") == codes
    assert int(fields["bytes"]) == (0 if request["method"] == "HEAD" else len(response.body))
    assert fields["client"] == "127.0.0.1"
    assert fields["request"] == response.headers["x-request-id"]
    assert limited_harness.tokens["acme"] not in str(fields)


def test_requests_beyond_the_rate_and_failures_of_the_store_are_lines_too(
    limited_harness: Harness, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limited_harness.client.request("GET", RELEASES).status == 200
    limited_harness.client.graphql("query Who {viewer {token {id}}}")
    lines.take()

    async def refuse(*args: Any, **options: Any) -> None:
        raise Unavailable

    async def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("a secret")

    for replacement, status, code, kind in ((refuse, 503, "UNAVAILABLE", 503), (fail, 500, "INTERNAL", 200)):
        with monkeypatch.context() as patched:
            patched.setattr(limited_harness.store, "read", replacement)
            assert limited_harness.client.request("GET", RELEASES).status == status
            assert lines.take_one()["codes"] == code
            assert limited_harness.client.request(**graphql("query Who {viewer {token {id}}}")).status == kind
            assert (fields := lines.take_one())["codes"] == code
            assert fields["operation"] == "Who"
    while limited_harness.client.request("GET", RELEASES).status != 429:
        lines.take()
    fields = lines.take_one()
    assert (fields["status"], fields["codes"]) == ("429", "HTTP_429")
    limited_harness.client.graphql("query Who {viewer {token {id}}}")
    fields = lines.take_one()
    assert (fields["status"], fields["codes"]) == ("429", "RATE_LIMITED")


def test_table_of_exits_has_every_status_of_the_documentation() -> None:
    documented = {int(status) for status in re.findall(r"\| (\d{3}) \|$", ERRORS.read_text(), re.MULTILINE)}
    covered = {status for _, status, _, _ in EXITS.values()} | {429, 500, 501, 503}
    assert documented <= covered | {409}


def test_conflict_is_a_line(limited_harness: Harness, lines: Lines) -> None:
    document = """mutation Make {createProject(input: {organization: "acme", slug: "web"}) {userErrors {code}}}"""
    limited_harness.client.graphql(document)
    assert lines.take_one()["codes"] == "ALREADY_EXISTS"


async def disconnect() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def drop(message: Any) -> None: ...


def scope(
    method: str = "POST", path: str = "/graphql", *headers: tuple[bytes, bytes], raw_path: bytes | None = None
) -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode() if raw_path is None else raw_path, "query_string": b"", "root_path": "",
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/json"), *headers], "client": ("10.1.2.3", 1),
        "server": ("testserver", 80), "state": {},
    }  # fmt: skip


def test_client_that_disconnects_is_a_line(limited_harness: Harness, lines: Lines) -> None:
    for path in ("/graphql", RELEASES):
        token = (b"authorization", f"Bearer {limited_harness.tokens['acme']}".encode())
        limited_harness.run(limited_harness.app(scope("POST", path, token), disconnect, drop))
        fields = lines.take_one()
        assert (fields["status"], fields["codes"], fields["path"], fields["client"]) == (
            "499",
            "CLIENT_GONE",
            path,
            "10.1.2.3",
        )


@pytest.mark.parametrize("error", [RuntimeError("a secret"), asyncio.CancelledError()])
def test_exception_of_any_application_is_a_line_and_a_response(
    limited_harness: Harness,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    async def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(limited_harness.app, "_app", fail)
    if isinstance(error, asyncio.CancelledError):
        with pytest.raises(asyncio.CancelledError):
            limited_harness.client.request("GET", "/")
        assert lines.take_one()["status"] == "499"
        return
    response = limited_harness.client.request("GET", "/")
    assert (response.status, response.json["detail"]) == (500, "Internal Error")
    assert response.json["requestId"] == response.headers["x-request-id"]
    assert response.json["errorId"] in caplog.text
    assert response.json["requestId"] in caplog.text
    assert b"secret" not in response.body
    assert lines.take_one()["codes"] == "INTERNAL"


@pytest.mark.parametrize("request_id", ["abc-1", "0123456789abcdef", "a" * 128, "!#$%&'*+-.^_`|~"])
def test_request_id_is_adopted(limited_harness: Harness, lines: Lines, request_id: str) -> None:
    response = limited_harness.client.request("GET", RELEASES, headers={"x-request-id": request_id})
    assert response.headers["x-request-id"] == request_id
    assert lines.take_one()["request"] == request_id


@pytest.mark.parametrize("request_id", ["", "a" * 129, "a b", "a\nb", 'a"b', "a,b", "é", "a\x00", "a\tb", "\x1b[31m"])
def test_request_id_that_could_break_a_line_is_replaced(limited_harness: Harness, lines: Lines, request_id: str) -> None:
    response = limited_harness.client.request("GET", RELEASES, headers={"x-request-id": request_id})
    assert response.headers["x-request-id"] != request_id
    assert re.fullmatch(r"[0-9a-f]{12}-\d+", response.headers["x-request-id"])
    assert lines.take_one()["request"] == response.headers["x-request-id"]


def test_every_request_has_an_id_of_its_own_which_internal_errors_have_too(
    limited_harness: Harness, lines: Lines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(limited_harness.store, "read", fail)
    rest = limited_harness.client.request("GET", RELEASES)
    graphql_response = limited_harness.client.request(**graphql("{viewer {token {id}}}"))
    assert rest.json["requestId"] == rest.headers["x-request-id"]
    assert graphql_response.json["errors"][0]["extensions"]["requestId"] == graphql_response.headers["x-request-id"]
    assert rest.headers["x-request-id"] != graphql_response.headers["x-request-id"]
    for response in (rest, graphql_response):
        assert response.headers["x-request-id"] in caplog.text


HOSTILE_PATHS = [
    b"/a\nb",
    b"/a\r\n2026 INFO x: y",
    b'/a"b',
    b"/a b",
    b"/\xff\xfe",
    b"/\x00\x1b[31m",
    b"/" + b"x" * 10_000,
    b"",
]


@pytest.mark.parametrize("raw_path", HOSTILE_PATHS)
@pytest.mark.parametrize("style", ["text", "json"])
def test_hostile_path_or_method_cannot_break_a_line(raw_path: bytes, style: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gql_releases")

    async def work() -> None:
        log = RequestLog("gql_releases.requests", style)
        for method in ("GET", "GE\nT", "x" * 1000):
            record = RequestRecord(scope(method, "/", raw_path=raw_path), drop, "id")
            record.name_operation("No\nne")
            record.finish()
            log.note(record)
        log.flush()

    asyncio.run(work())
    (record,) = caplog.records
    lines = record.getMessage().split("\n")
    assert len(lines) == 3
    for line in lines:
        assert len(line) < 4_500
        assert line.isascii()
        assert line.isprintable()
        if style == "json":
            assert json.loads(line)["status"] == 499
        elif raw_path:
            assert LINE.fullmatch(line)


@pytest.mark.parametrize("name", ["No\nne", "a b", "", "x" * 129, "1a", 'a"'])
def test_operation_name_that_graphql_does_not_allow_is_not_logged(limited_harness: Harness, lines: Lines, name: str) -> None:
    limited_harness.client.request(**graphql("query A {__typename} query B {__typename}", operationName=name))
    assert lines.take_one()["operation"] == "-"


def test_json_line_has_the_same_fields(template: Template, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gql_releases")
    harness = Harness(template, tmp_path, log_format="json")
    lines = Lines(harness, caplog)
    response = harness.client.request(
        "POST", RELEASES, {"projects": ["web"], "version": "", "url": "no"}, headers={"x-request-id": "r1"}
    )
    (text,) = lines.take()
    line = json.loads(text)
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") >= 0
    assert line.pop("token") > 0
    assert sorted(line.pop("codes")) == ["BLANK", "INVALID_URL"]
    assert line == {
        "level": "INFO", "logger": "gql_releases.requests", "message": "request", "method": "POST", "path": RELEASES,
        "route": "/api/0/organizations/{org}/releases/", "operation": None, "status": 400, "bytes": len(response.body), "errors": 2,
        "client": "127.0.0.1", "request": "r1",
    }  # fmt: skip
    harness.close()


def test_client_behind_a_trusted_proxy_is_the_forwarded_one(
    template: Template, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gql_releases")
    harness = Harness(template, tmp_path, trusted_proxies=("127.0.0.1",))
    lines = Lines(harness, caplog)
    for forwarded, client in (("203.0.113.9", "203.0.113.9"), ('x" forged\n', "127.0.0.1")):
        harness.client.request("GET", RELEASES, headers={"x-forwarded-for": forwarded})
        assert lines.take_one()["client"] == client
    harness.close()


def test_other_records_are_json_too_with_their_exception() -> None:
    try:
        raise ValueError("\ud800 lone")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "it %s\nbroke", ("all",), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert (value := json.loads(line))["message"] == "it all\nbroke"
    assert "ValueError" in value["exception"]
    assert "Traceback" in LineFormatter().format(record)


def test_lines_of_probes_need_debug(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        log = RequestLog("gql_releases.requests")
        for is_probe in (True, False):
            record = RequestRecord(scope("GET", "/healthz"), drop, "id")
            record.is_probe, record.status = is_probe, 200
            record.finish()
            log.note(record)
        log.flush()

    for level, count in (("INFO", 1), ("DEBUG", 2)):
        caplog.set_level(level, "gql_releases.requests")
        asyncio.run(work())
        assert caplog.records[-1].lines == count  # type: ignore[attr-defined]


def test_code_outside_a_request_has_an_unused_record() -> None:
    current_record().add_codes(["X"])
    assert current_record().codes == []
    assert quote_text("ok") == "ok"
