"""Assembles files of uploaded chunks: within the request if they are small, else in a task of this process.

The state of each file is a row. If its process ends, another one, or the next request for the file, begins it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from gql_releases.domain.assembly import (
    CHUNKS_MISSING,
    INTERNAL_ERROR,
    WRONG_CHECKSUM,
    AssembleFailed,
    AssemblyKind,
    AssemblyRequest,
    AssemblyState,
    AssemblyStatus,
    StoredAssembly,
)
from gql_releases.domain.blob import BlobKind, BlobNotFound, ChecksumMismatch, StoredBlob
from gql_releases.domain.counters import count_files
from gql_releases.domain.dates import now
from gql_releases.domain.errors import NoSpaceLeft, Unavailable
from gql_releases.domain.principal import Principal
from gql_releases.services.blob_storage import BlobStorage, store_pieces
from gql_releases.services.job_owners import has_ended, name_this_process

logger = logging.getLogger(__name__)

SMALL_FILE_BYTES = 8 * 1024 * 1024
"""Files up to this size are assembled within the request."""
SMALL_JOBS, LARGE_JOBS = 4, 2
"""Files that a process assembles at the same time."""
MAX_WAITING_JOBS = 1_000
"""Jobs of a process at most; further requests are refused as busy."""
REQUEST_SECONDS = 20.0
"""Seconds that a request waits for a small file; then the response is its state."""
ABANDONED_AFTER = timedelta(minutes=10)
"""Age of an unfinished state without a sign of its process, after which another process takes it."""
ERROR_LASTS = timedelta(minutes=10)
"""Age of an error up to which it is the response; a later request begins anew."""
RENEW_SECONDS = 60.0
RESUME_SECONDS = 30.0
MAX_ATTEMPTS_PER_REQUEST = 4

Build = Callable[[Principal, AssemblyRequest, StoredBlob], Awaitable[None]]
"""Stores what a file is used for, in one transaction that also sets the state with `note_assembled`.

The bytes are stored as a BlobKind.BLOB; the builder records their row (`record_blob`). Raises AssembleFailed.
"""
Confirm = Callable[[Principal, AssemblyRequest, Mapping[str, Any] | None], Awaitable[bool]]
"""Is called with the result of a file that was assembled before, for a later request. Returns False if it is gone."""


class AssemblyStore(Protocol):
    """The storage of states; each method is one transaction."""

    async def look_up(
        self, principal: Principal, request: AssemblyRequest
    ) -> tuple[StoredAssembly | None, dict[str, int]]: ...

    async def create(
        self, principal: Principal, request: AssemblyRequest, state: AssemblyState, owner: str
    ) -> int | None: ...

    async def claim(self, assembly: StoredAssembly, request: AssemblyRequest, state: AssemblyState, owner: str) -> bool: ...

    async def add_parameters(self, principal: Principal, request: AssemblyRequest) -> bool: ...

    async def renew(self, assembly_id: int) -> None: ...

    async def fail(self, principal: Principal, request: AssemblyRequest, detail: str) -> None: ...

    async def release(self, principal: Principal, request: AssemblyRequest) -> None: ...

    async def forget(self, assembly: StoredAssembly) -> None: ...

    async def forget_chunk(self, organization: int, sha1: str) -> None: ...

    async def list_unfinished(self) -> list[StoredAssembly]: ...


@dataclass(frozen=True, slots=True)
class _Job:
    """A file that this process assembles."""

    assembly_id: int
    principal: Principal
    request: AssemblyRequest
    sizes: Mapping[str, int]

    @property
    def key(self) -> tuple[int, tuple[str, str, str]]:
        return self.principal.organization_id, self.request.key

    @property
    def size(self) -> int:
        return sum(self.sizes[chunk] for chunk in self.request.chunks)

    @property
    def is_small(self) -> bool:
        return self.size <= SMALL_FILE_BYTES


class Assembler:
    """Assembles files of chunks and passes them to the builder of their kind."""

    def __init__(self, store: AssemblyStore, blobs: BlobStorage, max_file_size: int) -> None:
        """Take the states, the bytes, and the maximum size of a file in bytes."""
        self._store, self._blobs, self._max_file_size = store, blobs, max_file_size
        self._builders: dict[AssemblyKind, tuple[Build, Confirm | None]] = {}
        self._jobs: dict[tuple[int, tuple[str, str, str]], asyncio.Task[AssemblyStatus]] = {}
        self._small, self._large = asyncio.Semaphore(SMALL_JOBS), asyncio.Semaphore(LARGE_JOBS)
        self._owner = name_this_process()
        self._resuming: asyncio.Task[None] | None = None
        self._is_closing = False

    def register(self, kind: AssemblyKind, build: Build, confirm: Confirm | None = None) -> None:
        """Take the functions that use the files of a kind."""
        self._builders[kind] = build, confirm

    async def request(
        self, principal: Principal, request: AssemblyRequest, refusal: Exception | None = None
    ) -> AssemblyStatus:
        """Return the state of a file, or begin to assemble it if all its chunks are there.

        `refusal` is raised instead of beginning anything. Raises InvalidToken; Unavailable (NoSpaceLeft, if the disk is
        full) if a small file could not be assembled now, or too many wait.
        """
        for _ in range(MAX_ATTEMPTS_PER_REQUEST):
            stored, sizes = await self._store.look_up(principal, request)
            status = await self._check_stored(principal, request, stored) if stored else None
            if status is not None:
                return status
            begun = request
            if stored is not None and stored.state.is_unfinished and not request.chunks:
                begun = stored.request
                _, sizes = await self._store.look_up(principal, begun)
            missing = tuple(chunk for chunk in dict.fromkeys(begun.chunks) if chunk not in sizes)
            if stored is not None and stored.state is AssemblyState.ERROR and not missing and not _is_old_error(stored):
                return AssemblyStatus(AssemblyState.ERROR, stored.detail)
            if missing or not begun.chunks:
                if stored is not None:
                    await self._store.forget(stored)
                return AssemblyStatus(AssemblyState.NOT_FOUND, missing_chunks=missing)
            if refusal is not None:
                raise refusal
            status = await self._begin(principal, begun, sizes, stored)
            if status is not None:
                return status
        return AssemblyStatus(AssemblyState.ASSEMBLING)

    async def resume(self) -> None:
        """Begin unfinished files anew whose process has ended, or gave no sign for ABANDONED_AFTER."""
        for stored in await self._store.list_unfinished():
            if not self._is_abandoned(stored) or len(self._jobs) >= MAX_WAITING_JOBS:
                continue
            principal = Principal.operator(stored.organization_id, stored.organization_slug)
            _, sizes = await self._store.look_up(principal, stored.request)
            if any(chunk not in sizes for chunk in stored.request.chunks):
                await self._store.fail(principal, stored.request, CHUNKS_MISSING)
            elif await self._store.claim(stored, stored.request, AssemblyState.CREATED, self._owner):
                logger.info("assembling of %s %s begins anew", *_describe(stored.request))
                self._start_job(_Job(stored.id, principal, stored.request, sizes))

    def start(self) -> None:
        """Begin to resume unfinished files, now and periodically."""
        self._resuming = asyncio.ensure_future(self._resume_repeatedly())

    async def close(self) -> None:
        """End all jobs; the next process begins them anew."""
        self._is_closing = True
        tasks = [*self._jobs.values(), *([self._resuming] if self._resuming else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _resume_repeatedly(self) -> None:
        while True:
            try:
                await self.resume()
            except Unavailable as error:
                logger.warning("unfinished files were not looked for: %s", error.message)
            except Exception:
                logger.exception("unfinished files were not looked for")
            await asyncio.sleep(RESUME_SECONDS)

    async def _check_stored(
        self, principal: Principal, request: AssemblyRequest, stored: StoredAssembly
    ) -> AssemblyStatus | None:
        """Return the response for a stored state, None if the file has to be assembled anew."""
        if stored.state is AssemblyState.OK:
            _, confirm = self._builders[request.kind]
            if confirm is None or await confirm(principal, request, stored.result):
                return AssemblyStatus(AssemblyState.OK, result=stored.result)
        elif stored.state.is_unfinished and not self._is_abandoned(stored):
            if request.chunks and not await self._store.add_parameters(principal, request):
                stored_now, _ = await self._store.look_up(principal, request)
                return await self._check_stored(principal, request, stored_now) if stored_now else None
            return await self._wait_for(principal, request, AssemblyStatus(stored.state, stored.detail))
        return None

    def _is_abandoned(self, stored: StoredAssembly) -> bool:
        if (stored.organization_id, stored.request.key) in self._jobs:
            return False
        owner = stored.owner
        if owner is None or owner == self._owner or has_ended(owner):
            return True
        return now() - stored.date_updated > ABANDONED_AFTER

    async def _begin(
        self, principal: Principal, request: AssemblyRequest, sizes: Mapping[str, int], stored: StoredAssembly | None
    ) -> AssemblyStatus | None:
        """Begin to assemble a file; None if another request or process has changed its state meanwhile."""
        if len(self._jobs) >= MAX_WAITING_JOBS or self._is_closing:
            raise Unavailable("Too many files are waiting to be assembled.")
        is_small = sum(sizes[chunk] for chunk in request.chunks) <= SMALL_FILE_BYTES
        state = AssemblyState.ASSEMBLING if is_small else AssemblyState.CREATED
        assembly_id: int | None
        if stored is None:
            assembly_id = await self._store.create(principal, request, state, self._owner)
        else:
            assembly_id = stored.id if await self._store.claim(stored, request, state, self._owner) else None
        if assembly_id is None:
            return None
        # The work ends even if the token is revoked meanwhile: its chunks were acknowledged.
        operator = Principal.operator(principal.organization_id, principal.organization_slug)
        self._start_job(_Job(assembly_id, operator, request, sizes))
        created = AssemblyStatus(AssemblyState.CREATED, is_new=True)
        return await self._wait_for(principal, request, created) if is_small else created

    async def _wait_for(self, principal: Principal, request: AssemblyRequest, status: AssemblyStatus) -> AssemblyStatus:
        """Return the state of a file after this process has assembled it, if it is small; else the state that is known."""
        job = self._jobs.get((principal.organization_id, request.key))
        if job is None or job.get_name() != "small":
            return status
        ready, _ = await asyncio.wait([job], timeout=REQUEST_SECONDS)
        if not ready:
            return status
        if job.cancelled():
            raise Unavailable
        return job.result()

    def _start_job(self, job: _Job) -> None:
        task = asyncio.ensure_future(self._run(job))
        task.set_name("small" if job.is_small else "large")
        self._jobs[job.key] = task
        task.add_done_callback(lambda _: self._forget_job(job.key, task))

    def _forget_job(self, key: tuple[int, tuple[str, str, str]], task: asyncio.Task[AssemblyStatus]) -> None:
        if self._jobs.get(key) is task:
            del self._jobs[key]
        if not task.cancelled():
            task.exception()  # it was logged; asyncio need not

    async def _run(self, job: _Job) -> AssemblyStatus:
        """Assemble and build a file. Raises Unavailable if it has to be tried again."""
        try:
            async with self._small if job.is_small else self._large:
                renewing = asyncio.ensure_future(self._renew_repeatedly(job))
                try:
                    return await self._assemble(job)
                finally:
                    renewing.cancel()
        except (Unavailable, asyncio.CancelledError):
            with contextlib.suppress(Unavailable):
                await self._store.release(job.principal, job.request)
            raise

    async def _assemble(self, job: _Job) -> AssemblyStatus:
        begin, failure = time.monotonic(), INTERNAL_ERROR
        build, _ = self._builders[job.request.kind]
        try:
            blob = await self._join_chunks(job)
            await build(job.principal, job.request, blob)
        except AssembleFailed as error:
            failure = error.detail
        except Unavailable as error:
            level = logging.ERROR if isinstance(error, NoSpaceLeft) else logging.WARNING
            logger.log(level, "assembling of %s %s is tried again: %s", *_describe(job.request), error.message)
            raise
        except Exception:
            logger.exception("assembling of %s %s failed", *_describe(job.request))
        else:
            seconds = time.monotonic() - begin
            _count(job.request, AssemblyState.OK, seconds)
            logger.info("assembled %s %s of %d bytes in %.3f s", *_describe(job.request), job.size, seconds)
            return AssemblyStatus(AssemblyState.OK)
        _count(job.request, AssemblyState.ERROR, time.monotonic() - begin)
        logger.warning("assembling of %s %s failed: %s", *_describe(job.request), failure)
        await self._store.fail(job.principal, job.request, failure)
        return AssemblyStatus(AssemblyState.ERROR, failure)

    async def _join_chunks(self, job: _Job) -> StoredBlob:
        """Store the bytes of all chunks in order as a blob. Raises AssembleFailed, Unavailable."""
        if job.size > self._max_file_size:
            name = job.request.parameters.get("name") or f"{job.request.kind}-{job.request.checksum}"
            raise AssembleFailed(f"File {name} exceeds maximum size ({job.size} > {self._max_file_size})")
        try:
            return await store_pieces(self._blobs, BlobKind.BLOB, self._stream_chunks(job), job.request.checksum)
        except BlobNotFound as error:
            await self._store.forget_chunk(job.principal.organization_id, error.sha1)
            raise AssembleFailed(CHUNKS_MISSING) from None
        except ChecksumMismatch:
            raise AssembleFailed(WRONG_CHECKSUM) from None

    async def _stream_chunks(self, job: _Job) -> AsyncIterator[bytes]:
        for chunk in job.request.chunks:
            async for piece in self._blobs.stream(BlobKind.CHUNK, chunk):
                yield piece

    async def _renew_repeatedly(self, job: _Job) -> None:
        if job.is_small:
            await asyncio.sleep(RENEW_SECONDS)
        while True:
            with contextlib.suppress(Unavailable):
                await self._store.renew(job.assembly_id)
            await asyncio.sleep(RENEW_SECONDS)


def _is_old_error(stored: StoredAssembly) -> bool:
    return now() - stored.date_updated > ERROR_LASTS


def _count(request: AssemblyRequest, state: AssemblyState, seconds: float) -> None:
    count_files("file_assemblies", state.value)
    count_files("file_assembly_seconds", request.kind.value, seconds)


def _describe(request: AssemblyRequest) -> tuple[str, str]:
    return request.kind.value, request.checksum
