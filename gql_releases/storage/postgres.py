"""PostgreSQL through asyncpg: a pool of connections, one snapshot a read, one transaction a write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from gql_releases.domain.errors import Unavailable
from gql_releases.storage.database import Work
from gql_releases.storage.dialects import PostgresDialect
from gql_releases.storage.hosts import Hosts
from gql_releases.storage.statements import Row, Statement, Values

Result = TypeVar("Result")

POOL = 10
"""Connections of one process at most, unless set otherwise."""
PATIENCE = 15.0
"""Seconds that a request may wait for a connection, unless set otherwise."""
STATEMENT_SECONDS = 60.0
"""Seconds that a statement may take."""
ATTEMPTS = 4
"""Times that a write is tried which another one got in the way of: a deadlock, or the same key at the same moment."""

_IN_THE_WAY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
)
_GONE = (
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
)
_MISCONFIGURED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


def is_postgres(url: str) -> bool:
    """Say whether a database URL means PostgreSQL."""
    return urlsplit(url).scheme in ("postgresql", "postgres")


def host_of(url: str) -> str:
    """Name a database for people: its hosts and its name, and no secret."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")
    return f"postgresql {hosts}{parts.path}"


async def open_connection(url: str) -> Any:
    """Open a connection by itself. Raises Unavailable."""
    async with translated():
        return await Hosts(url, PATIENCE).connect()


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise what the driver says of a database that is not there in the domain's words."""
    try:
        yield
    except _MISCONFIGURED as error:
        raise Unavailable(f"PostgreSQL refuses the connection: {error}") from error
    except _GONE as error:
        raise Unavailable from error


class PostgresTransaction:
    """A transaction, or a read of a single statement, on one connection."""

    def __init__(self, connection: Any, dialect: PostgresDialect) -> None:
        self._connection, self.dialect = connection, dialect

    async def all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and give its rows."""
        prepared = statement.on(self.dialect)
        rows: list[Row] = await self._connection.fetch(prepared.sql, *prepared.bind(values))
        return rows

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and give its first row."""
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def run(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""
        await self.all(statement, values)

    async def run_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values, all of them sent at once."""
        if rows:
            prepared = statement.on(self.dialect)
            await self._connection.executemany(prepared.sql, [prepared.bind(row) for row in rows])

    async def all_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and give all rows that it returned, in order."""
        if not rows:
            return []
        prepared = statement.on(self.dialect)
        found: list[Row] = await self._connection.fetchmany(prepared.sql, [prepared.bind(row) for row in rows])
        return found


async def _keep_as_it_is(connection: Any) -> None:
    """Do nothing when a connection goes back: no session state is ever set, and a reset is a round trip."""


class PostgresDatabase:
    """A pool of connections that is filled as requests come, and filled anew when the server was gone."""

    def __init__(self, url: str, size: int = POOL, patience: float = PATIENCE) -> None:
        """Take the URL, the connections at most, and the seconds that a request may wait for one."""
        self._size, self._patience, self.dialect = size, patience, PostgresDialect()
        self._hosts = Hosts(url, patience)
        self._pool: Any = None
        self._opening = asyncio.Lock()

    async def read(self, work: Work[Result], *, large: bool = False, single: bool = False) -> Result:
        """Run `work` on one snapshot; a single statement is one by itself. Raises Unavailable."""
        async with translated(), self._connection() as connection:
            if single:
                return await work(PostgresTransaction(connection, self.dialect))
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await work(PostgresTransaction(connection, self.dialect))

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in one transaction and answer after its commit. Raises Unavailable."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with translated(), self._connection() as connection, connection.transaction():
                    return await work(PostgresTransaction(connection, self.dialect))
            except _IN_THE_WAY as error:
                if attempt == ATTEMPTS:
                    raise Unavailable("Others write the same at the moment; nothing was changed.") from error
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Let go of the connections."""
        if self._pool:
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        pool = self._pool or await self._open()
        connection = await pool.acquire(timeout=self._patience)
        try:
            yield connection
        except asyncpg.ReadOnlySQLTransactionError:  # no longer the server that takes writes: look for it anew
            await pool.expire_connections()
            raise
        finally:
            await pool.release(connection)

    async def _open(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connect=self._hosts.connect,
                    min_size=0,  # opening the pool waits for nobody: each request waits for its own connection alone
                    max_size=self._size,
                    command_timeout=STATEMENT_SECONDS,
                    max_inactive_connection_lifetime=300,
                    statement_cache_size=500,
                    reset=_keep_as_it_is,
                )
            return self._pool
