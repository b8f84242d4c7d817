"""Collection of unused files: what is reachable stays, what is not goes, over random histories with a clock of their own."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gql_releases.domain.assembly import AssemblyKind, AssemblyRequest, AssemblyState
from gql_releases.domain.blob import BlobEntry, BlobKind, StoredBlob
from gql_releases.domain.dates import format_date
from gql_releases.domain.file_collection import Collected, CollectionLock, Removed
from gql_releases.domain.principal import Principal
from gql_releases.services.file_collection import FileCollector
from gql_releases.storage.engine.process_locks import hold_process_lock
from gql_releases.storage.engine.statements import Transaction
from gql_releases.storage.files import assemblies as assemblies_module
from gql_releases.storage.files import blobs as blobs_module
from gql_releases.storage.files import chunks as chunks_module
from gql_releases.storage.files import collection
from gql_releases.storage.files.assemblies import note_assembled
from gql_releases.storage.files.blobs import record_blob
from tests.conftest import Harness
from tests.scale import scale

HISTORIES = scale(6, 150)
STEPS = 60
KEEP = timedelta(days=40)
CHUNK_AGE, BLOB_AGE = timedelta(hours=24), timedelta(hours=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
ORGANIZATIONS = {1: Principal.operator(1, "acme"), 2: Principal.operator(2, "other")}
SQL_NUMBERS = itertools.count(1)


def describe(data: bytes) -> StoredBlob:
    return StoredBlob(hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest(), len(data))


class MemoryBlobs:
    """Bytes with the dates of a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: dict[tuple[BlobKind, str], BlobEntry] = {}

    def put(self, kind: BlobKind, data: bytes) -> StoredBlob:
        blob = describe(data)
        self.entries[kind, blob.sha1] = BlobEntry(blob.sha1, blob.size, self._clock.moment)
        return blob

    async def delete(self, kind: BlobKind, sha1: str, unless_newer_than: datetime | None = None) -> bool:
        entry = self.entries.get((kind, sha1))
        if entry is None or (unless_newer_than and entry.last_modified > unless_newer_than):
            return False
        del self.entries[kind, sha1]
        return True

    async def list_blobs(self, kind: BlobKind) -> AsyncIterator[BlobEntry]:
        for (entry_kind, _), entry in sorted(self.entries.items()):
            if entry_kind is kind:
                yield entry

    async def sweep_temporary(self, older_than: timedelta) -> int:
        return 0


@dataclass
class Clock:
    """The time of a history."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment


@dataclass
class File:
    """A row that refers to a blob: a bundle, a release file, or a debug file with or without a look-up table."""

    table: str
    organization: int
    row_id: int
    blobs: tuple[str, ...]
    used: datetime


@dataclass
class History:
    """A random history of uploads, and what has to be there according to it."""

    harness: Harness
    clock: Clock
    random: random.Random
    chunks: dict[tuple[int, str], tuple[bytes, datetime]] = field(default_factory=dict)
    """Organization and SHA-1 -> bytes, and when they were stored last."""
    recent_blobs: dict[tuple[int, str], datetime] = field(default_factory=dict)
    recent_bytes: dict[tuple[BlobKind, str], datetime] = field(default_factory=dict)
    waiting: list[tuple[int, AssemblyRequest, bytes]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobs(self.clock)
        self.database = self.harness.store._database
        self.assemblies = assemblies_module.AssemblyStore(self.database)
        self.chunk_store = chunks_module.ChunkStore(self.database)
        store = collection.CollectionStore(self.database)
        self.collector = FileCollector(store, self.blobs, lambda lock: hold_process_lock(self.harness.url, lock), KEEP)

    async def step(self) -> None:
        steps = [self.upload] * 4 + [self.begin] * 4 + [self.finish] * 4 + [self.fail, self.lose, self.delete, self.use]
        await self.random.choice([*steps, self.wait, self.wait, self.collect, self.collect])()

    async def upload(self) -> None:
        organization = self.random.choice([1, 2])
        stored = []
        for _ in range(self.random.randint(1, 3)):
            data = bytes([self.random.randrange(256)]) * self.random.randint(1, 3)
            blob = self.put(BlobKind.CHUNK, data)
            self.chunks[organization, blob.sha1] = data, self.clock.moment
            stored.append(blob)
        await self.chunk_store.record_chunks(ORGANIZATIONS[organization], stored)

    async def begin(self) -> None:
        """Begin to assemble some chunks of an organization that are certainly there."""
        organization = self.random.choice([1, 2])
        there = [sha1 for owner, sha1 in self.needed_chunks() if owner == organization]
        if not there:
            return
        chosen = self.random.choices(sorted(there), k=self.random.randint(1, 3))
        data = b"".join(self.chunks[organization, sha1][0] for sha1 in chosen)
        kind = self.random.choice(list(AssemblyKind))
        request = AssemblyRequest(kind, str(next(SQL_NUMBERS)), describe(data).sha1, tuple(chosen))
        assert await self.assemblies.create(ORGANIZATIONS[organization], request, AssemblyState.CREATED, "me")
        self.waiting.append((organization, request, data))

    async def finish(self) -> None:
        if not self.waiting:
            return
        organization, request, data = self.waiting.pop(self.random.randrange(len(self.waiting)))
        for sha1 in request.chunks:
            assert (BlobKind.CHUNK, sha1) in self.blobs.entries
        blob = self.put(BlobKind.BLOB, data)
        table = self.random.choice(["artifact_bundles", "release_files", "debug_files"])
        other = (
            self.put(BlobKind.BLOB, data + b"symcache") if table == "debug_files" and self.random.random() < 0.5 else None
        )
        ids: list[int] = []

        async def work(transaction: Transaction) -> None:
            ids[:] = [await record_blob(transaction, organization, blob) for blob in (blob, other) if blob]
            await note_assembled(transaction, ORGANIZATIONS[organization], request)

        await self.database.write(work)
        for stored in (blob, other):
            if stored:
                self.recent_blobs[organization, stored.sha1] = self.clock.moment
        if self.random.random() < 0.8:  # else the process ended, or what was made of the file was deleted at once
            row_id = self.insert(table, organization, ids)
            sha1s = tuple(stored.sha1 for stored in (blob, other) if stored)
            self.files.append(File(table, organization, row_id, sha1s, self.clock.moment))

    def insert(self, table: str, organization: int, ids: list[int]) -> int:
        number, date = next(SQL_NUMBERS), format_date(self.clock.moment)
        columns: dict[str, Any] = {"organization_id": organization, "blob_id": ids[0], "size": 1}
        if table == "artifact_bundles":
            columns |= {
                "bundle_id": number,
                "file_count": 1,
                "date_uploaded": date,
                "date_modified": date,
                "date_used": date,
            }
        elif table == "release_files":
            [(release,)] = self.harness.rows(f"SELECT min(id) FROM releases WHERE organization_id = {organization}")
            columns |= {
                "release_id": release,
                "name": number,
                "dist": "",
                "headers": "{}",
                "sha1": number,
                "date_created": date,
            }
        else:
            project = self.harness.rows(f"SELECT min(id) FROM projects WHERE organization_id = {organization}")[0][0]
            columns |= {"project_id": project, "debug_id": number, "object_name": "a", "cpu_name": "b", "format": "elf"}
            columns |= {"features": "[]", "proguard_releases": "[]", "sha1": number, "date_created": date, "date_used": date}
            columns |= {"symcache_blob_id": ids[1]} if len(ids) > 1 else {}
        texts = {"bundle_id", "name", "sha1", "debug_id"}
        values = [
            str(value) if isinstance(value, int) and key not in texts else f"'{value}'" for key, value in columns.items()
        ]
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)}) RETURNING id"
        row_id = int(self.harness.rows(sql)[0][0])
        if table == "artifact_bundles":
            self.harness.rows(
                "INSERT INTO artifact_bundle_versions (organization_id, artifact_bundle_id, version, date_modified) "
                f"VALUES ({organization}, {row_id}, 'web@1', '{date}')"
            )
        return row_id

    async def fail(self) -> None:
        if self.waiting:
            organization, request, _ = self.waiting.pop()
            await self.assemblies.fail(ORGANIZATIONS[organization], request, "broken")

    async def lose(self) -> None:
        """Store bytes whose row is never written: the process ended in between."""
        self.put(self.random.choice(list(BlobKind)), self.random.randbytes(2))

    async def delete(self) -> None:
        if self.files:
            file = self.files.pop(self.random.randrange(len(self.files)))
            self.harness.rows(f"DELETE FROM {file.table} WHERE id = {file.row_id}")

    async def use(self) -> None:
        files = [file for file in self.files if file.table != "release_files"]
        if files:
            file = self.random.choice(files)
            file.used = self.clock.moment
            date = format_date(self.clock.moment)
            self.harness.rows(f"UPDATE {file.table} SET date_used = '{date}' WHERE id = {file.row_id}")

    async def wait(self) -> None:
        minutes = self.random.choice([1, 20, 61, 61, 300, 300, 1441, 1441, 5000, 15_000])
        self.clock.moment += timedelta(minutes=minutes)

    async def collect(self) -> Collected:
        expected = await self.collector.collect(self.clock.moment, dry_run=True)
        before = self.snapshot()
        assert before == self.snapshot()
        collected = await self.collector.collect(self.clock.moment)
        for name, removed in expected.list_removed():
            if name in ("chunks", "blobs", "bundles", "debug_files", "chunk_rows"):
                assert getattr(collected, name) == removed, name
        self.files = [file for file in self.files if file.table == "release_files" or file.used >= self.clock.moment - KEEP]
        self.check()
        return collected

    def put(self, kind: BlobKind, data: bytes) -> StoredBlob:
        blob = self.blobs.put(kind, data)
        self.recent_bytes[kind, blob.sha1] = self.clock.moment
        return blob

    def needed_chunks(self) -> set[tuple[int, str]]:
        """Return the chunks whose rows must be there."""
        recent = {key for key, (_, date) in self.chunks.items() if date >= self.clock.moment - CHUNK_AGE}
        return recent | {(organization, sha1) for organization, request, _ in self.waiting for sha1 in request.chunks}

    def needed_blobs(self) -> set[tuple[int, str]]:
        """Return the blobs whose rows must be there."""
        recent = {key for key, date in self.recent_blobs.items() if date >= self.clock.moment - BLOB_AGE}
        return recent | {(file.organization, sha1) for file in self.files for sha1 in file.blobs}

    def check(self) -> None:
        chunk_rows, blob_rows = self.list_rows("chunks"), self.list_rows("blobs")
        assert self.needed_chunks() <= chunk_rows
        assert self.needed_blobs() <= blob_rows
        entries = set(self.blobs.entries)
        assert {(BlobKind.CHUNK, sha1) for _, sha1 in chunk_rows} <= entries
        assert {(BlobKind.BLOB, sha1) for _, sha1 in blob_rows} <= entries
        assert {key for key, date in self.recent_bytes.items() if date >= self.clock.moment - BLOB_AGE} <= entries
        for table in ("artifact_bundles", "release_files", "debug_files"):
            rows = {row_id for (row_id,) in self.harness.rows(f"SELECT id FROM {table}")}
            assert rows == {file.row_id for file in self.files if file.table == table}
        states = dict(self.harness.rows("SELECT subject, state FROM assemblies"))
        assert all(states[request.subject] == "created" for _, request, _ in self.waiting)

    def list_rows(self, table: str) -> set[tuple[int, str]]:
        return {
            (organization, sha1) for organization, sha1 in self.harness.rows(f"SELECT organization_id, sha1 FROM {table}")
        }

    def snapshot(self) -> Any:
        tables = ("chunks", "blobs", "assemblies", "artifact_bundles", "debug_files", "release_files")
        return [self.harness.rows(f"SELECT count(*) FROM {table}") for table in tables], len(self.blobs.entries)

    async def end(self) -> None:
        """Delete all files, let time pass and collect: nothing is left."""
        while self.waiting:
            await self.fail()
        while self.files:
            await self.delete()
        for _ in range(3):
            self.clock.moment += timedelta(hours=30)
            await self.collect()
        assert self.snapshot() == ([[(0,)]] * 6, 0)
        assert self.harness.rows("SELECT count(*) FROM artifact_bundle_versions") == [(0,)]
        assert (await self.collect()).is_empty


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (assemblies_module, blobs_module, chunks_module):
        monkeypatch.setattr(module, "now", clock)
    monkeypatch.setattr(collection, "BUNDLES_PER_TRANSACTION", 2)
    return clock


@pytest.fixture
def filled_harness(harness: Harness) -> Harness:
    for organization in ORGANIZATIONS.values():
        slug = organization.organization_slug
        response = harness.client.request(
            "POST", f"/api/0/organizations/{slug}/releases/", {"version": "web@1", "projects": ["web"]},
            token=harness.tokens[slug],
        )  # fmt: skip
        assert response.status == 201
    return harness


@pytest.mark.slow
def test_reachable_files_stay_and_others_go(filled_harness: Harness, clock: Clock) -> None:
    async def run() -> None:
        kinds = set()
        for seed in range(HISTORIES):
            history = History(filled_harness, clock, random.Random(seed))
            for _ in range(STEPS):
                await history.step()
            collected = await history.collect()
            kinds |= {name for name, removed in collected.list_removed() if removed.number}
            await history.end()
        assert kinds >= {"chunk_rows", "blob_rows"}

    filled_harness.run(run())


def test_retention_recomputes_the_totals_of_versions(filled_harness: Harness, clock: Clock) -> None:
    async def run() -> None:
        history = History(filled_harness, clock, random.Random(1))
        ids = []
        for data in (b"old", b"new"):
            blob = history.put(BlobKind.BLOB, data)

            async def work(transaction: Transaction, blob: StoredBlob = blob) -> int:
                return await record_blob(transaction, 1, blob)

            ids.append(history.insert("artifact_bundles", 1, [await history.database.write(work)]))
            clock.moment += timedelta(days=25)
        collected = await history.collector.collect(clock.moment)
        assert (collected.bundles.number, collected.blob_rows.number) == (1, 1)
        assert filled_harness.rows("SELECT id FROM artifact_bundles") == [(ids[1],)]
        assert filled_harness.rows("SELECT version, total FROM version_artifacts") == [("web@1", 1)]
        assert (await FileCollector(history.collector._store, history.blobs, history.collector._open_lock).collect(
            clock.moment + timedelta(days=900)
        )).bundles == Removed()  # fmt: skip

    filled_harness.run(run())


def test_bytes_that_an_assembly_reads_stay_without_a_row(filled_harness: Harness, clock: Clock) -> None:
    """A collection may have deleted the row of an old chunk at the moment when an assembly of it began."""

    async def run() -> None:
        history = History(filled_harness, clock, random.Random(1))
        while not history.waiting:
            await history.upload()
            await history.begin()
        filled_harness.rows("DELETE FROM chunks")
        clock.moment += timedelta(days=2)
        await history.collector.collect(clock.moment)
        kept = {sha1 for _, request, _ in history.waiting for sha1 in request.chunks}
        assert {sha1 for _, sha1 in history.blobs.entries} == kept != set()

    filled_harness.run(run())


def test_one_process_collects_at_a_time(harness: Harness, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        history = History(harness, clock, random.Random(1))
        async with hold_process_lock(harness.url, CollectionLock.RUN) as is_held:
            assert is_held
            assert await history.collector.collect_alone(clock.moment) is None
            async with hold_process_lock(harness.url, CollectionLock.SCHEDULE) as is_other_held:
                assert is_other_held
        assert await history.collector.collect_alone(clock.moment) == Collected()

    harness.run(run())
