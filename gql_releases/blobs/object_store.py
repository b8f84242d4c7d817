"""Blobs as objects of S3, Google Cloud Storage or Azure, through obstore."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError
from obstore.store import from_url

from gql_releases.blobs.local_copies import LocalCopies
from gql_releases.blobs.writer import UNAVAILABLE, BlobWriter, Spool, translate_os_errors
from gql_releases.domain.blob import BlobEntry, BlobKind, BlobNotFound, ChecksumMismatch, StoredBlob, is_sha1
from gql_releases.domain.errors import NoSpaceLeft, Unavailable

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

THREADS = 8
CONCURRENT_UPLOADS = 6
SINGLE_PUT_BYTES = 8 * 1024 * 1024
"""Larger blobs are uploaded in parts. At most CONCURRENT_UPLOADS of this size are in memory."""
PART_BYTES = 5 * 1024 * 1024
READ_BYTES = 256 * 1024
READER_BYTES = 1024 * 1024
"""Bytes that a reader fetches at a time."""
RENEW_AFTER = timedelta(minutes=10)
"""Age from which an object is written again when it is stored again, so that it is not collected as unused."""
FULL = ("StorageFull", "InsufficientCapacity", "507 Insufficient Storage")
"""What errors of an object store that is full have in their text."""
RETRIES = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}

P = ParamSpec("P")
T = TypeVar("T")


class ObjectBlobStore:
    """Stores blobs as `<kind>/ab/cd/<sha1>` in a bucket.

    The name of an object is known only when all of its bytes are: they are collected in a file of the work folder first.
    Multipart uploads of a process that was killed stay in the bucket: a lifecycle rule of the bucket has to remove them.
    """

    def __init__(self, url: str, options: Mapping[str, str], work_folder: Path, copy_bytes: int) -> None:
        config: dict[str, Any] = dict(options)
        endpoint = next((value for key, value in config.items() if key.removeprefix("aws_").startswith("endpoint")), "")
        client = {"allow_http": "true"} if endpoint.startswith("http://") else {}
        self._store: ObjectStore = from_url(url, config=config, client_options=client, retry_config=RETRIES)  # type: ignore[call-overload]
        self._identity = f"{url.rstrip('/')} {endpoint.rstrip('/')}".rstrip()
        self._work_folder = work_folder
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._uploads = asyncio.Semaphore(CONCURRENT_UPLOADS)
        self._copies = LocalCopies(work_folder, copy_bytes, self._threads)

    @property
    def identity(self) -> str:
        """Two stores with the same identity are one."""
        return self._identity

    @property
    def work_folder(self) -> Path:
        """The folder for temporary files."""
        return self._work_folder

    async def begin(self, kind: BlobKind) -> BlobWriter:
        """Begin to write a blob. Raises NoSpaceLeft or Unavailable."""
        spool = await self._run(Spool, self._work_folder, "spool-")
        return BlobWriter(spool, self._threads, functools.partial(self._upload, kind))

    async def stat(self, kind: BlobKind, sha1: str) -> BlobEntry | None:
        """Return size and date of a blob, or None."""
        try:
            with _translate_errors(kind, sha1):
                return _describe(await obstore.head_async(self._store, _locate(kind, sha1)))
        except BlobNotFound:
            return None

    async def open_reader(self, kind: BlobKind, sha1: str) -> BinaryIO:
        """Open a blob for reading in a thread, at any position. Raises BlobNotFound."""
        entry = await self.stat(kind, sha1)
        if entry is None:
            raise BlobNotFound(kind, sha1)
        return io.BufferedReader(_ObjectFile(self._store, kind, entry), READER_BYTES)

    async def stream(self, kind: BlobKind, sha1: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, without, `end`. Raises BlobNotFound."""
        options: dict[str, Any] = {}
        if start or end is not None:
            entry = await self.stat(kind, sha1)
            if entry is None:
                raise BlobNotFound(kind, sha1)
            end = entry.size if end is None else min(end, entry.size)
            if start >= end:
                return
            options["range"] = (start, end)
        with _translate_errors(kind, sha1):
            result = await obstore.get_async(self._store, _locate(kind, sha1), options=options)  # type: ignore[arg-type]
            async for piece in result.stream(min_chunk_size=READ_BYTES):
                yield bytes(piece)

    @contextlib.asynccontextmanager
    async def local_path(self, kind: BlobKind, sha1: str) -> AsyncIterator[Path]:
        """Yield the path of a copy on the local disk; it must not be changed. Raises BlobNotFound."""
        _locate(kind, sha1)
        async with self._copies.open_copy(f"{kind}-{sha1}", functools.partial(self._download, kind, sha1)) as path:
            yield path

    async def delete(self, kind: BlobKind, sha1: str, unless_newer_than: datetime | None = None) -> bool:
        """Delete a blob and return whether it was there; with a date, only if it was not stored again after it."""
        entry = await self.stat(kind, sha1)
        if entry is None or (unless_newer_than is not None and entry.last_modified > unless_newer_than):
            return False
        try:
            with _translate_errors(kind, sha1):
                await obstore.delete_async(self._store, _locate(kind, sha1))
        except BlobNotFound:
            return False
        return True

    async def list_blobs(self, kind: BlobKind) -> AsyncIterator[BlobEntry]:
        """Yield all blobs of a kind in the order of their SHA-1. Those that come and go meanwhile may be left out."""
        with _translate_errors(kind):
            async for batch in obstore.list(self._store, str(kind), chunk_size=1000):
                for meta in batch:
                    entry = _describe(meta)
                    if is_sha1(entry.sha1):
                        yield entry

    async def sweep_temporary(self, older_than: timedelta) -> int:
        """Remove from the work folder what ended processes left behind; return the number of files."""

        def sweep() -> int:
            latest, count = time.time() - older_than.total_seconds(), 0
            for path in self._work_folder.glob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if path.name.startswith(("spool-", "copy-")) and path.stat().st_mtime < latest:
                        path.unlink()
                        count += 1
            return count

        return await self._run(sweep)

    async def check(self) -> None:
        """Check that objects can be written. Raises NoSpaceLeft or Unavailable."""
        with _translate_errors():
            await obstore.put_async(self._store, "tmp/check", b"check", use_multipart=False)

    async def close(self) -> None:
        """Remove copies, wait for the threads and end them."""
        with translate_os_errors():
            await self._copies.clear()
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translate_os_errors():
            call = functools.partial(function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _upload(self, kind: BlobKind, spool: Spool, blob: StoredBlob) -> None:
        await self._run(spool.file.close)
        async with self._uploads:
            if blob.size > SINGLE_PUT_BYTES:
                if not await self._has_recent(kind, blob):
                    await self._put(kind, spool.path, blob, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=2)
                return
            try:
                await self._put(kind, spool.path, blob, use_multipart=False, mode="create")
            except (AlreadyExistsError, NotSupportedError):
                if not await self._has_recent(kind, blob):
                    await self._put(kind, spool.path, blob, use_multipart=False)

    async def _put(self, kind: BlobKind, path: Path, blob: StoredBlob, **options: Any) -> None:
        with _translate_errors():
            attributes: dict[str, str] = {"sha256": blob.sha256}
            await obstore.put_async(self._store, _locate(kind, blob.sha1), path, attributes=attributes, **options)

    async def _has_recent(self, kind: BlobKind, blob: StoredBlob) -> bool:
        """Return whether the blob is stored and not old. Raises ChecksumMismatch for another content of its SHA-1."""
        try:
            with _translate_errors(kind, blob.sha1):
                result = await obstore.get_async(self._store, _locate(kind, blob.sha1), options={"head": True})
        except BlobNotFound:
            return False
        entry = _describe(result.meta)
        if entry.size != blob.size or result.attributes.get("sha256", blob.sha256) != blob.sha256:
            raise ChecksumMismatch
        return datetime.now(UTC) - entry.last_modified < RENEW_AFTER

    async def _download(self, kind: BlobKind, sha1: str, path: Path) -> int:
        def create() -> BinaryIO:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("wb")

        file = await self._run(create)
        try:
            async for piece in self.stream(kind, sha1):
                await self._run(file.write, piece)
            return await self._run(file.tell)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        finally:
            await self._run(file.close)


class _ObjectFile(io.RawIOBase):
    """An object as a file that can be read at any position; each read is a request."""

    def __init__(self, store: ObjectStore, kind: BlobKind, entry: BlobEntry) -> None:
        self._store, self._kind, self._entry = store, kind, entry
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._entry.size}[whence]
        if origin + offset < 0:
            raise OSError("a position before the start of the file")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        piece = self._fetch(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def readall(self) -> bytes:
        return bytes(self._fetch(self._entry.size))

    def _fetch(self, length: int) -> memoryview:
        length = max(0, min(length, self._entry.size - self._position))
        if not length:
            return memoryview(b"")
        with _translate_errors(self._kind, self._entry.sha1):
            path = _locate(self._kind, self._entry.sha1)
            piece = memoryview(obstore.get_range(self._store, path, start=self._position, length=length))
        self._position += len(piece)
        return piece


@contextlib.contextmanager
def _translate_errors(kind: BlobKind | None = None, sha1: str = "") -> Iterator[None]:
    """Raise BlobNotFound, NoSpaceLeft or Unavailable for obstore's errors; those of conditional writes pass."""
    try:
        yield
    except (AlreadyExistsError, NotSupportedError):
        raise
    except (BaseError, OSError) as error:
        if kind is not None and sha1 and isinstance(error, FileNotFoundError):
            raise BlobNotFound(kind, sha1) from None
        if any(text in str(error) for text in FULL):
            raise NoSpaceLeft from error
        raise Unavailable(UNAVAILABLE) from error


def _locate(kind: BlobKind, sha1: str) -> str:
    if not is_sha1(sha1):
        raise ValueError("not a SHA-1")
    return f"{kind}/{sha1[:2]}/{sha1[2:4]}/{sha1}"


def _describe(meta: ObjectMeta) -> BlobEntry:
    return BlobEntry(meta["path"].rpartition("/")[2], meta["size"], meta["last_modified"])
