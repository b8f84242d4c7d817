"""Handlers that stream: uploads and downloads of a small application of routes, on a real server."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import uvicorn

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.errors import InvalidToken
from gql_releases.rest_api.engine.multipart import read_parts
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, Pattern, RestApi, Routes
from gql_releases.rest_api.engine.services import Services
from gql_releases.rest_api.engine.streaming import StreamedBody, StreamingHandler
from gql_releases.rest_api.loader import FIELD_NAMES, QUERY_PARAMETERS, ROUTES
from gql_releases.services.deploys import DeployService
from gql_releases.services.reads import ReadService
from gql_releases.services.releases import ReleaseService
from gql_releases.web.connections import ConnectionTable, Limits
from gql_releases.web.decoders import DecodedTooLarge
from gql_releases.web.dispatcher import Dispatcher
from gql_releases.web.http import COMMON
from gql_releases.web.protocol import HttpProtocol
from gql_releases.web.proxies import TrustedProxies
from gql_releases.web.rate_limit import RateLimit
from gql_releases.web.recorder import Recorder
from gql_releases.web.request_log import RequestLog
from gql_releases.web.request_record import RequestRecord
from tests.conftest import Harness
from tests.factories import release

MIB = 1024 * 1024
CHUNK_BYTES = 8 * MIB
UPLOAD_BYTES = 33 * MIB
JSON_LIMIT = 1 * MIB
UPLOAD_PATH = "/api/0/organizations/acme/chunk-upload/"
FILE_PATH = "/api/0/projects/acme/web/file/"
UPLOAD_LIMITS = Limits(body_seconds=2, body_rate=1000, rate_seconds=1, linger_seconds=0.5)
CONTENT = bytes(range(256)) * 4


@dataclass
class Files:
    """What the routes were called with, and what they send."""

    uploads: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=lambda: [CONTENT[:100], b"", CONTENT[100:]])
    size: int = len(CONTENT)
    opened: list[tuple[int, int]] = field(default_factory=list)
    closed: int = 0
    sent: int = 0
    stall: bool = False
    ignores_stop: bool = False

    async def upload(self, request: Request) -> Answer:
        """Store the SHA-1 of each part."""
        try:
            async for part in read_parts(request.stream):
                digest = hashlib.sha1()
                async for data in part.gunzip(CHUNK_BYTES) if part.name == "file_gzip" else part:
                    digest.update(data)
                self.uploads.append(digest.hexdigest())
                if part.filename != digest.hexdigest():
                    return Answer(400, {"error": "Checksum mismatch"})
        except DecodedTooLarge:
            return Answer(400, {"error": "Chunk size too large"})
        except BaseException as error:
            self.endings.append(type(error).__name__)
            raise
        return Answer(200)

    async def read_release(self, request: Request) -> Answer:
        """Read from the store, and only then the body."""
        await ROUTES[(*ORGANIZATION_PATH, "releases", "*")]["GET"](replace(request, path=("acme", "web@1.0.0+1")))
        return Answer(200, {"bytes": sum([len(data) async for data in request.stream.decode()])})

    async def refuse(self, request: Request) -> Answer:
        """Refuse an upload before its body is read."""
        if request.last("why") == "token":
            raise InvalidToken
        return Answer(400, {"error": "The path is wrong"})

    async def download(self, request: Request) -> Answer:
        """Send a file."""
        body = StreamedBody(self.open, self.size, b"text/x-test", 'ü"\n.txt' if request.last("name") else None)
        return Answer(200, body, [(b"x-own", b"1")])

    def open(self, start: int, stop: int) -> AsyncIterator[bytes]:
        self.opened.append((start, stop))
        return Source(self, self.read(start, self.size if self.ignores_stop else stop))

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        position = 0
        for chunk in self.chunks:
            if self.stall and position:
                await asyncio.sleep(60)
            part = chunk[max(start - position, 0) : max(stop - position, 0)]
            position += len(chunk)
            if part or not chunk:
                self.sent += len(part)
                yield part

    def routes(self) -> Routes:
        upload = StreamingHandler(self.upload, UPLOAD_BYTES)
        return {
            (*ORGANIZATION_PATH, "chunk-upload"): {"GET": self.download, "POST": upload},
            (*ORGANIZATION_PATH, "late"): {"POST": StreamingHandler(self.read_release, lambda services: 20 * MIB)},
            (*ORGANIZATION_PATH, "refuse"): {"POST": StreamingHandler(self.refuse, UPLOAD_BYTES)},
            (*PROJECT_PATH, "file"): {"GET": self.download},
            (*PROJECT_PATH, "no-slash"): {"POST": upload},
        }


class Source:
    """An iterator that is not closed by the collector of garbage."""

    def __init__(self, files: Files, chunks: AsyncIterator[bytes]) -> None:
        self._files, self._chunks = files, chunks

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        self._files.closed += 1


class Server:
    """A server of the product's routes and those of Files."""

    def __init__(
        self, harness: Harness, files: Files, rate_limit: int | None = None, limits: Limits = UPLOAD_LIMITS
    ) -> None:
        self.harness, self.files, self.limits = harness, files, limits
        store = harness.store
        services = Services(
            ReadService(store), ReleaseService(store.releases, create_projects=True), DeployService(store.deploys)
        )
        routes = {**ROUTES, **files.routes()}
        parameters = {**QUERY_PARAMETERS, files.download: ("name",), files.refuse: ("why",)}
        without_slash: set[Pattern] = {(*PROJECT_PATH, "no-slash")}
        self.api = RestApi(
            routes, parameters, FIELD_NAMES, services, Authenticator(store.tokens), JSON_LIMIT, None, RateLimit(rate_limit),
            TrustedProxies(()), None, without_slash,
        )  # fmt: skip
        self.records: list[RequestRecord] = []
        dispatcher = Dispatcher(self.api, self.api, self.api, {})
        self.app = Recorder(dispatcher, RequestLog("tests.requests"), [self.records.append])
        self.token = harness.tokens["acme"]

    def run(self, work: Callable[[Server], Awaitable[None]]) -> None:
        """Run clients of the server."""

        async def serve(listening: socket.socket) -> None:
            table = ConnectionTable(self.limits)
            protocol = type("TestProtocol", (HttpProtocol,), {"table": table})
            server = uvicorn.Server(
                uvicorn.Config(self.app, http=protocol, lifespan="off", log_config=None, access_log=False)
            )
            serving = asyncio.ensure_future(server.serve([listening]))
            self.address = listening.getsockname()
            try:
                await asyncio.wait_for(work(self), 60)
            finally:
                server.should_exit = True
                await asyncio.wait_for(serving, 10)

        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.harness.run(serve(listening))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address, limit=2**20)

    def head(self, method: str, path: str, *lines: str, token: str | None = "") -> bytes:
        bearer = self.token if token == "" else token
        authorization = [f"Authorization: Bearer {bearer}"] if bearer else []
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *authorization, *lines, "", ""]).encode()

    def post(self, path: str, body: bytes, *lines: str, **more: Any) -> bytes:
        length = [] if any("chunked" in line for line in lines) else [f"Content-Length: {len(body)}"]
        content_type = [] if any(line.startswith("Content-Type") for line in lines) else [TYPE_LINE]
        return self.head("POST", path, *length, *content_type, *lines, **more) + body

    async def exchange(self, data: bytes) -> Response:
        """Send a request whole, and only then read its response, until the server closes the connection or is silent."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            await writer.drain()
            return await read_response(reader, is_head=data.startswith(b"HEAD"))
        finally:
            writer.close()


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


async def read_response(reader: asyncio.StreamReader, is_head: bool = False) -> Response:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    first, *lines = head.decode("latin-1").splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    length = 0 if is_head else int(headers.get("content-length", "0"))
    return Response(int(first.split()[1]), headers, await asyncio.wait_for(reader.readexactly(length), 20))


TYPE_LINE = "Content-Type: multipart/form-data; boundary=bound"


def encode(*chunks: bytes, name: str = "file") -> bytes:
    body = b""
    for chunk in chunks:
        sha1 = hashlib.sha1(gzip.decompress(chunk) if name == "file_gzip" else chunk).hexdigest()
        body += (
            f'--bound\r\nContent-Disposition: form-data; name="{name}"; filename="{sha1}"\r\n\r\n'.encode() + chunk + b"\r\n"
        )
    return body + b"--bound--\r\n"


def frame(chunks: Iterable[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def server(harness: Harness, files: Files) -> Server:
    return Server(harness, files)


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


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


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
