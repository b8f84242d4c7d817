"""The storage of bytes that services use."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from gql_releases.domain.blob import BlobKind, StoredBlob


class BlobWriter(Protocol):
    """Writes one blob; abort does nothing after a commit."""

    async def write(self, data: bytes) -> None: ...

    async def commit(self, expected_sha1: str | None = None) -> StoredBlob: ...

    async def abort(self) -> None: ...


class BlobTarget(Protocol):
    """A storage to which blobs are written."""

    async def begin(self, kind: BlobKind) -> BlobWriter: ...


class BlobStorage(BlobTarget, Protocol):
    """Content-addressed blobs (gql_releases/blobs/blob_store.py)."""

    @property
    def work_folder(self) -> Path: ...

    async def open_reader(self, kind: BlobKind, sha1: str) -> BinaryIO: ...

    def stream(self, kind: BlobKind, sha1: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]: ...

    def local_path(self, kind: BlobKind, sha1: str) -> AbstractAsyncContextManager[Path]: ...

    async def close(self) -> None: ...


async def store_pieces(
    blobs: BlobTarget, kind: BlobKind, pieces: AsyncIterable[bytes], expected_sha1: str | None = None
) -> StoredBlob:
    """Store bytes as a blob. Raises ChecksumMismatch, NoSpaceLeft, Unavailable, and the errors of the iterator."""
    writer = await blobs.begin(kind)
    try:
        async for piece in pieces:
            await writer.write(piece)
        return await writer.commit(expected_sha1)
    finally:
        await writer.abort()
