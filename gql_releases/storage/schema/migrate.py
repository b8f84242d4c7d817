"""Migrates a database's tables, compares them with their declaration, and writes new migrations."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from gql_releases.domain.errors import CommandFailed, DomainError, Unavailable
from gql_releases.storage.engine.postgres import is_postgres, open_connection
from gql_releases.storage.engine.sqlite import sqlite_path
from gql_releases.storage.engine.sqlite_errors import translate
from gql_releases.storage.engine.sqlite_files import create_file
from gql_releases.storage.schema.tables import metadata
from gql_releases.storage.schema.tables.event import is_partition

Result = TypeVar("Result")
MIGRATION_LOCK_ID = 7_101_983
"""The advisory lock of migrations."""
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_TIMEOUT_SECONDS = 45.0
"""How long a migration of a SQLite file waits for another process that writes to it."""


class MigrationFailed(CommandFailed):
    """A migration failed and was rolled back."""


def _run_on_connection(url: str, work: Callable[[Connection], Result]) -> Result:
    """Run `work` on a new connection. Raises Unavailable, MigrationFailed."""
    if not is_postgres(url):
        return _run_on_sqlite(sqlite_path(url), work)
    try:
        return asyncio.run(_run_on_postgres(url, work))
    except DBAPIError as error:
        raise MigrationFailed(_failure(error.orig or error)) from None


def _run_on_sqlite(path: Path, work: Callable[[Connection], Result]) -> Result:
    if not path.parent.is_dir():
        raise Unavailable(f"The folder {path.parent} of the database does not exist.")
    create_file(path)
    engine = _sqlite_engine(path)
    try:
        with engine.connect() as connection:
            return work(connection)
    except DBAPIError as error:
        # The driver's error already has SQLAlchemy's as its context: to chain it would make a cycle.
        failure = error.orig or error
        if isinstance(failure, sqlite3.DatabaseError):
            try:
                translate(failure)
            except DomainError as refusal:
                raise refusal from None
        raise MigrationFailed(_failure(failure)) from None
    finally:
        engine.dispose()


def _sqlite_engine(path: Path) -> Engine:
    """Return an engine whose transactions hold the write lock from their first statement on.

    Processes that migrate one file at the same time do so one after the other, as with PostgreSQL's advisory lock. The
    driver begins no transaction itself, so that DDL is part of the transaction.
    """
    options = {"timeout": LOCK_TIMEOUT_SECONDS, "isolation_level": None}
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args=options)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _failure(error: BaseException) -> str:
    return f"The migration failed and nothing was changed: {str(error).partition(chr(10))[0]}"


async def _run_on_postgres(url: str, work: Callable[[Connection], Result]) -> Result:
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


def head_revision() -> str:
    """Return the newest revision."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest
    return newest


def current_revision(url: str) -> str | None:
    """Return the revision of a database; None for an empty one."""
    return _run_on_connection(url, _revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def migrate(url: str, revision: str = "head") -> None:
    """Migrate a database to a revision, up or down, in one transaction. Raises Unavailable, MigrationFailed."""

    def work(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":  # two gateways that start at once migrate one after the other
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK_ID)))
        current = _revision(connection)
        scripts = ScriptDirectory.from_config(_config())
        newer = {script.revision for script in scripts.iterate_revisions("head", current)}
        target = scripts.get_current_head() if revision == "head" else revision
        if revision == "base" or (target != current and target not in newer):
            command.downgrade(_config(connection), revision)
        else:
            command.upgrade(_config(connection), revision)
        connection.commit()

    _run_on_connection(url, work)


def list_differences(url: str) -> list[object]:
    """Return the differences between the tables of a database and their declaration; an empty list for none.

    Partitions belong to the table that has them.
    """

    def work(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, parents: kind != "table" or not is_partition(name)}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    return _run_on_connection(url, work)


def write_revision(message: str) -> Path | None:
    """Write a migration for declarations that no migration has yet, and return its path; None where there are none.

    The differences are those of an empty SQLite database at the newest revision.
    """
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/new.db"
        migrate(url)
        if not list_differences(url):
            return None
        number = f"{int(head_revision()) + 1:04d}"
        script = _run_on_connection(
            url,
            lambda connection: command.revision(_config(connection), message, autogenerate=True, rev_id=number),
        )
    assert isinstance(script, Script)
    return Path(script.path)
