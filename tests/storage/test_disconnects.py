"""A long read ends when its client disconnects: while it runs and while it waits for its turn, in both APIs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from gql_releases.domain.client import WAIT_UNTIL_GONE, ClientGone, while_connected
from tests.conftest import Harness, Template
from tests.factories import release
from tests.slow import POINT, SLOW_GRAPHQL, SLOW_REST, slow_filter

__all__ = ["slow_filter"]

pytestmark = pytest.mark.usefixtures("slow_filter")
PATIENCE_SECONDS = 40.0
"""Seconds after which a test fails whose event does not happen, on a busy machine."""
READ_TIMEOUT_SECONDS = 55.0
"""Timeout of the reads that disconnects end: a read that ends within PATIENCE_SECONDS was cancelled."""


@pytest.fixture
def long_reads(template: Template, tmp_path: Path) -> Iterator[Harness]:
    """Yield an application whose reads have a timeout of READ_TIMEOUT_SECONDS."""
    harness = Harness(template, tmp_path, read_timeout=READ_TIMEOUT_SECONDS)
    harness.client.rest("POST", "organizations/acme/releases/", release())
    yield harness
    harness.close()


class Connection:
    """A request whose client closes the connection when `gone` is set."""

    def __init__(self, harness: Harness, method: str, path: str, body: bytes = b"", token: str | None = None) -> None:
        self._harness, self.gone = harness, asyncio.Event()
        self._body: bytes | None = body
        self.sent: list[Message] = []
        raw_path, _, query = path.partition("?")
        headers = {"content-type": "application/json", "authorization": f"Bearer {token or harness.client.token}"}
        self._scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": raw_path, "raw_path": raw_path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
        }  # fmt: skip
        self.task = asyncio.ensure_future(harness.app(self._scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


def graphql_connection(harness: Harness) -> Connection:
    import orjson

    return Connection(harness, "POST", "/graphql", orjson.dumps(SLOW_GRAPHQL))


def rest_connection(harness: Harness) -> Connection:
    return Connection(harness, "GET", f"/api/0/{SLOW_REST}")


async def wait_until(condition: Any) -> None:
    """Wait until a condition holds, within a bound."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def count_running(harness: Harness) -> int:
    """Return the number of scanning reads that run."""
    return 2 - harness.store._scanning._free


@pytest.mark.parametrize("connect", [graphql_connection, rest_connection])
def test_read_ends_when_its_client_disconnects(long_reads: Harness, connect: Any) -> None:
    async def work() -> None:
        connection = connect(long_reads)
        await wait_until(lambda: count_running(long_reads) == 1)
        connection.gone.set()
        await asyncio.wait_for(connection.task, PATIENCE_SECONDS)
        assert (connection.sent, count_running(long_reads)) == ([], 0)

    long_reads.run(work())
    assert long_reads.client.request("POST", "/graphql", POINT).json["data"]["organization"] == {"slug": "acme"}


@pytest.mark.parametrize("connect", [graphql_connection, rest_connection])
def test_read_that_waits_for_its_turn_leaves_when_its_client_disconnects(long_reads: Harness, connect: Any) -> None:
    async def work() -> None:
        holders = [connect(long_reads), connect(long_reads)]
        await wait_until(lambda: count_running(long_reads) == 2)
        waiting = [connect(long_reads) for _ in range(3)]
        turns = long_reads.store._scanning
        await wait_until(lambda: turns.count_waiting() == 3)
        waiting[1].gone.set()
        await asyncio.wait_for(waiting[1].task, PATIENCE_SECONDS)
        assert (turns.count_waiting(), waiting[1].sent) == (2, [])
        for connection in (*waiting, *holders):
            connection.gone.set()
        await asyncio.wait_for(asyncio.gather(*(connection.task for connection in (*waiting, *holders))), PATIENCE_SECONDS)
        assert (turns.count_waiting(), count_running(long_reads)) == (0, 0)

    long_reads.run(work())


def test_hundred_waiting_reads_of_one_token_let_the_first_of_another_through(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, read_timeout=0.2)
    harness.client.rest("POST", "organizations/acme/releases/", release())
    other = harness.token("project:read")

    async def work() -> None:
        turns = harness.store._scanning
        async with turns.turn(-1), turns.turn(-2):  # all requests wait before the first is served
            requests = [asyncio.ensure_future(harness.client.send("POST", "/graphql", SLOW_GRAPHQL)) for _ in range(100)]
            await wait_until(lambda: turns.count_waiting() == 100)
            first = asyncio.ensure_future(harness.client.send("POST", "/graphql", SLOW_GRAPHQL, token=other))
            await wait_until(lambda: turns.count_waiting() == 101)
        response = await first
        assert response.json["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert sum(not task.done() for task in requests) > 80
        for task in requests:
            task.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        await wait_until(lambda: count_running(harness) == 0)

    harness.run(work())
    harness.close()


@pytest.mark.postgres
def test_server_ends_the_statement_of_a_client_that_disconnected(long_reads: Harness) -> None:
    active = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%numbers%' AND pid <> pg_backend_pid()"
    )

    async def work() -> None:
        connection = graphql_connection(long_reads)
        await wait_until(lambda: long_reads.rows(active) == [(1,)])
        connection.gone.set()
        await connection.task
        await wait_until(lambda: long_reads.rows(active) == [(0,)])
        assert connection.task.done()

    long_reads.run(work())
    assert long_reads.rows(active) == [(0,)]


def test_work_is_cancelled_when_its_client_disconnects_and_a_result_wins_over_a_late_disconnect() -> None:
    async def run() -> None:
        gone = asyncio.Event()

        async def wait_until_gone() -> None:
            await gone.wait()

        async def return_one() -> int:
            gone.set()
            return 1

        async def raise_error() -> int:
            raise ValueError("refused")

        ended = []

        async def wait_long() -> None:
            try:
                await asyncio.sleep(30)
            finally:
                ended.append(True)

        WAIT_UNTIL_GONE.set(wait_until_gone)
        assert await while_connected(return_one()) == 1
        gone.clear()
        with pytest.raises(ValueError, match="refused"):
            await while_connected(raise_error())
        asyncio.get_running_loop().call_later(0.01, gone.set)
        with pytest.raises(ClientGone):
            await while_connected(wait_long())
        assert ended == [True]

    asyncio.run(run())
