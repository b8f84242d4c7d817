"""What a copy consists of: the tables in an order that references allow, and columns that must wait for a later table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Table

from gql_releases.storage.engine.types import UtcDateTime
from gql_releases.storage.schema.tables import metadata

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of a table's rows, walked in the order of the primary key."""

    name: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    dates: tuple[int, ...]
    """Where among the columns moments stand."""
    booleans: tuple[int, ...] = ()
    """Where Booleans stand, which are 0 and 1 between the ends."""
    waiting: tuple[str, ...] = ()
    """The columns that this part is about, where its rows are there already; rows with none of them are left out."""

    def key_of(self, row: Sequence[Any]) -> Key:
        """Give a row's primary key."""
        return tuple(row[self.columns.index(name)] for name in self.key)

    def select(self, sign: str, *, after: bool) -> str:
        """Say which rows come next: after a key, if one is bound, and no more than the number bound last."""
        keys, conditions = join_names(self.key), []
        if after:
            conditions.append(f"({keys}) > ({_parameters(sign, 1, len(self.key))})")
        if self.waiting:
            conditions.append("(" + " OR ".join(f'"{name}" IS NOT NULL' for name in self.waiting) + ")")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = f"{sign}{len(self.key) + 1 if after else 1}"
        return f'SELECT {join_names(self.columns)} FROM "{self.table}"{where} ORDER BY {keys} LIMIT {limit}'

    def insert(self, sign: str) -> str:
        """Say how a row is put in."""
        return f'INSERT INTO "{self.table}" ({join_names(self.columns)}) VALUES ({_parameters(sign, 1, len(self.columns))})'

    def update(self, sign: str) -> str:
        """Say how the columns that waited are put into a row that is there; values stand in the order of the columns."""
        numbered = {name: f'"{name}" = {sign}{number}' for number, name in enumerate(self.columns, 1)}
        found = " AND ".join(numbered[name] for name in self.key)
        return f'UPDATE "{self.table}" SET {", ".join(numbered[name] for name in self.waiting)} WHERE {found}'


def join_names(names: Sequence[str]) -> str:
    """Write names as SQL lists them."""
    return ", ".join(f'"{name}"' for name in names)


def _parameters(sign: str, first: int, count: int) -> str:
    return ", ".join(f"{sign}{number}" for number in range(first, first + count))


def whole_tables() -> list[Part]:
    """Give every table with all its columns, referenced ones first."""
    return [_part(table, [column.name for column in table.columns]) for table in metadata.sorted_tables]


def parts_to_copy() -> list[Part]:
    """Give the steps of a copy: what may refer to a later table stays NULL at first and is put in at the end."""
    waiting = {table.name: _waiting(table) for table in metadata.sorted_tables}
    first, then = [], []
    for table in metadata.sorted_tables:
        late = waiting[table.name]
        first.append(_part(table, [column.name for column in table.columns if column.name not in late]))
        if late:
            then.append(_part(table, [column.name for column in table.primary_key] + late, late))
    return first + then


def _waiting(table: Table) -> list[str]:
    """List the columns whose references lead to a table that comes later, or to the same one."""
    places = {one.name: place for place, one in enumerate(metadata.sorted_tables)}
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
    """Give the tables that number their rows, and whether SQLite keeps a number that was given and deleted."""
    return {
        table.name: bool(table.dialect_options["sqlite"]["autoincrement"])
        for table in metadata.sorted_tables
        if "id" in table.columns
    }
