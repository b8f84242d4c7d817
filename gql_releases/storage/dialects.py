"""Where databases differ in SQL: lists as tables, rows limited per parent, raw values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import orjson
from sqlalchemy import ColumnElement, FromClause, Join, Select, String, TableValuedAlias, bindparam, func
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine


class Dialect(Protocol):
    """One database's way of saying what reading needs."""

    sql: SqlDialect

    def list_value(self, values: Sequence[Any]) -> Any:
        """Give a list as the driver takes it for `list_items`."""

    def list_items(self, name: str) -> TableValuedAlias:
        """Make a table of the list bound under `name`, with columns `key` (0, 1, ...) and `value`."""

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Say that `part` stands somewhere in `text`, with no character special."""

    def raw(self, column_type: TypeEngine[Any]) -> Callable[[Any], Any] | None:
        """Give the function from the driver's value to the wire's, or None where they are the same."""

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
    """SQLite: lists are JSON texts, dates are the wire's texts, rows per parent a correlated IN (never a window)."""

    def __init__(self) -> None:
        self.sql: SqlDialect = sqlite.dialect()

    def list_value(self, values: Sequence[Any]) -> str:
        """Give a list as JSON text."""
        return orjson.dumps(values).decode()

    def list_items(self, name: str) -> TableValuedAlias:
        """Make a table of a JSON array."""
        return func.json_each(bindparam(name, type_=String)).table_valued("key", "value", name=name)

    def contains(self, text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
        """Say it with instr."""
        return func.instr(text, part) > 0

    def raw(self, column_type: TypeEngine[Any]) -> None:
        """Give None: what is stored is what is sent."""

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
