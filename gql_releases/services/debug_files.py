"""Operations on debug files: assembling, zip files of them, look-up for symbolication, ProGuard mappings, deletion."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from gql_releases.domain.assembly import (
    INTERNAL_ERROR,
    WRONG_CHECKSUM,
    AssembleFailed,
    AssemblyKind,
    AssemblyRequest,
    AssemblyState,
    AssemblyStatus,
)
from gql_releases.domain.blob import BlobKind, ChecksumMismatch, StoredBlob
from gql_releases.domain.counters import count_files
from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.debug_file import (
    MAGIC_BYTES,
    DebugFileFormat,
    DebugFileRequest,
    NewDebugFile,
    StoredDebugFile,
    describe_id_map,
    describe_mapping,
    describe_object,
    detect_id_map,
    find_proguard_uuid,
    may_be_object,
    name_subject,
)
from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.native_symbolication import DebugObject, UnreadableDebugFile
from gql_releases.domain.principal import (
    DELETE_RELEASES,
    DOWNLOAD_FILES,
    READ_RELEASES,
    WRITE_RELEASES,
    Principal,
)
from gql_releases.domain.symbolication import FileNotProcessed, InputFile, SymbolicationNotInstalled
from gql_releases.services.assemblies import Build, Confirm
from gql_releases.services.blob_storage import BlobStorage, store_pieces
from gql_releases.services.file_quota import FileQuota

PARALLEL_ASSEMBLIES = 4
"""Files of one request that are assembled at the same time."""
REPLACED_FOR = timedelta(minutes=10)
"""How long a file counts as uploaded that was replaced by a newer one of its debug id."""
COPY_BYTES = 256 * 1024
_NO_SYMBOLS = frozenset({DebugFileFormat.SOURCEBUNDLE, DebugFileFormat.PROGUARD, DebugFileFormat.BCSYMBOLMAP,
    DebugFileFormat.UUIDMAP, DebugFileFormat.IL2CPP})  # fmt: skip


class DebugFileStore(Protocol):
    """The storage of debug files; each method is one transaction."""

    async def add_files(
        self,
        principal: Principal,
        project: int,
        files: Sequence[NewDebugFile],
        blob: StoredBlob,
        request: AssemblyRequest | None = None,
    ) -> list[int]: ...

    async def delete_file(self, principal: Principal, file: int, project: int | None = None) -> bool: ...

    async def add_proguard_release(self, principal: Principal, project: int, uuid: str, release: str) -> bool | None: ...

    async def set_symcache(self, principal: Principal, file: int, symcache: StoredBlob) -> None: ...

    async def find_file(self, principal: Principal, project: int, file: int) -> StoredDebugFile | None: ...

    async def find_by_checksums(
        self, principal: Principal, project: int, checksums: Sequence[str]
    ) -> list[StoredDebugFile]: ...

    async def find_by_debug_ids(
        self, principal: Principal, project: int, debug_ids: Sequence[str]
    ) -> list[StoredDebugFile]: ...

    async def find_by_code_ids(
        self, principal: Principal, project: int, code_ids: Sequence[str]
    ) -> list[StoredDebugFile]: ...


class DebugFileReader(Protocol):
    """Reads debug files in a process of its own."""

    async def list_objects(self, file: InputFile) -> tuple[DebugObject, ...]: ...

    async def create_symcache(self, file: InputFile, debug_id: str | None, output_path: str) -> int: ...


class Archive(Protocol):
    """A zip file of a client, as blobs/archive.py reads it."""

    @property
    def members(self) -> Mapping[str, Any]: ...

    def stream_member(self, path: str) -> Any: ...


OpenArchive = Callable[[BinaryIO], AbstractContextManager[Archive]]
"""Opens a zip file. Raises InvalidBundle."""


class Assembler(Protocol):
    """Assembles files of their chunks."""

    def register(self, kind: AssemblyKind, build: Build, confirm: Confirm | None = None) -> None: ...

    async def request(self, principal: Principal, request: AssemblyRequest) -> AssemblyStatus: ...


@dataclass(frozen=True, slots=True)
class AssembledFile:
    """The state of a file that a client wants to be assembled, and its id if it is a debug file of the project."""

    status: AssemblyStatus
    file: int | None = None


class ProguardReleaseOutcome(Enum):
    """What became of the association of a ProGuard mapping with a release."""

    CREATED = auto()
    EXISTING = auto()
    NO_MAPPING = auto()


ASSEMBLED = AssemblyStatus(AssemblyState.OK, None, ())


class DebugFileService:
    """Operations on debug files; projects are ids of the principal's organization.

    Methods raise OrganizationNotFound or Forbidden before anything else, then SymbolicationNotInstalled without the
    extra `files`.
    """

    def __init__(
        self,
        store: DebugFileStore,
        blobs: BlobStorage,
        reader: DebugFileReader,
        assembler: Assembler,
        open_archive: OpenArchive,
        is_installed: Callable[[], bool],
        quota: FileQuota,
    ) -> None:
        self._store, self._blobs, self._reader, self._assembler = store, blobs, reader, assembler
        self._open_archive, self._is_installed, self._quota = open_archive, is_installed, quota
        assembler.register(AssemblyKind.DEBUG_FILE, self.build, self.confirm)

    def require(self, principal: Principal, organization: str, *, is_write: bool) -> None:
        """Check the organization, the scopes and the installation."""
        principal.require(WRITE_RELEASES if is_write else READ_RELEASES)
        principal.require_organization(organization)
        if not self._is_installed():
            raise SymbolicationNotInstalled

    async def assemble(
        self, principal: Principal, organization: str, project: int, requests: Sequence[DebugFileRequest]
    ) -> dict[str, AssembledFile]:
        """Return the state of each file by its SHA-1; files whose chunks are all there are assembled."""
        self.require(principal, organization, is_write=True)
        files = await self._find_assembled(principal, project, requests)
        turns = asyncio.Semaphore(PARALLEL_ASSEMBLIES)

        async def assemble_file(request: DebugFileRequest) -> AssemblyStatus:
            async with turns:
                return await self._assemble_file(principal, project, request)

        missing = [request for request in requests if request.checksum not in files]
        results = await asyncio.gather(*map(assemble_file, missing))
        statuses = {request.checksum: status for request, status in zip(missing, results, strict=True)}
        is_ok = [request for request in missing if statuses[request.checksum].state is AssemblyState.OK]
        files |= await self._find_assembled(principal, project, is_ok)
        return {
            request.checksum: AssembledFile(statuses.get(request.checksum, ASSEMBLED), files.get(request.checksum))
            for request in requests
        }

    async def _find_assembled(
        self, principal: Principal, project: int, requests: Sequence[DebugFileRequest]
    ) -> dict[str, int]:
        """Return the ids of the project's files that are requested, by SHA-1. A mapping is one only under its UUID."""
        if not requests:
            return {}
        rows = await self._store.find_by_checksums(principal, project, [request.checksum for request in requests])
        uuids = {request.checksum: request.proguard_uuid for request in requests}
        return {row.sha1: row.id for row in reversed(rows) if uuids[row.sha1] in (None, row.debug_id)}

    async def _assemble_file(self, principal: Principal, project: int, file: DebugFileRequest) -> AssemblyStatus:
        subject = name_subject(project, file.proguard_uuid)
        parameters = {"project": project, "name": file.name, "debug_id": file.debug_id}
        request = AssemblyRequest(AssemblyKind.DEBUG_FILE, subject, file.checksum, file.chunks, parameters)
        return await self._assembler.request(principal, request)

    async def build(self, principal: Principal, request: AssemblyRequest, blob: StoredBlob) -> None:
        """Add the debug file that an assembled blob is, and set its state. Raises AssembleFailed, Unavailable."""
        name, debug_id = request.parameters["name"], request.parameters["debug_id"]
        try:
            async with self._blobs.local_path(BlobKind.BLOB, blob.sha1) as path:
                files = await self._describe(path, blob.sha1, name, debug_id)
        except UnreadableDebugFile as error:
            raise AssembleFailed(str(error)) from None
        except FileNotProcessed:
            raise AssembleFailed(INTERNAL_ERROR) from None
        if len(files) != 1:
            raise AssembleFailed(f"Object contains {len(files)} architectures (1 expected)")
        try:
            await self._store.add_files(principal, request.parameters["project"], files, blob, request)
        except ChecksumMismatch:
            raise AssembleFailed(WRONG_CHECKSUM) from None

    async def confirm(self, principal: Principal, request: AssemblyRequest, result: Mapping[str, Any] | None) -> bool:
        """Return whether an assembled file is still there, or was just replaced by a newer one of its debug id."""
        project, uuid = request.parameters["project"], find_proguard_uuid(request.parameters["name"])
        rows = await self._store.find_by_checksums(principal, project, [request.checksum])
        if any(uuid in (None, row.debug_id) for row in rows):
            return True
        return result is not None and now() - parse_date(result["date"]) < REPLACED_FOR

    async def _describe(self, path: Path, key: str, name: str, debug_id: str | None = None) -> list[NewDebugFile]:
        """Return the debug files that a file on the disk is. Raises UnreadableDebugFile, FileNotProcessed."""
        uuid = find_proguard_uuid(name)
        if uuid is not None:
            return [describe_mapping(uuid)]
        head = await asyncio.to_thread(_read_head, path)
        map_format = detect_id_map(head)
        if map_format is not None and debug_id is not None:
            return [describe_id_map(map_format, debug_id, name)]
        objects = await self._reader.list_objects(InputFile(key, str(path)))
        return [
            describe_object(
                item.format,
                name,
                debug_id=item.debug_id,
                code_id=item.code_id,
                arch=item.arch,
                kind=item.kind,
                features=item.features,
                sent_debug_id=debug_id,
            )
            for item in objects
        ]

    async def add_zip(
        self, principal: Principal, organization: str, project: int, content: AsyncIterable[bytes]
    ) -> list[int]:
        """Add the debug files of a zip file; return the ids of new ones. Other files are skipped.

        Raises InvalidBundle; QuotaExceeded, after which files that fitted stay.
        """
        self.require(principal, organization, is_write=True)
        await self._quota.require_room(principal, 0)
        ids = []
        with tempfile.TemporaryDirectory() as folder:
            zip_path = Path(folder, "zip")
            with zip_path.open("wb") as file:  # noqa: ASYNC230 - written to in threads
                async for piece in content:
                    await asyncio.to_thread(file.write, piece)
            with await asyncio.to_thread(self._open_zip, zip_path) as archive:
                for name in list(archive.members):
                    ids += await self._add_member(principal, project, archive, name, Path(folder, "member"))
        return ids

    def _open_zip(self, path: Path) -> AbstractContextManager[Archive]:
        file = path.open("rb")
        try:
            return self._open_archive(file)
        except BaseException:
            file.close()
            raise

    async def _add_member(self, principal: Principal, project: int, archive: Archive, name: str, path: Path) -> list[int]:
        sha1 = await asyncio.to_thread(_extract_debug_file, archive, name, path)
        if sha1 is None:
            return []
        try:
            files = await self._describe(path, sha1, name)
        except (UnreadableDebugFile, FileNotProcessed):
            return []
        size = (await asyncio.to_thread(path.stat)).st_size
        await self._quota.require_room(principal, size)
        try:
            ids = await self._store.add_files(principal, project, files, await self._store_blob(path))
        except ChecksumMismatch:
            return []
        count_files("file_uploads", "debug_file")
        count_files("file_received_bytes", "debug_file", size)
        return ids

    async def _store_blob(self, path: Path) -> StoredBlob:
        """Store the bytes of a file on the disk."""
        async with aclosing(_read_pieces(path)) as pieces:
            return await store_pieces(self._blobs, BlobKind.BLOB, pieces)

    async def find_missing(
        self, principal: Principal, organization: str, project: int, checksums: Sequence[str]
    ) -> list[str]:
        """Return those of some SHA-1 that no debug file of the project has, sorted."""
        self.require(principal, organization, is_write=False)
        rows = await self._store.find_by_checksums(principal, project, checksums)
        return sorted({*checksums} - {row.sha1 for row in rows})

    async def find_download(
        self, principal: Principal, organization: str, project: int, file: int
    ) -> StoredDebugFile | None:
        """Return a file that the token may download; None if there is none."""
        self.require(principal, organization, is_write=False)
        principal.require(DOWNLOAD_FILES)
        return await self._store.find_file(principal, project, file)

    def stream(self, file: StoredDebugFile, start: int, stop: int) -> AsyncIterator[bytes]:
        """Return an iterator of the bytes [start, stop) of a file."""
        return self._blobs.stream(BlobKind.BLOB, file.sha1, start, stop)

    async def delete_from_project(self, principal: Principal, organization: str, project: int, file: int) -> bool:
        """Delete a file of a project, as `files/dsyms/` does; return whether it existed."""
        self.require(principal, organization, is_write=False)
        principal.require(DOWNLOAD_FILES)
        return await self._store.delete_file(principal, file, project)

    async def delete_file(self, principal: Principal, file: int) -> bool:
        """Delete a file by its id; return whether the principal's organization had it."""
        principal.require(DELETE_RELEASES)
        return await self._store.delete_file(principal, file)

    async def add_proguard_release(
        self, principal: Principal, organization: str, project: int, uuid: str, release: str
    ) -> ProguardReleaseOutcome:
        """Associate a ProGuard mapping with a release by its name."""
        self.require(principal, organization, is_write=True)
        is_new = await self._store.add_proguard_release(principal, project, uuid, release)
        if is_new is None:
            return ProguardReleaseOutcome.NO_MAPPING
        return ProguardReleaseOutcome.CREATED if is_new else ProguardReleaseOutcome.EXISTING

    async def find_for_native(
        self, principal: Principal, project: int, debug_ids: Sequence[str] = (), code_ids: Sequence[str] = ()
    ) -> dict[str, StoredDebugFile]:
        """Return the best file with symbols for each debug id and code id that has one, by the id as it was passed."""
        principal.require(READ_RELEASES)
        normalized = {debug_id: normalize_debug_id(debug_id) or debug_id for debug_id in debug_ids}
        files: dict[str, StoredDebugFile] = {}
        if normalized:
            rows = await self._store.find_by_debug_ids(principal, project, sorted(set(normalized.values())))
            best = _choose_best(rows, lambda row: row.debug_id)
            files |= {passed: best[debug_id] for passed, debug_id in normalized.items() if debug_id in best}
        if code_ids:
            lowered = {code_id: code_id.lower() for code_id in code_ids}
            rows = await self._store.find_by_code_ids(principal, project, sorted(set(lowered.values())))
            best = _choose_best(rows, lambda row: row.code_id)
            files |= {passed: best[code_id] for passed, code_id in lowered.items() if code_id in best}
        return files

    async def find_proguard(self, principal: Principal, project: int, uuid: str) -> StoredDebugFile | None:
        """Return the newest ProGuard mapping of a UUID; None if there is none."""
        principal.require(READ_RELEASES)
        debug_id = normalize_debug_id(uuid)
        if debug_id is None:
            return None
        rows = await self._store.find_by_debug_ids(principal, project, [debug_id])
        return next((row for row in rows if row.format == DebugFileFormat.PROGUARD), None)

    @asynccontextmanager
    async def open_file(self, file: StoredDebugFile) -> AsyncIterator[InputFile]:
        """Yield a debug file as workers read it."""
        async with self._blobs.local_path(BlobKind.BLOB, file.sha1) as path:
            yield InputFile(file.sha1, str(path))

    @asynccontextmanager
    async def open_symcache(self, principal: Principal, file: StoredDebugFile) -> AsyncIterator[InputFile]:
        """Yield the look-up table of a debug file as workers read it; at first use it is made and stored beside the file.

        Raises UnreadableDebugFile, FileNotProcessed, Unavailable.
        """
        sha1 = file.symcache_sha1 or (await self._create_symcache(principal, file)).sha1
        async with self._blobs.local_path(BlobKind.BLOB, sha1) as path:
            yield InputFile(sha1, str(path))

    async def _create_symcache(self, principal: Principal, file: StoredDebugFile) -> StoredBlob:
        # Only Mach-O files have several objects; the id of a PDB may have another age than the one in the file.
        debug_id = file.debug_id if file.format == DebugFileFormat.MACHO else None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "symcache")
            async with self.open_file(file) as source:
                await self._reader.create_symcache(source, debug_id, str(path))
            blob = await self._store_blob(path)
        await self._store.set_symcache(principal, file.id, blob)
        return blob


def _choose_best(
    files: Sequence[StoredDebugFile], read_id: Callable[[StoredDebugFile], str | None]
) -> dict[str, StoredDebugFile]:
    """Return the best file of each id: with debug information, else with symbols; of equal ones the newest."""
    best: dict[str, StoredDebugFile] = {}
    for file in sorted(files, key=lambda file: ("debug" in file.features, "symtab" in file.features, file.id)):
        file_id = read_id(file)
        if file_id is not None and file.format not in _NO_SYMBOLS:
            best[file_id] = file
    return best


async def _read_pieces(path: Path) -> AsyncGenerator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, COPY_BYTES):
            yield piece


def _read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAGIC_BYTES)


def _extract_debug_file(archive: Archive, name: str, path: Path) -> str | None:
    """Write a file of a zip to a path and return its SHA-1; None if it is no debug file by its name and first bytes."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    is_mapping = find_proguard_uuid(name) is not None
    is_first = True
    with path.open("wb") as file:
        for piece in archive.stream_member(name):
            if is_first and not is_mapping and not may_be_object(piece[:MAGIC_BYTES]):
                return None
            is_first = False
            sha1.update(piece)
            file.write(piece)
    return None if is_first else sha1.hexdigest()
