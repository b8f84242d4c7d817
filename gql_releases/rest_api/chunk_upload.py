"""Upload of chunks, of which files are assembled.

Source: docs/sentry-contract.md#6-6-chunks.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator

from gql_releases.domain.blob import ChecksumMismatch, StoredBlob, is_sha1
from gql_releases.rest_api.engine.multipart import MultipartLimits, Part, TooManyParts, read_parts
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, Routes
from gql_releases.rest_api.engine.streaming import StreamingHandler
from gql_releases.services.chunk_uploads import (
    CHUNK_BYTES,
    PARALLEL_REQUESTS,
    REQUEST_BYTES,
    REQUEST_CHUNKS,
    ChunkUploadService,
)
from gql_releases.web.bodies import BrokenEncoding
from gql_releases.web.body_streams import DECODERS
from gql_releases.web.decoders import DecodedTooLarge
from gql_releases.web.http import BodyTooLarge

PLAIN_PART, GZIP_PART = "file", "file_gzip"
WIRE_BYTES = REQUEST_BYTES + 1024 * 1024
"""Maximum size of a body: a gzip part can be larger than its chunk, and each part has a head."""
LIMITS = MultipartLimits()
ACCEPTED = [
    "debug_files", "release_files", "pdbs", "sources", "bcsymbolmaps", "il2cpp", "portablepdbs", "artifact_bundles",
    "artifact_bundles_v2", "proguard",
]  # fmt: skip
"""Kinds of files that sentry-cli 2 uploads, and 3.0, which needs `proguard`; newer clients do not read the list."""
CHUNK_TOO_LARGE, REQUEST_TOO_LARGE, TOO_MANY_CHUNKS = "Chunk size too large", "Request too large", "Too many chunks"
UNSUPPORTED_ENCODING = "Unsupported Content-Encoding"
COMBINED_ENCODINGS = "Cannot combine Content-Encoding with file_gzip field"


class RefusedUpload(Exception):
    """The rest of an upload is not read. The message is the `error` of the response."""


async def get_parameters(request: Request) -> Answer:
    """Return how chunks are to be uploaded."""
    service = request.services.require_files().chunk_uploads
    service.require_read(request.principal, request.path[0])
    return Answer(
        200,
        {
            "url": f"{request.origin}{request.raw_path}",
            "chunkSize": CHUNK_BYTES,
            "chunksPerRequest": REQUEST_CHUNKS,
            "maxFileSize": service.max_file_size,
            "maxRequestSize": REQUEST_BYTES,
            "concurrency": PARALLEL_REQUESTS,
            "hashAlgorithm": "sha1",
            "compression": ["gzip"],
            "accept": ACCEPTED,
        },
    )


async def upload_chunks(request: Request) -> Answer:
    """Store the chunks of a multipart body. Each valid chunk is kept, also if another one is refused."""
    service = request.services.require_files().chunk_uploads
    async with service.begin_upload(request.principal, request.path[0]):
        upload = ChunkUpload(request, service)
        error = await upload.read()
        await service.record_chunks(request.principal, upload.stored, upload.begin)
        return Answer(200) if error is None else Answer(400, {"error": error})


class ChunkUpload:
    """A request with chunks: counts them and their bytes, and stores them one after the other."""

    def __init__(self, request: Request, service: ChunkUploadService) -> None:
        self._body, self._service = request.stream, service
        self._count = self._size = 0
        self.begin = time.monotonic()
        self.stored: list[StoredBlob] = []

    async def read(self) -> str | None:
        """Store all chunks and return the error of the response, or None. Raises the errors of the body."""
        if self._body.coding and self._body.coding not in DECODERS:
            async for _ in self._body.chunks():
                return UNSUPPORTED_ENCODING
            return None
        broken: str | None = None
        try:
            async for part in self._read_parts():
                try:
                    self.stored.append(await self._store(part))
                except (ChecksumMismatch, BrokenEncoding) as error:
                    # A limit that is exceeded later is the more important error.
                    broken = broken or str(error)
        except RefusedUpload as error:
            return str(error)
        except DecodedTooLarge:
            return CHUNK_TOO_LARGE
        except TooManyParts:
            return TOO_MANY_CHUNKS
        except BodyTooLarge:
            if broken and self._body.received <= WIRE_BYTES:
                return broken
            raise
        return broken

    async def _read_parts(self) -> AsyncIterator[Part]:
        """Yield the parts that are chunks. Raises RefusedUpload, and the errors of the body."""
        async for part in read_parts(self._body, LIMITS):
            if part.name not in (PLAIN_PART, GZIP_PART):
                continue
            if part.name == GZIP_PART and self._body.coding:
                raise RefusedUpload(COMBINED_ENCODINGS)
            self._count += 1
            if self._count > REQUEST_CHUNKS:
                raise RefusedUpload(TOO_MANY_CHUNKS)
            yield part

    async def _store(self, part: Part) -> StoredBlob:
        """Store a chunk. Raises RefusedUpload, DecodedTooLarge, BrokenEncoding, ChecksumMismatch, Unavailable."""
        pieces: AsyncIterable[bytes] = part.gunzip(CHUNK_BYTES) if part.name == GZIP_PART else part
        if part.filename is None or not is_sha1(part.filename):
            async for _ in self._check_size(pieces):
                pass
            raise ChecksumMismatch
        return await self._service.store_chunk(part.filename, self._check_size(pieces))

    async def _check_size(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Yield the bytes of a chunk. Raises RefusedUpload if it, or all chunks together, are too large."""
        size = 0
        async for piece in pieces:
            size += len(piece)
            self._size += len(piece)
            if size > CHUNK_BYTES:
                raise RefusedUpload(CHUNK_TOO_LARGE)
            if self._size > REQUEST_BYTES:
                raise RefusedUpload(REQUEST_TOO_LARGE)
            yield piece


ROUTES: Routes = {
    (*ORGANIZATION_PATH, "chunk-upload"): {"GET": get_parameters, "POST": StreamingHandler(upload_chunks, WIRE_BYTES)}
}
