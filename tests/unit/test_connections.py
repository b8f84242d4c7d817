"""Limits before a request is whole: sizes, times and numbers of connections, on a real server with small limits."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest
import uvicorn
import uvloop

from gql_releases.web.connections import ConnectionTable, Limits, connection_limit
from gql_releases.web.http import BodyTooLarge, read_body, send
from gql_releases.web.protocol import HttpProtocol

SMALL = Limits(
    header_seconds=0.3, body_seconds=0.25, body_rate=1000, rate_seconds=0.5, shutdown_seconds=1, linger_seconds=0.15,
    connections=30, pipelined=10,
)  # fmt: skip
LARGE_BODY_BYTES = 300_000
PATIENCE_SECONDS = 20.0
"""Seconds after which a test fails whose event does not happen, on a busy machine."""
Work = Callable[["Served"], Awaitable[None]]


class Held:
    """Requests of `/held`, whose responses wait until `release` is set."""

    def __init__(self) -> None:
        self.count, self.release = 0, asyncio.Event()


HELD: ContextVar[Held] = ContextVar("held")


async def app(scope: Any, receive: Any, send_: Any) -> None:
    """Echo a body; `/slow` and `/held` wait, `/large` answers much, `/unread` answers before the body comes."""
    if scope["path"] == "/unread":
        await send(send_, 401, b"no")
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.45)
    if scope["path"] == "/held":
        HELD.get().count += 1
        await HELD.get().release.wait()
    try:
        body = await read_body(scope, receive, LARGE_BODY_BYTES)
    except ConnectionResetError:
        return
    except BodyTooLarge:
        await send(send_, 413, b"too large")
        return
    await send(send_, 200, b"x" * 20_000_000 if scope["path"] == "/large" else body)


class Served:
    """A server, its table of connections, and clients of it."""

    def __init__(self, server: uvicorn.Server, address: tuple[str, int], table: ConnectionTable) -> None:
        self.server, self.address, self.table = server, address, table

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address, limit=2**26)

    async def exchange(self, data: bytes) -> bytes:
        """Send data whole, then read until the server closes the connection."""
        reader, writer = await self.connect()
        with_reset = (ConnectionResetError, BrokenPipeError)
        try:
            writer.write(data)
            await writer.drain()
        except with_reset:
            pass
        answer = b""
        try:
            while part := await asyncio.wait_for(reader.read(65536), PATIENCE_SECONDS):
                answer += part
        except with_reset:
            answer += b" reset"
        writer.close()
        return answer

    async def get(self) -> bytes:
        """Give the answer to a plain request."""
        return await asyncio.wait_for(self.exchange(request(b"fine", "/", "Connection: close")), PATIENCE_SECONDS)


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < until, "the condition did not hold in time"
        await asyncio.sleep(0.005)


async def gone(run_served: Served) -> None:
    """Wait until all connections have ended."""
    await wait_until(lambda: len(run_served.table) == 0)


def run_served(work: Work, limits: Limits = SMALL, stop: bool = True, keep_alive: int = 5) -> None:
    """Let clients talk to a server with limits, on an event loop as it serves with."""

    async def run(listening: socket.socket) -> None:
        HELD.set(Held())
        table = ConnectionTable(limits)
        protocol = type("TestProtocol", (HttpProtocol,), {"table": table})
        config = uvicorn.Config(
            app, http=protocol, lifespan="off", log_config=None, access_log=False, timeout_keep_alive=keep_alive,
            timeout_graceful_shutdown=3,
        )  # fmt: skip
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve([listening]))
        try:
            await asyncio.wait_for(work(Served(server, listening.getsockname(), table)), 3 * PATIENCE_SECONDS)
        finally:
            server.should_exit = True
            await asyncio.wait_for(serving, PATIENCE_SECONDS)
        await wait_until(lambda: len(table) == 0)
        assert not table.waiting

    with socket.create_server(("127.0.0.1", 0)) as listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(listening))


def request(body: bytes, path: str = "/", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MANY = b"".join(b"X-%d: b\r\n" % number for number in range(20_000))
TOO_LARGE: list[tuple[str, bytes, int]] = [
    ("a request line without end", b"GET /" + b"x" * 2_000_000, 414),
    ("a whole request line", b"GET /?" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("a method without end", b"X" * 2_000_000, 400),
    ("line ends before the request line", b"\r\n" * 1_000_000, 431),
    ("101 headers", HEAD + MANY[:900] + b"\r\n" + b"Y: b\r\n" * 101 + b"\r\n", 431),
    ("headers without end", HEAD + MANY, 431),
    ("a header's name without end", HEAD + b"X" * 1_000_000, 431),
    ("a header's value without end", HEAD + b"X: " + b"y" * 1_000_000, 431),
    ("whole headers", HEAD + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(90)) + b"\r\n", 431),
    ("a trailer without end", CHUNKED + b"1\r\nx\r\n0\r\nX: " + b"y" * 2_000_000, 431),
    ("trailers without end", CHUNKED + b"1\r\nx\r\n0\r\n" + MANY, 431),
    ("101 trailers", CHUNKED + b"1\r\nx\r\n0\r\n" + b"Y: b\r\n" * 101 + b"\r\n", 431),
    ("a whole trailer", CHUNKED + b"1\r\nx\r\n0\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
    ("a chunk extension without end", CHUNKED + b"1;" + b"y" * 2_000_000, 431),
    ("chunk extensions", CHUNKED + (b"1;" + b"y" * 60_000 + b"\r\nx\r\n") * 40, 431),
    ("a body", request(b"x" * 2_000_000), 413),
    ("a chunked body", CHUNKED + (b"%x\r\n" % 65_536 + b"x" * 65_536 + b"\r\n") * 20, 413),
]


@pytest.mark.parametrize("data, status", [case[1:] for case in TOO_LARGE], ids=[case[0] for case in TOO_LARGE])
def test_what_is_too_large_is_refused_and_the_client_sees_it(data: bytes, status: int) -> None:
    async def work(run_served: Served) -> None:
        answer = await run_served.exchange(data)
        assert b"HTTP/1.1 %d " % status in answer, answer[:300]
        assert not answer.endswith(b" reset")
        assert (await run_served.get()).endswith(b"fine")

    run_served(work)


def test_requests_before_one_that_is_refused_are_answered() -> None:
    async def work(run_served: Served) -> None:
        for path in ("/", "/slow"):
            for second in (
                HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
                HEAD + MANY,
                b"nonsense\r\n\r\n",
                CHUNKED + b"1;" + b"y" * 10**6,
            ):
                answer = await run_served.exchange(request(b"fine", path) + second)
                assert answer.startswith(b"HTTP/1.1 200"), second[:99]
                assert b"fine" in answer

    run_served(work)


def test_what_is_just_within_the_limits_is_answered() -> None:
    heads = [
        b"GET /" + b"x" * (16 * 1024 - 14) + b" HTTP/1.1\r\nHost: a\r\n",
        HEAD + b"Content-Length: 0\r\n" + b"".join(b"X-%d: b\r\n" % number for number in range(97)),
        HEAD + b"Content-Length: 0\r\nX: " + b"y" * 65_000 + b"\r\n",
    ]
    chunks = (b"1;" + b"y" * 600 + b"\r\nx\r\n") * 50

    async def work(run_served: Served) -> None:
        for data in [*(head + b"Connection: close\r\n\r\n" for head in heads)]:
            assert (await run_served.exchange(data)).startswith(b"HTTP/1.1 200"), data[:50]
        close = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        whole = await run_served.exchange(close + chunks + b"0\r\nX: " + b"y" * 1000 + b"\r\n\r\n")
        assert whole.endswith(b"\r\n\r\n" + b"x" * 50)

    run_served(work)


HOSTS = [
    (b"", 400), (b"Host: a\r\nHost: a\r\n", 400), (b"Host: a\r\nHost: b\r\n", 400), (b"Host:\r\n", 400), (b"Host: a b\r\n", 400),
    (b'Host: evil>; rel="next", <http://x\r\n', 400), (b"Host: a/b\r\n", 400), (b"Host: a@b\r\n", 400), (b"Host: a:b\r\n", 400),
    (b"Host: a,b\r\n", 400), (b"Host: [::1\r\n", 400), (b"Host: h\xc3\xa9\r\n", 400), (b"Host: a?b\r\n", 400), (b"Host: a#b\r\n", 400),
    (b"Host: a:123456\r\n", 400), (b"Host: " + b"a" * 300 + b"\r\n", 400),
    (b"Host: a\r\n", 200), (b"Host: a.example.com:8000\r\n", 200), (b"Host: 127.0.0.1:9\r\n", 200), (b"Host: [::1]:80\r\n", 200),
    (b"Host: web_1\r\n", 200), (b"Host: xn--bcher-kva.example.\r\n", 200), (b"HOST: a\r\n", 200),
]  # fmt: skip


def test_host_that_is_no_host_is_a_400() -> None:
    async def work(run_served: Served) -> None:
        for lines, status in HOSTS:
            answer = await run_served.exchange(b"GET / HTTP/1.1\r\n" + lines + b"Connection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 %d " % status), (lines, answer)
        assert (await run_served.exchange(b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert (await run_served.exchange(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n")).startswith(b"HTTP/1.1 400")

    run_served(work)


async def drip(writer: asyncio.StreamWriter, part: bytes = b"x", pause: float = 0.05) -> None:
    """Send a part again and again until the connection ends."""
    try:
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    except (ConnectionResetError, BrokenPipeError):
        pass


PARTS: list[tuple[str, bytes, bytes, bytes]] = [
    ("nothing", b"", b"", b""),
    ("a part of the request line", b"GET /", b"", b"408"),
    ("a part of the headers", HEAD, b"", b"408"),
    ("headers at a byte now and then", HEAD + b"X: ", b"x", b"408"),
    ("no body", HEAD + b"Content-Length: 9\r\n\r\n", b"", b"408"),
    ("a part of a body", request(b"x" * 500)[:-1], b"", b"408"),
    ("a body at a byte now and then", request(b"x" * 5000)[:-4999], b"x", b"408"),
    ("a chunked body at a byte now and then", CHUNKED, b"1\r\nx\r\n", b"408"),
    ("a part of the second head", request(b"") + b"GET / HTTP", b"", b"200"),
    ("the second head at a byte now and then", request(b"") + HEAD + b"X: ", b"x", b"408"),
    ("a body that nobody reads", request(b"x" * 5000, "/unread")[:-4999], b"x", b"401"),
    ("a part of a body that nobody reads", request(b"x" * 5000, "/unread")[:-4999], b"", b"401"),
]


@pytest.mark.parametrize("part, more, status", [case[1:] for case in PARTS], ids=[case[0] for case in PARTS])
def test_client_that_is_too_slow_is_ended_with_its_status_or_closed(part: bytes, more: bytes, status: bytes) -> None:
    async def work(run_served: Served) -> None:
        reader, writer = await run_served.connect()
        begun = asyncio.get_running_loop().time()
        writer.write(part)
        dripping = asyncio.ensure_future(drip(writer, more or b"", 0.05 if more else 9))
        answer = b""
        try:
            answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        except ConnectionResetError:
            assert not status
        finally:
            took = asyncio.get_running_loop().time() - begun
            await gone(run_served)
            dripping.cancel()
            writer.close()
        assert (b"HTTP/1.1 " + status in answer) if status else answer == b""
        assert took >= 0.2 or status == b"401"

    run_served(work, keep_alive=1)


def test_body_in_time_is_read_however_long_its_answer_takes() -> None:
    async def work(run_served: Served) -> None:
        reader, writer = await run_served.connect()
        writer.write(request(b"x" * 3_000)[:-2_900])
        for _ in range(29):
            await asyncio.sleep(0.03)
            writer.write(b"x" * 100)
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3_000)
        writer.write(request(b"again", "/slow"))  # longer than a body or a head may take
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(5) == b"again"
        writer.close()

    run_served(work)


def test_client_that_does_not_read_its_answer_is_closed() -> None:
    async def work(run_served: Served) -> None:
        for path in ("/large", "/large?closing"):
            sending = socket.create_connection(run_served.address)
            sending.sendall(request(b"", path, *(["Connection: close"] if "closing" in path else [])))
            await wait_until(lambda: len(run_served.table) == 1)
            await gone(run_served)
            assert len(run_served.table) == 0
            sending.close()

    run_served(work)


def test_requests_sent_far_ahead_are_bounded_and_those_within_are_answered() -> None:
    async def work(run_served: Served) -> None:
        answer = await run_served.exchange(request(b"1") * 5_000)
        assert 1 <= answer.count(b"HTTP/1.1 200") <= SMALL.pipelined + 1
        assert (await run_served.get()).endswith(b"fine")

    run_served(work)


def test_longest_waiting_connection_makes_room_for_a_new_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gql_releases.requests")

    async def work(run_served: Served) -> None:
        slow_reader, slow_writer = await run_served.connect()
        slow_writer.write(request(b"answered", "/held"))
        await wait_until(lambda: HELD.get().count == 1)
        silent = [await run_served.connect() for _ in range(100)]
        assert (await run_served.get()).endswith(b"fine")
        assert len(run_served.table) <= SMALL.connections
        HELD.get().release.set()
        assert b"200 OK" in await slow_reader.readuntil(b"\r\n\r\n")  # a request that is whole is never the one
        for _, writer in [*silent, (slow_reader, slow_writer)]:
            writer.close()

    run_served(work, Limits(connections=30))
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("closed ")]
    assert 1 <= len(lines) <= 3
    assert "to let new ones in" in lines[0]


def test_new_connection_is_a_503_where_all_are_being_answered() -> None:
    async def work(run_served: Served) -> None:
        busy = [await run_served.connect() for _ in range(3)]
        for _, writer in busy:
            writer.write(request(b"1", "/held"))
        await wait_until(lambda: HELD.get().count == 3)
        assert (await run_served.exchange(b"")).startswith(b"HTTP/1.1 503")
        HELD.get().release.set()
        for reader, writer in busy:
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            writer.close()

    run_served(work, Limits(connections=3))


STOPPED = [
    ("nothing", b""), ("a part of a head", HEAD), ("no body", HEAD + b"Content-Length: 9\r\n\r\n"),
    ("a part of a body", request(b"x" * 9)[:-1]), ("an answer that is not read", request(b"", "/large")),
    ("an idle connection", request(b"1")), ("a body that is not read", request(b"x" * 9, "/unread")[:-1]),
]  # fmt: skip


def test_stop_ends_every_kind_of_connection_and_answers_a_request_under_way() -> None:
    async def work(run_served: Served) -> None:
        clients = [await run_served.connect() for _ in STOPPED]
        for (_, data), (reader, writer) in zip(STOPPED, clients, strict=True):
            reader._limit = 1  # type: ignore[attr-defined]
            writer.write(data)
        reader, writer = await run_served.connect()
        writer.write(request(b"written", "/held"))
        await wait_until(lambda: HELD.get().count == 1)
        run_served.server.should_exit = True
        await asyncio.sleep(0.15)  # uvicorn looks at it every 0.1 s
        HELD.get().release.set()
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b"written"
        await gone(run_served)
        for _, other in [*clients, (reader, writer)]:
            other.close()

    run_served(work, Limits(shutdown_seconds=1, connections=30))


def test_each_refusal_leaves_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gql_releases.requests")

    async def work(run_served: Served) -> None:
        for data in (b"GET /" + b"x" * 50_000, HEAD + MANY, b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", HEAD):
            await run_served.exchange(data)

    run_served(work)
    lines = [record.getMessage() for record in caplog.records]
    assert [re.findall(r" status=(\d+) ", line) for line in lines] == [["414"], ["431"], ["400"], ["400"], ["408"]]
    assert all(line.startswith("127.0.0.1 ") for line in lines)


def test_connections_are_as_many_as_files_allow_less_a_reserve() -> None:
    assert connection_limit(1024, 10) == 1024 - 128 - 10
    assert connection_limit(64, 10) == 16
    assert connection_limit(None, 10) == connection_limit(10**9, 10) == 16_384


def test_limit_of_open_files_is_raised_to_the_hard_limit() -> None:
    code = """
import resource
from gql_releases.web.connections import raise_file_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
print(raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
print(raise_file_limit())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "200"]


def test_dropped_connection_with_requests_sent_ahead_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def work(run_served: Served) -> None:
        sending = socket.create_connection(run_served.address)
        sending.sendall(request(b"", "/large") * 5)
        await wait_until(lambda: len(run_served.table) == 1)
        await gone(run_served)
        sending.close()

    run_served(work)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_upgrade_that_is_not_supported_is_answered_in_http_1_and_what_follows_is_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    upgrade = "\r\nConnection: Upgrade\r\nUpgrade: {}\r\n"

    async def work(run_served: Served) -> None:
        for protocol in ("h2c", "websocket"):
            offer = upgrade.format(protocol).encode()
            smuggled = request(b"smuggled")
            get = await run_served.exchange(b"GET / HTTP/1.1\r\nHost: a" + offer + b"\r\n" + smuggled)
            assert (get[:12], get.count(b"HTTP/1.1"), b"smuggled" in get) == (b"HTTP/1.1 200", 1, False)
            for body in (b"Content-Length: %d\r\n\r\n%s" % (len(smuggled), smuggled), b"Transfer-Encoding: chunked\r\n\r\n"):
                post = await run_served.exchange(b"POST / HTTP/1.1\r\nHost: a" + offer + body)
                assert (post[:12], post.count(b"HTTP/1.1")) == (b"HTTP/1.1 400", 1)

    run_served(work)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
