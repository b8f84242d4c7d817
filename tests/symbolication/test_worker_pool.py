"""The pool of workers: hostile files fail alone, deadlines, the queue, refused files, recycling."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import uvloop

from gql_releases.domain.errors import ErrorCode, Unavailable
from gql_releases.domain.native_symbolication import UnreadableDebugFile
from gql_releases.domain.symbolication import (
    FileNotProcessed,
    FrameProblemCode,
    InputFile,
    Position,
    ResolvedPosition,
    ResolveFrames,
    SymbolicationNotInstalled,
)
from gql_releases.symbolication import worker_pool
from gql_releases.symbolication.worker_pool import RefusedFiles, WorkerPool
from gql_releases.symbolication.worker_process import WorkerProcess
from tests.scale import scale
from tests.source_maps import SCRIPT, dump_map
from tests.symbolication.test_source_maps import as_file, with_pool

THROW = Position(1, 29, "c")
DEEP_SCRIPT = b"(" * 100_000
"""Overflows the stack of the parser of minified sources."""


def make_job(source_map: bytes, source: bytes | None = SCRIPT) -> ResolveFrames:
    return ResolveFrames(as_file(source_map), as_file(source) if source is not None else None, (THROW,), 1)


async def resolve(pool: WorkerPool, source_map: bytes, source: bytes | None = SCRIPT) -> ResolvedPosition:
    (position,) = await pool.resolve_frames(make_job(source_map, source))
    return position


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[WorkerProcess]:
    """Return a list of the workers that are started."""
    processes: list[WorkerProcess] = []
    start = WorkerProcess.start

    async def start_and_note(memory_bytes: int, cpu_seconds: int) -> WorkerProcess:
        processes.append(await start(memory_bytes, cpu_seconds))
        return processes[-1]

    monkeypatch.setattr(WorkerProcess, "start", start_and_note)
    return processes


async def wait_until(condition: Callable[[], object]) -> None:
    """Return when a condition holds; it fails after 10 seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the state of a process
            await asyncio.sleep(0.01)


def is_running(worker: WorkerProcess) -> bool:
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return False
    return True


def read_process_file(worker: WorkerProcess, name: str) -> bytes:
    return Path(f"/proc/{worker.pid}/{name}").read_bytes()


def test_nested_functions_are_parsed(workers: list[WorkerProcess]) -> None:
    """2,000 of them overflow a stack of 8 MiB."""
    script = SCRIPT.splitlines()[0] + b"(function(){" * 5_000 + b"})" * 5_000
    position = with_pool(lambda pool: resolve(pool, dump_map(), script))
    assert position.function == "checkout"
    assert len(workers) == 1


def test_a_script_that_ends_the_worker_is_resolved_without_its_functions(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        for _ in range(3):
            position = await resolve(pool, dump_map(), DEEP_SCRIPT)
            assert (position.line, position.column, position.function, position.problem) == (3, 5, None, None)
        assert (await resolve(pool, dump_map())).function == "checkout"

    with_pool(work)
    assert len(workers) == 2, "the script is parsed once"
    assert not any(map(is_running, workers))


def test_other_jobs_go_on_beside_hostile_ones(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        hostile = [resolve(pool, dump_map(), DEEP_SCRIPT + b" " * number) for number in range(3)]
        usual = [resolve(pool, dump_map(file=str(number))) for number in range(10)]
        positions = await asyncio.gather(
            *[job for pair in zip(usual, [*hostile, *usual[3:]], strict=False) for job in dict.fromkeys(pair)]
        )
        assert {position.line for position in positions} == {3}

    with_pool(work)
    assert len(workers) == 4


def change_bytes(content: bytes, generator: random.Random) -> bytes:
    """Return a file with a few bytes changed, removed or doubled."""
    changed = bytearray(content)
    for _ in range(generator.randint(1, 8)):
        position = generator.randrange(len(changed))
        match generator.randrange(4):
            case 0:
                changed[position] = generator.randrange(256)
            case 1:
                del changed[position : position + generator.randint(1, 20)]
            case 2:
                changed[position:position] = changed[position : position + generator.randint(1, 50)]
            case _:
                changed[position:position] = generator.choice(
                    [b'"', b"{", b"[", b";", b",", b"gggggggggg", b"\xff", b"99999999999"]
                )
    return bytes(changed)


def test_changed_maps_and_scripts_have_an_answer() -> None:
    generator = random.Random(7)

    async def work(pool: WorkerPool) -> None:
        for _ in range(scale(100, 3000)):
            position = await resolve(pool, change_bytes(dump_map(), generator), change_bytes(SCRIPT, generator))
            assert (position.problem is None) != (position.line is None)
        assert (await resolve(pool, dump_map())).function == "checkout"

    with_pool(work)


@pytest.mark.parametrize(
    "source_map",
    [
        dump_map(mappings="A" * 5_000_000),
        dump_map(mappings=";" * 5_000_000),
        dump_map(mappings="gggggg" * 1_000_000),
        dump_map(mappings="AAAA," * 1_000_000 + "AAAA"),
        dump_map(sources=["a"] * 500_000, sourcesContent=[""] * 500_000),
        dump_map(names=["\U0001f4a5" * 1_000] * 500),
        dump_map(mappings="+/////D,+/////D,+/////D,+/////D"),
    ],
    ids=["one number", "lines", "continued", "tokens", "sources", "names", "large columns"],
)
def test_huge_maps_have_an_answer(source_map: bytes) -> None:
    async def work(pool: WorkerPool) -> None:
        position = await resolve(pool, source_map)
        assert (position.problem is None) != (position.line is None)
        assert (await resolve(pool, dump_map())).function == "checkout"

    with_pool(work)


def test_a_file_that_takes_more_memory_than_a_worker_has_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_bytes(dump_map(mappings="AAAA," * 6_000_000 + "AAAA"))

    async def work(pool: WorkerPool) -> None:
        (position,) = await pool.resolve_frames(ResolveFrames(InputFile("m", str(path)), None, (THROW,)))
        assert position.problem is not None
        assert position.problem.code is FrameProblemCode.SYMBOLICATION_FAILED
        assert (await resolve(pool, dump_map())).function == "checkout"

    with_pool(work, memory_bytes=448 * 1024 * 1024)


def test_files_above_the_limits_are_not_parsed(tmp_path: Path, workers: list[WorkerProcess]) -> None:
    """They are sparse files: nothing of the kind is parsed within the memory of a worker."""
    for name, size in (("map", 256 * 2**20 + 1), ("source", 64 * 2**20 + 1)):
        with open(tmp_path / name, "wb") as file:
            file.truncate(size)

    async def work(pool: WorkerPool) -> None:
        (position,) = await pool.resolve_frames(ResolveFrames(InputFile("m", str(tmp_path / "map")), None, (THROW,)))
        assert position.problem is not None
        assert position.problem.code is FrameProblemCode.SYMBOLICATION_FAILED
        assert "larger than 256 MiB" in position.problem.message
        source = InputFile("s", str(tmp_path / "source"))
        (position,) = await pool.resolve_frames(ResolveFrames(as_file(dump_map()), source, (THROW,)))
        assert (position.line, position.function) == (3, None)

    with_pool(work)
    assert len(workers) == 1


def block(path: Path) -> InputFile:
    """Return a file whose reading does not end: a pipe that nobody writes to."""
    os.mkfifo(path)
    return InputFile(path.name, str(path))


def test_a_late_worker_is_ended_and_its_file_refused(tmp_path: Path, workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        late = block(tmp_path / "late")
        for seconds in (5.0, 0.1):
            begun = time.monotonic()
            with pytest.raises(FileNotProcessed, match="ten minutes"):
                await pool.read_source_map_header(late)
            assert time.monotonic() - begun < seconds
        assert not is_running(workers[0])
        assert (await pool.read_source_map_header(as_file(dump_map()))).file == "cart.min.js"

    with_pool(work, deadline_seconds=1.0)
    assert len(workers) == 2


def test_both_attempts_at_a_map_share_the_deadline(tmp_path: Path) -> None:
    async def work(pool: WorkerPool) -> None:
        late = block(tmp_path / "late")
        job = ResolveFrames(late, as_file(SCRIPT), (THROW, THROW))
        begun = time.monotonic()
        for position in await pool.resolve_frames(job):
            assert position.problem is not None
            assert position.problem.code is FrameProblemCode.SYMBOLICATION_FAILED
        assert 1.0 <= time.monotonic() - begun < 5.0
        begun = time.monotonic()
        await pool.resolve_frames(job)
        assert time.monotonic() - begun < 0.1

    with_pool(work, deadline_seconds=1.0)


def test_a_refused_file_is_tried_again_later(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        await resolve(pool, dump_map(), DEEP_SCRIPT)
        assert len(workers) == 2, "one ended, one resolved the frame"
        await asyncio.sleep(0.2)
        await resolve(pool, dump_map(), DEEP_SCRIPT)

    with_pool(work, refusal_seconds=0.1)
    assert len(workers) == 3


def test_refused_files_are_bounded_and_expire() -> None:
    refused = RefusedFiles(3600, max_files=2)
    for key in ("a", "b", "a", "c"):
        refused.add((key,))
    assert [(key,) in refused for key in "abc"] == [True, False, True]
    refused = RefusedFiles(0)
    refused.add(("a",))
    assert ("a",) not in refused


def test_more_jobs_than_may_wait_are_refused(tmp_path: Path) -> None:
    async def work(pool: WorkerPool) -> None:
        running = asyncio.create_task(pool.read_source_map_header(block(tmp_path / "late")))
        await asyncio.sleep(0)
        await wait_until(lambda: not pool._waiting.qsize())
        waiting = [asyncio.create_task(resolve(pool, dump_map())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="Too many"):
            await resolve(pool, dump_map())
        with pytest.raises(FileNotProcessed):
            await running
        assert [(await job).line for job in waiting] == [3, 3]

    with_pool(work, deadline_seconds=1.0, max_waiting_jobs=2)


def test_a_job_that_waits_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "MAX_WAIT_SECONDS", 0.2)

    async def work(pool: WorkerPool) -> None:
        running = asyncio.create_task(pool.read_source_map_header(block(tmp_path / "late")))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="Too many"):
            await resolve(pool, dump_map())
        with pytest.raises(FileNotProcessed):
            await running
        assert (await resolve(pool, dump_map())).line == 3

    with_pool(work, deadline_seconds=2.0)


def test_a_caller_that_gives_up_does_not_disturb_the_worker(workers: list[WorkerProcess], tmp_path: Path) -> None:
    async def work(pool: WorkerPool) -> None:
        late = block(tmp_path / "late")
        running = asyncio.create_task(pool.read_source_map_header(late))
        waiting = asyncio.create_task(resolve(pool, dump_map(), DEEP_SCRIPT))
        await wait_until(lambda: workers)
        running.cancel()
        waiting.cancel()
        assert (await resolve(pool, dump_map())).line == 3
        with pytest.raises(FileNotProcessed):
            await asyncio.wait_for(pool.read_source_map_header(late), 0.1)

    with_pool(work, deadline_seconds=1.0)
    assert len(workers) == 2


def test_a_worker_is_replaced_after_some_jobs(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        for _ in range(5):
            await resolve(pool, dump_map())

    with_pool(work, jobs_per_worker=2)
    assert [worker.jobs for worker in workers] == [2, 2, 1]
    assert not any(map(is_running, workers))


def test_a_worker_without_jobs_ends(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        await resolve(pool, dump_map())
        await wait_until(lambda: not is_running(workers[0]))
        await resolve(pool, dump_map())

    with_pool(work, idle_seconds=0.1)
    assert len(workers) == 2
    assert workers[0].exit_code == 0


def test_a_worker_that_was_ended_between_jobs_is_replaced(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        await resolve(pool, dump_map())
        os.kill(workers[0].pid, signal.SIGKILL)
        await wait_until(lambda: workers[0].has_ended)
        assert (await pool.read_source_map_header(as_file(dump_map()))).file == "cart.min.js"

    with_pool(work)
    assert len(workers) == 2


def test_several_workers_run_jobs_at_the_same_time(tmp_path: Path, workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        running = asyncio.create_task(pool.read_source_map_header(block(tmp_path / "late")))
        await asyncio.sleep(0)
        assert (await resolve(pool, dump_map())).line == 3
        assert not running.done()
        await wait_until(lambda: len(workers) == 2)
        running.cancel()

    with_pool(work, workers=2)
    assert len(workers) == 2
    assert not any(map(is_running, workers))


def test_closing_ends_workers_and_waiting_jobs(tmp_path: Path, workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> None:
        running = asyncio.create_task(pool.read_source_map_header(block(tmp_path / "late")))
        waiting = asyncio.create_task(resolve(pool, dump_map()))
        await wait_until(lambda: workers)
        await pool.close()
        for job in (running, waiting):
            with pytest.raises(Unavailable, match="shutting down"):
                await job
        with pytest.raises(Unavailable, match="shutting down"):
            await resolve(pool, dump_map())

    with_pool(work)
    assert not any(map(is_running, workers))


def test_closing_while_a_worker_answers_that_it_is_ready_ends_it(
    workers: list[WorkerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`asyncio.wait_for` of Python 3.11 lost the cancellation: the worker then waited five minutes for a job."""
    read = WorkerProcess._read
    closing: list[asyncio.Task[None]] = []

    async def work(pool: WorkerPool) -> None:
        async def read_and_close(worker: WorkerProcess) -> bytes:
            message = await read(worker)
            asyncio.get_running_loop().call_soon(lambda: closing.append(asyncio.create_task(pool.close())))
            return message

        monkeypatch.setattr(WorkerProcess, "_read", read_and_close)
        pool.prepare()
        await wait_until(lambda: closing)
        async with asyncio.timeout(5):
            await closing[0]

    with_pool(work)
    assert not any(map(is_running, workers))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_worker_gets_no_secrets_and_no_open_files_of_the_server(
    run: Callable[[Coroutine[None, None, None]], None],
    monkeypatch: pytest.MonkeyPatch,
    workers: list[WorkerProcess],
) -> None:
    monkeypatch.setenv("GQL_RELEASES_DATABASE_URL", "postgresql://user:password@127.0.0.1/db")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.set_inheritable(True)

    async def work() -> None:
        pool = WorkerPool()
        assert (await resolve(pool, dump_map(), DEEP_SCRIPT)).line == 3
        assert (await resolve(pool, dump_map())).function == "checkout"
        process = f"/proc/{workers[-1].pid}"
        assert b"GQL_RELEASES" not in read_process_file(workers[-1], "environ")
        assert sorted(os.listdir(f"{process}/fd")) == ["0", "1", "2", "3"]
        assert os.getsid(workers[-1].pid) != os.getsid(0)
        await pool.close()

    with listener:
        run(work())
    assert len(workers) == 2
    assert not any(map(is_running, workers))


def test_a_worker_has_limits(workers: list[WorkerProcess]) -> None:
    async def work(pool: WorkerPool) -> dict[str, list[str]]:
        await resolve(pool, dump_map())
        lines = read_process_file(workers[0], "limits").decode().splitlines()
        return {line[:25].strip(): line[25:].split() for line in lines}

    limits = with_pool(work)
    assert limits["Max address space"][:2] == [str(1536 * 2**20)] * 2
    assert limits["Max core file size"][:2] == ["0", "0"]
    assert 20 <= int(limits["Max cpu time"][0]) < 30


def test_a_worker_that_does_not_start_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(pool: WorkerPool) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("sys.executable", "/bin/false")
            with pytest.raises(Unavailable, match="does not start"):
                await resolve(pool, dump_map())
            patch.setattr("sys.executable", "/nonexistent/python")
            with pytest.raises(Unavailable, match="cannot be started"):
                await resolve(pool, dump_map())
        assert (await resolve(pool, dump_map())).line == 3

    with_pool(work)


CALLS: list[Callable[[WorkerPool, InputFile], object]] = [
    lambda pool, file: pool.read_source_map_header(file),
    lambda pool, file: pool.resolve_frames(ResolveFrames(file, None, (THROW,))),
    lambda pool, file: pool.list_objects(file),
    lambda pool, file: pool.create_symcache(file, None, "/nonexistent/cache"),
    lambda pool, file: pool.look_up_addresses(file, [1]),
    lambda pool, file: pool.deobfuscate(file, []),
]


def test_a_file_that_is_not_on_disk_is_not_refused_later(tmp_path: Path, workers: list[WorkerProcess]) -> None:
    file = InputFile("absent", str(tmp_path / "absent"))

    async def work(pool: WorkerPool) -> None:
        for call in CALLS:
            with pytest.raises(FileNotProcessed, match="cannot be read"):
                await call(pool, file)  # type: ignore[misc]
        (tmp_path / "absent").write_bytes(dump_map())
        assert (await pool.read_source_map_header(file)).file == "cart.min.js"
        with pytest.raises(UnreadableDebugFile):
            await pool.list_objects(file)

    with_pool(work)
    assert len(workers) == 1


def test_without_the_extra_every_call_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "symbolic_is_installed", lambda: False)

    async def work(pool: WorkerPool) -> None:
        for call in CALLS:
            with pytest.raises(SymbolicationNotInstalled) as raised:
                await call(pool, as_file(dump_map()))  # type: ignore[misc]
            assert raised.value.code is ErrorCode.NOT_INSTALLED

    with_pool(work)


def test_the_server_does_not_load_the_library() -> None:
    assert worker_pool.symbolic_is_installed()
    code = "import sys, gql_releases.app, gql_releases.symbolication.worker_pool; print('symbolic' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout == "False\n"
