"""Threads for long reads of SQLite, each of which ends at its deadline or when its request is cancelled."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from gql_releases.domain.errors import TimedOut
from gql_releases.storage.engine.sqlite_connection import SqliteConnection

Result = TypeVar("Result")

MAX_READ_THREADS = 4
"""Maximum of concurrent reads: two scans and two other large reads (see store.py)."""
INTERRUPT_AGAIN_SECONDS = 0.02
"""Seconds until a read is interrupted again: between two statements an interrupt has no effect."""


class ReadEnded(Exception):
    """The read was ended."""


class ThreadedRead:
    """A read in a thread, which another thread can end."""

    def __init__(self) -> None:
        self._lock, self._ending = Lock(), False
        self._connection: sqlite3.Connection | None = None

    def attach(self, connection: sqlite3.Connection | None) -> None:
        """Set the connection that `end` interrupts; None for none."""
        with self._lock:
            self._connection = connection

    def check(self) -> None:
        """Raise ReadEnded when the read was ended."""
        if self._ending:
            raise ReadEnded

    def end(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        """End the read: interrupt its statement, repeatedly until its future has a result."""
        if future.done():
            return
        self._ending = True
        with self._lock:
            if self._connection:
                self._connection.interrupt()
        loop.call_later(INTERRUPT_AGAIN_SECONDS, self.end, loop, future)


class ReadThreads:
    """A bounded number of threads; each read has a connection of its own, which no write uses."""

    def __init__(self, connect: Callable[[], SqliteConnection], seconds: float) -> None:
        """Take the function that opens a connection, and the seconds that a read may take."""
        self._connect, self._seconds = connect, seconds
        self._spare: queue.SimpleQueue[SqliteConnection] = queue.SimpleQueue()
        self._running: dict[asyncio.Future[Any], ThreadedRead] = {}
        self._threads = ThreadPoolExecutor(MAX_READ_THREADS, "sqlite-reader")

    async def run(self, work: Callable[[sqlite3.Connection, Callable[[], None]], Result]) -> Result:
        """Run `work` on a snapshot in a thread, with the connection and a function to call before each statement.

        Raises TimedOut after the seconds of a read. Cancelled, it ends the read first.
        """
        loop, read = asyncio.get_running_loop(), ThreadedRead()
        future = loop.run_in_executor(self._threads, self._run, read, work)
        self._running[future] = read
        future.add_done_callback(lambda ended: self._running.pop(ended, None))
        timer = loop.call_later(self._seconds, read.end, loop, future)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            read.end(loop, future)
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()  # marks it as retrieved
            raise
        except ReadEnded:
            raise TimedOut(self._seconds) from None
        finally:
            timer.cancel()

    def _run(self, read: ThreadedRead, work: Callable[[sqlite3.Connection, Callable[[], None]], Result]) -> Result:
        try:
            connection = self._spare.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            connection.ignore_statistics()
            connection.execute("BEGIN")
            read.attach(connection)
            try:
                read.check()
                return work(connection, read.check)
            except sqlite3.OperationalError as error:
                if is_interrupt(error):
                    raise ReadEnded from error
                raise
            finally:
                read.attach(None)
                connection.execute("ROLLBACK")
        finally:
            self._spare.put(connection)

    async def close(self) -> None:
        """End the running reads and close the connections."""
        loop = asyncio.get_running_loop()
        for future, read in tuple(self._running.items()):
            read.end(loop, future)
        await loop.run_in_executor(None, self._threads.shutdown)
        while not self._spare.empty():
            self._spare.get().close()


def is_interrupt(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error is that of an interrupted statement."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
