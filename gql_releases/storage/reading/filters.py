"""What lists can be filtered by: each filter a condition on rows, with one bound value (or several, if it is a tuple).

Every filter is true or false and never NULL, so that `not` means what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import eq
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, false, func

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.entity import Filter

Compare = Callable[[Any, Any], ColumnElement[bool]]


def bind_value(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Bind a value of a column's type."""
    return bindparam(name, type_=column.type)


def compare_column(column: str, compare: Compare) -> Filter:
    """The column compares with the value; where it is NULL it does not."""

    def compare_with(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        found = compare(rows.c[column], bind_value(rows.c[column], name))
        return and_(rows.c[column].is_not(None), found) if rows.c[column].nullable else found

    return compare_with


def filter_equals(column: str) -> Filter:
    """The column has the value."""
    return compare_column(column, eq)


def filter_among(column: str) -> Filter:
    """The column has one of the values of a list."""
    return lambda rows, name, dialect: dialect.is_among(rows.c[column], name)


def filter_is_set(column: str, *, wanted: bool) -> Filter:
    """The column has a value at all, or none."""
    return lambda rows, name, dialect: rows.c[column].is_not(None) if wanted else rows.c[column].is_(None)


def _there(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """All conditions on a column hold, and none does where it is NULL."""
    return and_(*([column.is_not(None)] if getattr(column, "nullable", True) else []), *conditions)


def filter_starts_with(column: str) -> Filter:
    """The column begins with the value."""

    def begin(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        text = rows.c[column]
        prefix = bind_value(text, name)
        return _there(text, text >= prefix, func.substr(text, 1, func.length(prefix)) == prefix)

    return begin


def filter_ends_with(column: str) -> Filter:
    """The column ends with the value."""

    def end(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        text = rows.c[column]
        suffix = bind_value(text, name)
        begin = func.length(text) - func.length(suffix) + 1
        return _there(text, begin > 0, func.substr(text, begin) == suffix)

    return end


def filter_contains(column: str) -> Filter:
    """The value stands somewhere in the column, in the same case."""
    return lambda rows, name, dialect: _there(
        rows.c[column], dialect.contains(rows.c[column], bind_value(rows.c[column], name))
    )


def text_filters(column: str) -> dict[str, Filter]:
    """Give the filters of a text: what it is, begins with, ends with, has in it."""
    return {
        column: filter_equals(column),
        f"{column}_starts_with": filter_starts_with(column),
        f"{column}_ends_with": filter_ends_with(column),
        f"{column}_has": filter_contains(column),
    }


def filter_nothing(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """No row is meant."""
    return false()
