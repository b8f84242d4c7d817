"""The reasons why a database cannot be used at the moment."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import column, literal, select, table, text

from gql_releases.domain.errors import DomainError
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.sqlite import SqliteDatabase
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.schema.revision import newest_revision

logger = logging.getLogger(__name__)

MIN_FREE_BYTES = 16 * 1024 * 1024
"""Bytes that must be free on the disk of a SQLite file: one large write and its log may use them."""

FIND_REVISION = Statement("database.find_revision", select(column("version_num")).select_from(table("alembic_version")))


def _find_copy(dialect: Dialect) -> Any:
    """Return the query for the table that a copy drops when it is complete (storage/transfer/copy.py)."""
    if dialect.has_network_latency:  # PostgreSQL
        return select(column("oid")).select_from(table("pg_class")).where(text("oid = to_regclass('copying')"))
    named = (column("name") == literal("copying")) & (column("type") == literal("table"))
    return select(column("name")).select_from(table("sqlite_schema")).where(named)


FIND_UNFINISHED_COPY = Statement("database.find_unfinished_copy", _find_copy)


async def find_obstacles(database: Database, free_bytes: Callable[[Path], int] | None = None) -> list[str]:
    """Return a sentence for each reason why a database cannot be used; `free_bytes` returns the free bytes for a file."""
    try:
        obstacles = await _read_state(database)
    except DomainError as error:
        logger.debug("not ready", exc_info=error)
        return ["The database cannot be reached."]
    except Exception as error:
        logger.warning("the state of the database cannot be read", exc_info=error)
        return ["The database cannot be read."]
    if isinstance(database, SqliteDatabase):
        free = (free_bytes or _free_bytes)(database.path)
        if free < MIN_FREE_BYTES:
            obstacles.append(f"The disk of the database is full: {free // 1024} KiB are free.")
    return obstacles


async def _read_state(database: Database) -> list[str]:
    if await database.rows(FIND_UNFINISHED_COPY, {}):
        return ["A copy into the database is not complete: run `gql-releases copy` again."]
    revisions = [str(row[0]) for row in await database.rows(FIND_REVISION, {})]
    if revisions != [newest_revision()]:
        revision = ", ".join(revisions) or "none"
        return [f"The tables are at revision {revision}, not {newest_revision()}: run `gql-releases migrate`."]
    return []


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return 0
