"""The floor on SQLite: reads by a statement a level, writes as groups of what waits, all on the event loop but commits."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import floor_sqlite_sql as sql
from benchmarks.data import ORGANIZATION
from benchmarks.floor_http import answer_creation, cursor, main, microseconds, place, release_id
from benchmarks.floor_writes import write_release

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-65536",
    "mmap_size=1073741824",
    "temp_store=MEMORY",
)
GROUP = 64

LAST = ("9999-12-31T23:59:59.999999Z", 2**63 - 1)


def connect(url: str) -> sqlite3.Connection:
    """Open a store as the project does: nothing that was acknowledged is lost."""
    connection = sqlite3.connect(
        url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False, cached_statements=512, timeout=5
    )
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Writer:
    """One connection: what has queued up is one transaction with a savepoint each, and only its commit runs in a thread.

    A thread that writes would fight with the event loop for the interpreter at every row.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Callable[..., bytes], Any, asyncio.Future[bytes]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1)

    def write(self, work: Callable[..., bytes], body: Any) -> asyncio.Future[bytes]:
        """Run some work in the next transaction, and answer after its commit."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, body, future))
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._run())
        return future

    async def _run(self) -> None:
        execute, commit = self._connection.execute, asyncio.get_running_loop().run_in_executor
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            execute("BEGIN IMMEDIATE")
            results: list[tuple[Callable[[Any], None], Any]] = []
            for work, body, future in group:
                execute("SAVEPOINT one")
                try:
                    results.append((future.set_result, work(self._connection, body)))
                except Exception as error:
                    results.append((future.set_exception, error))
                    execute("ROLLBACK TO one")
                execute("RELEASE one")
            await commit(self._thread, execute, "COMMIT")
            for tell, what in results:
                tell(what)
        self._writing = None


def _create(connection: sqlite3.Connection, body: Any) -> bytes:
    number = write_release(connection, body, "sha", "authorName", "authorEmail")
    return answer_creation(number, body["version"], len(body["commits"]))


def _create_by_rest(connection: sqlite3.Connection, body: Any) -> bytes:
    number = write_release(connection, body, "id", "author_name", "author_email")
    printed: str = connection.execute(sql.ONE, (number,)).fetchone()[0]
    return printed.encode()


def _list(field: str, rows: list[Any], more: bool, nodes: list[str]) -> bytes:
    """Print a page, whose rows begin with id and sort key."""
    end = f'"{cursor(field, rows[-1][1], rows[-1][0])}"' if rows else "null"
    info = f'{{"hasNextPage":{"true" if more else "false"},"endCursor":{end}}}'
    return f'{{"data":{{"organization":{{"releases":{{"pageInfo":{info},"nodes":[{",".join(nodes)}]}}}}}}}}'.encode()


class SqliteFloor:
    """The items on a SQLite file."""

    def __init__(self, url: str) -> None:
        self._db, self._writer = connect(url), Writer(connect(url))

    async def authenticate(self, digest: bytes) -> bool:
        return self._db.execute(sql.TOKEN, (digest,)).fetchone() is not None

    async def q1(self, variables: Any) -> bytes:
        key = variables["by"]["key"]
        number, printed = self._db.execute(sql.Q1, (key["organization"], key["version"])).fetchone()
        return f'{{"data":{{"release":{{"id":"{release_id(number)}",{printed}}}}}}}'.encode()

    def _page(self, statement: str, variables: Any) -> tuple[list[Any], bool]:
        after, first = variables.get("after"), variables["first"]
        key, number = place(after) if after else LAST
        rows = self._db.execute(statement, (variables["organization"], key, number, first + 1)).fetchall()
        return rows[:first], len(rows) > first

    async def q2(self, variables: Any) -> bytes:
        rows, more = self._page(sql.Q2, variables)
        nodes = [f'{{"id":"{release_id(number)}",{printed}}}' for number, _, printed in rows]
        return _list("date_created", rows, more, nodes)

    async def q3(self, variables: Any) -> bytes:
        rows, more = self._page(sql.Q3, variables)
        return _list("date_created", rows, more, [row[2] for row in rows])

    async def s1(self, variables: Any) -> bytes:
        first = variables["first"]
        rows = self._db.execute(sql.S1, (variables["organization"], variables["project"], first + 1)).fetchall()
        more, rows = len(rows) > first, rows[:first]
        return _list("semver_key", rows, more, [row[2] for row in rows])

    async def m1(self, variables: Any) -> bytes:
        return await self._writer.write(_create, variables["input"])

    async def m2(self, body: Any) -> bytes:
        return await self._writer.write(_create_by_rest, body)

    async def r1(self, size: int) -> tuple[Any, bool, str]:
        rows = self._db.execute(sql.R1, (ORGANIZATION, size + 1)).fetchall()
        more, rows = len(rows) > size, rows[:size]
        nodes = orjson.Fragment(f"[{','.join([row[0] for row in rows])}]")
        return nodes, more, f"{microseconds(rows[-1][1])}:{rows[-1][2]}"


async def open_floor(url: str) -> SqliteFloor:
    """Open the floor over a store."""
    return SqliteFloor(url)


if __name__ == "__main__":
    main(open_floor)
