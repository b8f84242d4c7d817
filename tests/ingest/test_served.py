"""Over a connection: chunked bodies, and the refusals of the server itself, which a page must be able to read as well."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from starlette.types import Receive, Scope, Send

from gql_releases.web.connections import ConnectionTable, Limits
from gql_releases.web.cors import Cors
from gql_releases.web.dispatcher import IngestDispatcher
from gql_releases.web.http import send
from gql_releases.web.protocol import HttpProtocol
from tests.ingest.receiver import KEY, Receiver, envelope, event_item
from tests.served_app import Work, run_client

CORS = (b"access-control-allow-origin: *\r\n", b"access-control-expose-headers: X-Sentry-Error,")
TARGET = f"/api/7/envelope/?sentry_key={KEY}"


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(request_line=300, header_bytes=2000, body_seconds=0.2, linger_seconds=0.1)
    monkeypatch.setattr(HttpProtocol, "table", ConnectionTable(limits))


async def pages(scope: Scope, receive: Receive, send_: Send) -> None:
    await receive()
    await send(send_, 200, b"pages")


def run_served(receiver: Receiver, work: Work) -> None:
    run_client(IngestDispatcher(receiver.api, Cors(pages, ("https://app.example",), ("X-Hits",))), work)


def head(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def test_chunked_body_in_gzip_is_stored(receiver: Receiver) -> None:
    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(envelope(event_item(message="m")))
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:5], body[5:9], body[9:])) + b"0\r\n\r\n"
        writer.write(head(TARGET, "Transfer-Encoding: chunked", "Content-Encoding: gzip") + chunks)
        response = await reader.readuntil(b"}")
        assert response.startswith(b"HTTP/1.1 200 OK\r\n")
        assert all(line in response for line in CORS)

    run_served(receiver, work)
    assert receiver.sink.events == [{"message": "m"}]


@pytest.mark.usefixtures("short_limits")
@pytest.mark.parametrize("target", [TARGET, "/prefix" + TARGET, "/api/0/organizations/", "/graphql?/api/7/envelope/"])
@pytest.mark.parametrize("status", [408, 414, 431, 400])
def test_refusals_of_the_server_can_be_read_by_a_page(receiver: Receiver, target: str, status: int) -> None:
    length = "Content-Length: 10"
    requests = {
        408: head(target, length),
        414: head(target + ("&" if "?" in target else "?") + "x" * 400, length),
        431: head(target, length, "x: " + "x" * 3000),
        400: head(target, length).replace(b"Host", b"Post"),
    }

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(requests[status])
        text = await reader.read()
        response = text[text.rindex(b"HTTP/1.1 ") :]
        assert response.startswith(b"HTTP/1.1 %d " % status), text
        is_ingest = "/api/7/" in target.partition("?")[0]
        assert [line in response for line in CORS] == [is_ingest] * 2

    run_served(receiver, work)


@pytest.mark.parametrize("origin", ["https://app.example", "https://shop.example"])
def test_cors_of_the_apis_does_not_touch_the_ingest_endpoints(receiver: Receiver, origin: str) -> None:
    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = envelope(event_item())
        writer.write(head(TARGET, f"Content-Length: {len(body)}", f"Origin: {origin}") + body)
        response = await reader.readuntil(b"}")
        assert all(line in response for line in CORS)
        assert b"vary: Origin" not in response
        preflight = head(TARGET, f"Origin: {origin}", "Access-Control-Request-Method: POST").replace(b"POST /", b"OPTIONS /")
        writer.write(preflight)
        response = await reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 200 OK\r\n")
        assert CORS[0] in response
        for target in ("/api/0/organizations/", "/api/x/envelope/", "/graphql"):
            writer.write(head(target, f"Origin: {origin}", "Content-Length: 0"))
            response = await reader.readuntil(b"pages")
            assert (b"access-control-allow-origin: https://app.example" in response) == (origin == "https://app.example")

    run_served(receiver, work)
