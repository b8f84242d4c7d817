"""Debug files in the store: what is kept, what replaces what, and what is found for symbolication."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gql_releases.blobs.archive import Archive
from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.domain.assembly import AssemblyState
from gql_releases.domain.blob import BlobKind
from gql_releases.domain.debug_file import DebugFileRequest, choose_redundant
from gql_releases.domain.errors import DomainError, Forbidden, OrganizationNotFound
from gql_releases.domain.native_symbolication import UnreadableDebugFile
from gql_releases.domain.principal import Principal, Scope
from gql_releases.domain.symbolication import SymbolicationNotInstalled
from gql_releases.services import debug_files as service
from gql_releases.services.assemblies import Assembler
from gql_releases.services.debug_files import AssembledFile, DebugFileService, ProguardReleaseOutcome
from gql_releases.services.file_quota import FileQuota
from gql_releases.symbolication.worker_pool import WorkerPool
from tests.conftest import Harness
from tests.debug_files import (
    DEBUG_ID,
    MAPPING,
    OTHER_UUID,
    UUID,
    build_program,
    digest,
    write_breakpad,
    write_fat_macho,
    write_public_symbols,
    write_source_bundle,
    write_zip,
)

ACME, OTHER = Principal.operator(1, "acme"), Principal.operator(2, "other")
BREAKPAD_ID = f"{DEBUG_ID}-a"
WEB, API, OTHER_WEB = 1, 2, 3
MAPPING_NAME = f"/proguard/{UUID}.txt"


class Workshop:
    """The service with a real assembler and real workers."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness = harness
        self.blobs: BlobStore = open_blob_store(folder.as_uri())
        self.pool = WorkerPool()
        self.is_installed = True
        self.files = self.create_service()

    def create_service(self) -> DebugFileService:
        """Return a service over the harness's store."""
        store = self.harness.store
        assembler = Assembler(store.assemblies, self.blobs, 2**31)
        quota = FileQuota(store.file_usage, None)
        return DebugFileService(
            store.debug_files, self.blobs, self.pool, assembler, Archive, lambda: self.is_installed, quota
        )

    def put_chunk(self, content: bytes, principal: Principal = ACME) -> None:
        """Store a chunk of an organization."""

        async def work() -> None:
            async with await self.blobs.begin(BlobKind.CHUNK) as writer:
                await writer.write(content)
                chunk = await writer.commit()
            await self.harness.store.chunks.record_chunks(principal, [chunk])

        self.harness.run(work())

    def upload(
        self, content: bytes, name: str, project: int = WEB, principal: Principal = ACME, debug_id: str | None = None
    ) -> AssembledFile:
        """Upload a file and return its state."""
        self.put_chunk(content, principal)
        request = DebugFileRequest(digest(content), name, (digest(content),), debug_id)
        work = self.files.assemble(principal, principal.organization_slug, project, [request])
        result: AssembledFile = self.harness.run(work)[digest(content)]
        return result

    def rows(self, columns: str = "debug_id") -> list[tuple[Any, ...]]:
        """Return columns of all debug files."""
        return self.harness.rows(f"SELECT {columns} FROM debug_files ORDER BY id")


@pytest.fixture
def workshop(harness: Harness, tmp_path: Path) -> Iterator[Workshop]:
    built = Workshop(harness, tmp_path / "files")
    yield built
    harness.run(built.pool.close())
    harness.run(built.blobs.close())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_program(tmp_path_factory.mktemp("native")).read_bytes()


@pytest.mark.parametrize(
    ("files", "redundant"),
    [
        ([], []),
        ([(1, "elf", "symtab")], []),
        ([(1, "elf", "symtab"), (2, "elf", "symtab")], [1]),
        ([(1, "elf", "symtab"), (2, "elf", "debug symtab")], [1]),
        ([(1, "elf", "debug symtab"), (2, "elf", "symtab")], []),
        ([(1, "elf", "debug symtab"), (2, "elf", "symtab"), (3, "elf", "debug")], [1]),
        ([(1, "elf", "symtab"), (2, "sourcebundle", "sources"), (3, "elf", "debug")], []),
        ([(1, "elf", ""), (2, "elf", "")], [1]),
        ([(1, "elf", ""), (2, "elf", "debug")], [1]),
        ([(2, "bcsymbolmap", ""), (1, "bcsymbolmap", ""), (3, "uuidmap", ""), (4, "elf", "debug")], [1]),
    ],
)
def test_a_file_is_redundant_if_newer_ones_have_its_features(
    files: list[tuple[int, str, str]], redundant: list[int]
) -> None:
    assert choose_redundant((row_id, kind, frozenset(features.split())) for row_id, kind, features in files) == redundant


def test_a_file_is_one_row(workshop: Workshop) -> None:
    first = workshop.upload(write_breakpad(), "a/crash.sym")
    assert (first.status.state, first.file) == (AssemblyState.OK, 1)
    assert workshop.upload(write_breakpad(), "other.sym").file == 1
    columns = "project_id, debug_id, code_id, object_name, cpu_name, format, kind, features, proguard_releases, sha1"
    assert workshop.rows(columns) == [
        (1, BREAKPAD_ID, "0102", "crash", "x86_64", "breakpad", "dbg", '["debug","symtab"]', "[]", digest(write_breakpad()))
    ]
    assert workshop.upload(write_breakpad(), "other.sym", API).file == 2
    assert workshop.harness.rows("SELECT count(*) FROM blobs") == [(1,)]


def test_states_survive_a_restart(workshop: Workshop) -> None:
    assert workshop.upload(b"hello", "a").status.detail is not None
    content = write_breakpad()
    workshop.upload(content, "a.sym")
    workshop.files = workshop.create_service()
    requests = [DebugFileRequest(digest(item), "a", ()) for item in (b"hello", content)]
    states = workshop.harness.run(workshop.files.assemble(ACME, "acme", WEB, requests))
    assert [item.status.state for item in states.values()] == [AssemblyState.ERROR, AssemblyState.OK]


def test_a_mapping_with_its_releases_is_replaced(workshop: Workshop) -> None:
    workshop.upload(MAPPING, MAPPING_NAME)
    files, run = workshop.files, workshop.harness.run
    outcomes = [
        run(files.add_proguard_release(ACME, "acme", project, uuid, name))
        for project, uuid, name in (
            (WEB, UUID, "b"),
            (WEB, UUID, "a"),
            (WEB, UUID, "b"),
            (WEB, OTHER_UUID, "b"),
            (API, UUID, "b"),
        )
    ]
    created, existing, absent = (
        ProguardReleaseOutcome.CREATED,
        ProguardReleaseOutcome.EXISTING,
        ProguardReleaseOutcome.NO_MAPPING,
    )
    assert outcomes == [created, created, existing, absent, absent]
    assert run(files.add_proguard_release(OTHER, "other", WEB, UUID, "b")) is absent
    newer = MAPPING + b"\n"
    workshop.upload(newer, MAPPING_NAME)
    assert workshop.rows("id, sha1, proguard_releases") == [(2, digest(newer), '["b","a"]')]


def test_a_replaced_file_counts_as_uploaded_for_some_time(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    lesser = write_public_symbols()
    workshop.upload(lesser, "a.sym")
    workshop.upload(write_breakpad(), "a.sym")
    assert workshop.rows("id") == [(2,)]
    again = workshop.upload(lesser, "a.sym")
    assert (again.status.state, again.file) == (AssemblyState.OK, None)
    monkeypatch.setattr(service, "REPLACED_FOR", timedelta(0))
    assert workshop.upload(lesser, "a.sym").file == 3


def test_a_deleted_file_is_forgotten(workshop: Workshop) -> None:
    first, second = workshop.upload(write_breakpad(), "a.sym").file, workshop.upload(MAPPING, MAPPING_NAME).file
    assert first is not None
    assert second is not None
    run, files = workshop.harness.run, workshop.files
    assert not run(files.delete_from_project(ACME, "acme", API, first))
    assert not run(files.delete_file(OTHER, first))
    assert len(workshop.rows()) == 2
    assert run(files.delete_from_project(ACME, "acme", WEB, first))
    assert run(files.delete_file(ACME, second))
    assert workshop.rows() == []
    assert workshop.harness.rows("SELECT count(*) FROM assemblies") == [(0,)]


def test_two_objects_of_a_zip_are_two_files(workshop: Workshop) -> None:
    async def stream(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 100):
            yield content[start : start + 100]

    content = write_zip({"fat": write_fat_macho(), f"proguard/{UUID}.txt": MAPPING, "text": b"hello"})
    ids = workshop.harness.run(workshop.files.add_zip(ACME, "acme", WEB, stream(content)))
    assert ids == [1, 2, 3]
    assert [row[0] for row in workshop.rows("format")] == ["macho", "macho", "proguard"]
    assert workshop.harness.run(workshop.files.add_zip(ACME, "acme", WEB, stream(content))) == []


def test_files_are_found_for_symbolication(workshop: Workshop, program: bytes) -> None:
    workshop.upload(write_public_symbols(), "a.sym")
    workshop.upload(write_source_bundle(BREAKPAD_ID), "a.zip")
    with_lines = workshop.upload(write_breakpad(), "a.sym").file
    workshop.upload(write_public_symbols("x"), "a.sym")
    elf = workshop.upload(program, "main").file
    mapping = workshop.upload(MAPPING, MAPPING_NAME).file
    elf_id, elf_code = "3ae4b8df-42f2-733d-a453-aeb6a777ef75", "dfb8e43af2423d73a453aeb6a777ef7500000001"
    files = workshop.files

    def find(
        *debug_ids: str, code_ids: tuple[str, ...] = (), principal: Principal = ACME, project: int = WEB
    ) -> dict[str, int]:
        work = files.find_for_native(principal, project, debug_ids, code_ids)
        return {name: file.id for name, file in workshop.harness.run(work).items()}

    upper = BREAKPAD_ID.upper()
    assert find(upper, elf_id, UUID, "x") == {upper: with_lines, elf_id: elf}
    assert find(code_ids=("0102", elf_code.upper())) == {"0102": with_lines, elf_code.upper(): elf}
    for principal, project in ((ACME, API), (OTHER, WEB), (OTHER, OTHER_WEB)):
        assert find(BREAKPAD_ID, code_ids=("0102",), principal=principal, project=project) == {}
        assert workshop.harness.run(files.find_proguard(principal, project, UUID)) is None
    file = workshop.harness.run(files.find_proguard(ACME, WEB, UUID.upper()))
    assert (file.id, file.sha1) == (mapping, digest(MAPPING))
    for uuid in (BREAKPAD_ID, "x"):
        assert workshop.harness.run(files.find_proguard(ACME, WEB, uuid)) is None


def test_a_symcache_is_stored_beside_its_file(workshop: Workshop) -> None:
    workshop.upload(write_breakpad(), "a.sym")

    async def look_up() -> str | None:
        file = (await workshop.files.find_for_native(ACME, WEB, [BREAKPAD_ID]))[BREAKPAD_ID]
        async with workshop.files.open_symcache(ACME, file) as symcache:
            frames = await workshop.pool.look_up_addresses(symcache, [0x1008])
        assert [(frame.function, frame.line) for frame in frames[0]] == [("crash", 43)]
        return file.symcache_sha1

    assert workshop.harness.run(look_up()) is None
    sha1 = workshop.harness.run(look_up())
    statement = "SELECT b.sha1, b.organization_id FROM debug_files d JOIN blobs b ON b.id = d.symcache_blob_id"
    assert workshop.harness.rows(statement) == [(sha1, 1)]


def test_a_mapping_has_no_symcache(workshop: Workshop) -> None:
    workshop.upload(MAPPING, MAPPING_NAME)

    async def work() -> None:
        file = await workshop.harness.store.debug_files.find_file(ACME, WEB, 1)
        assert file is not None
        with pytest.raises(UnreadableDebugFile):
            async with workshop.files.open_symcache(ACME, file):
                raise AssertionError

    workshop.harness.run(work())


def test_a_use_is_noted_once_in_thirty_days(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    from gql_releases.storage.files import debug_files

    workshop.upload(MAPPING, MAPPING_NAME)
    before = workshop.rows("date_used")
    workshop.harness.run(workshop.files.find_proguard(ACME, WEB, UUID))
    assert workshop.rows("date_used") == before
    monkeypatch.setattr(debug_files, "USE_INTERVAL", timedelta(0))
    workshop.harness.run(workshop.files.find_proguard(ACME, WEB, UUID))
    assert workshop.rows("date_used") > before


def test_uploads_of_one_debug_id_at_the_same_time(workshop: Workshop) -> None:
    contents = [write_breakpad(note=str(number)) for number in range(8)]
    for content in contents:
        workshop.put_chunk(content)
    requests = [DebugFileRequest(digest(content), "a.sym", (digest(content),)) for content in contents]

    async def work() -> list[Any]:
        halves = (requests, list(reversed(requests)))
        return await asyncio.gather(*(workshop.files.assemble(ACME, "acme", WEB, half) for half in halves))

    for result in workshop.harness.run(work()):
        assert {file.status.state for file in result.values()} <= {AssemblyState.OK, AssemblyState.ASSEMBLING}
    assert workshop.rows() != []


def test_every_operation_needs_scopes_and_the_library(workshop: Workshop) -> None:
    files = workshop.files
    operations: list[Any] = [
        lambda principal, organization: files.assemble(principal, organization, WEB, []),
        lambda principal, organization: files.add_zip(principal, organization, WEB, io.BytesIO()),  # type: ignore[arg-type]
        lambda principal, organization: files.find_missing(principal, organization, WEB, []),
        lambda principal, organization: files.find_download(principal, organization, WEB, 1),
        lambda principal, organization: files.delete_from_project(principal, organization, WEB, 1),
        lambda principal, organization: files.add_proguard_release(principal, organization, WEB, UUID, "a"),
    ]

    def refuse(operation: Any, principal: Principal, organization: str, error: type[DomainError]) -> None:
        with pytest.raises(error):
            workshop.harness.run(operation(principal, organization))

    weak = Principal(1, 1, "acme", frozenset({Scope.ORG_READ}))
    for operation in operations:
        refuse(operation, weak, "acme", Forbidden)
        refuse(operation, ACME, "other", OrganizationNotFound)
    workshop.is_installed = False
    for operation in operations:
        refuse(operation, ACME, "acme", SymbolicationNotInstalled)
    for operation in (lambda: files.delete_file(weak, 1), lambda: files.find_proguard(weak, WEB, UUID)):
        with pytest.raises(Forbidden):
            workshop.harness.run(operation())
