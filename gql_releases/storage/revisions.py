"""Which revision a database's tables are at, told without Alembic: a start that has nothing to migrate need not load it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg

from gql_releases.storage.postgres import TRANSLATED, is_postgres, open_connection
from gql_releases.storage.sqlite import connect, sqlite_path

VERSIONS = Path(__file__).parent / "migrations" / "versions"
CURRENT = "SELECT version_num FROM alembic_version"


def newest() -> str:
    """Give the newest revision: scripts are named by theirs."""
    return max(script.name.partition("_")[0] for script in VERSIONS.glob("[0-9]*.py"))


def is_current(url: str) -> bool:
    """Say whether a database's tables are up to date; not those of one that is empty or not there. Raises Unavailable."""
    found = asyncio.run(_on_postgres(url)) if is_postgres(url) else _on_sqlite(sqlite_path(url))
    return found == newest()


def _on_sqlite(path: Path) -> str | None:
    if not path.exists():
        return None
    with closing(connect(path)) as connection:
        try:
            row = connection.execute(CURRENT).fetchone()
        except sqlite3.OperationalError:  # there is no such table
            return None
    return str(row[0]) if row else None


async def _on_postgres(url: str) -> str | None:
    connection = await open_connection(url)
    try:
        with TRANSLATED:
            found = await connection.fetchval(CURRENT)
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return None if found is None else str(found)
