"""Locks that exclude other processes on a database: in PostgreSQL, or a file beside the SQLite database."""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from gql_releases.storage.engine.postgres import POSTGRES_ERRORS, is_postgres, open_connection
from gql_releases.storage.engine.sqlite import sqlite_path


@asynccontextmanager
async def hold_process_lock(database_url: str, lock: Enum) -> AsyncIterator[bool]:
    """Hold a lock and return True, or return False if another process holds it. It ends with the process.

    The value of `lock` is the key of PostgreSQL's advisory lock, its name is part of the file's. On
    PostgreSQL it needs a connection of its own. Raises Unavailable.
    """
    if not is_postgres(database_url):
        path = sqlite_path(database_url)
        with path.with_name(f"{path.name}-{lock.name.lower()}-lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        return
    connection = await open_connection(database_url)
    try:
        with POSTGRES_ERRORS:
            is_held = bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock.value))
        yield is_held
    finally:
        await connection.close(timeout=5)
