"""A folder as a store of blobs: the order of its calls, full disks, damaged files, memory."""

from __future__ import annotations

import asyncio
import errno
import gc
import hashlib
import os
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gql_releases.blobs import local_store as local_store_module
from gql_releases.blobs import writer as writer_module
from gql_releases.blobs.local_store import LocalBlobStore
from gql_releases.domain.blob import BlobKind
from gql_releases.domain.errors import ErrorCode, NoSpaceLeft, Unavailable

CONTENT = b"a chunk"
SHA1 = hashlib.sha1(CONTENT).hexdigest()


async def put(store: LocalBlobStore, content: bytes = CONTENT) -> None:
    async with await store.begin(BlobKind.CHUNK) as writer:
        await writer.write(content)
        await writer.commit()


def locate(root: Path) -> Path:
    return root / "chunks" / SHA1[:2] / SHA1[2:4] / SHA1


class Calls:
    """Records fsync and rename with the paths that they concern, relative to the folder of the store."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.names = root, list[str]()
        fsync, replace = os.fsync, os.replace

        def record_fsync(descriptor: int) -> None:
            self.names.append(f"fsync {self.shorten(os.readlink(f'/proc/self/fd/{descriptor}'))}")
            fsync(descriptor)

        def record_replace(source: Any, target: Any) -> None:
            self.names.append(f"rename {self.shorten(source)} {self.shorten(target)}")
            replace(source, target)

        monkeypatch.setattr(os, "fsync", record_fsync)
        monkeypatch.setattr(os, "replace", record_replace)

    def shorten(self, path: Any) -> str:
        text = os.path.relpath(str(path), self.root)
        return "tmp/*" if text.startswith("tmp/") else text.replace(SHA1, "SHA1")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="NOT TESTED: there is no /proc/self/fd")
def test_bytes_are_durable_before_the_commit_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "new" / "files"
    calls = Calls(root, monkeypatch)
    folder = f"chunks/{SHA1[:2]}/{SHA1[2:4]}"

    async def main() -> None:
        store = LocalBlobStore(root)
        await put(store)
        await store.close()

    asyncio.run(main())
    assert calls.names == [
        *("fsync .", "fsync ..", "fsync ../.."),
        "fsync tmp/*",
        *(f"fsync chunks/{SHA1[:2]}", "fsync chunks", "fsync ."),
        *(f"rename tmp/* {folder}/SHA1", f"fsync {folder}"),
    ]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="NOT TESTED: there is no /proc/self/fd")
def test_blob_that_was_there_is_synchronized_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writer may be between its rename and the synchronization of the folder."""

    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        await put(store)
        os.utime(locate(tmp_path), (1, 1))
        calls = Calls(tmp_path, monkeypatch)
        await put(store)
        assert calls.names == ["fsync tmp/*", f"fsync chunks/{SHA1[:2]}/{SHA1[2:4]}"]
        assert locate(tmp_path).stat().st_mtime > time.time() - 60, "its date is renewed"
        assert os.listdir(tmp_path / "tmp") == []
        await store.close()

    asyncio.run(main())


def test_damaged_blob_is_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        await put(store)
        for damaged in (b"", b"A chunk"):
            locate(tmp_path).write_bytes(damaged)
            await put(store)
            assert locate(tmp_path).read_bytes() == CONTENT
        await store.close()

    asyncio.run(main())


def test_folders_that_were_removed_are_made_again(tmp_path: Path) -> None:
    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        await put(store)
        for path in (
            locate(tmp_path),
            locate(tmp_path).parent,
            locate(tmp_path).parent.parent,
            tmp_path / "chunks",
            tmp_path / "tmp",
        ):
            path.unlink() if path.is_file() else path.rmdir()
        await put(store)
        assert locate(tmp_path).read_bytes() == CONTENT
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (errno.ENOSPC, NoSpaceLeft, "No space left"),
        (errno.EDQUOT, NoSpaceLeft, "No space left"),
        (errno.EIO, Unavailable, "not available"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: type[Exception], message: str
) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError(number, os.strerror(number))

    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        with monkeypatch.context() as patch:
            if call == "write":
                patch.setattr(writer_module.Spool, "append", fail)
            else:
                patch.setattr(os, call, fail)
            with pytest.raises(error, match=message) as caught:
                await put(store)
            assert isinstance(caught.value, Unavailable)
            assert caught.value.code is ErrorCode.UNAVAILABLE
        assert not locate(tmp_path).exists()
        assert os.listdir(tmp_path / "tmp") == []
        await put(store)
        await store.close()

    asyncio.run(main())


def test_disk_that_is_really_full(tmp_path: Path) -> None:
    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        async with await store.begin(BlobKind.CHUNK) as writer:
            writer._spool.file.close()
            writer._spool.file = open("/dev/full", "wb")  # noqa: ASYNC230, SIM115
            with pytest.raises(NoSpaceLeft):
                await writer.write(b"x" * writer_module.BUFFER_BYTES)
        await store.close()

    if not Path("/dev/full").exists():
        pytest.skip("NOT TESTED: there is no /dev/full")
    asyncio.run(main())


def test_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    async def main() -> None:
        store = LocalBlobStore(tmp_path / "file")
        with pytest.raises(Unavailable):
            await store.check()
        with pytest.raises(Unavailable):
            await store.begin(BlobKind.CHUNK)
        await store.close()

    asyncio.run(main())


def test_sweep_removes_old_temporary_files_only(tmp_path: Path) -> None:
    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        assert await store.sweep_temporary(timedelta(hours=24)) == 0
        await put(store)
        os.utime(locate(tmp_path), (1, 1))
        (tmp_path / "tmp" / "old").write_bytes(b"old")
        os.utime(tmp_path / "tmp" / "old", (1, 1))
        async with await store.begin(BlobKind.CHUNK) as writer:
            await writer.write(CONTENT)
            assert await store.sweep_temporary(timedelta(hours=24)) == 1
            await writer.commit()
        assert locate(tmp_path).exists()
        await store.close()

    asyncio.run(main())


def test_other_files_are_not_listed(tmp_path: Path) -> None:
    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        await put(store)
        (tmp_path / "chunks" / "README").write_text("no blob")
        (tmp_path / "chunks" / SHA1[:2] / "lost+found").mkdir()
        locate(tmp_path).with_name(f"{SHA1}#1").write_bytes(b"")
        assert [entry.sha1 async for entry in store.list_blobs(BlobKind.CHUNK)] == [SHA1]
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize("is_in_commit", [False, True])
def test_cancelled_writer_waits_for_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_in_commit: bool) -> None:
    """A thread is not cancelled: the file is removed, or the blob is stored, when it ends."""
    append, fsync = writer_module.Spool.append, os.fsync

    def append_slowly(spool: writer_module.Spool, pieces: list[bytes]) -> None:
        time.sleep(0 if is_in_commit else 0.3)
        append(spool, pieces)

    def fsync_slowly(descriptor: int) -> None:
        time.sleep(0.1)
        fsync(descriptor)

    monkeypatch.setattr(writer_module.Spool, "append", append_slowly)
    monkeypatch.setattr(os, "fsync", fsync_slowly)

    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        await store.check()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
        task = asyncio.create_task(put(store))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert os.listdir(tmp_path / "tmp") == []
        assert (await store.stat(BlobKind.CHUNK, SHA1) is not None) == is_in_commit
        await store.close()

    failures = list[Any]()
    asyncio.run(main())
    gc.collect()
    assert failures == []


def test_memory_of_a_stream_is_bounded_by_buffers(tmp_path: Path) -> None:
    """100 MB are written and read in pieces; Python's memory does not grow by more than 4 MB."""
    piece = bytes(100_000)

    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        tracemalloc.start()
        try:
            async with await store.begin(BlobKind.BLOB) as writer:
                for number in range(1000):
                    await writer.write(number.to_bytes(4, "big") + piece[4:])
                blob = await writer.commit()
            size = 0
            async for part in store.stream(BlobKind.BLOB, blob.sha1):
                size += len(part)
            assert size == blob.size == 100_000_000
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()
        await store.close()

    asyncio.run(main())


def test_event_loop_is_free_while_a_blob_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: time.sleep(0.3))

    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        task, longest = asyncio.create_task(put(store)), 0.0
        while not task.done():
            start = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - start)
        await task
        assert longest < 0.25
        await store.close()

    asyncio.run(main())


def test_blob_that_is_stored_again_while_it_is_deleted_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector has compared the date when the same content is stored again."""

    async def main() -> None:
        store = LocalBlobStore(tmp_path / "files")
        await put(store)
        path, unlink = locate(tmp_path / "files"), Path.unlink
        writers: list[threading.Thread] = []

        def unlink_slowly(self: Path, missing_ok: bool = False) -> None:
            if self == path and not writers:
                writers.append(threading.Thread(target=asyncio.run, args=(put(LocalBlobStore(tmp_path / "files")),)))
                writers[0].start()
                writers[0].join(0.3)
            unlink(self, missing_ok)

        monkeypatch.setattr(Path, "unlink", unlink_slowly)
        assert await store.delete(BlobKind.CHUNK, SHA1, datetime.now(UTC))
        await asyncio.to_thread(writers[0].join)
        assert path.read_bytes() == CONTENT
        await store.close()

    asyncio.run(main())


def test_blob_that_is_deleted_while_it_is_stored_again_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store = LocalBlobStore(tmp_path)
        await put(store)
        compare = local_store_module._has_content

        def compare_and_delete(path: Path, *more: Any) -> bool:
            result = compare(path, *more)
            path.unlink()
            return result

        monkeypatch.setattr(local_store_module, "_has_content", compare_and_delete)
        await put(store)
        assert locate(tmp_path).read_bytes() == CONTENT
        await store.close()

    asyncio.run(main())
