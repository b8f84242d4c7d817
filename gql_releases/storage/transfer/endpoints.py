"""The ends of a copy: one connection to SQLite or PostgreSQL that reads and writes rows in one form, a batch at a time.

The form is SQLite's: moments are texts as the wire has them, so that a row is the same at both ends and has one digest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, cast
from urllib.parse import quote

import asyncpg

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.storage.engine import postgres, sqlite
from gql_releases.storage.engine.sqlite import sqlite_path
from gql_releases.storage.engine.sqlite_errors import SQLITE_ERRORS
from gql_releases.storage.engine.statements import Row
from gql_releases.storage.transfer.table_parts import Key, Part, numbered_tables, whole_tables

COPY_LOCK_ID = 7_101_984
"""The advisory lock that a copy holds on its target: a number of ours."""
COPY_LOCK_TIMEOUT_MS = 15_000
"""How long the copy before may take to be gone after it was killed."""


class CopyInProgress(Exception):
    """Another copy goes into the same target."""


class CopyEndpoint(Protocol):
    """A database that is copied from or to."""

    sign: str
    """What stands before a bound value's number."""

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and give its rows as the driver has them."""

    async def tables(self) -> set[str]:
        """Name the tables that are there."""

    async def rows(self, part: Part, after: Key | None, limit: int) -> list[Row]:
        """Give the next rows of a part, at most `limit`."""

    async def put(self, part: Part, rows: list[Row]) -> None:
        """Write rows: new ones, or the columns that waited."""

    async def last_ids(self) -> dict[str, int]:
        """Give the highest id that each table has ever given, as far as is known; 0 for none."""

    async def set_last_ids(self, last: Mapping[str, int]) -> None:
        """Let new ids go on above these."""

    async def lock(self) -> None:
        """Keep other copies out, where the database has the means. Raises Taken."""

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Read what is there now, whatever is written meanwhile."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Write all or nothing."""

    async def tidy(self) -> None:
        """Let the database learn what it has been filled with."""

    async def close(self) -> None:
        """Let go."""


class SqliteEndpoint:
    """A SQLite file. The source is opened so that nothing can be written."""

    sign = "?"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and give its rows."""
        with SQLITE_ERRORS:
            return self._connection.execute(sql, values).fetchall()

    async def tables(self) -> set[str]:
        """Name the tables."""
        found = await self.fetch(
            r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'"
        )
        return {name for (name,) in found}

    async def rows(self, part: Part, after: Key | None, limit: int) -> list[Row]:
        """Give rows; moments that are spelled in another way come in the one form."""
        found = await self.fetch(part.select(self.sign, after=after is not None), *(after or ()), limit)
        return _convert_rows(part, found, _normalize_date, int)

    async def put(self, part: Part, rows: list[Row]) -> None:
        """Write rows."""
        with SQLITE_ERRORS:
            self._connection.executemany(part.update(self.sign) if part.waiting else part.insert(self.sign), rows)

    async def last_ids(self) -> dict[str, int]:
        """Give what sqlite_sequence keeps, and elsewhere the highest id that is there."""
        kept: dict[str, int] = dict(await self.fetch("SELECT name, seq FROM sqlite_sequence"))
        there = {name: (await self.fetch(f'SELECT max(id) FROM "{name}"'))[0][0] for name in numbered_tables()}
        return {name: max(kept.get(name, 0), highest or 0) for name, highest in there.items()}

    async def set_last_ids(self, last: Mapping[str, int]) -> None:
        """Set sqlite_sequence where it is kept: rows of other tables are never deleted, and the highest id is there."""
        for name, kept in numbered_tables().items():
            if kept:
                await self.fetch("DELETE FROM sqlite_sequence WHERE name = ?1", name)
                await self.fetch("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", name, last[name])

    async def lock(self) -> None:
        """Do nothing: the file's own locks end with their process, and each batch looks at the mark before it."""

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """Hold one read transaction; it begins with the first read."""
        await self.fetch("BEGIN")
        try:
            await self.fetch("SELECT count(*) FROM sqlite_master")
            yield
        finally:
            await self.fetch("ROLLBACK")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit at the end."""
        await self.fetch("BEGIN IMMEDIATE")
        try:
            yield
            await self.fetch("COMMIT")
        finally:
            if self._connection.in_transaction:
                await self.fetch("ROLLBACK")

    async def tidy(self) -> None:
        """Do nothing: reading is planned without statistics."""

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PostgresEndpoint:
    """A PostgreSQL database."""

    sign = "$"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and give its rows."""
        with postgres.POSTGRES_ERRORS:
            return cast(list[Row], await self._connection.fetch(sql, *values))

    async def tables(self) -> set[str]:
        """Name the tables."""
        found = await self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return {name for (name,) in found}

    async def rows(self, part: Part, after: Key | None, limit: int) -> list[Row]:
        """Give rows, moments spelled out."""
        found = await self.fetch(part.select(self.sign, after=after is not None), *(after or ()), limit)
        return _convert_rows(part, found, format_date, int)

    async def put(self, part: Part, rows: list[Row]) -> None:
        """Write rows, new ones by COPY."""
        native = _convert_rows(part, rows, datetime.fromisoformat, bool)
        with postgres.POSTGRES_ERRORS:
            if part.waiting:
                await self._connection.executemany(part.update(self.sign), native)
            else:
                await self._connection.copy_records_to_table(part.table, records=native, columns=part.columns)

    async def last_ids(self) -> dict[str, int]:
        """Give what the sequences have given, or the highest id that is there, if someone wrote it beside them."""
        given = {}
        for name in numbered_tables():
            sequence = (await self.fetch("SELECT pg_get_serial_sequence($1, 'id')", name))[0][0]
            sql = f'SELECT CASE WHEN is_called THEN last_value ELSE 0 END, (SELECT max(id) FROM "{name}") FROM {sequence}'
            last, highest = (await self.fetch(sql))[0]
            given[name] = max(last, highest or 0)
        return given

    async def set_last_ids(self, last: Mapping[str, int]) -> None:
        """Set the sequences."""
        for name in numbered_tables():
            sql = "SELECT setval(pg_get_serial_sequence($1, 'id')::regclass, greatest($2::bigint, 1), $2::bigint > 0)"
            await self.fetch(sql, name, last[name])

    async def lock(self) -> None:
        """Hold an advisory lock until the connection ends: the server may take a moment to see that a copy was killed."""
        await self.fetch(f"SET lock_timeout = {COPY_LOCK_TIMEOUT_MS}")
        try:
            await self.fetch("SELECT pg_advisory_lock($1)", COPY_LOCK_ID)
        except asyncpg.LockNotAvailableError as error:
            raise CopyInProgress from error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """Hold one repeatable read."""
        with postgres.POSTGRES_ERRORS:
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit at the end."""
        with postgres.POSTGRES_ERRORS:
            async with self._connection.transaction():
                yield

    async def tidy(self) -> None:
        """Count what is there: the planner would guess until autovacuum comes by."""
        for part in whole_tables():
            await self.fetch(f'VACUUM (ANALYZE) "{part.table}"')

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def _normalize_date(text: str) -> str:
    return text if len(text) == 27 and text[26] == "Z" else format_date(parse_date(text))


def _convert_rows(part: Part, rows: Iterable[Row], date: Callable[[Any], Any], boolean: Callable[[Any], Any]) -> list[Row]:
    """Give rows with their moments and Booleans in another form."""
    places = [*((place, date) for place in part.dates), *((place, boolean) for place in part.booleans)]
    made = []
    for row in rows:
        filled = list(row)
        for place, turn in places:
            if filled[place] is not None:
                filled[place] = turn(filled[place])
        made.append(tuple(filled))
    return made


async def open_endpoint(url: str, *, to_write: bool) -> CopyEndpoint | None:
    """Open a database; None for a SQLite file to be read that is not there. Raises ValueError, Unavailable."""
    if postgres.is_postgres(url):
        return PostgresEndpoint(await postgres.open_connection(url))
    path = sqlite_path(url)
    if to_write:
        return SqliteEndpoint(sqlite.connect(path))
    if not path.exists():
        return None
    with SQLITE_ERRORS:
        read_only = f"file:{quote(str(path))}?mode=ro"
        return SqliteEndpoint(
            sqlite3.connect(read_only, uri=True, isolation_level=None, timeout=sqlite.BUSY_TIMEOUT_MS / 1000)
        )
