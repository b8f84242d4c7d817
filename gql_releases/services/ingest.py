"""Takes in events and sessions of SDKs: prepares them, queues them, and returns when they are committed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from gql_releases.domain.counters import QUEUE_BYTES, count_fall_back
from gql_releases.domain.dates import now
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.events.event import NewEvent, parse_event
from gql_releases.domain.events.event_batch import (
    DEFAULT_LIMITS,
    SECONDS_PER_HOUR,
    BatchResult,
    IngestKey,
    NewRows,
    PreparedEvent,
    PreparedRequest,
    PreparedSession,
)
from gql_releases.domain.events.grouping import group_event
from gql_releases.domain.events.ingest_request import (
    MAX_WAIT_SECONDS,
    IngestProject,
    IngestRequest,
    Overloaded,
    QuotaExceeded,
)
from gql_releases.domain.events.outcomes import CountKey, OutcomeCount, add_count
from gql_releases.domain.events.stored_body import pack_body
from gql_releases.domain.events.users import hash_user
from gql_releases.services.outcome_log import OutcomeLog

MAX_QUEUE_BYTES = 16 * 1024 * 1024
"""Bytes, as they were sent, of events that wait for their commit."""
MAX_BATCH_EVENTS = 200
"""Events and sessions of a transaction: then another write can begin."""
DEFAULT_QUOTA = 100_000
"""Events of a project in an hour."""
KEY_CACHE_SECONDS = 60.0
"""Seconds for which the project of a key is cached, and that a key has none."""
MAX_CACHED_KEYS = 10_000
MAX_NOTED_OUTCOMES = 1_000
"""Different outcomes of refused requests that wait for a batch."""
OUTCOME_DELAY_SECONDS = 5.0
"""Seconds after which outcomes of refused requests are written without other requests."""
REQUEST_BYTES = 500
"""Bytes of a request or session in the queue."""

logger = logging.getLogger(__name__)


class EventWriter(Protocol):
    """The store of events. Methods raise Unavailable."""

    async def find_key(self, public_key: str) -> IngestKey | None: ...

    async def find_salt(self, organization: int) -> str: ...

    async def write_batch(self, organization: int, requests: Sequence[PreparedRequest], limits: NewRows) -> BatchResult: ...


class EventSymbolicator(Protocol):
    """Replaces the frames of events with those of the source."""

    async def symbolicate(self, project: IngestProject, event: NewEvent) -> NewEvent: ...


class _CachedKey(NamedTuple):
    key: IngestKey | None
    expires: float


@dataclass(slots=True)
class _QueuedRequest:
    """A request that waits for its commit."""

    organization: int
    request: PreparedRequest
    count: int
    size: int
    future: asyncio.Future[None]


class IngestService:
    """Implements ProjectKeyLookup and IngestSink (domain/events/ingest_request.py)."""

    def __init__(
        self,
        writer: EventWriter,
        quota: int = DEFAULT_QUOTA,
        symbolicator: EventSymbolicator | None = None,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
        limits: NewRows = DEFAULT_LIMITS,
    ) -> None:
        """`quota` is the maximum of events of a project in an hour, `limits` those of what they create."""
        self._writer, self._quota, self._symbolicator = writer, quota, symbolicator
        self._keys: dict[str, _CachedKey] = {}
        self._salts: dict[int, bytes] = {}
        self._events_by_hour: dict[tuple[int, int], int] = {}
        self._outcomes: dict[tuple[int, int], dict[CountKey, OutcomeCount]] = {}
        self._outcome_count = 0
        self._outcome_timer: asyncio.TimerHandle | None = None
        self._log = OutcomeLog()
        self._queue = WriteQueue(writer, limits, self._note_result, max_queue_bytes)

    async def find_project(self, public_key: str) -> IngestProject | None:
        """Return the project of an active key, at most 60 seconds old; None if there is none. Raises Unavailable."""
        cached = self._keys.get(public_key)
        if cached is None or cached.expires < time.monotonic():
            key = await self._writer.find_key(public_key)
            if len(self._keys) >= MAX_CACHED_KEYS:
                self._keys.clear()
            self._keys[public_key] = cached = _CachedKey(key, time.monotonic() + KEY_CACHE_SECONDS)
            if key:
                self._salts[key.organization_id] = bytes.fromhex(key.user_salt)
        return IngestProject(cached.key.organization_id, cached.key.project_id) if cached.key else None

    async def wait_for_space(self) -> None:
        """Return when the queue of events has space. Raises Overloaded after MAX_WAIT_SECONDS."""
        await self._queue.wait_for_space()

    async def submit(self, project: IngestProject, request: IngestRequest) -> None:
        """Return after the commit of all of a request: events, sessions and outcomes.

        Raises Overloaded and QuotaExceeded, for requests with events only, and Unavailable, as IngestSink does.
        """
        hour = int(request.received.timestamp()) // SECONDS_PER_HOUR
        if request.events:
            self._require_quota(project.project_id, hour, request.received)
            await self._queue.wait_for_space()
        salt = self._salts.get(project.organization_id)
        if salt is None:
            salt = bytes.fromhex(await self._writer.find_salt(project.organization_id))
            self._salts[project.organization_id] = salt
        events = []
        for sent in request.events:
            event = parse_event(sent.data, event_id=sent.event_id, received=request.received, sent_at=request.sent_at)
            events.append(_prepare_event(await self._symbolicate(project, event), salt))
        sessions = [
            PreparedSession(session, _hash(session.user, salt)) for session in (*request.sessions, *request.aggregates)
        ]
        outcomes = [*request.outcomes, *self._take_outcomes(project)]
        prepared = PreparedRequest(project.project_id, hour, events, sessions, outcomes)
        size = REQUEST_BYTES * (1 + len(sessions)) + sum([sent.size for sent in request.events])
        await self._queue.submit(project.organization_id, prepared, size)

    def note_outcomes(self, project: IngestProject, outcomes: Sequence[OutcomeCount]) -> None:
        """Count items of refused requests; they are written with a later batch."""
        for count in outcomes:
            if self._outcome_count >= MAX_NOTED_OUTCOMES:
                return
            waiting = self._outcomes.setdefault((project.organization_id, project.project_id), {})
            self._outcome_count += count.key not in waiting
            add_count(waiting, count)
        if self._outcome_timer is None:
            loop = asyncio.get_running_loop()
            self._outcome_timer = loop.call_later(OUTCOME_DELAY_SECONDS, self._write_outcomes)

    async def close(self) -> None:
        """Write the requests and outcomes that wait."""
        if self._outcome_timer:
            self._outcome_timer.cancel()
        self._write_outcomes()
        await self._queue.close()
        self._log.flush()

    async def _symbolicate(self, project: IngestProject, event: NewEvent) -> NewEvent:
        """Return the event with symbolicated frames, where there are source maps for them: before it is grouped."""
        return await self._symbolicator.symbolicate(project, event) if self._symbolicator else event

    def _require_quota(self, project: int, hour: int, received: datetime) -> None:
        if self._events_by_hour.get((project, hour), 0) >= self._quota:
            raise QuotaExceeded(SECONDS_PER_HOUR - int(received.timestamp()) % SECONDS_PER_HOUR)

    def _note_result(self, result: BatchResult) -> None:
        """Count what was stored, and note how many events of the hour the projects have; past hours are dropped."""
        self._log.note(result.items)
        totals = self._events_by_hour
        totals.update(result.events_by_hour)
        if len(totals) > MAX_CACHED_KEYS:
            current = int(time.time()) // SECONDS_PER_HOUR
            self._events_by_hour = {place: count for place, count in totals.items() if place[1] >= current}

    def _take_outcomes(self, project: IngestProject) -> list[OutcomeCount]:
        outcomes = self._outcomes.pop((project.organization_id, project.project_id), {})
        self._outcome_count -= len(outcomes)
        return list(outcomes.values())

    def _write_outcomes(self) -> None:
        self._outcome_timer = None
        hour = int(now().timestamp()) // SECONDS_PER_HOUR
        for organization, project in list(self._outcomes):
            outcomes = self._take_outcomes(IngestProject(organization, project))
            self._queue.add(organization, PreparedRequest(project, hour, outcomes=outcomes), REQUEST_BYTES)


def _prepare_event(event: NewEvent, salt: bytes) -> PreparedEvent:
    body: dict[str, Any] = {**event.body, "culprit": event.culprit, "tags": event.tags}
    return PreparedEvent(event, group_event(event), pack_body(body), _hash(event.user, salt))


def _hash(user: str | None, salt: bytes) -> str | None:
    return None if user is None else hash_user(user, salt)


class WriteQueue:
    """Requests that wait for their commit, bounded in bytes: what arrives while one commit runs is the next batch."""

    def __init__(
        self, writer: EventWriter, limits: NewRows, note_result: Callable[[BatchResult], object], max_bytes: int
    ) -> None:
        self._writer, self._limits, self._note_result, self._max_bytes = writer, limits, note_result, max_bytes
        self._waiting: deque[_QueuedRequest] = deque()
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._space = asyncio.Event()
        self._space.set()

    async def wait_for_space(self) -> None:
        """Return when the queue has space. Raises Overloaded after MAX_WAIT_SECONDS."""
        if self._size < self._max_bytes:
            return
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while self._size >= self._max_bytes:
                    self._space.clear()
                    await self._space.wait()
        except TimeoutError:
            raise Overloaded from None

    async def submit(self, organization: int, request: PreparedRequest, size: int) -> None:
        """Return after the commit of a request, which is written even if the caller is cancelled. Raises Unavailable."""
        await self.add(organization, request, size)

    def add(self, organization: int, request: PreparedRequest, size: int) -> asyncio.Future[None]:
        """Queue a request, and return the future of its commit: to cancel it only ends the wait."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        count = len(request.events) + len(request.sessions)
        self._waiting.append(_QueuedRequest(organization, request, count, size, future))
        self._add_size(size)
        if self._task is None:
            self._task = asyncio.create_task(self._write_all())
        return future

    async def close(self) -> None:
        """Write the requests that wait."""
        while self._task:
            await self._task

    async def _write_all(self) -> None:
        batch: Sequence[_QueuedRequest] = ()
        try:
            while self._waiting:
                batch = self._take_batch()
                await self._write(batch)
                self._add_size(-sum([queued.size for queued in batch]))
                batch = ()
                self._space.set()
        finally:
            self._task = None
            for queued in (*batch, *self._waiting):  # where this task was cancelled
                self._add_size(-queued.size)
                _fail(queued, Unavailable("The server stops; nothing was changed."))
            self._waiting.clear()

    def _add_size(self, size: int) -> None:
        self._size += size
        QUEUE_BYTES["events"] += size

    def _take_batch(self) -> list[_QueuedRequest]:
        """Remove and return the oldest request and the following ones of its organization, up to MAX_BATCH_EVENTS."""
        batch = [self._waiting.popleft()]
        count = batch[0].count
        left: deque[_QueuedRequest] = deque()
        while self._waiting and count < MAX_BATCH_EVENTS:
            queued = self._waiting.popleft()
            if queued.organization == batch[0].organization and count + queued.count <= MAX_BATCH_EVENTS:
                batch.append(queued)
                count += max(queued.count, 1)
            else:
                left.append(queued)
        left.extend(self._waiting)
        self._waiting = left
        return batch

    async def _write(self, batch: Sequence[_QueuedRequest]) -> None:
        """Write a batch; where it fails for another reason than the store, each request is written alone."""
        try:
            requests = [queued.request for queued in batch]
            result = await self._writer.write_batch(batch[0].organization, requests, self._limits)
        except Unavailable as error:
            for queued in batch:
                _fail(queued, error)
        except Exception as error:
            count_fall_back("event_batch")
            if len(batch) == 1:
                logger.exception("a request with events failed")
                _fail(batch[0], error)
                return
            logger.warning("a batch of %d requests failed: each is written alone", len(batch), exc_info=True)
            for queued in batch:
                await self._write([queued])
        else:
            self._note_result(result)
            for queued in batch:
                if not queued.future.done():
                    queued.future.set_result(None)


def _fail(queued: _QueuedRequest, error: Exception) -> None:
    if not queued.future.done():
        queued.future.set_exception(error)
        queued.future.exception()  # marks it as retrieved: the caller may have gone
