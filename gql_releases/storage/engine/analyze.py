"""Analyzes PostgreSQL's growing tables: autovacuum runs once a minute, and an import fills a table in seconds.

Without statistics the planner takes any two columns to be as selective as the whole key, and a statement that reads ten
rows scans all of them. SQLite's plans here depend on no statistics.
"""

from __future__ import annotations

import logging
from typing import Any

import asyncpg

from gql_releases.domain.counters import RepeatedFailure, count_fall_back

ANALYZE_EVERY_WRITES = 64
"""Writes of one process between two checks; among the first writes, checks are more frequent."""
MIN_CHANGED_ROWS = 50
"""Changed rows up to which a table is not analyzed."""
FAILURES = RepeatedFailure(logging.getLogger(__name__), "tables cannot be analysed")

_CHANGED_TABLES = """SELECT quote_ident(c.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE c.relnamespace = current_schema()::regnamespace AND s.n_mod_since_analyze > greatest(c.reltuples, $1)"""


def should_analyze(writes: int) -> bool:
    """Return whether to check after so many writes: after each power of two and each ANALYZE_EVERY_WRITES."""
    return writes % ANALYZE_EVERY_WRITES == 0 or writes & (writes - 1) == 0


async def analyze_changed_tables(connection: Any) -> None:
    """Analyze the tables of which more rows have changed than they had when they were analyzed last.

    A table that another gateway analyzes is skipped; one of another owner is left to autovacuum.
    """
    try:
        tables = [name for (name,) in await connection.fetch(_CHANGED_TABLES, MIN_CHANGED_ROWS)]
        if tables:
            await connection.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")
    except asyncpg.PostgresError as error:  # not needed for correctness; autovacuum analyzes later
        count_fall_back("analyze")
        FAILURES.report(f"{type(error).__name__}: {error}", error)
    else:
        FAILURES.end()
