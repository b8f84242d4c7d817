"""Ranges of commits: the same in any order of requests, equal to those of the history, and read by indexes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from gql_releases.domain.history import MAX_RANGE
from gql_releases.storage.commits import history, ranges
from gql_releases.storage.engine.sqlite import SqliteDatabase
from gql_releases.storage.engine.statements import Statement
from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.scale import SOAK, scale
from tests.unit.test_history import History, histories

EXAMPLES = scale(25, 500)
RELEASES_PATH = "organizations/acme/releases/"
STATE = """{organization(slug: "acme") {releases(first: 100) {nodes {version commitCount lastCommit {sha} commitStatus {code}
  commits(first: 100) {nodes {sha}} authors {totalCount}
  headCommits {nodes {commit {sha} previousSha knownUntil commitStatus {code}}}}}}}"""


def build_commit(number: int, dated: bool) -> dict[str, Any]:
    fields = {"id": f"{number:040x}", "repository": "r", "author_email": f"a{number % 3}@example.com"}
    return fields | ({"timestamp": f"2026-01-01T00:{number:02}:00Z"} if dated else {})


def put(client: Client, version: str, body: Any) -> None:
    assert client.rest("PUT", f"{RELEASES_PATH}{version}/", body).status == 200


@st.composite
def draw_facts(draw: st.DrawFn) -> tuple[History, bool, list[tuple[str, Any]]]:
    """Draw a history, whether commits have times, and requests that are consistent with the history."""
    history, dated = draw(histories()), draw(st.booleans())
    commands: list[tuple[str, Any]] = []
    for number in range(draw(st.integers(3, 6))):
        newest = len(history.parents) - 1
        line = history.line(newest if draw(st.integers(0, 3)) else draw(st.integers(0, newest)))
        line = line[draw(st.integers(0, len(line) // 2)) :]
        size = draw(st.integers(0, len(line) - 1)) + draw(st.booleans())
        after = line[size] if size < len(line) else None
        previous = f"{after:040x}" if after is not None and draw(st.booleans()) else None
        ref = {"refs": [{"repository": "r", "commit": f"{line[0]:040x}", "previousCommit": previous}]}
        listed = {"commits": [build_commit(number, dated) for number in line[: max(size, 1)]]}
        kinds = {"ref": [ref], "list": [listed], "both": [listed, ref]}
        kind = draw(st.sampled_from(("ref", "ref", "list", "both") if size else ("ref", "list")))
        commands += [(f"v{number}", body) for body in kinds[kind]]
    return history, dated, commands


def run_commands(template: Template, commands: list[tuple[str, Any]]) -> Any:
    """Send requests to a new store and return all fields of its releases."""
    folder = Path(tempfile.mkdtemp())
    harness = Harness(template, folder)
    try:
        seed = {"version": "seed", "projects": ["api"], "commits": [{"id": "seed", "repository": "r"}]}
        assert harness.client.rest("POST", RELEASES_PATH, seed).status == 201
        for version in sorted({version for version, _ in commands}):
            number = int(version[1:])
            body = {"version": version, "projects": [("web", "api")[number % 2]]}
            assert harness.client.rest("POST", RELEASES_PATH, body).status == 201
        for version, body in commands:
            put(harness.client, version, body)
        response = harness.client.graphql(STATE)
        assert "errors" not in response
        return {release["version"]: release for release in response["data"]["organization"]["releases"]["nodes"]}
    finally:
        harness.close()
        shutil.rmtree(folder)


@pytest.mark.slow
def test_order_of_arrival_does_not_matter_and_complete_ranges_are_true(template: Template) -> None:
    complete_ranges = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        derandomize=not SOAK,
    )  # fmt: skip
    @given(draw_facts(), st.data())
    def check(facts: tuple[History, bool, list[tuple[str, Any]]], data: st.DataObject) -> None:
        nonlocal complete_ranges
        history, _, commands = facts
        expected = run_commands(template, commands)
        permuted = run_commands(template, data.draw(st.permutations(commands)))
        assert permuted == expected
        listed = {version for version, body in commands if "commits" in body}
        for version, body in commands:
            if "refs" not in body or version in listed or expected[version]["commitStatus"]["code"] != "COMPLETE":
                continue
            (ref,) = body["refs"]
            numbers = [int(commit["sha"], 16) for commit in expected[version]["commits"]["nodes"]]
            line = history.line(int(ref["commit"], 16))
            assert numbers == line[: len(numbers)], "they are of the first-parent history"
            if ref["previousCommit"]:
                assert numbers == history.range(line[0], int(ref["previousCommit"], 16))
            complete_ranges += len(numbers) > 1

    check()
    assert complete_ranges > EXAMPLES // 25, "too few ranges have several commits"


def test_list_and_range_sent_together_find_each_other(harness: Harness) -> None:
    """The list arrives while the range is computed: the second transaction sees the first."""
    client = harness.client
    client.rest(
        "POST", RELEASES_PATH, {"version": "seed", "projects": ["web"], "commits": [{"id": "seed", "repository": "r"}]}
    )

    async def send_together(number: int) -> None:
        base = 3 * number
        listed = {"version": f"l{number}", "projects": ["api"], "commits": [build_commit(base + n, True) for n in (2, 1, 0)]}
        ref = {"repository": "r", "commit": f"{base + 2:040x}", "previousCommit": f"{base:040x}"}
        ranged = {"version": f"r{number}", "projects": ["web"], "refs": [ref]}
        responses = await asyncio.gather(
            *(client.send("POST", f"/api/0/{RELEASES_PATH}", body) for body in (listed, ranged))
        )
        assert [response.status for response in responses] == [201, 201]

    for number in range(15):
        harness.run(send_together(number))
    rows = harness.rows("SELECT version, commit_count, commit_status FROM releases WHERE version LIKE 'r%' ORDER BY id")
    assert [row[1:] for row in rows] == [(2, "COMPLETE")] * 15


def test_a_range_above_the_maximum_is_reported_and_not_filled(client: Client) -> None:
    size = MAX_RANGE + 1
    body = {"version": "l", "projects": ["web"], "commits": [{"id": f"c{n}", "repository": "r"} for n in range(size + 1)]}
    assert client.rest("POST", RELEASES_PATH, body).status == 201
    for version, previous, expected in (("ok", size - 1, (MAX_RANGE, "COMPLETE")), ("long", size, (1, "TOO_LONG"))):
        ref = {"repository": "r", "commit": "c0", "previousCommit": f"c{previous}"}
        response = client.rest("POST", RELEASES_PATH, {"version": version, "projects": ["web"], "refs": [ref]})
        assert response.status == 201
        result = client.graphql(
            f'{{release(by: {{key: {{organization: "acme", version: "{version}"}}}}) {{commitCount commitStatus {{code}}}}}}'
        )
        assert result["data"]["release"] == {"commitCount": expected[0], "commitStatus": {"code": expected[1]}}


def test_commits_that_are_replaced_by_others_take_their_heads_along(client: Client, harness: Harness) -> None:
    body = {"version": "1", "projects": ["web"], "commits": [build_commit(1, True), {"id": "x", "repository": "s"}]}
    assert client.rest("POST", RELEASES_PATH, body).status == 201
    put(client, "1", {"commits": [build_commit(2, True)]})
    heads = harness.rows("SELECT c.sha, h.kind FROM head_commits h JOIN commits c ON c.id = h.commit_id")
    assert heads == [(f"{2:040x}", "LIST")]


def test_a_repeated_request_updates_no_range(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the release is new: no range of another release is computed and no row of its list is written."""
    listed = [build_commit(number, True) for number in (4, 3, 2)]
    seed = {"version": "seed", "projects": ["api"], "commits": [{"id": "seed", "repository": "r"}]}
    assert harness.client.rest("POST", RELEASES_PATH, seed).status == 201
    for number, head in enumerate((4, 3)):
        body = {"version": f"v{number}", "projects": ["web"], "refs": [{"repository": "r", "commit": f"{head:040x}"}]}
        assert harness.client.rest("POST", RELEASES_PATH, body).status == 201
    updated_ranges: list[set[int]] = []
    complete_others = ranges._complete_other_releases

    async def record(transaction: Any, organization: int, waiting: set[int]) -> None:
        updated_ranges.append(waiting)
        await complete_others(transaction, organization, waiting)

    monkeypatch.setattr(ranges, "_complete_other_releases", record)
    line = {"version": "line", "projects": ["api"], "commits": listed}
    assert harness.client.rest("POST", RELEASES_PATH, line).status == 201
    rows = harness.rows("SELECT * FROM release_commits")
    assert harness.client.rest("POST", RELEASES_PATH, line).status == 208
    put(harness.client, "line", {"commits": listed})
    put(harness.client, "v1", {"refs": [{"repository": "r", "commit": f"{3:040x}"}]})
    assert [len(releases) for releases in updated_ranges] == [2, 0, 0, 0]
    assert harness.rows("SELECT * FROM release_commits") == rows


def test_a_list_without_some_fields_keeps_the_stored_fields_of_its_commits(client: Client) -> None:
    """The second release's authors are those of its commits, though only the first request names them."""
    full_commit = {**build_commit(1, True), "author_name": "Ada"}
    for version, commit in (("1", full_commit), ("2", {"id": full_commit["id"], "repository": "r"})):
        assert (
            client.rest("POST", RELEASES_PATH, {"version": version, "projects": ["web"], "commits": [commit]}).status == 201
        )
    response = client.graphql(
        """{release(by: {key: {organization: "acme", version: "2"}}) {
        lastCommit {timestamp} authors {nodes {name}} commits {nodes {author {name}}}}}"""
    )
    release = response["data"]["release"]
    assert release["authors"]["nodes"] == [{"name": "Ada"}]
    assert release["commits"]["nodes"] == [{"author": {"name": "Ada"}}]
    assert release["lastCommit"] == {"timestamp": "2026-01-01T00:01:00.000000Z"}


def test_lists_of_existing_releases_with_heads_do_not_deadlock(harness: Harness) -> None:
    """A creation of an existing release with a head from a ref computes a range: it must not hold a list's lock."""
    assert (
        harness.client.rest(
            "POST", RELEASES_PATH, {"version": "0", "projects": ["web"], "commits": [build_commit(0, True)]}
        ).status
        == 201
    )
    bodies = []
    for number in range(1, 9):
        head = {"repository": "r", "commit": build_commit(number, True)["id"]}
        body = {"version": str(number), "projects": ["web"], "refs": [head]}
        assert harness.client.rest("POST", RELEASES_PATH, body).status == 201
        bodies.append({"version": str(number), "projects": ["web"], "commits": [build_commit(number, True)]})
    database: Any = harness.store._database
    errors: list[str] = []
    if ON_POSTGRES:
        original = database._in_transaction

        async def record(*arguments: Any) -> Any:
            try:
                return await original(*arguments)
            except Exception as error:
                errors.append(type(error).__name__)
                raise

        database._in_transaction = record

    async def send_together() -> list[Any]:
        return await asyncio.gather(*(harness.client.send("POST", f"/api/0/{RELEASES_PATH}", body) for body in bodies * 5))

    assert {response.status for response in harness.run(send_together())} == {208}
    assert "DeadlockDetectedError" not in errors


@pytest.mark.postgres  # SQLite plans without statistics
def test_young_tables_are_analysed(harness: Harness) -> None:
    """Tables are analysed long before autovacuum's minute is over."""
    for number in range(80):
        body = {"version": f"v{number}", "projects": ["web"]}
        assert harness.client.rest("POST", RELEASES_PATH, body).status == 201
    analyze_count = "SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'releases'"
    flush = Statement("test.flush", select(func.pg_stat_force_next_flush()))  # else a session reports its rows once a second
    deadline = time.monotonic() + 300  # autovacuum's analyses have a counter of their own
    while not harness.rows(analyze_count)[0][0]:
        assert time.monotonic() < deadline
        harness.run(harness.store._database.rows(flush, {}))
        assert harness.client.rest("POST", RELEASES_PATH, {"version": "again", "projects": ["web"]}).status in (201, 208)
        for _ in range(63):
            harness.client.rest("POST", RELEASES_PATH, {"version": "again", "projects": ["web"]})


@pytest.mark.sqlite
def test_every_look_up_uses_an_index(template: Template, tmp_path: Path) -> None:
    """The cost of a request does not grow with the store."""
    harness = Harness(template, tmp_path)
    database: Any = harness.store._database
    assert isinstance(database, SqliteDatabase)
    statements = {
        name: value
        for module in (history, ranges)
        for name, value in vars(module).items()
        if name.isupper() and hasattr(value, "prepare")
    }
    assert len(statements) > 12
    for name, statement in statements.items():
        sql = statement.prepare(database.dialect).sql
        plan = [row[3] for row in harness.rows("EXPLAIN QUERY PLAN " + sql.replace("?", "NULL"))]
        scans = [
            step
            for step in plan
            if step.startswith("SCAN") and not any(word in step for word in ("VIRTUAL TABLE", "json", "anon"))
        ]
        assert scans == [], (name, plan)
        if name.startswith("WAIT"):
            used = " ".join(step for step in plan if "head_commits" in step)
            assert "kind=? AND head_time>?" in used, plan
            assert "known_until=?" in used, plan
    harness.close()
