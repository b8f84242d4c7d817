"""The number of rows and the size of a database, for operators."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gql_releases.storage.engine.postgres import is_postgres
from gql_releases.storage.engine.sqlite import sqlite_path
from gql_releases.storage.transfer.endpoints import CopyEndpoint, fetch_value, open_endpoint

COUNTED_TABLES = (
    "organizations", "projects", "releases", "commits", "deploys", "tokens", "artifact_bundles", "release_files",
    "debug_files",
)  # fmt: skip
STORED_TABLES = ("blobs", "chunks")
"""Tables of stored bytes, which several rows may share."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows by table, for the existing tables, and the size in bytes; number and bytes of what the store of files has."""

    counts: dict[str, int]
    size_bytes: int
    stored: dict[str, tuple[int, int]]


async def read_overview(url: str) -> Overview:
    """Count the rows of a database without changing it. Raises ValueError, Unavailable."""
    database = await open_endpoint(url, to_write=False)
    if database is None:
        return Overview({}, 0, {})
    try:
        tables = await database.tables()
        counts = {
            name: await fetch_value(database, f"SELECT count(*) FROM {name}") for name in COUNTED_TABLES if name in tables
        }
        stored = {name: await _count_stored(database, name) for name in STORED_TABLES if name in tables}
        if is_postgres(url):
            size = await fetch_value(database, "SELECT pg_database_size(current_database())")
            return Overview(counts, size, stored)
    finally:
        await database.close()
    return Overview(counts, _sum_file_sizes(sqlite_path(url)), stored)


async def _count_stored(database: CopyEndpoint, table: str) -> tuple[int, int]:
    contents = f"(SELECT sha1, max(size) AS size FROM {table} GROUP BY sha1) AS contents"
    [(count, size)] = await database.fetch(f"SELECT count(*), coalesce(sum(size), 0) FROM {contents}")
    return int(count), int(size)


def _sum_file_sizes(path: Path) -> int:
    """Return the bytes of the database file and its write-ahead log."""
    total = 0
    for file in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total
