"""Compiles conditions into SQL: filters by name, and groups of them."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, false, not_, or_, true

from gql_releases.domain.conditions import GROUPS, Names
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.entity import Entity

Numbered = list[tuple[str, Any]]
"""(filter's name, name of its bound value), or (group, Numbered), pairs."""


def number_conditions(names: Names, prefix: str) -> Numbered:
    """Name the values of conditions `<prefix>0`, `<prefix>1`, ... depth first."""
    return _number_nested(names, prefix, count())


def _number_nested(names: Names, prefix: str, numbers: count[int]) -> Numbered:
    return [
        (name, f"{prefix}{next(numbers)}") if isinstance(name, str) else (name[0], _number_nested(name[1], prefix, numbers))
        for name in names
    ]


def build_condition(
    entity: Entity, rows: FromClause, name: str, bind: str | Numbered, dialect: Dialect
) -> ColumnElement[bool]:
    """Return the condition of a filter, or of a group of filters. An empty `or` is false."""
    if isinstance(bind, str):
        return entity.filters[name](rows, bind, dialect)
    assert name in GROUPS
    parts = [build_condition(entity, rows, *part, dialect) for part in bind]
    if name == "or":
        return or_(false(), *parts)
    joined = and_(true(), *parts)
    return joined if name == "and" else not_(joined)
