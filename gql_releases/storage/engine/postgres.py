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
"""Of all databases of a process: statements are compiled once for it."""
POOL_SIZE = 10
"""Connections of one process at most, unless set otherwise."""
POOL_TIMEOUT_SECONDS = 15.0
"""Seconds that a request may wait for a connection, unless set otherwise."""
STATEMENT_TIMEOUT_SECONDS = 60.0
"""Seconds that a statement may take."""
CANCEL_GRACE_SECONDS = 5.0
"""Seconds that a server may take longer to say that a statement took too long; then its connection is cut off."""
SERVER_SETTINGS = {
    "jit": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS:.0f}s",
}
"""Plans here are short: compiling them costs more than it saves. Dates have one spelling: see `_from_server`."""
_END_OF_TIME_TEXT = format_date(END_OF_TIME)
CONNECTION_LOST_MESSAGE = "The connection was lost at the last moment: it may have been done. Doing it again is safe."
MAX_DRIVER_STATEMENTS = 50
"""Statements that the driver keeps prepared on a connection for itself: those that are run for many rows."""
JOINED_STATEMENT_BYTES = 1024
"""What a statement of several weighs beside its SQL."""
ID_BLOCK_SIZE = 500
"""Ids that are drawn at once."""
MAX_WRITE_ATTEMPTS = 8
"""Times that a write is tried which another one got in the way of: a deadlock, or the same key at the same moment."""

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.005, 0.2
"""Seconds until a write is tried again that met a lock for which it must not wait: half of the first, doubled each time."""

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
    asyncpg.InvalidCachedStatementError,  # the tables were changed: it is prepared anew on another connection
)
_MISCONFIGURED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


RETRIES = Incident("a write is tried again", logging.INFO)


def is_postgres(url: str) -> bool:
    """Say whether a database URL means PostgreSQL."""
    return urlsplit(url).scheme in ("postgresql", "postgres")


def redact_postgres_url(url: str) -> str:
    """Name a database for people: its hosts and its name, and no secret."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")
    return f"postgresql {hosts}{parts.path}"


async def open_connection(url: str) -> Any:
    """Open a connection by itself. Raises Unavailable."""
    with POSTGRES_ERRORS:
        try:
            return await Hosts(url, POOL_TIMEOUT_SECONDS).connect()
        except _UNAVAILABLE:
            raise
        except asyncpg.PostgresError as error:
            raise Unavailable(f"PostgreSQL refuses the connection: {error}") from error


class PostgresErrors:
    """Raises what the driver says of a database that is not there in the domain's words."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise Unavailable instead of an error that means it."""
        if error is None:  # to look through all of these for nothing takes a thirtieth of a point read
            return
        if isinstance(error, _MISCONFIGURED):
            raise Unavailable(f"PostgreSQL refuses the connection: {error}") from error
        if isinstance(error, _UNAVAILABLE):
            raise Unavailable from error


POSTGRES_ERRORS = PostgresErrors()


class Ids:
    """Ids of new rows, drawn from the tables' sequences a block at a time; those that a process leaves are never used."""

    def __init__(self) -> None:
        self._left: dict[str, deque[int]] = {}

    async def allocate(self, session: Session, table: str, count: int) -> Iterator[int]:
        """Give ids of a table that nobody else gets."""
        left = self._left.setdefault(table, deque())
        while len(left) < count:
            rows = await session.fetch(ALLOCATE_IDS, (f"{table}_id_seq", max(count, ID_BLOCK_SIZE)))
            left.extend([row[0] for row in rows])
        return iter([left.popleft() for _ in range(count)])

    def forget(self) -> None:
        """Draw anew: rows came in beside the sequences, as a copy of a store does it."""
        self._left.clear()


ALLOCATE_IDS = PreparedStatement(
    "SELECT nextval($1::text::regclass) FROM generate_series(1, $2::integer)", lambda values: ()
)


class PostgresTransaction:
    """A transaction on one connection."""

    def __init__(self, session: Session, dialect: PostgresDialect, ids: Ids) -> None:
        self._session, self.dialect, self._ids = session, dialect, ids

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and give its rows."""
        prepared = statement.prepare(self.dialect)
        try:
            return await self._session.fetch(prepared, prepared.bind(values))
        except asyncpg.PostgresError as error:
            error.add_note(f"Statement {statement.name}")
            raise

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and give its first row."""
        rows = await self.fetch_all(statement, values)
        return rows[0] if rows else None

    async def execute(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""
        await self.fetch_all(statement, values)

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values, all of them sent at once; or once over arrays."""
        await self.fetch_many(statement, rows)

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        """Run statements for the effect, each for its rows, and give the rows of `then`: together, in one round trip."""
        # PostgreSQL carries out the parts of a WITH from the last to the first: so they lock rows in the order of `run`.
        wanted = [(statement, rows) for statement, rows in reversed(run) if rows]
        if not wanted and then is None:
            return []
        statements = tuple([statement for statement, _ in wanted])
        whole, binds = _join(self.dialect, statements, then[0] if then else None)
        given = [then[1] if then else {}, *(_pack_values(statement, rows) for statement, rows in wanted)]
        values = [value for bind, one in zip(binds, given, strict=True) for value in bind(one)]
        return await self._session.fetch(whole, tuple(values))

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        """Draw ids from those that this process has of the table's sequence."""
        return await self._ids.allocate(self._session, target.name, count)

    def require_thread(self) -> None:
        """Return: the event loop goes on while the server works."""

    async def yield_to_others(self) -> None:
        """Let the event loop go round once."""
        await asyncio.sleep(0)

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Do as execute_many does, and give all rows that it returned: those of arrays in any order."""
        if not rows:
            return []
        if isinstance(statement, BulkStatement):
            return await self.fetch_all(statement, _pack_values(statement, rows))
        prepared = statement.prepare(self.dialect)
        return await self._session.fetch_many(prepared, [prepared.bind(row) for row in rows])


def _pack_values(statement: Statement, rows: list[dict[str, Any]]) -> Values:
    """Give the values of a statement over rows; any other statement has one row."""
    if isinstance(statement, BulkStatement):
        return statement.pack_rows(rows)
    [row] = rows
    return row


JoinedStatement = tuple[PreparedStatement, tuple[Callable[[Values], Row], ...]]
"""A statement of several, and what binds the values of each part."""
_JOINED_STATEMENTS: BoundedCache[tuple[Any, ...], JoinedStatement] = BoundedCache("joined statements")


def _join(dialect: PostgresDialect, statements: tuple[Statement, ...], then: Statement | None) -> JoinedStatement:
    """Return one statement of several, which is kept unless the one that finds rows has an unusual shape."""
    key = (dialect, statements, then)
    joined = _JOINED_STATEMENTS.get(key)
    if joined is None:
        joined = _build_joined(dialect, statements, then)
        if joined[0].is_kept:
            _JOINED_STATEMENTS.put(key, joined, JOINED_STATEMENT_BYTES + 2 * len(joined[0].sql))
    return joined


def _build_joined(dialect: PostgresDialect, statements: tuple[Statement, ...], then: Statement | None) -> JoinedStatement:
    """Make one statement of several that change rows, each a part of WITH, and one that finds some; and what binds each.

    The parameters of the one that finds rows are the first: it may be a reader's, which is compiled once.
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
    """Connections that are opened as requests come, and anew when the server was gone."""

    def __init__(
        self,
        url: str,
        size: int = POOL_SIZE,
        patience: float = POOL_TIMEOUT_SECONDS,
        read_seconds: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        """Take the URL, the connections at most, and the seconds that a request may wait for one and a read may take."""
        self.dialect, self._hosts, self._read_seconds = POSTGRES, Hosts(url, patience), read_seconds
        self._pool, self._ids = (
            Pool(self._connect, size, patience, STATEMENT_TIMEOUT_SECONDS + CANCEL_GRACE_SECONDS, read_seconds),
            Ids(),
        )
        self._writes, self._closing = 0, False
        self._look: asyncio.Task[None] | None = None

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Give the rows of a statement that reads, which is a snapshot by itself. Raises TimedOut, Unavailable."""
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
        """Run `work` in one transaction and answer after its commit. Raises Unavailable."""
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
        """Run `work` between two commands; `seconds` are what it may take where it only reads."""
        with POSTGRES_ERRORS:
            session = await self._pool.acquire()
            if seconds:
                session.read(seconds)
            try:
                await session.execute(begin)
                result = await self._ended(session, end, work(PostgresTransaction(session, self.dialect, self._ids)))
            except BaseException as error:
                self._give_back(session, error)
                self._require_in_time(session)
                raise
            self._pool.release(session)
            return result

    def _count_write(self) -> None:
        """Look at times, beside the requests, for tables that have grown."""
        self._writes += 1
        if should_analyze(self._writes) and not self._closing and (self._look is None or self._look.done()):
            self._look = asyncio.create_task(self._analyze())

    async def _analyze(self) -> None:
        with suppress(Unavailable), POSTGRES_ERRORS:
            session = await self._pool.acquire()
            try:
                await analyze_changed_tables(session.connection)
            except BaseException as error:
                self._give_back(session, error)
                raise
            self._pool.release(session)

    async def _ended(self, session: Session, end: str, work: Awaitable[Result]) -> Result:
        """Wait for the work of a transaction and end it; undo it where the work fails."""
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
        """Raise TimedOut where a read was cancelled at its deadline, and not by its caller."""
        if session.ended:
            task = asyncio.current_task()
            if task:
                task.uncancel()
            raise TimedOut(self._read_seconds)

    def usage(self) -> Usage:
        """Return how many connections are in use, and how many requests wait for one."""
        return self._pool.usage()

    async def close(self) -> None:
        """Let go of the connections."""
        self._closing = True
        if self._look:
            await self._look
        await self._pool.close()

    async def _connect(self) -> Any:
        """Open a connection. Whatever the server refuses it for (a password that was changed, maintenance, too many
        connections), nothing was changed, and a later request may find it: raises Unavailable, caused by the reason.
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
    """Let dates be bound and come as text, as statements and readers of rows want them."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_to_server, decoder=_from_server, format="text"
    )


def _from_server(spelled: str) -> str:
    """Give a date as SQLite keeps it and the wire wants it; making a datetime first takes three times as long.

    The server writes `2026-01-02 03:04:05.6+00`, with as many digits as it needs.
    """
    if len(spelled) == 22:
        return f"{spelled[:10]}T{spelled[11:19]}.000000Z"
    return _END_OF_TIME_TEXT if spelled == "infinity" else f"{spelled[:10]}T{spelled[11:-3]:0<15}Z"


def _to_server(text: str) -> str:
    return "infinity" if text == _END_OF_TIME_TEXT else text  # as asyncpg itself writes the last of all datetimes


def _breaks_connection(error: BaseException) -> bool:
    """Say whether a connection is not to be used again after an error: all but refusals, the server's or our own."""
    return not isinstance(error, DomainError | asyncpg.PostgresError) or isinstance(error, _UNAVAILABLE)
