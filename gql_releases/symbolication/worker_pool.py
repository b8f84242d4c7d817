"""The server's side of symbolication: worker processes that start at first use, a queue, deadlines, refused files."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gql_releases.domain.counters import count_files
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.native_symbolication import DebugObject, JavaFrame, NativeFrame, UnreadableDebugFile
from gql_releases.domain.symbolication import (
    FileNotProcessed,
    FrameProblemCode,
    InputFile,
    ResolvedPosition,
    ResolveFrames,
    SourceMapHeader,
    SymbolicationNotInstalled,
    frame_problem,
)
from gql_releases.symbolication.messages import (
    decode_message,
    decode_resolved_position,
    encode_file,
    encode_message,
    encode_resolve_frames,
    encode_text,
)
from gql_releases.symbolication.worker_process import WorkerEnded, WorkerProcess

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 10.0
SHARE_WITH_SCOPES = 0.6
"""The part of a job's time after which a map is parsed again without the functions of its source."""
JOBS_PER_WORKER = 200
MAX_WAITING_JOBS = 64
MAX_WAIT_SECONDS = 30.0
"""The time after which a job that waits for a worker is refused."""
REFUSAL_SECONDS = 600.0
MAX_REFUSED_FILES = 1000
IDLE_SECONDS = 300.0
"""A worker without jobs ends after this time, with the files that it keeps."""
MEMORY_BYTES = 1536 * 1024 * 1024
"""Address space of a worker."""

_BUSY = "Too many source maps and debug files wait to be read."
_CLOSED = "The server is shutting down."


def symbolic_is_installed() -> bool:
    """Return whether the library is installed, without loading it."""
    return importlib.util.find_spec("symbolic") is not None


@dataclass(frozen=True, slots=True)
class _Job:
    request: bytes
    key: tuple[str, ...]
    timeout_seconds: float
    response: asyncio.Future[bytes]
    wait_timer: asyncio.TimerHandle


class RefusedFiles:
    """Files that ended a worker; they are refused for some time."""

    def __init__(self, seconds: float, max_files: int = MAX_REFUSED_FILES) -> None:
        self._seconds, self._max_files = seconds, max_files
        self._expiries: dict[tuple[str, ...], float] = {}

    def add(self, key: tuple[str, ...]) -> None:
        """Refuse a file from now on; the oldest is accepted again if there are too many."""
        self._expiries.pop(key, None)
        while len(self._expiries) >= self._max_files:
            del self._expiries[next(iter(self._expiries))]
        self._expiries[key] = time.monotonic() + self._seconds

    def __contains__(self, key: tuple[str, ...]) -> bool:
        expiry = self._expiries.get(key)
        if expiry is None:
            return False
        if expiry <= time.monotonic():
            del self._expiries[key]
            return False
        return True


class WorkerPool:
    """Worker processes and the jobs that wait for them.

    Every method raises SymbolicationNotInstalled without the extra `files`, Unavailable if too many jobs wait or no
    worker starts, and FileNotProcessed if a worker ended or took too long on these files within the last ten minutes.
    A worker that ends fails only the job that it had.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        jobs_per_worker: int = JOBS_PER_WORKER,
        max_waiting_jobs: int = MAX_WAITING_JOBS,
        refusal_seconds: float = REFUSAL_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._worker_count = workers
        self._deadline_seconds = deadline_seconds
        self._jobs_per_worker = jobs_per_worker
        self._idle_seconds = idle_seconds
        self._memory_bytes = memory_bytes
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue(max_waiting_jobs)
        self._refused = RefusedFiles(refusal_seconds)
        self._runners: list[asyncio.Task[None]] = []
        self._is_closed = False

    def require_installed(self) -> None:
        """Raise SymbolicationNotInstalled without the extra `files`."""
        if not symbolic_is_installed():
            raise SymbolicationNotInstalled

    async def resolve_frames(self, job: ResolveFrames) -> tuple[ResolvedPosition, ...]:
        """Return the original position, or a problem, for each position of a job.

        A worker that ends or is late is the problem SYMBOLICATION_FAILED. A file on disk that cannot be read raises
        FileNotProcessed.
        """
        keys = (job.map.key if job.map else "", job.source.key if job.source else "")
        arguments = encode_resolve_frames(job)
        started = time.monotonic()
        scopes_seconds = self._deadline_seconds * SHARE_WITH_SCOPES
        if job.source is not None:
            with suppress(_FileRefused):
                result = await self._run(
                    "resolve_frames", ("scopes", *keys), {**arguments, "with_scopes": True}, scopes_seconds
                )
                return tuple(map(decode_resolved_position, result))
        seconds = self._deadline_seconds - min(time.monotonic() - started, scopes_seconds)
        try:
            result = await self._run("resolve_frames", ("map", *keys), {**arguments, "with_scopes": False}, seconds)
        except _FileRefused:
            problem = frame_problem(FrameProblemCode.SYMBOLICATION_FAILED)
            return (ResolvedPosition(problem=problem),) * len(job.positions)
        return tuple(map(decode_resolved_position, result))

    async def read_source_map_header(self, file: InputFile) -> SourceMapHeader:
        """Return the name and debug id that a source map has; None for what it does not have."""
        return SourceMapHeader(**await self._run_on_file("read_source_map_header", file))

    async def list_objects(self, file: InputFile) -> tuple[DebugObject, ...]:
        """Return the objects of a debug file. Raises UnreadableDebugFile."""
        values = await self._run_on_file("list_objects", file)
        return tuple(DebugObject(**{**value, "features": tuple(value["features"])}) for value in values)

    async def create_symcache(self, file: InputFile, debug_id: str | None, output_path: str) -> int:
        """Write the symbols of a debug file's object for `look_up_addresses`; return the size of the written file.

        Without a debug id it is the first object. Raises UnreadableDebugFile.
        """
        size = await self._run_on_file("create_symcache", file, debug_id=debug_id, output_path=output_path)
        assert isinstance(size, int)
        return size

    async def look_up_addresses(self, symcache: InputFile, addresses: Sequence[int]) -> tuple[tuple[NativeFrame, ...], ...]:
        """Return the functions at each address, relative to the image: the innermost first, none if nothing is there.

        Raises UnreadableDebugFile.
        """
        # As text: JSON's integers end at 64 bits.
        values = await self._run_on_file("look_up_addresses", symcache, addresses=[str(address) for address in addresses])
        return tuple(tuple(NativeFrame(**value) for value in frames) for frames in values)

    async def deobfuscate(self, mapping: InputFile, frames: Sequence[JavaFrame]) -> tuple[tuple[JavaFrame, ...], ...]:
        """Return the original frames of each obfuscated one: several if methods were inlined, none if its class is unknown.

        Raises UnreadableDebugFile.
        """
        rows = [[encode_text(frame.class_name), encode_text(frame.method), frame.line, None] for frame in frames]
        values = await self._run_on_file("deobfuscate", mapping, frames=rows)
        return tuple(tuple(JavaFrame(**value) for value in originals) for originals in values)

    async def close(self) -> None:
        """End all workers; jobs that wait raise Unavailable."""
        self._is_closed = True
        runners, self._runners = self._runners, []
        for runner in runners:
            runner.cancel()
        await asyncio.gather(*runners, return_exceptions=True)
        while not self._waiting.empty():
            job = self._waiting.get_nowait()
            job.wait_timer.cancel()
            _fail(job.response, Unavailable(_CLOSED))

    async def _run_on_file(self, operation: str, file: InputFile, **arguments: Any) -> Any:
        values = {"file": encode_file(file), **arguments}
        return await self._run(operation, (operation, file.key), values, self._deadline_seconds)

    async def _run(self, operation: str, key: tuple[str, ...], arguments: dict[str, Any], timeout_seconds: float) -> Any:
        """Return the result of an operation. `key` is refused for some time if the worker ends."""
        self.require_installed()
        if key in self._refused:
            raise _FileRefused
        request = encode_message({"operation": operation, **arguments})
        begin, outcome = time.monotonic(), "failed"
        try:
            response = decode_message(await self._submit(request, key, timeout_seconds))
            outcome = "ok" if response.get("error") in (None, "unreadable") else "failed"
        except WorkerEnded as error:
            raise _FileRefused from error
        except Unavailable:
            outcome = "refused"
            raise
        finally:
            count_files("symbolication_jobs", outcome)
            count_files("symbolication_seconds", outcome, time.monotonic() - begin)
        match response.get("error"):
            case None:
                return response["result"]
            case "unreadable":
                raise UnreadableDebugFile(response["message"])
            case "file":
                logger.error("symbolication worker cannot read %s: %s", ":".join(key[1:]), response["message"])
                raise FileNotProcessed("A stored file cannot be read.")
        self._refused.add(key)
        logger.warning("symbolication of %s %s failed: %s", operation, ":".join(key[1:]), response["message"])
        raise _FileRefused

    def _submit(self, request: bytes, key: tuple[str, ...], timeout_seconds: float) -> asyncio.Future[bytes]:
        """Queue a request and return the future of its response. Raises Unavailable."""
        if self._is_closed:
            raise Unavailable(_CLOSED)
        if self._waiting.full():
            raise Unavailable(_BUSY)
        loop = asyncio.get_running_loop()
        response: asyncio.Future[bytes] = loop.create_future()
        timer = loop.call_later(MAX_WAIT_SECONDS, _fail, response, Unavailable(_BUSY))
        self._waiting.put_nowait(_Job(request, key, timeout_seconds, response, timer))
        if len(self._runners) < self._worker_count:
            self._start_runner()
        return response

    def prepare(self) -> None:
        """Start a worker if there is none, for a job whose files are still to be read."""
        if not self._runners and not self._is_closed:
            self._start_runner()

    def _start_runner(self) -> None:
        self._runners.append(asyncio.create_task(self._run_jobs(), name="symbolication"))

    async def _run_jobs(self) -> None:
        """Run waiting jobs in one worker after another. Ends with its worker if there are none for some time."""
        worker: WorkerProcess | None = None
        try:
            if self._waiting.empty():
                with suppress(Unavailable):  # the job tries again, and reports it
                    worker = await self._start_worker()
            while True:
                try:
                    async with asyncio.timeout(self._idle_seconds):
                        job = await self._waiting.get()
                except TimeoutError:
                    runner = asyncio.current_task()
                    self._runners = [other for other in self._runners if other is not runner]
                    count_files("symbolication_worker_exits", "idle")
                    return
                job.wait_timer.cancel()
                if not job.response.done():
                    worker = await self._run_job(worker, job)
        finally:
            if worker is not None:
                await worker.stop()

    async def _start_worker(self) -> WorkerProcess:
        return await WorkerProcess.start(self._memory_bytes, cpu_seconds=int(2 * self._deadline_seconds) + 1)

    async def _run_job(self, worker: WorkerProcess | None, job: _Job) -> WorkerProcess | None:
        """Run a job and return the worker for the next one."""
        try:
            if worker is not None and (worker.has_ended or worker.jobs >= self._jobs_per_worker):
                count_files("symbolication_worker_exits", "failed" if worker.has_ended else "recycled")
                await worker.stop()
                worker = None
            if worker is None:
                worker = await self._start_worker()
            response = await worker.exchange(job.request, job.timeout_seconds)
        except WorkerEnded as error:
            count_files("symbolication_worker_exits", "failed")
            # Also if nobody waits for the response any more.
            self._refused.add(job.key)
            logger.warning("symbolication worker ended on %s: %s", ":".join(job.key), error)
            _fail(job.response, error)
            return None
        except Unavailable as error:
            logger.error("%s", error.message)
            _fail(job.response, error)
            return None
        except BaseException:
            _fail(job.response, Unavailable(_CLOSED))
            raise
        if not job.response.done():
            job.response.set_result(response)
        return worker


class _FileRefused(FileNotProcessed):
    """A worker ended on this file, now or before."""

    def __init__(self) -> None:
        super().__init__("The file could not be processed; it is tried again in ten minutes.")


def _fail(response: asyncio.Future[bytes], error: Exception) -> None:
    if not response.done():
        response.set_exception(error)
