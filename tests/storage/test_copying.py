"""Copies of a store to another database and back: rows, ids and cursors are the same; a killed copy continues."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.schema.migrate import current_revision, list_differences, migrate
from gql_releases.storage.schema.tables import event, issue, metadata, session
from gql_releases.storage.transfer import copy
from gql_releases.storage.transfer.copy import CopyRefused
from gql_releases.storage.transfer.table_parts import EVENT_TABLES, whole_tables
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES, Databases
from tests.factories import release
from tests.processes import Command
from tests.scale import IN_SOAK
from tests.storage.copies import (
    RELEASES,
    RELEASES_PATH,
    CutOffError,
    RecordedProgress,
    copy_store,
    count_rows,
    cut_off_after,
    cut_off_when,
    fill_source,
    open_client,
    read_rows,
    start_command,
    start_copy,
)

KILLS = 5
PAGE = """query ($after: String) { organization(slug: "acme") { releases(first: 7, after: $after) {
  pageInfo { hasNextPage endCursor } nodes { id version dateCreated notes metadata
    commits(first: 9) { nodes { id sha } } deploys(first: 5) { nodes { id environment { name } } } } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { id ... on Release { version } } }"
BACK_FILE = "back.db"


@pytest.fixture(scope="session")
def filled_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return fill_source(tmp_path_factory.mktemp("source"))


@pytest.fixture
def source(filled_template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(filled_template, tmp_path)
    yield harness
    harness.close()


@pytest.fixture
def target(databases: Databases, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "target").mkdir()
    url = databases.empty(tmp_path / "target")
    yield url
    databases.drop(url)


def wait_for_failure(process: Command) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, (out, err)
    assert "Traceback" not in err
    return err


def test_there_and_back_every_row_and_every_assigned_id_is_the_same(source: Harness, target: str, tmp_path: Path) -> None:
    before = read_rows(source.path)
    assert [name for name, rows in before.items() if not rows] == []
    assert len(before["releases"]) == RELEASES + 2
    to_target = copy_store(source.url, target)
    assert {comparison.table: comparison.rows[1] for comparison in to_target} == {
        name: len(rows) for name, rows in before.items() if name not in ("alembic_version", "sqlite_sequence")
    }
    assert all(comparison.same for comparison in to_target)
    assert list_differences(target) == []
    from_target = copy_store(target, f"sqlite:///{tmp_path}/{BACK_FILE}")
    assert [(comparison.table, comparison.digests) for comparison in from_target] == [
        (comparison.table, comparison.digests) for comparison in to_target
    ]
    assert read_rows(tmp_path / BACK_FILE) == before == read_rows(source.path)


def test_tables_of_events_are_those_of_their_modules() -> None:
    tables = {
        row.__tablename__
        for module in (event, issue, session)
        for row in vars(module).values()
        if isinstance(row, type) and row.__module__ == module.__name__ and issubclass(row, SQLModel)
    }
    assert tables - {"deleted_releases"} == EVENT_TABLES
    for part in whole_tables(EVENT_TABLES):
        references = metadata.tables[part.table].foreign_key_constraints
        assert EVENT_TABLES.isdisjoint(reference.referred_table.name for reference in references)


def test_copy_leaves_events_out_by_a_switch(source: Harness, target: str, databases: Databases) -> None:
    process = start_copy(source.url, target, more=["--without-events"])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "releases.db, without events" in out
    assert {name for name in EVENT_TABLES if f" {name} " in out} == set()
    assert [name for name in EVENT_TABLES if databases.rows(target, f"SELECT count(*) FROM {name}") != [(0,)]] == []
    for name in ("releases", "project_keys", "deleted_releases", "deploys"):
        assert (
            databases.rows(target, f"SELECT count(*) FROM {name}") == source.rows(f"SELECT count(*) FROM {name}") != [(0,)]
        )
    assert list_differences(target) == []


@pytest.mark.parametrize("with_events", [True, False])
def test_copy_continues_with_the_switch_that_it_began_with(source: Harness, target: str, with_events: bool) -> None:
    begun, other = (frozenset[str](), EVENT_TABLES) if with_events else (EVENT_TABLES, frozenset[str]())
    with pytest.raises(CutOffError):
        copy_store(source.url, target, cut_off_after(5), without=begun)
    with pytest.raises(CopyRefused, match=f"begun {'with' if with_events else 'without'} events"):
        copy_store(source.url, target, without=other)
    assert all(comparison.same for comparison in copy_store(source.url, target, without=begun))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["strawberry-releases.jsonl", pytest.param("urql-monorepo.jsonl", marks=IN_SOAK)])
def test_real_history_moves_there_and_back(
    source: Harness, target: str, tmp_path: Path, shared_data: Path, name: str
) -> None:
    imported = start_command(source.url, "import", "acme", str(shared_data / name), "--create-projects")
    assert imported.wait(120) == 0
    before = read_rows(source.path)
    assert len(before["releases"]) > 700
    assert all(comparison.same for comparison in copy_store(source.url, target, batch=2000))
    assert all(comparison.same for comparison in copy_store(target, f"sqlite:///{tmp_path}/{BACK_FILE}", batch=2000))
    assert read_rows(tmp_path / BACK_FILE) == before


def test_cursors_ids_and_tokens_are_valid_in_the_copy(source: Harness, target: str) -> None:
    def page(client: Any, after: str | None) -> Any:
        response = client.graphql(PAGE, {"after": after})
        assert "errors" not in response, response
        return response["data"]["organization"]["releases"]

    def walk(client: Any, after: str | None) -> list[Any]:
        connection = page(client, after)
        more = connection["pageInfo"]["hasNextPage"]
        return connection["nodes"] + (walk(client, connection["pageInfo"]["endCursor"]) if more else [])

    releases, first_page = walk(source.client, None), page(source.client, None)
    assert len(releases) == RELEASES + 2
    copy_store(source.url, target)
    with open_client(target, source.tokens["acme"]) as client:
        assert first_page["nodes"] + walk(client, first_page["pageInfo"]["endCursor"]) == releases
        for release in releases:
            node = client.graphql(NODE, {"id": release["id"]})["data"]["node"]
            assert node == {"id": release["id"], "version": release["version"]}
        assert client.rest("GET", RELEASES_PATH, token="gqlr_wrong").status == 401


def test_new_ids_are_above_deleted_ones(source: Harness, target: str, databases: Databases) -> None:
    highest_ids = dict(source.rows("SELECT name, seq FROM sqlite_sequence"))
    assert source.rows("SELECT max(id) FROM releases") < [(highest_ids["releases"],)], (
        "the release with the highest id was deleted"
    )
    assert source.rows("SELECT max(id) FROM deploys") < [(highest_ids["deploys"],)]
    commits = source.rows("SELECT max(id) FROM commits")[0][0]
    copy_store(source.url, target)
    with open_client(target, source.tokens["acme"]) as client:
        body = release("new", commits=[{"id": "f" * 40, "repository": "acme/web"}])
        assert client.rest("POST", RELEASES_PATH, body).status == 201
        assert client.rest("POST", f"{RELEASES_PATH}new/deploys/", {"environment": "new"}).status == 201
    for name in ("releases", "deploys", "head_commits", "current_deploys"):
        assert databases.rows(target, f"SELECT max(id) FROM {name}") == [(highest_ids[name] + 1,)]
    assert databases.rows(target, "SELECT max(id) FROM commits") == [(commits + 1,)]


def test_copy_killed_at_any_moment_continues(source: Harness, target: str, databases: Databases, tmp_path: Path) -> None:
    migrate(target)
    chance, row_counts = random.Random(11), [0]
    for _ in range(KILLS):
        process = start_copy(source.url, target, batch=1)
        deadline = time.monotonic() + 30
        while count_rows(databases.rows, target) <= row_counts[-1] and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.communicate(timeout=20)
        if process.returncode == 0:
            break
        row_counts.append(count_rows(databases.rows, target))
    assert len(row_counts) > 3, "the copy ended before it was killed"
    assert row_counts == sorted(set(row_counts)), "each run continues after the rows of the run before"
    progress = RecordedProgress()
    assert all(comparison.same for comparison in copy_store(source.url, target, progress))
    assert progress.begun[0][2] >= row_counts[-1]
    assert list_differences(target) == []
    copy_store(target, f"sqlite:///{tmp_path}/{BACK_FILE}")
    assert read_rows(tmp_path / BACK_FILE) == read_rows(source.path)


def test_copy_cut_off_after_each_batch_in_turn_continues(source: Harness, target: str) -> None:
    stops, copied_rows = 0, -1
    while True:
        progress = cut_off_after(1)
        try:
            comparisons = copy_store(source.url, target, progress, batch=40)
        except CutOffError:
            stops, rows_before, copied_rows = stops + 1, copied_rows, progress.begun[0][2]
            assert copied_rows > rows_before, "the run before copied one batch"
            continue
        break
    assert stops > 20
    assert all(comparison.same for comparison in comparisons)


@pytest.mark.parametrize(
    "change", ["UPDATE releases SET url = 'x' WHERE id = 3", "DELETE FROM release_authors WHERE release_id = 3"]
)
@pytest.mark.parametrize("where", ["source", "target"])
def test_change_of_what_was_copied_is_found(
    source: Harness, target: str, databases: Databases, change: str, where: str
) -> None:
    copied = "SELECT count(*) FROM release_authors WHERE release_id = 3"
    with pytest.raises(CutOffError):
        copy_store(source.url, target, cut_off_when(lambda: databases.rows(target, copied) != [(0,)]))
    databases.rows(target, change) if where == "target" else source.rows(change)
    process = start_copy(source.url, target)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    table = change.split()[1 if change.startswith("UPDATE") else 2]
    assert [line.split()[1] for line in out.splitlines() if "differs" in line] == [table]
    assert [comparison.table for comparison in copy_store(source.url, target) if not comparison.same] == [table], (
        "the difference remains"
    )


def test_write_while_a_copy_runs_is_found(source: Harness, target: str) -> None:
    writes = iter(["UPDATE organizations SET name = 'Later' WHERE id = 1"])

    def write() -> None:
        for sql in writes:
            source.rows(sql)

    comparisons = copy_store(source.url, target, RecordedProgress(write))
    assert [comparison.table for comparison in comparisons if not comparison.same] == ["organizations"]


def test_target_with_data_is_refused_and_stays_as_it_is(
    source: Harness, template: Template, databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = databases.copy(template.url, tmp_path / "other")
    file = tmp_path / "other" / "releases.db"
    before = file.read_bytes() if file.exists() else b""
    assert "already holds data (organizations, tokens, projects, project_keys)" in wait_for_failure(
        start_copy(source.url, other)
    )
    assert (file.read_bytes() if file.exists() else b"") == before
    databases.rows(other, "DELETE FROM tokens")
    databases.rows(other, "DELETE FROM project_keys")
    databases.rows(other, "DELETE FROM projects")
    databases.rows(other, "DELETE FROM organizations")
    assert all(comparison.same for comparison in copy_store(source.url, other)), (
        "a store whose rows were deleted is accepted as empty"
    )
    with pytest.raises(CopyRefused, match="already holds data"):
        copy_store(source.url, other)
    databases.drop(other)


def test_target_of_something_else_is_refused_and_stays_as_it_is(source: Harness, target: str, databases: Databases) -> None:
    databases.rows(target, "CREATE TABLE theirs (id INTEGER)")
    assert "tables of another application (theirs)" in wait_for_failure(start_copy(source.url, target))
    assert current_revision(target) is None


def test_what_is_no_database_or_not_there_is_refused(source: Harness, tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database at all, and more than a header long" * 10)
    before = text.read_bytes()
    assert "is not a database" in wait_for_failure(start_copy(source.url, f"sqlite:///{text}"))
    assert text.read_bytes() == before
    assert "same database" in wait_for_failure(start_copy(source.url, source.url))
    wait_for_failure(start_copy(source.url, f"sqlite:///{tmp_path}/none/x.db"))
    wait_for_failure(start_copy(source.url, "postgresql://nobody@127.0.0.1:1/none"))


def test_unfinished_copy_accepts_no_other_source_and_is_no_source(source: Harness, target: str, tmp_path: Path) -> None:
    with pytest.raises(CutOffError):
        copy_store(source.url, target, cut_off_after(5))
    (tmp_path / "second").mkdir()
    second = source.databases.copy(source.url, tmp_path / "second")
    with pytest.raises(CopyRefused, match=f"has an unfinished copy of {source.path}"):
        copy_store(second, target)
    with pytest.raises(CopyRefused, match="itself an unfinished copy"):
        copy_store(target, f"sqlite:///{tmp_path}/{BACK_FILE}")
    assert not (tmp_path / BACK_FILE).exists()
    assert all(comparison.same for comparison in copy_store(source.url, target))


def test_of_two_copies_at_once_one_is_refused(source: Harness, target: str) -> None:
    """On PostgreSQL it is the second, which waits for the lock; on SQLite it is the one that finds its marks changed."""
    processes: list[Command] = []

    def start_second() -> None:
        if not processes:
            processes.append(start_copy(source.url, target, module="tests.quick"))
            processes[0].wait(60)

    if ON_POSTGRES:
        assert all(comparison.same for comparison in copy_store(source.url, target, RecordedProgress(start_second)))
        assert "Another copy into this database is under way." in wait_for_failure(processes[0])
        return
    with pytest.raises(CopyRefused, match="Another copy into this database is under way"):
        copy_store(source.url, target, RecordedProgress(start_second))
    out, err = processes[0].communicate()
    assert processes[0].returncode == 0, (out, err)


def test_copy_that_gets_the_lock_after_another_has_finished_is_refused(
    source: Harness, target: str, databases: Databases
) -> None:
    """The second copy checks the target while it is empty and then waits until the first is finished."""
    copies = [start_copy(source.url, target) for _ in range(2)]
    results = [(process.communicate(timeout=60)[1], process.returncode) for process in copies]
    assert sorted(code or 0 for _, code in results) == [0, 1], results
    [refusal] = [err for err, code in results if code == 1]
    assert refusal == "Another copy into this database is under way.\n" or "already holds data" in refusal
    assert not has_table(databases, target, "copying")
    assert databases.rows(target, "SELECT count(*) FROM releases") == [(RELEASES + 2,)]


def test_copy_whose_marks_are_gone_when_it_has_compared_is_refused(
    source: Harness, target: str, databases: Databases
) -> None:
    """On SQLite another copy of the same source may end first and drop the table of marks."""

    class Dropping(RecordedProgress):
        def begin(self, activity: str, total: int, completed: int) -> None:
            super().begin(activity, total, completed)
            if activity == "comparing":
                databases.rows(target, "DROP TABLE copying")

    with pytest.raises(CopyRefused, match=r"^Another copy into this database is under way\.$"):
        copy_store(source.url, target, Dropping())


def test_copy_that_finds_the_target_filled_under_the_lock_leaves_nothing_behind(
    source: Harness, target: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This test fixes the order of events, which the processes of the test above rarely have."""
    migrate(target)
    require_free = copy._require_free

    async def check_then_copy(source_url: str, target_url: str) -> None:
        await require_free(source_url, target_url)
        monkeypatch.undo()
        await copy.copy(source_url, target_url, RecordedProgress(), 1000)

    monkeypatch.setattr(copy, "_require_free", check_then_copy)
    with pytest.raises(CopyRefused, match=r"^Another copy into this database is under way\.$"):
        copy_store(source.url, target)
    assert not has_table(databases, target, "copying")


COMMANDS = (["migrate"], ["serve", "--port", "0"], ["org", "create", "b"], ["demo"], ["import", "acme", __file__])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_but_copy_refuses_an_unfinished_copy(
    source: Harness, target: str, databases: Databases, words: list[str]
) -> None:
    with pytest.raises(CutOffError):
        copy_store(source.url, target, cut_off_after(5))
    before = databases.rows(target, "SELECT count(*) FROM organizations")
    process = start_command(target, *words)
    err = wait_for_failure(process)
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
        copy_store(source.url, target, cut_off_after(7))
    databases.rows(
        target, "INSERT INTO projects (id, organization_id, slug, name, date_created) VALUES (1, 1, 's', 's', '2026-01-01')"
    )
    assert "The source has changed since the copy began (projects" in wait_for_failure(start_copy(source.url, target))


def test_command_prints_what_it_compared(source: Harness, target: str) -> None:
    process = start_copy(source.url, target)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    tables = {line.split()[1]: line.split()[3::2] for line in out.splitlines() if line.endswith("ok │")}
    assert tables["releases"][0] == str(RELEASES + 2)
    assert len(tables) == len(read_rows(source.path)) - 2
    assert "is an exact copy of" in out


@pytest.mark.parametrize(
    "change", ["url = 'a' || char(0)", "url = printf('%0300d', 0)", "url = X'00'", "commit_count = 1 << 40"]
)
def test_what_postgresql_cannot_store_is_reported_with_its_place(source: Harness, target: str, change: str) -> None:
    source.rows(f"UPDATE releases SET {change} WHERE id = 3")
    if not ON_POSTGRES:
        assert all(comparison.same for comparison in copy_store(source.url, target))
        return
    err = wait_for_failure(start_copy(source.url, target))
    assert err.startswith("The target cannot store a row of the source (releases, after the beginning"), err


def test_invalid_date_is_reported_with_its_place(source: Harness, target: str) -> None:
    source.rows("UPDATE releases SET date_released = 'soon' WHERE id = 3")
    err = wait_for_failure(start_copy(source.url, target))
    assert err.startswith("The target cannot store a row of the source (releases, after the beginning"), err
