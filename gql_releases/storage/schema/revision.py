"""Reads the revision of a database's tables without Alembic, which only a migration has to import."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gql_releases.storage.engine.postgres import POSTGRES_ERRORS, is_postgres, open_connection
from gql_releases.storage.engine.sqlite import BUSY_TIMEOUT_MS, sqlite_path
from gql_releases.storage.engine.sqlite_errors import SQLITE_ERRORS as SQLITE_TRANSLATED

VERSIONS = Path(__file__).parent / "migrations" / "versions"
COPY_MARKS_TABLE = "copying"
"""The table with the progress of a copy, in its target; dropped when both databases are equal."""
FIND_REVISION = "SELECT version_num FROM alembic_version"
REVISION_TABLE = "alembic_version"
LIST_SQLITE_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (?, ?)"
LIST_POSTGRES_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY($1)"


def newest_revision() -> str:
    """Return the newest revision: the first part of a script's name."""
    return max(script.name.partition("_")[0] for script in VERSIONS.glob("[0-9]*.py"))


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The revision of a database's tables, None for an empty one, and whether a copy into it is unfinished."""

    revision: str | None
    is_copying: bool

    @property
    def is_current(self) -> bool:
        """Whether the tables are up to date."""
        return self.revision == newest_revision()

    def missing(self) -> list[str]:
        """Return the revisions that a migration would apply, oldest first."""
        revisions = sorted(script.name.partition("_")[0] for script in VERSIONS.glob("[0-9]*.py"))
        return [revision for revision in revisions if self.revision is None or revision > self.revision]


EMPTY = DatabaseState(None, False)


def is_current(url: str) -> bool:
    """Return whether a database's tables are up to date; False for an empty or missing one. Raises Unavailable."""
    return read_state(url).is_current


def read_state(url: str) -> DatabaseState:
    """Return the state of a database without changing it; EMPTY for a missing SQLite file. Raises Unavailable."""
    return asyncio.run(_read_postgres(url)) if is_postgres(url) else _read_sqlite(sqlite_path(url))


def _read_sqlite(path: Path) -> DatabaseState:
    if not path.exists():
        return EMPTY
    address = f"file:{quote(str(path))}?mode=rw"
    with SQLITE_TRANSLATED, closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
        tables = {name for (name,) in connection.execute(LIST_SQLITE_TABLES, (REVISION_TABLE, COPY_MARKS_TABLE))}
        row = connection.execute(FIND_REVISION).fetchone() if REVISION_TABLE in tables else None
    return DatabaseState(row and str(row[0]), COPY_MARKS_TABLE in tables)


async def _read_postgres(url: str) -> DatabaseState:
    connection = await open_connection(url)
    try:
        with POSTGRES_ERRORS:
            tables = {name for (name,) in await connection.fetch(LIST_POSTGRES_TABLES, [REVISION_TABLE, COPY_MARKS_TABLE])}
            revision = await connection.fetchval(FIND_REVISION) if REVISION_TABLE in tables else None
    finally:
        await connection.close()
    return DatabaseState(None if revision is None else str(revision), COPY_MARKS_TABLE in tables)
