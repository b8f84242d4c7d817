"""Opens the store of blobs that a URL names."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from gql_releases.blobs.local_store import LocalBlobStore
from gql_releases.blobs.writer import BlobWriter
from gql_releases.domain.blob import BlobEntry, BlobKind

REMOTE_SCHEMES = ("s3", "gs", "az")
COPY_BYTES = 1024 * 1024 * 1024
"""Bytes of local copies of remote blobs."""


class BlobStore(Protocol):
    """Content-addressed blobs. Methods raise NoSpaceLeft or Unavailable where the store cannot be used.

    A blob is immutable; its date is renewed when the same content is stored again.
    """

    @property
    def identity(self) -> str:
        """Two stores with the same identity are one."""
        ...

    @property
    def work_folder(self) -> Path:
        """The folder on the local disk for temporary files, in which `sweep_temporary` removes old ones."""
        ...

    async def begin(self, kind: BlobKind) -> BlobWriter:
        """Begin to write a blob."""
        ...

    async def stat(self, kind: BlobKind, sha1: str) -> BlobEntry | None:
        """Return size and date of a blob, or None."""
        ...

    async def open_reader(self, kind: BlobKind, sha1: str) -> BinaryIO:
        """Open a blob for reading in a thread, at any position. Raises BlobNotFound."""
        ...

    def stream(self, kind: BlobKind, sha1: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, without, `end`. Raises BlobNotFound at the first iteration."""
        ...

    def local_path(self, kind: BlobKind, sha1: str) -> AbstractAsyncContextManager[Path]:
        """Yield a path on the local disk that has the bytes; it must not be changed. Raises BlobNotFound."""
        ...

    async def delete(self, kind: BlobKind, sha1: str, unless_newer_than: datetime | None = None) -> bool:
        """Delete a blob and return whether it was there; with a date, only if it was not stored again after it."""
        ...

    def list_blobs(self, kind: BlobKind) -> AsyncIterator[BlobEntry]:
        """Yield all blobs of a kind."""
        ...

    async def sweep_temporary(self, older_than: timedelta) -> int:
        """Remove temporary files of processes that ended without removing them; return their number."""
        ...

    async def check(self) -> None:
        """Check that blobs can be written."""
        ...

    async def close(self) -> None:
        """Release threads and local copies."""
        ...


def open_blob_store(
    url: str,
    options: Mapping[str, str] | None = None,
    *,
    work_folder: Path | None = None,
    copy_bytes: int = COPY_BYTES,
) -> BlobStore:
    """Return the store of a URL: file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix.

    `options` are those of obstore for the scheme, for example endpoint, region, access_key_id and secret_access_key. Remote
    stores collect uploads and keep copies in `work_folder`, a folder on a local disk. Raises ValueError for another URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("a file URL has the form file:///folder")
        if options:
            raise ValueError("a folder has no options")
        return LocalBlobStore(Path(unquote(parts.path)))
    if parts.scheme not in REMOTE_SCHEMES or not parts.netloc:
        raise ValueError(
            "the URL has to be file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://account/container"
        )
    from gql_releases.blobs.object_store import ObjectBlobStore

    folder = work_folder or Path(tempfile.gettempdir()) / "gql-releases-blobs"
    try:
        return ObjectBlobStore(url, options or {}, folder, copy_bytes)
    except Exception as error:
        if type(error).__module__.startswith("obstore"):
            raise ValueError(f"the options of {parts.scheme}:// are not valid") from None
        raise
