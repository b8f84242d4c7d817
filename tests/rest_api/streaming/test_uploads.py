"""Handlers that stream: uploads."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
import time
import tracemalloc
from dataclasses import replace

import pytest

from gql_releases.web.http import COMMON
from tests.conftest import Harness
from tests.factories import release
from tests.rest_api.streaming.application import (
    CONTENT,
    FILE_PATH,
    JSON_LIMIT,
    MIB,
    TYPE_LINE,
    UPLOAD_BYTES,
    UPLOAD_LIMITS,
    UPLOAD_PATH,
    Files,
    Server,
    encode,
    frame,
    read_response,
    wait_until,
)


def test_upload_is_streamed_and_the_connection_stays_open(server: Server, files: Files) -> None:
    chunks = [random.Random(n).randbytes(300_000) for n in range(3)]

    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        zipped = encode(*map(gzip.compress, chunks), name="file_gzip")
        framed = server.post(
            UPLOAD_PATH, frame([zipped[:5], zipped[5:100_000], zipped[100_000:]]), "Transfer-Encoding: chunked"
        )
        coded = server.post(UPLOAD_PATH, gzip.compress(encode(*chunks)), "Content-Encoding: gzip")
        for request in (server.post(UPLOAD_PATH, encode(*chunks)), framed, coded, server.post(UPLOAD_PATH, b"")):
            writer.write(request)
            response = await read_response(reader)
            assert (response.status, response.body) == (200, b""), response.body
            assert response.headers["cache-control"] == "no-store"
            assert response.headers["allow"] == "GET, POST, HEAD, OPTIONS"
            assert set(response.headers) >= {name.decode() for name, _ in COMMON}
        writer.close()

    server.run(work)
    assert files.uploads == [hashlib.sha1(chunk).hexdigest() for chunk in chunks] * 3
    record = server.records[0]
    assert record.route == "/api/0/organizations/{org}/chunk-upload/"
    assert (record.api, record.status) == ("rest", 200)
    assert record.token is not None


def test_error_of_a_body_that_the_handler_does_not_catch_has_a_response(server: Server) -> None:
    bomb = gzip.compress(bytes(10 * MIB))
    body = encode(b"x")
    cases = [
        (server.post(UPLOAD_PATH, body[:-8]), 400, b'{"error":"Invalid multipart body"}'),
        (server.post(UPLOAD_PATH, body, "Content-Type: application/json"), 400, b'{"error":"Invalid multipart body"}'),
        (server.post(UPLOAD_PATH, body, "Content-Encoding: br"), 400, b'{"error":"Unsupported Content-Encoding"}'),
        (server.post(UPLOAD_PATH, body, "Content-Encoding: zstd"), 400, b'{"error":"Invalid zstd payload"}'),
        (server.post(UPLOAD_PATH, encode(bomb, name="file_gzip")), 400, b'{"error":"Chunk size too large"}'),
        (server.post(UPLOAD_PATH, body.replace(b'"file"', b'"file_gzip"')), 400, b'{"error":"Invalid gzip payload"}'),
        (server.post(UPLOAD_PATH, body.replace(b"x\r\n", b"y\r\n")), 400, b'{"error":"Checksum mismatch"}'),
        (server.head("POST", UPLOAD_PATH, TYPE_LINE, "Content-Length: 34603009"), 413, b'{"error":"Request too large"}'),
    ]  # fmt: skip

    async def work(server: Server) -> None:
        for request, status, expected in cases:
            response = await server.exchange(request)
            assert (response.status, response.body) == (status, expected)
            assert response.headers["content-type"] == "application/json"

    server.run(work)


@pytest.mark.slow
def test_limit_of_the_route_replaces_that_of_json(server: Server, files: Files) -> None:
    """The route takes 33 MiB where JSON may have 1 MiB; a byte more is a 413 also where no length is declared."""
    content = bytes(UPLOAD_BYTES - len(encode(b"")))

    async def work(server: Server) -> None:
        whole = encode(content)
        assert len(whole) == UPLOAD_BYTES
        assert (await server.exchange(server.post(UPLOAD_PATH, whole))).status == 200
        pieces = [whole[start : start + MIB] for start in range(0, len(whole), MIB)]
        assert (
            await server.exchange(server.post(UPLOAD_PATH, frame([*pieces, b"x"]), "Transfer-Encoding: chunked"))
        ).status == 413
        response = await server.exchange(
            server.post("/api/0/organizations/acme/releases/", b"1" * (JSON_LIMIT + 1), "Content-Type: application/json")
        )
        assert response.status == 413

    server.run(work)
    assert len(files.uploads) == 1


@pytest.mark.slow
def test_client_that_sends_first_sees_an_early_refusal(harness: Harness, files: Files) -> None:
    """A body of 32 MiB, refused before it is read: by its token, its path, its limit, its method."""
    server = Server(harness, files, limits=replace(UPLOAD_LIMITS, linger_seconds=5))
    harness.client.rest("POST", "organizations/acme/releases/", release())
    body = encode(bytes(32 * MIB))

    async def work(server: Server) -> None:
        cases = [
            (server.post(UPLOAD_PATH, body, token="wrong"), 401),
            (server.post(UPLOAD_PATH, body, token=None), 401),
            (server.post(UPLOAD_PATH.replace("chunk-upload", "refuse"), body), 400),
            (server.post(UPLOAD_PATH.replace("chunk-upload", "refuse") + "?why=token", body), 401),
            (server.post(UPLOAD_PATH.replace("chunk-upload", "late"), body), 413),
            (server.post(FILE_PATH, body), 405),
            (server.post(FILE_PATH.replace("file", "nothing"), body), 404),
        ]
        for request, status in cases:
            assert (await server.exchange(request)).status == status

    server.run(work)
    assert files.uploads == files.endings == []


def test_refused_request_is_refused_before_a_byte_of_its_body(harness: Harness, files: Files) -> None:
    """The client waits for `100 Continue`: it comes to those alone whose body is read. The rate limit counts uploads."""
    server = Server(harness, files, rate_limit=2)

    async def first_line(request: bytes) -> bytes:
        reader, writer = await server.connect()
        writer.write(request)
        line = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        return line.split()[1]

    async def work(server: Server) -> None:
        lines = ("Content-Length: 100", TYPE_LINE, "Expect: 100-continue")
        assert await first_line(server.head("POST", UPLOAD_PATH, *lines, token="wrong")) == b"401"
        assert await first_line(server.head("POST", UPLOAD_PATH.replace("chunk-upload", "refuse"), *lines)) == b"400"
        assert await first_line(server.head("POST", UPLOAD_PATH, *lines)) == b"100"
        assert await first_line(server.head("POST", UPLOAD_PATH, *lines)) == b"429"

    server.run(work)


def test_options_other_methods_and_paths_without_a_slash(server: Server, files: Files) -> None:
    path = UPLOAD_PATH.replace("organizations/acme/chunk-upload/", "projects/acme/web/no-slash")

    async def work(server: Server) -> None:
        options = await server.exchange(server.head("OPTIONS", UPLOAD_PATH, token=None))
        assert (options.status, options.headers["allow"]) == (204, "GET, POST, HEAD, OPTIONS")
        response = await server.exchange(server.head("DELETE", UPLOAD_PATH))
        assert (response.status, response.headers["allow"]) == (405, "GET, POST, HEAD, OPTIONS")
        for slash in ("", "/", "?a=1"):
            assert (await server.exchange(server.post(path + slash, encode(b"x")))).status == 200
            assert (await server.exchange(server.head("OPTIONS", path + slash))).status == 204
        assert (await server.exchange(server.post(path + "//", encode(b"x")))).status == 404
        assert (await server.exchange(server.head("GET", FILE_PATH[:-1]))).status == 404
        json_get = server.head("GET", FILE_PATH, "Content-Type: application/json")
        assert (await server.exchange(json_get)).body == CONTENT

    server.run(work)
    assert len(files.uploads) == 3
    assert server.records[2].route == "/api/0/projects/{org}/{project}/no-slash/"


def test_read_of_the_store_does_not_lose_the_body_that_arrives_meanwhile(server: Server) -> None:
    """Reads of other requests wait for the end of the connection, which discards their body."""
    server.harness.client.rest("POST", "organizations/acme/releases/", release())
    path = UPLOAD_PATH.replace("chunk-upload", "late")

    async def work(server: Server) -> None:
        for size in (0, 1, 100_000, 5_000_000):
            response = await server.exchange(server.post(path, b"x" * size))
            assert response.body == b'{"bytes":%d}' % size

    server.run(work)


def test_client_that_disconnects_ends_its_upload(server: Server, files: Files) -> None:
    body = encode(bytes(1_000_000))

    async def work(server: Server) -> None:
        for count in (0, 10, 150, 400_000):
            _, writer = await server.connect()
            request = server.post(UPLOAD_PATH, body)
            writer.write(request[: len(request) - len(body) + count])
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
        await wait_until(lambda: len(files.endings) == 4)

    server.run(work)
    assert files.endings == ["ClientGone"] * 4
    assert files.uploads == []
    assert [record.status for record in server.records] == [499] * 4


def test_slowest_rate_of_a_body_holds_for_uploads(server: Server, files: Files) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        body = encode(bytes(1_000_000))
        writer.write(server.post(UPLOAD_PATH, body)[:-900_000])
        response = await read_response(reader)
        assert response.status == 408
        writer.close()

    server.run(work)
    assert files.endings == ["ClientGone"]


@pytest.mark.slow
def test_point_read_is_answered_during_parallel_uploads_with_bounded_memory(server: Server, files: Files) -> None:
    """8 uploads of 32 MiB at a time."""
    server.harness.client.rest("POST", "organizations/acme/releases/", release())
    body = encode(*[bytes([number]) * (4 * MIB) for number in range(8)])
    seconds: list[float] = []

    async def upload(server: Server) -> None:
        reader, writer = await server.connect()
        request = server.post(UPLOAD_PATH, b"").replace(b"Content-Length: 0", b"Content-Length: %d" % len(body))
        writer.write(request)
        view = memoryview(body)
        for start in range(0, len(body), 65536):
            writer.write(view[start : start + 65536])
            await writer.drain()
        assert (await read_response(reader)).status == 200
        writer.close()

    async def read(server: Server) -> None:
        while len(files.uploads) < 64:
            begun = time.perf_counter()
            response = await server.exchange(server.head("GET", "/api/0/organizations/acme/releases/web@1.0.0%2B1/"))
            seconds.append(time.perf_counter() - begun)
            assert response.status == 200
            await asyncio.sleep(0.02)

    async def work(server: Server) -> None:
        await asyncio.gather(read(server), *[upload(server) for _ in range(8)])

    tracemalloc.start()
    try:
        server.run(work)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB, "of 256 MiB"
    assert len(seconds) > 5
    assert sorted(seconds)[len(seconds) // 2] < 0.5
    assert max(seconds) < 3
