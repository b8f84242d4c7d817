"""Aliases of tables, created once for the process: an alias copies each column, two thirds of a filter's compile time.

An alias can be used in any number of statements, and in one statement in any number of subqueries that are not nested.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import FromClause
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import table

MAX_SHARED_ALIASES = 40
"""Shared aliases of a table, each of about 20 KB; a statement that needs more creates its own."""


@cache
def get_alias(row: type[SQLModel], role: str) -> FromClause:
    """Return the alias of a table for a subquery; nested subqueries use different roles."""
    return table(row).alias()


@cache
def _get_shared_alias(rows: FromClause, number: int) -> FromClause:
    return rows.alias()


@dataclass(slots=True)
class Aliases:
    """The aliases that one read uses, each only once, because its levels may be parts of one statement."""

    counts: Counter[FromClause] = field(default_factory=Counter)

    def take(self, rows: FromClause) -> FromClause:
        """Return an unused alias of a table, or of a select that replaces one."""
        number = self.counts[rows]
        self.counts[rows] = number + 1
        return _get_shared_alias(rows, number) if number < MAX_SHARED_ALIASES else rows.alias()
