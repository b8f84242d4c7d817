"""A connection of SQLite whose planner does not use the statistics of an ANALYZE, which stay in the file."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

STATISTICS_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4')"
CHECK_SECONDS = 1.0
"""Seconds between two checks whether the schema has changed: a first ANALYZE and a VACUUM change it."""


class SqliteConnection(sqlite3.Connection):
    """A connection that plans without statistics: all statements are written, and tested, for such plans.

    SQLite reads the statistics together with the schema and has no setting for this. So the schema is read again in a write
    transaction that has emptied their tables and is rolled back: nothing is written, and the connection keeps what it read.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._next_check = 0.0
        self._schema_version: int | None = None
        """The version of the schema that was read without statistics."""

    def ignore_statistics(self, wait_ms: int = 0) -> None:
        """Read the schema without statistics if it has changed. Call this outside a transaction.

        Checks at most once in CHECK_SECONDS. Where another connection writes for longer than `wait_ms`, or the file is
        read-only, plans may be slow until a later check.
        """
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_SECONDS
        (version,) = self.execute("PRAGMA schema_version").fetchone()
        if version == self._schema_version:
            return
        if self.execute(STATISTICS_TABLES).fetchone():
            try:
                version = self._read_schema(wait_ms)
            except sqlite3.OperationalError:
                return
        self._schema_version = version

    def _read_schema(self, wait_ms: int) -> int:
        """Read the schema without statistics and return its version."""
        (timeout,) = self.execute("PRAGMA busy_timeout").fetchone()
        self.execute(f"PRAGMA busy_timeout={wait_ms}")
        try:
            self.execute("BEGIN IMMEDIATE")
            try:
                for (name,) in self.execute(STATISTICS_TABLES).fetchall():
                    self.execute(f"DELETE FROM {name}")
                self.execute("PRAGMA writable_schema=RESET")
                (version,) = self.execute("PRAGMA schema_version").fetchone()
                self.execute(STATISTICS_TABLES).fetchall()  # reads the schema: RESET has only discarded it
            finally:
                if self.in_transaction:
                    self.execute("ROLLBACK")
        finally:
            self.execute(f"PRAGMA busy_timeout={timeout}")
        return int(version)
