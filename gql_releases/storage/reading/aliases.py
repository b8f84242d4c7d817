"""Aliases of tables, made once for the process: an alias copies each column, which took two thirds of compiling a filter.

An alias may stand in any number of statements, and in one statement in any number of subqueries that are not inside one
another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import FromClause
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import table

SHARED = 40
"""Aliases of each table that are shared at most, each of some 20 KB; a statement that needs more makes its own."""


@cache
def inner(row: type[SQLModel], role: str) -> FromClause:
    """Return the alias of a table for a subquery; `role` tells it from those of the subqueries around it and in it."""
    return table(row).alias()


@cache
def _shared(rows: FromClause, number: int) -> FromClause:
    return rows.alias()


@dataclass(slots=True)
class Aliases:
    """Hands out aliases for one read, each only once: its levels may be parts of one statement."""

    counts: Counter[FromClause] = field(default_factory=Counter)

    def of(self, rows: FromClause) -> FromClause:
        """Return an alias of a table, or of a select that stands for one."""
        number = self.counts[rows]
        self.counts[rows] = number + 1
        return _shared(rows, number) if number < SHARED else rows.alias()
