"""Frames of events are symbolicated before they are grouped; an event does not wait long for its source maps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.blobs.file_reader import StoredFileReader
from gql_releases.domain.counters import FALL_BACKS
from gql_releases.domain.events.stored_body import unpack_body
from gql_releases.domain.uploaded_files import FileQuery, FoundFiles
from gql_releases.services.event_symbolication import MAX_LATE, EventSymbolicationService
from gql_releases.services.symbolication import SymbolicationService
from gql_releases.symbolication.worker_pool import WorkerPool
from tests.conftest import Template
from tests.events.writes import EventHarness, build_event
from tests.files.test_symbolicate import DEBUG_ID, MAP_FILE, SCRIPT_FILE, URL, VERSION
from tests.source_maps import ORIGINAL, SCRIPT, dump_map
from tests.stored_uploads import BundleFile, Uploads

IMAGES = {"images": [{"type": "sourcemap", "code_file": URL.partition("?")[0], "debug_id": DEBUG_ID}]}


class Shop:
    """An ingest service that symbolicates events by uploaded files."""

    def __init__(self, uploads: Uploads, workers: Any = None, **settings: Any) -> None:
        self.uploads, self.events = uploads, EventHarness(uploads.harness)
        self.workers = WorkerPool()
        store = self.events.store
        symbolication = SymbolicationService(
            store.symbolication_lookup, StoredFileReader(uploads.blobs), workers or self.workers
        )
        self.frames = EventSymbolicationService(symbolication, store.symbolication_lookup, is_installed=True, **settings)
        self.events.service._symbolicator = self.frames

    def send(self, release: str = VERSION, **more: Any) -> Any:
        """Store an event of a browser, and return its stored body."""
        frames = [
            {"filename": URL, "abs_path": URL, "function": "b", "lineno": 1, "colno": 63, "in_app": True},
            {"filename": URL, "abs_path": URL, "function": "c", "lineno": 1, "colno": 29, "in_app": True},
        ]
        exception = {"type": "Error", "value": "empty", "stacktrace": {"frames": frames}}
        event = build_event(release, exception={"values": [exception]}, **{"platform": "javascript", **more})
        self.events.send(event)
        [(body,)] = self.events.rows(f"SELECT body FROM events WHERE event_id = '{event['event_id']}'")
        return unpack_body(bytes(body))

    def close(self) -> None:
        """End the workers and close the stores."""

        async def work() -> None:
            await self.frames.close()
            await self.workers.close()

        self.uploads.harness.run(work())
        self.events.close()


@pytest.fixture
def uploads(template: Template, tmp_path: Path) -> Iterator[Uploads]:
    opened = Uploads.open(template, tmp_path)
    yield opened
    opened.close()


def upload_maps(uploads: Uploads) -> None:
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": MAP_FILE}, versions=[(VERSION, "")])


def test_an_event_has_the_frames_of_its_sources(uploads: Uploads) -> None:
    upload_maps(uploads)
    shop = Shop(uploads)
    body = shop.send()
    frame = body["exception"]["values"][0]["stacktrace"]["frames"][-1]
    assert frame == {
        "function": "checkout",
        "filename": "src/cart.js",
        "abs_path": "~/src/cart.js",
        "lineno": 3,
        "colno": 5,
        "in_app": True,
        "context_line": '    throw new Error("empty")',
        "pre_context": ORIGINAL.splitlines()[:2],
        "post_context": ORIGINAL.splitlines()[3:8],
        "raw": {
            "function": "c",
            "filename": URL.partition("?")[0],
            "abs_path": URL.partition("?")[0],
            "lineno": 1,
            "colno": 29,
        },
        "symbolicated": True,
    }
    assert body["culprit"] == "src/cart.js in checkout"
    assert shop.events.issue("grouping_step, culprit") == ("STACK", "src/cart.js in checkout")
    shop.close()


def test_debug_ids_lead_to_the_maps_without_a_release(uploads: Uploads) -> None:
    script = BundleFile(SCRIPT, url="~/other.js", debug_id=DEBUG_ID)
    source_map = BundleFile(dump_map(), "source_map", "~/other.js.map", debug_id=DEBUG_ID)
    uploads.bundle({"a.js": script, "a.js.map": source_map})
    shop = Shop(uploads)
    body = shop.send(release="other", debug_meta=IMAGES)
    assert body["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "checkout"
    shop.close()


def test_maps_that_come_late_make_no_new_issue(uploads: Uploads) -> None:
    shop = Shop(uploads)
    shop.send()
    assert shop.events.issue("grouping_step, times") == ("MINIFIED", 1)
    upload_maps(uploads)
    assert shop.send()["culprit"].endswith("in c"), "that nothing was uploaded is cached"
    shop.frames._has_files.clear()
    assert shop.send()["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "checkout"
    assert shop.events.rows("SELECT short_id, times FROM issues") == [("WEB-1", 3)]
    assert len(shop.events.rows("SELECT hash FROM issue_hashes")) == 2
    shop.close()


class SlowWorkers:
    """Answers when it is allowed to."""

    def __init__(self, workers: WorkerPool) -> None:
        self.workers, self.allowed = workers, asyncio.Event()
        self.require_installed, self.prepare = workers.require_installed, workers.prepare

    async def resolve_frames(self, job: Any) -> Any:
        await self.allowed.wait()
        return await self.workers.resolve_frames(job)


def test_an_event_that_waits_too_long_is_stored_without(uploads: Uploads) -> None:
    upload_maps(uploads)
    workers = WorkerPool()
    slow = SlowWorkers(workers)
    shop = Shop(uploads, slow, wait_seconds=0.05)
    before = FALL_BACKS["event_symbolication"]
    body = shop.send()
    assert "raw" not in body["exception"]["values"][0]["stacktrace"]["frames"][-1]
    assert FALL_BACKS["event_symbolication"] == before + 1
    slow.allowed.set()
    shop.frames._wait_seconds = 20
    assert shop.send()["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "checkout"
    assert shop.events.rows("SELECT times FROM issues") == [(2,)]
    shop.close()
    uploads.harness.run(workers.close())


class CountingLookup:
    """Counts the lookups of a store."""

    def __init__(self, lookup: Any) -> None:
        self.lookup, self.checks, self.lookups = lookup, 0, 0

    async def has_files(self, organization: int, project: int, version: str | None) -> bool:
        self.checks += 1
        return bool(await self.lookup.has_files(organization, project, version))

    async def find_project_files(self, organization: int, project: int, query: FileQuery) -> FoundFiles:
        self.lookups += 1
        assert query.file_names == ()
        found_files = await self.lookup.find_project_files(organization, project, query)
        assert isinstance(found_files, FoundFiles)
        return found_files


def test_nothing_is_looked_up_where_nothing_was_uploaded(uploads: Uploads) -> None:
    shop = Shop(uploads)
    shop.frames._lookup = lookup = CountingLookup(shop.frames._lookup)
    for path in "abc":
        shop.send(request={"url": f"https://shop.example/{path}"})
    assert (lookup.checks, lookup.lookups) == (1, 0)
    upload_maps(uploads)
    shop.send(release="other")
    assert lookup.lookups == 1, "the project has files, but not of this release"
    shop.send(release="other")
    assert lookup.lookups == 1
    shop.send(release="other", debug_meta=IMAGES)
    assert lookup.lookups == 2, "another build of the same scripts"
    shop.close()


def test_release_files_are_found_without_bundles(uploads: Uploads) -> None:
    store = Shop(uploads)
    lookup = store.events.store.symbolication_lookup
    place = store.events.project
    store.events.create_release(VERSION)
    has_files = uploads.harness.run(lookup.has_files(place.organization_id, place.project_id, VERSION))
    assert not has_files
    uploads.release_file(VERSION, "~/a.js", SCRIPT)
    assert uploads.harness.run(lookup.has_files(place.organization_id, place.project_id, VERSION))
    assert not uploads.harness.run(lookup.has_files(place.organization_id, place.project_id, None))
    assert not uploads.harness.run(lookup.has_files(place.organization_id + 1, place.project_id, VERSION))
    store.close()


def test_a_project_whose_maps_are_slow_stops_waiting(uploads: Uploads) -> None:
    upload_maps(uploads)
    workers = WorkerPool()
    slow = SlowWorkers(workers)
    shop = Shop(uploads, slow, wait_seconds=0.01)
    for _ in range(MAX_LATE + 3):
        shop.send()
    assert len(shop.frames._running) == MAX_LATE == shop.frames._late[shop.events.project.project_id]
    slow.allowed.set()
    uploads.harness.run(asyncio.wait(shop.frames._running))
    assert not shop.frames._late
    shop.close()
    uploads.harness.run(workers.close())


def test_other_platforms_are_not_looked_up(uploads: Uploads) -> None:
    upload_maps(uploads)
    shop = Shop(uploads)
    body = shop.send(platform="python")
    assert body["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "c"
    shop.close()
