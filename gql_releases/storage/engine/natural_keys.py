"""Rows with a natural key: found, or inserted; never twice, also when several writers insert the same row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, LargeBinary, Table, Text, bindparam, func, literal_column, select, update
from sqlalchemy.types import TypeEngine

from gql_releases.domain.dates import format_date
from gql_releases.storage.engine.dialects import Dialect, row_parameter_name
from gql_releases.storage.engine.statements import BulkStatement, Row, Statement, StatementRows, Transaction, Values
from gql_releases.storage.engine.types import Id

Key = TypeVar("Key", str, int)

MAX_ROWS_PER_STATEMENT = 1_000
"""Rows of one statement. Encoding them for PostgreSQL blocks the event loop: 1 to 5 ms for 1,000 rows."""


def match_ids(target: FromClause, *names: str) -> list[ColumnElement[bool]]:
    """Return the conditions that each named column, which holds an id, equals the value bound under its own name."""
    return [target.c[name] == bindparam(name, type_=Id) for name in names]


def bind_columns(target: Table, *names: str) -> dict[str, Any]:
    """Return a parameter for each named column, of the column's name and type."""
    return {name: bindparam(name, type_=target.c[name].type) for name in names}


def _bind_rows(dialect: Dialect, target: Table, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a parameter for each named column of each row, named by column and row number."""
    return [
        {name: bindparam(row_parameter_name(name, row), type_=target.c[name].type) for name in names}
        for row in range(dialect.rows_per_insert)
    ]


def insert_ignoring(name: str, target: Table, *names: str, shared: Iterable[str]) -> Statement:
    """Return the statement that inserts rows whose key does not exist; `shared` columns have one value for all rows."""
    return BulkStatement(name, lambda dialect: insert_rows(dialect, target, names, shared).on_conflict_do_nothing(), shared)


def insert_all(name: str, target: Table, *names: str, shared: Iterable[str]) -> Statement:
    """Return the statement that inserts rows; `shared` columns have one value for all rows."""
    return BulkStatement(name, lambda dialect: insert_rows(dialect, target, names, shared), shared)


def insert_rows(dialect: Dialect, target: Table, names: Iterable[str], shared: Iterable[str]) -> Any:
    """Return the INSERT of a BulkStatement."""
    types = {name: target.c[name].type for name in names if name not in shared}
    json_rows = dialect.rows_from_json({name: Text() if _is_binary(form) else form for name, form in types.items()})
    if json_rows is None and dialect.rows_per_insert == 1:
        return dialect.insert(target).values(bind_columns(target, *names))
    if json_rows is None:
        return dialect.insert(target).values(_bind_rows(dialect, target, list(names)))
    columns = []
    for name in names:
        column = bindparam(name, type_=target.c[name].type) if name in shared else json_rows.c[name]
        binary = name in types and _is_binary(types[name])
        columns.append(func.decode(column, literal_column("'base64'")) if binary else column)
    return dialect.insert(target).from_select(list(names), select(*columns).select_from(json_rows))


def _is_binary(form: TypeEngine[Any]) -> bool:
    """Return whether a column has bytes, which are base64 in JSON: Dialect.pack_bytes."""
    return isinstance(form, LargeBinary)


def insert_returning(name: str, target: Table, *names: str) -> Statement:
    """Return the statement that inserts a row and returns its id."""
    return Statement(name, target.insert().values(bind_columns(target, *names)).returning(target.c.id))


class NaturalKeyTable:
    """Finds or inserts rows of one table by `organization_id` and more key columns, of which `by` differs between rows.

    Of an existing row, the `completed` columns are updated to new values that are not None. The unique constraint decides
    between two writers that insert the same row. The statement `insert` inserts rows with allocated ids.
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
        """Return the id of each row by its key; `common` are the values that all rows share.

        Existing rows are looked up first, which costs less than writing them.
        """
        if not rows:
            return {}
        existing = await self._fetch_rows(transaction, common, list(rows))
        missing = transaction.dialect.sort_for_locking([key for key in rows if key not in existing])
        if missing:
            await transaction.execute_many(self._insert, [{**common, **rows[key]} for key in missing])
            existing |= await self._fetch_rows(transaction, common, missing)
        await transaction.execute_many(*self.build_completions(rows, existing))
        return {key: row_id for key, (_, row_id, *_completed) in existing.items()}

    async def find(self, transaction: Transaction, common: Values, keys: list[Any]) -> dict[Any, int]:
        """Return the ids of existing rows by key."""
        existing = await self._fetch_rows(transaction, common, keys)
        return {key: row_id for key, (_, row_id, *_completed) in existing.items()}

    def build_completions(self, rows: Mapping[Key, Mapping[str, Any]], existing: Mapping[Key, Row]) -> StatementRows:
        """Return the statement that completes existing rows, with its rows."""
        # Always in one order: two writers of the same rows never wait for each other in a circle.
        completions = (self._complete_row(existing[key], rows[key]) for key in sorted(existing))
        return self._complete, [completion for completion in completions if completion]

    def assign_ids(
        self,
        dialect: Dialect,
        common: Values,
        rows: Mapping[Key, Mapping[str, Any]],
        existing: Mapping[Key, Row],
        ids: Iterator[int],
    ) -> tuple[dict[Key, int], list[dict[str, Any]]]:
        """Return the id of each row by its key, one of `ids` for a missing row, and the missing rows for `insert`.

        Where another writer inserts one of them meanwhile, `insert` fails and the whole write is to be retried.
        """
        ids_by_key = {key: int(row_id) for key, (_, row_id, *_completed) in existing.items()}
        missing = []
        for key in dialect.sort_for_locking([key for key in rows if key not in existing]):
            ids_by_key[key] = next(ids)
            missing.append({**common, **rows[key], "id": ids_by_key[key]})
        return ids_by_key, missing

    def _complete_row(self, row: Row, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the new values of a row, None where they are those that it has."""
        names = self._completed
        _, row_id, *stored = row
        completed = [
            _to_stored(values[name]) if values.get(name) is not None else old
            for name, old in zip(names, stored, strict=True)
        ]
        return None if completed == stored else {"row_id": row_id, **dict(zip(names, completed, strict=True))}

    async def _fetch_rows(self, transaction: Transaction, common: Values, keys: list[Any]) -> dict[Any, Row]:
        """Return existing rows by key: key, id and the completed columns."""
        values = {**common, "keys": transaction.dialect.list_value(keys)}
        return {row[0]: row for row in await transaction.fetch_all(self._find, values)}


def _to_stored(value: Any) -> Any:
    """Return a value in the form that rows have it in: dates are text."""
    return format_date(value) if isinstance(value, datetime) else value


def _select_by_key(dialect: Dialect, target: Table, key: Sequence[str], by: str, more: Sequence[str]) -> Any:
    column = target.c[by]
    same = [target.c[name] == bindparam(name, type_=Id) for name in ("organization_id", *key) if name != by]
    return select(column, target.c.id, *(target.c[name] for name in more)).where(*same, dialect.is_among(column, "keys"))
