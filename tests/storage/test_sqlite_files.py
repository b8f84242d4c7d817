"""The files of a SQLite store: removed or replaced while it is open, unreadable at the start, and their modes."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gql_releases.cli import main
from gql_releases.domain.errors import Unavailable
from gql_releases.storage.engine import sqlite_files
from gql_releases.storage.engine.sqlite import SqliteDatabase, connect
from gql_releases.storage.schema.migrate import migrate
from tests.conftest import Harness, Template
from tests.factories import release

pytestmark = pytest.mark.sqlite

RELEASES_PATH = "organizations/acme/releases/"


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    """Replace a file by a copy, as restoring a backup does."""
    copy = path.with_name(path.name + ".copy")
    shutil.copy(path, copy)
    copy.replace(path)


def remove_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replace_folder(path: Path) -> None:
    remove_folder(path)
    shutil.copytree(path.parent.with_name("elsewhere"), path.parent)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("change", [remove, replace, remove_folder, replace_folder])
@pytest.mark.parametrize("written", [True, False], ids=["after a write", "before the first"])
def test_files_that_are_removed_or_replaced(
    template: Template,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path], None],
    ending: str,
    written: bool,
) -> None:
    """A write is refused with 503 and an ERROR line in both APIs; when the files are back it is accepted."""
    folder = tmp_path / "store"
    folder.mkdir()
    harness = Harness(template, folder)
    client = harness.client
    client.rest("GET", RELEASES_PATH)
    if written:
        assert client.rest("POST", RELEASES_PATH, release("web@1")).status == 201
    kept = tmp_path / "kept"
    kept.mkdir()
    names = [f"{harness.path}{suffix}" for suffix in ("", "-wal", "-shm")]
    for name in names:
        os.link(name, kept / Path(name).name)
    change(Path(f"{harness.path}{ending}"))
    with caplog.at_level(logging.ERROR):
        responses = [client.rest("POST", RELEASES_PATH, release(f"web@{number}")) for number in (2, 3)]
        document = 'mutation {createProject(input: {organization: "acme", slug: "new"}) {userErrors {code}}}'
        response = client.graphql(document)
    assert [response.status for response in responses] == [503, 503]
    assert response["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    records = [record for record in caplog.records if record.name == sqlite_files.__name__]
    assert [record.levelname for record in records] == ["ERROR"], "one line a minute"
    folder.mkdir(exist_ok=True)
    for name in names:
        Path(name).unlink(missing_ok=True)
        os.link(kept / Path(name).name, name)
    assert client.rest("POST", RELEASES_PATH, release("web@4")).status == 201
    versions = {"web@4", "web@1"} if written else {"web@4"}
    assert {row[0] for row in harness.rows("SELECT version FROM releases")} == versions
    harness.close()


@pytest.mark.parametrize("large", [False, True])
def test_file_that_is_removed_during_a_write_is_noticed(harness: Harness, large: bool) -> None:
    """A write into a removed file is not acknowledged."""
    database: Any = harness.store._database

    async def work(transaction: Any) -> None:
        harness.path.unlink()

    with pytest.raises(Unavailable, match="removed"):
        harness.run(database.write(work, large=large))


def test_new_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """The mode of database, -wal and -shm is 0600 whatever the umask, after a migration or opening; an existing file's mode stays."""
    before = os.umask(0)
    try:
        makers: tuple[Callable[[Path], None], ...] = (
            lambda path: migrate(f"sqlite:///{path}"),
            lambda path: connect(path).close(),
        )
        for make in makers:
            path = tmp_path / f"{id(make)}.db"
            make(path)
            connection = connect(path)
            connection.execute("CREATE TABLE x (y)")
            files = sorted(tmp_path.glob(f"{path.name}*"))
            assert len(files) == 3
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            connection.close()
        link = tmp_path / "link.db"
        link.symlink_to(tmp_path / "target.db")
        connect(link).close()
        assert stat.S_IMODE((tmp_path / "target.db").stat().st_mode) == 0o600
        path.chmod(0o640)
        connect(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)


def overwrite_header(path: Path) -> None:
    path.write_bytes(b"garbage " * 4096)


def overwrite_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:1024] + os.urandom(len(content) - 1024))


def encrypt(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def make_newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_missing_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


FAULTS = [overwrite_header, overwrite_pages, encrypt, truncate, make_newer, make_folder, make_missing_folder]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["migrate"]], ids=["serve", "migrate"])
def test_every_error_of_opening_is_one_line(
    template: Template,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fault: Callable[[Path], None],
    command: list[str],
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    path = folder / "releases.db"
    shutil.copy(template.path, path)
    fault(path)
    monkeypatch.setenv("GQL_RELEASES_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gql-releases", *command])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 1
    output = "".join(capfd.readouterr())
    lines = [line for line in output.splitlines() if " INFO " not in line]
    assert len(lines) == 1, output


def test_opening_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"garbage " * 1000)
    with pytest.raises(Unavailable, match="not a SQLite database"):
        SqliteDatabase(path)


def test_connection_to_a_file_that_is_no_database_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"garbage " * 1000)
    connections: list[sqlite3.Connection] = []
    original = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(original(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(Unavailable):
        SqliteDatabase(path)
    assert connections
    for connection in connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
