"""The parts of a copy: the tables in the order of their references, then columns that refer to later tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Table

from gql_releases.storage.engine.types import UtcDateTime
from gql_releases.storage.schema.tables import metadata

Key = tuple[int, ...]

EVENT_TABLES = frozenset(
    {
        "issues", "issue_hashes", "issue_releases", "issue_users", "suspect_commits", "events", "release_events",
        "event_hours", "ingest_hours", "outcomes", "session_hours", "live_sessions", "session_users",
    }
)  # fmt: skip
"""The tables of what SDKs sent, which a copy can leave out; no other table refers to them.

Keys of projects and deleted releases are copied in any case: a DSN stays valid, and events create no deleted release.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of a table's rows, copied in the order of the primary key."""

    name: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    dates: tuple[int, ...]
    """The indexes of the columns with dates."""
    booleans: tuple[int, ...] = ()
    """The indexes of the Boolean columns, which are 0 and 1 between the endpoints."""
    waiting: tuple[str, ...] = ()
    """The columns that this part updates in copied rows, if any; rows in which all are NULL are left out."""

    def read_key(self, row: Sequence[Any]) -> Key:
        """Return a row's primary key."""
        return tuple(row[self.columns.index(name)] for name in self.key)

    def select(self, sign: str, *, after: bool) -> str:
        """Return the SELECT of the next rows: after a key, if one is bound, and at most the number that is bound last."""
        keys, conditions = join_names(self.key), []
        if after:
            conditions.append(f"({keys}) > ({_parameters(sign, 1, len(self.key))})")
        if self.waiting:
            conditions.append("(" + " OR ".join(f'"{name}" IS NOT NULL' for name in self.waiting) + ")")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = f"{sign}{len(self.key) + 1 if after else 1}"
        return f'SELECT {join_names(self.columns)} FROM "{self.table}"{where} ORDER BY {keys} LIMIT {limit}'

    def insert(self, sign: str) -> str:
        """Return the INSERT of a row."""
        return f'INSERT INTO "{self.table}" ({join_names(self.columns)}) VALUES ({_parameters(sign, 1, len(self.columns))})'

    def update(self, sign: str) -> str:
        """Return the UPDATE of the waiting columns of a row; its values are in the order of the columns."""
        assignments = {name: f'"{name}" = {sign}{number}' for number, name in enumerate(self.columns, 1)}
        condition = " AND ".join(assignments[name] for name in self.key)
        return f'UPDATE "{self.table}" SET {", ".join(assignments[name] for name in self.waiting)} WHERE {condition}'


def join_names(names: Sequence[str]) -> str:
    """Return names as a list in SQL."""
    return ", ".join(f'"{name}"' for name in names)


def _parameters(sign: str, first: int, count: int) -> str:
    return ", ".join(f"{sign}{number}" for number in range(first, first + count))


def whole_tables(without: Collection[str] = ()) -> list[Part]:
    """Return every table but those `without` with all its columns, referenced ones first."""
    return [_part(table, [column.name for column in table.columns]) for table in _list_tables(without)]


def parts_to_copy(without: Collection[str] = ()) -> list[Part]:
    """Return the parts of a copy: columns that refer to a later table stay NULL at first and are updated at the end."""
    tables = _list_tables(without)
    waiting = {table.name: _waiting(table) for table in tables}
    first, then = [], []
    for table in tables:
        late = waiting[table.name]
        first.append(_part(table, [column.name for column in table.columns if column.name not in late]))
        if late:
            then.append(_part(table, [column.name for column in table.primary_key] + late, late))
    return first + then


def _list_tables(without: Collection[str]) -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in without]


def _waiting(table: Table) -> list[str]:
    """Return the columns that refer to a later table or to the same one."""
    places = {other.name: place for place, other in enumerate(metadata.sorted_tables)}
    late = []
    for reference in table.foreign_key_constraints:
        if places[reference.referred_table.name] >= places[table.name]:
            optional = [column.name for column in reference.columns if column.nullable]
            if not optional:
                raise AssertionError(f"{reference.name} can be left out nowhere: a copy has no order")
            late += optional
    return late


def _part(table: Table, columns: list[str], waiting: Sequence[str] = ()) -> Part:
    def places(kind: type[Any]) -> tuple[int, ...]:
        return tuple(place for place, name in enumerate(columns) if isinstance(table.columns[name].type, kind))

    name = f"{table.name}: {', '.join(waiting)}" if waiting else table.name
    key = tuple(column.name for column in table.primary_key)
    return Part(name, table.name, key, tuple(columns), places(UtcDateTime), places(Boolean), tuple(waiting))


def numbered_tables() -> dict[str, bool]:
    """Return the tables with generated ids, and whether SQLite avoids ids of deleted rows."""
    return {
        table.name: bool(table.dialect_options["sqlite"]["autoincrement"])
        for table in metadata.sorted_tables
        if "id" in table.columns
    }
