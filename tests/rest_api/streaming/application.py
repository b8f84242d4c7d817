"""A small application of routes with handlers that stream, on a real server, and its clients."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

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
from gql_releases.services.issues import IssueService
from gql_releases.services.project_keys import ProjectKeyService
from gql_releases.services.reads import ReadService
from gql_releases.services.releases import ReleaseService
from gql_releases.web.connections import ConnectionTable, Limits
from gql_releases.web.decoders import DecodedTooLarge
from gql_releases.web.dispatcher import Dispatcher
from gql_releases.web.hosts import BaseUrls
from gql_releases.web.protocol import HttpProtocol
from gql_releases.web.proxies import TrustedProxies
from gql_releases.web.rate_limit import RateLimit
from gql_releases.web.recorder import Recorder
from gql_releases.web.request_log import RequestLog
from gql_releases.web.request_record import RequestRecord
from tests.conftest import Harness

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
            ReadService(store),
            ReleaseService(store.releases, create_projects=True),
            DeployService(store.deploys),
            ProjectKeyService(store.project_keys),
            IssueService(store.issues, store.events),
        )
        routes = {**ROUTES, **files.routes()}
        parameters = {**QUERY_PARAMETERS, files.download: ("name",), files.refuse: ("why",)}
        without_slash: set[Pattern] = {(*PROJECT_PATH, "no-slash")}
        self.api = RestApi(
            routes, parameters, FIELD_NAMES, services, Authenticator(store.tokens), JSON_LIMIT,
            BaseUrls(None, TrustedProxies(())), RateLimit(rate_limit), None, without_slash,
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


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
