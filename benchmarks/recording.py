"""Writes down the statements that some code runs on a driver, and runs them again with nothing around them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import uvloop

from benchmarks.processes import cpu_between, cpu_of

Log = list[tuple[str, str, Any]]
"""(execute or executemany, SQL, values), in the order in which they ran."""
AT_ONCE = 10


@contextlib.contextmanager
def on_sqlite() -> Iterator[Log]:
    """Record what connections do that are opened in the block."""
    log: Log = []
    opening = sqlite3.connect

    class Recording(sqlite3.Connection):
        """A connection that writes down what it does."""

        def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
            log.append(("execute", sql, values))
            return super().execute(sql, values)

        def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
            listed = list(rows)
            log.append(("executemany", sql, listed))
            return super().executemany(sql, listed)

    def connect(*words: Any, **more: Any) -> sqlite3.Connection:
        return opening(*words, **{"factory": Recording, **more})

    sqlite3.connect = connect  # type: ignore[assignment]
    try:
        yield log
    finally:
        sqlite3.connect = opening


class _Prepared:
    """A prepared statement that writes down what it does."""

    def __init__(self, statement: Any, log: Log) -> None:
        self._statement, self._log = statement, log

    async def fetch(self, *values: Any) -> Any:
        self._log.append(("execute", self._statement.get_query(), values))
        return await self._statement.fetch(*values)

    async def fetchval(self, *values: Any) -> Any:
        self._log.append(("execute", self._statement.get_query(), values))
        return await self._statement.fetchval(*values)


@contextlib.contextmanager
def prepared_on_postgres() -> Iterator[Log]:
    """Record what prepared statements do on connections that are opened in the block."""
    log: Log = []
    opening = asyncpg.connect

    class Recording:
        """A connection whose prepared statements write down what they do."""

        def __init__(self, connection: Any) -> None:
            self._connection = connection

        async def prepare(self, sql: str) -> _Prepared:
            return _Prepared(await self._connection.prepare(sql), log)

    async def connect(*words: Any, **more: Any) -> Any:
        return Recording(await opening(*words, **more))

    asyncpg.connect = connect
    try:
        yield log
    finally:
        asyncpg.connect = opening


@contextlib.contextmanager
def pooled_on_postgres() -> Iterator[Log]:
    """Record what pools do that are made in the block; one after the other, so that a second run gives each row the same id."""
    log: Log = []
    pooling = asyncpg.create_pool

    def note(query: Any) -> None:
        log.append(("executemany" if isinstance(query.args, list) else "execute", query.query, query.args))

    async def listen(connection: Any) -> None:
        connection.add_query_logger(note)

    def create_pool(*words: Any, **more: Any) -> Any:
        return pooling(*words, **{**more, "min_size": 1, "max_size": 1, "init": listen})

    asyncpg.create_pool = create_pool
    try:
        yield log
    finally:
        asyncpg.create_pool = pooling


def replay_on_sqlite(url: str, log: Log, pragmas: tuple[str, ...]) -> tuple[float, float]:
    """Run a log on a store; give the seconds that it took and the milliseconds of CPU."""
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    run = {"execute": connection.execute, "executemany": connection.executemany}
    begun, idle = time.perf_counter(), time.process_time()
    for kind, sql, values in log:
        run[kind](sql, values).fetchall()
    took, spent = time.perf_counter() - begun, time.process_time() - idle
    connection.close()
    return took, 1000 * spent


def replay_on_postgres(
    url: str, logs: list[Log], database: int, session: dict[str, str] | None = None
) -> tuple[float, float]:
    """Run logs on a store, each on a connection of its own, all at once; seconds and milliseconds of CPU, the database's too."""

    async def one(connection: Any, log: Log, prepared: dict[str, Any]) -> None:
        for kind, sql, values in log:
            if not values:
                await connection.execute(sql)
            elif kind == "executemany":
                await prepared[sql].executemany(values)
            else:
                await prepared[sql].fetch(*values)

    async def run() -> tuple[float, float]:
        connections = [await asyncpg.connect(url, server_settings=session) for _ in logs]
        prepared = [
            {sql: await c.prepare(sql) for sql in {sql for _, sql, values in log if values}}
            for c, log in zip(connections, logs, strict=True)
        ]
        begun, idle, below = time.perf_counter(), time.process_time(), cpu_of(database)
        await asyncio.gather(*map(one, connections, logs, prepared))
        took, spent = time.perf_counter() - begun, time.process_time() - idle
        beneath = cpu_between(below, cpu_of(database))
        for connection in connections:
            await connection.close()
        return took, 1000 * spent + beneath

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
