"""What tests of copies share: a filled store in a SQLite file, its rows, and watchers of copies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gql_releases.app import create_app
from gql_releases.settings import Settings
from gql_releases.storage.schema.migrate import migrate
from gql_releases.storage.store import open_store
from gql_releases.storage.transfer.copy import TableComparison, copy
from tests.client import Client
from tests.conftest import Harness, Template, fill
from tests.databases import SqliteFiles
from tests.factories import CREATE, SET_DEFAULT, as_graphql, commit, release
from tests.processes import Command, start

RELEASES = 40
LIST = "organizations/acme/releases/"


def fill_source(folder: Path) -> Template:
    """Make a SQLite store with something in each table, and with deleted highest ids."""
    (folder / "empty").mkdir()
    template = Template(SqliteFiles(), SqliteFiles().empty(folder / "empty"))
    migrate(template.url)
    asyncio.run(fill(template))
    harness = Harness(template, folder)
    client = harness.client
    named = {"project": {"key": {"organization": "acme", "slug": "web"}}, "repository": "acme/web"}
    assert client.graphql(SET_DEFAULT, {"input": named}) == {"data": {"updateProject": {"userErrors": []}}}
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    for number in range(RELEASES):
        commits = [commit(3 * number + place, message="gr\u00fc\u00df \U0001f600 'x' \\ \"") for place in range(5)]
        body = release(f"web@1.{number}.0+{number}", commits=commits, projects=["web", "api"] if number % 2 else ["web"])
        assert client.rest("POST", LIST, body).status == 201
        for environment in ("production", "staging")[: number % 3]:
            deploy = {"environment": environment, "dateFinished": f"2026-11-{number % 28 + 1:02}T08:00:00.5+01:00"}
            assert client.rest("POST", f"{LIST}web@1.{number}.0%2B{number}/deploys/", deploy).status == 201
    noted = as_graphql(release("noted")) | {"notes": "# N\u00f8tes", "metadata": {"b": [1, None], "a": "\u00e9"}}
    dated = as_graphql(release("dated")) | {"dateReleased": "2026-11-19T08:00:00.123456Z", "url": "https://example.com"}
    for one in (noted, dated):
        assert client.graphql(CREATE, {"input": one})["data"]["createRelease"]["outcome"] == "CREATED"
    assert client.rest("POST", LIST, release("gone", commits=[commit(1)])).status == 201
    assert client.rest("POST", f"{LIST}gone/deploys/", {"environment": "production"}).status == 201
    assert client.rest("DELETE", f"{LIST}gone/").status == 204
    harness.close()
    return Template(SqliteFiles(), harness.url, template.tokens)


def rows_of(path: Path) -> dict[str, list[Any]]:
    """Give every row of every table of a SQLite file, and the ids that it has given."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
    found["sqlite_sequence"] = [row for row in found["sqlite_sequence"] if row[1]]
    return found


def counts(rows: Callable[[str, str], list[tuple[Any, ...]]], url: str) -> int:
    """Count the rows of the tables that a copy fills, its longest ones."""
    tables = ("organizations", "commits", "file_changes", "releases", "release_commits", "deploy_projects")
    total: int = rows(url, "SELECT " + " + ".join(f"(SELECT count(*) FROM {name})" for name in tables))[0][0]
    return total


class Quiet:
    """Watches, and calls something after each batch."""

    def __init__(self, after_batch: Callable[[], None] = lambda: None) -> None:
        self.after_batch, self.begun = after_batch, list[tuple[str, int, int]]()

    def begin(self, activity: str, total: int, completed: int) -> None:
        self.begun.append((activity, total, completed))

    def advance(self, rows: int) -> None:
        if self.begun[-1][0] == "copying":
            self.after_batch()


class CutOffError(Exception):
    """A copy ends in the middle."""


def cut_off_after(batches: int) -> Quiet:
    """Watch, and end the copy after so many batches."""
    left = iter(range(batches - 1))

    def end() -> None:
        if next(left, None) is None:
            raise CutOffError

    return Quiet(end)


def copied(source: str, target: str, watch: Quiet | None = None, batch: int = 100) -> list[TableComparison]:
    """Copy in this process."""
    return asyncio.run(copy(source, target, watch or Quiet(), batch))


def command(source: str, target: str, batch: int = 100, module: str = "gql_releases") -> Command:
    """Copy by the command line."""
    return run(source, "copy", "--to", target, "--batch", str(batch), module=module)


def run(url: str, *words: str, module: str = "gql_releases") -> Command:
    """Start a command on a database."""
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": url}
    return start(*words, environment=environment, module=module)


@contextlib.contextmanager
def served(url: str, token: str) -> Iterator[Client]:
    """Ask an application over a database."""
    store = open_store(url)
    client = Client(create_app(Settings(database_url=url), store), token)
    try:
        yield client
    finally:
        client.runner.run(store.close())
        client.close()
