"""Uploaded files on the local disk: blobs, and the files in bundles, of which copies are kept."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from gql_releases.blobs.archive import Archive
from gql_releases.blobs.local_copies import LocalCopies
from gql_releases.domain.blob import BlobKind, BlobNotFound
from gql_releases.domain.bundle import InvalidBundle
from gql_releases.domain.uploaded_files import FileUnreadable

logger = logging.getLogger(__name__)

COPY_BYTES = 512 * 1024 * 1024
"""Bytes of the copies of files in bundles."""
THREADS = 2


class ReadableBlobs(Protocol):
    """The methods of a store of blobs that reading needs."""

    @property
    def work_folder(self) -> Path: ...

    async def open_reader(self, kind: BlobKind, sha1: str) -> BinaryIO: ...

    def local_path(self, kind: BlobKind, sha1: str) -> AbstractAsyncContextManager[Path]: ...


class StoredFileReader:
    """Opens stored files by path. Files in bundles are copied to the store's work folder, up to a number of bytes."""

    def __init__(self, store: ReadableBlobs, copy_bytes: int = COPY_BYTES) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="file-reader")
        self._copies = LocalCopies(store.work_folder, copy_bytes, self._threads)

    @asynccontextmanager
    async def open_file(self, blob: str, path: str | None) -> AsyncIterator[Path]:
        """Yield the path on this machine of a blob, or of a file in the archive that the blob is. Raises FileUnreadable."""
        if path is None:
            try:
                async with self._store.local_path(BlobKind.BLOB, blob) as local_path:
                    yield local_path
            except BlobNotFound as error:
                raise _unreadable(error) from error
            return
        name = hashlib.sha256(f"{blob}/{path}".encode("utf-8", "surrogatepass")).hexdigest()
        async with self._copies.open_copy(name, functools.partial(self._extract, blob, path)) as local_path:
            yield local_path

    async def read_part(self, path: Path, start: int, size: int) -> bytes:
        """Return bytes of a file; a negative start counts from its end."""

        def read() -> bytes:
            with path.open("rb") as file:
                if start < 0:
                    file.seek(max(0, os.fstat(file.fileno()).st_size + start))
                else:
                    file.seek(start)
                return file.read(size)

        return await asyncio.get_running_loop().run_in_executor(self._threads, read)

    async def close(self) -> None:
        """Remove the copies."""
        await self._copies.clear()
        self._threads.shutdown()

    async def _extract(self, blob: str, path: str, target: Path) -> int:
        """Write a file of an archive and return its size."""
        try:
            file = await self._store.open_reader(BlobKind.BLOB, blob)
        except BlobNotFound as error:
            raise _unreadable(error) from error
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _write_member, file, path, target)
        except InvalidBundle as error:
            raise _unreadable(error) from error


class NoStoredFiles:
    """The reader of a server without a store of files."""

    @asynccontextmanager
    async def open_file(self, blob: str, path: str | None) -> AsyncIterator[Path]:
        """Raise FileUnreadable."""
        raise FileUnreadable("this server has no store of files")
        yield Path()

    async def read_part(self, path: Path, start: int, size: int) -> bytes:
        """Raise FileUnreadable."""
        raise FileUnreadable("this server has no store of files")

    async def close(self) -> None:
        """Do nothing."""


def _write_member(file: BinaryIO, path: str, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with Archive(file) as archive, target.open("wb") as output:
        for piece in archive.stream_member(path):
            size += output.write(piece)
    return size


def _unreadable(error: Exception) -> FileUnreadable:
    logger.error("a stored file cannot be read: %s", error)
    return FileUnreadable(str(error))
