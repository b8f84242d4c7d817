"""Where databases differ in SQL: lists as tables, rows limited per parent, raw values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    FromClause,
    Join,
    Select,
    String,
    Table,
    TableValuedAlias,
    Text,
    UnaryExpression,
    bindparam,
    cast,
    collate,
    column,
    func,
    select,
    true,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

Key = TypeVar("Key", str, int)
ROWS = "rows"
"""What the rows of a RowsStatement are bound under, where they are one value."""
ROWS_PER_INSERT = 8
"""Rows that SQLite inserts by one statement where there are so many: each takes four fifths of the time."""


def row_parameter_name(name: str, row: int) -> str:
    """Return the name of a parameter in one of the rows of a statement that inserts several."""
    return f"{name}_{row}"


def list_parameter_names(compiled: Any) -> list[str]:
    """Return the names of a compiled statement's parameters in the driver's order."""
    if isinstance(compiled, NumberingCompiler):
        return list(compiled.numbers)
    return list(compiled.positiontup or ())


class NumberingCompiler(asyncpg.PGCompiler_asyncpg):
    """Writes PostgreSQL's parameters with their numbers at once, from an offset of its dialect on."""

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each parameter, by name and in order."""
        numbers: dict[str, int] = self.__dict__.setdefault("_numbers", {})
        return numbers

    def bindparam_string(self, name: str, *given: Any, **more: Any) -> str:
        """Return a parameter as `$n`, with the cast that the driver needs."""
        dialect: Any = self.dialect
        number = self.numbers.setdefault(name, dialect.offset + len(self.numbers) + 1)
        self.compilation_bindtemplate = f"${number}"
        written: str = super().bindparam_string(name, *given, **more)
        return written


@lru_cache(maxsize=256)
def _numbering(offset: int) -> SqlDialect:
    """Return asyncpg's dialect with parameters that are numbered from `offset` + 1 on."""
    dialect: Any = asyncpg.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    dialect.statement_compiler, dialect.offset = NumberingCompiler, offset
    numbering: SqlDialect = dialect
    return numbering


class Dialect(Protocol):
    """One database's way of saying what reading needs."""

    sql: SqlDialect
    has_network_latency: bool
    """Whether each statement costs a round trip, so that fewer are better than simpler ones."""
    renders_json: bool
    """Whether it is to make JSON of lists itself, as storage/reading/json_lists.py has it."""
    has_concurrent_writers: bool
    """Whether several transactions write at the same time, so that they lock rows; SQLite has one writer."""

    batch_limits: tuple[int, int]
    """Most batches that create releases at the same time, and most releases of a batch (storage/releases/batcher.py)."""

    rows_per_insert: int
    """Rows that an INSERT of values has."""
    multi_row: Dialect | None
    """The same database with SEVERAL rows an INSERT; None where rows come as one value, and of that dialect itself."""

    def label(self, sql: str, name: str) -> str:
        """Return the text of a statement with its name, where the server logs statements."""

    def insert(self, target: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that can have an ON CONFLICT."""

    def number_parameters(self, offset: int) -> SqlDialect:
        """Return a dialect that numbers parameters from `offset` + 1 on. Raises NotImplementedError on SQLite."""

    def sort_for_locking(self, keys: list[Key]) -> list[Key]:
        """Give keys of new rows in the order in which they are to be made: one that all writers share, if several write."""

    def list_value(self, values: Sequence[Any]) -> Any:
        """Give a list as the driver takes it for `list_items`."""

    def list_items(self, name: str, item_type: TypeEngine[Any]) -> TableValuedAlias:
        """Make a table of the list bound under `name`, with a column `value`."""

    def rows_from_json(self, types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias | None:
        """Make a table of the rows that a RowsStatement is given; None where it runs over and over."""

    def is_among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Say that a column has one of the values of the list bound under `name`."""

    def avoid_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Give a column that is compared or sorted by without an index: another one finds fewer rows."""

    def fold_case(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """Fold the case of ASCII letters, and of no others."""

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Say that `part` stands somewhere in `text`, with no character special."""

    def join(self, parents: FromClause, rows: FromClause, on: ColumnElement[bool]) -> FromClause:
        """Join rows to their parents, walking from the parents."""

    def join_picked(
        self,
        parents: FromClause,
        rows: FromClause,
        on: ColumnElement[bool],
        key: ColumnElement[Any],
        picked: Select[Any],
    ) -> FromClause:
        """Join to each parent those of its rows whose `key` the select `picked`, limited per parent, gives."""


class ParentsFirst(Join):
    """A join whose left side drives: SQLite keeps the order of a CROSS JOIN and is free with any other."""

    inherit_cache = True


@compiles(ParentsFirst, "sqlite")
def _cross_join(join: ParentsFirst, compiler: Any, **more: Any) -> str:
    more.pop("from_linter", None)
    left, right = (compiler.process(side, **more | {"asfrom": True}) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **more)}"


class SqliteDialect:
    """SQLite: lists are JSON texts, rows per parent a correlated IN (never a window)."""

    has_network_latency = renders_json = has_concurrent_writers = False
    batch_limits = 1, 8  # there is one writer; while it commits these, the event loop reads the next ones

    def __init__(self, rows_per_insert: int = 1) -> None:
        self.sql: SqlDialect = sqlite.dialect()
        self.rows_per_insert = rows_per_insert
        self.multi_row: Dialect | None = SqliteDialect(ROWS_PER_INSERT) if rows_per_insert == 1 else None

    def label(self, sql: str, name: str) -> str:
        """Return the text as it is: SQLite has no log."""
        return sql

    def insert(self, target: Table) -> sqlite.Insert:
        """Return SQLite's INSERT."""
        return sqlite.insert(target)

    def number_parameters(self, offset: int) -> SqlDialect:
        """Raise NotImplementedError: SQLite runs one statement after the other."""
        raise NotImplementedError

    def sort_for_locking(self, keys: list[Key]) -> list[Key]:
        """Give them as they are: there is one writer, and rows that are read together stand together."""
        return keys

    def list_value(self, values: Sequence[Any]) -> str:
        """Give a list as JSON text."""
        return orjson.dumps(values).decode()

    def list_items(self, name: str, item_type: TypeEngine[Any]) -> TableValuedAlias:
        """Make a table of a JSON array."""
        return func.json_each(bindparam(name, type_=String)).table_valued("value", name=name)

    def rows_from_json(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        """Give None: running a statement again costs two thirds of taking JSON apart."""

    def is_among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Say it with IN."""
        return column.in_(select(self.list_items(name, column.type).c.value))

    def avoid_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Put a plus before it: SQLite, which counts no rows, then leaves its indexes alone."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def fold_case(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """Fold with lower, which knows ASCII only."""
        return func.lower(text)

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Say it with instr."""
        return func.instr(text, part) > 0

    def join(self, parents: FromClause, rows: FromClause, on: ColumnElement[bool]) -> FromClause:
        """Join in a fixed order."""
        return ParentsFirst(parents, rows, on)

    def join_picked(
        self,
        parents: FromClause,
        rows: FromClause,
        on: ColumnElement[bool],
        key: ColumnElement[Any],
        picked: Select[Any],
    ) -> FromClause:
        """Join by `key IN (picked)`."""
        return ParentsFirst(parents, rows, on & key.in_(picked))


class PostgresDialect:
    """PostgreSQL through asyncpg: lists are arrays, rows per parent a LATERAL."""

    has_network_latency = renders_json = has_concurrent_writers = True
    batch_limits = 2, 8  # while the database has the one piece, the event loop has the other

    rows_per_insert = 1
    multi_row: Dialect | None = None

    def __init__(self) -> None:
        self.sql: SqlDialect = asyncpg.dialect()  # type: ignore[no-untyped-call]

    def label(self, sql: str, name: str) -> str:
        """Return the text with the name as a comment, which PostgreSQL's log shows."""
        return f"/* {name} */ {sql}"

    def insert(self, target: Table) -> postgresql.Insert:
        """Return PostgreSQL's INSERT."""
        return postgresql.insert(target)

    def number_parameters(self, offset: int) -> SqlDialect:
        """Return a dialect of the same database whose parameters begin behind those of other parts."""
        return _numbering(offset)

    def sort_for_locking(self, keys: list[Key]) -> list[Key]:
        """Sort them: two writers of the same rows never wait for each other in a circle."""
        return sorted(keys)

    def list_value(self, values: Sequence[Any]) -> list[Any]:
        """Give a list as it is."""
        return list(values)

    def list_items(self, name: str, item_type: TypeEngine[Any]) -> TableValuedAlias:
        """Make a table of an array."""
        unnested = func.unnest(bindparam(name, type_=ARRAY(item_type)))
        value = column("value", item_type)
        return unnested.table_valued(value, name=name).render_derived()

    def rows_from_json(self, types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
        """Make a table of a JSON text: asyncpg writes arrays item by item, at twice the cost."""
        columns = [column(name, item) for name, item in types.items()]
        rows = func.json_to_recordset(cast(bindparam(ROWS, type_=Text), JSON)).table_valued(*columns, name="given")
        return rows.render_derived(with_types=True)

    def is_among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Say it with = ANY, which an index knows."""
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))

    def avoid_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Give it as it is: the planner knows how many rows there are."""
        return column

    def fold_case(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """Fold with lower in the collation C, which knows ASCII only."""
        return func.lower(collate(text, "C"))

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Say it with strpos."""
        return func.strpos(text, part) > 0

    def join(self, parents: FromClause, rows: FromClause, on: ColumnElement[bool]) -> FromClause:
        """Join; the planner knows which side is small."""
        return parents.join(rows, on)

    def join_picked(
        self,
        parents: FromClause,
        rows: FromClause,
        on: ColumnElement[bool],
        key: ColumnElement[Any],
        picked: Select[Any],
    ) -> FromClause:
        """Join by a LATERAL subquery."""
        lateral = picked.lateral("picked")
        return parents.join(lateral, true()).join(rows, on & (key == lateral.c[0]))
