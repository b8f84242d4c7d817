"""A database that records its statements, and a client of an application over it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Table

from gql_releases.app import create_app
from gql_releases.storage.engine.database import Database, Usage
from gql_releases.storage.engine.statements import (
    BulkStatement,
    Row,
    Statement,
    StatementRows,
    StatementValues,
    Transaction,
    Values,
)
from gql_releases.storage.store import Store, open_database
from tests.client import Client
from tests.conftest import Harness
from tests.databases import ON_POSTGRES

Result = TypeVar("Result")


class Recorder:
    """Records statements and the numbers of rows that they fetched."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.statements: list[tuple[str, int]] = []
        self.bound: dict[str, tuple[Any, ...]] = {}
        """The last values of each statement, in the driver's order."""

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        rows = await self._database.rows(statement, values, large=large, move=move)
        self.note(statement, len(rows), values)
        return rows

    async def read(
        self, work: Callable[[Transaction], Awaitable[Result]], *, large: bool = False, move: bool = True
    ) -> Result:
        return await self._database.read(
            lambda transaction: work(_RecordingTransaction(transaction, self)), large=large, move=move
        )

    async def write(self, work: Callable[[Transaction], Awaitable[Result]], *, large: bool = False) -> Result:
        return await self._database.write(lambda transaction: work(_RecordingTransaction(transaction, self)), large=large)

    def usage(self) -> Usage:
        return self._database.usage()

    async def close(self) -> None:
        await self._database.close()

    def take(self) -> list[tuple[str, int]]:
        """Return SQL and number of rows of each statement since the last call."""
        statements, self.statements = self.statements, []
        return statements

    def note(self, statement: Statement, rows: int, values: Values | None) -> None:
        """Record a statement, its number of rows and its values."""
        prepared = statement.prepare(self.dialect)
        label = f"/* {statement.name} */ "  # PostgreSQL's log shows it
        self.statements.append((prepared.sql.removeprefix(label), rows))
        if values is not None:
            if isinstance(statement, BulkStatement) and ON_POSTGRES:
                values = statement.pack_rows([dict(values)])
            self.bound[prepared.sql] = prepared.bind(values)


class _RecordingTransaction:
    def __init__(self, transaction: Transaction, recorder: Recorder) -> None:
        self._transaction, self._note, self.dialect = transaction, recorder.note, transaction.dialect

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        rows = await self._transaction.fetch_all(statement, values)
        self._note(statement, len(rows), values)
        return rows

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        row = await self._transaction.fetch_one(statement, values)
        self._note(statement, 0 if row is None else 1, values)
        return row

    async def execute(self, statement: Statement, values: Values) -> None:
        await self._transaction.execute(statement, values)
        self._note(statement, 0, values)

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        await self._transaction.execute_many(statement, rows)
        self._note(statement, 0, rows[0] if rows else None)

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        results = await self._transaction.execute_batch(run, then)
        for statement, rows in run:
            if rows:
                self._note(statement, 0, rows[0])
        if then:
            self._note(then[0], len(results), then[1])
        return results

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        return await self._transaction.allocate_ids(target, count)

    def require_thread(self) -> None:
        self._transaction.require_thread()

    async def yield_to_others(self) -> None:
        await self._transaction.yield_to_others()

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        results = await self._transaction.fetch_many(statement, rows)
        self._note(statement, len(results), rows[0] if rows else None)
        return results


@contextmanager
def record_client(harness: Harness) -> Iterator[tuple[Client, Recorder]]:
    """Yield a client of the organization acme, and the recorder of the statements of its requests."""
    recorder = Recorder(open_database(harness.url))
    client = Client(create_app(harness.settings, Store(recorder)), harness.tokens["acme"])
    yield client, recorder
    client.runner.run(recorder.close())
    client.close()
