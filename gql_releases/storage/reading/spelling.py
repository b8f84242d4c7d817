"""Lists that come as JSON text in a column of their parent's row: Python touches no value of them, no statement is added.

A list can, where nothing but its nodes is asked for, and the database can spell all that is asked of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, FromClause, Text, and_, cast, literal_column

from gql_releases.domain import selection as s
from gql_releases.storage.dialects import Dialect, Part
from gql_releases.storage.reading.catalogue import CATALOGUE, Entity


def nodes_of(item: s.Many) -> s.Nodes | None:
    """Give the nodes of a list of which nothing else is asked that depends on its rows."""
    nodes = [part for part in item.parts if isinstance(part, s.Nodes)]
    rest = [part for part in item.parts if not isinstance(part, s.Nodes | s.Constant | s.TotalCount)]
    return nodes[0] if item.json and not item.unless and not rest and len(nodes) == 1 else None


class Speller:
    """Names what makes an object of one entity's row; `source` grows by the rows that its references lead to."""

    def __init__(self, dialect: Dialect, source: Any) -> None:
        self._dialect, self.source = dialect, source

    def parts(self, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> list[Part] | None:
        """Give an object's parts, or None where one of them is not the database's to spell."""
        made = [(item.name, self._value(entity, rows, item)) for item in fields]
        parts = [(name, value) for name, value in made if value is not None]
        return parts if len(parts) == len(made) and all(len(name) <= NAME_LENGTH for name, _ in parts) else None

    def _value(self, entity: Entity, rows: FromClause, item: s.Field) -> ColumnElement[Any] | None:
        match item:
            case s.Value(_, attribute, None):
                return self._dialect.json_value(rows.c[attribute])
            case s.Value(_, attribute, s.ShortDate()):
                return self._dialect.json_value(rows.c[attribute], short=True)
            case s.Value(_, attribute, s.Base64(prefix)):
                return self._dialect.base64(literal_column(f"'{prefix}'", Text) + cast(rows.c[attribute], Text))
            case s.Constant(_, value):
                return self._dialect.json_constant(orjson.dumps(value).decode())
            case s.Embedded(_, present, fields, None) if present:
                return self._object(rows.c[present], self.parts(entity, rows, fields))
            case s.One(_, attribute, selection, None) if attribute in entity.ones:
                one = entity.ones[attribute]
                target = CATALOGUE[one.target]
                other = target.table.alias()
                tenant = rows.c.organization_id if "organization_id" in rows.c else rows.c.id
                same = and_(other.c[target.tenant] == tenant, other.c.id == rows.c[one.column])
                self.source = self.source.outerjoin(other, same)
                return self._object(other.c.id, self.parts(target, other, selection.fields))
        return None

    def _object(self, present: ColumnElement[Any], parts: list[Part] | None) -> ColumnElement[Any] | None:
        return None if parts is None else self._dialect.json_object(parts, present)


NAME_LENGTH = 63
"""Characters of a column's name, which PostgreSQL would cut short."""
