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
    """Finds or makes rows of one table by `organization_id` and more key columns, of which `by` tells rows apart.

    Looking first saves writing what is there; that two makers make one row is the unique key's business.
    """

    def __init__(self, target: Table, key: tuple[str, ...], columns: tuple[str, ...], by: str) -> None:
        self._find = Statement(lambda dialect: _found(dialect, target, key, by))
        self._insert = Statement(lambda dialect: _inserted(dialect, target, key, columns, by))

    async def keep(self, transaction: Transaction, common: Values, rows: Mapping[Key, Mapping[str, Any]]) -> dict[Key, int]:
        """Give the id of each row by its key; `common` are the values that all rows share."""
        return (await self.sort_out(transaction, common, rows))[0]

    async def sort_out(
        self, transaction: Transaction, common: Values, rows: Mapping[Key, Mapping[str, Any]]
    ) -> tuple[dict[Key, int], set[Key]]:
        """Give the id of each row by its key, and the keys of those that were made now."""
        if not rows:
            return {}, set()
        known = await self.find(transaction, common, list(rows))
        missing = transaction.dialect.in_order_of_locking([key for key in rows if key not in known])
        if not missing:
            return known, set()
        await transaction.run_many(self._insert, [{**common, **rows[key]} for key in missing])
        return known | await self.find(transaction, common, missing), set(missing)

    async def find(self, transaction: Transaction, common: Values, keys: list[Any]) -> dict[Any, int]:
        """Give the ids of those rows that are there, by key."""
        asked = {**common, "keys": transaction.dialect.list_value(keys)}
        return dict(await transaction.all(self._find, asked))


def _found(dialect: Dialect, target: Table, key: tuple[str, ...], by: str) -> Any:
    told = target.c[by]
    same = [target.c[name] == bindparam(name, type_=Id) for name in ("organization_id", *key) if name != by]
    return select(told, target.c.id).where(*same, told.in_(select(dialect.list_items("keys", told.type).c.value)))


def _inserted(dialect: Dialect, target: Table, key: tuple[str, ...], columns: tuple[str, ...], by: str) -> Any:
    unique = ["organization_id", *key]
    made = insert(dialect, target).values(values_of(target, *unique, *columns))
    # Never DO UPDATE, which locks the row against those who refer to it: two such writers wait for each other.
    return made.on_conflict_do_nothing(index_elements=unique)
