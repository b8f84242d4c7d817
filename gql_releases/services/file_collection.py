"""Removes files that nothing refers to, hourly in one process of all that share a database, or by a command."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from gql_releases.domain.blob import BlobEntry, BlobKind
from gql_releases.domain.counters import count_files
from gql_releases.domain.dates import now
from gql_releases.domain.file_collection import Collected, CollectionLock, Removed
from gql_releases.services.hourly_job import HourlyJob

logger = logging.getLogger(__name__)

CHUNK_LASTS = timedelta(hours=24)
"""Age of a chunk from which it is removed if no assembly waits for it."""
BLOB_LASTS = timedelta(hours=1)
"""Age from which a blob is removed if nothing refers to it, and bytes are if no row does."""
ASSEMBLY_LASTS = timedelta(hours=24)
TEMPORARY_LASTS = timedelta(hours=24)
LISTED_BATCH = 500

DeleteRows = Callable[..., Awaitable[tuple[int | None, Removed]]]


class CollectionStore(Protocol):
    """The storage of rows that may be deleted."""

    async def list_organizations(self) -> list[int]: ...

    async def list_owned(self, kind: BlobKind, sha1s: set[str]) -> set[str]: ...

    async def list_awaited_chunks(self) -> set[tuple[int, str]]: ...

    async def delete_blobs(self, after: int, before: datetime, *, dry_run: bool) -> tuple[int | None, Removed]: ...

    async def delete_chunks(self, after: int, before: datetime, *, dry_run: bool) -> tuple[int | None, Removed]: ...

    async def delete_assemblies(self, after: int, before: datetime, *, dry_run: bool) -> tuple[int | None, Removed]: ...

    async def delete_unused_bundles(self, organization: int, before: datetime, *, dry_run: bool) -> Removed: ...

    async def delete_unused_debug_files(self, organization: int, before: datetime, *, dry_run: bool) -> Removed: ...


class CollectedBlobs(Protocol):
    """The storage of bytes (gql_releases/blobs/blob_store.py)."""

    async def delete(self, kind: BlobKind, sha1: str, unless_newer_than: datetime | None = None) -> bool: ...

    def list_blobs(self, kind: BlobKind) -> AsyncIterator[BlobEntry]: ...

    async def sweep_temporary(self, older_than: timedelta) -> int: ...


OpenLock = Callable[[CollectionLock], AbstractAsyncContextManager[bool]]
"""Returns a context manager that holds a lock of all processes, or is False if another one holds it."""


class FileCollector:
    """Removes what nothing refers to: bytes without a row first, then rows, whose bytes are removed by a later collection.

    In between, whoever has read a row still finds its bytes.
    """

    def __init__(
        self, store: CollectionStore, blobs: CollectedBlobs, open_lock: OpenLock, keep: timedelta | None = None
    ) -> None:
        """Take how long bundles and debug files are kept without being used; None: no limit."""
        self._store, self._blobs, self._open_lock, self._keep = store, blobs, open_lock, keep
        lock = partial(open_lock, CollectionLock.SCHEDULE)
        self._job = HourlyJob(self._collect_and_log, lock, "unused files were not collected")

    async def collect(self, moment: datetime, *, dry_run: bool = False) -> Collected:
        """Remove what is unused at a time; with `dry_run` only count it.

        Raises Unavailable; what was removed until then stays removed.
        """
        collected = Collected(
            chunks=await self._delete_bytes(BlobKind.CHUNK, moment, dry_run=dry_run),
            blobs=await self._delete_bytes(BlobKind.BLOB, moment, dry_run=dry_run),
        )
        if self._keep is not None:
            for organization in await self._store.list_organizations():
                bundles, debug_files = await self._delete_unused(organization, moment - self._keep, dry_run=dry_run)
                collected = replace(
                    collected,
                    bundles=collected.bundles.plus(bundles),
                    debug_files=collected.debug_files.plus(debug_files),
                )
        temporary = 0 if dry_run else await self._blobs.sweep_temporary(TEMPORARY_LASTS)
        return replace(
            collected,
            chunk_rows=await _delete_all(self._store.delete_chunks, moment - CHUNK_LASTS, dry_run=dry_run),
            blob_rows=await _delete_all(self._store.delete_blobs, moment - BLOB_LASTS, dry_run=dry_run),
            assemblies=await _delete_all(self._store.delete_assemblies, moment - ASSEMBLY_LASTS, dry_run=dry_run),
            temporary=Removed(temporary, 0),
        )

    async def collect_alone(self, moment: datetime, *, dry_run: bool = False) -> Collected | None:
        """Collect, unless another process collects at the moment: then return None."""
        async with self._open_lock(CollectionLock.RUN) as is_alone:
            return await self.collect(moment, dry_run=dry_run) if is_alone else None

    def start(self) -> None:
        """Begin to collect hourly."""
        self._job.start()

    async def close(self) -> None:
        """Stop. A collection that is under way ends between two batches; the next one continues."""
        await self._job.close()

    async def _collect_and_log(self) -> None:
        begin = time.monotonic()
        collected = await self.collect_alone(now())
        if collected is None:
            return
        seconds = time.monotonic() - begin
        for name, removed in collected.list_removed():
            count_files("files_collected", name, removed.number)
            count_files("files_collected_bytes", name, removed.bytes)
        if not collected.is_empty:
            logger.info("collected unused files in %.3f s: %s", seconds, collected.describe())

    async def _delete_unused(self, organization: int, before: datetime, *, dry_run: bool) -> tuple[Removed, Removed]:
        """Delete the bundles and debug files of an organization that were not used since a time."""
        sums = []
        for delete in (self._store.delete_unused_bundles, self._store.delete_unused_debug_files):
            total = Removed()
            while (removed := await delete(organization, before, dry_run=dry_run)).number:
                total = total.plus(removed)
                if dry_run:
                    break
            sums.append(total)
        return sums[0], sums[1]

    async def _delete_bytes(self, kind: BlobKind, moment: datetime, *, dry_run: bool) -> Removed:
        """Delete bytes that no organization has a row of and that no assembly waits for."""
        before, removed, batch = moment - BLOB_LASTS, Removed(), list[BlobEntry]()
        async for entry in self._blobs.list_blobs(kind):
            if entry.last_modified < before:
                batch.append(entry)
            if len(batch) >= LISTED_BATCH:
                removed, batch = removed.plus(await self._delete_batch(kind, batch, before, dry_run=dry_run)), []
        return removed.plus(await self._delete_batch(kind, batch, before, dry_run=dry_run)) if batch else removed

    async def _delete_batch(self, kind: BlobKind, entries: list[BlobEntry], before: datetime, *, dry_run: bool) -> Removed:
        needed = await self._store.list_owned(kind, {entry.sha1 for entry in entries})
        if kind is BlobKind.CHUNK:
            needed |= {sha1 for _, sha1 in await self._store.list_awaited_chunks()}
        removed = Removed()
        for entry in entries:
            if entry.sha1 not in needed and (dry_run or await self._blobs.delete(kind, entry.sha1, before)):
                removed = removed.plus(Removed(1, entry.size))
        return removed


async def _delete_all(delete: DeleteRows, before: datetime, *, dry_run: bool) -> Removed:
    """Delete rows batch by batch."""
    total, after = Removed(), 0
    while True:
        following, removed = await delete(after, before, dry_run=dry_run)
        total = total.plus(removed)
        if following is None:
            return total
        after = following
