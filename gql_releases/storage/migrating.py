"""Brings a database's tables up to date, and tells whether they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from gql_releases.domain.errors import Unavailable
from gql_releases.storage.postgres import is_postgres, open_connection
from gql_releases.storage.sqlite import TRANSLATED, sqlite_path
from gql_releases.storage.tables import metadata

Result = TypeVar("Result")
LOCK = 7_101_983
"""The advisory lock that migrations hold: a number of ours."""
MIGRATIONS = Path(__file__).parent / "migrations"


def _on_connection(url: str, work: Callable[[Connection], Result]) -> Result:
    """Run some work on a connection of its own. Raises Unavailable."""
    if is_postgres(url):
        return asyncio.run(_on_postgres(url, work))
    path = sqlite_path(url)
    if not path.parent.is_dir():
        raise Unavailable(f"There is no folder {path.parent} for the database.")
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        with TRANSLATED, engine.connect() as connection:
            return work(connection)
    except DBAPIError as error:
        with TRANSLATED:
            raise error.orig or error from error
    finally:
        engine.dispose()


async def _on_postgres(url: str, work: Callable[[Connection], Result]) -> Result:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: open_connection(url))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Give the newest revision."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest
    return newest


def current(url: str) -> str | None:
    """Give the revision that a database is at; None for an empty one."""
    return _on_connection(url, _revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision, up or down. Raises Unavailable."""

    def work(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":  # two gateways that start at once migrate one after the other
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        here = _revision(connection)
        scripts = ScriptDirectory.from_config(_config())
        newer = {script.revision for script in scripts.iterate_revisions("head", here)}
        wanted = scripts.get_current_head() if revision == "head" else revision
        if revision == "base" or (wanted != here and wanted not in newer):
            command.downgrade(_config(connection), revision)
        else:
            command.upgrade(_config(connection), revision)
        connection.commit()

    _on_connection(url, work)


def differences(url: str) -> list[object]:
    """List what the tables of a database have otherwise than the code declares; nothing, if all is well."""
    return _on_connection(url, lambda found: list(compare_metadata(MigrationContext.configure(found), metadata)))


def new_revision(url: str, message: str) -> None:
    """Write a migration from what the code declares and a database at head has not."""
    number = f"{len(list(_scripts())) + 1:04d}"
    _on_connection(url, lambda found: command.revision(_config(found), message, autogenerate=True, rev_id=number))


def _scripts() -> Iterator[Path]:
    return (MIGRATIONS / "versions").glob("[0-9]*.py")
