"""A gateway follows its database to another server without a restart and without false acknowledgements."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gql_releases.storage.schema.migrate import migrate
from gql_releases.storage.store import open_store
from tests.conftest import Template, fill
from tests.crash.gateways import COUNT_COMMITS, Writers, assert_whole, start_gateway, wait_until
from tests.databases import PostgresServer

pytestmark = pytest.mark.postgres


def test_gateway_follows_a_failover_and_loses_nothing(tmp_path: Path) -> None:
    """With streaming replication, the first server is killed under writes and the second is promoted."""
    first = PostgresServer()
    template = Template(first, first.empty(tmp_path))
    migrate(template.url)
    asyncio.run(fill(template))
    second = PostgresServer(following=first)
    name = template.url.partition("?")[0].rpartition("/")[2]
    second_url = f"postgresql://postgres@/{name}?host={second.folder}"
    # Commits are synchronous, or a failover might lose acknowledged writes.
    first.rows(template.url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    first.rows(template.url, "SELECT pg_reload_conf()")
    url = f"postgresql://postgres@/{name}?host={first.folder},{second.folder}"
    try:
        with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
            writers = Writers("failover")
            writers.start(gateway)
            wait_until(lambda: len(writers.acknowledged) > 20)
            assert second.rows(second_url, "SELECT pg_is_in_recovery()") == [(True,)]
            first.kill()
            wait_until(lambda: writers.statuses[503] > 3)
            acknowledged_before = len(writers.acknowledged)
            second.rows(second_url, "SELECT pg_promote()")
            wait_until(lambda: len(writers.acknowledged) > acknowledged_before + 20)
            writers.stop()
            assert gateway.process.poll() is None
        assert set(writers.statuses) <= {200, 201, 208, 503}, writers.statuses
        assert_whole(second.rows(second_url, COUNT_COMMITS), writers.acknowledged)
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        second.stop()
        first.stop()


def test_connections_to_a_read_only_server_are_closed(template: Template, tmp_path: Path) -> None:
    """A server that becomes read-only costs at most one 503 for each open connection."""
    first = template.databases
    assert isinstance(first, PostgresServer)
    url = first.copy(template.url, tmp_path)
    name = url.partition("?")[0].rpartition("/")[2]
    with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
        assert gateway.create("before", by_graphql=False) == 201
        # The token's last use is written after the response, maybe on a second connection.
        wait_until(lambda: first.rows(url, "SELECT 1 FROM tokens WHERE last_used_at IS NOT NULL") != [])
        first.rows(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert gateway.create("still", by_graphql=False) == 201, "open connections do not notice"
        first.rows(
            url,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()",
        )
        statuses = {gateway.create(f"no-{turn}", by_graphql=bool(turn % 2)) for turn in range(4)}
        assert statuses == {503}
        first.rows(
            f"{url}&options=-cdefault_transaction_read_only%3Doff",
            f"ALTER DATABASE {name} RESET default_transaction_read_only",
        )
        assert gateway.create("after", by_graphql=False) == 201, "the connection that could not write was closed"
    rows = dict(first.rows(url, COUNT_COMMITS))
    assert sorted(rows) == ["after", "before", "still"]
    first.drop(url)


@asynccontextmanager
async def forward_port(folder: str) -> AsyncIterator[int]:
    """Forward a TCP port to the server's socket and yield the port."""

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
            target.close()
            await target.wait_closed()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))

    async with await asyncio.start_server(forward, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def test_host_that_never_responds_does_not_block_the_next(template: Template, tmp_path: Path) -> None:
    """By TCP: the first host accepts and never responds, as with a broken network; the second responds."""
    databases = template.databases
    assert isinstance(databases, PostgresServer)
    url = databases.copy(template.url, tmp_path)
    name = url.partition("?")[0].rpartition("/")[2]

    async def measure() -> tuple[float, float]:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            async with forward_port(databases.folder) as port:
                url = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{port}/{name}"
                store = open_store(url, pool_size=2, pool_seconds=4)
                begun = time.monotonic()
                await store.organizations.find_organization("acme")
                first_seconds = time.monotonic()
                await asyncio.gather(*(store.organizations.find_organization("acme") for _ in range(2)))
                second_seconds = time.monotonic()
                await store.close()
                return first_seconds - begun, second_seconds - first_seconds

    first_seconds, second_seconds = asyncio.run(measure())
    assert 1.9 < first_seconds < 4
    assert second_seconds < 1.5, "the host that responded is tried first"
    databases.drop(url)
