"""Content codings are decoded as a stream, whatever the pieces in which the data arrives, and within the limit."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from gql_releases.web.bodies import BrokenEncoding
from gql_releases.web.decoders import (
    BrotliDecoder,
    DecodedTooLarge,
    Decoder,
    DeflateDecoder,
    GzipDecoder,
    ZstdDecoder,
)


def deflate_raw(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


CODINGS: dict[str, tuple[Callable[[int], Decoder], Callable[[bytes], bytes]]] = {
    "gzip": (GzipDecoder, gzip.compress),
    "deflate": (DeflateDecoder, zlib.compress),
    "raw deflate": (DeflateDecoder, deflate_raw),
    "brotli": (BrotliDecoder, brotli.compress),
    "zstd": (ZstdDecoder, zstandard.compress),
}
LIMIT = 1 << 20


def decode(decoder: Decoder, data: bytes, step: int) -> bytes:
    pieces: list[bytes] = []
    for start in range(0, len(data), step):
        pieces += decoder.decode(data[start : start + step])
    decoder.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [0, 1, 3_000, 300_000])
def test_data_is_decoded_in_pieces_of_any_size(coding: str, size: int) -> None:
    build, encode = CODINGS[coding]
    plain = random.Random(size).randbytes(size // 2) + b"ab" * (size // 4)
    encoded = encode(plain)
    for step in (1, 7, len(encoded)):
        assert decode(build(LIMIT), encoded, step) == plain


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"\x00" * 40 + data])
def test_broken_data_is_refused(coding: str, change: Callable[[bytes], bytes]) -> None:
    build, encode = CODINGS[coding]
    data = change(encode(b"plain text " * 100))
    for step in (1, len(data)):
        with pytest.raises(BrokenEncoding):
            decode(build(LIMIT), data, step)


@pytest.mark.parametrize("coding", CODINGS)
def test_data_above_the_limit_is_refused_before_all_of_it_is_decoded(coding: str) -> None:
    build, encode = CODINGS[coding]
    data, size = encode(bytes(64 << 20)), 0
    pieces = build(LIMIT).decode(data)
    try:
        for piece in pieces:
            size += len(piece)
    except DecodedTooLarge:
        assert size <= LIMIT
    else:
        pytest.fail("all of it was decoded")
    assert decode(build(LIMIT), encode(bytes(LIMIT)), len(data)) == bytes(LIMIT)
