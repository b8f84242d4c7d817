"""The endpoints of a copy: a connection to SQLite or PostgreSQL that reads and writes rows in one form, in batches.

The form is SQLite's: dates are text in the format of the APIs, so that a row is equal and has one digest at both
endpoints.
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
"""The advisory lock that a copy holds on its target."""
COPY_LOCK_TIMEOUT_MS = 15_000
"""How long a copy waits for the server to notice that the previous one was killed."""


class CopyInProgress(Exception):
    """Another copy into the same target is running."""


class CopyEndpoint(Protocol):
    """The source or target of a copy."""

    sign: str
    """The prefix of a parameter's number."""

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and return the driver's rows."""

    async def tables(self) -> set[str]:
        """Return the names of the existing tables."""

    async def rows(self, part: Part, after: Key | None, limit: int) -> list[Row]:
        """Return the next rows of a part, at most `limit`."""

    async def put(self, part: Part, rows: list[Row]) -> None:
        """Insert rows, or update their waiting columns."""

    async def last_ids(self) -> dict[str, int]:
        """Return the highest id that each table has generated, as far as is known; 0 for none."""

    async def set_last_ids(self, last: Mapping[str, int]) -> None:
        """Make new ids higher than these."""

    async def lock(self) -> None:
        """Exclude other copies, where the database has such locks. Raises CopyInProgress."""

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Read one snapshot."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Commit at the end, or roll back."""

    async def tidy(self) -> None:
        """Update the planner's statistics."""

    async def close(self) -> None:
        """Close the connection."""


class SqliteEndpoint:
    """A SQLite file; the source is opened read-only."""

    sign = "?"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and return its rows."""
        with SQLITE_ERRORS:
            return self._connection.execute(sql, values).fetchall()

    async def tables(self) -> set[str]:
        """Return the names of the tables."""
        rows = await self.fetch(
            r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'"
        )
        return {name for (name,) in rows}

    async def rows(self, part: Part, after: Key | None, limit: int) -> list[Row]:
        """Return rows; dates in another format are normalized."""
        rows = await self.fetch(part.select(self.sign, after=after is not None), *(after or ()), limit)
        return _convert_rows(part, rows, _normalize_date, int)

    async def put(self, part: Part, rows: list[Row]) -> None:
        """Insert or update rows."""
        with SQLITE_ERRORS:
            self._connection.executemany(part.update(self.sign) if part.waiting else part.insert(self.sign), rows)

    async def last_ids(self) -> dict[str, int]:
        """Return the ids of sqlite_sequence, and for other tables the highest existing id."""
        sequence: dict[str, int] = dict(await self.fetch("SELECT name, seq FROM sqlite_sequence"))
        highest = {name: await fetch_value(self, f'SELECT max(id) FROM "{name}"') for name in numbered_tables()}
        return {name: max(sequence.get(name, 0), last or 0) for name, last in highest.items()}

    async def set_last_ids(self, last: Mapping[str, int]) -> None:
        """Set sqlite_sequence for the tables that have one; rows of the others are never deleted."""
        for name, has_sequence in numbered_tables().items():
            if has_sequence:
                await self.fetch("DELETE FROM sqlite_sequence WHERE name = ?1", name)
                await self.fetch("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", name, last[name])

    async def lock(self) -> None:
        """Do nothing: the file's locks end with their process, and each batch checks the mark first."""

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """Hold one read transaction, which begins with the first read."""
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
        """Do nothing: plans use no statistics."""

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PostgresEndpoint:
    """A PostgreSQL database."""

    sign = "$"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and return its rows."""
        with postgres.POSTGRES_ERRORS:
            return cast(list[Row], await self._connection.fetch(sql, *values))

    async def tables(self) -> set[str]:
        """Return the names of the tables."""
        rows = await self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return {name for (name,) in rows}

    async def rows(self, part: Part, after: Key | None, limit: int) -> list[Row]:
        """Return rows with dates as text."""
        rows = await self.fetch(part.select(self.sign, after=after is not None), *(after or ()), limit)
        return _convert_rows(part, rows, format_date, int)

    async def put(self, part: Part, rows: list[Row]) -> None:
        """Insert rows by COPY, or update them."""
        native = _convert_rows(part, rows, datetime.fromisoformat, bool)
        with postgres.POSTGRES_ERRORS:
            if part.waiting:
                await self._connection.executemany(part.update(self.sign), native)
            else:
                await self._connection.copy_records_to_table(part.table, records=native, columns=part.columns)

    async def last_ids(self) -> dict[str, int]:
        """Return the last ids of the sequences, or the highest existing id where one was inserted without them."""
        last_ids = {}
        for name in numbered_tables():
            sequence = await fetch_value(self, "SELECT pg_get_serial_sequence($1, 'id')", name)
            sql = f'SELECT CASE WHEN is_called THEN last_value ELSE 0 END, (SELECT max(id) FROM "{name}") FROM {sequence}'
            [(last, highest)] = await self.fetch(sql)
            last_ids[name] = max(last, highest or 0)
        return last_ids

    async def set_last_ids(self, last: Mapping[str, int]) -> None:
        """Set the sequences."""
        for name in numbered_tables():
            sql = "SELECT setval(pg_get_serial_sequence($1, 'id')::regclass, greatest($2::bigint, 1), $2::bigint > 0)"
            await self.fetch(sql, name, last[name])

    async def lock(self) -> None:
        """Hold an advisory lock until the connection ends; wait a while, as a killed copy may still hold it."""
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
        """Analyze all tables: the planner has no statistics until autovacuum runs."""
        for part in whole_tables():
            await self.fetch(f'VACUUM (ANALYZE) "{part.table}"')

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def _normalize_date(text: str) -> str:
    return text if len(text) == 27 and text[26] == "Z" else format_date(parse_date(text))


def _convert_rows(part: Part, rows: Iterable[Row], date: Callable[[Any], Any], boolean: Callable[[Any], Any]) -> list[Row]:
    """Return rows with converted dates and Booleans."""
    conversions = [*((index, date) for index in part.dates), *((index, boolean) for index in part.booleans)]
    converted = []
    for row in rows:
        values = list(row)
        for index, convert in conversions:
            if values[index] is not None:
                values[index] = convert(values[index])
        converted.append(tuple(values))
    return converted


async def fetch_value(endpoint: CopyEndpoint, sql: str, *values: Any) -> Any:
    """Run a statement that returns one value, and return it."""
    [(value,)] = await endpoint.fetch(sql, *values)
    return value


async def open_endpoint(url: str, *, to_write: bool) -> CopyEndpoint | None:
    """Open a database; None for a missing SQLite file that is only read. Raises ValueError, Unavailable."""
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
