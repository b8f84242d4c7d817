"""Writes a blob to a temporary file and hashes it, in threads: the event loop does no file operation and no hashing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gql_releases.domain.blob import ChecksumMismatch, StoredBlob
from gql_releases.domain.errors import NoSpaceLeft, Unavailable

BUFFER_BYTES = 256 * 1024
"""Bytes that a writer collects before it passes them to a thread, which costs about 0.1 ms."""
UNAVAILABLE = "The store of files is not available at the moment; nothing was changed."

T = TypeVar("T")


@contextlib.contextmanager
def translate_os_errors() -> Iterator[None]:
    """Raise NoSpaceLeft where the disk or the quota of the user is full, and Unavailable for other errors of the system."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpaceLeft from error
        raise Unavailable(UNAVAILABLE) from error


class Spool:
    """A temporary file with a random name, the hashes and the size of what was written to it. For use in threads."""

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self.path = folder / f"{prefix}{secrets.token_hex(16)}"
        self.file = self._create(folder)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self.size = 0

    def append(self, pieces: list[bytes]) -> None:
        """Write and hash some bytes."""
        for piece in pieces:
            self.file.write(piece)
            self._sha1.update(piece)
            self._sha256.update(piece)
            self.size += len(piece)

    def describe(self) -> StoredBlob:
        """Return the hashes and the size of what was written."""
        return StoredBlob(self._sha1.hexdigest(), self._sha256.hexdigest(), self.size)

    def remove(self) -> None:
        """Close and remove the file. Bytes that could not be written are given up."""
        with contextlib.suppress(OSError):
            self.file.close()
        self.path.unlink(missing_ok=True)

    def _create(self, folder: Path) -> BufferedWriter:
        try:
            return self.path.open("xb")
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            return self.path.open("xb")


class BlobWriter:
    """Writes one blob. As an async context manager it aborts at the end unless it was committed.

    Memory is bounded by BUFFER_BYTES and the largest piece. One task uses it at a time.
    """

    def __init__(
        self, spool: Spool, threads: Executor, store: Callable[[Spool, StoredBlob], Coroutine[None, None, None]]
    ) -> None:
        """Take the temporary file and the function that stores it under its final name."""
        self._spool, self._threads, self._store = spool, threads, store
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._running: asyncio.Future[None] | None = None
        self._is_closed = False
        self.size = 0
        """Bytes written so far."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.abort()

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write some bytes. Raises NoSpaceLeft or Unavailable."""
        if self._is_closed:
            raise ValueError("the writer is closed")
        piece = bytes(data)
        self._pieces.append(piece)
        self._buffered += len(piece)
        self.size += len(piece)
        if self._buffered >= BUFFER_BYTES:
            await self._flush()

    async def commit(self, expected_sha1: str | None = None) -> StoredBlob:
        """Store the blob durably and return it.

        Raises ChecksumMismatch if the bytes have another SHA-1 than expected, or if another content of this SHA-1 is
        stored; NoSpaceLeft; Unavailable. After an error nothing is stored.
        """
        if self._is_closed:
            raise ValueError("the writer is closed")
        try:
            await self._flush()
            blob = self._spool.describe()
            if expected_sha1 is not None and expected_sha1 != blob.sha1:
                raise ChecksumMismatch
            await self._finish(asyncio.ensure_future(self._store(self._spool, blob)))
            return blob
        finally:
            await self.abort()

    async def abort(self) -> None:
        """Remove the temporary file. Does nothing after a commit or an earlier call."""
        if self._is_closed:
            return
        self._is_closed = True
        self._pieces.clear()
        if self._running is not None:
            # What a thread does is not cancelled with the task that waits for it.
            await asyncio.wait([self._running])
            _ = self._running.cancelled() or self._running.exception()
        with translate_os_errors():
            await asyncio.get_running_loop().run_in_executor(self._threads, self._spool.remove)

    async def _flush(self) -> None:
        pieces, self._pieces, self._buffered = self._pieces, [], 0
        if not pieces:
            return
        await self._finish(asyncio.get_running_loop().run_in_executor(self._threads, self._spool.append, pieces))

    async def _finish(self, operation: asyncio.Future[None]) -> None:
        self._running = operation
        with translate_os_errors():
            await asyncio.shield(operation)
        self._running = None
