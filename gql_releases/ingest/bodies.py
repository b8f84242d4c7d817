"""Inflates request bodies while they arrive, within bounds that hold for any body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from gql_releases.web.bodies import UnsupportedEncoding
from gql_releases.web.body_streams import BodyStream
from gql_releases.web.decoders import BrotliDecoder, DecodedTooLarge, Decoder, DeflateDecoder, GzipDecoder, ZstdDecoder
from gql_releases.web.http import BodyTooLarge

MAX_BODY_BYTES = 20 * 1024 * 1024
"""Bytes of a body as it is sent."""
MAX_PLAIN_BYTES = 100 * 1024 * 1024
MAX_RATIO = 200
"""Plain bytes for a compressed one. JSON with much repetition reaches 30, 100 MiB of zeros 1,000 in gzip."""
UNCHECKED_PLAIN_BYTES = 1024 * 1024
"""Plain bytes for which any ratio is accepted."""
INPUT_BYTES = 16 * 1024
"""Compressed bytes after which the ratio is checked."""
UNINTERRUPTED_BYTES = 256 * 1024
"""Plain bytes after which other requests are served."""

DECODERS: dict[str, Callable[[int], Decoder]] = {
    "gzip": GzipDecoder,
    "x-gzip": GzipDecoder,
    "deflate": DeflateDecoder,
    "br": BrotliDecoder,
    "zstd": ZstdDecoder,
}
"""Content coding -> decoder."""


def inflate(body: BodyStream) -> AsyncIterator[bytes]:
    """Return an iterator of the plain body.

    Raises UnsupportedEncoding at once. The iterator raises BrokenEncoding, BodyTooLarge, ClientGone.
    """
    if not body.coding:
        return body.chunks()
    if body.coding not in DECODERS:
        raise UnsupportedEncoding("Unsupported Content-Encoding")
    return _inflate(body, DECODERS[body.coding](MAX_PLAIN_BYTES))


async def _inflate(body: BodyStream, decoder: Decoder) -> AsyncIterator[bytes]:
    received = plain = uninterrupted = 0
    try:
        async for chunk in body.chunks():
            for start in range(0, len(chunk), INPUT_BYTES):
                data = chunk[start : start + INPUT_BYTES]
                received += len(data)
                for piece in decoder.decode(data):
                    plain += len(piece)
                    if plain > UNCHECKED_PLAIN_BYTES and plain > MAX_RATIO * received:
                        raise BodyTooLarge(f"more than {MAX_RATIO} plain bytes for a compressed one")
                    yield piece
                    uninterrupted += len(piece)
                    if uninterrupted >= UNINTERRUPTED_BYTES:
                        uninterrupted = 0
                        await asyncio.sleep(0)
    except DecodedTooLarge:
        raise BodyTooLarge(f"more than {MAX_PLAIN_BYTES} plain bytes") from None
    decoder.finish()
