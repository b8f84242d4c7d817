"""Column types that differ between databases: surrogate keys, dates, identifiers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from gql_releases.domain.dates import format_date, parse_date

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key: SQLite numbers rows itself only for a column that is exactly INTEGER."""

END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""Sort key of a release without a date: the unreleased come first when the newest do."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: rows have it as text in the wire's one form, whose byte order is time's order, which SQLite keeps.

    Statements may bind a datetime or that text.
    """

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Any:
        return _to_text

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        return parse_date(value) if isinstance(value, str) else value


def _to_text(value: datetime | str | None) -> str | None:
    return format_date(value) if isinstance(value, datetime) else value


def to_datetime(value: datetime | str | None) -> datetime | None:
    """Read a date of a row, or take one that was given as it is."""
    return parse_date(value) if isinstance(value, str) else value


def identifier(length: int) -> TypeEngine[str]:
    """Text that compares byte by byte: locale collations have silently broken unique indexes of release tables."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
