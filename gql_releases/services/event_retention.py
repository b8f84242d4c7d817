"""Removes old events and counters, hourly in one process of all that share a database, or by a command."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from gql_releases.domain.dates import now
from gql_releases.domain.events.event_batch import SECONDS_PER_DAY
from gql_releases.domain.events.retention import (
    DAYS_AHEAD,
    DELETED_RELEASES_KEPT,
    EVENTS_KEPT,
    HOURS_KEPT,
    LIVE_SESSIONS_KEPT,
    OUTCOMES_KEPT,
    THINNED_AFTER,
    USERS_KEPT,
    ExpiringTable,
    Pruned,
    RetentionLock,
)
from gql_releases.services.hourly_job import HourlyJob

logger = logging.getLogger(__name__)

THINNED_SINCE = timedelta(hours=26)
"""Issues with an event in this time are thinned: a job that did not run for a day misses none."""
_OF_PROJECTS = (
    (ExpiringTable.EVENT_HOURS, HOURS_KEPT),
    (ExpiringTable.INGEST_HOURS, EVENTS_KEPT + timedelta(days=1)),
    (ExpiringTable.OUTCOMES, OUTCOMES_KEPT),
    (ExpiringTable.SESSION_HOURS, HOURS_KEPT),
)
_OF_ORGANIZATIONS = (
    (ExpiringTable.SESSION_USERS, USERS_KEPT),
    (ExpiringTable.LIVE_SESSIONS, LIVE_SESSIONS_KEPT),
    (ExpiringTable.DELETED_RELEASES, DELETED_RELEASES_KEPT),
)


class RetentionStore(Protocol):
    """The storage of events and counters that may be deleted."""

    async def list_organizations(self) -> list[int]: ...

    async def list_projects(self) -> list[Any]: ...

    async def create_partitions(self, first_day: int, days: int) -> None: ...

    async def drop_partitions(self, before: datetime) -> None: ...

    async def delete_events_before(self, place: Any, before: datetime, *, dry_run: bool) -> int: ...

    async def delete_events_beyond(self, place: Any, max_bytes: int, before: datetime, *, dry_run: bool) -> int: ...

    async def list_recent_issues(self, place: Any, since: datetime) -> list[int]: ...

    async def thin_issue(self, place: Any, issue: int, before: datetime, *, dry_run: bool) -> int: ...

    async def expire_of_project(self, expiring: ExpiringTable, place: Any, before: datetime, *, dry_run: bool) -> int: ...

    async def expire_of_organization(
        self, expiring: ExpiringTable, organization: int, before: datetime, *, dry_run: bool
    ) -> int: ...


OpenLock = Callable[[RetentionLock], AbstractAsyncContextManager[bool]]
"""Returns a context manager that holds a lock of all processes, or is False if another one holds it."""


class EventRetention:
    """Removes events by age, by the size of a project, and those between many of one issue; and old counters."""

    def __init__(self, store: RetentionStore, open_lock: OpenLock, project_bytes: int) -> None:
        """`project_bytes`: how many bytes the bodies of a project's events may have."""
        self._store, self._open_lock, self._project_bytes = store, open_lock, project_bytes
        lock = partial(open_lock, RetentionLock.RETENTION_SCHEDULE)
        self._job = HourlyJob(self._prune_and_log, lock, "old events were not removed")

    def start(self) -> None:
        """Begin to remove what is old hourly."""
        self._job.start()

    async def close(self) -> None:
        """Stop."""
        await self._job.close()

    async def prune(self, moment: datetime, *, dry_run: bool = False) -> Pruned:
        """Remove what is old at a time; with `dry_run` only count it. Raises Unavailable."""
        store = self._store
        numbers: Counter[str] = Counter()
        if not dry_run:
            await store.create_partitions(int(moment.timestamp()) // SECONDS_PER_DAY, DAYS_AHEAD)
            await store.drop_partitions(moment - EVENTS_KEPT)
        for place in await store.list_projects():
            numbers["expired_events"] += await store.delete_events_before(place, moment - EVENTS_KEPT, dry_run=dry_run)
            for issue in await store.list_recent_issues(place, moment - THINNED_SINCE):
                thinned = await store.thin_issue(place, issue, moment - THINNED_AFTER, dry_run=dry_run)
                numbers["thinned_events"] += thinned
            numbers["events_beyond_size"] += await store.delete_events_beyond(
                place, self._project_bytes, moment, dry_run=dry_run
            )
            for expiring, kept in _OF_PROJECTS:
                count = await store.expire_of_project(expiring, place, moment - kept, dry_run=dry_run)
                numbers[expiring.value] += count
        for organization in await store.list_organizations():
            for expiring, kept in _OF_ORGANIZATIONS:
                count = await store.expire_of_organization(expiring, organization, moment - kept, dry_run=dry_run)
                numbers[expiring.value] += count
        return Pruned(**numbers)

    async def prune_alone(self, moment: datetime, *, dry_run: bool = False) -> Pruned | None:
        """Prune, unless another process does so at the moment: then return None."""
        async with self._open_lock(RetentionLock.RETENTION_RUN) as is_alone:
            return await self.prune(moment, dry_run=dry_run) if is_alone else None

    async def _prune_and_log(self) -> None:
        begin = time.monotonic()
        pruned = await self.prune_alone(now())
        if pruned and (text := pruned.describe()):
            logger.info("removed old events in %.3f s: %s", time.monotonic() - begin, text)
