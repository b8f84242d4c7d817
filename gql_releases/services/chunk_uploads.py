"""Uploads of chunks."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Protocol

from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.counters import count_files
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.principal import READ_RELEASES, WRITE_RELEASES, Principal
from gql_releases.services.blob_storage import BlobStorage, store_pieces
from gql_releases.services.file_quota import FileQuota

logger = logging.getLogger(__name__)

CHUNK_BYTES = 8 * 1024 * 1024
"""Maximum size of a chunk."""
REQUEST_BYTES = 32 * 1024 * 1024
"""Maximum size of all chunks of a request."""
REQUEST_CHUNKS = 64
PARALLEL_REQUESTS = 8
"""Maximum number of concurrent requests of a client, as the parameters of uploads advertise it."""
MAX_UPLOADS = 128
"""Requests with chunks that a process handles at the same time; more are refused as busy."""


class ChunkStore(Protocol):
    """The storage of chunks' rows."""

    async def record_chunks(self, principal: Principal, stored: Sequence[StoredBlob]) -> None: ...


class ChunkUploadService:
    """Stores chunks for an organization."""

    def __init__(self, store: ChunkStore, blobs: BlobStorage, max_file_size: int, quota: FileQuota) -> None:
        self._store, self._blobs, self.max_file_size, self._quota = store, blobs, max_file_size, quota
        self._uploads = 0

    def require_read(self, principal: Principal, organization: str) -> None:
        """Raise Forbidden or OrganizationNotFound unless the principal may read the parameters of uploads."""
        principal.require(READ_RELEASES)
        principal.require_organization(organization)

    @contextlib.asynccontextmanager
    async def begin_upload(self, principal: Principal, organization: str) -> AsyncIterator[None]:
        """Check permissions and count a request with chunks.

        Raises Forbidden, OrganizationNotFound, QuotaExceeded, Unavailable.
        """
        principal.require(WRITE_RELEASES)
        principal.require_organization(organization)
        await self._quota.require_room(principal, 0)
        if self._uploads >= MAX_UPLOADS:
            raise Unavailable("Too many uploads at the moment; nothing was changed.")
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    async def store_chunk(self, checksum: str, pieces: AsyncIterable[bytes]) -> StoredBlob:
        """Store the bytes of a chunk durably. Raises ChecksumMismatch, Unavailable, and the errors of the iterator."""
        return await store_pieces(self._blobs, BlobKind.CHUNK, pieces, checksum)

    async def record_chunks(self, principal: Principal, chunks: Sequence[StoredBlob], begin: float) -> None:
        """Make the organization the owner of stored chunks of a request that began at a time of `time.monotonic`.

        Raises QuotaExceeded.
        """
        if chunks:
            size = sum(chunk.size for chunk in chunks)
            await self._quota.require_room(principal, size)
            await self._store.record_chunks(principal, chunks)
            seconds = time.monotonic() - begin
            count_files("file_uploads", "chunk", len(chunks))
            count_files("file_received_bytes", "chunk", size)
            logger.info("stored %d chunks of %d bytes in %.3f s", len(chunks), size, seconds)
