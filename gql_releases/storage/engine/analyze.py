"""Keeps PostgreSQL's planner informed of young tables: autovacuum looks once a minute, and an import fills one in seconds.

Without figures the planner takes any two columns to be as good as the whole key, and a statement that reads ten rows walks
through all of them. SQLite's plans here depend on no figures.
"""

from __future__ import annotations

import logging
from typing import Any

import asyncpg

from gql_releases.domain.counters import RepeatedFailure, count_fall_back

ANALYZE_EVERY_WRITES = 64
"""Writes of one process from one look to the next; the first ones, while all is young, are looked at more often."""
MIN_CHANGED_ROWS = 50
"""Rows that may change unseen."""
FAILURES = RepeatedFailure(logging.getLogger(__name__), "tables cannot be analysed")

_CHANGED_TABLES = """SELECT quote_ident(c.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE c.relnamespace = current_schema()::regnamespace AND s.n_mod_since_analyze > greatest(c.reltuples, $1)"""


def should_analyze(writes: int) -> bool:
    """Say whether to look after so many writes: after each power of two, then OFTEN."""
    return writes % ANALYZE_EVERY_WRITES == 0 or writes & (writes - 1) == 0


async def analyze_changed_tables(connection: Any) -> None:
    """Analyse the tables of which more rows have changed than there were at the last look.

    A table that another gateway is looking at is left to it, one of another owner to the owner's autovacuum.
    """
    try:
        grown = [row[0] for row in await connection.fetch(_CHANGED_TABLES, MIN_CHANGED_ROWS)]
        if grown:
            await connection.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(grown)}")
    except asyncpg.PostgresError as error:  # a help to the planner is no reason to fail; autovacuum comes by
        count_fall_back("analyze")
        FAILURES.report(f"{type(error).__name__}: {error}", error)
    else:
        FAILURES.end()
