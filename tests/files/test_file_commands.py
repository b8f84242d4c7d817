"""`files collect`, `copy` with files, `status`: run as an operator does."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from gql_releases.blobs.blob_store import open_blob_store
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.file_collection import CollectionLock
from gql_releases.domain.principal import Principal
from gql_releases.storage.engine.process_locks import hold_process_lock
from gql_releases.storage.store import open_store
from tests.conftest import Template
from tests.databases import ON_POSTGRES
from tests.test_commands import Console
from tests.test_commands import console as console
from tests.test_commands import url as url

NOTHING = (0, "nothing to remove\n", "")


@pytest.fixture
def folder(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder with files of the database."""
    if ON_POSTGRES:
        monkeypatch.setenv("GQL_RELEASES_FILES", (tmp_path / "files").as_uri())
    return tmp_path / "files"


def store_chunks(url: str, folder: Path, *contents: bytes, age: timedelta = timedelta()) -> list[StoredBlob]:
    """Store chunks of the organization acme; with an age they are made older."""

    async def work() -> list[StoredBlob]:
        blobs, store = open_blob_store(folder.as_uri()), open_store(url)
        stored = []
        for content in contents:
            writer = await blobs.begin(BlobKind.CHUNK)
            await writer.write(content)
            stored.append(await writer.commit())
        await store.chunks.record_chunks(Principal.operator(1, "acme"), stored)
        await store.close()
        await blobs.close()
        return stored

    stored = asyncio.run(work())
    moment = (now() - age).timestamp()
    for path in folder.glob("chunks/*/*/*"):
        os.utime(path, (moment, moment))
    return stored


def list_contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.glob("*s/*/*/*")}


def test_old_chunks_are_removed_their_bytes_by_the_next_collection(
    template: Template, url: str, folder: Path, console: Console
) -> None:
    assert console.run("files", "collect") == NOTHING
    store_chunks(url, folder, b"old", b"older", age=timedelta(days=2))
    old = format_date(now() - timedelta(days=2))
    template.databases.rows(url, f"UPDATE chunks SET date_stored = '{old}'")
    store_chunks(url, folder, b"new")
    assert console.run("files", "collect", "--dry-run") == (0, "would remove 2 chunks, 8 bytes\n", "")
    assert console.run("files", "collect") == (0, "removed 2 chunks, 8 bytes\n", "")
    assert list_contents(folder) == {b"old", b"older", b"new"}
    for path in folder.glob("chunks/*/*/*"):
        os.utime(path, ((now() - timedelta(days=2)).timestamp(),) * 2)
    assert console.run("files", "collect", "--dry-run") == (0, "would remove 2 contents of chunks, 8 bytes\n", "")
    assert list_contents(folder) == {b"old", b"older", b"new"}
    assert console.run("files", "collect") == (0, "removed 2 contents of chunks, 8 bytes\n", "")
    assert list_contents(folder) == {b"new"}
    assert console.run("files", "collect") == NOTHING


def test_collection_is_refused_while_another_one_runs(url: str, folder: Path, console: Console) -> None:
    async def collect() -> tuple[int, str, str]:
        async with hold_process_lock(url, CollectionLock.RUN) as is_held:
            assert is_held
            return await asyncio.to_thread(console.run, "files", "collect")

    assert asyncio.run(collect()) == (1, "", "Another process collects at the moment.\n")


@pytest.mark.postgres
def test_collection_without_a_storage_of_files_is_refused(url: str, console: Console) -> None:
    assert console.run("files", "collect") == (1, "", "There is no storage of files: GQL_RELEASES_FILES is not set.\n")


def empty_target(template: Template, tmp_path: Path) -> str:
    (tmp_path / "target").mkdir()
    return template.databases.empty(tmp_path / "target")


def test_copy_takes_the_files_along(template: Template, url: str, folder: Path, tmp_path: Path, console: Console) -> None:
    store_chunks(url, folder, b"one", b"two two")
    target, files = empty_target(template, tmp_path), tmp_path / "elsewhere"
    code, out, err = console.run("copy", "--to", target, "--files-to", files.as_uri())
    assert (code, err) == (0, "")
    assert "2 chunks" in out
    assert out.endswith(f"files were copied: set GQL_RELEASES_FILES={files.as_uri()} for the copy\n")
    assert list_contents(files) == list_contents(folder) == {b"one", b"two two"}
    template.databases.drop(target)


def test_copy_with_missing_files_does_not_copy_the_database(
    template: Template, url: str, folder: Path, tmp_path: Path, console: Console
) -> None:
    stored = store_chunks(url, folder, b"one", b"two two")
    for path in folder.glob(f"chunks/*/*/{stored[0].sha1}"):
        path.unlink()
    target = empty_target(template, tmp_path)
    code, out, err = console.run("copy", "--to", target, "--files-to", (tmp_path / "elsewhere").as_uri())
    assert (code, err) == (1, "Some files are missing or damaged: the copy of the database was not begun.\n")
    assert stored[0].sha1 in "".join(out.split())
    store_chunks(url, folder, b"one")
    assert console.run("copy", "--to", target, "--files-to", (tmp_path / "elsewhere").as_uri())[0] == 0
    template.databases.drop(target)


@pytest.mark.parametrize("is_same", [True, False])
def test_files_stay_where_they_are(
    template: Template, url: str, folder: Path, tmp_path: Path, console: Console, is_same: bool
) -> None:
    store_chunks(url, folder, b"one")
    target, more = empty_target(template, tmp_path), ["--files-to", f"{folder.as_uri()}/"] if is_same else []
    code, out, err = console.run("copy", "--to", target, *more)
    assert (code, err) == (0, "")
    assert "files stay where they are" in out
    assert folder.as_uri() in out
    assert list_contents(folder) == {b"one"}
    template.databases.drop(target)


@pytest.mark.parametrize("value", ["http://x/y", "file://relative/x", "s3://"])
def test_wrong_storages_of_a_copy_are_refused(url: str, folder: Path, console: Console, value: str, tmp_path: Path) -> None:
    code, out, err = console.run("copy", "--to", f"sqlite:///{tmp_path}/new.db", "--files-to", value)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "new.db").exists()


def test_options_of_a_storage_are_read_from_a_file(url: str, folder: Path, console: Console, tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    for text in ("no JSON", "[]", '{"region": 1}'):
        file.write_text(text)
        arguments = ("copy", "--to", f"sqlite:///{tmp_path}/new.db", "--files-to", "s3://bucket/x", "--files-to-options")
        code, out, err = console.run(*arguments, str(file))
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert str(file) in err
