"""Blobs as files of a local folder. A blob that was committed survives a power cut."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from gql_releases.blobs.writer import BlobWriter, Spool, translate_os_errors
from gql_releases.domain.blob import BlobEntry, BlobKind, BlobNotFound, ChecksumMismatch, StoredBlob, is_sha1

THREADS = 8
READ_BYTES = 256 * 1024
"""Bytes that a stream reads at a time."""
COMPARE_BYTES = 1024 * 1024
FOLDERS = 65536
"""Folders of a kind: two levels of 256."""

P = ParamSpec("P")
T = TypeVar("T")


class LocalBlobStore:
    """Stores blobs as `<kind>/ab/cd/<sha1>` below a folder, and what is being written in its `tmp/`.

    A file is written and synchronized in `tmp/`, then renamed, then its folder is synchronized: after a power cut there is
    the whole file or none, and never a file that was committed and is gone.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / "tmp"
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._durable_folders = {kind: bytearray(FOLDERS) for kind in BlobKind}

    @property
    def identity(self) -> str:
        """Two stores with the same identity are one."""
        return self._root.resolve().as_uri()

    @property
    def work_folder(self) -> Path:
        """The folder for temporary files."""
        return self._temporary

    async def begin(self, kind: BlobKind) -> BlobWriter:
        """Begin to write a blob. Raises NoSpaceLeft or Unavailable."""
        spool = await self._run(self._create_spool)

        return BlobWriter(spool, self._threads, functools.partial(self._store, kind))

    async def stat(self, kind: BlobKind, sha1: str) -> BlobEntry | None:
        """Return size and date of a blob, or None."""
        path = self._locate(kind, sha1)
        try:
            status = await self._run_for(kind, sha1, path.stat)
        except BlobNotFound:
            return None
        return _describe(sha1, status)

    async def open_reader(self, kind: BlobKind, sha1: str) -> BinaryIO:
        """Open a blob for reading in a thread, at any position. Raises BlobNotFound."""
        path = self._locate(kind, sha1)

        def open_file() -> BinaryIO:
            return path.open("rb")

        return await self._run_for(kind, sha1, open_file)

    async def stream(self, kind: BlobKind, sha1: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, without, `end`. Raises BlobNotFound."""
        file = await self.open_reader(kind, sha1)
        try:
            if start:
                await self._run(file.seek, start)
            position = start
            while end is None or position < end:
                length = READ_BYTES if end is None else min(READ_BYTES, end - position)
                piece = await self._run(file.read, length)
                if not piece:
                    break
                position += len(piece)
                yield piece
        finally:
            file.close()

    @contextlib.asynccontextmanager
    async def local_path(self, kind: BlobKind, sha1: str) -> AsyncIterator[Path]:
        """Yield the path of a blob on the local disk; it must not be changed. Raises BlobNotFound."""
        path = self._locate(kind, sha1)
        await self._run_for(kind, sha1, path.stat)
        yield path

    async def delete(self, kind: BlobKind, sha1: str, unless_newer_than: datetime | None = None) -> bool:
        """Delete a blob and return whether it was there; with a date, only if it was not stored again after it."""

        def delete() -> bool:
            path = self._locate(kind, sha1)
            # Without the lock a blob could be stored again between the comparison and the deletion.
            try:
                with self._lock(fcntl.LOCK_EX):
                    if unless_newer_than is not None and path.stat().st_mtime > unless_newer_than.timestamp():
                        return False
                    path.unlink()
            except FileNotFoundError:
                return False
            return True

        return await self._run(delete)

    async def list_blobs(self, kind: BlobKind) -> AsyncIterator[BlobEntry]:
        """Yield all blobs of a kind in the order of their SHA-1. Those that come and go meanwhile may be left out."""
        for name in await self._run(_list_folder, self._root / kind):
            for entry in await self._run(_list_entries, self._root / kind / name):
                yield entry

    async def sweep_temporary(self, older_than: timedelta) -> int:
        """Remove what writers left behind that ended without commit or abort; return the number of files."""

        def sweep() -> int:
            latest, count = time.time() - older_than.total_seconds(), 0
            for name in _list_folder(self._temporary):
                with contextlib.suppress(FileNotFoundError):
                    if (self._temporary / name).stat().st_mtime < latest:
                        (self._temporary / name).unlink()
                        count += 1
            return count

        return await self._run(sweep)

    async def check(self) -> None:
        """Check that files can be written. Raises NoSpaceLeft or Unavailable."""

        def check() -> None:
            spool = self._create_spool()
            try:
                spool.append([b"check"])
                spool.file.flush()
            finally:
                spool.remove()

        await self._run(check)

    async def close(self) -> None:
        """Wait for the threads and end them."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translate_os_errors():
            call = functools.partial(function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _run_for(self, kind: BlobKind, sha1: str, function: Callable[[], T]) -> T:
        def call() -> T:
            try:
                return function()
            except FileNotFoundError:
                raise BlobNotFound(kind, sha1) from None

        return await self._run(call)

    def _locate(self, kind: BlobKind, sha1: str) -> Path:
        if not is_sha1(sha1):
            raise ValueError("not a SHA-1")
        return self._root / kind / sha1[:2] / sha1[2:4] / sha1

    async def _store(self, kind: BlobKind, spool: Spool, blob: StoredBlob) -> None:
        await self._run(self._move_into_place, kind, spool, blob)

    def _move_into_place(self, kind: BlobKind, spool: Spool, blob: StoredBlob) -> None:
        spool.file.flush()
        os.fsync(spool.file.fileno())
        spool.file.close()
        path = self._locate(kind, blob.sha1)
        self._make_folder(kind, path.parent, int(blob.sha1[:4], 16))
        has_content = _has_content(path, spool.path, blob)
        with self._lock(fcntl.LOCK_SH):
            try:
                if has_content:
                    os.utime(path)  # whoever collects unused blobs sees that it was stored again
            except FileNotFoundError:  # and has just deleted it
                has_content = False
            if not has_content:
                os.replace(spool.path, path)
        # Also for a file that was there: the writer that renamed it may not have come to this line.
        _synchronize_folder(path.parent)

    def _make_folder(self, kind: BlobKind, folder: Path, number: int) -> None:
        """Create a folder and synchronize the entries that lead to it, once in this process."""
        if self._durable_folders[kind][number] and folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for parent in (folder.parent, folder.parent.parent, self._root):
            _synchronize_folder(parent)
        self._durable_folders[kind][number] = 1

    @contextlib.contextmanager
    def _lock(self, mode: int) -> Iterator[None]:
        """Hold the lock between storing and deleting, which all processes of this machine share, for some microseconds."""
        with (self._root / "lock").open("a") as file:
            fcntl.flock(file, mode)
            yield

    def _create_spool(self) -> Spool:
        if not self._temporary.is_dir():
            missing = [folder for folder in (self._temporary, *self._temporary.parents) if not folder.exists()]
            self._temporary.mkdir(parents=True, exist_ok=True)
            for folder in missing:
                _synchronize_folder(folder.parent)
        return Spool(self._temporary)


def _synchronize_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _has_content(path: Path, other: Path, blob: StoredBlob) -> bool:
    """Return whether a file has the content of another; False also for a damaged file, whose SHA-1 is not its name.

    Raises ChecksumMismatch if it has another content of the same SHA-1.
    """
    try:
        with path.open("rb") as stored:
            if os.fstat(stored.fileno()).st_size == blob.size and _are_equal(stored, other):
                return True
            stored.seek(0)
            is_damaged = hashlib.file_digest(stored, "sha1").hexdigest() != blob.sha1
    except FileNotFoundError:
        return False
    if not is_damaged:
        raise ChecksumMismatch
    return False


def _are_equal(file: BinaryIO, path: Path) -> bool:
    with path.open("rb") as other:
        while piece := file.read(COMPARE_BYTES):
            if piece != other.read(COMPARE_BYTES):
                return False
        return not other.read(1)


def _list_folder(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _list_entries(folder: Path) -> list[BlobEntry]:
    """Return the blobs below the first level of folders."""
    return [entry for name in _list_folder(folder) for entry in _scan(folder / name)]


def _scan(folder: Path) -> Iterator[BlobEntry]:
    for sha1 in _list_folder(folder):
        if is_sha1(sha1):
            with contextlib.suppress(FileNotFoundError):
                yield _describe(sha1, (folder / sha1).stat())


def _describe(sha1: str, status: os.stat_result) -> BlobEntry:
    return BlobEntry(sha1, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
