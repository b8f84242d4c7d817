"""SQLite: connections for reads, and one for writes, which commits queued writes as a group."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from sqlalchemy import Table

from gql_releases.storage.engine.database import READ_TIMEOUT_SECONDS, TakesLong, Usage, Work
from gql_releases.storage.engine.dialects import ROWS_PER_INSERT, SqliteDialect
from gql_releases.storage.engine.read_threads import ReadThreads, is_interrupt
from gql_releases.storage.engine.sqlite_connection import SqliteConnection
from gql_releases.storage.engine.sqlite_errors import SQLITE_ERRORS, translate
from gql_releases.storage.engine.sqlite_files import OpenFiles, create_file
from gql_releases.storage.engine.sqlite_writer import SqliteWriter
from gql_releases.storage.engine.statements import PreparedStatement, Row, Statement, StatementRows, StatementValues, Values

Result = TypeVar("Result")

CONNECTION_PRAGMAS = (
    "synchronous=FULL",  # an acknowledged write survives a power failure; group commit makes it affordable
    "foreign_keys=ON",
    "cache_size=-8192",
    "mmap_size=1073741824",
)
BUSY_TIMEOUT_MS = 5000
CONNECT_WAIT_MS = 200
"""Milliseconds that a new connection waits for another writer in order to ignore statistics; it tries again later."""
MAX_PREPARED_STATEMENTS = 128
"""Statements that a connection keeps prepared, each of at most LONG_SQL characters and about 90 KB; writers have 50."""
MAX_THREAD_STATEMENTS = 8
"""The same for each connection of the read threads (large reads and scans), whose statements may be longer."""
SQLITE = SqliteDialect()
"""The dialect of all databases of a process: statements are compiled once for it."""
PROGRESS_STEPS = 5_000
"""Instructions of SQLite's virtual machine between two calls of the progress handler: 0.1 to 0.2 ms.

SQLite counts them for each statement over all its runs: a run of a shorter statement has a call or none. With more
instructions a few short statements of one read could reach the maximum together.
"""
MAX_PROGRESS_CALLS = 60
"""Calls of the progress handler (6 to 12 ms) after which a read on the event loop is interrupted, to run in a thread."""


def sqlite_path(url: str) -> Path:
    """Return the file of `sqlite:///relative.db` or `sqlite:////absolute.db`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or not parts.path.strip("/"):
        raise ValueError(
            f"A database's URL must look like sqlite:///file.db or postgresql://user@host/database, not {parts.scheme}:..."
        )
    return Path(unquote(parts.path[1:])).absolute()


def connect(path: Path, statements: int = MAX_PREPARED_STATEMENTS) -> SqliteConnection:
    """Open a connection with this package's settings; a new file is readable by its owner only.

    `statements`: how many the connection keeps prepared. Raises Unavailable.
    """
    create_file(path)
    with SQLITE_ERRORS:
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=statements,
            factory=SqliteConnection,
        )
        try:
            _use_wal(connection)
            for pragma in CONNECTION_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.ignore_statistics(CONNECT_WAIT_MS)
        except BaseException:
            connection.close()
            raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging. SQLite has no busy timeout here, so this repeats it.

    Raises sqlite3.OperationalError where another connection locks the file for longer than BUSY_TIMEOUT_MS.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class SqliteTransaction:
    """A transaction on one connection. No method suspends: see `run_through`."""

    def __init__(self, connection: sqlite3.Connection, dialect: SqliteDialect, *, on_loop: bool = False) -> None:
        self._connection, self.dialect, self._on_loop = connection, dialect, on_loop
        self.has_unkept = False
        """Whether a statement has run that the connection should not keep prepared."""

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and return its rows."""
        prepared = statement.prepare(self.dialect)
        if not prepared.is_kept:
            self.has_unkept = True
        try:
            return self._connection.execute(prepared.sql, prepared.bind(values)).fetchall()
        except sqlite3.Error as error:
            error.add_note(f"Statement {statement.name}")
            raise

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and return its first row."""
        prepared = statement.prepare(self.dialect)
        try:
            row: Row | None = self._connection.execute(prepared.sql, prepared.bind(values)).fetchone()
        except sqlite3.Error as error:
            error.add_note(f"Statement {statement.name}")
            raise
        return row

    async def execute(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""
        await self.fetch_all(statement, values)

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values."""
        if not rows:
            return
        try:
            self._execute_many(statement.prepare(self.dialect), rows)
        except sqlite3.Error as error:
            error.add_note(f"Statement {statement.name}")
            raise

    def _execute_many(self, prepared: PreparedStatement, rows: list[dict[str, Any]]) -> None:
        bound = [prepared.bind(row) for row in rows]
        if prepared.multi_row_sql:
            whole = len(bound) // ROWS_PER_INSERT * ROWS_PER_INSERT
            parts = [tuple(chain(*bound[start : start + ROWS_PER_INSERT])) for start in range(0, whole, ROWS_PER_INSERT)]
            self._connection.executemany(prepared.multi_row_sql, parts)
            bound = bound[whole:]
        self._connection.executemany(prepared.sql, bound)

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        """Run statements for their effect, each for its rows, one after another, and return the rows of `then`."""
        for statement, rows in run:
            await self.execute_many(statement, rows)
        return await self.fetch_all(*then) if then else []

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        """Return the ids after the last one: there is one writer."""
        if count == 0:
            return iter(())
        if target.dialect_options["sqlite"]["autoincrement"]:  # ids of deleted rows are not reused
            row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (target.name,)).fetchone()
        else:
            row = self._connection.execute(f"SELECT max(id) FROM {target.name}").fetchone()
        last = (row and row[0]) or 0
        return iter(range(last + 1, last + 1 + count))

    def require_thread(self) -> None:
        """Raise TakesLong on the event loop."""
        if self._on_loop:
            raise TakesLong

    async def yield_to_others(self) -> None:
        """Do nothing: large writes run in a thread."""

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and return all rows, in order."""
        prepared, execute = statement.prepare(self.dialect), self._connection.execute
        return [result for row in rows for result in execute(prepared.sql, prepared.bind(row)).fetchall()]


class ThreadedTransaction(SqliteTransaction):
    """A read in a thread, which checks before each statement whether it was ended."""

    def __init__(self, connection: sqlite3.Connection, dialect: SqliteDialect, check: Callable[[], None]) -> None:
        super().__init__(connection, dialect)
        self._check = check

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and return its rows. Raises ReadEnded."""
        self._check()
        return await super().fetch_all(statement, values)


def run_through(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never suspends and return its result, on any thread."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast(Result, stop.value)
    coroutine.close()
    raise RuntimeError("work in a SQLite transaction must not wait for anything else")


class SqliteDatabase:
    """A SQLite file: a connection for reads on the event loop, more for reads in threads, and the one of SqliteWriter."""

    def __init__(self, path: Path, read_seconds: float = READ_TIMEOUT_SECONDS) -> None:
        """Take the file, and the seconds that a read may take."""
        self.path, self.dialect = path, SQLITE
        self._reader = connect(path)
        self._reader.set_progress_handler(self._is_too_long, PROGRESS_STEPS)
        self._reading = SqliteTransaction(self._reader, self.dialect)
        self._progress_calls = 0
        self._files = OpenFiles(path)
        self._read_threads = ReadThreads(partial(self._connect_again, MAX_THREAD_STATEMENTS), read_seconds)
        self._writer = SqliteWriter(self._connect_again, self._run_write, self._files)

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Return the rows of a reading statement, which is a snapshot by itself. Raises as `read` does."""
        if not large:
            prepared = statement.prepare(self.dialect)
            self._progress_calls = 0
            try:
                self._reader.ignore_statistics()
                return self._reader.execute(prepared.sql, prepared.bind(values)).fetchall()
            except sqlite3.DatabaseError as error:
                self._require_moved(error, move=move)
        return await self.read(lambda transaction: transaction.fetch_all(statement, values), large=True)

    async def read(self, work: Work[Result], *, large: bool = False, move: bool = True) -> Result:
        """Run `work` on one snapshot: on the event loop, or in a thread when it is large.

        A long read on the event loop is interrupted and repeated in a thread, or, where `move` is false, raises TakesLong.
        Raises TimedOut, Unavailable.
        """
        if not large:
            self._progress_calls = 0
            try:
                self._reader.ignore_statistics()
                self._reader.execute("BEGIN")
                try:
                    return cast(Result, run_through(cast(Any, work(self._reading))))
                finally:
                    if self._reader.in_transaction:  # some errors end it
                        self._reader.execute("ROLLBACK")
            except sqlite3.DatabaseError as error:
                self._require_moved(error, move=move)
        with SQLITE_ERRORS:
            return await self._read_threads.run(partial(self._read_apart, work))

    def _is_too_long(self) -> bool:
        """Return whether the statement on the event loop is to be interrupted; called after each PROGRESS_STEPS."""
        self._progress_calls += 1
        return self._progress_calls >= MAX_PROGRESS_CALLS

    def _require_moved(self, error: sqlite3.DatabaseError, *, move: bool) -> None:
        """Return where a read was interrupted and is to be repeated in a thread; else raise its error."""
        if is_interrupt(error):
            if not move:
                raise TakesLong from error
            return
        translate(error)
        raise error

    def _read_apart(self, work: Work[Result], connection: sqlite3.Connection, check: Callable[[], None]) -> Result:
        return cast(Result, run_through(cast(Any, work(ThreadedTransaction(connection, self.dialect, check)))))

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in a savepoint of the next commit and return its result after it. Raises Unavailable."""
        return await self._writer.write(work, large=large)

    def usage(self) -> Usage:
        """Return the number of waiting writes."""
        return {"write_queue": {"": self._writer.waiting}}

    async def close(self) -> None:
        """Finish the queued writes and close the file."""
        await self._writer.close()
        await self._read_threads.close()
        self._reader.close()

    def _connect_again(self, statements: int = MAX_PREPARED_STATEMENTS) -> SqliteConnection:
        """Open another connection to the same file. Raises Unavailable, also where the file was replaced."""
        self._files.require_same()
        return connect(self.path, statements)

    def _run_write(self, connection: sqlite3.Connection, work: Work[Any], on_loop: bool) -> Any:
        transaction = SqliteTransaction(connection, self.dialect, on_loop=on_loop)
        try:
            return run_through(cast(Any, work(transaction)))
        finally:
            self._writer.is_stale |= transaction.has_unkept
