"""Clients without a token that send too much, or too slowly, against a served process, while a second client reads on.

    .venv/bin/python benchmarks/slow_clients.py

For each kind: how its connections ended, after how many seconds the last of them did, the slowest of the second client's
reads, each with a connection of its own, and how much the server's resident memory had grown at most. The server runs with
its default limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

MEBIBYTE = 1024 * 1024
ESTABLISHED = 1
"""TCP_ESTABLISHED of Linux's TCP_INFO."""
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\n"
LENGTH = HEAD + b"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
HEADERS = b"".join(b"X-%d: b\r\n" % number for number in range(10_000))
READ = b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
AHEAD = b"GET /schema.graphql HTTP/1.1\r\nHost: localhost\r\n\r\n" * 90


@dataclass(frozen=True)
class Kind:
    """Connections that do the same: they send `begin`, then `more` again and again, up to `size` bytes, with pauses."""

    name: str
    count: int
    begin: bytes = b""
    more: bytes = b""
    size: int = 1 << 40
    pause: float = 0.0
    reads: bool = True
    """Whether it reads what the server answers."""


KINDS = [
    Kind("silent connections", 1000),
    Kind("100 MB of headers", 1, HEAD, HEADERS, 100_000_000),
    Kind("100 MB of headers, ten times at once", 10, HEAD, HEADERS, 100_000_000),
    Kind("100 MB in one header", 1, HEAD + b"X: ", b"y" * 65536, 100_000_000),
    Kind("a request line of 100 MB", 1, b"GET /", b"y" * 65536, 100_000_000),
    Kind("headers at a byte every two seconds", 300, HEAD + b"X: ", b"y", pause=2.0),
    Kind("bodies at a byte every two seconds", 300, LENGTH, b" ", pause=2.0),
    Kind("half bodies", 300, LENGTH + b" "),
    Kind("answers that nobody reads", 20, AHEAD, reads=False),
]


@dataclass
class Result:
    """What became of the connections of a kind, and of the second client meanwhile."""

    kind: Kind
    ends: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest_read: float = 0.0
    reads: int = 0
    growth: int = 0
    """Bytes."""

    def row(self) -> str:
        """Return the result as a row of a table."""
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        memory, read = self.growth / MEBIBYTE, 1000 * self.slowest_read
        return f"| {self.kind.name} | {ends} | {self.seconds:.1f} s | {read:.0f} ms of {self.reads} | {memory:.1f} MiB |"


TITLE = "| clients | ended | last of them after | slowest read of a second client | memory grew by |\n|---|---|---|---|---|"


def resident_bytes(process: int) -> int:
    """Return a process's resident memory (Linux)."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def attack(kind: Kind, port: int, longest: float) -> str:
    """Be one client of a kind until the server ends the connection. Returns the status that it sent, or "closed"."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536 if kind.reads else 1024)
    except ConnectionError:  # another one needed the room
        return "closed"

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(kind.begin)
            await writer.drain()
            sent = 0
            while kind.more and sent < kind.size:
                writer.write(kind.more)
                await writer.drain()
                sent += len(kind.more)
                await asyncio.sleep(kind.pause)

    sending = asyncio.ensure_future(send())
    try:
        async with asyncio.timeout(longest):
            if not kind.reads:
                await _wait_until_closed(writer)
                return "closed"
            answer = b""
            with contextlib.suppress(ConnectionError):
                while part := await reader.read(65536):
                    answer = (answer + part)[:100]
            return answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"
    except TimeoutError:
        return "STAYED"
    finally:
        sending.cancel()
        writer.transport.abort()


async def _wait_until_closed(writer: asyncio.StreamWriter) -> None:
    """Wait until the server has closed a connection whose answers are not read."""
    connection = writer.get_extra_info("socket")
    for _ in itertools.count():
        if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
            return
        await asyncio.sleep(0.2)


async def read_on(port: int, process: int, result: Result, over: asyncio.Event) -> None:
    """Read as a second client, again and again, and watch the server's memory."""
    begin = resident_bytes(process)
    while not over.is_set():
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(READ)
        answer = await reader.read()
        writer.close()
        assert b"200 OK" in answer, answer[:200]
        result.reads += 1
        result.slowest_read = max(result.slowest_read, time.perf_counter() - begun)
        result.growth = max(result.growth, resident_bytes(process) - begin)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await over.wait()


async def run_kind(kind: Kind, port: int, process: int, longest: float = 90) -> Result:
    """Let all connections of a kind attack at once."""
    result, over = Result(kind), asyncio.Event()
    reading = asyncio.ensure_future(read_on(port, process, result, over))
    await asyncio.sleep(0.5)
    begun = time.perf_counter()
    result.ends.update(await asyncio.gather(*(attack(kind, port, longest) for _ in range(kind.count))))
    result.seconds = time.perf_counter() - begun
    over.set()
    await reading
    return result


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def measure(port: int, server: subprocess.Popen[bytes]) -> None:
    """Print the table, and how long the server takes to end afterwards."""
    await run_kind(Kind("warm-up", 10, HEAD + HEADERS), port, server.pid)
    begin = resident_bytes(server.pid)
    print(f"The server begins with {begin / MEBIBYTE:.0f} MiB.\n\n{TITLE}", flush=True)
    for kind in KINDS:
        print((await run_kind(kind, port, server.pid)).row(), flush=True)
    print(f"\nAll in all its memory has grown by {(resident_bytes(server.pid) - begin) / MEBIBYTE:.1f} MiB.")
    halves = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(3)]
    for (_, writer), data in zip(halves, (HEAD, LENGTH + b" ", AHEAD), strict=True):
        writer.write(data)
    await asyncio.sleep(0.5)
    begun = time.perf_counter()
    server.terminate()
    await asyncio.to_thread(server.wait, 60)
    print(f"SIGTERM with half a header, half a body, a slow reader: ended after {time.perf_counter() - begun:.1f} s.")
    for _, writer in halves:
        writer.transport.abort()


def main() -> None:
    """Serve an empty store and attack it."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = {**os.environ, "GQL_RELEASES_DATABASE_URL": f"sqlite:///{folder}/store.db"}
        with (Path(folder) / "log").open("wb") as log:
            command = [sys.executable, "-m", "gql_releases", "serve", "--port", str(port)]
            server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.1)
            asyncio.run(measure(port, server))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
