"""Bodies in each coding, in pieces, and within the bounds: a bomb costs little time and memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from gql_releases.ingest import endpoint
from tests.ingest.receiver import KEY, Receiver, envelope, event_item, item

MEBIBYTE = 1 << 20
QUERY = f"?sentry_key={KEY}"


def deflate_raw(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def brotli_fast(data: bytes) -> bytes:
    return brotli.compress(data, quality=5)


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-Gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", deflate_raw),
    "br": ("br", brotli_fast),
    "zstd": ("zstd", zstandard.compress),
}
COMPRESSED = [name for name in CODINGS if name != "identity"]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("path", ["/api/7/envelope/", "/api/7/store/"])
@pytest.mark.parametrize("size", [1, 1_000, 1 << 30])
def test_each_coding_in_pieces_of_any_size(receiver: Receiver, coding: str, path: str, size: int) -> None:
    name, encode = CODINGS[coding]
    event = {"message": "m", "extra": {"lines": [f"line {n}" for n in range(300)]}}
    plain = envelope(event_item(**event)) if "envelope" in path else json.dumps(event).encode()
    body = encode(plain)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    for content_type in ({}, {"content-type": "text/plain;charset=UTF-8"}, {"content-type": "image/png"}):
        headers = {"content-encoding": name, **content_type}
        assert receiver.post(chunks, path + QUERY, headers=headers).status == 200
    assert receiver.sink.events == [event] * 3


@pytest.mark.parametrize("coding", COMPRESSED)
def test_body_that_is_not_in_its_coding_is_a_400(receiver: Receiver, coding: str) -> None:
    name, encode = CODINGS[coding]
    body = encode(envelope(event_item()))
    for broken in (body[:-1], body + b"x", b"", b"{}", b"\x00" + body):
        response = receiver.post(broken, "/api/7/envelope/" + QUERY, headers={"content-encoding": name})
        assert response.status == 400
    assert not receiver.sink.requests


@pytest.mark.parametrize("name", ["compress", "gzip, br", "x" * 1000])
def test_other_codings_are_a_415(receiver: Receiver, name: str) -> None:
    response = receiver.post(b"{}", "/api/7/envelope/" + QUERY, headers={"content-encoding": name})
    assert (response.status, response.read) == (415, 0)
    assert receiver.sink.list_outcomes() == [("refused", "invalid_encoding", "error", 1)]


def test_body_above_20_mebibytes_is_refused_before_it_is_read(receiver: Receiver) -> None:
    headers = {"content-length": str(20 * MEBIBYTE + 1)}
    response = receiver.post([b"{}\n"], "/api/7/envelope/" + QUERY, headers=headers)
    assert (response.status, response.read) == (413, 0)
    response = receiver.post([b'{}\n{"type":"x"}\n', *[bytes(MEBIBYTE)] * 30])
    assert response.status == 413
    assert response.read <= 21 * MEBIBYTE
    assert receiver.sink.list_outcomes() == [("refused", "too_large", "error", 1)] * 2


def test_skipped_items_are_not_held(receiver: Receiver) -> None:
    tracemalloc.start()
    chunks = [b'{}\n{"type":"attachment","length":18874368}\n', *[bytes(64 * 1024)] * 288, b"\n", envelope(event_item())[3:]]
    response = receiver.post(iter(chunks))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (response.status, receiver.sink.events) == (200, [{}])
    assert peak < 2 * MEBIBYTE


BOMBS = {
    "header": (b"", b" "),
    "skipped item": (b'{}\n{"type":"attachment"}\n', b" "),
    "event": (b'{}\n{"type":"event"}\n', b" "),
    "blank lines": (b"{}\n", b"\n"),
    "items": (b"{}\n", b'{"type":"x"}\n\n'),
}


@pytest.mark.parametrize("coding", COMPRESSED)
@pytest.mark.parametrize("path", ["/api/7/envelope/", "/api/7/store/"])
def test_bomb_is_refused_at_once(receiver: Receiver, coding: str, path: str) -> None:
    """The limit of time is twice that of the contract, as the machine may be busy."""
    name, encode = CODINGS[coding]
    for bomb, (head, fill) in BOMBS.items():
        body = encode(head + fill * (40 * MEBIBYTE // len(fill)))
        begun = time.process_time()
        response = receiver.post(body, path + QUERY, headers={"content-encoding": name})
        assert time.process_time() - begun < 0.2, bomb
        assert response.status in (400, 413), bomb
        tracemalloc.start()
        receiver.post(body, path + QUERY, headers={"content-encoding": name})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 * MEBIBYTE, bomb


def test_plain_body_of_many_lines_is_refused_at_once(receiver: Receiver) -> None:
    for fill in (b"\n", b"{}\n", b'{"type":"x"}\n\n', b'{"type":"event"}\n{}\n', b'{"type":"x","length":0}\n\n'):
        body = b"{}\n" + fill * (15 * MEBIBYTE // len(fill))
        begun = time.process_time()
        response = receiver.post([body[start : start + MEBIBYTE] for start in range(0, len(body), MEBIBYTE)])
        assert time.process_time() - begun < 0.2, fill
        assert response.status == 400, fill


COSTLY = {
    "lists": b"[" * MEBIBYTE,
    "objects": b'{"a":' * 200_000,
    "pairs": b"[]" * 500_000,
    "empty lists": b'{"a":[' + b"[]," * 300_000 + b"1]}",
    "nested lists": b"[" + b",".join([b"[" * 98 + b"]" * 98] * 5_000) + b"]",
    "backslashes": b'{"a":"' + b"\\" * 1_000_000,
    "digits": b'{"a":' + b"9" * 1_000_000 + b"}",
    "surrogates": b'{"a":"' + b"\\ud800" * 150_000 + b'"}',
    "numbers": b'{"a":NaN,"b":[' + b"1e999," * 150_000 + b"1]}",
}


@pytest.mark.parametrize("name", COSTLY)
def test_json_that_is_costly_to_parse(receiver: Receiver, name: str) -> None:
    """The limit is twice the time of the slowest, as the machine may be busy."""
    begun = time.process_time()
    response = receiver.post(envelope(item("event", COSTLY[name][:MEBIBYTE]), event_item()))
    assert time.process_time() - begun < 0.1
    assert response.status == 200


def test_bytes_of_all_requests_together_are_bounded(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "MAX_ALL_HELD_BYTES", 1 * MEBIBYTE)
    large = envelope(item("event", {"message": "x" * 700_000}))

    async def run() -> list[int]:
        first = receiver.send("POST", "/api/7/envelope/" + QUERY, large)
        second = receiver.send("POST", "/api/7/envelope/" + QUERY, large)
        small = receiver.send("POST", "/api/7/envelope/" + QUERY, envelope(event_item()))
        return [response.status for response in await asyncio.gather(first, second, small)]

    original = receiver.sink.submit

    async def submit_slowly(*args: object) -> None:
        await asyncio.sleep(0.05)
        await original(*args)  # type: ignore[arg-type]

    receiver.sink.submit = submit_slowly  # type: ignore[method-assign, assignment]
    assert asyncio.run(run()) == [200, 429, 200]
    assert receiver.sink.list_outcomes() == [("refused", "overload", "error", 1)]
    assert receiver.post(large).status == 200, "what was held is free again"
