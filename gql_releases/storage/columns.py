"""Column types and constraints that the tables share, where databases differ."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field

from gql_releases.domain.dates import format_date, parse_date

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key: SQLite numbers rows itself only for a column that is exactly INTEGER."""

NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
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
        return _spelled

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        return parse_date(value) if isinstance(value, str) else value


def _spelled(value: datetime | str | None) -> str | None:
    return format_date(value) if isinstance(value, datetime) else value


def moment(value: datetime | str | None) -> datetime | None:
    """Read a date of a row, or take one that was given as it is."""
    return parse_date(value) if isinstance(value, str) else value


def identifier(length: int) -> TypeEngine[str]:
    """Text that compares byte by byte: locale collations have silently broken unique indexes of release tables."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def typed(sa_type: Any, **more: Any) -> Any:
    """A field of a SQLAlchemy type."""
    return Field(sa_type=sa_type, **more)


def text(length: int, **more: Any) -> Any:
    """An identifier's field of at most `length` characters."""
    return typed(identifier(length), **more)


def date(**more: Any) -> Any:
    """A moment's field."""
    return typed(UtcDateTime, **more)


def key() -> Any:
    """The surrogate key's field; None until the database has given it."""
    return typed(Id, default=None, primary_key=True)


def owner(*, primary_key: bool = False) -> Any:
    """The field that says whose row this is."""
    return typed(Id, foreign_key="organizations.id", nullable=False, primary_key=primary_key)


def member(**more: Any) -> Any:
    """A field that holds another row's surrogate key; `reference` makes it a foreign key."""
    return typed(Id, **more)


def reference(column: str, table: str, *, cascade: bool = False, use_alter: bool = False) -> ForeignKeyConstraint:
    """Make `column` a foreign key that cannot leave the organization."""
    return ForeignKeyConstraint(
        ["organization_id", column],
        [f"{table}.organization_id", f"{table}.id"],
        ondelete="CASCADE" if cascade else None,
        use_alter=use_alter,
    )


def natural_key(*columns: str) -> UniqueConstraint:
    """A key that people know, unique within its organization."""
    return UniqueConstraint("organization_id", *columns)


def referable() -> UniqueConstraint:
    """What composite foreign keys need on the table that they point to."""
    return UniqueConstraint("organization_id", "id")


def sorted_by(*columns: str) -> Index:
    """An index within the organization; None as name lets the naming convention speak."""
    return Index(None, "organization_id", *columns)
