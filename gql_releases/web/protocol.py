"""uvicorn's HTTP protocol, with one write for each response, no timer of its own, and limits on incomplete requests."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, ClassVar, cast
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gql_releases.web.connections import ConnectionTable, Limits, count_queued_bytes
from gql_releases.web.hosts import is_host
from gql_releases.web.http import HEADERS_BY_NAME
from gql_releases.web.ingest_paths import INGEST_CORS, is_ingest_target
from gql_releases.web.refusals import log_refusal

INVALID = "Invalid HTTP request received."
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no seconds."""
CHUNK_FRAMING_BYTES = 24
"""Bytes of a chunk besides its payload and extensions: a length of 16 digits, 2 line ends and a reserve."""
NOT_IMPLEMENTED_REASON = (
    "This server does not keep what was sent: leave it out; for uploaded files its operator sets GQL_RELEASES_FILES "
    "(docs/ci.md)."
)
"""The reason phrase of a 501: version 11 of Sentry's bundler plugins prints it, and no body."""
FRAMING = frozenset({b"connection", b"transfer-encoding"})
"""Headers that change the framing of a response; uvicorn handles those responses."""
CONTROLS = bytes(sign for sign in range(32) if sign != ord("\t")) + b"\x7f"
"""Bytes that are not allowed in the value of a header."""
STATUS_LINE[501] = f"HTTP/1.1 501 {NOT_IMPLEMENTED_REASON}\r\n".encode()


class LingeringTransport:
    """A transport that is closed when the request is complete, or after Limits.linger_seconds if it is not."""

    def __init__(self, transport: asyncio.Transport, protocol: HttpProtocol) -> None:
        self._transport = transport
        self._protocol: HttpProtocol | None = protocol
        self._ended = False
        self.written = 0
        """Bytes written since the connection began."""

    def write(self, data: bytes) -> None:
        """Write the data, unless the transport was ended."""
        if not self._ended:
            self.written += len(data)
            self._transport.write(data)

    def close(self) -> None:
        """Close the transport; if a part of the request is missing, read and discard data for a moment first."""
        if self._protocol is not None and not self._ended and self._protocol.has_unread_body():
            self._protocol.linger()
        else:
            self._transport.close()

    def end(self) -> None:
        """Close the writing side; the client may still send."""
        self._ended = True
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that are not sent yet."""
        return self._transport.get_write_buffer_size()

    def detach(self) -> None:
        """Drop the protocol and ignore later writes: handlers of pipelined requests may still be running."""
        self._protocol, self._ended = None, True

    def is_closing(self) -> bool:
        """Return whether it is closed or closing. Called for each response; `__getattr__` would be slow."""
        return self._ended or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        """Delegate all other attributes to the transport."""
        return getattr(self._transport, name)


class Exchange(RequestResponseCycle):
    """A request and its response. The head of a response is buffered and written together with the body.

    Writing the head by itself takes a tenth of a point read, uvicorn's two searches in each header a thirtieth.
    """

    _start: HTTPResponseStartEvent | None = None
    """The message with the head of the response, until the first message with a part of the body."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message of the response."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None and message["type"] == "http.response.body":
            if self._send_whole(start, message):
                return
            await super().send(start)
        await super().send(message)

    def _send_whole(self, start: HTTPResponseStartEvent, message: HTTPResponseBodyEvent) -> bool:
        """Write a response whose body is one message and return True; False if uvicorn has to send it."""
        body, length = message.get("body", b""), None
        headers = [*self.default_headers, *start["headers"]]
        lines = [STATUS_LINE[start["status"]]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
            if name == b"content-length":
                length = value
            elif name in FRAMING:
                return False
        if length != b"%d" % len(body) or message.get("more_body") or self.scope["method"] == "HEAD":
            return False
        if not self.keep_alive or self.disconnected or self.flow.write_paused:
            return False
        values = b"".join([value for _, value in headers])
        if len(values.translate(None, CONTROLS)) != len(values):
            return False
        self.waiting_for_100_continue = False
        self.response_started = self.response_complete = True
        self.transport.write(b"".join([*lines, b"\r\n", body]))
        self.message_event.set()
        self.on_response()
        return True


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a LingeringTransport, with limits of size and time.

    Sizes are checked when data is received, times by the ConnectionTable. A response to an incomplete request closes the
    connection.
    """

    table: ClassVar[ConnectionTable] = ConnectionTable(Limits())
    """The connections of this process; `serve` sets it from the settings."""

    # In slots: with more than 30 names in its __dict__, CPython looks up all of them more slowly.
    __slots__ = (
        "_body_bytes", "_chunks", "_complete", "_ended", "_head_bytes", "_host", "_in_body", "_keep_alive", "_last_byte",
        "_lingering", "_payload", "_rate_bytes", "_rate_since", "_read_bytes", "_read_since", "_refusal",
        "_since", "_stopping",
    )  # fmt: skip
    _head_bytes: int
    """Bytes received for a head that is not complete."""
    _host: bytes | None
    """The Host header of the last request."""
    _in_body: bool
    _complete: bool
    """Whether a request was completed by the data that is being parsed."""
    _ended: bool
    """Whether further data is discarded."""
    _lingering: bool
    _keep_alive: bool
    """Whether the request keeps the connection open; a response to an incomplete request closes it."""
    _refusal: tuple[int, str] | None
    _since: float
    """When the current state began: waiting for a request, receiving one, or lingering."""
    _stopping: float | None
    _body_bytes: int
    _payload: int
    _chunks: int
    _last_byte: float
    _rate_since: float
    _rate_bytes: int
    _read_since: float | None
    """When the client's reading of a response was measured; None if all of it was sent."""
    _read_bytes: int
    """Bytes of responses that the client had read by then."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection, or refuse it if all connections are in use."""
        self._since = self._last_byte = self._rate_since = self.loop.time()
        self._head_bytes = self._body_bytes = self._payload = self._chunks = self._rate_bytes = self._read_bytes = 0
        self._in_body = self._complete = self._ended = self._lingering = self._keep_alive = False
        self._refusal = self._stopping = self._host = self._read_since = None
        self.url = b""
        super().connection_made(cast(asyncio.Transport, LingeringTransport(transport, self)))
        if not self.table.add(self, self.loop):
            self._ended = True
            self._write_refusal(503, "All connections are in use.")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection."""
        self.table.remove(self)
        super().connection_lost(exc)
        cast(LingeringTransport, self.transport).detach()

    def data_received(self, data: bytes) -> None:
        """Parse received data, unless the last response of the connection was sent."""
        if self._ended:
            return
        was_in_body = self._in_body
        if was_in_body:
            self._last_byte = self.loop.time()
            self._body_bytes += len(data)
        else:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, INVALID)))
            return
        except httptools.HttpParserUpgrade:
            self._end_after_upgrade()
        if self._complete:
            self._complete = False
            self._head_bytes = self._measure_head() if self.url else 0
        elif not self._in_body:
            self._check_head(len(data))
        elif was_in_body:
            self._check_framing()
        if self._in_body and not was_in_body:
            self._last_byte = self._rate_since = self.loop.time()
            self._body_bytes = self._payload = self._chunks = self._rate_bytes = 0

    # Callbacks of the parser

    def on_headers_complete(self) -> None:
        """Start the exchange of a request whose head is within the limits."""
        limits = self.table.limits
        if self._head_bytes > limits.request_line or len(self.headers) > limits.headers:
            line = len(self.url) + len(self.parser.get_method()) + len(" HTTP/1.1 ")
            if excess := self._find_excess(line, self._measure_head()):
                raise self._record_refusal(*excess)
        by_name = dict(self.headers)
        if len(by_name) != len(self.headers):
            by_name = dict(reversed(self.headers))
            self._check_hosts()
        host = by_name.get(b"host")
        if host != self._host or host is None:  # else it equals the previous request's, which was checked
            self._check_hosts()
            self._host = host
        self.scope[HEADERS_BY_NAME] = by_name  # type: ignore[literal-required]
        if self.pipeline and len(self.pipeline) >= limits.pipelined:
            raise self._record_refusal(429, f"More than {limits.pipelined} requests before the first of them was answered.")
        self._begin_exchange()
        self.headers = []  # the parser appends trailers from now on; they are counted and ignored
        self._in_body = True

    def _begin_exchange(self) -> None:
        """Start the application, after the responses to earlier requests: as uvicorn does without upgrades and root path."""
        parser, scope, url = self.parser, self.scope, httptools.parse_url(self.url)
        version, raw_path = parser.get_http_version(), url.path
        path = raw_path.decode("ascii")
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""
        self._keep_alive = version != "1.0" and parser.should_keep_alive() and self._stopping is None
        previous = self.cycle
        self.cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        if previous is None or previous.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_chunk_header(self) -> None:
        """Count the chunks of a body."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """Append a part of a body, as uvicorn does."""
        self._payload += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Complete a request, which then waits for its response."""
        if self.headers:
            self._check_trailers()
        self._in_body, self._complete, self.url = False, True, b""
        self.table.waiting.pop(self, None)
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.keep_alive = self._keep_alive
            cycle.more_body = False
            cycle.message_event.set()

    # Callbacks of a response

    def on_response_complete(self) -> None:
        """Start the next request of the pipeline, or wait for one."""
        self.server_state.total_requests += 1
        if self._lingering or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._ended:
            self.transport.close()
        else:
            self._since = self.loop.time()
            self.table.waiting[self] = None

    def has_unread_body(self) -> bool:
        """Return whether the current request is incomplete."""
        return self._in_body

    def linger(self) -> None:
        """End the response and discard further data for a moment: after an immediate close the client might not read it."""
        if not self._lingering:
            self._ended = self._lingering = True
            self._since = self.loop.time()
            cast(LingeringTransport, self.transport).end()
            self.flow.resume_reading()

    # Called by the ConnectionTable

    def check(self, now: float) -> None:
        """Close the connection if a limit of time has passed."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            self._check_reader(now, unsent)
            return
        self._read_since = None
        limits = self.table.limits
        if self._lingering:
            if now - self._since >= limits.linger_seconds:
                self.transport.close()
        elif self.transport.is_closing():
            return
        elif self._in_body:
            self._check_body(now)
        elif self.cycle is not None and not self.cycle.response_complete:
            return
        elif self._head_bytes:
            if now - self._since >= limits.header_seconds:
                self._refuse(408, f"The headers took longer than {limits.header_seconds:g} s.")
        elif now - self._since >= (self.timeout_keep_alive if self.cycle else limits.header_seconds):
            self.transport.close()

    def drop(self) -> None:
        """Abort the connection."""
        self._ended = True
        cast(LingeringTransport, self.transport).detach()
        connection = self.transport.get_extra_info("socket")
        if connection is not None:  # the operating system discards its buffers, too
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.transport.abort()

    def shutdown(self) -> None:
        """Close the connection after the responses to the requests that were received."""
        self._stopping, self._keep_alive = self.loop.time(), False
        super().shutdown()

    def _check_body(self, now: float) -> None:
        limits = self.table.limits
        if self._stopping is not None and now - self._stopping >= limits.shutdown_seconds / 2:
            self._refuse(503, "The server stops.")
        elif self.flow.read_paused or self.cycle.waiting_for_100_continue:  # the server is slow, and not the client
            self._last_byte = self._rate_since = now
            self._rate_bytes = self._body_bytes
        elif now - self._last_byte >= limits.body_seconds:
            self._refuse(408, f"No byte of the body came for {limits.body_seconds:g} s.")
        elif now - self._rate_since >= limits.rate_seconds:
            if self._body_bytes - self._rate_bytes < limits.body_rate * limits.rate_seconds:
                self._refuse(408, f"Less than {limits.body_rate} bytes of the body came in a second.")
            self._rate_since, self._rate_bytes = now, self._body_bytes

    def _check_reader(self, now: float, unsent: int) -> None:
        """Abort the connection of a client that does not read its response. A streamed one is written while it is read."""
        limits = self.table.limits
        connection = self.transport.get_extra_info("socket")
        read = cast(LingeringTransport, self.transport).written - unsent - count_queued_bytes(connection)
        slow = False
        if self._read_since is None:
            self._read_since, self._read_bytes = now, read
        elif now - self._read_since >= limits.rate_seconds:
            slow = read - self._read_bytes < limits.body_rate * limits.rate_seconds
            self._read_since, self._read_bytes = now, read
        if slow or (self._stopping is not None and now - self._stopping >= limits.shutdown_seconds / 2):
            log_refusal(self._address(), 0, "The answer was not read.")
            self.drop()

    # Checks of limits

    def _check_head(self, added: int) -> None:
        """Refuse an incomplete head that is too large already."""
        if self._head_bytes == added and self.cycle is not None:
            self._since = self.loop.time()
        if excess := self._find_excess(len(self.url), self._head_bytes):
            self._refuse(*excess)

    def _find_excess(self, line: int, head: int) -> tuple[int, str] | None:
        """Return the refusal of a head whose request line, headers or number of headers is above the limit."""
        limits = self.table.limits
        if line > limits.request_line:
            return 414, f"The request line has more than {limits.request_line} bytes."
        if head > limits.header_bytes:
            return 431, f"The headers have more than {limits.header_bytes} bytes."
        if self.headers and len(self.headers) > limits.headers:
            return 431, f"There are more than {limits.headers} headers."
        return None

    def _end_after_upgrade(self) -> None:
        """Respond in HTTP/1.1 to a request that offers another protocol (RFC 9110 section 7.8), and close the connection.

        The parser treats data after the headers as the other protocol: a body would be read as a further request.
        """
        self._ended, self.cycle.keep_alive = True, False
        sizes = [value for name, value in self.scope["headers"] if name in (b"content-length", b"transfer-encoding")]
        if self.scope["method"] in ("POST", "PUT") and any(size != b"0" for size in sizes):
            self._in_body = True
            self._refuse(400, "A request with a body cannot offer another protocol.")

    def _measure_head(self) -> int:
        """Return the bytes of the request line and the headers that were parsed."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _check_hosts(self) -> None:
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1:
            raise self._record_refusal(400, "More than one Host header.")
        if hosts and not is_host(hosts[0]):
            raise self._record_refusal(400, "The Host header is no host.")
        if not hosts and self.parser.get_http_version() == "1.1":
            raise self._record_refusal(400, "A Host header is missing.")

    def _check_framing(self) -> None:
        """Refuse a body with too many bytes besides its payload: chunk extensions and trailers."""
        limits = self.table.limits
        framing = self._body_bytes - self._payload - CHUNK_FRAMING_BYTES * self._chunks
        if framing > limits.header_bytes or len(self.headers) > limits.headers:
            self._refuse(431, "The trailers or chunk extensions are too large.")

    def _check_trailers(self) -> None:
        limits = self.table.limits
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > limits.header_bytes or len(self.headers) > limits.headers:
            raise self._record_refusal(431, "The trailers are too large.")

    def _record_refusal(self, status: int, reason: str) -> httptools.HttpParserError:
        self._refusal = status, reason
        return httptools.HttpParserError(reason)

    def _refuse(self, status: int, reason: str) -> None:
        """Respond to an incomplete request with an error and close the connection, after responses to earlier requests."""
        log_refusal(self._address(), status, reason)
        self._ended = True
        cycle = self.cycle
        if self._in_body:
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.linger()
                return
        elif cycle is not None and not cycle.response_complete:
            return
        self._write_refusal(status, reason)
        self.linger()

    def _write_refusal(self, status: int, reason: str) -> None:
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(reason)),
            (b"connection", b"close"),
        ]
        if is_ingest_target(self.url):
            headers += INGEST_CORS
        lines = [b"%s: %s\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", reason.encode()]))

    def _address(self) -> str:
        return self.client[0] if self.client else "-"
