"""The ingest endpoints over a store that is a list, and requests to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message

from gql_releases.domain.errors import Unavailable
from gql_releases.domain.events.ingest_request import IngestProject, IngestRequest, Overloaded, QuotaExceeded
from gql_releases.domain.events.outcomes import OutcomeCount
from gql_releases.ingest.endpoint import IngestApi
from gql_releases.web.recorder import Recorder
from gql_releases.web.request_log import RequestLog

KEY, OTHER_KEY, UNKNOWN_KEY = "1" * 32, "2" * 32, "3" * 32
PROJECT = IngestProject(1, 7)
CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After",
}
EVENT_ID = "ab" * 16


class FakeLookup:
    """Finds the projects of two keys."""

    def __init__(self) -> None:
        self.failures = 0

    async def find_project(self, public_key: str) -> IngestProject | None:
        if self.failures:
            self.failures -= 1
            raise Unavailable
        return {KEY: PROJECT, OTHER_KEY: IngestProject(2, 8)}.get(public_key)


@dataclass
class FakeSink:
    """Stores the submitted requests in a list, or raises the errors that its fields configure."""

    requests: list[IngestRequest] = field(default_factory=list)
    noted: list[OutcomeCount] = field(default_factory=list)
    unavailable: int = 0
    """The number of next submissions that raise Unavailable."""
    is_full: bool = False
    quota_seconds: int | None = None
    error: Exception | None = None

    async def wait_for_space(self) -> None:
        if self.is_full:
            raise Overloaded

    async def submit(self, project: IngestProject, request: IngestRequest) -> None:
        assert project == PROJECT
        if self.error:
            raise self.error
        if self.unavailable:
            self.unavailable -= 1
            raise Unavailable("the disk is full")
        if request.events and self.is_full:
            raise Overloaded
        if request.events and self.quota_seconds is not None:
            raise QuotaExceeded(self.quota_seconds)
        self.requests.append(request)

    def note_outcomes(self, project: IngestProject, outcomes: Sequence[OutcomeCount]) -> None:
        assert project == PROJECT
        self.noted += outcomes

    @property
    def events(self) -> list[Any]:
        return [event.data for request in self.requests for event in request.events]

    def list_outcomes(self) -> list[tuple[str, str, str, int]]:
        counts = [*self.noted, *(count for request in self.requests for count in request.outcomes)]
        return [(count.outcome.value, count.reason, count.category, count.quantity) for count in counts]


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    read: int
    """Bytes of the body that were read."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """The endpoints, and what they stored."""

    def __init__(self, max_wait: float = 0.0) -> None:
        self.sink, self.lookup = FakeSink(), FakeLookup()
        self.api = IngestApi(self.lookup, self.sink, max_wait)
        self._app = Recorder(self.api, RequestLog("tests.ingest"))

    def post(self, body: bytes | Iterable[bytes] = b"", path: str = "/api/7/envelope/", **options: Any) -> Response:
        """Send a request with a key in its query, unless the path has a query or `headers` are given."""
        if "?" not in path and "headers" not in options:
            path += f"?sentry_version=7&sentry_key={KEY}"
        return self.request("POST", path, body, **options)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        headers: dict[str, str] | None = None,
        root_path: str = "",
    ) -> Response:
        return asyncio.run(self.send(method, path, body, headers, root_path))

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        headers: dict[str, str] | None = None,
        root_path: str = "",
    ) -> Response:
        raw_path, _, query = path.partition("?")
        sent = dict(headers or {})
        if isinstance(body, bytes):
            sent.setdefault("content-length", str(len(body)))
        chunks: Iterator[bytes] = iter([body] if isinstance(body, bytes) else body)
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": raw_path, "raw_path": raw_path.encode(), "query_string": query.encode(), "root_path": root_path,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
        }  # fmt: skip
        messages: list[Message] = []
        read = 0

        async def receive() -> Message:
            nonlocal read
            chunk = next(chunks, None)
            read += len(chunk or b"")
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

        async def send(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, send)
        names = [name for name, _ in messages[0]["headers"]]
        assert len(set(names)) == len(names), "no header is sent twice"
        received = {name.decode(): value.decode("latin-1") for name, value in messages[0]["headers"]}
        response = Response(messages[0]["status"], received, b"".join(m.get("body", b"") for m in messages[1:]), read)
        assert CORS.items() <= received.items(), "every response can be read by a page"
        assert "retry-after" not in received
        assert response.status != 429 or received["x-sentry-rate-limits"]
        assert response.status < 400 or received["x-sentry-error"]
        return response


def envelope(*items: tuple[dict[str, Any], bytes], **header: Any) -> bytes:
    """Return an envelope; each item has a `length` unless it sets that to None."""
    lines = [json.dumps(header).encode()]
    for fields, payload in items:
        length = {} if "length" in fields else {"length": len(payload)}
        sent = {name: value for name, value in {**fields, **length}.items() if value is not None}
        lines += [json.dumps(sent).encode(), payload]
    return b"\n".join(lines) + b"\n"


def event_item(**fields: Any) -> tuple[dict[str, Any], bytes]:
    return {"type": "event"}, json.dumps(fields).encode()


def item(kind: str, payload: Any = b"", **header: Any) -> tuple[dict[str, Any], bytes]:
    return {"type": kind, **header}, payload if isinstance(payload, bytes) else json.dumps(payload).encode()
