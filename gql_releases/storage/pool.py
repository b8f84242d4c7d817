"""Connections to PostgreSQL, opened as requests come; whoever finds none free waits within a limit.

asyncpg's own pool resets, wraps and times each connection that it lends, which costs as much as a point read. These hold
no session state, and one that failed is not lent again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from gql_releases.storage.statements import Prepared, Row

STATEMENTS = 500
"""Prepared statements that a connection keeps."""
IDLE = 300.0
"""Seconds after which an unused connection is opened anew: something between may have forgotten it."""


class Session:
    """A connection, and the statements that are prepared on it."""

    __slots__ = ("_statements", "connection", "generation", "used")

    def __init__(self, connection: Any, generation: int) -> None:
        self.connection, self.generation, self.used = connection, generation, 0.0
        self._statements: OrderedDict[Prepared, Any] = OrderedDict()

    async def fetch(self, prepared: Prepared, row: Row) -> list[Row]:
        """Run a statement with its values in order and give its rows."""
        statement = self._statements.get(prepared)
        if statement is None:
            statement = self._statements[prepared] = await self.connection.prepare(prepared.sql)
            if len(self._statements) > STATEMENTS:
                self._statements.popitem(last=False)
        found: list[Row] = await statement.fetch(*row)
        return found


class Pool:
    """At most `size` connections; a request waits `patience` seconds for one."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], size: int, patience: float) -> None:
        self._connect, self._size, self._patience = connect, size, patience
        self._idle: list[Session] = []
        self._waiting: deque[asyncio.Future[Session | None]] = deque()
        self._open = self._generation = 0
        self._emptied: asyncio.Future[None] | None = None
        self._closed = False

    async def acquire(self) -> Session:
        """Lend a connection. Raises TimeoutError, and what `connect` raises."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            while self._idle:
                session = self._idle.pop()
                if not session.connection.is_closed() and loop.time() - session.used < IDLE:
                    return session
                self._forget(session)
            if self._open < self._size:
                return await self._new()
            handed = await self._wait(until - loop.time())
            if handed:
                return handed

    def release(self, session: Session, *, broken: bool = False) -> None:
        """Take a connection back; a `broken` one is closed."""
        if broken or self._closed or session.connection.is_closed() or session.generation != self._generation:
            self._forget(session)
            return
        session.used = asyncio.get_running_loop().time()
        if not self._hand(session):
            self._idle.append(session)

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

    async def _new(self) -> Session:
        self._open += 1
        try:
            return Session(await self._connect(), self._generation)
        except BaseException:
            self._leave()
            raise

    async def _wait(self, seconds: float) -> Session | None:
        """Wait for a connection that comes back, or for the place of one that was closed (None)."""
        future: asyncio.Future[Session | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await asyncio.wait_for(future, max(seconds, 0))
        except BaseException:
            if future.done() and not future.cancelled():  # it came at the last moment
                session = future.result()
                self._hand(None) if session is None else self.release(session)
            raise

    def _hand(self, session: Session | None) -> bool:
        """Give a connection, or the place for one, to who waits longest."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(session)
                return True
        return False

    def _forget(self, session: Session) -> None:
        session.connection.terminate()
        self._leave()

    def _leave(self) -> None:
        """Count a connection less, and tell who waits for its place, or for the last one to go."""
        self._open -= 1
        self._hand(None)
        if self._open == 0 and self._emptied and not self._emptied.done():
            self._emptied.set_result(None)
