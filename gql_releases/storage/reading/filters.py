"""Filters of lists: each is a condition on rows with one bound value, or several if the value is a tuple.

A filter is true or false and never NULL, so that `not` inverts it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import eq
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, false, func, or_

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.entity import Filter

Compare = Callable[[Any, Any], ColumnElement[bool]]


def bind_value(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Bind a value of a column's type."""
    return bindparam(name, type_=column.type)


def compare_column(column: str, compare: Compare) -> Filter:
    """Return the filter that compares the column with the value; false for NULL."""

    def compare_with(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        comparison = compare(rows.c[column], bind_value(rows.c[column], name))
        return and_(rows.c[column].is_not(None), comparison) if rows.c[column].nullable else comparison

    return compare_with


def filter_equals(column: str) -> Filter:
    """Return the filter that the column equals the value."""
    return compare_column(column, eq)


def filter_among(column: str) -> Filter:
    """Return the filter that the column equals one of the values of a list."""
    return lambda rows, name, dialect: dialect.is_among(rows.c[column], name)


def filter_is_set(column: str, *, is_set: bool) -> Filter:
    """Return the filter that the column is not NULL, or that it is."""
    return lambda rows, name, dialect: rows.c[column].is_not(None) if is_set else rows.c[column].is_(None)


def _and_not_null(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that all conditions on a column are true; false for NULL."""
    return and_(*([column.is_not(None)] if getattr(column, "nullable", True) else []), *conditions)


def filter_starts_with(column: str) -> Filter:
    """Return the filter that the column begins with the value."""

    def begin(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        text = rows.c[column]
        prefix = bind_value(text, name)
        return _and_not_null(text, text >= prefix, func.substr(text, 1, func.length(prefix)) == prefix)

    return begin


def filter_ends_with(column: str) -> Filter:
    """Return the filter that the column ends with the value."""

    def end(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        text = rows.c[column]
        suffix = bind_value(text, name)
        begin = func.length(text) - func.length(suffix) + 1
        return _and_not_null(text, begin > 0, func.substr(text, begin) == suffix)

    return end


def filter_contains(column: str) -> Filter:
    """Return the filter that the column contains the value, case-sensitive."""
    return lambda rows, name, dialect: _and_not_null(
        rows.c[column], dialect.contains(rows.c[column], bind_value(rows.c[column], name))
    )


def build_text_filters(column: str) -> dict[str, Filter]:
    """Return the filters of a text column: equals, starts with, ends with, contains."""
    return {
        column: filter_equals(column),
        f"{column}_starts_with": filter_starts_with(column),
        f"{column}_ends_with": filter_ends_with(column),
        f"{column}_has": filter_contains(column),
    }


def search_texts(*columns: str) -> Filter:
    """Return the filter that one of the columns contains the value, whose ASCII letters are in lower case."""

    def search(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        texts = [rows.c[column] for column in columns]
        matches = [dialect.contains(dialect.fold_case(text), bind_value(text, name)) for text in texts]
        return or_(*[_and_not_null(text, contains) for text, contains in zip(texts, matches, strict=True)])

    return search


def filter_nothing(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match no row."""
    return false()
