"""Answers go out in one write each, and whole: also where the client waits for `100 Continue`, asks ahead, or closes.

Connections that stay idle are closed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gql_releases.web.http import read_body, send
from tests.served_app import run_client

LARGE_BODY_BYTES = 300_000


async def app(scope: Any, receive: Any, send_: Any) -> None:
    """Answer with the body that came: many times over, in two parts or in a header, where the path says so."""
    body = await read_body(scope, receive, LARGE_BODY_BYTES)
    if scope["path"] == "/parts":
        headers = [(b"content-length", b"%d" % (2 * len(body)))]
        await send_({"type": "http.response.start", "status": 200, "headers": headers})
        await send_({"type": "http.response.body", "body": body, "more_body": True})
        await send_({"type": "http.response.body", "body": body})
    elif scope["path"] == "/header":
        await send(send_, 200, b"", [(b"x-echo", body)])
    elif scope["path"] == "/head alone":
        await send_({"type": "http.response.start", "status": 200, "headers": []})
    else:
        await send(send_, 200, body * 100 if scope["path"] == "/large" else body)


def request(body: bytes, path: str = "/", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))


def test_answer_is_one_segment_and_one_of_several_parts_is_whole() -> None:
    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in (b"", b"{}"):
            writer.write(request(body))
            segment = await reader.read(65536)
            assert segment.startswith(b"HTTP/1.1 200 OK\r\n")
            assert segment.endswith(b"content-length: %d\r\n\r\n" % len(body) + body)
        writer.write(request(b"part", "/parts"))
        assert await read_answer(reader) == b"partpart"

    run_client(app, work)


def test_answer_to_head_has_no_body_and_its_length() -> None:
    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request(b"four").replace(b"POST", b"HEAD") + request(b"next"))
        assert b"content-length: 4\r\n" in await reader.readuntil(b"\r\n\r\n")
        assert await read_answer(reader) == b"next"

    run_client(app, work)


def test_no_header_breaks_its_line_and_an_answer_without_a_body_is_an_error() -> None:
    for sent in (request(b"a\r\nx-other: b", "/header"), request(b"a\0b", "/header"), request(b"", "/head%20alone")):

        async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes = sent) -> None:
            writer.write(sent)
            text = await reader.read()
            assert b"x-other" not in text
            assert not text.startswith(b"HTTP/1.1 200")

        run_client(app, work)


def test_client_that_waits_is_told_to_go_on() -> None:
    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = request(b"later", "/", "Expect: 100-continue")
        writer.write(whole.removesuffix(b"later"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"later")
        assert await read_answer(reader) == b"later"

    run_client(app, work)


def test_requests_sent_ahead_are_answered_in_turn_and_the_last_answer_is_whole_when_the_connection_ends() -> None:
    body = b"x" * LARGE_BODY_BYTES

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        last = request(body, "/large", "Connection: close")
        writer.write(request(b"one") + request(b"") + request(b"three") + last)
        assert [await read_answer(reader) for _ in range(3)] == [b"one", b"", b"three"]
        assert len(await read_answer(reader)) == 100 * LARGE_BODY_BYTES
        assert await reader.read() == b""

    run_client(app, work)


def test_connection_that_stays_idle_is_closed_and_one_that_is_used_is_not() -> None:
    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(4):  # longer, together, than it may be idle
            writer.write(request(b"again"))
            assert await read_answer(reader) == b"again"
            await asyncio.sleep(0.4)
        used = loop.time()
        assert await reader.read() == b""
        assert loop.time() - used > 0.3

    run_client(app, work)
