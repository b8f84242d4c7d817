"""PostgreSQL through asyncpg: a pool of connections, one snapshot a read, one transaction a write."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import asyncpg
from sqlalchemy import Table

from gql_releases.domain.cache_budget import BoundedCache
from gql_releases.domain.counters import count_fall_back
from gql_releases.domain.dates import format_date
from gql_releases.domain.errors import DomainError, TimedOut, Unavailable
from gql_releases.domain.incidents import Incident, explain_error
from gql_releases.storage.engine.analyze import analyze_changed_tables, should_analyze
from gql_releases.storage.engine.database import READ_TIMEOUT_SECONDS, Usage, Work
from gql_releases.storage.engine.dialects import PostgresDialect
from gql_releases.storage.engine.hosts import Hosts
from gql_releases.storage.engine.pool import Pool, Session
from gql_releases.storage.engine.statements import (
    LONG_SQL,
    BulkStatement,
    PreparedStatement,
    Row,
    Statement,
    StatementRows,
    StatementValues,
    Values,
)
from gql_releases.storage.engine.types import END_OF_TIME

Result = TypeVar("Result")

POSTGRES = PostgresDialect()
"""The dialect of all databases of a process: statements are compiled once for it."""
POOL_SIZE = 10
"""Maximum connections of one process, unless set otherwise."""
POOL_TIMEOUT_SECONDS = 15.0
"""Seconds that a request may wait for a connection, unless set otherwise."""
STATEMENT_TIMEOUT_SECONDS = 60.0
"""Seconds that a statement may take."""
CANCEL_GRACE_SECONDS = 5.0
"""Seconds that a server may exceed the statement timeout by; then its connection is terminated."""
SERVER_SETTINGS = {
    "jit": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS:.0f}s",
}
"""Plans here are short: compiling them costs more than it saves. `_from_server` reads the date style."""
_END_OF_TIME_TEXT = format_date(END_OF_TIME)
CONNECTION_LOST_MESSAGE = "The connection was lost at the last moment: it may have been done. Doing it again is safe."
MAX_DRIVER_STATEMENTS = 50
"""Statements that the driver keeps prepared on a connection: those that run for many rows."""
JOINED_STATEMENT_BYTES = 1024
"""Memory of a joined statement beside its SQL."""
ID_BLOCK_SIZE = 500
"""Ids that are allocated at a time."""
MAX_WRITE_ATTEMPTS = 8
"""Attempts of a write that conflicts with another: a deadlock, or the same key at the same time."""

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.005, 0.2
"""Seconds until the retry of a write that met a lock for which it must not wait: half of the first, then doubled."""

_CONFLICTS = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
    asyncpg.ForeignKeyViolationError,  # what a row refers to was deleted meanwhile
)
_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalClientError,
    asyncpg.InvalidCachedStatementError,  # the tables were changed: it is prepared again on another connection
)
_MISCONFIGURED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


RETRIES = Incident("a write is tried again", logging.INFO)


def is_postgres(url: str) -> bool:
    """Return whether a database URL is one of PostgreSQL."""
    return urlsplit(url).scheme in ("postgresql", "postgres")


def redact_postgres_url(url: str) -> str:
    """Return the hosts and the name of a database for messages, without its secrets."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")
    return f"postgresql {hosts}{parts.path}"


async def open_connection(url: str) -> Any:
    """Open a connection outside any pool. Raises Unavailable."""
    with POSTGRES_ERRORS:
        try:
            return await Hosts(url, POOL_TIMEOUT_SECONDS).connect()
        except _UNAVAILABLE:
            raise
        except asyncpg.PostgresError as error:
            raise Unavailable(f"PostgreSQL refuses the connection: {error}") from error


class PostgresErrors:
    """Translates the driver's errors of an unavailable database."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise Unavailable for an error of a connection or a server."""
        if error is None:  # the checks below cost a thirtieth of a point read
            return
        if isinstance(error, _MISCONFIGURED):
            raise Unavailable(f"PostgreSQL refuses the connection: {error}") from error
        if isinstance(error, _UNAVAILABLE):
            raise Unavailable from error


POSTGRES_ERRORS = PostgresErrors()


class IdAllocator:
    """Allocates ids of new rows from the tables' sequences, a block at a time; unused ids of a process are lost."""

    def __init__(self) -> None:
        self._unused: dict[str, deque[int]] = {}

    async def allocate(self, session: Session, table: str, count: int) -> Iterator[int]:
        """Return ids of a table that no other writer gets."""
        unused = self._unused.setdefault(table, deque())
        while len(unused) < count:
            rows = await session.fetch(ALLOCATE_IDS, (f"{table}_id_seq", max(count, ID_BLOCK_SIZE)))
            unused.extend([row_id for (row_id,) in rows])
        return iter([unused.popleft() for _ in range(count)])

    def forget(self) -> None:
        """Drop the unused ids: rows were inserted without the sequences, as by a copy."""
        self._unused.clear()


ALLOCATE_IDS = PreparedStatement(
    "SELECT nextval($1::text::regclass) FROM generate_series(1, $2::integer)", lambda values: ()
)


class PostgresTransaction:
    """A transaction on one connection."""

    def __init__(self, session: Session, dialect: PostgresDialect, ids: IdAllocator) -> None:
        self._session, self.dialect, self._ids = session, dialect, ids

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and return its rows."""
        prepared = statement.prepare(self.dialect)
        try:
            return await self._session.fetch(prepared, prepared.bind(values))
        except asyncpg.PostgresError as error:
            error.add_note(f"Statement {statement.name}")
            raise

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and return its first row."""
        rows = await self.fetch_all(statement, values)
        return rows[0] if rows else None

    async def execute(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""
        await self.fetch_all(statement, values)

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values, all of them sent at once; a BulkStatement once over all rows."""
        await self.fetch_many(statement, rows)

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        """Run statements for their effect, each for its rows, and return the rows of `then`: in one round trip."""
        # PostgreSQL runs the parts of a WITH from the last to the first: so they lock rows in the order of `run`.
        parts = [(statement, rows) for statement, rows in reversed(run) if rows]
        if not parts and then is None:
            return []
        statements = tuple([statement for statement, _ in parts])
        whole, binds = _join(self.dialect, statements, then[0] if then else None)
        part_values = [then[1] if then else {}, *(_pack_values(statement, rows) for statement, rows in parts)]
        row = [value for bind, values in zip(binds, part_values, strict=True) for value in bind(values)]
        return await self._session.fetch(whole, tuple(row))

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        """Return ids from the block that this process has of the table's sequence."""
        return await self._ids.allocate(self._session, target.name, count)

    def require_thread(self) -> None:
        """Do nothing: the event loop is free while the server works."""

    async def yield_to_others(self) -> None:
        """Let the event loop run once."""
        await asyncio.sleep(0)

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run as execute_many does and return all rows, those of a BulkStatement in any order."""
        if not rows:
            return []
        if isinstance(statement, BulkStatement):
            return await self.fetch_all(statement, _pack_values(statement, rows))
        prepared = statement.prepare(self.dialect)
        return await self._session.fetch_many(prepared, [prepared.bind(row) for row in rows])


def _pack_values(statement: Statement, rows: list[dict[str, Any]]) -> Values:
    """Return the values of a BulkStatement over rows; any other statement has one row."""
    if isinstance(statement, BulkStatement):
        return statement.pack_rows(rows)
    [row] = rows
    return row


JoinedStatement = tuple[PreparedStatement, tuple[Callable[[Values], Row], ...]]
"""A statement of several parts, and the function that binds the values of each part."""
_JOINED_STATEMENTS: BoundedCache[tuple[Any, ...], JoinedStatement] = BoundedCache("joined statements")


def _join(dialect: PostgresDialect, statements: tuple[Statement, ...], then: Statement | None) -> JoinedStatement:
    """Return one statement of several, which is cached unless the one that finds rows has an unusual shape."""
    key = (dialect, statements, then)
    joined = _JOINED_STATEMENTS.get(key)
    if joined is None:
        joined = _build_joined(dialect, statements, then)
        if joined[0].is_kept:
            _JOINED_STATEMENTS.put(key, joined, JOINED_STATEMENT_BYTES + 2 * len(joined[0].sql))
    return joined


def _build_joined(dialect: PostgresDialect, statements: tuple[Statement, ...], then: Statement | None) -> JoinedStatement:
    """Build one statement of several that change rows, each a part of WITH, and one that finds rows.

    The parameters of the one that finds rows are first: it may be a reader's, which is compiled once.
    """
    finding = then.prepare(dialect) if then else PreparedStatement("SELECT WHERE false", lambda values: ())
    parts, offset = [finding], len(finding.names)
    for statement in statements:
        parts.append(statement.prepare_from(dialect, offset))
        offset += len(parts[-1].names)
    listed = ", ".join(f"part{index} AS ({part.sql})" for index, part in enumerate(parts[1:]))
    whole = PreparedStatement(f"WITH {listed} {finding.sql}" if listed else finding.sql, lambda values: ())
    whole.is_kept = finding.is_kept
    return whole, tuple([part.bind for part in parts])


class PostgresDatabase:
    """A PostgreSQL database behind a pool, which opens connections on demand and again after a failure of the server."""

    def __init__(
        self,
        url: str,
        size: int = POOL_SIZE,
        pool_seconds: float = POOL_TIMEOUT_SECONDS,
        read_seconds: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        """Take the URL, the maximum of connections, and the timeouts for a connection and for a read."""
        self.dialect, self._hosts, self._read_seconds = POSTGRES, Hosts(url, pool_seconds), read_seconds
        self._pool, self._ids = (
            Pool(self._connect, size, pool_seconds, STATEMENT_TIMEOUT_SECONDS + CANCEL_GRACE_SECONDS, read_seconds),
            IdAllocator(),
        )
        self._writes, self._closing = 0, False
        self._analysis: asyncio.Task[None] | None = None

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Return the rows of a reading statement, which is a snapshot by itself. Raises TimedOut, Unavailable."""
        prepared = statement.prepare(self.dialect)
        bound = prepared.bind(values)
        with POSTGRES_ERRORS:
            session = await self._pool.acquire()
            session.read(self._read_seconds)
            try:
                rows = await session.fetch(prepared, bound)
            except BaseException as error:
                self._give_back(session, error)
                self._require_in_time(session)
                raise
            self._pool.release(session)
            return rows

    async def read(self, work: Work[Result], *, large: bool = False, move: bool = True) -> Result:
        """Run `work` on one snapshot. Raises TimedOut, Unavailable."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        return await self._in_transaction(begin, "ROLLBACK", work, self._read_seconds)

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in one transaction and return its result after the commit. Raises Unavailable."""
        until = time.monotonic() + POOL_TIMEOUT_SECONDS
        for attempt in itertools.count(1):
            try:
                result = await self._in_transaction("BEGIN", "COMMIT", work)
                self._count_write()
                return result
            except _CONFLICTS as error:
                count_fall_back("write_retry")
                RETRIES.report(explain_error(error))
                if isinstance(error, asyncpg.DeadlockDetectedError):
                    count_fall_back("deadlock")
                if (getattr(error, "constraint_name", None) or "").startswith("pk_"):
                    self._ids.forget()
                waits = isinstance(error, asyncpg.LockNotAvailableError)  # for a write that may take seconds
                if time.monotonic() > until if waits else attempt >= MAX_WRITE_ATTEMPTS:
                    raise Unavailable("Others write the same at the moment; nothing was changed.") from error
                if waits:
                    await asyncio.sleep(random.uniform(0, min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)))  # noqa: S311 - spreads retries, no secret
        raise AssertionError("unreachable")

    async def _in_transaction(self, begin: str, end: str, work: Work[Result], seconds: float | None = None) -> Result:
        """Run `work` between two commands; `seconds` is the timeout of a read."""
        with POSTGRES_ERRORS:
            session = await self._pool.acquire()
            if seconds:
                session.read(seconds)
            try:
                await session.execute(begin)
                result = await self._run_to_end(session, end, work(PostgresTransaction(session, self.dialect, self._ids)))
            except BaseException as error:
                self._give_back(session, error)
                self._require_in_time(session)
                raise
            self._pool.release(session)
            return result

    def _count_write(self) -> None:
        """Count a write, and analyze changed tables in the background from time to time."""
        self._writes += 1
        if should_analyze(self._writes) and not self._closing and (self._analysis is None or self._analysis.done()):
            self._analysis = asyncio.create_task(self._analyze())

    async def _analyze(self) -> None:
        with suppress(Unavailable), POSTGRES_ERRORS:
            session = await self._pool.acquire()
            try:
                await analyze_changed_tables(session.connection)
            except BaseException as error:
                self._give_back(session, error)
                raise
            self._pool.release(session)

    async def _run_to_end(self, session: Session, end: str, work: Awaitable[Result]) -> Result:
        """Wait for the work of a transaction and commit it; roll it back where the work fails."""
        try:
            result = await work
        except BaseException as error:
            if not _breaks_connection(error):
                await session.execute("ROLLBACK")
            raise
        try:
            await session.execute(end)
        except _UNAVAILABLE as error:
            raise Unavailable(CONNECTION_LOST_MESSAGE) from error
        return result

    def _give_back(self, session: Session, error: BaseException) -> None:
        if isinstance(
            error, asyncpg.ReadOnlySQLTransactionError
        ):  # no longer the server that takes writes: look for it anew
            self._pool.expire()
        if isinstance(error, asyncio.CancelledError):
            self._pool.cancel(session)
        else:
            self._pool.release(session, broken=_breaks_connection(error))

    def _require_in_time(self, session: Session) -> None:
        """Raise TimedOut where a read was cancelled at its deadline and not by its caller."""
        if session.ended:
            task = asyncio.current_task()
            if task:
                task.uncancel()
            raise TimedOut(self._read_seconds)

    def usage(self) -> Usage:
        """Return how many connections are in use and how many requests wait for one."""
        return self._pool.usage()

    async def close(self) -> None:
        """Close the connections."""
        self._closing = True
        if self._analysis:
            await self._analysis
        await self._pool.close()

    async def _connect(self) -> Any:
        """Open a connection. Raises Unavailable with the cause, whatever it is (a changed password, maintenance, too many
        connections): nothing was changed, and a later request may succeed.
        """
        try:
            connection = await self._hosts.connect(
                server_settings=SERVER_SETTINGS,
                statement_cache_size=MAX_DRIVER_STATEMENTS,
                max_cacheable_statement_size=LONG_SQL,
            )
            await use_text_dates(connection)
        except Exception as error:
            raise Unavailable from error
        return connection


async def use_text_dates(connection: Any) -> None:
    """Make a connection encode and decode dates as text, which statements and readers of rows use."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_to_server, decoder=_from_server, format="text"
    )


def _from_server(text: str) -> str:
    """Return a date in the text format of SQLite and the APIs; a datetime in between takes three times as long.

    The server writes `2026-01-02 03:04:05.6+00`, with as many digits as it needs.
    """
    if len(text) == 22:
        return f"{text[:10]}T{text[11:19]}.000000Z"
    return _END_OF_TIME_TEXT if text == "infinity" else f"{text[:10]}T{text[11:-3]:0<15}Z"


def _to_server(text: str) -> str:
    return "infinity" if text == _END_OF_TIME_TEXT else text  # as asyncpg itself writes the last of all datetimes


def _breaks_connection(error: BaseException) -> bool:
    """Return whether a connection cannot be reused after an error: any but an error of a statement or of the domain."""
    return not isinstance(error, DomainError | asyncpg.PostgresError) or isinstance(error, _UNAVAILABLE)
