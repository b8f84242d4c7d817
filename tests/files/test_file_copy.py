"""Copies of the bytes of files to another storage: all of them, also after a kill, and faults are named."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.principal import Principal
from gql_releases.services.file_copy import FileComparison, copy_files
from gql_releases.storage.engine.statements import Transaction
from gql_releases.storage.files.blobs import record_blob
from gql_releases.storage.transfer.file_rows import open_file_rows
from tests.conftest import Harness

CONTENTS = [bytes([number]) * (number * 50_000 + 1) for number in range(7)]
ACME, OTHER = Principal.operator(1, "acme"), Principal.operator(2, "other")


class KilledError(Exception):
    """Stands for the end of the process."""


class Progress:
    """Ends a copy after a number of files."""

    def __init__(self, limit: int = 10**9) -> None:
        self._left = limit
        self.totals: dict[str, int] = {}

    def begin(self, activity: str, total: int, completed: int) -> None:
        self.totals[activity] = total

    def advance(self, rows: int) -> None:
        self._left -= rows
        if self._left < 0:
            raise KilledError


async def put(store: BlobStore, kind: BlobKind, data: bytes) -> StoredBlob:
    writer = await store.begin(kind)
    await writer.write(data)
    return await writer.commit()


class Stores:
    """A database with rows of files, the storage of their bytes, and an empty one."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness, self.folder = harness, folder
        self.source, self.target = self.open("source"), self.open("target")

    def open(self, name: str) -> BlobStore:
        return open_blob_store((self.folder / name).as_uri())

    def locate(self, name: str, data: bytes, kind: str = "blobs") -> Path:
        sha1 = hashlib.sha1(data).hexdigest()
        return self.folder / name / kind / sha1[:2] / sha1[2:4] / sha1

    async def fill(self) -> None:
        for principal, contents in ((ACME, CONTENTS[:5]), (OTHER, CONTENTS[3:])):
            stored = [await put(self.source, BlobKind.BLOB, data) for data in contents]

            async def work(
                transaction: Transaction, principal: Principal = principal, stored: list[StoredBlob] = stored
            ) -> None:
                for blob in stored:
                    await record_blob(transaction, principal.organization_id, blob)

            await self.harness.store._database.write(work)
        await self.harness.store.chunks.record_chunks(ACME, [await put(self.source, BlobKind.CHUNK, b"chunk")])
        await put(self.source, BlobKind.BLOB, b"no row")

    async def copy(self, progress: Progress | None = None) -> list[FileComparison]:
        async with await open_file_rows(self.harness.url) as rows:
            return await copy_files(rows, self.source, self.target, progress or Progress())

    def list_target(self) -> set[bytes]:
        return {path.read_bytes() for path in (self.folder / "target").glob("*s/*/*/*")}


@pytest.fixture
def stores(harness: Harness, tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(harness, tmp_path)
    harness.run(stores.fill())
    yield stores
    harness.run(asyncio.wait_for(stores.source.close(), 10))
    harness.run(asyncio.wait_for(stores.target.close(), 10))


def count_equal(comparisons: list[FileComparison]) -> list[tuple[str, int, int]]:
    return [(comparison.kind.value, comparison.files, comparison.bytes) for comparison in comparisons]


EQUAL = [("chunks", 1, 5), ("blobs", len(CONTENTS), sum(map(len, CONTENTS)))]


def test_bytes_of_all_rows_are_copied_and_compared(stores: Stores) -> None:
    progress = Progress()
    comparisons = stores.harness.run(stores.copy(progress))
    assert count_equal(comparisons) == EQUAL
    assert [comparison.faulty for comparison in comparisons] == [[], []]
    assert progress.totals == {"copying files": 8, "comparing files": 8}
    assert stores.list_target() == {*CONTENTS, b"chunk"}


# A task that is cancelled while a thread opens a file leaves it to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("files", range(1, 16, 3))
def test_copy_that_was_killed_continues(stores: Stores, files: int) -> None:
    with pytest.raises(KilledError):
        stores.harness.run(stores.copy(Progress(files)))
    dates = {path: path.stat().st_mtime_ns for path in (stores.folder / "target").glob("*s/*/*/*")}
    assert len(dates) >= min(files, 8)
    assert count_equal(stores.harness.run(stores.copy())) == EQUAL
    assert stores.list_target() == {*CONTENTS, b"chunk"}
    assert {path: path.stat().st_mtime_ns for path in dates} == dates


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x" * path.stat().st_size), lambda path: path.unlink()])
def test_faults_are_named_and_damaged_copies_replaced(stores: Stores, damage: Callable[[Path], object]) -> None:
    stores.harness.run(stores.copy())
    damage(stores.locate("target", CONTENTS[1]))
    assert count_equal(stores.harness.run(stores.copy())) == EQUAL
    for name in ("source", "target"):
        damage(stores.locate(name, CONTENTS[2]))
    chunks, blobs = stores.harness.run(stores.copy())
    assert (chunks.faulty, blobs.faulty) == ([], [hashlib.sha1(CONTENTS[2]).hexdigest()])
    assert blobs.files == len(CONTENTS) - 1


def test_database_that_does_not_exist_has_no_files(stores: Stores) -> None:
    async def run() -> list[FileComparison]:
        async with await open_file_rows(f"sqlite:///{stores.folder}/none.db") as rows:
            return await copy_files(rows, stores.source, stores.target, Progress())

    assert count_equal(stores.harness.run(run())) == [("chunks", 0, 0), ("blobs", 0, 0)]
