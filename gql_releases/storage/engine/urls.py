"""Addresses of databases."""

from __future__ import annotations

from gql_releases.storage.engine.postgres import is_postgres, redact_postgres_url
from gql_releases.storage.engine.sqlite import sqlite_path


def redact_url(url: str) -> str:
    """Return a database URL for messages, without its secrets. Raises ValueError."""
    return redact_postgres_url(url) if is_postgres(url) else str(sqlite_path(url))
