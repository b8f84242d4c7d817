"""Writes: one transaction beside other writers, and errors of the store."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gql_releases.domain.errors import Unavailable
from gql_releases.storage.engine import sqlite_writer
from gql_releases.storage.engine.sqlite import SqliteDatabase, sqlite_path
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.schema.tables import metadata
from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import CREATE, as_graphql, commit, release

RELEASES_PATH = "/api/0/organizations/acme/releases/"


def test_fifty_parallel_creations_in_both_apis_create_one_release(template: Template, tmp_path: Path) -> None:
    """Two clients send creations with commits and refs to both APIs."""
    harness = Harness(template, tmp_path)
    second = Client(harness.app, harness.tokens["acme"])
    body = release("web@1", commits=[commit(n) for n in range(5)], refs=[{"repository": "acme/web", "commit": "a"}])
    request = {"query": CREATE, "variables": {"input": as_graphql(body)}}

    async def send_together() -> list[Any]:
        calls = [
            harness.client.send("POST", RELEASES_PATH, body)
            if n % 2
            else second.send("POST", "/graphql", request, token=harness.tokens["acme"])
            for n in range(50)
        ]
        return await asyncio.gather(*calls)

    responses = harness.run(send_together())
    statuses = [response.status for response in responses]
    payloads = [response.json["data"]["createRelease"] for response in responses[::2]]
    assert all(not payload["userErrors"] for payload in payloads)
    created = statuses[1::2].count(201) + [payload["outcome"] for payload in payloads].count("CREATED")
    assert created == 1
    assert set(statuses) <= {200, 201, 208}
    for table, number in (("releases", 1), ("release_commits", 5), ("commits", 6), ("head_commits", 1)):
        assert harness.rows(f"SELECT count(*) FROM {table}") == [(number,)], table
    harness.close()
    second.close()


def test_parallel_creations_share_new_commits(template: Template, tmp_path: Path) -> None:
    """The second creation finds the rows of the first: no request is refused and no row is stored twice."""
    harness = Harness(template, tmp_path)
    chance = random.Random(7)
    pool = [commit(n, repository=f"acme/{n % 3}", author_email=f"{n % 5}@example.com") for n in range(40)]
    bodies = [release(f"web@{n}", commits=chance.sample(pool, 25)) for n in range(60)]

    async def send_together() -> list[Any]:
        return await asyncio.gather(*(harness.client.send("POST", RELEASES_PATH, body) for body in bodies))

    assert [response.status for response in harness.run(send_together())] == [201] * 60
    for table, number in (("commits", 40), ("repositories", 3), ("commit_authors", 5), ("release_commits", 60 * 25)):
        assert harness.rows(f"SELECT count(*) FROM {table}") == [(number,)], table
    links = harness.rows(
        "SELECT r.version, c.sha FROM release_commits x JOIN releases r ON r.id = x.release_id"
        " JOIN commits c ON c.id = x.commit_id"
    )
    assert set(links) == {(body["version"], fields["id"]) for body in bodies for fields in body["commits"]}
    harness.close()


def test_upsert_twice_equals_once(client: Client, harness: Harness) -> None:
    body = release(commits=[commit(n) for n in range(3)], ref="x", dateReleased="2026-01-01")
    dumps = []
    for _ in range(2):
        client.rest("POST", "organizations/acme/releases/", body)
        tables = [name for name in metadata.tables if name != "tokens"]
        dumps.append({name: sorted(harness.rows(f"SELECT * FROM {name}"), key=str) for name in tables})
    assert dumps[0] == dumps[1]


def test_existing_commit_keeps_missing_fields(client: Client) -> None:
    """Missing keys keep stored values; an author without a name keeps the stored one.

    Source: docs/sentry-contract.md#2-5-commits and docs/sentry-contract.md#9-decisions.
    """
    client.rest("POST", "organizations/acme/releases/", release("1", commits=[commit()]))
    bare = {"id": commit()["id"], "repository": "acme/web", "author_email": "ADA@example.com"}
    last_commit = client.rest("POST", "organizations/acme/releases/", release("2", commits=[bare])).json["lastCommit"]
    assert (last_commit["message"], last_commit["author"]["name"]) == ("Change number 0", "Ada")
    assert {release["version"] for release in last_commit["releases"]} == {"1", "2"}


@pytest.mark.sqlite
@pytest.mark.parametrize("api", ["rest", "graphql"])
def test_store_that_cannot_write_answers_503_and_changes_nothing(
    template: Template, tmp_path: Path, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked, read-only or full: 503 with Retry-After in both APIs; a later retry creates the release."""
    monkeypatch.setattr(sqlite_writer, "WRITE_TIMEOUT_SECONDS", 0.3)
    harness = Harness(template, tmp_path)
    client = harness.client
    body = release("web@1", commits=[commit(message="x" * 500_000)])  # more than the free pages hold

    def create() -> Any:
        if api == "rest":
            return client.rest("POST", "organizations/acme/releases/", body)
        return client.request("POST", "/graphql", {"query": CREATE, "variables": {"input": as_graphql(body)}})

    def assert_refused() -> None:
        response = create()
        assert (response.status, response.headers["retry-after"]) == (503, "1"), response
        assert "nothing was changed" in response.body.decode()

    client.rest("GET", "organizations/acme/releases/")  # opens the connections that are opened at first use
    blocker = sqlite3.connect(harness.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert_refused()
    blocker.execute("ROLLBACK")
    blocker.close()
    for pragma, undo in (("query_only=ON", "query_only=OFF"), ("max_page_count=1", "max_page_count=1000000")):
        connection = harness.run(harness.store._database.write(_pragma(pragma)))
        assert_refused()
        connection.execute("PRAGMA " + undo)
    assert client.rest("GET", "organizations/acme/releases/").json == []
    assert create().status in (200, 201)
    harness.close()


def _pragma(words: str) -> Any:
    async def work(transaction: Any) -> Any:
        transaction._connection.execute("PRAGMA " + words)
        return transaction._connection

    return work


@pytest.mark.sqlite
def test_write_that_waits_too_long_is_withdrawn(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 503 is sent only when the write will never be committed."""
    harness = Harness(template, tmp_path)
    monkeypatch.setattr(sqlite_writer, "WRITE_TIMEOUT_SECONDS", 0.2)
    database = harness.store._database
    insert = Statement("test", text("INSERT INTO organizations (slug, name, date_created) VALUES (:slug, 'x', 'x')"))

    started, finish = threading.Event(), threading.Event()

    def pause() -> None:
        started.set()
        assert finish.wait(60)

    async def slow(transaction: Any) -> None:
        transaction._connection.create_function("pause", 0, pause)
        transaction._connection.execute("SELECT pause()")

    async def quick(transaction: Any) -> None:
        await transaction.execute(insert, {"slug": "late"})

    async def nothing(transaction: Any) -> None:
        pass

    async def write_both() -> None:
        first = asyncio.ensure_future(database.write(slow, large=True))
        assert await asyncio.to_thread(started.wait, 60)
        with pytest.raises(Unavailable):
            await database.write(quick)
        finish.set()
        await first
        monkeypatch.setattr(sqlite_writer, "WRITE_TIMEOUT_SECONDS", 60)
        await database.write(nothing)  # after all writes that were accepted before

    harness.run(write_both())
    rows = sqlite3.connect(harness.path)
    assert rows.execute("SELECT count(*) FROM organizations WHERE slug = 'late'").fetchone() == (0,)
    rows.close()
    harness.close()


def test_missing_or_forbidden_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SqliteDatabase(tmp_path / "none" / "x.db")


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///", "x", "sqlite://host/x.db"])
def test_url_that_is_no_sqlite_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///file\.db"):
        sqlite_path(url)


def test_url_is_a_file_relative_or_absolute() -> None:
    assert sqlite_path("sqlite:///a%20b.db") == Path.cwd() / "a b.db"
    assert sqlite_path("sqlite:////tmp/x.db") == Path("/tmp/x.db")
    assert os.path.isabs(sqlite_path("sqlite:///x.db"))


def test_deleting_a_release_deletes_its_own_rows_and_no_others(client: Client, harness: Harness) -> None:
    """Commits, repositories, authors and environments stay (docs/sentry-contract.md#3-3-delete)."""
    client.rest("POST", "organizations/acme/releases/", release(commits=[commit(), commit(1)], refs=[]))
    key = {"key": {"organization": "acme", "version": "web@1.0.0+1"}}
    document = "mutation ($input: CreateDeployInput!) {createDeploy(input: $input) {deploy {id} userErrors {code}}}"
    response = client.graphql(document, {"input": {"release": key, "environment": "production"}})
    assert response["data"]["createDeploy"]["userErrors"] == []
    assert client.rest("DELETE", "organizations/acme/releases/web@1.0.0%2B1/").status == 204
    counts = {
        name: harness.rows(f"SELECT count(*) FROM {name}")[0][0]
        for name in (
            "releases", "release_projects", "release_commits", "release_authors", "head_commits", "deploys",
            "deploy_projects", "commits", "repositories", "commit_authors", "environments", "file_changes",
        )
    }  # fmt: skip
    assert counts == {
        "releases": 0, "release_projects": 0, "release_commits": 0, "release_authors": 0, "head_commits": 0,
        "deploys": 0, "deploy_projects": 0, "commits": 2, "repositories": 1, "commit_authors": 1, "environments": 1,
        "file_changes": 2,
    }  # fmt: skip
