"""Decodes gzip, deflate, brotli and zstd as a stream, in pieces of bounded size and within a limit."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any, ClassVar, Protocol

import zstandard

from gql_releases.web.bodies import GZIP_WINDOW, MAX_GZIP_MEMBERS, BrokenEncoding, choose_deflate_window

PIECE_BYTES = 64 * 1024
"""Maximum size of a piece of decoded gzip, deflate and brotli."""
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

    _coding: ClassVar[str] = "gzip"
    _max_members: ClassVar[int] = MAX_GZIP_MEMBERS

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
            raise _broken(self._coding)

    def _decode_piece(self, data: bytes) -> tuple[bytes, bytes]:
        """Return a decoded piece and the data that was not consumed."""
        if self._stream.eof:
            self._stream, self._members = zlib.decompressobj(GZIP_WINDOW), self._members + 1
            if self._members > self._max_members:
                raise _broken(self._coding)
        try:
            piece = self._stream.decompress(data, min(PIECE_BYTES, self._limit - self._size + 1))
        except zlib.error:
            raise _broken(self._coding) from None
        self._size += len(piece)
        if self._size > self._limit:
            raise DecodedTooLarge(self._limit)
        return piece, self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail


class DeflateDecoder(GzipDecoder):
    """Decodes deflate: a zlib stream, or the raw deflate that some clients send (RFC 9110 section 8.4.1.2)."""

    _coding = "deflate"
    _max_members = 1

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._head = b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of more data. Raises BrokenEncoding, DecodedTooLarge."""
        if len(self._head) < 2:
            self._head += data
            if len(self._head) < 2:
                return
            data = self._head
            self._stream = zlib.decompressobj(choose_deflate_window(data))
        yield from super().decode(data)


class BrotliDecoder:
    """Decodes brotli; stops when the limit is exceeded. Its window, and so its memory, is at most 16 MiB."""

    def __init__(self, limit: int) -> None:
        import brotli  # loaded only where it is used

        self._limit, self._size = limit, 0
        self._stream: Any = brotli.Decompressor()
        self._error: type[Exception] = brotli.error

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of more data. Raises BrokenEncoding, DecodedTooLarge."""
        waiting = data
        while True:
            try:
                piece = self._stream.process(waiting, output_buffer_limit=PIECE_BYTES)
            except self._error:
                raise _broken("brotli") from None
            waiting = b""
            self._size += len(piece)
            if self._size > self._limit:
                raise DecodedTooLarge(self._limit)
            if piece:
                yield piece
            if len(piece) < PIECE_BYTES and self._stream.can_accept_more_data():  # else there is more of the same data
                return

    def finish(self) -> None:
        """Check that the data was complete. Raises BrokenEncoding."""
        if not self._stream.is_finished():
            raise _broken("brotli")


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
