"""Column types that differ between databases: surrogate keys, dates, identifiers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from gql_releases.domain.dates import format_date, parse_date

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key: SQLite generates ids only for a column of the type INTEGER."""

END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""Sort key of a release without a date: newest first, unreleased releases are first."""


class UtcDateTime(TypeDecorator[datetime]):
    """A date in UTC. Rows have it as text in the format of the APIs, whose byte order is chronological; SQLite stores it.

    Parameters may be a datetime or that text.
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
    """Return a row's date as a datetime; a datetime or None is returned unchanged."""
    return parse_date(value) if isinstance(value, str) else value


def identifier(length: int) -> TypeEngine[str]:
    """Return the type of a text that compares byte by byte: a changed locale collation breaks unique indexes silently."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
