"""Brings a database's tables up to date, and tells whether they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError

from gql_releases.domain.errors import Unavailable
from gql_releases.storage.sqlite import sqlite_path, translated
from gql_releases.storage.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    path = sqlite_path(url)
    if not path.parent.is_dir():
        raise Unavailable(f"There is no folder {path.parent} for the database.")
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        with translated(), engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        with translated():
            raise error.orig or error from error
    finally:
        engine.dispose()


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
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision, up or down. Raises Unavailable."""
    with _connected(url) as connection:
        here = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory.from_config(_config())
        newer = {script.revision for script in scripts.iterate_revisions("head", here)}
        wanted = scripts.get_current_head() if revision == "head" else revision
        if revision == "base" or (wanted != here and wanted not in newer):
            command.downgrade(_config(connection), revision)
        else:
            command.upgrade(_config(connection), revision)
        connection.commit()


def differences(url: str) -> list[object]:
    """List what the tables of a database have otherwise than the code declares; nothing, if all is well."""
    with _connected(url) as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def new_revision(url: str, message: str) -> None:
    """Write a migration from what the code declares and a database at head has not."""
    with _connected(url) as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=f"{len(list(_scripts())) + 1:04d}")


def _scripts() -> Iterator[Path]:
    return (MIGRATIONS / "versions").glob("[0-9]*.py")
