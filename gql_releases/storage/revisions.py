"""Which revision a database's tables are at, told without Alembic: a start that has nothing to migrate need not load it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import asyncpg

from gql_releases.storage.postgres import TRANSLATED, is_postgres, open_connection
from gql_releases.storage.sqlite import BUSY_MS, sqlite_path
from gql_releases.storage.sqlite import TRANSLATED as SQLITE_TRANSLATED

VERSIONS = Path(__file__).parent / "migrations" / "versions"
CURRENT = "SELECT version_num FROM alembic_version"
HAS_REVISION = "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"


def newest() -> str:
    """Give the newest revision: scripts are named by theirs."""
    return max(script.name.partition("_")[0] for script in VERSIONS.glob("[0-9]*.py"))


def is_current(url: str) -> bool:
    """Say whether a database's tables are up to date; not those of one that is empty or not there. Raises Unavailable."""
    found = asyncio.run(_on_postgres(url)) if is_postgres(url) else _on_sqlite(sqlite_path(url))
    return found == newest()


def _on_sqlite(path: Path) -> str | None:
    """Read the revision without changing the file: another process may be migrating it."""
    if not path.exists():
        return None
    address = f"file:{quote(str(path))}?mode=rw"
    with SQLITE_TRANSLATED, closing(sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000)) as connection:
        if connection.execute(HAS_REVISION).fetchone() is None:
            return None
        row = connection.execute(CURRENT).fetchone()
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
