"""Writes down the statements that some code runs on a driver, and runs them again with nothing around them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import uvloop

from benchmarks.processes import cpu_between, cpu_of

Log = list[tuple[str, str, Any]]
"""(execute or executemany, SQL, values), in the order in which they ran."""
Note = Callable[[str, str, Any], None]
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

    def __init__(self, statement: Any, note: Note) -> None:
        self._statement, self._note = statement, note

    async def fetch(self, *values: Any) -> Any:
        self._note("execute", self._statement.get_query(), values)
        return await self._statement.fetch(*values)

    async def fetchval(self, *values: Any) -> Any:
        self._note("execute", self._statement.get_query(), values)
        return await self._statement.fetchval(*values)


class _Recording:
    """A connection that writes down what it and its prepared statements do; in all else it is what it stands for.

    A transaction is written down whole at its end: others may go on at the same time.
    """

    def __init__(self, connection: Any, log: Log) -> None:
        self._connection, self._log = connection, log
        self._under_way: Log = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def prepare(self, sql: str) -> _Prepared:
        return _Prepared(await self._connection.prepare(sql), self._note)

    async def execute(self, sql: str) -> Any:
        self._note("execute", sql, ())
        return await self._connection.execute(sql)

    async def fetchmany(self, sql: str, rows: list[Any]) -> Any:
        self._note("executemany", sql, rows)
        return await self._connection.fetchmany(sql, rows)

    def _note(self, kind: str, sql: str, values: Any) -> None:
        self._under_way.append((kind, sql, values))
        if not self._under_way[0][1].startswith("BEGIN") or sql in ("COMMIT", "ROLLBACK"):
            self._log += self._under_way
            self._under_way = []


@contextlib.contextmanager
def on_postgres() -> Iterator[Log]:
    """Record what connections do that are opened in the block."""
    log: Log = []
    opening = asyncpg.connect

    async def connect(*words: Any, **more: Any) -> Any:
        return _Recording(await opening(*words, **more), log)

    asyncpg.connect = connect
    try:
        yield log
    finally:
        asyncpg.connect = opening


def replay_on_sqlite(url: str, log: Log, pragmas: tuple[str, ...]) -> tuple[float, float]:
    """Run a log on a store; give the seconds that it took and the milliseconds of CPU."""
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    run: dict[str, Callable[..., sqlite3.Cursor]] = {"execute": connection.execute, "executemany": connection.executemany}
    begun, idle = time.perf_counter(), time.process_time()
    for kind, sql, values in log:
        run[kind](sql, values).fetchall()
    took, spent = time.perf_counter() - begun, time.process_time() - idle
    connection.close()
    return took, 1000 * spent


def replay_on_postgres(
    url: str,
    logs: list[Log],
    database: int,
    session: dict[str, str] | None = None,
    set_up: Callable[[Any], Awaitable[None]] | None = None,
) -> tuple[float, float]:
    """Run logs on a store, each on a connection of its own, all at once; seconds and milliseconds of CPU, the database's too.

    `set_up` does to each connection what the code had done whose statements they are.
    """

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
        if set_up:
            for connection in connections:
                await set_up(connection)
        prepared = [
            {sql: await c.prepare(sql) for sql in {sql for _, sql, values in log if values}}
            for c, log in zip(connections, logs, strict=True)
        ]
        for connection in connections:
            await connection.execute(
                "SELECT"
            )  # to have prepared something leaves asyncpg's connections within a transaction
        begun, idle, below = time.perf_counter(), time.process_time(), cpu_of(database)
        await asyncio.gather(*map(one, connections, logs, prepared))
        took, spent = time.perf_counter() - begun, time.process_time() - idle
        beneath = cpu_between(below, cpu_of(database))
        for connection in connections:
            await connection.close()
        return took, 1000 * spent + beneath

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
