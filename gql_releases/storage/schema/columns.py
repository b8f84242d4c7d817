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
    """Declare a field of a SQLAlchemy type."""
    return Field(sa_type=sa_type, **more)


def text(length: int, **more: Any) -> Any:
    """Declare an identifier of at most `length` characters."""
    return field(identifier(length), **more)


def date(**more: Any) -> Any:
    """Declare a date."""
    return field(UtcDateTime, **more)


def key() -> Any:
    """Declare the surrogate key; None until the database has generated it."""
    return field(Id, default=None, primary_key=True)


def owner(*, primary_key: bool = False) -> Any:
    """Declare the id of the organization that owns the row."""
    return field(Id, foreign_key="organizations.id", nullable=False, primary_key=primary_key)


def member(**more: Any) -> Any:
    """Declare the surrogate key of another row; `reference` makes it a foreign key."""
    return field(Id, **more)


def size_in_bytes() -> Any:
    """Declare a size in bytes, which may exceed 32 bits."""
    return field(Id)


def reference(column: str, table: str, *, cascade: bool = False, use_alter: bool = False) -> ForeignKeyConstraint:
    """Declare `column` as a foreign key within the organization."""
    return ForeignKeyConstraint(
        ["organization_id", column],
        [f"{table}.organization_id", f"{table}.id"],
        ondelete="CASCADE" if cascade else None,
        use_alter=use_alter,
    )


def natural_key(*columns: str) -> UniqueConstraint:
    """Declare a key that users know, unique within its organization."""
    return UniqueConstraint("organization_id", *columns)


def referable() -> UniqueConstraint:
    """Declare the unique constraint that composite foreign keys need on the table they refer to."""
    return UniqueConstraint("organization_id", "id")


def sorted_by(*columns: str) -> Index:
    """Declare an index within the organization, named by the naming convention."""
    return Index(None, "organization_id", *columns)


WITHOUT_ROWID: dict[str, Any] = {"sqlite_with_rowid": False}
"""For a link table: it is stored as the index of its primary key."""

NO_ID_REUSE: dict[str, Any] = {"sqlite_autoincrement": True}
"""For tables whose rows can be deleted: ids are not reused, so that a stored id never refers to another row."""


def table(row: type[SQLModel]) -> Table:
    """Return the SQLAlchemy table of a row class."""
    return cast(Table, row.__table__)  # type: ignore[attr-defined]
