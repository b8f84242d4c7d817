"""Column types and constraints that the tables share, where databases differ."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from gql_releases.storage.engine.types import Id, UtcDateTime, identifier

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


def field(sa_type: Any, **more: Any) -> Any:
    """A field of a SQLAlchemy type."""
    return Field(sa_type=sa_type, **more)


def text(length: int, **more: Any) -> Any:
    """An identifier's field of at most `length` characters."""
    return field(identifier(length), **more)


def date(**more: Any) -> Any:
    """A moment's field."""
    return field(UtcDateTime, **more)


def key() -> Any:
    """The surrogate key's field; None until the database has given it."""
    return field(Id, default=None, primary_key=True)


def owner(*, primary_key: bool = False) -> Any:
    """The field that says whose row this is."""
    return field(Id, foreign_key="organizations.id", nullable=False, primary_key=primary_key)


def member(**more: Any) -> Any:
    """A field that holds another row's surrogate key; `reference` makes it a foreign key."""
    return field(Id, **more)


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


WITHOUT_ROWID: dict[str, Any] = {"sqlite_with_rowid": False}
"""A link table is its primary key's index and nothing more."""

NO_ID_REUSE: dict[str, Any] = {"sqlite_autoincrement": True}
"""Rows that can be deleted never hand their id on: an id that somebody kept must not lead to another row."""


def table(row: type[SQLModel]) -> Table:
    """The SQLAlchemy table that a row class declares."""
    return cast(Table, row.__table__)  # type: ignore[attr-defined]
