"""One worker process as the server sees it."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import gql_releases
from gql_releases.domain.errors import Unavailable
from gql_releases.symbolication.messages import LENGTH, MAX_MESSAGE_BYTES, READY

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 2.0
_PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP")
"""The only variables that a worker gets: the server's have passwords."""


class WorkerEnded(Exception):
    """The process ended, or did not respond in time and was killed."""


class WorkerProcess:
    """A running worker; one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.jobs = 0

    @classmethod
    async def start(cls, memory_bytes: int, cpu_seconds: int) -> WorkerProcess:
        """Start a worker. Raises Unavailable."""
        environment = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = str(Path(gql_releases.__file__).parents[1])
        environment["MALLOC_ARENA_MAX"] = "1"  # glibc reserves 128 MiB of address space for each arena
        module = "gql_releases.symbolication.worker"
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", module, str(memory_bytes), str(cpu_seconds)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C in a terminal is for the server, which then ends its workers
                cwd=sys.prefix,  # not a folder in which modules may be found
            )
        except OSError as error:
            raise Unavailable("The process that reads source maps cannot be started.") from error
        worker = cls(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                if await worker._read() == READY:
                    return worker
        except (WorkerEnded, TimeoutError):
            pass
        except asyncio.CancelledError:
            await worker.kill()
            raise
        await worker.kill()
        raise Unavailable("The process that reads source maps does not start.")

    @property
    def has_ended(self) -> bool:
        """Whether the process is known to have ended."""
        return self._process.returncode is not None

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    async def exchange(self, request: bytes, timeout_seconds: float) -> bytes:
        """Return the response to a request. Raises WorkerEnded; the process is then gone."""
        self.jobs += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                assert self._process.stdin is not None
                self._process.stdin.write(LENGTH.pack(len(request)) + request)
                await self._process.stdin.drain()
                return await self._read()
        except TimeoutError as error:
            await self.kill()
            raise WorkerEnded(f"no response in {timeout_seconds:g} s") from error
        except (WorkerEnded, OSError) as error:
            await self.kill()
            raise WorkerEnded(f"exit code {self.exit_code}") from error
        except asyncio.CancelledError:
            await self.kill()
            raise

    async def _read(self) -> bytes:
        assert self._process.stdout is not None
        try:
            (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
            if length > MAX_MESSAGE_BYTES:
                raise WorkerEnded("a response is too long")
            return await self._process.stdout.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise WorkerEnded("it ended") from error

    async def stop(self) -> None:
        """End the process after its last response."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End the process now."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
