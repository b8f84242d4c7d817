"""A pool of connections to PostgreSQL, opened on demand; a request waits for a free one within a timeout.

asyncpg's own pool resets, wraps and times each connection that it lends, which costs as much as a point read. These
connections have no session state, and one that failed is not lent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from gql_releases.domain.cache_budget import BoundedCache
from gql_releases.domain.counters import count_fall_back
from gql_releases.storage.engine.statements import PreparedStatement, Row

STATEMENT_BYTES = 4096
CHARACTER_BYTES = 4
"""Memory of a prepared statement on a connection, and of a character of its SQL."""
IDLE_TIMEOUT_SECONDS = 300.0
"""Seconds after which an idle connection is replaced: a firewall or proxy may have dropped it."""
CANCEL_SECONDS = 5.0
"""Seconds that a server may take to end a cancelled statement; then the connection is terminated."""
MAX_POLLS = 12
"""Checks of the lent connections during one statement timeout."""


class Session:
    """A connection, its prepared statements, and the time of its last use."""

    __slots__ = ("_statements", "_time", "connection", "ended", "generation", "reader", "until", "used")

    def __init__(self, connection: Any, generation: int) -> None:
        self.connection, self.generation = connection, generation
        self._time = asyncio.get_running_loop().time
        self.used = self._time()
        self._statements: BoundedCache[PreparedStatement, Any] = BoundedCache("prepared statements")
        self.reader: asyncio.Task[Any] | None = None
        self.ended, self.until = False, 0.0

    def read(self, seconds: float) -> None:
        """Begin a read of the current task, which is cancelled, with `ended` set, after so many seconds."""
        self.reader, self.until = asyncio.current_task(), self._time() + seconds

    async def execute(self, sql: str) -> None:
        """Run a command."""
        self.used = self._time()
        await self.connection.execute(sql)

    async def fetch_many(self, prepared: PreparedStatement, rows: list[Row]) -> list[Row]:
        """Run a statement once for each row of values, all of them sent at once, and return all rows."""
        self.used = self._time()
        results: list[Row] = await self.connection.fetchmany(prepared.sql, rows)
        return results

    async def fetch(self, prepared: PreparedStatement, row: Row) -> list[Row]:
        """Run a statement with its values in order and return its rows."""
        self.used = self._time()
        statement = self._statements.get(prepared)
        if statement is None:
            statement = await self._prepare(prepared)
        rows: list[Row] = await statement.fetch(*row)
        return rows

    async def _prepare(self, prepared: PreparedStatement) -> Any:
        """Prepare a statement and keep it; one of an unusual shape is unnamed, and the next unnamed one replaces it."""
        if not prepared.is_kept:
            return await self.connection.prepare(prepared.sql, name="")
        statement = await self.connection.prepare(prepared.sql)
        return self._statements.put(prepared, statement, STATEMENT_BYTES + CHARACTER_BYTES * len(prepared.sql))


class Pool:
    """At most `size` connections; a request waits `timeout` seconds for one and `statement_timeout` for a statement."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        size: int,
        timeout: float,
        statement_timeout: float,
        read_seconds: float | None = None,
    ) -> None:
        """Take also the seconds that a read may take, so that connections are checked often enough."""
        self._connect, self._size, self._timeout, self._statement_timeout = connect, size, timeout, statement_timeout
        self._poll_seconds = min(statement_timeout, read_seconds or statement_timeout) / MAX_POLLS
        self._cancelling: set[asyncio.Task[None]] = set()
        self._idle: list[Session] = []
        self._lent: set[Session] = set()
        self._poll_timer: asyncio.TimerHandle | None = None
        self._waiting: deque[tuple[float, asyncio.Future[Session | None]]] = deque()
        self._timeout_timer: asyncio.TimerHandle | None = None
        self._open = self._generation = 0
        self._emptied: asyncio.Future[None] | None = None
        self._closed = False

    async def acquire(self) -> Session:
        """Lend a connection. Raises TimeoutError, and what `connect` raises."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            while self._idle:
                session = self._idle.pop()
                if not session.connection.is_closed() and begun - session.used < IDLE_TIMEOUT_SECONDS:
                    return self._lend(session, loop)
                if session.connection.is_closed():
                    count_fall_back("connection")  # it broke while idle: a new one is opened
                self._forget(session)
            if self._open < self._size:
                return self._lend(await self._new(), loop)
            session_handed_on = await self._wait(begun + self._timeout)
            if session_handed_on:
                return session_handed_on

    def usage(self) -> dict[str, dict[str, float]]:
        """Return how many connections are idle and lent, and how many requests wait for one."""
        connections: dict[str, float] = {"idle": len(self._idle), "lent": len(self._lent)}
        return {"pool_connections": connections, "pool_waiting": {"": len(self._waiting)}}

    def release(self, session: Session, *, broken: bool = False) -> None:
        """Take a connection back; a `broken` one is closed."""
        session.reader = None
        if broken or self._closed or session.connection.is_closed() or session.generation != self._generation:
            self._forget(session)
            return
        if not self._hand(session):
            self._lent.discard(session)
            self._idle.append(session)

    def cancel(self, session: Session) -> None:
        """Take back a connection whose task was cancelled: cancel its statement at the server, then close it."""
        session.reader = None
        self._lent.discard(session)
        task = asyncio.get_running_loop().create_task(self._cancel(session))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _cancel(self, session: Session) -> None:
        """Close by the driver, which waits for the server's response to the cancelled statement."""
        try:
            with suppress(Exception):
                await session.connection.close(timeout=CANCEL_SECONDS)
        finally:
            self._forget(session)

    def expire(self) -> None:
        """Close all idle connections, and each lent one when it is released."""
        self._generation += 1
        while self._idle:
            self._forget(self._idle.pop())

    async def close(self) -> None:
        """Close idle connections and wait for the lent ones within the timeout of requests.

        A running transaction may still open a connection; from now on a released connection is closed.
        """
        self._closed = True
        idle, self._idle = self._idle, []
        for session in idle:
            await session.connection.close()
        self._open -= len(idle)
        if self._open:
            self._emptied = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    await self._emptied

    def _lend(self, session: Session, loop: asyncio.AbstractEventLoop) -> Session:
        session.used = loop.time()
        self._lent.add(session)
        if self._poll_timer is None:
            self._poll_timer = loop.call_later(self._poll_seconds, self._check_sessions)
        return session

    def _check_sessions(self) -> None:
        """Cancel reads after their timeout, and terminate connections whose server does not respond.

        The server ends other slow statements, unless it hangs or the network fails. A timer for each statement would
        cost a twentieth of a point read.
        """
        loop, self._poll_timer = asyncio.get_running_loop(), None
        now = loop.time()
        for session in self._lent:
            if session.reader:
                if now > session.until and not session.ended:
                    session.ended = True
                    session.reader.cancel()
            elif now - session.used > self._statement_timeout:
                session.connection.terminate()
        if self._lent:
            self._poll_timer = loop.call_later(self._poll_seconds, self._check_sessions)

    async def _new(self) -> Session:
        self._open += 1
        try:
            return Session(await self._connect(), self._generation)
        except BaseException:
            self._leave()
            raise

    async def _wait(self, until: float) -> Session | None:
        """Wait for a released connection, or for the slot of a closed one (None). Raises TimeoutError.

        All waiting requests share one timer: a timer for each, as of asyncio.wait_for, costs a tenth of a point read.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Session | None] = loop.create_future()
        self._waiting.append((until, future))
        if self._timeout_timer is None:
            self._timeout_timer = loop.call_at(until, self._expire_waiting)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and not future.exception():  # it was handed on just before
                session = future.result()
                self._hand(None) if session is None else self.release(session)
            raise

    def _expire_waiting(self) -> None:
        """Raise TimeoutError in requests that have waited too long, and set the timer for the next one."""
        loop, self._timeout_timer = asyncio.get_running_loop(), None
        while self._waiting and (self._waiting[0][0] <= loop.time() or self._waiting[0][1].done()):
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(TimeoutError(f"none of {self._size} connections was free within {self._timeout:g} s"))
        if self._waiting:
            self._timeout_timer = loop.call_at(self._waiting[0][0], self._expire_waiting)

    def _hand(self, session: Session | None) -> bool:
        """Hand a connection, or the slot for one, to the request that waits longest; return whether there is one."""
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_result(session)
                return True
        return False

    def _forget(self, session: Session) -> None:
        self._lent.discard(session)
        session.connection.terminate()
        self._leave()

    def _leave(self) -> None:
        """Count a connection less; wake a request that waits for its slot, and `close` after the last one."""
        self._open -= 1
        self._hand(None)
        if self._open == 0 and self._emptied and not self._emptied.done():
            self._emptied.set_result(None)
