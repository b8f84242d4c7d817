"""Statements: built with SQLAlchemy Core, compiled once for each database, run by the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import orjson
from sqlalchemy import ARRAY, BindParameter, ClauseElement, Table
from sqlalchemy import Dialect as SqlDialect

from gql_releases.storage.engine.dialects import (
    ROWS,
    ROWS_PER_INSERT,
    Dialect,
    PostgresDialect,
    list_parameter_names,
    row_parameter_name,
)
from gql_releases.storage.engine.generated_source import define_function
from gql_releases.storage.engine.types import END_OF_TIME

Row = tuple[Any, ...]
Values = Mapping[str, Any]
NamedRow = TypeVar("NamedRow", bound=Row)

LONG_SQL = 8_000
"""Characters from which on no connection keeps a statement prepared: SQLite takes 11 bytes for each of them."""
_INFINITY = "infinity"
"""The end of time in PostgreSQL's JSON."""


class PreparedStatement:
    """SQL text in the driver's form, and the function that puts a statement's values into the driver's order.

    `names` are those of its parameters in order. `multi_row_sql`: SQLite's text that inserts ROWS_PER_INSERT rows, whose
    values follow one another; None where there is none. `is_kept`: whether a connection keeps it prepared; False where
    the shape of the statement is unusual.
    """

    __slots__ = ("bind", "is_kept", "multi_row_sql", "names", "sql")

    def __init__(self, sql: str, bind: Callable[[Values], Row], names: Sequence[str] = ()) -> None:
        """Take a function that returns the values of this statement in order; it raises KeyError for a missing one."""
        self.sql, self.bind, self.names = sql, bind, names
        self.multi_row_sql: str | None = None
        self.is_kept = True


def prepare(construct: ClauseElement, dialect: SqlDialect, label: str) -> PreparedStatement:
    """Compile a construct. Its text is never changed afterwards: a literal may look like a parameter."""
    compiled: Any = construct.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    names = list_parameter_names(compiled)
    bind = _build_binder([(name, compiled.binds[name]) for name in names], dialect, label)
    return PreparedStatement(str(compiled), bind, names)


def _build_binder(
    parameters: list[tuple[str, BindParameter[Any]]], dialect: SqlDialect, label: str
) -> Callable[[Values], Row]:
    """Return a function from source: a tuple's literal is cheap, with processors of types only where a type has one.

    SQLAlchemy adds parameters of its own for literals (a LIMIT, a constant): their values are constants here. Its
    processor of arrays searches them for nested arrays, which takes longer than all else.
    """
    names: dict[str, Any] = {}
    lines = []
    for index, (name, parameter) in enumerate(parameters):
        value = f"values[{name!r}]"
        if not parameter.required:
            names[f"constant{index}"], value = parameter.value, f"constant{index}"
        item_type = parameter.type.item_type if isinstance(parameter.type, ARRAY) else None
        process = (item_type or parameter.type).dialect_impl(dialect).bind_processor(dialect)
        if process and item_type:
            names[f"process{index}"], value = process, f"[process{index}(item) for item in {value}]"
        elif process:
            names[f"process{index}"], value = process, f"process{index}({value})"
        lines.append(f"        {value},\n")
    body = f"(\n{''.join(lines)}    )" if lines else "()"
    bind: Callable[[Values], Row] = define_function(
        f"binder of {label}", f"def bind_values(values):\n    return {body}\n", names
    )
    return bind


Construct = ClauseElement | Callable[[Dialect], ClauseElement]


class Statement:
    """A Core construct, or a function from a dialect to one, compiled at its first use.

    Statements are constants or kept with a plan: compiling is expensive.
    """

    __slots__ = ("_construct", "_prepared", "name", "runs_on")

    def __init__(self, name: str, construct: Construct, runs_on: Callable[[Dialect], bool] = lambda dialect: True) -> None:
        """Take a name, noun and verb as `deploys.insert`, which logs, errors and metrics show.

        `runs_on` returns whether the statement is one of a database; the SQL need not compile for others.
        """
        self.name, self.runs_on = name, runs_on
        self._construct = construct
        self._prepared: dict[Dialect, PreparedStatement] = {}

    def prepare(self, dialect: Dialect) -> PreparedStatement:
        """Return this statement in the form of the dialect's driver."""
        try:
            return self._prepared[dialect]
        except KeyError:
            return self._prepared.setdefault(dialect, self._prepare(dialect))

    def _prepare(self, dialect: Dialect) -> PreparedStatement:
        if not self.runs_on(dialect):
            raise RuntimeError(f"the statement {self.name} is not one of this database")
        return self._label(prepare(self._build(dialect), dialect.sql, self.name), dialect)

    def prepare_from(self, dialect: PostgresDialect, offset: int) -> PreparedStatement:
        """Compile this statement as a part of a larger one, its parameters numbered from `offset` + 1 on."""
        prepared = prepare(self._build(dialect), dialect.number_parameters(offset), self.name)
        return self._label(prepared, dialect)

    def _label(self, prepared: PreparedStatement, dialect: Dialect) -> PreparedStatement:
        prepared.sql = dialect.label(prepared.sql, self.name)
        return prepared

    def _build(self, dialect: Dialect) -> ClauseElement:
        construct = self._construct
        return construct if isinstance(construct, ClauseElement) else construct(dialect)

    def compile_once(self, dialect: Dialect, *, is_kept: bool) -> PreparedStatement:
        """Compile for the only database that this statement runs on, and drop the construct, which is ten times as large."""
        prepared = self.prepare(dialect)
        prepared.is_kept, self._construct = is_kept and len(prepared.sql) <= LONG_SQL, _refuse_to_compile
        return prepared


def _refuse_to_compile(dialect: Dialect) -> ClauseElement:
    raise RuntimeError("this statement was compiled for another database")


class RowStatement(Statement, Generic[NamedRow]):
    """A statement whose rows are read by name: its columns are the fields of a NamedTuple, in the same order.

    For writers. Reads, which may have thousands of rows, use tuples.
    """

    __slots__ = ("row_type",)

    def __init__(
        self,
        name: str,
        row_type: Callable[..., NamedRow],
        construct: Construct,
        runs_on: Callable[[Dialect], bool] = lambda dialect: True,
    ) -> None:
        super().__init__(name, construct, runs_on)
        self.row_type = row_type

    async def fetch_all(self, transaction: Transaction, values: Values) -> list[NamedRow]:
        """Run this statement and return its rows."""
        row_type = self.row_type
        return [row_type(*row) for row in await transaction.fetch_all(self, values)]

    async def fetch_one(self, transaction: Transaction, values: Values) -> NamedRow | None:
        """Run this statement and return its first row, None where there is none."""
        row = await transaction.fetch_one(self, values)
        return None if row is None else self.row_type(*row)


class IdRow(NamedTuple):
    """The row of a statement that returns an id."""

    id: int


class BulkStatement(Statement):
    """A statement over rows: SQLite runs it for one or several, PostgreSQL once over all of them, which are one JSON text.

    All rows have the same values of the `shared` names.
    """

    __slots__ = ("_shared",)

    def __init__(self, name: str, construct: Construct, shared: Iterable[str] = ()) -> None:
        super().__init__(name, construct)
        self._shared = frozenset(shared)

    def _prepare(self, dialect: Dialect) -> PreparedStatement:
        """Compile the statement, and a second construct for several rows where only the values of rows are bound."""
        prepared = super()._prepare(dialect)
        if dialect.multi_row:
            multi_row = super()._prepare(dialect.multi_row)
            names = [row_parameter_name(name, row) for row in range(ROWS_PER_INSERT) for name in prepared.names]
            if list(multi_row.names) == names:
                prepared.multi_row_sql = multi_row.sql
        return prepared

    def pack_rows(self, rows: list[dict[str, Any]]) -> Values:
        """Return the values for one run over all of these rows, of which there is at least one."""
        names = [name for name in rows[0] if name not in self._shared]
        objects = [{name: _INFINITY if (value := row[name]) is END_OF_TIME else value for name in names} for row in rows]
        return {**rows[0], ROWS: orjson.dumps(objects).decode()}


StatementRows = tuple[Statement, list[dict[str, Any]]]
"""A statement, and the rows that it runs for."""
StatementValues = tuple[Statement, Values]
"""A statement, and the values that it runs with."""


class Transaction(Protocol):
    """An open transaction. On SQLite no method here suspends, so that a writer's coroutine runs through on one thread."""

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and return its rows."""

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and return its first row, None where there is none."""

    async def execute(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values."""

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and return all rows that it returned, in order."""

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        """Run statements for their effect, each for its rows; none may depend on the effect of another.

        Returns the rows of the statement `then`, which runs in the same round trip.
        """

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        """Return ids for new rows of a table, which no other writer gets.

        The rows are to be written before the next ids are allocated.
        """

    def require_thread(self) -> None:
        """Raise TakesLong where long work in this transaction would block the event loop, to run it again in a thread."""

    async def yield_to_others(self) -> None:
        """Let other tasks run during long work, where they share the event loop with this transaction."""
