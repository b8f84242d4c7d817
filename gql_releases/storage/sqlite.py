"""SQLite: reads on connections of their own, writes on one that commits what has queued up as a group."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from sqlalchemy import Table

from gql_releases.domain.errors import DomainError, Unavailable
from gql_releases.storage.database import READ_SECONDS, TakesLong, Work
from gql_releases.storage.dialects import SqliteDialect
from gql_releases.storage.read_threads import ReadThreads, is_interrupt
from gql_releases.storage.statements import SEVERAL, Row, Rows, Statement, Then, Values

Result = TypeVar("Result")

PRAGMAS = (
    "synchronous=FULL",  # what was acknowledged survives a power cut; the group commit pays for it
    "foreign_keys=ON",
    "cache_size=-8192",
    "mmap_size=1073741824",
)
BUSY_MS = 5000
GROUP = 8
"""Writes of one commit at most: some milliseconds, for which the event loop does nothing else."""
PATIENCE = 15.0
"""Seconds that a write may wait for its turn before it is withdrawn."""
STEPS = 100_000
"""Instructions of SQLite's machine between two looks at how long a read holds up the event loop: 2 to 4 ms."""
LOOKS = 3
"""Looks after which a read is taken off the event loop."""


def sqlite_path(url: str) -> Path:
    """Give the file behind `sqlite:///relative.db` or `sqlite:////absolute.db`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or not parts.path.strip("/"):
        raise ValueError(
            f"A database's URL must look like sqlite:///file.db or postgresql://user@host/database, not {parts.scheme}:..."
        )
    return Path(unquote(parts.path[1:])).absolute()


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection as all of ours are. Raises Unavailable."""
    with TRANSLATED:
        connection = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        _use_wal(connection)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if _forget_figures(connection):
            connection.close()
            return connect(path)  # this one keeps in mind what it has read
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging. SQLite waits for no other connection here, so this repeats it for a while.

    Raises sqlite3.OperationalError where others hold the file for longer than BUSY_MS.
    """
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _forget_figures(connection: sqlite3.Connection) -> bool:
    """Drop what an ANALYZE left, and say whether something was: every plan here is made for a planner that knows no figures.

    With them SQLite scans a small table rather than look a row up, does not see then that it is one row, and sorts all
    releases for each page of them.
    """
    found = connection.execute("SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')").fetchall()
    try:
        for (name,) in found:
            connection.execute(f"DROP TABLE IF EXISTS {name}")
    except sqlite3.OperationalError:  # nobody may write here: slower, not wrong
        return False
    return bool(found)


class Translated:
    """Raises what the driver says of a store that cannot do its work in the domain's words."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise Unavailable instead of an error that means it."""
        if isinstance(error, sqlite3.DatabaseError):
            translate(error)


TRANSLATED = Translated()


def translate(error: sqlite3.DatabaseError) -> None:
    """Raise Unavailable where an error means it."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _UNAVAILABLE:
        raise Unavailable(f"The store cannot do this now ({_UNAVAILABLE[code]}); nothing was changed.") from error


_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "it is locked",
    sqlite3.SQLITE_LOCKED: "it is locked",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "its disk fails",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
}


class SqliteTransaction:
    """A transaction on one connection. Nothing here waits: see `run_through`."""

    def __init__(self, connection: sqlite3.Connection, dialect: SqliteDialect, *, on_loop: bool = False) -> None:
        self._connection, self.dialect, self._on_loop = connection, dialect, on_loop

    async def all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and give its rows."""
        prepared = statement.on(self.dialect)
        return self._connection.execute(prepared.sql, prepared.bind(values)).fetchall()

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and give its first row."""
        prepared = statement.on(self.dialect)
        row: Row | None = self._connection.execute(prepared.sql, prepared.bind(values)).fetchone()
        return row

    async def run(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""
        await self.all(statement, values)

    async def run_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values."""
        if not rows:
            return
        prepared = statement.on(self.dialect)
        bound = [prepared.bind(row) for row in rows]
        if prepared.several:
            whole = len(bound) // SEVERAL * SEVERAL
            parts = [tuple(chain(*bound[start : start + SEVERAL])) for start in range(0, whole, SEVERAL)]
            self._connection.executemany(prepared.several, parts)
            bound = bound[whole:]
        self._connection.executemany(prepared.sql, bound)

    async def run_all(self, run: Sequence[Rows], then: Then | None = None) -> list[Row]:
        """Run statements for the effect, each for its rows, one after another, and give the rows of `then`."""
        for statement, rows in run:
            await self.run_many(statement, rows)
        return await self.all(*then) if then else []

    async def draw(self, target: Table, count: int) -> Iterator[int]:
        """Count on from the last id: there is one writer."""
        if count == 0:
            return iter(())
        if target.dialect_options["sqlite"]["autoincrement"]:  # an id of a row that is gone is not used again
            found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (target.name,)).fetchone()
        else:
            found = self._connection.execute(f"SELECT max(id) FROM {target.name}").fetchone()
        last = (found and found[0]) or 0
        return iter(range(last + 1, last + 1 + count))

    def require_thread(self) -> None:
        """Raise TakesLong on the event loop."""
        if self._on_loop:
            raise TakesLong

    async def pause(self) -> None:
        """Go on: large writes have a thread of their own."""

    async def all_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and give all rows that it returned, in order."""
        prepared, execute = statement.on(self.dialect), self._connection.execute
        return [given for row in rows for given in execute(prepared.sql, prepared.bind(row)).fetchall()]


class ThreadedTransaction(SqliteTransaction):
    """A read in a thread, which looks before each statement whether it is to end."""

    def __init__(self, connection: sqlite3.Connection, dialect: SqliteDialect, check: Callable[[], None]) -> None:
        super().__init__(connection, dialect)
        self._check = check

    async def all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and return its rows. Raises Ended."""
        self._check()
        return await super().all(statement, values)


def run_through(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never waits to its end, on any thread."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast(Result, done.value)
    coroutine.close()
    raise RuntimeError("work in a SQLite transaction must not wait for anything else")


class _Write:
    """A write that waits for its turn."""

    def __init__(self, work: Work[Any], *, large: bool) -> None:
        self.work, self.large = work, large
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        """Tell the caller."""
        if self.future.done():
            return
        if self.error:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteDatabase:
    """A SQLite file: connections that read, on the event loop and in threads, and one that writes for one group at a time.

    Small writes run on the event loop, too, and only their commit in a thread: a thread of their own would fight with the
    loop for the interpreter at every row, which takes as much time again. Large ones, and those that another process keeps
    waiting, run in the thread.
    """

    def __init__(self, path: Path, read_seconds: float = READ_SECONDS) -> None:
        """Take the file, and the seconds that a read may take."""
        self.path, self.dialect = path, SqliteDialect()
        self._reader = connect(path)
        self._reader.set_progress_handler(self._look, STEPS)
        self._reading = SqliteTransaction(self._reader, self.dialect)
        self._turn: asyncio.Handle | None = None
        self._looks = 0
        self._read_threads = ReadThreads(partial(connect, path), read_seconds)
        self._waiting: deque[_Write] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._writer: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Give the rows of a statement that reads. Raises as `read` does."""
        if not large:
            prepared = statement.on(self.dialect)
            self._looks = 0
            try:
                if self._turn is None:
                    self._begin_turn()
                return self._reader.execute(prepared.sql, prepared.bind(values)).fetchall()
            except sqlite3.DatabaseError as error:
                self._require_moved(error, move=move)
        return await self.read(lambda transaction: transaction.all(statement, values), large=True)

    async def read(self, work: Work[Result], *, large: bool = False, move: bool = True) -> Result:
        """Run `work` on one snapshot: here and now, or in a thread when it is large.

        What takes long here is run again in a thread, unless `move` is false: then TakesLong is raised. Raises TimedOut,
        Unavailable.
        """
        if not large:
            self._looks = 0
            try:
                if self._turn is None:
                    self._begin_turn()
                return cast(Result, run_through(cast(Any, work(self._reading))))
            except sqlite3.DatabaseError as error:
                self._require_moved(error, move=move)
        with TRANSLATED:
            return await self._read_threads.run(partial(self._read_apart, work))

    def _look(self) -> bool:
        """Return whether the statement that runs on the event loop is to be interrupted: SQLite calls it every STEPS."""
        self._looks += 1
        return self._looks >= LOOKS

    def _require_moved(self, error: sqlite3.DatabaseError, *, move: bool) -> None:
        """Return where a read was interrupted and is to be run again in a thread; else raise what became of it."""
        if is_interrupt(error):
            if not move:
                raise TakesLong from error
            return
        translate(error)
        raise error

    def _read_apart(self, work: Work[Result], connection: sqlite3.Connection, check: Callable[[], None]) -> Result:
        return cast(Result, run_through(cast(Any, work(ThreadedTransaction(connection, self.dialect, check)))))

    def _begin_turn(self) -> None:
        """Begin a snapshot for all reads of this turn of the event loop: one by one, each would lock and unlock the file.

        It is as new as any of them may ask for: the loop has taken in their requests before it began to answer them, and
        tells of a commit that came later in the next turn.
        """
        self._reader.execute("BEGIN")
        self._turn = asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        if self._turn:
            self._turn.cancel()
            self._turn = None
            if self._reader.in_transaction:
                self._reader.execute("ROLLBACK")

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in a savepoint of the next commit and answer after it. Raises Unavailable."""
        write = _Write(work, large=large)
        self._waiting.append(write)
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write_all())
        try:
            return cast(Result, await asyncio.wait_for(asyncio.shield(write.future), PATIENCE))
        except TimeoutError:
            if write in self._waiting:
                self._waiting.remove(write)
                raise Unavailable("The store is busy; nothing was changed.") from None
            return cast(Result, await write.future)

    async def close(self) -> None:
        """Finish the queued writes and close the file."""
        if self._writing:
            await self._writing
        self._end_turn()
        self._read_threads.close()
        self._thread.shutdown()
        for connection in (self._reader, self._writer):
            if connection:
                connection.close()

    async def _write_all(self) -> None:
        """Write what waits, a group after the other."""
        try:
            while self._waiting:
                group = self._next_group()
                try:
                    await self._write_group(group)
                except BaseException as error:
                    for write in group:
                        write.error = error
                for write in group:
                    write.answer()
        finally:
            self._writing = None

    def _next_group(self) -> list[_Write]:
        group = [self._waiting.popleft()]
        while self._waiting and len(group) < GROUP and not group[0].large and not self._waiting[0].large:
            group.append(self._waiting.popleft())
        return group

    async def _write_group(self, group: list[_Write]) -> None:
        run = asyncio.get_running_loop().run_in_executor
        if self._writer is None:
            self._writer = await run(self._thread, connect, self.path)
            self._writer.execute("PRAGMA temp_store=MEMORY")  # not to a file: what a statement of several rows changes
        connection = self._writer
        if group[0].large or not _begin_now(connection):
            await run(self._thread, self._write_apart, connection, group)
            return
        try:
            self._run_all(connection, group, on_loop=True)
        except TakesLong:  # one of them shows what scans: all again, in the thread
            await run(self._thread, self._write_apart, connection, group)
            return
        await run(self._thread, _commit, connection)

    def _write_apart(self, connection: sqlite3.Connection, group: list[_Write]) -> None:
        with TRANSLATED:
            connection.execute("BEGIN IMMEDIATE")
        self._run_all(connection, group)
        _commit(connection)

    def _run_all(self, connection: sqlite3.Connection, group: list[_Write], *, on_loop: bool = False) -> None:
        """Run a group of writes; what is raised from here happened to all of them, and undid them.

        One that is alone needs no savepoint, for which SQLite copies each page before it changes it.
        """
        try:
            with TRANSLATED:
                if len(group) == 1:
                    group[0].result = self._work(connection, group[0], on_loop=on_loop)
                    return
                for write in group:
                    self._run(connection, write, on_loop=on_loop)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _work(self, connection: sqlite3.Connection, write: _Write, *, on_loop: bool) -> Any:
        return run_through(cast(Any, write.work(SqliteTransaction(connection, self.dialect, on_loop=on_loop))))

    def _run(self, connection: sqlite3.Connection, write: _Write, *, on_loop: bool) -> None:
        """Run one write in a savepoint. A refusal undoes this write alone; a failing store undoes the group."""
        connection.execute("SAVEPOINT one")
        write.error = None
        try:
            write.result = self._work(connection, write, on_loop=on_loop)
        except (sqlite3.OperationalError, TakesLong):
            raise
        except Exception as error:
            if not isinstance(error, DomainError) and not connection.in_transaction:
                raise
            write.error = error
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")


def _begin_now(connection: sqlite3.Connection) -> bool:
    """Begin to write, unless another process is writing."""
    connection.execute("PRAGMA busy_timeout=0")
    try:
        with TRANSLATED:
            connection.execute("BEGIN IMMEDIATE")
    except Unavailable:
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return True


def _commit(connection: sqlite3.Connection) -> None:
    with TRANSLATED:
        try:
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
