"""The queue of events is bounded, batches need no timer, and a request that fails does not fail others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from gql_releases.domain.counters import QUEUE_BYTES
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.events.event_batch import BatchResult, IngestKey, NewRows, PreparedRequest
from gql_releases.domain.events.ingest_request import IngestProject, IngestRequest, Overloaded, SentEvent
from gql_releases.services import ingest
from gql_releases.services.ingest import MAX_BATCH_EVENTS, REQUEST_BYTES, IngestService
from tests.events.writes import build_event


class Writer:
    """Records batches; a batch ends when `release` is set, unless it has an event that is refused."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, int]] = []
        self.release = asyncio.Event()
        self.error: Exception | None = None
        self.bad_title = ""

    async def find_key(self, public_key: str) -> IngestKey | None:
        return None

    async def find_salt(self, organization: int) -> str:
        return "00" * 16

    async def write_batch(self, organization: int, requests: Sequence[PreparedRequest], limits: NewRows) -> BatchResult:
        titles = [item.event.title for request in requests for item in request.events]
        self.batches.append((organization, len(titles)))
        await self.release.wait()
        if self.error:
            raise self.error
        if self.bad_title in titles:
            raise ValueError(self.bad_title)
        return BatchResult()


def run(work: Callable[[Writer], Coroutine[Any, Any, None]]) -> None:
    async def start() -> None:
        await work(Writer())

    asyncio.run(start())


def submit(
    service: IngestService, organization: int = 1, text: str = "x", count: int = 1, size: int = 100
) -> asyncio.Task[None]:
    """Submit a request with some events."""
    events = [SentEvent(build_event(text=text), f"{number:032x}", size) for number in range(count)]
    request = IngestRequest(datetime.now(UTC), None, events)
    return asyncio.create_task(service.submit(IngestProject(organization, organization), request))


async def let_tasks_run() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_arrives_during_a_commit_is_the_next_batch() -> None:
    async def work(writer: Writer) -> None:
        service, waiting = IngestService(writer), QUEUE_BYTES["events"]
        tasks = [submit(service)]
        await let_tasks_run()
        assert writer.batches == [(1, 1)], "a single event does not wait"
        tasks += [submit(service, organization) for organization in (1, 2, 1, 2, 1)]
        await let_tasks_run()
        assert QUEUE_BYTES["events"] - waiting == 6 * (100 + REQUEST_BYTES)
        writer.release.set()
        await asyncio.gather(*tasks)
        assert writer.batches == [(1, 1), (1, 3), (2, 2)]
        await service.close()
        assert QUEUE_BYTES["events"] == waiting

    run(work)


def test_a_batch_has_a_limit() -> None:
    async def work(writer: Writer) -> None:
        service = IngestService(writer)
        tasks = [submit(service)]
        await let_tasks_run()
        tasks += [submit(service, count=90) for _ in range(3)]
        tasks.append(submit(service, count=MAX_BATCH_EVENTS + 50))
        await let_tasks_run()
        writer.release.set()
        await asyncio.gather(*tasks)
        assert writer.batches == [(1, 1), (1, 180), (1, 90), (1, 250)]

    run(work)


def test_a_full_queue_refuses_events_after_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_WAIT_SECONDS", 0.02)

    async def work(writer: Writer) -> None:
        service = IngestService(writer, max_queue_bytes=1000)
        first = submit(service, size=1000)
        await let_tasks_run()
        with pytest.raises(Overloaded):
            await service.wait_for_space()
        with pytest.raises(Overloaded):
            await submit(service)
        sessions_only = submit(service, count=0)
        await let_tasks_run()
        assert not sessions_only.done()
        monkeypatch.setattr(ingest, "MAX_WAIT_SECONDS", 20)
        waiting = submit(service)
        await let_tasks_run()
        writer.release.set()
        await asyncio.gather(first, sessions_only, waiting)

    run(work)


def test_a_request_that_fails_is_the_only_one() -> None:
    async def work(writer: Writer) -> None:
        service = IngestService(writer)
        writer.bad_title = "ValueError: bad"
        first = submit(service)
        await let_tasks_run()
        tasks = [first, *(submit(service, text=text) for text in ("good", "bad", "fine"))]
        await let_tasks_run()
        writer.release.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), type(None), ValueError, type(None)]
        assert writer.batches == [(1, 1), (1, 3), (1, 1), (1, 1), (1, 1)]

    run(work)


def test_an_unavailable_store_fails_the_whole_batch() -> None:
    async def work(writer: Writer) -> None:
        service = IngestService(writer)
        writer.error = Unavailable("away")
        writer.release.set()
        with pytest.raises(Unavailable):
            await submit(service)
        writer.error = None
        await submit(service)

    run(work)


def test_a_caller_that_goes_does_not_take_the_event_with_it() -> None:
    async def work(writer: Writer) -> None:
        service = IngestService(writer)
        submit(service)
        await let_tasks_run()
        gone = submit(service)
        await let_tasks_run()
        gone.cancel()
        writer.release.set()
        await service.close()
        assert writer.batches == [(1, 1), (1, 1)]

    run(work)
