"""Copies the bytes of files into another storage, and compares all of them. A copy that was killed is continued."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from gql_releases.domain.blob import BlobEntry, BlobKind, BlobNotFound, ChecksumMismatch, StoredBlob
from gql_releases.services.blob_storage import BlobTarget, store_pieces

PARALLEL_COPIES = 4
LISTED_ROWS = 500


class FileRows(Protocol):
    """The rows of files."""

    async def count(self, kind: BlobKind) -> int: ...

    async def list_contents(self, kind: BlobKind, after: str, limit: int) -> list[StoredBlob]: ...


class Blobs(BlobTarget, Protocol):
    """A storage of bytes (gql_releases/blobs/blob_store.py)."""

    async def stat(self, kind: BlobKind, sha1: str) -> BlobEntry | None: ...

    def stream(self, kind: BlobKind, sha1: str) -> AsyncIterator[bytes]: ...


class CopyProgress(Protocol):
    """Receives the progress of a copy."""

    def begin(self, activity: str, total: int, completed: int) -> None:
        """Begin an activity on `total` files, of which some are completed."""

    def advance(self, rows: int) -> None:
        """Count completed files."""


@dataclass(slots=True)
class FileComparison:
    """The files of a kind that were compared, and those that are missing or have other bytes."""

    kind: BlobKind
    files: int = 0
    bytes: int = 0
    faulty: list[str] = field(default_factory=list)
    """SHA-1 of files of which neither the source nor the target has the bytes that the row describes."""


async def copy_files(rows: FileRows, source: Blobs, target: Blobs, watch: CopyProgress) -> list[FileComparison]:
    """Copy the bytes of all rows, then read all of them from the target and compare hashes and sizes with the rows.

    Bytes that the target has are not copied again. Raises Unavailable and NoSpaceLeft, after which another run continues.
    """
    total = sum([await rows.count(kind) for kind in BlobKind])
    comparisons = {kind: FileComparison(kind) for kind in BlobKind}

    async def copy(kind: BlobKind, blob: StoredBlob) -> None:
        entry = await target.stat(kind, blob.sha1)
        if entry is None or entry.size != blob.size:
            await _copy_file(kind, blob, source, target)

    async def compare(kind: BlobKind, blob: StoredBlob) -> None:
        comparison = comparisons[kind]
        is_equal = await _read_content(kind, blob.sha1, target) == blob
        if not is_equal and await _copy_file(kind, blob, source, target):  # what the target had was damaged
            is_equal = await _read_content(kind, blob.sha1, target) == blob
        if is_equal:
            comparison.files += 1
            comparison.bytes += blob.size
        else:
            comparison.faulty.append(blob.sha1)

    for activity, work in (("copying files", copy), ("comparing files", compare)):
        watch.begin(activity, total, 0)
        for kind in BlobKind:
            await _run_for_all(rows, kind, work, watch)
    return list(comparisons.values())


async def _run_for_all(
    rows: FileRows, kind: BlobKind, work: Callable[[BlobKind, StoredBlob], Awaitable[None]], watch: CopyProgress
) -> None:
    """Run `work` for each content, several at a time."""
    turns, after = asyncio.Semaphore(PARALLEL_COPIES), ""

    async def run(blob: StoredBlob) -> None:
        async with turns:
            await work(kind, blob)
        watch.advance(1)

    while blobs := await rows.list_contents(kind, after, LISTED_ROWS):
        try:
            async with asyncio.TaskGroup() as group:
                for blob in blobs:
                    group.create_task(run(blob))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        after = blobs[-1].sha1


async def _copy_file(kind: BlobKind, blob: StoredBlob, source: Blobs, target: Blobs) -> bool:
    """Copy the bytes of a row; return False if the source does not have them."""
    try:
        async with _open_stream(source, kind, blob.sha1) as pieces:
            await store_pieces(target, kind, pieces, blob.sha1)
    except (BlobNotFound, ChecksumMismatch):
        return False
    return True


async def _read_content(kind: BlobKind, sha1: str, blobs: Blobs) -> StoredBlob | None:
    """Return hashes and size of stored bytes, None if there are none."""
    hash1, hash256, size = hashlib.sha1(usedforsecurity=False), hashlib.sha256(), 0
    try:
        async with _open_stream(blobs, kind, sha1) as pieces:
            async for piece in pieces:
                hash1.update(piece)
                hash256.update(piece)
                size += len(piece)
    except BlobNotFound:
        return None
    return StoredBlob(hash1.hexdigest(), hash256.hexdigest(), size)


@contextlib.asynccontextmanager
async def _open_stream(blobs: Blobs, kind: BlobKind, sha1: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """Yield the pieces of stored bytes; the file is closed at the end, also if the task is cancelled."""
    pieces = blobs.stream(kind, sha1)
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
