"""PostgreSQL's connections: their number, how long requests wait for one, and their hosts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from gql_releases.app import create_app
from gql_releases.settings import Settings
from gql_releases.storage.engine.hosts import split_hosts
from gql_releases.storage.engine.pool import Pool
from gql_releases.storage.engine.statements import PreparedStatement
from gql_releases.storage.store import open_store
from tests.client import Answer, Client
from tests.conftest import Template
from tests.crash.gateways import wait_until
from tests.factories import CREATE, as_graphql, release

SELECT_ONE = PreparedStatement("SELECT 1", lambda values: ())
READ_WRITE = "target_session_attrs=read-write"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://u:p@one/x", ["postgresql://u:p@one/x"]),
        ("postgresql://u@/x?host=/run/one", ["postgresql://u@/x?host=%2Frun%2Fone"]),
        ("postgresql://u:a%40b@one:1,two:2/x", [f"postgresql://u:a%40b@one:1/x?{READ_WRITE}", f"postgresql://u:a%40b@two:2/x?{READ_WRITE}"]),
        ("postgresql://[::1]:1,two/x?sslmode=require", [f"postgresql://[::1]:1/x?sslmode=require&{READ_WRITE}", f"postgresql://two/x?sslmode=require&{READ_WRITE}"]),
        ("postgresql:///x?host=/a,/b&port=1,2", [f"postgresql:/x?host=%2Fa&port=1&{READ_WRITE}", f"postgresql:/x?host=%2Fb&port=2&{READ_WRITE}"]),
        ("postgresql://one,two/x?target_session_attrs=any", ["postgresql://one/x?target_session_attrs=any", "postgresql://two/x?target_session_attrs=any"]),
    ],
)  # fmt: skip
def test_each_host_of_a_url_is_tried_and_must_accept_writes(url: str, hosts: list[str]) -> None:
    assert split_hosts(url) == hosts


@pytest.mark.postgres
def test_request_without_a_connection_in_time_gets_503_and_changes_nothing(template: Template, tmp_path: Path) -> None:
    """With one connection, which waits for a locked row, other requests wait as long as is configured."""
    url = template.databases.copy(template.url, tmp_path)
    settings = Settings(database_url=url, pool_size=1, pool_seconds=0.3)
    store = open_store(url, settings.pool_size, settings.pool_seconds)
    client = Client(create_app(settings, store), template.tokens["acme"])
    assert client.rest("POST", "organizations/acme/releases/", release("held")).status == 201
    body = {"query": CREATE, "variables": {"input": as_graphql(release("by-graphql"))}}
    read = {"query": '{ organization(slug: "acme") { slug } }'}
    waits_for_lock = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def send_requests() -> tuple[list[Answer], Answer]:
        with contextlib.closing(psycopg.connect(url)) as holder:
            holder.execute("SELECT 1 FROM releases WHERE version = 'held' FOR UPDATE")
            path = "/api/0/organizations/acme/releases/"
            waiting = asyncio.ensure_future(client.send("PUT", f"{path}held/", {"ref": "changed"}))
            await asyncio.to_thread(wait_until, lambda: template.databases.rows(url, waits_for_lock) != [])
            requests: list[Any] = [
                client.send("POST", path, release("by-rest")),
                client.send("POST", "/graphql", body),
                client.send("GET", path),
                client.send("POST", "/graphql", read),
                client.send("GET", path, token=template.tokens["other"]),  # a token that is not cached yet
            ]
            responses = await asyncio.wait_for(asyncio.gather(*requests), 30)
            holder.rollback()
            return responses, await waiting

    responses, waiting_response = client.runner.run(send_requests())
    for response in responses:
        assert (response.status, response.headers.get("retry-after")) == (503, "1"), response
    assert responses[1].json["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (waiting_response.status, waiting_response.json["ref"]) == (200, "changed")
    assert template.databases.rows(url, "SELECT version FROM releases") == [("held",)]
    assert client.rest("POST", "organizations/acme/releases/", release("by-rest")).status == 201
    assert client.request("POST", "/graphql", body).json["data"]["createRelease"]["outcome"] == "CREATED"
    client.runner.run(store.close())
    client.close()
    template.databases.drop(url)


class Connection:
    """A connection as far as a pool uses it."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True


async def open_connection() -> Connection:
    return Connection()


def test_waiters_time_out_in_order_and_a_released_connection_goes_to_the_next_waiter() -> None:
    async def work() -> None:
        pool = Pool(open_connection, 1, 1.0, 60.0)
        connection = await pool.acquire()
        early = asyncio.ensure_future(pool.acquire())
        await asyncio.sleep(0.5)  # half of the timeout, so that a busy machine does not reach that of the last waiter
        cancelled, late = asyncio.ensure_future(pool.acquire()), asyncio.ensure_future(pool.acquire())
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([early])
        assert isinstance(early.exception(), TimeoutError)
        assert not late.done()
        pool.release(connection)
        assert await late is connection
        with pytest.raises(TimeoutError):
            await pool.acquire()
        pool.release(connection)
        assert await pool.acquire() is connection

    asyncio.run(work())


def test_connection_released_to_a_cancelled_waiter_is_free_for_the_next() -> None:
    async def work() -> None:
        pool = Pool(open_connection, 1, 5.0, 60.0)
        connection = await pool.acquire()
        waiting = asyncio.ensure_future(pool.acquire())
        await asyncio.sleep(0)
        pool.release(connection)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.wait_for(pool.acquire(), 1) is connection

    asyncio.run(work())


@pytest.mark.postgres
def test_statement_without_a_response_times_out_and_its_connection_is_replaced(template: Template) -> None:
    """A server that hangs or is unreachable sends no response: the timeout is 0.5 s here, 65 s by default."""

    async def work() -> None:
        opened: list[Any] = []

        async def connect() -> Any:
            opened.append(await asyncpg.connect(template.url))
            return opened[-1]

        pool = Pool(connect, 1, 5.0, 0.5)
        session = await pool.acquire()
        process = opened[0].get_server_pid()
        os.kill(process, signal.SIGSTOP)
        try:
            with pytest.raises(asyncpg.ConnectionDoesNotExistError):
                await asyncio.wait_for(session.fetch(SELECT_ONE, ()), 30)
        finally:
            os.kill(process, signal.SIGCONT)
        pool.release(session)
        session = await pool.acquire()
        for _ in range(4):  # a long transaction of short statements does not time out
            assert await session.fetch(SELECT_ONE, ()) == [(1,)]
            await asyncio.sleep(0.25)
        pool.release(session)
        await pool.close()

    asyncio.run(work())


def test_connection_opened_while_the_pool_closes_is_closed() -> None:
    """Recording a token's last use opens one, which no request waits for: shutdown must not wait for it either."""

    async def work() -> None:
        opened: list[Connection] = []

        async def connect() -> Connection:
            await asyncio.sleep(0)
            opened.append(Connection())
            return opened[-1]

        pool = Pool(connect, 2, 5.0, 60.0)
        early = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        late = await pool.acquire()
        pool.release(early)
        pool.release(late)
        await asyncio.wait_for(closing, 1)
        assert [connection.closed for connection in opened] == [True, True]

    asyncio.run(work())
