"""A database whose statements are observed, for metrics and traces. Without observers the database is used as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Table

from gql_releases.storage.engine.database import Database, Usage, Work
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Row, Statement, StatementRows, StatementValues, Transaction, Values

Result = TypeVar("Result")


class Observer(Protocol):
    """Receives each statement that has run."""

    def current_context(self) -> Any:
        """Return the context of the current request's statements."""

    def note_statement(self, kind: str, name: str, sql: str, seconds: float, context: Any) -> None:
        """Record a statement that has ended: `read` or `write`, its name, its text without values; in any thread."""


class ObservedDatabase:
    """A database that reports each of its statements to an observer."""

    def __init__(self, database: Database, observer: Observer) -> None:
        self._database, self._observer = database, observer

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""
        return self._database.dialect

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Return the rows of a reading statement."""
        observer, begun = self._observer, time.perf_counter()
        context = observer.current_context()
        try:
            return await self._database.rows(statement, values, large=large, move=move)
        finally:
            observer.note_statement(
                "read", statement.name, statement.prepare(self.dialect).sql, time.perf_counter() - begun, context
            )

    async def read(self, work: Work[Result], *, large: bool = False, move: bool = True) -> Result:
        """Run `work` on one snapshot."""
        return await self._database.read(self._observe("read", work), large=large, move=move)

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in one transaction."""
        return await self._database.write(self._observe("write", work), large=large)

    def usage(self) -> Usage:
        """Return the use of this process's resources."""
        return self._database.usage()

    async def close(self) -> None:
        """Finish accepted writes, then close all connections."""
        await self._database.close()

    def _observe(self, kind: str, work: Work[Result]) -> Work[Result]:
        observer, context = self._observer, self._observer.current_context()
        return lambda transaction: work(ObservedTransaction(transaction, kind, observer, context))


class _Timed:
    """Reports a statement to the observer when its block ends."""

    __slots__ = ("_begun", "_name", "_sql", "_transaction")

    def __init__(self, transaction: ObservedTransaction, name: str, sql: str) -> None:
        self._transaction, self._name, self._sql = transaction, name, sql

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._transaction.note(self._name, self._sql, time.perf_counter() - self._begun)


class ObservedTransaction:
    """A transaction that reports each of its statements to an observer."""

    def __init__(self, transaction: Transaction, kind: str, observer: Observer, context: Any) -> None:
        self._transaction, self._kind, self._observer, self._context = transaction, kind, observer, context

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""
        return self._transaction.dialect

    def note(self, name: str, sql: str, seconds: float) -> None:
        """Report a statement to the observer."""
        self._observer.note_statement(self._kind, name, sql, seconds, self._context)

    def _time(self, statement: Statement) -> _Timed:
        return _Timed(self, statement.name, statement.prepare(self.dialect).sql)

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and return its rows."""
        with self._time(statement):
            return await self._transaction.fetch_all(statement, values)

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and return its first row."""
        with self._time(statement):
            return await self._transaction.fetch_one(statement, values)

    async def execute(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""
        with self._time(statement):
            await self._transaction.execute(statement, values)

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values: one statement for the observer."""
        with self._time(statement):
            await self._transaction.execute_many(statement, rows)

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        """Run statements for their effect, each for its rows: one statement for the observer."""
        statements = [statement for statement, rows in run if rows] + ([then[0]] if then else [])
        name = f"batch of {statements[0].name}" if statements else "batch"
        with _Timed(self, name, "; ".join(statement.prepare(self.dialect).sql for statement in statements)):
            return await self._transaction.execute_batch(run, then)

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        """Return ids for new rows of a table."""
        return await self._transaction.allocate_ids(target, count)

    def require_thread(self) -> None:
        """Raise TakesLong where the work would block the event loop."""
        self._transaction.require_thread()

    async def yield_to_others(self) -> None:
        """Let other tasks run."""
        await self._transaction.yield_to_others()

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and return all rows: one statement for the observer."""
        with self._time(statement):
            return await self._transaction.fetch_many(statement, rows)
