"""Decodes gzip and zstd as a stream, in pieces of bounded size and within a limit."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Protocol

import zstandard

from gql_releases.web.bodies import GZIP_WINDOW, MAX_GZIP_MEMBERS, BrokenEncoding

PIECE_BYTES = 64 * 1024
"""Maximum size of a piece of decoded gzip."""
GZIP_INPUT_BYTES = 16 * 1024
"""Bytes passed to zlib at once: it copies what it has not consumed after each piece."""
ZSTD_INPUT_BYTES = 256
"""Bytes passed to zstd at once. It has no limit on its output: a block of 4 bytes can decode to 128 KiB."""
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""Largest window that a decoder must support. Source: RFC 9659 section 3."""
MAX_ZSTD_FRAMES = 16
UNINTERRUPTED_BYTES = 256 * 1024
"""Decoded bytes after which other requests are served."""


class DecodedTooLarge(Exception):
    """The decoded data has more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__("Decoded data too large")
        self.limit = limit


class Decoder(Protocol):
    """Decodes data that arrives in pieces."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of more data. Raises BrokenEncoding, DecodedTooLarge."""

    def finish(self) -> None:
        """Check that the data was complete. Raises BrokenEncoding."""


class GzipDecoder:
    """Decodes gzip; stops at the first byte above the limit."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._stream, self._members = zlib.decompressobj(GZIP_WINDOW), 1

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of more data. Raises BrokenEncoding, DecodedTooLarge."""
        for start in range(0, len(data), GZIP_INPUT_BYTES):
            waiting = data[start : start + GZIP_INPUT_BYTES]
            while waiting:
                piece, waiting = self._decode_piece(waiting)
                if piece:
                    yield piece

    def finish(self) -> None:
        """Check that the data was complete. Raises BrokenEncoding."""
        if not self._stream.eof:
            raise _broken("gzip")

    def _decode_piece(self, data: bytes) -> tuple[bytes, bytes]:
        """Return a decoded piece and the data that was not consumed."""
        if self._stream.eof:
            self._stream, self._members = zlib.decompressobj(GZIP_WINDOW), self._members + 1
            if self._members > MAX_GZIP_MEMBERS:
                raise _broken("gzip")
        try:
            piece = self._stream.decompress(data, min(PIECE_BYTES, self._limit - self._size + 1))
        except zlib.error:
            raise _broken("gzip") from None
        self._size += len(piece)
        if self._size > self._limit:
            raise DecodedTooLarge(self._limit)
        return piece, self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail


class ZstdDecoder:
    """Decodes zstd; stops when the limit is exceeded."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
        self._stream, self._frames = self._decompressor.decompressobj(), 1

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of more data. Raises BrokenEncoding, DecodedTooLarge."""
        for start in range(0, len(data), ZSTD_INPUT_BYTES):
            waiting = data[start : start + ZSTD_INPUT_BYTES]
            while waiting:
                if self._stream.eof:
                    self._stream, self._frames = self._decompressor.decompressobj(), self._frames + 1
                    if self._frames > MAX_ZSTD_FRAMES:
                        raise _broken("zstd")
                try:
                    piece = self._stream.decompress(waiting)
                except zstandard.ZstdError:
                    raise _broken("zstd") from None
                self._size += len(piece)
                if self._size > self._limit:
                    raise DecodedTooLarge(self._limit)
                waiting = self._stream.unused_data if self._stream.eof else b""
                if piece:
                    yield piece

    def finish(self) -> None:
        """Check that the data was complete. Raises BrokenEncoding."""
        if not self._stream.eof:
            raise _broken("zstd")


async def decode_chunks(chunks: AsyncIterable[bytes], decoder: Decoder) -> AsyncIterator[bytes]:
    """Yield decoded pieces while `chunks` arrive. Raises BrokenEncoding, DecodedTooLarge, and the errors of `chunks`."""
    uninterrupted = 0
    async for chunk in chunks:
        for piece in decoder.decode(chunk):
            yield piece
            uninterrupted += len(piece)
            if uninterrupted >= UNINTERRUPTED_BYTES:
                uninterrupted = 0
                await asyncio.sleep(0)
    decoder.finish()


def _broken(coding: str) -> BrokenEncoding:
    return BrokenEncoding(f"Invalid {coding} payload")
