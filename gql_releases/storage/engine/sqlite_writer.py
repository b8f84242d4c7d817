"""Writes to a SQLite file: one connection commits what has queued up as a group, each write until its deadline."""

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
from gql_releases.storage.engine.sqlite_errors import SQLITE_ERRORS, is_busy
from gql_releases.storage.engine.sqlite_files import OpenFiles

Result = TypeVar("Result")
Run = Callable[[sqlite3.Connection, Work[Any], bool], Any]
"""Runs work through on a connection, on the event loop or not. Raises TakesLong there for what belongs in the thread."""

MAX_WRITE_GROUP = 8
"""Writes of one commit at most: some milliseconds, for which the event loop does nothing else."""
WRITE_TIMEOUT_SECONDS = 10.0
"""Seconds from a write's arrival until it is refused, whatever it waits for: other writes, or another process."""
STOPPED_MESSAGE = "The server stops; nothing was changed."
BUSY_MESSAGE = "The store is busy; nothing was changed."


class Write:
    """A write that waits for its turn, until `deadline` (of time.monotonic)."""

    def __init__(self, work: Work[Any], deadline: float, *, large: bool) -> None:
        self.work, self.deadline, self.large = work, deadline, large
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: Exception | None = None
        self.committed = False

    def answer(self) -> None:
        """Give the caller the result or the error."""
        if self.future.done():
            return
        if self.error:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteWriter:
    """Commits writes in groups.

    Small writes run on the event loop, and only their commit in a thread: a thread of their own would fight with the loop
    for the interpreter at every row, which takes as much time again. Large ones run in the thread, which also waits where
    another process writes.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], run: Run, files: OpenFiles) -> None:
        """Take what opens the connection, what runs work on it, and the files that must stay the same."""
        self._connect, self._run_work, self._files = connect, run, files
        self._waiting: deque[Write] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self.connection: sqlite3.Connection | None = None
        self.is_stale = False
        """Whether the connection keeps a statement of an unusual shape: it is opened anew for the next writes."""

    @property
    def waiting(self) -> int:
        """Writes that wait for their turn."""
        return len(self._waiting)

    async def write(self, work: Work[Result], *, large: bool) -> Result:
        """Run `work` in one of the next commits and return its result after it. Raises Unavailable."""
        write = Write(work, time.monotonic() + WRITE_TIMEOUT_SECONDS, large=large)
        self._waiting.append(write)
        if self._task is None:
            self._task = asyncio.ensure_future(self._write_all())
            self._task.add_done_callback(self._refuse_rest)
        try:
            return cast(Result, await asyncio.wait_for(asyncio.shield(write.future), WRITE_TIMEOUT_SECONDS))
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
        """Write what waits, a group after the other. Whatever ends this, every caller gets an answer."""
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
                    write.answer()
                if self.is_stale and self.connection:
                    self.connection.close()
                    self.connection, self.is_stale = None, False
        except BaseException:  # cancelled: what was begun has been committed or undone
            for write in (*group, *self._waiting):
                if not write.committed and write.error is None:
                    write.error = Unavailable(STOPPED_MESSAGE)
                write.answer()
            self._waiting.clear()
            raise
        finally:
            self._task = None

    def _refuse_rest(self, task: asyncio.Task[None]) -> None:
        """Refuse what waits where the task was cancelled before it began."""
        if self._task is task:
            self._task = None
            while self._waiting:
                write = self._waiting.popleft()
                write.error = Unavailable(STOPPED_MESSAGE)
                write.answer()

    async def _begin(self) -> sqlite3.Connection | None:
        """Begin a transaction for the writes that wait; None where their time is over. Raises Unavailable."""
        if self.connection is None:
            self.connection = await self._in_thread(self._open)
        connection = self.connection
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

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA temp_store=MEMORY")  # not to a file: what a statement of several rows changes
        connection.execute("PRAGMA busy_timeout=0")
        return connection

    def _refuse_late(self) -> None:
        """Refuse the writes whose deadline has passed while another process had the file."""
        while self._waiting and self._waiting[0].deadline <= time.monotonic():
            write = self._waiting.popleft()
            write.error = Unavailable(BUSY_MESSAGE)
            write.answer()

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
            except TakesLong:  # one of them shows what scans: all again, in the thread
                await self._in_thread(partial(self._write_again, connection, group))
                self._files.require_same()
                return
            try:
                self._files.require_same()
            except Unavailable:
                connection.execute("ROLLBACK")
                raise
            await self._in_thread(partial(_commit, connection, group))
        self._files.require_same()  # else it was committed to a file that nobody will open again

    def _write_again(self, connection: sqlite3.Connection, group: list[Write]) -> None:
        if not _begin_until(connection, group[0].deadline):
            raise Unavailable(BUSY_MESSAGE)
        self._write_apart(connection, group)

    def _write_apart(self, connection: sqlite3.Connection, group: list[Write]) -> None:
        self._run_all(connection, group)
        _commit(connection, group)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the thread; cancelled, wait for its end first, so that it is known what became of it."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()  # nobody else looks at it
            raise

    def _run_all(self, connection: sqlite3.Connection, group: list[Write], *, on_loop: bool = False) -> None:
        """Run a group of writes; what is raised from here happened to all of them, and undid them.

        One that is alone needs no savepoint, for which SQLite copies each page before it changes it.
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
        """Run one write in a savepoint. A refusal undoes this write alone; a failing store undoes the group."""
        connection.execute("SAVEPOINT one")
        write.error = None
        try:
            write.result = self._run_work(connection, write.work, on_loop)
        except (sqlite3.OperationalError, TakesLong):
            raise
        except Exception as error:
            if not isinstance(error, DomainError) and not connection.in_transaction:
                raise
            write.error = error
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")


def _begin_now(connection: sqlite3.Connection) -> bool:
    """Begin to write and return True, unless another process is writing. Raises Unavailable."""
    try:
        with SQLITE_ERRORS:
            connection.execute("BEGIN IMMEDIATE")
    except Unavailable as error:
        if is_busy(error.__cause__):
            return False
        raise
    return True


def _begin_until(connection: sqlite3.Connection, deadline: float) -> bool:
    """Wait until no other process writes, at most until `deadline`, and return whether it was begun. Raises Unavailable."""
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
