"""HTTP as uvicorn speaks it, with each answer in one write, no timer of its own, and limits before a request is whole."""

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

from gql_releases.web.connections import ConnectionTable, Limits
from gql_releases.web.hosts import is_host
from gql_releases.web.http import HEADERS_BY_NAME
from gql_releases.web.refusals import log_refusal

INVALID = "Invalid HTTP request received."
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no seconds."""
CHUNK_FRAMING_BYTES = 24
"""Bytes of a chunk that are no payload and no extension: a length of 16 digits, 2 line ends and some to spare."""
NOT_IMPLEMENTED_REASON = (
    "This server does not keep uploaded files, events and issues: leave them out, with sourcemaps: { disable: true } in a "
    "bundler plugin (docs/ci.md)."
)
"""What stands after 501 in the line of the status: version 11 of Sentry's bundler plugins prints that and no body."""
FRAMING = frozenset({b"connection", b"transfer-encoding"})
"""Headers that say more of an answer than its length."""
CONTROLS = bytes(sign for sign in range(32) if sign != ord("\t")) + b"\x7f"
"""Bytes that no value of a header has in it."""
STATUS_LINE[501] = f"HTTP/1.1 501 {NOT_IMPLEMENTED_REASON}\r\n".encode()


class LingeringTransport:
    """A transport that is closed only when the request has come as a whole, or after a moment in which it has not."""

    def __init__(self, transport: asyncio.Transport, protocol: HttpProtocol) -> None:
        self._transport = transport
        self._protocol: HttpProtocol | None = protocol
        self._ended = False

    def write(self, data: bytes) -> None:
        """Write, unless it was ended."""
        if not self._ended:
            self._transport.write(data)

    def close(self) -> None:
        """Close; where a part of the request has not come yet, read on for a moment first."""
        if self._protocol is not None and not self._ended and self._protocol.has_unread_body():
            self._protocol.linger()
        else:
            self._transport.close()

    def end(self) -> None:
        """Write nothing more; the client may go on sending."""
        self._ended = True
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    def detach(self) -> None:
        """Let go of the protocol, and write nothing more: requests that were sent ahead may still be answered."""
        self._protocol, self._ended = None, True

    def is_closing(self) -> bool:
        """Say whether it is closed or will be: asked for with each answer, which `__getattr__` would take long for."""
        return self._ended or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        """Do all else as the transport does."""
        return getattr(self._transport, name)


class Exchange(RequestResponseCycle):
    """uvicorn's request and its answer. The head of an answer waits for the body, and both are printed and written at once.

    To write the head by itself is a tenth of a point read, uvicorn's two searches in each header a thirtieth.
    """

    _start: HTTPResponseStartEvent | None = None
    """The message with the head of the answer, which waits for the first one with a part of the body."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message of the answer."""
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
        """Write an answer whose body is one message. False, with nothing done, where uvicorn has more to do."""
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
    """uvicorn's own, over such a transport, with limits of size and time.

    Sizes are looked at as bytes come in, times by the table of all connections. Until a request is whole its answer closes
    the connection.
    """

    table: ClassVar[ConnectionTable] = ConnectionTable(Limits())
    """The connections of this process; the one that serves sets it from its settings."""

    # In slots: with more than 30 names in its __dict__, CPython would look up all of them more slowly.
    __slots__ = (
        "_body_bytes", "_chunks", "_complete", "_ended", "_head_bytes", "_host", "_in_body", "_keep_alive", "_last_byte",
        "_lingering", "_payload", "_rate_bytes", "_rate_since", "_refusal", "_since", "_stopping", "_unsent",
        "_unsent_since",
    )  # fmt: skip
    _head_bytes: int
    """Bytes of a head that is not complete, and of what came with it."""
    _host: bytes | None
    """The Host header of the last request."""
    _in_body: bool
    _complete: bool
    """A request became whole in the data that is parsed."""
    _ended: bool
    """What still comes is discarded."""
    _lingering: bool
    _keep_alive: bool
    """What the request says of the connection; until it is whole, an answer ends the connection."""
    _refusal: tuple[int, str] | None
    _since: float
    """When it began to wait for a request, to receive one, or to linger."""
    _stopping: float | None
    _body_bytes: int
    _payload: int
    _chunks: int
    _last_byte: float
    _rate_since: float
    _rate_bytes: int
    _unsent: int
    _unsent_since: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        self._since = self._last_byte = self._rate_since = self._unsent_since = self.loop.time()
        self._head_bytes = self._body_bytes = self._payload = self._chunks = self._rate_bytes = self._unsent = 0
        self._in_body = self._complete = self._ended = self._lingering = self._keep_alive = False
        self._refusal = self._stopping = self._host = None
        self.url = b""
        super().connection_made(cast(asyncio.Transport, LingeringTransport(transport, self)))
        if not self.table.add(self, self.loop):
            self._ended = True
            self._write_refusal(503, "All connections are in use.")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self.table.remove(self)
        super().connection_lost(exc)
        cast(LingeringTransport, self.transport).detach()

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the connection's last answer was given."""
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

    # What the parser calls

    def on_headers_complete(self) -> None:
        """Begin a request whose head is within the limits."""
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
        if host != self._host or host is None:  # else the one of the request before, which was checked
            self._check_hosts()
            self._host = host
        self.scope[HEADERS_BY_NAME] = by_name  # type: ignore[literal-required]
        if self.pipeline and len(self.pipeline) >= limits.pipelined:
            raise self._record_refusal(429, f"More than {limits.pipelined} requests before the first of them was answered.")
        self._begin_exchange()
        self.headers = []  # what comes now are trailers, which nobody reads
        self._in_body = True

    def _begin_exchange(self) -> None:
        """Begin to answer the request, after those before it: as uvicorn does where nothing is upgraded or mounted."""
        parser, scope, url = self.parser, self.scope, httptools.parse_url(self.url)
        version, raw_path = parser.get_http_version(), url.path
        path = raw_path.decode("ascii")
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""
        self._keep_alive = version != "1.0" and parser.should_keep_alive() and self._stopping is None
        before = self.cycle
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
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_chunk_header(self) -> None:
        """Count the chunks of a body."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """Take in a part of a body, as uvicorn does."""
        self._payload += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End a request: from here on it waits for its answer."""
        if self.headers:
            self._check_trailers()
        self._in_body, self._complete, self.url = False, True, b""
        self.table.waiting.pop(self, None)
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.keep_alive = self._keep_alive
            cycle.more_body = False
            cycle.message_event.set()

    # What an answer calls

    def on_response_complete(self) -> None:
        """Answer the next request, or wait for one."""
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
        """Say whether the request that was answered is not whole yet."""
        return self._in_body

    def linger(self) -> None:
        """End the answer, and discard what still comes for a moment: closed at once, the client might not see it."""
        if not self._lingering:
            self._ended = self._lingering = True
            self._since = self.loop.time()
            cast(LingeringTransport, self.transport).end()
            self.flow.resume_reading()

    # What the table of connections calls

    def check(self, now: float) -> None:
        """End the connection where a limit of time has passed."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            self._check_reader(now, unsent)
            return
        self._unsent = 0
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
        """End the connection at once."""
        self._ended = True
        cast(LingeringTransport, self.transport).detach()
        connection = self.transport.get_extra_info("socket")
        if connection is not None:  # what was not read is not kept by the operating system either
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.transport.abort()

    def shutdown(self) -> None:
        """End the connection, after the answers to the requests that are there."""
        self._stopping, self._keep_alive = self.loop.time(), False
        super().shutdown()

    def _check_body(self, now: float) -> None:
        limits = self.table.limits
        if self._stopping is not None and now - self._stopping >= limits.shutdown_seconds / 2:
            self._refuse(503, "The server stops.")
        elif self.flow.read_paused or self.cycle.waiting_for_100_continue:  # it is not the client that is slow
            self._last_byte = self._rate_since = now
            self._rate_bytes = self._body_bytes
        elif now - self._last_byte >= limits.body_seconds:
            self._refuse(408, f"No byte of the body came for {limits.body_seconds:g} s.")
        elif now - self._rate_since >= limits.rate_seconds:
            if self._body_bytes - self._rate_bytes < limits.body_rate * limits.rate_seconds:
                self._refuse(408, f"Less than {limits.body_rate} bytes of the body came in a second.")
            self._rate_since, self._rate_bytes = now, self._body_bytes

    def _check_reader(self, now: float, unsent: int) -> None:
        """End the connection of a client that does not read its answer."""
        limits = self.table.limits
        if not self._unsent or unsent > self._unsent:
            self._unsent, self._unsent_since = unsent, now
        slow = False
        if now - self._unsent_since >= limits.rate_seconds:
            slow = self._unsent - unsent < limits.body_rate * limits.rate_seconds
            self._unsent, self._unsent_since = unsent, now
        if slow or (self._stopping is not None and now - self._stopping >= limits.shutdown_seconds / 2):
            log_refusal(self._address(), 0, "The answer was not read.")
            self.drop()

    # What is too much

    def _check_head(self, added: int) -> None:
        """Refuse the beginning of a head that is too large already."""
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
        """Answer a request that offers another protocol in HTTP/1.1 (RFC 9110 section 7.8), and end the connection.

        The parser takes what follows the headers for the other protocol: a body would be read as a further request.
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
        """Refuse a body with too many bytes that are no payload: chunk extensions and trailers."""
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
        """Answer what is not whole yet with an error, and end the connection; earlier requests are answered first."""
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
        lines = [b"%s: %s\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", reason.encode()]))

    def _address(self) -> str:
        return self.client[0] if self.client else "-"
