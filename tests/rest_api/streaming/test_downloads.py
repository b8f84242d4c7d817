"""Handlers that stream: downloads and ranges."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc

import pytest

from gql_releases.web.connections import Limits
from tests.conftest import Harness
from tests.rest_api.streaming.application import CONTENT, FILE_PATH, MIB, Files, Server, read_response, wait_until

RANGES: list[tuple[str, int, int, int]] = [
    ("bytes=0-0", 206, 0, 1), ("bytes=0-", 206, 0, 1024), ("bytes=5-9", 206, 5, 10), ("bytes=90-110", 206, 90, 111),
    ("bytes=1000-5000", 206, 1000, 1024), ("bytes=1023-", 206, 1023, 1024), ("bytes=-1", 206, 1023, 1024),
    ("bytes=-5000", 206, 0, 1024), ("BYTES=3-4", 206, 3, 5), (" bytes=3-4 ", 206, 3, 5),
    ("bytes=1024-", 416, 0, 0), ("bytes=5000-6000", 416, 0, 0), ("bytes=-0", 416, 0, 0), ("bytes=999999999999999999-", 416, 0, 0),
    ("bytes=9-5", 200, 0, 1024), ("bytes=-", 200, 0, 1024), ("bytes=a-b", 200, 0, 1024), ("bytes=1-2,4-5", 200, 0, 1024),
    ("lines=1-2", 200, 0, 1024), ("bytes=1", 200, 0, 1024), ("bytes=--1", 200, 0, 1024), ("bytes=" + "9" * 5000 + "-", 200, 0, 1024),
]  # fmt: skip


def test_ranges_of_a_file(server: Server, files: Files) -> None:
    async def work(server: Server) -> None:
        for value, status, start, stop in RANGES:
            files.opened.clear()
            response = await server.exchange(server.head("GET", FILE_PATH, f"Range: {value}"))
            assert response.status == status, value
            if status == 416:
                assert response.headers["content-range"] == "bytes */1024"
                assert response.headers["content-type"] == "application/json"
                assert files.opened == []
                continue
            assert response.body == CONTENT[start:stop], value
            assert response.headers["content-type"] == "text/x-test"
            assert response.headers["accept-ranges"] == "bytes"
            assert (response.headers["x-own"], response.headers["cache-control"]) == ("1", "no-store")
            assert response.headers.get("content-range") == (f"bytes {start}-{stop - 1}/1024" if status == 206 else None)
            assert files.opened == [(start, stop)]
        both = await server.exchange(server.head("GET", FILE_PATH, "Range: bytes=0-0", 'If-Range: "tag"'))
        assert (both.status, both.body) == (200, CONTENT)

    server.run(work)
    assert files.closed == sum(status != 416 for _, status, _, _ in RANGES) + 1


def test_empty_file_has_no_range(server: Server, files: Files) -> None:
    files.size, files.chunks = 0, []

    async def work(server: Server) -> None:
        response = await server.exchange(server.head("GET", FILE_PATH))
        assert (response.status, response.body, response.headers["content-length"]) == (200, b"", "0")
        for value in ("bytes=0-", "bytes=-1", "bytes=0-0"):
            assert (await server.exchange(server.head("GET", FILE_PATH, f"Range: {value}"))).status == 416

    server.run(work)
    assert files.opened == []


def test_head_of_a_file_opens_nothing(server: Server, files: Files) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(server.head("HEAD", FILE_PATH + "?name=1", "Range: bytes=0-0") + server.head("GET", FILE_PATH))
        response = await read_response(reader, is_head=True)
        assert (response.status, response.headers["content-length"]) == (200, "1024")
        assert (
            response.headers["content-disposition"] == "attachment; filename=\"___.txt\"; filename*=UTF-8''%C3%BC%22%0A.txt"
        )
        assert (await read_response(reader)).body == CONTENT
        writer.close()

    server.run(work)
    assert len(files.opened) == 1


def test_source_that_fails_is_an_error_or_a_closed_connection(
    server: Server, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """Before its first bytes the response is a 500; later the client sees too few bytes. Bytes beyond the size are not sent."""

    async def work(server: Server) -> None:
        files.chunks = []
        assert (await server.exchange(server.head("GET", FILE_PATH))).status == 500
        files.chunks = [CONTENT[:1000]]
        with pytest.raises(asyncio.IncompleteReadError):
            await server.exchange(server.head("GET", FILE_PATH))
        assert "24 bytes of a streamed body are missing" in caplog.text
        files.ignores_stop = True
        for chunks in ([CONTENT], [CONTENT[:5], CONTENT[5:]]):
            files.chunks = chunks
            response = await server.exchange(server.head("GET", FILE_PATH, "Range: bytes=0-9"))
            assert (response.status, response.body) == (206, CONTENT[:10])

    server.run(work)
    assert files.closed == 4


def test_client_that_leaves_ends_a_download(server: Server, files: Files) -> None:
    """While it is sent, and while its source has nothing to send."""
    files.size, files.chunks = 200 * MIB, [bytes(MIB)] * 200

    async def work(server: Server) -> None:
        for stall in (False, True):
            files.stall = stall
            reader, writer = await server.connect()
            writer.write(server.head("GET", FILE_PATH))
            await reader.readexactly(100_000)
            writer.transport.abort()
            await wait_until(lambda: files.closed == 1 + files.stall)

    server.run(work)
    assert files.sent < 40 * MIB


@pytest.mark.slow
def test_slow_reader_is_served_with_bounded_memory(harness: Harness, files: Files) -> None:
    """It reads 400 KB a second for several of the periods in which a client must read 1 KB a second."""
    server = Server(harness, files, limits=Limits(body_rate=1000, rate_seconds=0.3, body_seconds=1))
    files.size, files.chunks = 100 * MIB, [bytes(MIB)] * 100

    async def work(server: Server) -> None:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(connection, server.address)
            await loop.sock_sendall(connection, server.head("GET", FILE_PATH))
            read = 0
            tracemalloc.start()
            begun = loop.time()
            while loop.time() < begun + 3:
                read += len(await loop.sock_recv(connection, 4096))
                await asyncio.sleep(0.01)
            assert read > 100_000
            assert files.closed == 0
            assert tracemalloc.get_traced_memory()[1] < 4 * MIB
            assert files.sent < read + 12 * MIB
            await asyncio.sleep(2)  # reads nothing
            await wait_until(lambda: files.closed == 1)

    try:
        server.run(work)
    finally:
        tracemalloc.stop()
