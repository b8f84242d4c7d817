"""Upload of chunks: each answer of the contract, who owns a chunk, and what stays stored.

Source: docs/sentry-contract.md#6-6-chunks.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gql_releases.app import create_app
from gql_releases.domain.errors import NoSpaceLeft, Unavailable
from gql_releases.rest_api import chunk_upload
from gql_releases.services import chunk_uploads
from tests.conftest import Harness, Template
from tests.uploads import CHUNKS, encode_parts, send_parts, sha1, upload

MIB = 1024 * 1024
Parts = list[tuple[str, str | None, bytes]]
SMALL = b"hello"
GZIP, PLAIN = "file_gzip", "file"


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller limits, so that tests need few bytes: 1 KiB a chunk, 4 KiB and 4 chunks a request."""
    for name, value in (("CHUNK_BYTES", 1024), ("REQUEST_BYTES", 4096), ("REQUEST_CHUNKS", 4)):
        monkeypatch.setattr(chunk_upload, name, value)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def part(data: bytes, name: str = PLAIN) -> tuple[str, str | None, bytes]:
    return name, sha1(data), gzip.compress(data) if name == GZIP else data


def list_chunks(harness: Harness) -> list[tuple[Any, ...]]:
    return harness.rows("SELECT organization_id, sha1, sha256, size FROM chunks ORDER BY organization_id, sha1")


def row(data: bytes, organization: int = 1) -> tuple[Any, ...]:
    return organization, sha1(data), hashlib.sha256(data).hexdigest(), len(data)


def test_parameters_are_what_clients_read(harness: Harness) -> None:
    answer = harness.client.rest("GET", CHUNKS, headers={"host": "releases.example:8443"})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "url": "http://releases.example:8443/api/0/organizations/acme/chunk-upload/",
        "chunkSize": 8388608, "chunksPerRequest": 64, "maxFileSize": 2147483648, "maxRequestSize": 33554432, "concurrency": 8,
        "hashAlgorithm": "sha1", "compression": ["gzip"],
        "accept": ["debug_files", "release_files", "pdbs", "sources", "bcsymbolmaps", "il2cpp", "portablepdbs",
                   "artifact_bundles", "artifact_bundles_v2", "proguard"],
    }  # fmt: skip


@pytest.mark.parametrize("name", [PLAIN, GZIP])
def test_chunks_are_stored_for_the_organization(harness: Harness, name: str) -> None:
    answer = send_parts(harness.client, [part(SMALL, name), part(b"", name), part(noise(300_000), name)])
    assert (answer.status, answer.body) == (200, b"")
    assert list_chunks(harness) == sorted([row(SMALL), row(b""), row(noise(300_000))])
    folder = Path((harness.settings.files or "").removeprefix("file://")) / "chunks"
    for data in (SMALL, b"", noise(300_000)):
        digest = sha1(data)
        assert (folder / digest[:2] / digest[2:4] / digest).read_bytes() == data


TABLE: dict[str, tuple[Parts | bytes, dict[str, str], int, Any, Parts]] = {
    "no body": (b"", {}, 200, None, []),
    "no body and an unsupported coding": (b"", {"content-encoding": "br"}, 200, None, []),
    "no parts of chunks": ([("name", None, b"x"), ("other", sha1(SMALL), SMALL)], {}, 200, None, []),
    "unsupported coding": ([part(SMALL)], {"content-encoding": "br"}, 400, "Unsupported Content-Encoding", []),
    "two codings": ([part(SMALL)], {"content-encoding": "gzip, zstd"}, 400, "Unsupported Content-Encoding", []),
    "coding and a gzip part": (
        gzip.compress(encode_parts([part(SMALL), part(b"x", GZIP)])), {"content-encoding": "gzip"}, 400,
        "Cannot combine Content-Encoding with file_gzip field", [part(SMALL)],
    ),
    "gzip": (gzip.compress(encode_parts([part(SMALL)])), {"content-encoding": "gzip"}, 200, None, [part(SMALL)]),
    "zstd": (zstandard.compress(encode_parts([part(SMALL)])), {"content-encoding": "zstd"}, 200, None, [part(SMALL)]),
    "identity": ([part(SMALL)], {"content-encoding": "identity"}, 200, None, [part(SMALL)]),
    "largest chunk": ([part(noise(1024))], {}, 200, None, [part(noise(1024))]),
    "chunk too large": ([part(noise(1025))], {}, 400, "Chunk size too large", []),
    "gzip chunk too large": ([part(noise(1025), GZIP)], {}, 400, "Chunk size too large", []),
    "bomb": ([part(bytes(10**7), GZIP)], {}, 400, "Chunk size too large", []),
    "largest request": (
        [part(noise(1024, n)) for n in range(4)], {}, 200, None, [part(noise(1024, n)) for n in range(4)],
    ),
    "too many chunks": ([part(b"%d" % n) for n in range(5)], {}, 400, "Too many chunks", [part(b"%d" % n) for n in range(4)]),
    "wrong name": ([("file", sha1(b"x"), SMALL)], {}, 400, "Checksum mismatch", []),
    "name of the gzip bytes": ([(GZIP, sha1(gzip.compress(SMALL)), gzip.compress(SMALL))], {}, 400, "Checksum mismatch", []),
    "no name": ([("file", None, SMALL)], {}, 400, "Checksum mismatch", []),
    "capitals in the name": ([("file", sha1(SMALL).upper(), SMALL)], {}, 400, "Checksum mismatch", []),
    "name with a path": ([("file", "../" + sha1(SMALL), SMALL)], {}, 400, "Checksum mismatch", []),
    "name of another hash": ([("file", hashlib.sha256(SMALL).hexdigest(), SMALL)], {}, 400, "Checksum mismatch", []),
    "valid chunks around a wrong one": (
        [part(b"a"), ("file", sha1(b"x"), SMALL), part(b"b")], {}, 400, "Checksum mismatch", [part(b"a"), part(b"b")],
    ),
    "a limit is checked before a checksum": (
        [("file", sha1(b"x"), SMALL), part(noise(1025))], {}, 400, "Chunk size too large", [],
    ),
    "no gzip": ([(GZIP, sha1(SMALL), SMALL)], {}, 400, "Invalid gzip payload", []),
    "gzip that is cut": ([(GZIP, sha1(SMALL), gzip.compress(SMALL)[:-9])], {}, 400, "Invalid gzip payload", []),
    "body that is cut": (encode_parts([part(SMALL)])[:-6], {}, 400, "Invalid multipart body", [part(SMALL)]),
    "no multipart": (b"x", {"content-type": "application/json"}, 400, "Invalid multipart body", []),
    "the same chunk twice": ([part(SMALL), part(SMALL, GZIP)], {}, 200, None, [part(SMALL)]),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_answer_is_that_of_the_contract(harness: Harness, limits: None, case: str) -> None:
    body, headers, status, error, expected = TABLE[case]
    if isinstance(body, bytes):
        headers = {"content-type": "multipart/form-data; boundary=chunks", **headers}
        answer = harness.client.rest("POST", CHUNKS, body, headers=headers)
    else:
        answer = send_parts(harness.client, body, headers=headers)
    assert (answer.status, answer.json if answer.body else None) == (status, error and {"error": error})
    names = {name for _, name, *_ in list_chunks(harness)}
    # Valid chunks before a broken one may stay stored; they are the only ones.
    assert names <= {name for _, name, _ in expected}
    assert status != 200 or names == {name for _, name, _ in expected}


def test_all_chunks_together_have_a_limit(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_upload, "REQUEST_BYTES", 1000)
    answer = send_parts(harness.client, [part(noise(600, 1)), part(noise(401, 2))])
    assert (answer.status, answer.json) == (400, {"error": "Request too large"})
    assert send_parts(harness.client, [part(noise(600, 1)), part(noise(400, 3), GZIP)]).status == 200


def test_body_may_be_larger_than_its_chunks_and_has_a_limit(harness: Harness) -> None:
    """Gzip of random bytes grows, and each part has a head."""
    largest = [part(noise(MIB // 2, n), GZIP) for n in range(64)]
    body = encode_parts(largest)
    assert len(body) > 32 * MIB
    assert send_parts(harness.client, largest).status == 200
    answer = harness.client.rest(
        "POST", CHUNKS, b"x" * (33 * MIB + 1), headers={"content-type": "multipart/form-data; boundary=chunks"}
    )
    assert (answer.status, answer.json) == (413, {"error": "Request too large"})


@pytest.mark.parametrize(
    "scopes, read, write",
    [
        (("org:ci",), 200, 200), (("project:releases",), 200, 200), (("project:write",), 200, 200),
        (("project:admin",), 200, 200), (("project:read",), 200, 403), (("org:read", "org:write", "org:admin"), 403, 403),
    ],
)  # fmt: skip
def test_scopes(harness: Harness, scopes: tuple[str, ...], read: int, write: int) -> None:
    token = harness.token(*scopes)
    assert harness.client.rest("GET", CHUNKS, token=token).status == read
    assert send_parts(harness.client, [part(SMALL)], token=token).status == write
    assert bool(list_chunks(harness)) == (write == 200)


def test_chunk_belongs_to_the_organization_that_sent_it(harness: Harness) -> None:
    client, other = harness.client, harness.tokens["other"]
    answer = send_parts(client, [part(SMALL)], token=other)
    assert (answer.status, answer.json) == (403, {"detail": "You do not have permission to perform this action."})
    upload(client, SMALL, path="organizations/other/chunk-upload/", token=other)
    assert list_chunks(harness) == [row(SMALL, 2)]
    upload(client, SMALL)
    assert list_chunks(harness) == [row(SMALL), row(SMALL, 2)]


def test_the_same_chunks_may_come_at_the_same_time(harness: Harness) -> None:
    chunks = [noise(20_000, number) for number in range(6)]

    async def send(number: int) -> int:
        ordered = chunks[number % 6 :] + chunks[: number % 6]
        headers = {"content-type": "multipart/form-data; boundary=chunks"}
        body = encode_parts([part(chunk, GZIP) for chunk in ordered])
        answer = await harness.client.send("POST", f"/api/0/{CHUNKS}", body, headers=headers)
        return answer.status

    async def work() -> list[int]:
        return await asyncio.gather(*map(send, range(12)))

    assert harness.run(work()) == [200] * 12
    assert list_chunks(harness) == sorted(map(row, chunks))


@pytest.mark.parametrize(
    "error, status, body",
    [
        (NoSpaceLeft(), 507, {"error": "No space left"}),
        (Unavailable(), 503, {"detail": "The store is not available at the moment; nothing was changed."}),
    ],
)
def test_full_and_unavailable_storage(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, body: Any
) -> None:
    async def fail(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr(chunk_uploads.ChunkUploadService, "store_chunk", fail)
    answer = send_parts(harness.client, [part(SMALL)])
    assert (answer.status, answer.json) == (status, body)


def test_too_many_uploads_are_refused_as_busy(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_uploads, "MAX_UPLOADS", 0)
    assert send_parts(harness.client, [part(SMALL)]).status == 503


def test_server_without_a_storage_says_so(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path)
    try:
        settings = harness.settings.model_copy(update={"files": None, "database_url": "postgresql://localhost/none"})
        harness.client.app = create_app(settings, harness.store)
        for method in ("GET", "POST"):
            answer = harness.client.rest(method, CHUNKS, None if method == "GET" else {})
            assert answer.status == 501
            assert "GQL_RELEASES_FILES" in answer.json["detail"]
    finally:
        harness.close()
