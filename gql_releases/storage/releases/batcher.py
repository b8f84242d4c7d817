"""Batches concurrent calls: items queued while a batch runs form the next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gql_releases.domain.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH_ROWS = 1_000
"""Maximum size of a batch."""
LOOP_TURNS_BEFORE_BATCH = 3
"""Turns of the event loop that a request takes at most from its first byte until it is queued."""


@dataclass(slots=True)
class QueuedItem(Generic[Item, Result]):
    """A queued item and its caller's future."""

    key: int
    item: Item
    size: int
    future: asyncio.Future[Result]


class Batcher(Generic[Item, Result]):
    """Runs queued items with the same key together; a single item does not wait."""

    def __init__(
        self,
        work: Callable[[int, Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        max_batches: int,
        max_items: int,
    ) -> None:
        """`work` returns a result or an error to raise for each item; an error that it raises is raised for all of them.

        At most `max_batches` batches run at the same time, each with at most `max_items` items.
        """
        self._work, self._max_batches, self._max_items = work, max_batches, max_items
        self._waiting: deque[QueuedItem[Item, Result]] = deque()
        self._running: set[asyncio.Task[None]] = set()  # the event loop itself keeps no task alive

    async def submit(self, key: int, item: Item, size: int) -> Result:
        """Return an item's result. The item runs even if the caller is cancelled."""
        waiting: QueuedItem[Item, Result] = QueuedItem(key, item, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._running) < self._max_batches:
            worker = asyncio.create_task(self._run())
            self._running.add(worker)
            worker.add_done_callback(self._fail_rest)
        return await waiting.future

    async def _run(self) -> None:
        worker = asyncio.current_task()
        while self._waiting:
            await self._run_batch()
        if worker:
            self._running.discard(worker)

    def _fail_rest(self, worker: asyncio.Task[None]) -> None:
        """Fail the queued items if the last worker was cancelled: no other worker would run them."""
        if worker not in self._running:
            return
        self._running.discard(worker)
        if not self._running:
            _fail_all(self._waiting)
            self._waiting.clear()

    async def _run_batch(self) -> None:
        await self._wait_for_requests()
        if not (batch := self._take_batch()):
            return
        results: Sequence[Result | Exception]
        try:
            results = await self._work(batch[0].key, [queued.item for queued in batch])
        except Exception as error:  # noqa: BLE001 - raised again in each caller
            results = [error] * len(batch)
        except BaseException:  # cancelled: the callers must not wait forever
            _fail_all(batch)
            raise
        for queued, result in zip(batch, results, strict=True):
            if queued.future.done():  # its caller was cancelled
                continue
            if isinstance(result, Exception):
                queued.future.set_exception(result)
            else:
                queued.future.set_result(result)

    async def _wait_for_requests(self) -> None:
        """Wait for requests that are being read: clients that got responses together send the next ones together."""
        seen = 0
        while seen < len(self._waiting) < self._max_items:
            seen = len(self._waiting)
            for _ in range(LOOP_TURNS_BEFORE_BATCH):
                await asyncio.sleep(0)

    def _take_batch(self) -> list[QueuedItem[Item, Result]]:
        """Remove and return the oldest item and the following items that fit into its batch."""
        batch: list[QueuedItem[Item, Result]] = []
        left: deque[QueuedItem[Item, Result]] = deque()
        size = 0
        for queued in self._waiting:
            fits = len(batch) < self._max_items and (
                not batch or (queued.key == batch[0].key and size + queued.size <= MAX_BATCH_ROWS)
            )
            if fits:
                batch.append(queued)
                size += queued.size
            else:
                left.append(queued)
        self._waiting = left
        return batch


def _fail_all(waiting: Iterable[QueuedItem[Item, Result]]) -> None:
    for queued in waiting:
        if not queued.future.done():
            queued.future.set_exception(Unavailable("The server stops; nothing was changed."))
