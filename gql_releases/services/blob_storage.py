"""The storage of bytes that services use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from gql_releases.domain.blob import BlobEntry, BlobKind, StoredBlob


class BlobWriter(Protocol):
    """Writes one blob, of `size` bytes so far; abort does nothing after a commit."""

    size: int

    async def write(self, data: bytes) -> None: ...

    async def commit(self, expected_sha1: str | None = None) -> StoredBlob: ...

    async def abort(self) -> None: ...


class BlobStorage(Protocol):
    """Content-addressed blobs (gql_releases/blobs/blob_store.py)."""

    @property
    def work_folder(self) -> Path: ...

    async def begin(self, kind: BlobKind) -> BlobWriter: ...

    async def stat(self, kind: BlobKind, sha1: str) -> BlobEntry | None: ...

    async def open_reader(self, kind: BlobKind, sha1: str) -> BinaryIO: ...

    def stream(self, kind: BlobKind, sha1: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]: ...

    def local_path(self, kind: BlobKind, sha1: str) -> AbstractAsyncContextManager[Path]: ...

    async def close(self) -> None: ...
