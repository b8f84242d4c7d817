"""Rows known by a natural key: found, or made; never twice, whoever else is writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Insert, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from gql_releases.storage.columns import Id
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.statements import Statement, Transaction, Values

Key = TypeVar("Key", str, int)


def insert(dialect: Dialect, target: Table) -> Any:
    """Begin an INSERT that can have an ON CONFLICT."""
    return sqlite.insert(target) if dialect.sql.name == "sqlite" else postgresql.insert(target)


def values_of(target: Table, *names: str) -> dict[str, Any]:
    """Bind each named column under its own name."""
    return {name: bindparam(name, type_=target.c[name].type) for name in names}


def insert_ignoring(target: Table, *names: str) -> Statement:
    """Make the statement that inserts a row unless a row of its key is there."""

    def construct(dialect: Dialect) -> Insert:
        made: Insert = insert(dialect, target).values(values_of(target, *names)).on_conflict_do_nothing()
        return made

    return Statement(construct)


def insert_returning(target: Table, *names: str) -> Statement:
    """Make the statement that inserts a row and gives its id."""
    return Statement(target.insert().values(values_of(target, *names)).returning(target.c.id))


class Keeper:
    """Finds or makes rows of one table by `organization_id` and more key columns, the last of which tells rows apart.

    Looking first saves writing what is there; that two makers make one row is the unique key's business.
    """

    def __init__(self, target: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> None:
        self._find = Statement(lambda dialect: _found(dialect, target, key))
        self._insert = Statement(lambda dialect: _inserted(dialect, target, key, columns))

    async def keep(self, transaction: Transaction, common: Values, rows: Mapping[Key, Mapping[str, Any]]) -> dict[Key, int]:
        """Give the id of each row by its key; `common` are the values that all rows share."""
        if not rows:
            return {}
        known = await self.find(transaction, common, list(rows))
        missing = sorted(key for key in rows if key not in known)
        known |= await self._make(transaction, [{**common, **rows[key]} for key in missing])
        if len(known) < len(rows):  # somebody else made them at the same moment, and has committed now
            known |= await self.find(transaction, common, [key for key in missing if key not in known])
        return known

    async def _make(self, transaction: Transaction, rows: list[dict[str, Any]]) -> dict[Any, int]:
        return dict(await transaction.all_many(self._insert, rows))

    async def find(self, transaction: Transaction, common: Values, keys: list[Any]) -> dict[Any, int]:
        """Give the ids of those rows that are there, by key."""
        asked = {**common, "keys": transaction.dialect.list_value(keys)}
        return dict(await transaction.all(self._find, asked))


def _found(dialect: Dialect, target: Table, key: tuple[str, ...]) -> Any:
    last = target.c[key[-1]]
    same = [target.c[name] == bindparam(name, type_=Id) for name in ("organization_id", *key[:-1])]
    return select(last, target.c.id).where(*same, dialect.among(last, "keys"))


def _inserted(dialect: Dialect, target: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    unique = ["organization_id", *key]
    made = insert(dialect, target).values(values_of(target, *unique, *columns))
    # Never DO UPDATE, which locks the row against those who refer to it: two such writers wait for each other.
    return made.on_conflict_do_nothing(index_elements=unique).returning(target.c[key[-1]], target.c.id)
