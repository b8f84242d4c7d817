"""Statements: built with SQLAlchemy Core, compiled once for each database, run on the driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import ClauseElement
from sqlalchemy import Dialect as SqlDialect

from gql_releases.storage.dialects import Dialect

Row = tuple[Any, ...]
Values = Mapping[str, Any]


class Prepared:
    """SQL text in the driver's form, and the function that puts a statement's values into the driver's order."""

    __slots__ = ("_constants", "_one", "_pick", "_processors", "sql")

    def __init__(self, construct: ClauseElement, dialect: SqlDialect) -> None:
        compiled = construct.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        names = list(compiled.positiontup or ())  # type: ignore[attr-defined]
        binds = compiled.binds  # type: ignore[attr-defined]
        self.sql = str(compiled)
        # SQLAlchemy makes binds of its own for literals (a LIMIT, a constant): their values are known here.
        self._constants = {name: binds[name].value for name in names if not binds[name].required}
        self._one = len(names) == 1
        self._pick: Callable[[Values], Any] = itemgetter(*names) if names else lambda values: ()
        found = [binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        self._processors = [(index, process) for index, process in enumerate(found) if process]

    def bind(self, values: Values) -> Row:
        """Give the values of this statement in order; each required one must be there."""
        picked = self._pick({**self._constants, **values} if self._constants else values)
        row: Row = (picked,) if self._one else picked
        if self._processors:
            filled = list(row)
            for index, process in self._processors:
                filled[index] = process(filled[index])
            row = tuple(filled)
        return row


Construct = ClauseElement | Callable[[Dialect], ClauseElement]


class Statement:
    """A Core construct (or what makes one for a dialect), compiled at its first use. Keep it: compiling is what costs."""

    __slots__ = ("_construct", "_prepared")

    def __init__(self, construct: Construct) -> None:
        self._construct = construct
        self._prepared: dict[Dialect, Prepared] = {}

    def on(self, dialect: Dialect) -> Prepared:
        """Give this statement as the dialect's driver wants it."""
        prepared = self._prepared.get(dialect)
        if prepared is None:
            construct = self._construct
            made = construct if isinstance(construct, ClauseElement) else construct(dialect)
            prepared = self._prepared[dialect] = Prepared(made, dialect.sql)
        return prepared


class Transaction(Protocol):
    """An open transaction. On SQLite nothing here ever waits, so that a writer's coroutine runs through on one thread."""

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""

    async def all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and give its rows."""

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and give its first row."""

    async def run(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""

    async def run_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values."""

    async def all_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and give all rows that it returned, in order."""
