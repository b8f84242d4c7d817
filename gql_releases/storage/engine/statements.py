"""Statements: built with SQLAlchemy Core, compiled once for each database, run on the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson
from sqlalchemy import ARRAY, BindParameter, ClauseElement, Table
from sqlalchemy import Dialect as SqlDialect

from gql_releases.storage.engine.dialects import ROWS, ROWS_PER_INSERT, Dialect, list_parameter_names, row_parameter_name
from gql_releases.storage.engine.types import END_OF_TIME

_INFINITY = "infinity"
"""How PostgreSQL has the end of time."""
Row = tuple[Any, ...]
Values = Mapping[str, Any]


LONG_SQL = 8_000
"""Characters from which on no connection keeps a statement prepared: SQLite takes 11 bytes for each of them."""


class PreparedStatement:
    """SQL text in the driver's form, and the function that puts a statement's values into the driver's order.

    `names` are those of its parameters in order. `multi_row_sql`: SQLite's text that inserts ROWS_PER_INSERT rows, whose
    values follow one another; None where there is none. `is_kept`: whether a connection keeps it prepared, which it does
    not where the shape of the statement is unusual.
    """

    __slots__ = ("bind", "is_kept", "multi_row_sql", "names", "sql")

    def __init__(self, sql: str, bind: Callable[[Values], Row], names: Sequence[str] = ()) -> None:
        """`bind` gives the values of this statement in order; each required one must be there."""
        self.sql, self.bind, self.names = sql, bind, names
        self.multi_row_sql: str | None = None
        self.is_kept = True


def prepare(construct: ClauseElement, dialect: SqlDialect) -> PreparedStatement:
    """Compile a construct. Its text is never changed afterwards: a literal may look like a parameter."""
    compiled: Any = construct.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    names = list_parameter_names(compiled)
    return PreparedStatement(str(compiled), _binder([(name, compiled.binds[name]) for name in names], dialect), names)


def _binder(binds: list[tuple[str, BindParameter[Any]]], dialect: SqlDialect) -> Callable[[Values], Row]:
    """Write the function as source, with the processors of types called where there are any: a tuple's literal is cheap.

    SQLAlchemy makes binds of its own for literals (a LIMIT, a constant): their values are known here. Its
    processor of arrays looks for arrays in them, which takes longer than all else.
    """
    known: dict[str, Any] = {}
    parts = []
    for index, (name, bind) in enumerate(binds):
        value = f"values[{name!r}]"
        if not bind.required:
            known[f"known{index}"], value = bind.value, f"known{index}"
        item = bind.type.item_type if isinstance(bind.type, ARRAY) else None
        process = (item or bind.type).dialect_impl(dialect).bind_processor(dialect)
        if process and item:
            known[f"process{index}"], value = process, f"[process{index}(one) for one in {value}]"
        elif process:
            known[f"process{index}"], value = process, f"process{index}({value})"
        parts.append(value + ", ")
    made: Callable[[Values], Row] = eval(f"lambda values: ({''.join(parts)})", known)  # noqa: S307 - the text is of this module
    return made


Construct = ClauseElement | Callable[[Dialect], ClauseElement]


class Statement:
    """A Core construct (or what makes one for a dialect), compiled at its first use. Keep it: compiling is what costs."""

    __slots__ = ("_construct", "_prepared", "name")

    def __init__(self, name: str, construct: Construct) -> None:
        """Take a name, noun and verb as `deploys.insert`, that logs, errors and metrics know the statement by."""
        self.name = name
        self._construct = construct
        self._prepared: dict[Dialect, PreparedStatement] = {}

    def prepare(self, dialect: Dialect) -> PreparedStatement:
        """Give this statement as the dialect's driver wants it."""
        try:
            return self._prepared[dialect]
        except KeyError:
            return self._prepared.setdefault(dialect, self._prepare(dialect))

    def _prepare(self, dialect: Dialect) -> PreparedStatement:
        return self._label(prepare(self._build(dialect), dialect.sql), dialect)

    def prepare_from(self, dialect: Dialect, offset: int) -> PreparedStatement:
        """Compile this statement as a part of a larger one, its parameters numbered from `offset` + 1 on."""
        numbering = dialect.number_parameters(offset)
        return self._label(prepare(self._build(dialect), numbering), dialect)

    def _label(self, prepared: PreparedStatement, dialect: Dialect) -> PreparedStatement:
        prepared.sql = dialect.label(prepared.sql, self.name)
        return prepared

    def _build(self, dialect: Dialect) -> ClauseElement:
        construct = self._construct
        return construct if isinstance(construct, ClauseElement) else construct(dialect)

    def compile_once(self, dialect: Dialect, *, is_kept: bool) -> PreparedStatement:
        """Compile for the only database that this statement is run on, and drop the construct: it is ten times as large."""
        prepared = self.prepare(dialect)
        prepared.is_kept, self._construct = is_kept and len(prepared.sql) <= LONG_SQL, _refuse_to_compile
        return prepared


def _refuse_to_compile(dialect: Dialect) -> ClauseElement:
    raise RuntimeError("this statement was compiled for another database")


class BulkStatement(Statement):
    """A statement over rows: SQLite runs it for one or several, PostgreSQL once over all of them, which are one JSON text.

    All rows have the same values of the `shared` names.
    """

    __slots__ = ("_shared",)

    def __init__(self, name: str, construct: Construct, shared: Iterable[str] = ()) -> None:
        super().__init__(name, construct)
        self._shared = frozenset(shared)

    def _prepare(self, dialect: Dialect) -> PreparedStatement:
        """Compile the statement, and a second construct for several rows where nothing but rows is bound."""
        prepared = super()._prepare(dialect)
        if dialect.multi_row:
            several = super()._prepare(dialect.multi_row)
            if list(several.names) == [
                row_parameter_name(name, row) for row in range(ROWS_PER_INSERT) for name in prepared.names
            ]:
                prepared.multi_row_sql = several.sql
        return prepared

    def pack_rows(self, rows: list[dict[str, Any]]) -> Values:
        """Give the values of some rows, at least one, together."""
        shared = self._shared
        own = [name for name in rows[0] if name not in shared]
        made = [{name: _INFINITY if (value := row[name]) is END_OF_TIME else value for name in own} for row in rows]
        text = orjson.dumps(made).decode()
        return {**rows[0], ROWS: text}


StatementRows = tuple[Statement, list[dict[str, Any]]]
"""A statement, and the rows that it is run for."""
StatementValues = tuple[Statement, Values]
"""A statement, and the values that it is run with."""


class Transaction(Protocol):
    """An open transaction. On SQLite nothing here ever waits, so that a writer's coroutine runs through on one thread."""

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""

    async def fetch_all(self, statement: Statement, values: Values) -> list[Row]:
        """Run a statement and give its rows."""

    async def fetch_one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and give its first row."""

    async def execute(self, statement: Statement, values: Values) -> None:
        """Run a statement for its effect."""

    async def execute_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each row of values."""

    async def execute_batch(self, run: Sequence[StatementRows], then: StatementValues | None = None) -> list[Row]:
        """Run statements for the effect, each for its rows; none may need to see what another one does.

        Gives the rows of the statement `then`, for its values, which is run with them.
        """

    async def allocate_ids(self, target: Table, count: int) -> Iterator[int]:
        """Draw ids for new rows of a table, which are to be written before more are drawn. Nobody else gets them."""

    def require_thread(self) -> None:
        """Raise TakesLong where what is done in this transaction holds up the event loop: it is to be begun in a thread."""

    async def yield_to_others(self) -> None:
        """Let others run in the middle of what takes long, where they share the event loop with this transaction."""

    async def fetch_many(self, statement: Statement, rows: list[dict[str, Any]]) -> list[Row]:
        """Run a statement once for each row of values and give all rows that it returned, in order."""
