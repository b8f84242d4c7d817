"""Helpers of the tests of copies: a filled store in a SQLite file, its rows, and the progress of copies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
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
RELEASES_PATH = "organizations/acme/releases/"


def fill_source(folder: Path) -> Template:
    """Create a SQLite store with rows in each table, whose rows with the highest ids are deleted."""
    (folder / "empty").mkdir()
    template = Template(SqliteFiles(), SqliteFiles().empty(folder / "empty"))
    migrate(template.url)
    asyncio.run(fill(template))
    harness = Harness(template, folder)
    client = harness.client
    update = {"project": {"key": {"organization": "acme", "slug": "web"}}, "repository": "acme/web"}
    assert client.graphql(SET_DEFAULT, {"input": update}) == {"data": {"updateProject": {"userErrors": []}}}
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    for number in range(RELEASES):
        commits = [commit(3 * number + place, message="gr\u00fc\u00df \U0001f600 'x' \\ \"") for place in range(5)]
        body = release(f"web@1.{number}.0+{number}", commits=commits, projects=["web", "api"] if number % 2 else ["web"])
        assert client.rest("POST", RELEASES_PATH, body).status == 201
        for environment in ("production", "staging")[: number % 3]:
            deploy = {"environment": environment, "dateFinished": f"2026-11-{number % 28 + 1:02}T08:00:00.5+01:00"}
            assert client.rest("POST", f"{RELEASES_PATH}web@1.{number}.0%2B{number}/deploys/", deploy).status == 201
    with_notes = as_graphql(release("noted")) | {"notes": "# N\u00f8tes", "metadata": {"b": [1, None], "a": "\u00e9"}}
    with_dates = as_graphql(release("dated")) | {"dateReleased": "2026-11-19T08:00:00.123456Z", "url": "https://example.com"}
    for fields in (with_notes, with_dates):
        assert client.graphql(CREATE, {"input": fields})["data"]["createRelease"]["outcome"] == "CREATED"
    assert client.rest("POST", RELEASES_PATH, release("gone", commits=[commit(1)])).status == 201
    assert client.rest("POST", f"{RELEASES_PATH}gone/deploys/", {"environment": "production"}).status == 201
    assert client.rest("DELETE", f"{RELEASES_PATH}gone/").status == 204
    harness.close()
    _insert_rows(harness.path, _file_rows())
    _insert_rows(harness.path, _event_rows())
    return Template(SqliteFiles(), harness.url, template.tokens)


def _file_rows() -> dict[str, dict[str, Any]]:
    """Return a row of each table of files, as if a bundle, a release file and a debug file had been uploaded."""
    date, sha1, sha256, debug_id = "2026-11-19T08:00:00.000000Z", "a" * 40, "b" * 64, "4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b"
    return {
        "blobs": {"sha1": sha1, "sha256": sha256, "size": 5_000_000_000, "date_stored": date},
        "chunks": {"sha1": sha1, "sha256": sha256, "size": 3, "date_stored": date},
        "assemblies": {
            "kind": "artifact_bundle", "subject": "", "checksum": sha1, "state": "ok", "request": "{}",
            "date_created": date, "date_updated": date,
        },
        "artifact_bundles": {
            "bundle_id": debug_id, "blob_id": 1, "size": 3, "file_count": 1, "date_uploaded": date, "date_modified": date,
            "date_used": date,
        },
        "artifact_bundle_projects": {"artifact_bundle_id": 1, "project_id": 1, "date_modified": date},
        "artifact_bundle_associations": {"artifact_bundle_id": 1, "version": "web@1.0.0+0", "dist": ""},
        "artifact_bundle_versions": {"artifact_bundle_id": 1, "version": "web@1.0.0+0", "date_modified": date},
        "artifact_files": {
            "artifact_bundle_id": 1, "path": "_/_/\u00e4.js", "url": "~/\u00e4.js", "type": "minified_source",
            "debug_id": debug_id, "headers": "{}", "size": 3,
        },
        "version_artifacts": {"version": "web@1.0.0+0", "total": 2, "with_debug_ids": 1, "last_uploaded": date},
        "release_files": {
            "release_id": 1, "name": "~/x.js", "dist": "", "headers": "{}", "blob_id": 1, "size": 3, "sha1": sha1,
            "date_created": date,
        },
        "debug_files": {
            "project_id": 1, "debug_id": debug_id, "object_name": "a.so", "cpu_name": "x86_64", "format": "elf",
            "features": "[]", "proguard_releases": "[]", "blob_id": 1, "symcache_blob_id": 1, "size": 3, "sha1": sha1,
            "date_created": date, "date_used": date,
        },
    }  # fmt: skip


def _event_rows() -> dict[str, dict[str, Any]]:
    """Return a row of each table of events, as if an event and a session of a release had been received."""
    date, digest, hour = "2026-11-19T08:00:00.000000Z", "c" * 32, 494_000
    place = {"release_id": 1, "project_id": 1, "environment_id": 1}
    return {
        "project_keys": {
            "project_id": 1, "public_key": digest, "name": "Default", "is_active": True, "date_created": date,
        },
        "issues": {
            "project_id": 1, "short_id": "WEB-1", "title": "E: \u00e4", "level": "error", "platform": "python",
            "handled": False, "status": "UNRESOLVED", "times": 1, "users": 1, "first_seen": date, "last_seen": date,
            "date_created": date, "first_release_id": 1, "grouping_step": "STACK", "grouping_key": "[]",
            "grouping_algorithm": "grouping-1", "suspect_status": "FOUND",
        },
        "issue_hashes": {"project_id": 1, "algorithm": "grouping-1", "hash": digest, "issue_id": 1},
        "issue_releases": {
            "issue_id": 1, "release_id": 1, "environment_id": 0, "first_seen": date, "last_seen": date, "times": 1,
        },
        "issue_users": {"issue_id": 1, "user_hash": digest},
        "suspect_commits": {
            "issue_id": 1, "position": 0, "commit_id": 1, "score": 66.7, "path": "src/a.py", "frame_path": "a.py",
            "matched_segments": 1, "releases_back": 0,
        },
        "events": {
            "project_id": 1, "event_id": digest, "day": hour // 24, "issue_id": 1, "release_id": 1, "timestamp": date,
            "received": date, "level": "error", "platform": "python", "title": "E: \u00e4", "body": b"\x00\xff\n",
        },
        "release_events": {**place, "first_event": date, "last_event": date, "events": 1, "new_issues": 1},
        "event_hours": {**place, "hour": hour, "events": 1},
        "ingest_hours": {"project_id": 1, "hour": hour, "events": 1, "releases": 0, "environments": 0, "issues": 1, "bytes": 3},
        "outcomes": {
            "project_id": 1, "hour": hour, "outcome": "accepted", "reason": "", "category": "error", "value": "",
            "quantity": 1, "bytes": 10,
        },
        "deleted_releases": {"version": "gone before", "date_deleted": date},
        "session_hours": {
            **place, "hour": hour, "sessions": 4, "crashed": 1, "abnormal": 0, "unhandled": 0, "errored": 1,
        },
        "live_sessions": {
            "project_id": 1, "sid": digest, "release_id": 1, "environment_id": 1, "hour": hour, "status": "crashed",
            "date_updated": date,
        },
        "session_users": {**place, "user_hash": digest, "last_hour": hour, "crashed": True},
    }  # fmt: skip


def _insert_rows(path: Path, rows: dict[str, dict[str, Any]]) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for name, row in rows.items():
            columns = {"organization_id": 1, **row}
            marks = ", ".join("?" * len(columns))
            connection.execute(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", list(columns.values()))


def read_rows(path: Path) -> dict[str, list[Any]]:
    """Return the rows of every table of a SQLite file, and the highest ids that it has assigned."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
    rows["sqlite_sequence"] = [row for row in rows["sqlite_sequence"] if row[1]]
    return rows


def count_rows(rows: Callable[[str, str], list[tuple[Any, ...]]], url: str) -> int:
    """Count the rows of the largest tables that a copy fills."""
    tables = ("organizations", "commits", "file_changes", "releases", "release_commits", "deploy_projects")
    total: int = rows(url, "SELECT " + " + ".join(f"(SELECT count(*) FROM {name})" for name in tables))[0][0]
    return total


class RecordedProgress:
    """Records the progress of a copy and calls a function after each batch."""

    def __init__(self, after_batch: Callable[[], None] = lambda: None) -> None:
        self.after_batch, self.begun = after_batch, list[tuple[str, int, int]]()

    def begin(self, activity: str, total: int, completed: int) -> None:
        self.begun.append((activity, total, completed))

    def advance(self, rows: int) -> None:
        if self.begun[-1][0] == "copying":
            self.after_batch()


class CutOffError(Exception):
    """Ends a copy before it is complete."""


def cut_off_after(batches: int) -> RecordedProgress:
    """Return a progress that ends the copy after a number of batches."""
    left = iter(range(batches - 1))

    def end() -> None:
        if next(left, None) is None:
            raise CutOffError

    return RecordedProgress(end)


def cut_off_when(is_reached: Callable[[], bool]) -> RecordedProgress:
    """Return a progress that ends the copy after the first batch after which the condition is true."""

    def end() -> None:
        if is_reached():
            raise CutOffError

    return RecordedProgress(end)


def copy_store(
    source: str,
    target: str,
    progress: RecordedProgress | None = None,
    batch: int = 100,
    without: Collection[str] = frozenset(),
) -> list[TableComparison]:
    """Copy a store in this process."""
    return asyncio.run(copy(source, target, progress or RecordedProgress(), batch, without))


def start_copy(
    source: str, target: str, batch: int = 100, module: str = "gql_releases", more: Sequence[str] = ()
) -> Command:
    """Start a copy by the command line."""
    return start_command(source, "copy", "--to", target, "--batch", str(batch), *more, module=module)


def start_command(url: str, *words: str, module: str = "gql_releases") -> Command:
    """Start a command on a database."""
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": url}
    return start(*words, environment=environment, module=module)


@contextlib.contextmanager
def open_client(url: str, token: str) -> Iterator[Client]:
    """Open an application on a database and yield its client."""
    store = open_store(url)
    client = Client(create_app(Settings(database_url=url), store), token)
    try:
        yield client
    finally:
        client.runner.run(store.close())
        client.close()
