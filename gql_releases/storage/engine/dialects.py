"""What differs in SQL between databases: lists as tables, rows limited per parent, raw values."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    FromClause,
    Integer,
    Join,
    Select,
    String,
    Table,
    TableValuedAlias,
    Text,
    UnaryExpression,
    and_,
    bindparam,
    cast,
    collate,
    column,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

Key = TypeVar("Key", str, int)
ROWS = "rows"
"""The parameter of a BulkStatement's rows, where they are one value."""
ROWS_PER_INSERT = 8
"""Rows of SQLite's INSERT of several rows: each row takes four fifths of the time of a single one."""


def row_parameter_name(name: str, row: int) -> str:
    """Return the name of a parameter in one of the rows of a statement that inserts several."""
    return f"{name}_{row}"


def list_parameter_names(compiled: Any) -> list[str]:
    """Return the names of a compiled statement's parameters in the driver's order."""
    if isinstance(compiled, NumberingCompiler):
        return list(compiled.numbers)
    return list(compiled.positiontup or ())


class NumberingCompiler(asyncpg.PGCompiler_asyncpg):
    """Renders PostgreSQL's parameters with their numbers, which begin after the offset of its dialect."""

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each parameter, by name and in order."""
        numbers: dict[str, int] = self.__dict__.setdefault("_numbers", {})
        return numbers

    def bindparam_string(self, name: str, *arguments: Any, **options: Any) -> str:
        """Return a parameter as `$n`, with the cast that the driver needs."""
        dialect: Any = self.dialect
        number = self.numbers.setdefault(name, dialect.offset + len(self.numbers) + 1)
        self.compilation_bindtemplate = f"${number}"
        text: str = super().bindparam_string(name, *arguments, **options)
        return text


@lru_cache(maxsize=256)
def _numbering(offset: int) -> SqlDialect:
    """Return asyncpg's dialect with parameters that are numbered from `offset` + 1 on."""
    dialect: Any = asyncpg.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    dialect.statement_compiler, dialect.offset = NumberingCompiler, offset
    numbering: SqlDialect = dialect
    return numbering


class Dialect(Protocol):
    """What differs in SQL between databases."""

    sql: SqlDialect
    has_network_latency: bool
    """Whether each statement costs a round trip: fewer statements are then better than simpler ones."""
    renders_json: bool
    """Whether the database renders lists as JSON (storage/reading/json_lists.py)."""
    has_partitions: bool
    """Whether the table of events has a partition for each day."""
    has_concurrent_writers: bool
    """Whether several transactions write at the same time, so that they lock rows; SQLite has one writer."""

    batch_limits: tuple[int, int]
    """Maximum number of concurrent batches of creations, and of releases in a batch (storage/releases/batcher.py)."""

    rows_per_insert: int
    """Rows of an INSERT of values."""
    multi_row: Dialect | None
    """The same dialect with ROWS_PER_INSERT rows an INSERT; None where rows are one value, and in that dialect itself."""

    def label(self, sql: str, name: str) -> str:
        """Return the text of a statement with its name, where the server logs statements."""

    def insert(self, target: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that can have an ON CONFLICT."""

    def sort_for_locking(self, keys: list[Key]) -> list[Key]:
        """Return keys of new rows in the order of their insertion: the same for all writers, where there are several."""

    def list_value(self, values: Sequence[Any]) -> Any:
        """Return a list as the driver's value for `list_items`."""

    def list_items(self, name: str, item_type: TypeEngine[Any]) -> TableValuedAlias:
        """Return a table of the list in the parameter `name`, with a column `value`."""

    def rows_from_json(self, types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias | None:
        """Return a table of a BulkStatement's rows; None where the statement runs once for each row."""

    def pack_bytes(self, content: bytes) -> Any:
        """Return bytes as a value in a BulkStatement's rows."""

    def is_among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that a column has one of the values of the list in the parameter `name`."""

    def avoid_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a column for a comparison or a sort that must not use its index, because another index finds fewer rows."""

    def fold_case(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """Return the text in lower case; only ASCII letters change."""

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that `text` contains `part`, in which no character is special."""

    def current_hour(self) -> ColumnElement[int]:
        """Return the hours from 1970-01-01 UTC until now, the same in the whole statement."""

    def pack_rows(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
        """Return the aggregate of all rows as the text of a JSON array, with an array of columns for each row."""

    def join(self, parents: FromClause, rows: FromClause, on: ColumnElement[bool]) -> FromClause:
        """Return the join of parents to their rows, which reads the parents first."""

    def join_picked(
        self,
        parents: FromClause,
        rows: FromClause,
        on: ColumnElement[bool],
        key: Sequence[ColumnElement[Any]],
        picked: Select[Any],
    ) -> FromClause:
        """Return the join of each parent to its rows whose columns `key` are in the select `picked`, limited per parent."""


class ParentsFirst(Join):
    """A join that reads its left side first: SQLite keeps the order of a CROSS JOIN only."""

    inherit_cache = True


@compiles(ParentsFirst, "sqlite")
def _cross_join(join: ParentsFirst, compiler: Any, **more: Any) -> str:
    more.pop("from_linter", None)
    left, right = (compiler.process(side, **more | {"asfrom": True}) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **more)}"


class SqliteDialect:
    """SQLite: lists are JSON texts, rows per parent a correlated IN (never a window)."""

    has_network_latency = renders_json = has_concurrent_writers = has_partitions = False
    batch_limits = 1, 8  # one writer; while it commits a batch, the event loop reads the next one

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

    def sort_for_locking(self, keys: list[Key]) -> list[Key]:
        """Return them unchanged: there is one writer, and rows that are read together are stored together."""
        return keys

    def list_value(self, values: Sequence[Any]) -> str:
        """Return a list as JSON text."""
        return orjson.dumps(values).decode()

    def list_items(self, name: str, item_type: TypeEngine[Any]) -> TableValuedAlias:
        """Return a table of a JSON array."""
        return func.json_each(bindparam(name, type_=String)).table_valued("value", name=name)

    def rows_from_json(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        """Return None: running a statement once for each row costs two thirds of parsing JSON."""

    def pack_bytes(self, content: bytes) -> bytes:
        """Return them unchanged."""
        return content

    def is_among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Return an IN."""
        return column.in_(select(self.list_items(name, column.type).c.value))

    def avoid_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return it with a unary plus: SQLite, which plans without statistics, then uses no index for it."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def fold_case(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """Return a call of lower, which changes ASCII only."""
        return func.lower(text)

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Return a call of instr."""
        return func.instr(text, part) > 0

    def current_hour(self) -> ColumnElement[int]:
        """Return a division of the seconds since 1970."""
        return literal_column("CAST(strftime('%s', 'now') AS INTEGER) / 3600", Integer)

    def pack_rows(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
        """Return a call of json_group_array."""
        return func.json_group_array(func.json_array(*columns), type_=Text)

    def join(self, parents: FromClause, rows: FromClause, on: ColumnElement[bool]) -> FromClause:
        """Return a join in a fixed order."""
        return ParentsFirst(parents, rows, on)

    def join_picked(
        self,
        parents: FromClause,
        rows: FromClause,
        on: ColumnElement[bool],
        key: Sequence[ColumnElement[Any]],
        picked: Select[Any],
    ) -> FromClause:
        """Return a join with `key IN (picked)`."""
        columns = key[0] if len(key) == 1 else tuple_(*key)
        return ParentsFirst(parents, rows, on & columns.in_(picked))


class PostgresDialect:
    """PostgreSQL through asyncpg: lists are arrays, rows per parent a LATERAL."""

    has_network_latency = renders_json = has_concurrent_writers = has_partitions = True
    batch_limits = 2, 8  # while the database runs one batch, the event loop prepares the other

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
        """Return a dialect whose parameters begin after those of other parts."""
        return _numbering(offset)

    def sort_for_locking(self, keys: list[Key]) -> list[Key]:
        """Return them sorted: two writers of the same rows never wait for each other in a circle."""
        return sorted(keys)

    def list_value(self, values: Sequence[Any]) -> list[Any]:
        """Return a list unchanged."""
        return list(values)

    def list_items(self, name: str, item_type: TypeEngine[Any]) -> TableValuedAlias:
        """Return a table of an array."""
        unnested = func.unnest(bindparam(name, type_=ARRAY(item_type)))
        value = column("value", item_type)
        return unnested.table_valued(value, name=name).render_derived()

    def rows_from_json(self, types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
        """Return a table of a JSON text: asyncpg encodes arrays item by item, at twice the cost."""
        columns = [column(name, item) for name, item in types.items()]
        rows = func.json_to_recordset(cast(bindparam(ROWS, type_=Text), JSON)).table_valued(*columns, name="given")
        return rows.render_derived(with_types=True)

    def pack_bytes(self, content: bytes) -> str:
        """Return them in base64, a JSON string."""
        return b64encode(content).decode()

    def is_among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Return an = ANY, which can use an index."""
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))

    def avoid_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return it unchanged: the planner has statistics."""
        return column

    def fold_case(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """Return a call of lower in the collation C, which changes ASCII only."""
        return func.lower(collate(text, "C"))

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Return a call of strpos."""
        return func.strpos(text, part) > 0

    def current_hour(self) -> ColumnElement[int]:
        """Return a division of the seconds since 1970 at the start of the transaction."""
        return literal_column("CAST(floor(extract(epoch FROM now()) / 3600) AS INTEGER)", Integer)

    def pack_rows(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
        """Return a call of json_agg; without rows it is an empty array, as SQLite's."""
        return func.coalesce(cast(func.json_agg(func.json_build_array(*columns)), Text), literal_column("'[]'", Text))

    def join(self, parents: FromClause, rows: FromClause, on: ColumnElement[bool]) -> FromClause:
        """Return a join; the planner knows which side is small."""
        return parents.join(rows, on)

    def join_picked(
        self,
        parents: FromClause,
        rows: FromClause,
        on: ColumnElement[bool],
        key: Sequence[ColumnElement[Any]],
        picked: Select[Any],
    ) -> FromClause:
        """Return a join of a LATERAL subquery."""
        lateral = picked.lateral("picked")
        same = [column == other for column, other in zip(key, lateral.c, strict=True)]
        return parents.join(lateral, true()).join(rows, and_(on, *same))
