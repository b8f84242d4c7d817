"""Writes to a SQLite file: one connection commits queued writes as a group; each has a deadline."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, cast

from gql_releases.domain.errors import DomainError, Unavailable
from gql_releases.storage.engine.database import TakesLong, Work
from gql_releases.storage.engine.sqlite_connection import SqliteConnection
from gql_releases.storage.engine.sqlite_errors import SQLITE_ERRORS, is_busy
from gql_releases.storage.engine.sqlite_files import OpenFiles

Result = TypeVar("Result")
Run = Callable[[sqlite3.Connection, Work[Any], bool], Any]
"""Runs work on a connection; True: on the event loop, where long work raises TakesLong."""

MAX_WRITE_GROUP = 8
"""Maximum writes of one commit: some milliseconds, during which the event loop is blocked."""
WRITE_TIMEOUT_SECONDS = 10.0
"""Seconds that a write may wait, for other writes or another process, until it is refused."""
STOPPED_MESSAGE = "The server stops; nothing was changed."
BUSY_MESSAGE = "The store is busy; nothing was changed."


class Write:
    """A queued write with its `deadline` (of time.monotonic)."""

    def __init__(self, work: Work[Any], deadline: float, *, large: bool) -> None:
        self.work, self.deadline, self.large = work, deadline, large
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: Exception | None = None
        self.committed = False

    def resolve(self) -> None:
        """Pass the result or the error to the caller."""
        if self.future.done():
            return
        if self.error:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteWriter:
    """Commits writes in groups.

    Small writes run on the event loop, and only their commit in a thread: in a thread they would compete with the loop for
    the interpreter at every row, which doubles their time. Large ones run in the thread, which also waits while another
    process writes.
    """

    def __init__(self, connect: Callable[[], SqliteConnection], run: Run, files: OpenFiles) -> None:
        """Take the functions that open the connection and run work on it, and the files that must stay the same."""
        self._connect, self._run_work, self._files = connect, run, files
        self._waiting: deque[Write] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self.connection: SqliteConnection | None = None
        self.is_stale = False
        """Whether the connection keeps a statement of an unusual shape: it is replaced for the next writes."""

    @property
    def waiting(self) -> int:
        """The number of queued writes."""
        return len(self._waiting)

    async def write(self, work: Work[Result], *, large: bool) -> Result:
        """Run `work` in one of the next commits and return its result after it. Raises Unavailable."""
        write = Write(work, time.monotonic() + WRITE_TIMEOUT_SECONDS, large=large)
        self._waiting.append(write)
        if self._task is None:
            self._task = asyncio.ensure_future(self._write_all())
            self._task.add_done_callback(self._refuse_rest)
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                return cast(Result, await asyncio.shield(write.future))
        except TimeoutError:
            if write in self._waiting:
                self._waiting.remove(write)
                raise Unavailable(BUSY_MESSAGE) from None
            return cast(Result, await write.future)

    async def close(self) -> None:
        """Finish the queued writes and close the connection."""
        if self._task:
            await self._task
        self._thread.shutdown()
        if self.connection:
            self.connection.close()

    async def _write_all(self) -> None:
        """Run the queued writes, group after group. However this ends, each caller gets a result or an error."""
        group: list[Write] = []
        try:
            while self._waiting:
                group = []
                try:
                    if connection := await self._begin():
                        group = self._next_group()
                        await self._write_group(connection, group)
                except Exception as error:  # noqa: BLE001 - raised again in each caller
                    group = group or self._next_group()
                    for write in group:
                        write.error = error
                for write in group:
                    write.resolve()
                if self.is_stale and self.connection:
                    self.connection.close()
                    self.connection, self.is_stale = None, False
        except BaseException:  # cancelled: the group has been committed or rolled back
            for write in (*group, *self._waiting):
                if not write.committed and write.error is None:
                    write.error = Unavailable(STOPPED_MESSAGE)
                write.resolve()
            self._waiting.clear()
            raise
        finally:
            self._task = None

    def _refuse_rest(self, task: asyncio.Task[None]) -> None:
        """Refuse the queued writes where the task was cancelled before it began."""
        if self._task is task:
            self._task = None
            while self._waiting:
                write = self._waiting.popleft()
                write.error = Unavailable(STOPPED_MESSAGE)
                write.resolve()

    async def _begin(self) -> sqlite3.Connection | None:
        """Begin a transaction for the queued writes; None where their deadlines have passed. Raises Unavailable."""
        if self.connection is None:
            self.connection = await self._in_thread(self._open)
        connection = self.connection
        with SQLITE_ERRORS:
            connection.ignore_statistics()
        while self._waiting:
            begun = _begin_now(connection) or await self._in_thread(
                partial(_begin_until, connection, self._waiting[0].deadline)
            )
            self._refuse_late()
            if begun and self._waiting:
                return connection
            if begun:
                connection.execute("ROLLBACK")
        return None

    def _open(self) -> SqliteConnection:
        connection = self._connect()
        connection.execute("PRAGMA temp_store=MEMORY")  # no file for the journal of statements of several rows
        connection.execute("PRAGMA busy_timeout=0")
        return connection

    def _refuse_late(self) -> None:
        """Refuse the writes whose deadline passed while another process had locked the file."""
        while self._waiting and self._waiting[0].deadline <= time.monotonic():
            write = self._waiting.popleft()
            write.error = Unavailable(BUSY_MESSAGE)
            write.resolve()

    def _next_group(self) -> list[Write]:
        group = [self._waiting.popleft()] if self._waiting else []
        while self._waiting and len(group) < MAX_WRITE_GROUP and not group[0].large and not self._waiting[0].large:
            group.append(self._waiting.popleft())
        return group

    async def _write_group(self, connection: sqlite3.Connection, group: list[Write]) -> None:
        if group[0].large:
            await self._in_thread(partial(self._write_apart, connection, group))
        else:
            try:
                self._run_all(connection, group, on_loop=True)
            except TakesLong:  # one of them reads a scan: all are repeated in the thread
                await self._in_thread(partial(self._write_again, connection, group))
                self._files.require_same()
                return
            try:
                self._files.require_same()
            except Unavailable:
                connection.execute("ROLLBACK")
                raise
            await self._in_thread(partial(_commit, connection, group))
        self._files.require_same()  # else the commit went to a file that is no longer the database

    def _write_again(self, connection: sqlite3.Connection, group: list[Write]) -> None:
        if not _begin_until(connection, group[0].deadline):
            raise Unavailable(BUSY_MESSAGE)
        self._write_apart(connection, group)

    def _write_apart(self, connection: sqlite3.Connection, group: list[Write]) -> None:
        self._run_all(connection, group)
        _commit(connection, group)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the thread; a cancellation first waits for its end, so that its outcome is known."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()  # marks it as retrieved
            raise

    def _run_all(self, connection: sqlite3.Connection, group: list[Write], *, on_loop: bool = False) -> None:
        """Run a group of writes; an error that is raised from here is one of all, and they are rolled back.

        A single write needs no savepoint, for which SQLite copies each page before it changes it.
        """
        try:
            with SQLITE_ERRORS:
                if len(group) == 1:
                    group[0].result = self._run_work(connection, group[0].work, on_loop)
                    return
                for write in group:
                    self._run(connection, write, on_loop)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _run(self, connection: sqlite3.Connection, write: Write, on_loop: bool) -> None:
        """Run one write in a savepoint. An error of the write rolls back the write, one of the database the group."""
        connection.execute("SAVEPOINT write")
        write.error = None
        try:
            write.result = self._run_work(connection, write.work, on_loop)
        except (sqlite3.OperationalError, TakesLong):
            raise
        except Exception as error:
            if not isinstance(error, DomainError) and not connection.in_transaction:
                raise
            write.error = error
            connection.execute("ROLLBACK TO write")
        connection.execute("RELEASE write")


def _begin_now(connection: sqlite3.Connection) -> bool:
    """Begin a write transaction and return True; False while another process writes. Raises Unavailable."""
    try:
        with SQLITE_ERRORS:
            connection.execute("BEGIN IMMEDIATE")
    except Unavailable as error:
        if is_busy(error.__cause__):
            return False
        raise
    return True


def _begin_until(connection: sqlite3.Connection, deadline: float) -> bool:
    """Begin a write transaction, waiting until `deadline` at most; return whether it began. Raises Unavailable."""
    seconds = max(deadline - time.monotonic(), 0)
    connection.execute(f"PRAGMA busy_timeout={seconds * 1000:.0f}")
    try:
        return _begin_now(connection)
    finally:
        connection.execute("PRAGMA busy_timeout=0")


def _commit(connection: sqlite3.Connection, group: list[Write]) -> None:
    with SQLITE_ERRORS:
        try:
            connection.execute("COMMIT")
            for write in group:
                write.committed = True
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
