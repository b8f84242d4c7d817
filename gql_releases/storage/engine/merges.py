"""Statements that add to rows, or insert them: counters, and the first and last dates of something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, case, update

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import insert_rows
from gql_releases.storage.engine.statements import BulkStatement, Statement
from gql_releases.storage.engine.types import Id

Merge = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[Any]]
"""Returns the new value of a column from its stored and its inserted value."""


def add(stored: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the sum."""
    return stored + new


def choose_least(stored: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the smaller value."""
    return case((new < stored, new), else_=stored)


def choose_greatest(stored: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the larger value."""
    return case((new > stored, new), else_=stored)


def replace(stored: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the new value."""
    return new


def upsert(name: str, target: Table, key: Sequence[str], merged: Mapping[str, Merge], shared: Iterable[str]) -> Statement:
    """Return the statement that inserts rows, or merges them into the existing rows with the same key.

    `merged` are the other columns. The rows of one run must have different keys. The order of the rows is that of locking.
    """
    names, common = (*key, *merged), frozenset(shared)

    def construct(dialect: Dialect) -> Any:
        statement = insert_rows(dialect, target, names, common)
        values = {column: merge(target.c[column], statement.excluded[column]) for column, merge in merged.items()}
        return statement.on_conflict_do_update(index_elements=list(key), set_=values)

    return BulkStatement(name, construct, common)


def update_rows(
    name: str,
    target: Table,
    key: Sequence[str],
    parameters: Mapping[str, Any],
    build_values: Callable[[Mapping[str, ColumnElement[Any]]], Mapping[str, Any]],
) -> Statement:
    """Return the statement that updates rows of one organization by their key.

    `parameters` are the types of the other values of a row; `build_values` returns the new values of columns from them.
    """
    types = {**{column: target.c[column].type for column in key}, **parameters}

    def construct(dialect: Dialect) -> Any:
        json_rows = dialect.rows_from_json(types)
        values: dict[str, ColumnElement[Any]] = {
            column: bindparam(column, type_=form) if json_rows is None else json_rows.c[column]
            for column, form in types.items()
        }
        # The columns of the key have to differ in name from those that are set: an UPDATE reserves their names.
        same = [target.c[column] == values[column] for column in key]
        own = target.c.organization_id == bindparam("organization_id", type_=Id)
        return update(target).values(dict(build_values(values))).where(own, *same)

    return BulkStatement(name, construct, ("organization_id",))
