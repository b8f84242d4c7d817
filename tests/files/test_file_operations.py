"""The server with files as its operator sees it: quota, readiness, metrics, and the hourly collection."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gql_releases.domain.counters import FILE_COUNTS
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.file_collection import Collected, Removed
from gql_releases.file_storage import build_collector, open_files
from gql_releases.services import hourly_job
from gql_releases.services.file_collection import FileCollector
from gql_releases.settings import Settings
from tests.conftest import Harness, Template
from tests.uploads import make_bundle, send_parts, sha1, upload, upload_bundle

REFUSAL = {"error": "The organization's storage quota is used up"}


@pytest.fixture
def open_harness(template: Template, tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    """Return a function that opens a server with a folder of files and other settings."""
    with contextlib.ExitStack() as stack:

        def open_server(**settings: Any) -> Harness:
            harness = Harness(template, tmp_path, files=(tmp_path / "files").as_uri(), **settings)
            stack.callback(harness.close)
            return harness

        yield open_server


def test_uploads_over_the_quota_get_a_413(open_harness: Callable[..., Harness]) -> None:
    harness = open_harness(files_quota=2_000)
    upload(harness.client, b"a" * 1_500)
    answer = send_parts(harness.client, [("file", sha1(b"b" * 600), b"b" * 600)])
    assert (answer.status, answer.json) == (413, REFUSAL)
    assert harness.rows("SELECT count(*) FROM chunks") == [(1,)]
    upload(harness.client, b"b" * 500)
    answer = send_parts(harness.client, [("file", sha1(b""), b"")])
    assert (answer.status, answer.json) == (413, REFUSAL), "nothing is read once the quota is used up"
    upload(harness.client, b"a" * 1_500, path="organizations/other/chunk-upload/", token=harness.tokens["other"])


def test_debug_files_over_the_quota_get_a_413(open_harness: Callable[..., Harness]) -> None:
    pytest.importorskip("symbolic")
    harness, path = open_harness(files_quota=200), "projects/acme/web/files/dsyms/"
    line = "com.example.Main -> a.a:\n    1:1:void run():5:5 -> b\n"
    for copies, status in ((1, 201), (20, 413), (1, 201)):
        output = io.BytesIO()
        with zipfile.ZipFile(output, "w") as archive:
            archive.writestr(f"proguard/{uuid.UUID(int=copies)}.txt", line * copies)
        answer = send_parts(harness.client, [("file", "x", output.getvalue())], path=path)
        assert answer.status == status, answer.body
        assert status != 413 or answer.json == REFUSAL
    assert harness.rows("SELECT count(*) FROM debug_files") == [(1,)]


def test_upload_of_the_same_bundle_is_a_use(open_harness: Callable[..., Harness]) -> None:
    """Retention keeps what CI uploads again and again, although nothing is new in it."""
    harness, bundle = open_harness(), make_bundle()
    dates = "SELECT date_used = date_modified FROM artifact_bundles"
    upload_bundle(harness.client, bundle, version="web@1")
    for days, is_noted in ((2, False), (31, True)):
        old = format_date(now() - timedelta(days=days))
        harness.rows(f"UPDATE artifact_bundles SET date_used = '{old}', date_modified = '{old}'")
        assert harness.rows(dates) in ([(1,)], [(True,)])
        assert upload_bundle(harness.client, bundle, version="web@1")["state"] == "ok"
        assert bool(harness.rows(dates)[0][0]) is not is_noted


def test_downloads_are_counted(open_harness: Callable[..., Harness]) -> None:
    harness, key = open_harness(), ("file_sent_bytes", "download")
    harness.client.rest("POST", "organizations/acme/releases/", {"version": "web@1", "projects": ["web"]})
    path = "organizations/acme/releases/web@1/files/"
    answer = send_parts(harness.client, [("name", None, b"~/a.js"), ("file", "a.js", b"0123456789")], path=path)
    assert answer.status == 201, answer.body
    before = FILE_COUNTS[key]
    assert harness.client.rest("GET", f"{path}{answer.json['id']}/?download=1").body == b"0123456789"
    assert FILE_COUNTS[key] == before + 10


def test_server_whose_files_cannot_be_written_is_not_ready(open_harness: Callable[..., Harness], tmp_path: Path) -> None:
    harness = open_harness()
    assert harness.client.request("GET", "/readyz", token=None).status == 200
    shutil.rmtree(tmp_path / "files")
    (tmp_path / "files").write_text("no folder")
    second = open_harness()
    answer = second.client.request("GET", "/readyz", token=None)
    assert (answer.status, answer.json["reasons"]) == (503, ["The storage of files cannot be reached or written."])
    assert second.client.rest("GET", "organizations/acme/releases/").status == 200


def test_uploads_and_assembling_are_counted(open_harness: Callable[..., Harness]) -> None:
    harness, bundle, before = open_harness(), make_bundle(), dict(FILE_COUNTS)
    upload_bundle(harness.client, bundle, version="web@1")
    for name, label, count in (
        ("file_uploads", "chunk", 1), ("file_received_bytes", "chunk", len(bundle)), ("file_assemblies", "ok", 1),
    ):  # fmt: skip
        assert FILE_COUNTS[name, label] == before.get((name, label), 0) + count
    assert FILE_COUNTS["file_assembly_seconds", "artifact_bundle"] > before.get(
        ("file_assembly_seconds", "artifact_bundle"), 0
    )
    assert upload_bundle(harness.client, b"no zip", version="web@1")["state"] == "error"
    assert FILE_COUNTS["file_assemblies", "error"] == before.get(("file_assemblies", "error"), 0) + 1


class CountedCollector(FileCollector):
    """A collector that counts its collections."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.collections, self.has_collected = 0, asyncio.Event()

    async def collect(self, *arguments: Any, **more: Any) -> Collected:
        await super().collect(*arguments, **more)
        self.collections += 1
        self.has_collected.set()
        return Collected(chunks=Removed(2, 3))


def test_one_process_collects_repeatedly_and_another_one_when_it_ends(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, seconds in (("FIRST_SECONDS", 0.0), ("INTERVAL_SECONDS", 0.03), ("RETRY_SECONDS", 0.02)):
        monkeypatch.setattr(hourly_job, name, seconds)
    monkeypatch.setattr("gql_releases.file_storage.FileCollector", CountedCollector)
    caplog.set_level("INFO", "gql_releases")

    async def wait_for(collector: FileCollector, collections: int) -> None:
        assert isinstance(collector, CountedCollector)
        async with asyncio.timeout(20):
            while collector.collections < collections:
                await collector.has_collected.wait()
                collector.has_collected.clear()

    async def run() -> None:
        settings = Settings(database_url=harness.url, files=(tmp_path / "files").as_uri())
        blobs = open_files(settings)
        assert blobs
        first, second = [build_collector(settings, harness.store, blobs) for _ in range(2)]
        assert isinstance(first, CountedCollector)
        first.start()
        await wait_for(first, 3)
        before = dict(FILE_COUNTS)
        await first.close()
        count = first.collections
        second.start()
        await wait_for(second, 2)
        await second.close()
        assert first.collections == count
        assert FILE_COUNTS["files_collected_bytes", "chunks"] > before["files_collected_bytes", "chunks"]
        await blobs.close()

    harness.run(run())
    assert "2 chunks" in caplog.text
