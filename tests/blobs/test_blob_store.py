"""What folders and buckets have in common as stores of blobs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import GenericError

from gql_releases.blobs import object_store
from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.domain.blob import BlobKind, BlobNotFound, ChecksumMismatch, StoredBlob
from gql_releases.domain.errors import NoSpaceLeft, Unavailable
from tests.blobs.conftest import OpenStore
from tests.object_server import ObjectServer

CONTENT = b"function a(){return 1}\n" * 1000
SHA1 = hashlib.sha1(CONTENT).hexdigest()
ABSENT = "0" * 40
LARGE_CONTENT = os.urandom(1024 * 1024) * 12


def run(open_store: OpenStore, scenario: Callable[[BlobStore], Awaitable[None]]) -> None:
    """Run a scenario with a store and close it."""

    async def main() -> None:
        store = open_store()
        try:
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(main())


async def put(store: BlobStore, content: bytes, kind: BlobKind = BlobKind.CHUNK, expected: str | None = None) -> StoredBlob:
    async with await store.begin(kind) as writer:
        for start in range(0, len(content), 70_000):
            await writer.write(content[start : start + 70_000])
        assert writer.size == len(content)
        return await writer.commit(expected)


async def read(
    store: BlobStore, sha1: str, start: int = 0, end: int | None = None, kind: BlobKind = BlobKind.CHUNK
) -> bytes:
    return b"".join([piece async for piece in store.stream(kind, sha1, start, end)])


async def list_names(store: BlobStore, kind: BlobKind) -> list[str]:
    return [entry.sha1 async for entry in store.list_blobs(kind)]


@pytest.mark.parametrize("content", [CONTENT, b"", b"x", LARGE_CONTENT], ids=["text", "empty", "byte", "large"])
def test_blob_is_read_as_it_was_written(open_store: OpenStore, content: bytes) -> None:
    async def scenario(store: BlobStore) -> None:
        blob = await put(store, content)
        sha1 = hashlib.sha1(content).hexdigest()
        assert blob == StoredBlob(sha1, hashlib.sha256(content).hexdigest(), len(content))
        entry = await store.stat(BlobKind.CHUNK, sha1)
        assert entry is not None
        assert (entry.sha1, entry.size) == (sha1, len(content))
        assert abs(datetime.now(UTC) - entry.last_modified) < timedelta(minutes=1)
        assert await read(store, sha1) == content
        assert await store.stat(BlobKind.BLOB, sha1) is None
        async with store.local_path(BlobKind.CHUNK, sha1) as path:
            assert path.read_bytes() == content
        file = await store.open_reader(BlobKind.CHUNK, sha1)
        assert await asyncio.to_thread(file.read) == content
        file.close()

    run(open_store, scenario)


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 10), (5, None), (5, 9), (22_999, None), (23_000, None), (9, 9), (9, 5), (5, 90_000), (90_000, None)],
)
def test_part_of_a_blob_is_streamed(open_store: OpenStore, start: int, end: int | None) -> None:
    async def scenario(store: BlobStore) -> None:
        await put(store, CONTENT)
        assert await read(store, SHA1, start, end) == CONTENT[start:end]

    run(open_store, scenario)


def test_reader_is_a_file_for_zipfile(open_store: OpenStore, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "first")
        archive.writestr("b.txt", os.urandom(3_000_000))

    async def scenario(store: BlobStore) -> None:
        blob = await put(store, (tmp_path / "a.zip").read_bytes(), BlobKind.BLOB)
        file = await store.open_reader(BlobKind.BLOB, blob.sha1)

        def read_members() -> tuple[list[str], bytes]:
            with file, zipfile.ZipFile(file) as archive:
                assert archive.testzip() is None
                return archive.namelist(), archive.read("a.txt")

        assert await asyncio.to_thread(read_members) == (["a.txt", "b.txt"], b"first")

    run(open_store, scenario)


def test_absent_blob(open_store: OpenStore) -> None:
    async def scenario(store: BlobStore) -> None:
        assert await store.stat(BlobKind.CHUNK, ABSENT) is None
        assert not await store.delete(BlobKind.CHUNK, ABSENT)
        with pytest.raises(BlobNotFound):
            await store.open_reader(BlobKind.CHUNK, ABSENT)
        with pytest.raises(BlobNotFound):
            await read(store, ABSENT)
        with pytest.raises(BlobNotFound):
            await read(store, ABSENT, 3, 9)
        with pytest.raises(BlobNotFound):
            async with store.local_path(BlobKind.CHUNK, ABSENT):
                pass
        assert await list_names(store, BlobKind.CHUNK) == []

    run(open_store, scenario)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 40, "a" * 39, "a" * 41, "a" * 40 + "\n"])
def test_name_that_is_no_sha1_is_refused(open_store: OpenStore, name: str) -> None:
    async def scenario(store: BlobStore) -> None:
        with pytest.raises(ValueError, match="not a SHA-1"):
            await store.stat(BlobKind.CHUNK, name)
        with pytest.raises(ValueError, match="not a SHA-1"):
            await store.delete(BlobKind.CHUNK, name)
        with pytest.raises(ValueError, match="not a SHA-1"):
            async with store.local_path(BlobKind.CHUNK, name):
                pass

    run(open_store, scenario)


def test_other_checksum_than_expected_stores_nothing(open_store: OpenStore) -> None:
    async def scenario(store: BlobStore) -> None:
        with pytest.raises(ChecksumMismatch):
            await put(store, CONTENT, expected=ABSENT)
        assert await list_names(store, BlobKind.CHUNK) == []
        assert await store.sweep_temporary(timedelta(seconds=-60)) == 0
        assert (await put(store, CONTENT, expected=SHA1)).sha1 == SHA1

    run(open_store, scenario)


def test_writer_that_is_not_committed_leaves_nothing(open_store: OpenStore) -> None:
    async def scenario(store: BlobStore) -> None:
        async with await store.begin(BlobKind.CHUNK) as writer:
            await writer.write(LARGE_CONTENT)
        with pytest.raises(ValueError, match="closed"):
            await writer.write(b"more")
        with pytest.raises(ValueError, match="closed"):
            await writer.commit()
        await writer.abort()
        assert await list_names(store, BlobKind.CHUNK) == []
        assert await store.sweep_temporary(timedelta(seconds=-60)) == 0

    run(open_store, scenario)


def test_concurrent_writers_of_the_same_content_all_succeed(open_store: OpenStore) -> None:
    async def scenario(store: BlobStore) -> None:
        blobs = await asyncio.gather(*(put(store, CONTENT) for _ in range(20)))
        assert {blob.sha1 for blob in blobs} == {SHA1}
        assert await list_names(store, BlobKind.CHUNK) == [SHA1]
        assert await read(store, SHA1) == CONTENT
        assert await store.sweep_temporary(timedelta(seconds=-60)) == 0

    run(open_store, scenario)


def test_second_content_of_the_same_sha1_is_refused(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collision, made with a writer that claims the SHA-1 of another content."""

    async def scenario(store: BlobStore) -> None:
        for content in (CONTENT, LARGE_CONTENT):
            await put(store, content)
            for other in (bytes(len(content)), content[1:]):
                sha1 = hashlib.sha1(content).hexdigest()
                async with await store.begin(BlobKind.CHUNK) as writer:
                    await writer.write(other)
                    claim = StoredBlob(sha1, hashlib.sha256(other).hexdigest(), len(other))
                    monkeypatch.setattr(writer._spool, "describe", lambda claim=claim: claim)
                    with pytest.raises(ChecksumMismatch):
                        await writer.commit(sha1)
                assert await read(store, sha1) == content

    run(open_store, scenario)


def test_kinds_are_apart_and_a_list_has_all_of_a_kind(open_store: OpenStore) -> None:
    contents = [str(number).encode() for number in range(30)]

    async def scenario(store: BlobStore) -> None:
        blobs = [await put(store, content) for content in contents]
        await put(store, b"file", BlobKind.BLOB)
        entries = [entry async for entry in store.list_blobs(BlobKind.CHUNK)]
        assert [(entry.sha1, entry.size) for entry in entries] == sorted((blob.sha1, blob.size) for blob in blobs)
        assert await list_names(store, BlobKind.BLOB) == [hashlib.sha1(b"file").hexdigest()]

    run(open_store, scenario)


def test_delete_spares_what_was_stored_again(open_store: OpenStore) -> None:
    async def scenario(store: BlobStore) -> None:
        await put(store, CONTENT)
        entry = await store.stat(BlobKind.CHUNK, SHA1)
        assert entry is not None
        assert not await store.delete(BlobKind.CHUNK, SHA1, entry.last_modified - timedelta(hours=1))
        assert await store.delete(BlobKind.CHUNK, SHA1, entry.last_modified + timedelta(hours=1))
        assert await store.stat(BlobKind.CHUNK, SHA1) is None
        await put(store, CONTENT)
        assert await store.delete(BlobKind.CHUNK, SHA1)
        assert not await store.delete(BlobKind.CHUNK, SHA1)

    run(open_store, scenario)


def test_stores_of_the_same_place_have_the_same_identity(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(store: BlobStore) -> None:
        again, other = open_store(), open_blob_store((tmp_path / "other").as_uri())
        assert store.identity == again.identity != other.identity
        assert "test" not in store.identity.split()
        await again.close()
        await other.close()

    run(open_store, scenario)


def test_check_passes_where_blobs_can_be_written(open_store: OpenStore) -> None:
    async def scenario(store: BlobStore) -> None:
        await store.check()
        assert await list_names(store, BlobKind.CHUNK) == []

    run(open_store, scenario)


def test_copies_of_a_bucket_are_bounded_and_kept_while_they_are_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("object_server")
    url = server.create_bucket("copies")
    work = tmp_path / "work"

    async def main() -> None:
        store = open_blob_store(url, server.options, work_folder=work, copy_bytes=2500)
        sha1s = [(await put(store, bytes([number]) * 1000)).sha1 for number in range(4)]
        for sha1 in sha1s:
            async with store.local_path(BlobKind.CHUNK, sha1) as path:
                assert path.stat().st_size == 1000
        assert sorted(path.name[-40:] for path in work.iterdir()) == sorted(sha1s[-2:])
        async with (
            store.local_path(BlobKind.CHUNK, sha1s[0]) as first,
            store.local_path(BlobKind.CHUNK, sha1s[1]) as second,
            store.local_path(BlobKind.CHUNK, sha1s[2]) as third,
        ):
            assert len(list(work.iterdir())) == 3
            assert all(path.is_file() for path in (first, second, third))
        assert len(list(work.iterdir())) == 2
        first.unlink(missing_ok=True)
        async with store.local_path(BlobKind.CHUNK, sha1s[0]) as first:
            assert first.read_bytes() == bytes(1000), "a copy that was swept is fetched again"
        (work / "spool-left").write_bytes(b"left")
        assert await store.sweep_temporary(timedelta(hours=1)) == 0
        os.utime(work / "spool-left", (1, 1))
        assert await store.sweep_temporary(timedelta(hours=1)) == 1
        await store.close()
        assert list(work.iterdir()) == []

    asyncio.run(main())


def test_bucket_that_does_not_respond_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gql_releases.blobs.object_store.RETRIES", {"max_retries": 0, "retry_timeout": timedelta(seconds=1)})

    async def main() -> None:
        options = {"endpoint": "http://127.0.0.1:9", "region": "r", "access_key_id": "k", "secret_access_key": "hidden"}
        store = open_blob_store("s3://bucket", options, work_folder=tmp_path)
        with pytest.raises(Unavailable) as caught:
            await store.check()
        assert "hidden" not in f"{caught.value} {caught.value.__cause__}"
        with pytest.raises(Unavailable):
            await put(store, CONTENT)
        assert os.listdir(tmp_path) == []
        await store.close()

    asyncio.run(main())


def test_old_object_is_written_again_and_a_recent_one_is_not(
    object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a collector could delete by its date what a client was just told to be stored."""
    puts = list[tuple[str | None, bool]]()
    put_async = obstore.put_async

    async def record_put(*arguments: Any, **options: Any) -> Any:
        puts.append((options.get("mode"), options["use_multipart"]))
        return await put_async(*arguments, **options)

    monkeypatch.setattr(obstore, "put_async", record_put)

    async def main() -> None:
        store = open_blob_store(object_server.create_bucket("renewed"), object_server.options, work_folder=tmp_path)
        for content, first in ((CONTENT, [("create", False)]), (LARGE_CONTENT, [(None, True)])):
            await put(store, content)
            assert puts == first
            await put(store, content)
            assert puts == first + ([("create", False)] if content is CONTENT else [])
            puts.clear()
            with monkeypatch.context() as patch:
                patch.setattr(object_store, "RENEW_AFTER", timedelta(seconds=-60))
                await put(store, content)
            assert puts[-1] == (None, content is LARGE_CONTENT)
            puts.clear()
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize("text", ["<Code>XMinioStorageFull</Code>", "507 Insufficient Storage"])
def test_full_bucket(object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async def fail(*arguments: Any, **options: Any) -> Any:
        raise GenericError(text)

    async def main() -> None:
        store = open_blob_store(object_server.create_bucket("full"), object_server.options, work_folder=tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(obstore, "put_async", fail)
            with pytest.raises(NoSpaceLeft, match="No space left"):
                await put(store, CONTENT)
        assert os.listdir(tmp_path) == []
        await put(store, CONTENT)
        await store.close()

    asyncio.run(main())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="NOT TESTED: there is no /proc/self/clear_refs")
def test_memory_of_an_upload_is_bounded(object_server: ObjectServer, tmp_path: Path) -> None:
    """100 MB go into a bucket and come back; the process does not grow by more than 80 MB, which 16 parts of 5 MiB have."""

    async def main() -> int:
        store = open_blob_store(object_server.create_bucket("memory"), object_server.options, work_folder=tmp_path)
        await put(store, CONTENT)
        before = read_memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # noqa: ASYNC240
        async with await store.begin(BlobKind.BLOB) as writer:
            for number in range(1000):
                await writer.write(number.to_bytes(4, "big") * 25_000)
            blob = await writer.commit()
        size = 0
        async for piece in store.stream(BlobKind.BLOB, blob.sha1):
            size += len(piece)
        assert size == blob.size == 100_000_000
        await store.close()
        return read_memory("VmHWM") - before

    assert asyncio.run(main()) < 80_000


def read_memory(name: str) -> int:
    """Return a value of this process in KB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "files",
        "/files",
        "file://host/folder",
        "file:///",
        "file:files",
        "ftp://host/a",
        "memory:///",
        "s3://",
        "http://host/",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        open_blob_store(url)


def test_unknown_options_are_refused_without_their_values(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="options") as caught:
        open_blob_store("s3://bucket", {"no_such_option": "hidden"}, work_folder=tmp_path)
    assert "hidden" not in str(caught.value)
    with pytest.raises(ValueError, match="no options"):
        open_blob_store("file:///folder", {"region": "a"})
