"""A proxy on 127.0.0.1 between SDKs and the server, which records each request to the ingest endpoints and its response."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import brotli

LOST_REASONS_OF_THE_SDK = {"sample_rate", "before_send", "event_processor"}
"""Reasons of client reports for items that the settings of an SDK discard."""


@dataclass
class Exchange:
    """A request and its response."""

    method: str
    target: str
    request_headers: dict[str, str]
    body: bytes
    status: int = 0
    response_headers: dict[str, str] = field(default_factory=dict)

    @property
    def items(self) -> list[tuple[str, Any]]:
        """The items of an envelope, or the event of `/store/`, by type; payloads that are not JSON are None."""
        body = self.body
        match self.request_headers.get("content-encoding"):
            case "gzip":
                body = gzip.decompress(body)
            case "br":
                body = brotli.decompress(body)
        if "/store/" in self.target:
            return [("event", json.loads(body))]
        items = []
        rest = body.partition(b"\n")[2]
        while rest:
            head, _, rest = rest.partition(b"\n")
            header = json.loads(head)
            length = header.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
            payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
            is_json = header["type"] not in ("attachment", "replay_recording", "profile_chunk")
            items.append((header["type"], json.loads(payload) if is_json else None))
        return items


class RecordingProxy:
    """The address of the proxy, and what passed through it."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.exchanges: list[Exchange] = []

    @property
    def posts(self) -> list[Exchange]:
        """What SDKs sent, in the order in which they sent it."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    @property
    def items(self) -> list[tuple[str, Any]]:
        """The items of all requests."""
        return [item for exchange in self.posts for item in exchange.items]

    @property
    def events(self) -> list[Any]:
        """The events of all requests, as they were sent."""
        return [payload for kind, payload in self.items if kind == "event"]

    def assert_nothing_was_lost(self) -> None:
        """Assert that each request was answered with 200, once, and that no SDK reports events that it could not send."""
        assert self.posts
        refusals = [(post.target.partition("?")[0], post.status) for post in self.exchanges if post.status != 200]
        assert not refusals, refusals
        for exchange in self.exchanges:
            assert exchange.response_headers["access-control-allow-origin"] == "*"
            assert "retry-after" not in exchange.response_headers
        digests = [hashlib.sha256(post.body).digest() for post in self.posts]
        assert len(set(digests)) == len(digests), "a request was repeated"
        ids = [event["event_id"] for event in self.events]
        assert len(set(ids)) == len(ids), "an event was sent again"
        discarded = [
            discarded
            for kind, report in self.items
            if kind == "client_report"
            for discarded in report["discarded_events"]
            if discarded["category"] in ("error", "default", "session")
        ]
        assert not [entry for entry in discarded if entry["reason"] not in LOST_REASONS_OF_THE_SDK]


@contextlib.contextmanager
def record(base: str) -> Iterator[RecordingProxy]:
    """Run a proxy before the server at `base`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    upstream = urlsplit(base)
    assert upstream.hostname
    assert upstream.port
    handler = _Handler(upstream.hostname, upstream.port)
    listener = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(handler, "127.0.0.1", 0, limit=1024 * 1024), loop
    ).result(10)
    proxy = handler.proxy = RecordingProxy(listener.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_close(listener), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(listener: asyncio.Server) -> None:
    listener.close()
    current = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not current]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _Handler:
    """Forwards the requests of a connection."""

    proxy: RecordingProxy

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self.host, self.port, limit=1024 * 1024)
        try:
            while await self._forward(reader, writer, server_reader, server_writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the task ends
        finally:
            writer.close()
            server_writer.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> bool:
        """Forward a request and its response unchanged; false after the last of the connection."""
        head = await _read_head(reader, server_reader)
        if not head:
            return False
        (method, target, _), headers = _parse_head(head)
        raw, body = await _read_body(reader, headers)
        exchange = Exchange(method, target, headers, body)
        if "/api/0/" not in target:
            self.proxy.exchanges.append(exchange)
        server_writer.write(head + raw)
        await server_writer.drain()
        response_head = await server_reader.readuntil(b"\r\n\r\n")
        (_, status, *_), exchange.response_headers = _parse_head(response_head)
        has_body = method != "HEAD" and status not in ("204", "304")
        response_raw, _ = await _read_body(server_reader, exchange.response_headers) if has_body else (b"", b"")
        exchange.status = int(status)
        writer.write(response_head + response_raw)
        await writer.drain()
        return "close" not in (headers.get("connection"), exchange.response_headers.get("connection"))


async def _read_head(reader: asyncio.StreamReader, server_reader: asyncio.StreamReader) -> bytes:
    """Return the head of the next request; empty if the client or the server closes the connection before it."""
    head = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
    closed = asyncio.ensure_future(server_reader.read(1))
    try:
        await asyncio.wait((head, closed), return_when=asyncio.FIRST_COMPLETED)
        return await head if head.done() else b""
    finally:
        head.cancel()
        closed.cancel()
        await asyncio.gather(head, closed, return_exceptions=True)


def _parse_head(head: bytes) -> tuple[list[str], dict[str, str]]:
    """Return the words of the first line, and the headers by their name in lower case."""
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return first.split(" "), {name.lower(): value.strip() for name, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> tuple[bytes, bytes]:
    """Return a body as it was sent, and without the framing of its chunks."""
    if "chunked" not in headers.get("transfer-encoding", ""):
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return body, body
    raw, content = bytearray(), bytearray()
    while True:
        line = await reader.readline()
        size = int(line.partition(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        raw += line + chunk
        content += chunk[:size]
        if not size:
            return bytes(raw), bytes(content)
