"""Connections to PostgreSQL, opened as requests come; whoever finds none free waits within a limit.

asyncpg's own pool resets, wraps and times each connection that it lends, which costs as much as a point read. These hold
no session state, and one that failed is not lent again.
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
"""What a prepared statement weighs on a connection, and a character of its SQL."""
IDLE_TIMEOUT_SECONDS = 300.0
"""Seconds after which an unused connection is opened anew: something between may have forgotten it."""
CANCEL_SECONDS = 5.0
"""Seconds that a server may take to end a statement that nobody waits for; then the connection is cut off."""
MAX_POLLS = 12
"""Times that connections are looked at while one may go without an answer."""


class Session:
    """A connection, the statements that are prepared on it, and when it was last used."""

    __slots__ = ("_statements", "_time", "connection", "ended", "generation", "reader", "until", "used")

    def __init__(self, connection: Any, generation: int) -> None:
        self.connection, self.generation = connection, generation
        self._time = asyncio.get_running_loop().time
        self.used = self._time()
        self._statements: BoundedCache[PreparedStatement, Any] = BoundedCache("prepared statements")
        self.reader: asyncio.Task[Any] | None = None
        self.ended, self.until = False, 0.0

    def read(self, seconds: float) -> None:
        """Begin a read of the task that runs, which is cancelled, and `ended` set, when the read takes longer."""
        self.reader, self.until = asyncio.current_task(), self._time() + seconds

    async def execute(self, sql: str) -> None:
        """Run a command."""
        self.used = self._time()
        await self.connection.execute(sql)

    async def fetch_many(self, prepared: PreparedStatement, rows: list[Row]) -> list[Row]:
        """Run a statement once for each row of values, all of them sent at once, and give all that they returned."""
        self.used = self._time()
        found: list[Row] = await self.connection.fetchmany(prepared.sql, rows)
        return found

    async def fetch(self, prepared: PreparedStatement, row: Row) -> list[Row]:
        """Run a statement with its values in order and give its rows."""
        self.used = self._time()
        statement = self._statements.get(prepared)
        if statement is None:
            statement = await self._prepare(prepared)
        found: list[Row] = await statement.fetch(*row)
        return found

    async def _prepare(self, prepared: PreparedStatement) -> Any:
        """Prepare a statement and keep it; one of an unusual shape has no name, and the next such takes its place."""
        if not prepared.is_kept:
            return await self.connection.prepare(prepared.sql, name="")
        statement = await self.connection.prepare(prepared.sql)
        return self._statements.put(prepared, statement, STATEMENT_BYTES + CHARACTER_BYTES * len(prepared.sql))


class Pool:
    """At most `size` connections; a request waits `patience` seconds for one, and `longest` for a statement's end."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        size: int,
        patience: float,
        longest: float,
        read_seconds: float | None = None,
    ) -> None:
        """Take also the seconds that a read may take, to look at connections often enough."""
        self._connect, self._size, self._patience, self._longest = connect, size, patience, longest
        self._between_looks = min(longest, read_seconds or longest) / MAX_POLLS
        self._cancelling: set[asyncio.Task[None]] = set()
        self._idle: list[Session] = []
        self._lent: set[Session] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._waiting: deque[tuple[float, asyncio.Future[Session | None]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
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
                    count_fall_back("connection")  # it broke while nobody used it: a new one is opened
                self._forget(session)
            if self._open < self._size:
                return self._lend(await self._new(), loop)
            handed = await self._wait(begun + self._patience)
            if handed:
                return handed

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
        """Take back a connection whose statement nobody waits for any more: end it at the server, then close it."""
        session.reader = None
        self._lent.discard(session)
        task = asyncio.get_running_loop().create_task(self._cancel(session))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _cancel(self, session: Session) -> None:
        """Close as the driver does, which waits until the server has answered the cancelled statement."""
        try:
            with suppress(Exception):
                await session.connection.close(timeout=CANCEL_SECONDS)
        finally:
            self._forget(session)

    def expire(self) -> None:
        """Close all connections that are there, those that are lent when they come back."""
        self._generation += 1
        while self._idle:
            self._forget(self._idle.pop())

    async def close(self) -> None:
        """Close what is not lent, and wait for the rest to come back: within the limit that requests have.

        Work that is under way may still open a connection; nothing is kept from here on.
        """
        self._closed = True
        idle, self._idle = self._idle, []
        for session in idle:
            await session.connection.close()
        self._open -= len(idle)
        if self._open:
            self._emptied = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied, self._patience)

    def _lend(self, session: Session, loop: asyncio.AbstractEventLoop) -> Session:
        session.used = loop.time()
        self._lent.add(session)
        if self._watch is None:
            self._watch = loop.call_later(self._between_looks, self._look)
        return session

    def _look(self) -> None:
        """End reads that take too long, and cut off connections that did not answer in time.

        The server ends the other slow statements, but it may hang or be far away.

        A timer for each statement costs as much as a twentieth of a point read.
        """
        loop, self._watch = asyncio.get_running_loop(), None
        now = loop.time()
        for session in self._lent:
            if session.reader:
                if now > session.until and not session.ended:
                    session.ended = True
                    session.reader.cancel()
            elif now - session.used > self._longest:
                session.connection.terminate()
        if self._lent:
            self._watch = loop.call_later(self._between_looks, self._look)

    async def _new(self) -> Session:
        self._open += 1
        try:
            return Session(await self._connect(), self._generation)
        except BaseException:
            self._leave()
            raise

    async def _wait(self, until: float) -> Session | None:
        """Wait for a connection that comes back, or for the place of one that was closed (None). Raises TimeoutError.

        One alarm does for all who wait: a timer each, as asyncio.wait_for has it, costs a tenth of a point read.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Session | None] = loop.create_future()
        self._waiting.append((until, future))
        if self._alarm is None:
            self._alarm = loop.call_at(until, self._ring)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and not future.exception():  # it came at the last moment
                session = future.result()
                self._hand(None) if session is None else self.release(session)
            raise

    def _ring(self) -> None:
        """Tell whose time is over, and set the alarm for who is next."""
        loop, self._alarm = asyncio.get_running_loop(), None
        while self._waiting and (self._waiting[0][0] <= loop.time() or self._waiting[0][1].done()):
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(TimeoutError(f"none of {self._size} connections was free within {self._patience:g} s"))
        if self._waiting:
            self._alarm = loop.call_at(self._waiting[0][0], self._ring)

    def _hand(self, session: Session | None) -> bool:
        """Give a connection, or the place for one, to who waits longest."""
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
        """Count a connection less, and tell who waits for its place, or for the last one to go."""
        self._open -= 1
        self._hand(None)
        if self._open == 0 and self._emptied and not self._emptied.done():
            self._emptied.set_result(None)
