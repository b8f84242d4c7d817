"""Rows known by a natural key: found, or made; never twice, whoever else is writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Table, bindparam, select, update

from gql_releases.domain.dates import format_date
from gql_releases.storage.engine.dialects import Dialect, row_parameter_name
from gql_releases.storage.engine.statements import BulkStatement, Row, Statement, StatementRows, Transaction, Values
from gql_releases.storage.engine.types import Id

Key = TypeVar("Key", str, int)

MAX_ROWS_PER_STATEMENT = 1_000
"""Rows of a statement, where there may be very many. Spelling them for PostgreSQL holds up whoever waits for the event loop:
1 to 5 ms for 1,000 of them."""


def match_ids(target: FromClause, *names: str) -> list[ColumnElement[bool]]:
    """Return the conditions that each named column, which holds an id, equals the value bound under its own name."""
    return [target.c[name] == bindparam(name, type_=Id) for name in names]


def bind_columns(target: Table, *names: str) -> dict[str, Any]:
    """Bind each named column under its own name."""
    return {name: bindparam(name, type_=target.c[name].type) for name in names}


def _bind_rows(dialect: Dialect, target: Table, names: Sequence[str]) -> list[dict[str, Any]]:
    """Bind each named column of each row under its own name with the row's number."""
    return [
        {name: bindparam(row_parameter_name(name, row), type_=target.c[name].type) for name in names}
        for row in range(dialect.rows_per_insert)
    ]


def insert_ignoring(name: str, target: Table, *names: str, shared: Iterable[str]) -> Statement:
    """Make the statement that inserts rows, but none whose key is there; `shared` values are those of all rows."""
    return BulkStatement(name, lambda dialect: insert_rows(dialect, target, names, shared).on_conflict_do_nothing(), shared)


def insert_all(name: str, target: Table, *names: str, shared: Iterable[str]) -> Statement:
    """Make the statement that inserts rows; `shared` values are those of all rows."""
    return BulkStatement(name, lambda dialect: insert_rows(dialect, target, names, shared), shared)


def insert_rows(dialect: Dialect, target: Table, names: Iterable[str], shared: Iterable[str]) -> Any:
    """Begin the INSERT of a RowsStatement."""
    given = dialect.rows_from_json({name: target.c[name].type for name in names if name not in shared})
    if given is None and dialect.rows_per_insert == 1:
        return dialect.insert(target).values(bind_columns(target, *names))
    if given is None:
        return dialect.insert(target).values(_bind_rows(dialect, target, list(names)))
    columns = [bindparam(name, type_=target.c[name].type) if name in shared else given.c[name] for name in names]
    return dialect.insert(target).from_select(list(names), select(*columns).select_from(given))


def insert_returning(name: str, target: Table, *names: str) -> Statement:
    """Make the statement that inserts a row and gives its id."""
    return Statement(name, target.insert().values(bind_columns(target, *names)).returning(target.c.id))


class NaturalKeyTable:
    """Finds or makes rows of one table by `organization_id` and more key columns, of which `by` tells rows apart.

    Of a row that is there, the `completed` columns become what is given, where something is. That two makers make one row is
    the unique key's business. The statement `insert` makes rows with ids that were drawn.
    """

    def __init__(
        self, target: Table, key: Sequence[str], columns: Sequence[str], *, by: str, completed: Sequence[str] = ()
    ) -> None:
        self._completed = completed
        self._find = Statement(
            f"{target.name}.find_by_key", lambda dialect: _select_by_key(dialect, target, key, by, completed)
        )
        # Never DO UPDATE, which locks the row against those who refer to it: two such writers wait for each other.
        names = ["organization_id", *key, *columns]
        shared = [name for name in names if name in ("organization_id", "date_created")]
        self._insert = insert_ignoring(f"{target.name}.insert_missing", target, *names, shared=shared)
        self.insert = insert_all(f"{target.name}.insert_new", target, "id", *names, shared=shared)
        self._complete = Statement(
            f"{target.name}.complete",
            update(target).values(bind_columns(target, *completed)).where(target.c.id == bindparam("row_id", type_=Id)),
        )

    async def find_or_create(
        self, transaction: Transaction, common: Values, rows: Mapping[Key, Mapping[str, Any]]
    ) -> dict[Key, int]:
        """Give the id of each row by its key; `common` are the values that all rows share.

        Looking first saves writing what is there.
        """
        if not rows:
            return {}
        known = await self._rows(transaction, common, list(rows))
        missing = transaction.dialect.sort_for_locking([key for key in rows if key not in known])
        if missing:
            await transaction.execute_many(self._insert, [{**common, **rows[key]} for key in missing])
            known |= await self._rows(transaction, common, missing)
        await transaction.execute_many(*self.build_completions(rows, known))
        return {key: row[1] for key, row in known.items()}

    def build_completions(self, rows: Mapping[Key, Mapping[str, Any]], known: Mapping[Key, Row]) -> StatementRows:
        """Give what puts what is given to the rows that were found."""
        # In one order always: two writers of the same rows never wait for each other in a circle.
        return self._complete, [one for key in sorted(known) if (one := self._changed(known[key], rows[key]))]

    def assign_ids(
        self,
        dialect: Dialect,
        common: Values,
        rows: Mapping[Key, Mapping[str, Any]],
        known: Mapping[Key, Row],
        ids: Iterator[int],
    ) -> tuple[dict[Key, int], list[dict[str, Any]]]:
        """Give the id of each row by its key, one of `ids` where it is not known, and the rows of those for `insert`.

        Where another writer makes one of them meanwhile, that fails, and the whole write is to be done anew.
        """
        found = {key: int(row[1]) for key, row in known.items()}
        new = []
        for key in dialect.sort_for_locking([key for key in rows if key not in known]):
            found[key] = next(ids)
            new.append({**common, **rows[key], "id": found[key]})
        return found, new

    def _changed(self, row: Row, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give the row as it is to be where that is not how it is."""
        names = self._completed
        stored = tuple(row[2:])
        wanted = [
            _to_stored(given[name]) if given.get(name) is not None else old for name, old in zip(names, stored, strict=True)
        ]
        return None if wanted == list(stored) else {"row_id": row[1], **dict(zip(names, wanted, strict=True))}

    async def _rows(self, transaction: Transaction, common: Values, keys: list[Any]) -> dict[Any, Row]:
        asked = {**common, "keys": transaction.dialect.list_value(keys)}
        return {row[0]: row for row in await transaction.fetch_all(self._find, asked)}

    async def find(self, transaction: Transaction, common: Values, keys: list[Any]) -> dict[Any, int]:
        """Give the ids of those rows that are there, by key."""
        return {key: row[1] for key, row in (await self._rows(transaction, common, keys)).items()}


def _to_stored(given: Any) -> Any:
    """Give a value in the form that rows have it in: dates are text."""
    return format_date(given) if isinstance(given, datetime) else given


def _select_by_key(dialect: Dialect, target: Table, key: Sequence[str], by: str, more: Sequence[str]) -> Any:
    told = target.c[by]
    same = [target.c[name] == bindparam(name, type_=Id) for name in ("organization_id", *key) if name != by]
    return select(told, target.c.id, *(target.c[name] for name in more)).where(*same, dialect.is_among(told, "keys"))
