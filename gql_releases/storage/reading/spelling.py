"""Lists that PostgreSQL spells as JSON text in a column of their parent's row: no statement, and no Python for their values.

A list can come so where nothing but its nodes is asked for, and the database can spell all that is asked of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles

from gql_releases.domain import selection as s
from gql_releases.domain.dates import format_date
from gql_releases.storage.columns import NEVER, UtcDateTime
from gql_releases.storage.reading.catalogue import CATALOGUE, Entity
from gql_releases.storage.reading.levels import follow

DATE_FORM = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
"""The wire's form of a date, as PostgreSQL writes it; the session's time zone is UTC."""
SHORT_DATE_FORM = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
NAME_LENGTH = 63
"""Characters of a column's name, which PostgreSQL would cut short."""

Part = tuple[str, ColumnElement[Any]]
"""A value of a JSON object under its name."""


class Record(ColumnElement[Any]):
    """An object of values of the rows around it, or NULL where `present` is: a subquery that brings no rows of its own.

    json_build_object would look up the type of each argument for each row.
    """

    inherit_cache = False
    type = JSON()

    def __init__(self, parts: Sequence[Part], present: ColumnElement[Any]) -> None:
        self.parts, self.present = parts, present


@compiles(Record)
def _record(record: Record, compiler: Any, **more: Any) -> str:
    quote = compiler.preparer.quote
    values = ", ".join(f"{compiler.process(value, **more)} AS {quote(name)}" for name, value in record.parts)
    return f"(SELECT one FROM (SELECT {values}) one WHERE {compiler.process(record.present, **more)} IS NOT NULL)"


def nodes_of(item: s.Many) -> s.Nodes | None:
    """Give the nodes of a list of which nothing else is asked that depends on its rows, where the door takes text."""
    nodes = [part for part in item.parts if isinstance(part, s.Nodes)]
    rest = [part for part in item.parts if not isinstance(part, s.Nodes | s.Constant | s.TotalCount)]
    return nodes[0] if item.json and not item.unless and not rest and len(nodes) == 1 else None


def array_of(parts: Sequence[Part], rows: Callable[[Sequence[ColumnElement[Any]]], Select[Any]]) -> ColumnElement[Any]:
    """Make the text of an array of objects of the rows that `rows` selects, in order: an aggregate would have to sort."""
    page = rows([value.label(name) for name, value in parts]).subquery("one")
    listed = select(literal_column("one", JSON)).select_from(page).scalar_subquery()
    return cast(func.array_to_json(func.array(listed)), Text)


class Speller:
    """Names what makes an object of one entity's row; `source` grows by the rows that its references lead to."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def parts(self, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> list[Part] | None:
        """Give an object's parts, or None where one of them is not the database's to spell."""
        made = [(item.name, self._value(entity, rows, item)) for item in fields]
        parts = [(name, value) for name, value in made if value is not None]
        return parts if len(parts) == len(made) and all(len(name) <= NAME_LENGTH for name, _ in parts) else None

    def _value(self, entity: Entity, rows: FromClause, item: s.Field) -> ColumnElement[Any] | None:
        match item:
            case s.Value(_, attribute, None, None):
                return _plain(rows.c[attribute])
            case s.Value(_, attribute, s.ShortDate(), None):
                return _date(rows.c[attribute], short=True)
            case s.Value(_, attribute, s.Base64(prefix), None):
                text = _constant(prefix) + cast(rows.c[attribute], Text)
                return func.encode(func.convert_to(text, "UTF8"), "base64", type_=Text)  # in lines of 76 characters
            case s.Constant(_, value):
                return cast(_constant(orjson.dumps(value).decode()), JSON)
            case s.Embedded(_, present, fields, None, otherwise=None) if present:
                return _object(rows.c[present], self.parts(entity, rows, fields))
            case s.One(_, attribute, selection, None, False, None) if attribute in entity.ones:
                one = entity.ones[attribute]
                target = CATALOGUE[one.target]
                self.source, other = follow(self.source, target, rows, rows.c[one.column])
                return _object(other.c.id, self.parts(target, other, selection.fields))
        return None


def _object(present: ColumnElement[Any], parts: list[Part] | None) -> ColumnElement[Any] | None:
    return None if parts is None else Record(parts, present)


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any] | None:
    if isinstance(column.type, UtcDateTime):
        return _date(column)
    return column if isinstance(column.type, String | Integer | Boolean) else None


def _date(column: ColumnElement[Any], *, short: bool = False) -> ColumnElement[Any]:
    special = [(column == literal_column("'infinity'"), _constant(format_date(NEVER)))]
    if short:
        special.append((column == func.date_trunc("second", column), func.to_char(column, _constant(SHORT_DATE_FORM))))
    return case(*special, else_=func.to_char(column, _constant(DATE_FORM), type_=Text))


def _constant(text: str) -> ColumnElement[str]:
    """Write a text into a statement, whose plan then knows it."""
    return literal_column("'" + text.replace("'", "''") + "'", Text)
