"""Ranges in a store: the same whatever came first, equal to those of the true history, and found by indexes."""

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

from gql_releases.domain.history import MAX_RANGE
from gql_releases.storage.commits import history, ranges
from gql_releases.storage.engine.sqlite import SqliteDatabase
from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.scale import SOAK, scale
from tests.unit.test_history import History, histories

EXAMPLES = scale(25, 500)
LIST = "organizations/acme/releases/"
STATE = """{organization(slug: "acme") {releases(first: 100) {nodes {version commitCount lastCommit {sha} commitStatus {code}
  commits(first: 100) {nodes {sha}} authors {totalCount}
  headCommits {nodes {commit {sha} previousSha knownUntil commitStatus {code}}}}}}}"""


def sent(number: int, dated: bool) -> dict[str, Any]:
    made = {"id": f"{number:040x}", "repository": "r", "author_email": f"a{number % 3}@example.com"}
    return made | ({"timestamp": f"2026-01-01T00:{number:02}:00Z"} if dated else {})


def command(client: Client, version: str, body: Any) -> None:
    assert client.rest("PUT", f"{LIST}{version}/", body).status == 200


@st.composite
def facts(draw: st.DrawFn) -> tuple[History, bool, list[tuple[str, Any]]]:
    """A history, whether commits have times, and commands, each of which tells the truth about a release."""
    known, dated = draw(histories()), draw(st.booleans())
    commands: list[tuple[str, Any]] = []
    for number in range(draw(st.integers(3, 6))):
        newest = len(known.parents) - 1
        line = known.line(newest if draw(st.integers(0, 3)) else draw(st.integers(0, newest)))
        line = line[draw(st.integers(0, len(line) // 2)) :]
        size = draw(st.integers(0, len(line) - 1)) + draw(st.booleans())
        after = line[size] if size < len(line) else None
        previous = f"{after:040x}" if after is not None and draw(st.booleans()) else None
        ref = {"refs": [{"repository": "r", "commit": f"{line[0]:040x}", "previousCommit": previous}]}
        listed = {"commits": [sent(one, dated) for one in line[: max(size, 1)]]}
        kinds = {"ref": [ref], "list": [listed], "both": [listed, ref]}
        said = draw(st.sampled_from(("ref", "ref", "list", "both") if size else ("ref", "list")))
        commands += [(f"v{number}", one) for one in kinds[said]]
    return known, dated, commands


def outcome(template: Template, commands: list[tuple[str, Any]]) -> Any:
    """Run commands on a store of their own, and give all that is to be seen of its releases."""
    folder = Path(tempfile.mkdtemp())
    harness = Harness(template, folder)
    try:
        seed = {"version": "seed", "projects": ["api"], "commits": [{"id": "seed", "repository": "r"}]}
        assert harness.client.rest("POST", LIST, seed).status == 201
        for version in sorted({version for version, _ in commands}):
            number = int(version[1:])
            body = {"version": version, "projects": [("web", "api")[number % 2]]}
            assert harness.client.rest("POST", LIST, body).status == 201
        for version, body in commands:
            command(harness.client, version, body)
        shown = harness.client.graphql(STATE)
        assert "errors" not in shown
        return {one["version"]: one for one in shown["data"]["organization"]["releases"]["nodes"]}
    finally:
        harness.close()
        shutil.rmtree(folder)


@pytest.mark.slow
def test_order_of_arrival_does_not_matter_and_complete_ranges_are_true(template: Template) -> None:
    filled = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        derandomize=not SOAK,
    )  # fmt: skip
    @given(facts(), st.data())
    def law(drawn: tuple[History, bool, list[tuple[str, Any]]], data: st.DataObject) -> None:
        nonlocal filled
        known, _, commands = drawn
        once = outcome(template, commands)
        other = outcome(template, data.draw(st.permutations(commands)))
        assert other == once
        listed = {version for version, body in commands if "commits" in body}
        for version, body in commands:
            if "refs" not in body or version in listed or once[version]["commitStatus"]["code"] != "COMPLETE":
                continue
            (ref,) = body["refs"]
            found = [int(one["sha"], 16) for one in once[version]["commits"]["nodes"]]
            line = known.line(int(ref["commit"], 16))
            assert found == line[: len(found)], "of the first-parent line"
            if ref["previousCommit"]:
                assert found == known.range(line[0], int(ref["previousCommit"], 16))
            filled += len(found) > 1

    law()
    assert filled > EXAMPLES // 10, "ranges of one commit prove little"


def test_list_and_range_of_one_moment_find_each_other(harness: Harness) -> None:
    """The list comes while the range looks for it: whoever is second sees the other."""
    client = harness.client
    client.rest("POST", LIST, {"version": "seed", "projects": ["web"], "commits": [{"id": "seed", "repository": "r"}]})

    async def race(number: int) -> None:
        base = 3 * number
        listed = {"version": f"l{number}", "projects": ["api"], "commits": [sent(base + n, True) for n in (2, 1, 0)]}
        ref = {"repository": "r", "commit": f"{base + 2:040x}", "previousCommit": f"{base:040x}"}
        ranged = {"version": f"r{number}", "projects": ["web"], "refs": [ref]}
        answers = await asyncio.gather(*(client.send("POST", f"/api/0/{LIST}", body) for body in (listed, ranged)))
        assert [one.status for one in answers] == [201, 201]

    for number in range(15):
        harness.run(race(number))
    rows = harness.rows("SELECT version, commit_count, commit_status FROM releases WHERE version LIKE 'r%' ORDER BY id")
    assert [row[1:] for row in rows] == [(2, "COMPLETE")] * 15


def test_a_range_longer_than_it_may_be_is_told_and_not_filled(client: Client) -> None:
    size = MAX_RANGE + 1
    body = {"version": "l", "projects": ["web"], "commits": [{"id": f"c{n}", "repository": "r"} for n in range(size + 1)]}
    assert client.rest("POST", LIST, body).status == 201
    for version, previous, found in (("ok", size - 1, (MAX_RANGE, "COMPLETE")), ("long", size, (1, "TOO_LONG"))):
        ref = {"repository": "r", "commit": "c0", "previousCommit": f"c{previous}"}
        made = client.rest("POST", LIST, {"version": version, "projects": ["web"], "refs": [ref]})
        assert made.status == 201
        shown = client.graphql(
            f'{{release(by: {{key: {{organization: "acme", version: "{version}"}}}}) {{commitCount commitStatus {{code}}}}}}'
        )
        assert shown["data"]["release"] == {"commitCount": found[0], "commitStatus": {"code": found[1]}}


def test_commits_that_are_replaced_by_others_take_their_heads_along(client: Client, harness: Harness) -> None:
    body = {"version": "1", "projects": ["web"], "commits": [sent(1, True), {"id": "x", "repository": "s"}]}
    assert client.rest("POST", LIST, body).status == 201
    command(client, "1", {"commits": [sent(2, True)]})
    heads = harness.rows("SELECT c.sha, h.kind FROM head_commits h JOIN commits c ON c.id = h.commit_id")
    assert heads == [(f"{2:040x}", "LIST")]


def test_a_command_again_wakes_nobody(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the release is new, so that no range of another is made anew, and no row of its list written."""
    listed = [sent(number, True) for number in (4, 3, 2)]
    seed = {"version": "seed", "projects": ["api"], "commits": [{"id": "seed", "repository": "r"}]}
    assert harness.client.rest("POST", LIST, seed).status == 201
    for number, head in enumerate((4, 3)):
        body = {"version": f"v{number}", "projects": ["web"], "refs": [{"repository": "r", "commit": f"{head:040x}"}]}
        assert harness.client.rest("POST", LIST, body).status == 201
    woken: list[set[int]] = []
    complete_others = ranges._complete_other_releases

    async def noted(transaction: Any, organization: int, waiting: set[int]) -> None:
        woken.append(waiting)
        await complete_others(transaction, organization, waiting)

    monkeypatch.setattr(ranges, "_complete_other_releases", noted)
    line = {"version": "line", "projects": ["api"], "commits": listed}
    assert harness.client.rest("POST", LIST, line).status == 201
    rows = harness.rows("SELECT * FROM release_commits")
    assert harness.client.rest("POST", LIST, line).status == 208
    command(harness.client, "line", {"commits": listed})
    command(harness.client, "v1", {"refs": [{"repository": "r", "commit": f"{3:040x}"}]})
    assert [len(one) for one in woken] == [2, 0, 0, 0]
    assert harness.rows("SELECT * FROM release_commits") == rows


def test_a_list_that_says_less_keeps_what_is_known_of_its_commits(client: Client) -> None:
    """The second release's authors are those of its commits, though only the first was told who wrote them."""
    told = {**sent(1, True), "author_name": "Ada"}
    for version, commit in (("1", told), ("2", {"id": told["id"], "repository": "r"})):
        assert client.rest("POST", LIST, {"version": version, "projects": ["web"], "commits": [commit]}).status == 201
    shown = client.graphql(
        """{release(by: {key: {organization: "acme", version: "2"}}) {
        lastCommit {timestamp} authors {nodes {name}} commits {nodes {author {name}}}}}"""
    )
    found = shown["data"]["release"]
    assert found["authors"]["nodes"] == [{"name": "Ada"}]
    assert found["commits"]["nodes"] == [{"author": {"name": "Ada"}}]
    assert found["lastCommit"] == {"timestamp": "2026-01-01T00:01:00.000000Z"}


def test_lists_of_known_releases_with_heads_do_not_wait_for_each_other_in_a_circle(harness: Harness) -> None:
    """A creation that finds its release there, with a head that a ref named, makes a range: it must not hold a list's lock."""
    assert harness.client.rest("POST", LIST, {"version": "0", "projects": ["web"], "commits": [sent(0, True)]}).status == 201
    bodies = []
    for number in range(1, 9):
        head = {"repository": "r", "commit": sent(number, True)["id"]}
        body = {"version": str(number), "projects": ["web"], "refs": [head]}
        assert harness.client.rest("POST", LIST, body).status == 201
        bodies.append({"version": str(number), "projects": ["web"], "commits": [sent(number, True)]})
    database: Any = harness.store._database
    met: list[str] = []
    if ON_POSTGRES:
        do = database._in_transaction

        async def noted(*given: Any) -> Any:
            try:
                return await do(*given)
            except Exception as error:
                met.append(type(error).__name__)
                raise

        database._in_transaction = noted

    async def race() -> list[Any]:
        return await asyncio.gather(*(harness.client.send("POST", f"/api/0/{LIST}", body) for body in bodies * 5))

    assert {one.status for one in harness.run(race())} == {208}
    assert "DeadlockDetectedError" not in met


@pytest.mark.postgres  # SQLite plans without figures
def test_young_tables_are_analysed(harness: Harness) -> None:
    """Long before autovacuum's minute is over."""
    for number in range(80):
        body = {"version": f"v{number}", "projects": ["web"]}
        assert harness.client.rest("POST", LIST, body).status == 201
    seen = "SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'releases'"
    deadline = time.monotonic() + 60  # a session that rests tells the server of its rows after ten seconds
    while not harness.rows(seen)[0][0]:
        assert time.monotonic() < deadline
        time.sleep(1)  # the server counts changed rows once a second
        assert harness.client.rest("POST", LIST, {"version": "again", "projects": ["web"]}).status in (201, 208)
        for _ in range(63):
            harness.client.rest("POST", LIST, {"version": "again", "projects": ["web"]})


@pytest.mark.sqlite
def test_every_look_up_goes_by_an_index(template: Template, tmp_path: Path) -> None:
    """What a command costs does not grow with the store."""
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
            if step.startswith("SCAN") and not any(one in step for one in ("VIRTUAL TABLE", "json", "anon"))
        ]
        assert scans == [], (name, plan)
        if name.startswith("WAIT"):
            used = " ".join(step for step in plan if "head_commits" in step)
            assert "kind=? AND head_time>?" in used, plan
            assert "known_until=?" in used, plan
    harness.close()
