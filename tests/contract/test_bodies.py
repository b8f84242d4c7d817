"""Content codings of bodies, and JSON that is UTF-8 alone, at both APIs."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from gql_releases.web.bodies import BrokenEncoding, decode_body
from gql_releases.web.http import BodyTooLarge
from tests.client import Answer, Client

RELEASES = "/api/0/organizations/acme/releases/"
GRAPHQL, REST = {"query": "{__typename}"}, {"version": "web@1", "projects": ["web"]}


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


def encode(body: bytes, encoding: str) -> bytes:
    """Apply the codings of a Content-Encoding header, the first one first."""
    for name in encoding.split(","):
        body = ENCODERS[name.strip().lower()](body)
    return body


def post(client: Client, path: str, body: bytes, encoding: str | None) -> Answer:
    return client.request("POST", path, body, headers={"content-encoding": encoding} if encoding else {})


def test_encoded_body_is_read(client: Client) -> None:
    for encoding in (
        "gzip",
        "GZIP",
        "x-gzip",
        "deflate",
        "identity",
        "gzip, deflate",
        "deflate,gzip",
        "gzip,gzip,gzip",
        "identity,gzip",
    ):
        for path, body in (("/graphql", GRAPHQL), (RELEASES, REST)):
            assert post(client, path, encode(json.dumps(body).encode(), encoding), encoding).status in (200, 201, 208), (
                encoding
            )
    text = json.dumps(REST).encode()
    assert post(client, RELEASES, raw_deflate(text), "deflate").status == 208
    assert post(client, RELEASES, gzip.compress(text[:9]) + gzip.compress(text[9:]), "gzip").status == 208
    large = {**GRAPHQL, "extensions": {"x": "x" * 1_000_000}}
    assert post(client, "/graphql", gzip.compress(json.dumps(large).encode()), "gzip").status == 200


def test_unknown_encoding_is_a_415_that_names_the_known_ones(client: Client) -> None:
    for encoding, path in itertools.product(
        ("br", "zstd", "compress", "gzip, br", "x", "gzip;q=1", "gzip," * 4), ("/graphql", RELEASES)
    ):
        answer = post(client, path, b"x", encoding)
        assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip, deflate"), encoding


def test_broken_stream_is_a_400(client: Client) -> None:
    whole = gzip.compress(json.dumps(REST).encode())
    wrong_sum = whole[:-8] + b"\0" * 4 + whole[-4:]
    for path in ("/graphql", RELEASES):
        for body in (b"", b"x", whole[:-1], whole[: len(whole) // 2], whole + b"x", wrong_sum, json.dumps(REST).encode()):
            answer = post(client, path, body, "gzip")
            assert (answer.status, b"not valid gzip" in answer.body) == (400, True), body
        for body in (b"", b"x", zlib.compress(b"{}")[:-1], zlib.compress(b"{}") + b"x", whole):
            answer = post(client, path, body, "deflate")
            assert (answer.status, b"not valid deflate" in answer.body) == (400, True), body


def test_limit_holds_after_decoding_and_decoding_stops_at_it(client: Client) -> None:
    bomb = gzip.compress(b" " * 40 * 1024 * 1024)
    for path, encoding in itertools.product(("/graphql", RELEASES), ("gzip", "gzip, gzip")):
        body = bomb if encoding == "gzip" else gzip.compress(bomb)
        assert len(body) < 100_000
        assert post(client, path, body, encoding).status == 413
    anonymous = client.request(
        "POST", "/graphql", gzip.compress(b" " * 200_000), token=None, headers={"content-encoding": "gzip"}
    )
    assert anonymous.status == 413


def test_decoding_is_bounded_in_bytes_and_members() -> None:
    assert decode_body(gzip.compress(b"x" * 10), ["gzip"], 10) == b"x" * 10
    with pytest.raises(BodyTooLarge):
        decode_body(gzip.compress(b"x" * 11), ["gzip"], 10)
    with pytest.raises(BrokenEncoding, match="members"):
        decode_body(gzip.compress(b"") * 10_000, ["gzip"], 10)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "latin-1", "cp1252"])
def test_json_that_is_not_utf_8_is_a_400(client: Client, encoding: str) -> None:
    bodies: list[tuple[str, Any]] = [("/graphql", {"query": "{__typename} # é"}), (RELEASES, {**REST, "ref": "é"})]
    for path, body in bodies:
        answer = client.request("POST", path, json.dumps(body, ensure_ascii=False).encode(encoding))
        assert answer.status == 400
        padded = json.dumps({**body, "x": "é" * 400_000}, ensure_ascii=False).encode(encoding)  # read in a thread
        assert client.request("POST", path, padded).status == 400


def test_byte_order_mark_is_skipped(client: Client) -> None:
    for path, body in (("/graphql", GRAPHQL), (RELEASES, REST)):
        assert client.request("POST", path, b"\xef\xbb\xbf" + json.dumps(body).encode()).status in (200, 201)
