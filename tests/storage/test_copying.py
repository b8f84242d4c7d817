"""A store moves to another database and back: every row, every id, every cursor; killed at any moment, it goes on."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.schema.migrate import current_revision, list_differences, migrate
from gql_releases.storage.transfer import copy
from gql_releases.storage.transfer.copy import CopyRefused
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES, Databases
from tests.factories import release
from tests.processes import Command
from tests.scale import IN_SOAK
from tests.storage.moving import (
    LIST,
    RELEASES,
    CutOffError,
    Quiet,
    command,
    copied,
    counts,
    cut_off_after,
    fill_source,
    rows_of,
    run,
    served,
)

KILLS = 5
PAGE = """query ($after: String) { organization(slug: "acme") { releases(first: 7, after: $after) {
  pageInfo { hasNextPage endCursor } nodes { id version dateCreated notes metadata
    commits(first: 9) { nodes { id sha } } deploys(first: 5) { nodes { id environment { name } } } } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { id ... on Release { version } } }"
BACK = "back.db"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return fill_source(tmp_path_factory.mktemp("source"))


@pytest.fixture
def source(filled: Template, tmp_path: Path) -> Iterator[Harness]:
    made = Harness(filled, tmp_path)
    yield made
    made.close()


@pytest.fixture
def target(databases: Databases, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "target").mkdir()
    made = databases.empty(tmp_path / "target")
    yield made
    databases.drop(made)


def failed(done: Command) -> str:
    out, err = done.communicate(timeout=60)
    assert done.returncode == 1, (out, err)
    assert "Traceback" not in err
    return err


def test_there_and_back_every_row_and_every_given_id_is_the_same(source: Harness, target: str, tmp_path: Path) -> None:
    before = rows_of(source.path)
    assert [name for name, rows in before.items() if not rows] == []
    assert len(before["releases"]) == RELEASES + 2
    there = copied(source.url, target)
    assert {one.table: one.rows[1] for one in there} == {
        name: len(rows) for name, rows in before.items() if name not in ("alembic_version", "sqlite_sequence")
    }
    assert all(one.same for one in there)
    assert list_differences(target) == []
    back = copied(target, f"sqlite:///{tmp_path}/{BACK}")
    assert [(one.table, one.digests) for one in back] == [(one.table, one.digests) for one in there]
    assert rows_of(tmp_path / BACK) == before == rows_of(source.path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["strawberry-releases.jsonl", pytest.param("urql-monorepo.jsonl", marks=IN_SOAK)])
def test_real_history_moves_there_and_back(
    source: Harness, target: str, tmp_path: Path, shared_data: Path, name: str
) -> None:
    imported = run(source.url, "import", "acme", str(shared_data / name), "--create-projects")
    assert imported.wait(120) == 0
    before = rows_of(source.path)
    assert len(before["releases"]) > 700
    assert all(one.same for one in copied(source.url, target, batch=2000))
    assert all(one.same for one in copied(target, f"sqlite:///{tmp_path}/{BACK}", batch=2000))
    assert rows_of(tmp_path / BACK) == before


def test_cursors_ids_and_tokens_go_on_in_the_copy(source: Harness, target: str) -> None:
    def page(client: Any, after: str | None) -> Any:
        answer = client.graphql(PAGE, {"after": after})
        assert "errors" not in answer, answer
        return answer["data"]["organization"]["releases"]

    def walk(client: Any, after: str | None) -> list[Any]:
        found = page(client, after)
        more = found["pageInfo"]["hasNextPage"]
        return found["nodes"] + (walk(client, found["pageInfo"]["endCursor"]) if more else [])

    whole, first = walk(source.client, None), page(source.client, None)
    assert len(whole) == RELEASES + 2
    copied(source.url, target)
    with served(target, source.tokens["acme"]) as client:
        assert first["nodes"] + walk(client, first["pageInfo"]["endCursor"]) == whole
        for one in whole:
            found = client.graphql(NODE, {"id": one["id"]})["data"]["node"]
            assert found == {"id": one["id"], "version": one["version"]}
        assert client.rest("GET", LIST, token="gqlr_wrong").status == 401


def test_new_ids_go_on_above_deleted_ones(source: Harness, target: str, databases: Databases) -> None:
    given = dict(source.rows("SELECT name, seq FROM sqlite_sequence"))
    assert source.rows("SELECT max(id) FROM releases") < [(given["releases"],)], "the highest was deleted"
    assert source.rows("SELECT max(id) FROM deploys") < [(given["deploys"],)]
    commits = source.rows("SELECT max(id) FROM commits")[0][0]
    copied(source.url, target)
    with served(target, source.tokens["acme"]) as client:
        body = release("new", commits=[{"id": "f" * 40, "repository": "acme/web"}])
        assert client.rest("POST", LIST, body).status == 201
        assert client.rest("POST", f"{LIST}new/deploys/", {"environment": "new"}).status == 201
    for name in ("releases", "deploys", "head_commits", "current_deploys"):
        assert databases.rows(target, f"SELECT max(id) FROM {name}") == [(given[name] + 1,)]
    assert databases.rows(target, "SELECT max(id) FROM commits") == [(commits + 1,)]


def test_copy_killed_at_any_moment_goes_on(source: Harness, target: str, databases: Databases, tmp_path: Path) -> None:
    migrate(target)
    drawn, seen = random.Random(11), [0]
    for _ in range(KILLS):
        running = command(source.url, target, batch=1)
        until = time.monotonic() + 30
        while counts(databases.rows, target) <= seen[-1] and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(drawn.uniform(0, 0.03))
        running.kill()
        running.communicate(timeout=20)
        if running.returncode == 0:
            break
        seen.append(counts(databases.rows, target))
    assert len(seen) > 3, "it was done before it was killed"
    assert seen == sorted(set(seen)), "each run goes on where the one before was"
    watch = Quiet()
    assert all(one.same for one in copied(source.url, target, watch))
    assert watch.begun[0][2] >= seen[-1]
    assert list_differences(target) == []
    copied(target, f"sqlite:///{tmp_path}/{BACK}")
    assert rows_of(tmp_path / BACK) == rows_of(source.path)


def test_copy_cut_off_after_each_batch_in_turn_goes_on(source: Harness, target: str) -> None:
    runs, done = 0, -1
    while True:
        watch = cut_off_after(1)
        try:
            compared = copied(source.url, target, watch, batch=40)
        except CutOffError:
            runs, was, done = runs + 1, done, watch.begun[0][2]
            assert done > was, "a batch and no more was done by the run before"
            continue
        break
    assert runs > 20
    assert all(one.same for one in compared)


@pytest.mark.parametrize(
    "change", ["UPDATE releases SET url = 'x' WHERE id = 3", "DELETE FROM release_authors WHERE release_id = 3"]
)
@pytest.mark.parametrize("where", ["source", "target"])
def test_change_of_what_was_copied_is_found(
    source: Harness, target: str, databases: Databases, change: str, where: str
) -> None:
    with pytest.raises(CutOffError):
        copied(source.url, target, cut_off_after(17))
    assert databases.rows(target, "SELECT count(*) FROM release_authors WHERE release_id = 3") != [(0,)]
    databases.rows(target, change) if where == "target" else source.rows(change)
    running = command(source.url, target)
    out = running.communicate(timeout=60)[0]
    assert running.returncode == 1
    table = change.split()[1 if change.startswith("UPDATE") else 2]
    assert [line.split()[1] for line in out.splitlines() if "differs" in line] == [table]
    assert [one.table for one in copied(source.url, target) if not one.same] == [table], "and it stays so"


def test_write_while_a_copy_runs_is_found(source: Harness, target: str) -> None:
    writes = iter(["UPDATE organizations SET name = 'Later' WHERE id = 1"])

    def write() -> None:
        for sql in writes:
            source.rows(sql)

    compared = copied(source.url, target, Quiet(write))
    assert [one.table for one in compared if not one.same] == ["organizations"]


def test_target_with_data_is_refused_and_stays_as_it_is(
    source: Harness, template: Template, databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = databases.copy(template.url, tmp_path / "other")
    file = tmp_path / "other" / "releases.db"
    before = file.read_bytes() if file.exists() else b""
    assert "already holds data (organizations, tokens, projects)" in failed(command(source.url, other))
    assert (file.read_bytes() if file.exists() else b"") == before
    databases.rows(other, "DELETE FROM tokens")
    databases.rows(other, "DELETE FROM projects")
    databases.rows(other, "DELETE FROM organizations")
    assert all(one.same for one in copied(source.url, other)), "an emptied store is as good as an empty one"
    with pytest.raises(CopyRefused, match="already holds data"):
        copied(source.url, other)
    databases.drop(other)


def test_target_of_something_else_is_refused_and_stays_as_it_is(source: Harness, target: str, databases: Databases) -> None:
    databases.rows(target, "CREATE TABLE theirs (id INTEGER)")
    assert "tables of another application (theirs)" in failed(command(source.url, target))
    assert current_revision(target) is None


def test_what_is_no_database_or_not_there_is_refused(source: Harness, tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database at all, and more than a header long" * 10)
    before = text.read_bytes()
    assert "is not a database" in failed(command(source.url, f"sqlite:///{text}"))
    assert text.read_bytes() == before
    assert "same database" in failed(command(source.url, source.url))
    failed(command(source.url, f"sqlite:///{tmp_path}/none/x.db"))
    failed(command(source.url, "postgresql://nobody@127.0.0.1:1/none"))


def test_unfinished_copy_takes_no_other_source_and_is_no_source(source: Harness, target: str, tmp_path: Path) -> None:
    with pytest.raises(CutOffError):
        copied(source.url, target, cut_off_after(5))
    (tmp_path / "second").mkdir()
    second = source.databases.copy(source.url, tmp_path / "second")
    with pytest.raises(CopyRefused, match=f"has an unfinished copy of {source.path}"):
        copied(second, target)
    with pytest.raises(CopyRefused, match="itself an unfinished copy"):
        copied(target, f"sqlite:///{tmp_path}/{BACK}")
    assert not (tmp_path / BACK).exists()
    assert all(one.same for one in copied(source.url, target))


def test_of_two_copies_at_once_one_is_refused(source: Harness, target: str) -> None:
    """PostgreSQL's is the second, which waits for the lock in vain; SQLite's is the one that finds its mark moved."""
    second: list[Command] = []

    def begin() -> None:
        if not second:
            second.append(command(source.url, target, module="tests.quick"))
            second[0].wait(60)

    if ON_POSTGRES:
        assert all(one.same for one in copied(source.url, target, Quiet(begin)))
        assert "Another copy into this database is under way." in failed(second[0])
        return
    with pytest.raises(CopyRefused, match="Another copy into this database is under way"):
        copied(source.url, target, Quiet(begin))
    out, err = second[0].communicate()
    assert second[0].returncode == 0, (out, err)


def test_copy_that_gets_the_lock_after_another_has_finished_is_refused(
    source: Harness, target: str, databases: Databases
) -> None:
    """The second has looked at the target while it was empty, and then waits until the first is finished."""
    copies = [command(source.url, target) for _ in range(2)]
    results = [(process.communicate(timeout=60)[1], process.returncode) for process in copies]
    assert sorted(code for _, code in results) == [0, 1], results
    [refusal] = [err for err, code in results if code == 1]
    assert refusal == "Another copy into this database is under way.\n" or "already holds data" in refusal
    assert not has_table(databases, target, "copying")
    assert databases.rows(target, "SELECT count(*) FROM releases") == [(RELEASES + 2,)]


def test_copy_whose_marks_are_gone_when_it_has_compared_is_refused(
    source: Harness, target: str, databases: Databases
) -> None:
    """On SQLite another copy of the same source may end first: it has taken the table of marks away."""

    class Dropping(Quiet):
        def begin(self, activity: str, total: int, completed: int) -> None:
            super().begin(activity, total, completed)
            if activity == "comparing":
                databases.rows(target, "DROP TABLE copying")

    with pytest.raises(CopyRefused, match=r"^Another copy into this database is under way\.$"):
        copied(source.url, target, Dropping())


def test_copy_that_finds_the_target_filled_under_the_lock_leaves_nothing_behind(
    source: Harness, target: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exact order of events, for the processes of the test above rarely meet it."""
    migrate(target)
    look = copy._require_free

    async def look_then_wait(source_url: str, target_url: str) -> None:
        await look(source_url, target_url)
        monkeypatch.undo()
        await copy.copy(source_url, target_url, Quiet(), 1000)

    monkeypatch.setattr(copy, "_require_free", look_then_wait)
    with pytest.raises(CopyRefused, match=r"^Another copy into this database is under way\.$"):
        copied(source.url, target)
    assert not has_table(databases, target, "copying")


COMMANDS = (["migrate"], ["serve", "--port", "0"], ["org", "create", "b"], ["demo"], ["import", "acme", __file__])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_but_copy_refuses_an_unfinished_copy(
    source: Harness, target: str, databases: Databases, words: list[str]
) -> None:
    with pytest.raises(CutOffError):
        copied(source.url, target, cut_off_after(5))
    before = databases.rows(target, "SELECT count(*) FROM organizations")
    process = run(target, *words)
    err = failed(process)
    assert (
        err.splitlines(True)[-1]
        == f"{redact_url(target)} holds an unfinished copy: run the same `gql-releases copy` again, which continues it.\n"
    )
    assert databases.rows(target, "SELECT count(*) FROM organizations") == before


def has_table(databases: Databases, url: str, name: str) -> bool:
    catalogue = "pg_tables WHERE tablename" if ON_POSTGRES else "sqlite_master WHERE name"
    return databases.rows(url, f"SELECT count(*) FROM {catalogue} = '{name}'") != [(0,)]


def test_row_in_the_way_ends_the_copy_with_its_place(source: Harness, target: str, databases: Databases) -> None:
    with pytest.raises(CutOffError):
        copied(source.url, target, cut_off_after(1))
    databases.rows(
        target, "INSERT INTO projects (id, organization_id, slug, name, date_created) VALUES (1, 1, 's', 's', '2026-01-01')"
    )
    assert "The source has changed since the copy began (projects" in failed(command(source.url, target))


def test_command_prints_what_it_compared(source: Harness, target: str) -> None:
    running = command(source.url, target)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    compared = {line.split()[1]: line.split()[3::2] for line in out.splitlines() if line.endswith("ok │")}
    assert compared["releases"][0] == str(RELEASES + 2)
    assert len(compared) == len(rows_of(source.path)) - 2
    assert "is an exact copy of" in out


@pytest.mark.parametrize(
    "change", ["url = 'a' || char(0)", "url = printf('%0300d', 0)", "url = X'00'", "commit_count = 1 << 40"]
)
def test_what_postgresql_cannot_take_is_told_with_its_place(source: Harness, target: str, change: str) -> None:
    source.rows(f"UPDATE releases SET {change} WHERE id = 3")
    if not ON_POSTGRES:
        assert all(one.same for one in copied(source.url, target))
        return
    err = failed(command(source.url, target))
    assert err.startswith("The target cannot store a row of the source (releases, after the beginning"), err


def test_moment_that_is_none_is_told_with_its_place(source: Harness, target: str) -> None:
    source.rows("UPDATE releases SET date_released = 'soon' WHERE id = 3")
    err = failed(command(source.url, target))
    assert err.startswith("The target cannot store a row of the source (releases, after the beginning"), err
