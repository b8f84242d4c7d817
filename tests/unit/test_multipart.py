"""Multipart bodies and their codings are read as a stream: any split of the bytes, limits, broken bodies, bounded memory."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from typing import Any

import pytest
import zstandard
from starlette.types import Message

from gql_releases.rest_api.engine.multipart import (
    BrokenMultipart,
    FieldTooLarge,
    MultipartLimits,
    TooManyParts,
    read_parts,
)
from gql_releases.web.bodies import BrokenEncoding, UnsupportedEncoding
from gql_releases.web.body_streams import BodyStream
from gql_releases.web.decoders import DecodedTooLarge, GzipDecoder, ZstdDecoder, decode_chunks
from gql_releases.web.http import BodyTooLarge

MIB = 1024 * 1024
TYPE = "multipart/form-data; boundary=b"
PLAIN_PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\ntext\r\n'
END = b"--b--\r\n"


class Arriving:
    """The messages of a request whose body arrives in chunks; `count` of them were received."""

    def __init__(self, chunks: Iterable[bytes], content_type: str | None = TYPE, **headers: str) -> None:
        named = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.scope: dict[str, Any] = {
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value is not None]
        }
        self._chunks, self.count = iter(chunks), 0

    async def receive(self) -> Message:
        self.count += 1
        chunk = next(self._chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    def stream(self, limit: int = 1024 * MIB) -> BodyStream:
        return BodyStream(self.scope, self.receive, limit)


def stream(body: bytes, content_type: str | None = TYPE, *, limit: int = 1024 * MIB, **headers: str) -> BodyStream:
    return Arriving([body], content_type, **headers).stream(limit)


async def collect(body: BodyStream, limits: MultipartLimits | None = None) -> list[tuple[str, str | None, bytes]]:
    parts = read_parts(body, limits) if limits else read_parts(body)
    return [(part.name, part.filename, b"".join([data async for data in part])) async for part in parts]


def run(work: Awaitable[Any]) -> Any:
    async def wait() -> Any:
        return await work

    return asyncio.run(wait())


async def arrive(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def draw_content(draw: random.Random, boundary: bytes) -> bytes:
    """Draw bytes with many starts of a boundary, and no whole one."""
    delimiter = b"\r\n--" + boundary
    pieces = [
        draw.choice([b"\r", b"\n", b"-", b"\r\n", b"--", b"x", b"\0", delimiter[:-1], delimiter[: len(delimiter) // 2]])
    ]
    pieces += [draw.choice([*pieces, draw.randbytes(draw.randrange(40))]) for _ in range(draw.randrange(12))]
    content = b"".join(pieces) * draw.choice([1, 1, 1, 50])
    return content.replace(b"--" + boundary, b"")


def encode(parts: list[tuple[str, str | None, bytes]], boundary: bytes) -> bytes:
    body = b""
    for name, filename, content in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        body += b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\nX-More: 1\r\n\r\n%s\r\n' % (
            boundary, name.encode(), file.encode(), content
        )  # fmt: skip
    return body + b"--" + boundary + b"--\r\n"


def split(draw: random.Random, body: bytes) -> Iterator[bytes]:
    while body:
        size = draw.choice([1, 2, 3, draw.randrange(1, 30), draw.randrange(1, 3000)])
        yield body[:size]
        body = body[size:]


@pytest.mark.parametrize("seed", range(200))
def test_parts_are_the_same_in_any_split_of_the_body(seed: int) -> None:
    draw = random.Random(seed)
    boundary = draw.choice([b"b", b"-", b"--b", b"----formdata-undici-0123456789", b"x" * 70])
    names = ["a", "file", "häßlich", ""]
    parts = [
        (draw.choice(names), draw.choice([None, "", "a.js", "ü.map"]), draw_content(draw, boundary))
        for _ in range(draw.randrange(6))
    ]
    body = encode(parts, boundary)
    for _ in range(5):
        arriving = Arriving(split(draw, body), f'multipart/form-data; boundary="{boundary.decode()}"')
        assert run(collect(arriving.stream())) == parts


@pytest.mark.parametrize("content_type", [TYPE, None, "application/json", "multipart/form-data"])
def test_empty_body_has_no_parts(content_type: str | None) -> None:
    assert run(collect(stream(b"", content_type))) == []
    for coding in ("gzip", "zstd"):
        assert run(collect(stream(b"", content_type, content_encoding=coding))) == []


def test_body_without_parts_is_valid() -> None:
    for body in (END, b"--b--", b"\r\n--b--\r\n", b"--b--\r\nan epilogue"):
        assert run(collect(stream(body))) == []


def encode_headers(*lines: str) -> bytes:
    return b"--b\r\n" + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\ntext\r\n" + END


NAMED = 'Content-Disposition: form-data; name="a"'
BROKEN: dict[str, tuple[bytes, str | None]] = {
    "no content type": (PLAIN_PART + END, None),
    "another content type": (b"{}", "application/json"),
    "mixed, not form-data": (PLAIN_PART + END, "multipart/mixed; boundary=b"),
    "no boundary": (PLAIN_PART + END, "multipart/form-data"),
    "an empty boundary": (PLAIN_PART + END, 'multipart/form-data; boundary=""'),
    "a boundary without end": (PLAIN_PART + END, "multipart/form-data; boundary=" + "b" * 300),
    "another boundary": (PLAIN_PART + END, "multipart/form-data; boundary=c"),
    "JSON": (b'{"a": 1}', TYPE),
    "line ends": (b"\r\n" * 40, TYPE),
    "no last boundary": (PLAIN_PART, TYPE),
    "half of the last boundary": (PLAIN_PART + b"--b-", TYPE),
    "half of the first boundary": (b"--", TYPE),
    "no line end after the boundary": (b"--bx\r\n" + PLAIN_PART + END, TYPE),
    "a line feed alone after the boundary": (PLAIN_PART.replace(b"--b\r\n", b"--b\n") + END, TYPE),
    "the end in a header": (b"--b\r\nContent-Disp", TYPE),
    "the end after the headers": (PLAIN_PART.removesuffix(b"text\r\n"), TYPE),
    "no headers": (encode_headers(), TYPE),
    "no disposition": (encode_headers("Content-Type: text/plain"), TYPE),
    "another disposition": (encode_headers('Content-Disposition: attachment; name="a"'), TYPE),
    "no name": (encode_headers('Content-Disposition: form-data; filename="a"'), TYPE),
    "two dispositions": (encode_headers(NAMED, NAMED), TYPE),
    "a header without a colon": (encode_headers(NAMED, "nothing"), TYPE),
    "a header's name with a space": (encode_headers(NAMED, "a b: c"), TYPE),
    "a header without a name": (encode_headers(NAMED, ": c"), TYPE),
    "a header's line that ends in CR alone": (encode_headers(NAMED, "a: b\rc"), TYPE),
    "too many headers": (encode_headers(NAMED, *(f"x-{number}: 1" for number in range(8))), TYPE),
    "too long a header": (encode_headers(NAMED, "x: " + "y" * 9_000), TYPE),
    "too long a header's name": (encode_headers(NAMED, "x" * 9_000 + ": y"), TYPE),
    "too many bytes of headers": (encode_headers(NAMED, "x: " + "y" * 5_000, "y: " + "y" * 5_000), TYPE),
    "a name that is not UTF-8": (encode_headers(NAMED).replace(b'"a"', b'"\xff"'), TYPE),
    "a file name that is not UTF-8": (encode_headers(NAMED + '; filename="X"').replace(b"X", b"\xff"), TYPE),
    "a name with a NUL": (encode_headers(NAMED.replace("a", "a").replace('"a"', '"a\0"')), TYPE),
    "a file name with a line feed": (encode_headers(NAMED + '; filename="a\nb"'), TYPE),
    "base64": (encode_headers(NAMED, "Content-Transfer-Encoding: base64"), TYPE),
}


@pytest.mark.parametrize("body, content_type", BROKEN.values(), ids=BROKEN)
def test_broken_body_is_an_error_in_any_split(body: bytes, content_type: str | None) -> None:
    for size in (1, 7, 100_000):
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        with pytest.raises(BrokenMultipart, match="Invalid multipart body"):
            run(collect(Arriving(chunks, content_type).stream()))


@pytest.mark.parametrize("seed", range(300))
def test_mutated_body_is_parsed_or_refused_with_a_typed_error(seed: int) -> None:
    draw = random.Random(seed)
    body = bytearray(encode([("a", None, b"one"), ("file", "x", b"two" * 50), ("b", None, b"")], b"bound"))
    for _ in range(draw.randrange(1, 6)):
        at = draw.randrange(len(body))
        end = at + draw.choice([0, 0, 1, draw.randrange(1, 20)])
        body[at:end] = draw.choice([b"", b"\r\n", b"--bound", b"\0", b"\r\n--bound--", draw.randbytes(1)])
    with contextlib.suppress(BrokenMultipart):
        parts = run(collect(Arriving(split(draw, bytes(body)), "multipart/form-data; boundary=bound").stream()))
        assert all(part[-1] in bytes(body) for part in parts), "bytes that were not sent"


def test_header_of_a_part_may_have_any_case_and_no_quotes() -> None:
    async def work() -> None:
        body = encode_headers("content-DISPOSITION: Form-Data;name=a;filename=b.js", "CONTENT-TYPE: text/plain ")
        [part] = [part async for part in read_parts(stream(body))]
        assert (part.name, part.filename, part.headers["content-type"]) == ("a", "b.js", "text/plain")

    asyncio.run(work())


def test_parts_before_an_error_are_read_first() -> None:
    async def read(body: bytes, limits: MultipartLimits, texts: list[str]) -> None:
        async for part in read_parts(stream(body), limits):
            texts.append(await part.text())

    texts: list[str] = []
    with pytest.raises(BrokenMultipart):
        run(read(PLAIN_PART * 2 + b"--b\r\n: x", MultipartLimits(), texts))
    assert texts == ["text", "text"]
    texts.clear()
    with pytest.raises(TooManyParts, match="More than 2 parts"):
        run(read(PLAIN_PART * 3 + END, MultipartLimits(parts=2), texts))
    assert texts == ["text", "text"]
    assert len(run(collect(stream(PLAIN_PART * 2 + END), MultipartLimits(parts=2)))) == 2


def test_field_has_a_limit_and_is_utf_8() -> None:
    async def read(content: bytes) -> str:
        parts = read_parts(stream(encode([("a", None, content)], b"b")), MultipartLimits(field_bytes=10))
        return await (await anext(parts)).text()

    assert run(read(b"x" * 10)) == "x" * 10
    assert run(read(b"")) == ""
    with pytest.raises(FieldTooLarge):
        run(read(b"x" * 11))
    with pytest.raises(BrokenMultipart):
        run(read(b"\xff"))


def test_body_of_boundaries_that_are_none_takes_no_time() -> None:
    """The parser reads them byte by byte: 40 MiB would take ten seconds."""
    chunk = b"\r\n--bX" * 37_449
    arriving = Arriving([PLAIN_PART.removesuffix(b"\r\n"), *[chunk] * 160, b"\r\n" + END])
    with pytest.raises(TooManyParts):
        run(collect(arriving.stream()))
    assert arriving.count < 5
    assert len(run(collect(stream(PLAIN_PART.removesuffix(b"\r\n") + b"\r\n--bX" * 900 + b"\r\n" + END)))) == 1


def test_part_that_is_not_read_is_skipped_and_cannot_be_read_later() -> None:
    async def work() -> None:
        body = Arriving([encode([("a", None, b"x" * 200_000), ("b", None, b"y"), ("c", None, b"")], b"b")])
        parts = read_parts(body.stream())
        first, second = await anext(parts), await anext(parts)
        with pytest.raises(RuntimeError, match="before the next one"):
            await first.text()
        assert await second.text() == "y"
        assert await second.text() == ""
        third = await anext(parts)
        with pytest.raises(RuntimeError):
            await second.text()
        assert (third.name, [data async for data in third], await anext(parts, None)) == ("c", [], None)

    asyncio.run(work())


def test_next_chunk_is_received_when_the_consumer_wants_more() -> None:
    async def work() -> None:
        head = encode([("a", "f", b"")], b"b").removesuffix(b"\r\n--b--\r\n")
        arriving = Arriving([head, *[b"x" * 50_000] * 20, b"\r\n" + END, b"epilogue"])
        body = arriving.stream()
        parts = read_parts(body)
        assert arriving.count == 0
        part = await anext(parts)
        assert arriving.count == 1
        for count in range(2, 12):
            await anext(part)
            await asyncio.sleep(0)
            assert arriving.count == count
        assert await anext(parts, None) is None
        assert body.is_complete, "an unread rest would close the connection"

    asyncio.run(work())


@pytest.mark.slow
def test_memory_is_bounded_by_a_buffer() -> None:
    """A part of 50 MB, and 10,000 parts of nothing, in messages of 256 KiB."""
    chunk = bytes(256 * 1024)
    head, tail = PLAIN_PART.removesuffix(b"text\r\n"), b"\r\n" + END
    many = (PLAIN_PART * 10_000 + END for _ in range(1))

    async def read(arriving: Arriving, limits: MultipartLimits) -> int:
        size = 0
        async for part in read_parts(arriving.stream(), limits):
            async for data in part:
                size += len(data)
        return size

    async def work() -> None:
        assert await read(Arriving([head, *[chunk] * 200, tail]), MultipartLimits()) == 200 * len(chunk)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert await read(Arriving([head, *[chunk] * 200, tail]), MultipartLimits()) == 200 * len(chunk)
        assert tracemalloc.get_traced_memory()[1] - before < 1 * MIB
        tracemalloc.reset_peak()
        assert await read(Arriving(many), MultipartLimits(parts=10_000)) == 4 * 10_000
        assert tracemalloc.get_traced_memory()[1] - before < 3 * MIB

    tracemalloc.start()
    try:
        asyncio.run(work())
    finally:
        tracemalloc.stop()


def test_body_above_its_limit_is_refused() -> None:
    body = encode([("a", None, b"x" * 1000)], b"b")
    assert len(run(collect(stream(body, limit=len(body))))) == 1
    for chunks in ([body], [body[:500], body[500:]], [body, b"the epilogue counts"]):
        with pytest.raises(BodyTooLarge, match="Request too large"):
            run(collect(Arriving(chunks).stream(len(body) - 1)))
    declared = Arriving([body], content_length=str(len(body)))
    with pytest.raises(BodyTooLarge):
        run(collect(declared.stream(len(body) - 1)))
    assert declared.count == 0, "the length is known before a byte is read"
    for coded in (gzip.compress(body), zstandard.compress(body)):
        coding = "gzip" if coded[:2] == b"\x1f\x8b" else "zstd"
        assert len(run(collect(stream(coded, limit=len(body), content_encoding=coding)))) == 1
        with pytest.raises(BodyTooLarge):
            run(collect(stream(coded, limit=len(body) - 1, content_encoding=coding)))


def test_coding_of_the_body_is_decoded_while_it_arrives() -> None:
    parts: list[tuple[str, str | None, bytes]] = [
        ("file", "x", random.Random(1).randbytes(300_000)),
        ("a", None, b"1" * 10**6),
    ]
    body = encode(parts, b"b")
    codings = {
        "gzip": gzip.compress(body),
        "zstd": zstandard.compress(body),
        " X-GZIP": gzip.compress(body),
        "identity": body,
    }
    for coding, coded in codings.items():
        chunks = list(split(random.Random(2), coded))
        assert run(collect(Arriving(chunks, content_encoding=coding).stream())) == parts
        if coding != "identity":
            for broken in (coded[:-1], b"x" + coded, coded + b"x"):
                with pytest.raises(BrokenEncoding, match=r"Invalid (gzip|zstd) payload"):
                    run(collect(stream(broken, content_encoding=coding)))
    for coding in ("br", "gzip, gzip", "gzip,zstd", "deflate", "none"):
        arriving = Arriving([body], content_encoding=coding)
        with pytest.raises(UnsupportedEncoding, match=r"^Unsupported Content-Encoding$"):
            run(collect(arriving.stream()))
        assert arriving.count == 0


def test_gzip_part_is_decoded_up_to_its_limit() -> None:
    content = random.Random(3).randbytes(100_000) * 3

    async def read(data: bytes, limit: int) -> bytes:
        body = encode([("file_gzip", "x", data), ("a", None, b"")], b"b")
        parts = read_parts(Arriving(split(random.Random(4), body)).stream())
        return b"".join([piece async for piece in (await anext(parts)).gunzip(limit)])

    assert run(read(gzip.compress(content), len(content))) == content
    assert run(read(gzip.compress(content[:5]) + gzip.compress(content[5:]), len(content))) == content
    assert run(read(gzip.compress(b""), 0)) == b""
    with pytest.raises(DecodedTooLarge):
        run(read(gzip.compress(content), len(content) - 1))
    whole = gzip.compress(content)
    for broken in (
        b"",
        b"plain",
        whole[:-1],
        whole[:-8] + bytes(8),
        whole + b"x",
        zlib.compress(content),
        gzip.compress(b"") * 17,
    ):
        with pytest.raises(BrokenEncoding, match="Invalid gzip payload"):
            run(read(broken, len(content)))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bomb_is_decoded_no_further_than_its_limit(coding: str) -> None:
    """10 KB of gzip are 10 MB, 3 KB of zstd 100 MB: decoding stops behind the limit, with little memory."""
    size = 10 * MIB if coding == "gzip" else 100 * MIB
    zeros = bytes(size)
    bomb = gzip.compress(zeros) if coding == "gzip" else zstandard.compress(zeros)
    del zeros
    assert len(bomb) < 11_000
    limit = 8 * MIB
    decoder: GzipDecoder | ZstdDecoder = GzipDecoder(limit) if coding == "gzip" else ZstdDecoder(limit)

    pieces: list[int] = []

    async def work() -> None:
        async for piece in decode_chunks(arrive(bomb), decoder):
            pieces.append(len(piece))

    tracemalloc.start()
    try:
        with pytest.raises(DecodedTooLarge) as raised:
            run(work())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raised.value.limit == limit
    assert 0 < sum(pieces) <= limit
    assert peak < (MIB if coding == "gzip" else 20 * MIB)


def test_zstd_window_above_the_standards_is_refused() -> None:
    """A frame of 20 bytes would otherwise allocate 128 MiB. Source: RFC 9659 section 3."""
    wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27))
    compressor = wide.compressobj()
    coded = compressor.compress(b"x" * 1000) + compressor.flush()
    with pytest.raises(BrokenEncoding):
        list(ZstdDecoder(10_000).decode(coded))


def test_other_requests_are_served_while_a_bomb_is_decoded() -> None:
    bomb = gzip.compress(bytes(30 * MIB))

    async def work() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        size = sum([len(piece) async for piece in decode_chunks(arrive(bomb), GzipDecoder(30 * MIB))])
        counting.cancel()
        assert size == 30 * MIB
        return turns

    assert asyncio.run(work()) > 100
