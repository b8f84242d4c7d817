"""A server with small limits ends slow and large clients, serves others meanwhile, and stops in time on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.slow_clients import AHEAD, HEAD, KINDS, LENGTH, MEBIBYTE, Result, run_kind
from tests.conftest import Template
from tests.crash.gateways import start_gateway
from tests.databases import ON_POSTGRES, SqliteFiles

LIMITS: dict[str, Any] = {"header_timeout": "1", "body_timeout": "0.7", "body_rate_window": "1", "keep_alive_timeout": "1"}
SHUTDOWN_SECONDS = 4
STATUSES = {
    "silent connections": "closed", "headers at a byte every two seconds": "408", "bodies at a byte every two seconds": "408",
    "half bodies": "408", "a request line of 100 MB": "414", "answers that nobody reads": "closed",
}  # fmt: skip
"""Kind of client -> expected status or end; of other kinds: 431."""


@pytest.mark.sqlite
def test_each_kind_of_slow_client_is_ended_and_others_are_served(template: Template, tmp_path: Path) -> None:
    async def run_kinds(port: int, process: int) -> list[Result]:
        kinds = [replace(kind, count=min(kind.count, 100), pause=kind.pause / 10) for kind in KINDS]
        return await asyncio.gather(*(run_kind(kind, port, process, longest=8) for kind in kinds))

    url = template.databases.copy(template.url, tmp_path)
    with start_gateway(url, template.tokens["acme"], tmp_path / "log", **LIMITS) as gateway:
        results = asyncio.run(run_kinds(int(gateway.base.rpartition(":")[2]), gateway.process.pid))
    for result in results:
        assert dict(result.ends) == {STATUSES.get(result.kind.name, "431"): result.kind.count}, result.row()
        assert result.slowest_read < 2, result.row()
        assert result.growth < 64 * MEBIBYTE, result.row()
    assert "Traceback" not in (tmp_path / "log").read_text()


@contextlib.contextmanager
def hold_write_lock(url: str) -> Iterator[None]:
    """Hold a lock that every write waits for."""
    if ON_POSTGRES:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE releases IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()
        return
    file = sqlite3.connect(SqliteFiles().path(url), isolation_level=None)
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        file.close()


def test_sigterm_ends_it_in_time_whatever_clients_and_the_database_do(template: Template, tmp_path: Path) -> None:
    url = template.databases.copy(template.url, tmp_path)
    settings: dict[str, Any] = {"shutdown_timeout": str(SHUTDOWN_SECONDS)}
    with start_gateway(url, template.tokens["acme"], tmp_path / "log", **settings) as gateway:
        port = int(gateway.base.rpartition(":")[2])
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        for client, data in zip(clients, (b"", HEAD, LENGTH + b" ", AHEAD), strict=True):
            client.sendall(data)
        with hold_write_lock(url):
            writer = threading.Thread(target=write_until_it_ends, args=(gateway.base, gateway.token), daemon=True)
            writer.start()
            time.sleep(0.3)
            started = time.monotonic()
            gateway.process.terminate()
            gateway.process.wait(20)
            assert time.monotonic() - started < SHUTDOWN_SECONDS + 2
            writer.join(5)
            assert not writer.is_alive()
        for client in clients:
            client.close()
    template.databases.drop(url)


def write_until_it_ends(base: str, token: str) -> None:
    """Send a write that waits for a lock; its result does not matter."""
    host, port = base.removeprefix("http://").split(":")
    body = b'{"version": "locked", "projects": ["web"]}'
    head = f"POST /api/0/organizations/acme/releases/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        while connection.recv(65536):
            pass
