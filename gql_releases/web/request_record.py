"""The record of a request: filled by the application that handles it, read by the log, metrics and traces."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Iterable
from contextvars import ContextVar
from itertools import count

from starlette.types import Message, Scope, Send

from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.web.http import header

REQUEST_ID = b"x-request-id"
CLIENT_GONE = 499
"""Status that is recorded if the client disconnected before the response began; nginx uses the same number."""

_usable_id = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}").fullmatch
"""Tests an X-Request-ID: a token of RFC 9110 section 5.6.2, at most 128 characters."""
_operation_name = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,127}").fullmatch
"""Tests an operation's name: a Name of GraphQL, at most 128 characters."""
_named_operations = re.compile(r"\b(?:query|mutation|subscription)\s+([_A-Za-z][_0-9A-Za-z]{0,127})\b").findall


class RequestIds:
    """Generates ids for requests without X-Request-ID: a prefix of this process and a number."""

    def __init__(self) -> None:
        self._prefix, self._numbers = f"{secrets.token_hex(6)}-", count(1)

    def choose(self, scope: Scope) -> str:
        """Return the valid X-Request-ID of a request, else a new id."""
        sent_id = header(scope, REQUEST_ID)
        if sent_id is not None and _usable_id(sent_id):
            return sent_id
        return self._prefix + str(next(self._numbers))


class RequestRecord:
    """One request. `send` passes messages to the server, and records the status and the size of the response.

    `route` is a pattern, `operation` the name of the GraphQL operation in the request; `is_trusted`: it is the name of a
    trusted document. `codes` has an entry for each error of the response, `unavailable` the last error that caused a 503.
    `is_probe`: logged at DEBUG only. `trace_id` is that of OpenTelemetry, if it is on. `seconds` is the time from the
    request to the end of the response.
    """

    __slots__ = (
        "_send", "api", "begun", "codes", "ended", "id", "is_mutation", "is_probe", "is_trusted", "operation", "route",
        "scope", "seconds", "size", "status", "token", "trace_id", "unavailable",
    )  # fmt: skip

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self.scope, self._send, self.id = scope, send, request_id
        self.begun = time.perf_counter()
        self.status = self.size = 0
        self.api, self.route, self.operation, self.token = "other", "", "", None  # type: tuple[str, str, str, int | None]
        self.codes: list[str] = []
        self.is_probe = self.is_trusted = self.is_mutation = False
        self.trace_id = ""
        self.unavailable: DomainError | None = None
        self.ended = self.seconds = 0.0

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message of the response, with the request's id in its headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append((REQUEST_ID, self.id.encode()))
        else:
            self.size += len(message.get("body", b""))
        return self._send(message)

    def finish(self) -> None:
        """Complete the record when the application has returned."""
        self.seconds, self.ended = time.perf_counter() - self.begun, time.time()
        if self.scope["method"] == "HEAD":
            self.size = 0
        status = self.status
        if status < 400:
            if status:
                return
            self.status = status = CLIENT_GONE
        if not self.codes:
            self.codes.append("CLIENT_GONE" if status == CLIENT_GONE else f"HTTP_{status}")

    def name_operation(self, name: str | None, document: str | None = None) -> None:
        """Record the name of the operation; without `name` that of the only named operation of a refused document."""
        if name is None and document is not None:
            names = set(_named_operations(document))
            name = names.pop() if len(names) == 1 else None
        if name and _operation_name(name):
            self.operation = name

    def note_error(self, error: DomainError) -> None:
        """Record the error that caused a 503."""
        if error.code is ErrorCode.UNAVAILABLE:
            self.unavailable = error

    def add_codes(self, codes: Iterable[str]) -> None:
        """Add the codes of errors of the response."""
        self.codes.extend(codes)


_CURRENT: ContextVar[RequestRecord] = ContextVar("gql_releases.request_record")
set_current_record = _CURRENT.set


def current_record() -> RequestRecord:
    """Return the record of the current request; outside of a request, a new record that is discarded."""
    try:
        return _CURRENT.get()
    except LookupError:
        return RequestRecord({"type": "http", "method": "GET", "headers": []}, _discard, "-")


async def _discard(message: Message) -> None:
    """Discard a message."""
