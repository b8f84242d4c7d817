"""Lets one piece of work do what came in for it while others were at it."""

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
"""The size of what one does together at most, in rows."""
LOOP_TURNS_BEFORE_BATCH = 3
"""Turns of the event loop that a request may take from its first byte until it waits here."""


@dataclass(slots=True)
class QueuedItem(Generic[Item, Result]):
    """An item that waits for its turn, and its caller's future."""

    key: int
    item: Item
    size: int
    future: asyncio.Future[Result]


class Batcher(Generic[Item, Result]):
    """Does items together that wait at the same moment and have the same key: one that comes alone does not wait."""

    def __init__(
        self,
        work: Callable[[int, Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        pieces: int,
        together: int,
    ) -> None:
        """`work` gives a result, or what to raise, for each item; what it raises is raised for all of them.

        As many `pieces` of work run at the same time, each with so many items `together`, at most.
        """
        self._work, self._pieces, self._together = work, pieces, together
        self._waiting: deque[QueuedItem[Item, Result]] = deque()
        self._running: set[asyncio.Task[None]] = set()  # the event loop itself keeps no task alive

    async def do(self, key: int, item: Item, size: int) -> Result:
        """Give an item's result once it is done. It is done even where the caller does not wait for it any more."""
        waiting: QueuedItem[Item, Result] = QueuedItem(key, item, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._running) < self._pieces:
            worker = asyncio.create_task(self._run())
            self._running.add(worker)
            worker.add_done_callback(self._refuse_rest)
        return await waiting.future

    async def _run(self) -> None:
        worker = asyncio.current_task()
        while self._waiting:
            await self._run_some()
        if worker:
            self._running.discard(worker)

    def _refuse_rest(self, worker: asyncio.Task[None]) -> None:
        """Refuse what waits where the last worker was cancelled: nobody would take it."""
        if worker not in self._running:
            return
        self._running.discard(worker)
        if not self._running:
            _refuse(self._waiting)
            self._waiting.clear()

    async def _run_some(self) -> None:
        await self._let_come()
        if not (taken := self._take()):
            return
        results: Sequence[Result | Exception]
        try:
            results = await self._work(taken[0].key, [one.item for one in taken])
        except Exception as error:  # noqa: BLE001 - raised again in each caller
            results = [error] * len(taken)
        except BaseException:  # cancelled: nobody is to wait for ever
            _refuse(taken)
            raise
        for one, result in zip(taken, results, strict=True):
            if one.future.done():  # its caller is gone
                continue
            if isinstance(result, Exception):
                one.future.set_exception(result)
            else:
                one.future.set_result(result)

    async def _let_come(self) -> None:
        """Let the requests that are being read come: those whose answers went out together ask again together."""
        seen = 0
        while seen < len(self._waiting) < self._together:
            seen = len(self._waiting)
            for _ in range(LOOP_TURNS_BEFORE_BATCH):
                await asyncio.sleep(0)

    def _take(self) -> list[QueuedItem[Item, Result]]:
        """Take the item that waits longest, and those after it that may be done with it."""
        taken: list[QueuedItem[Item, Result]] = []
        left: deque[QueuedItem[Item, Result]] = deque()
        size = 0
        for one in self._waiting:
            fits = len(taken) < self._together and (
                not taken or (one.key == taken[0].key and size + one.size <= MAX_BATCH_ROWS)
            )
            if fits:
                taken.append(one)
                size += one.size
            else:
                left.append(one)
        self._waiting = left
        return taken


def _refuse(waiting: Iterable[QueuedItem[Item, Result]]) -> None:
    for one in waiting:
        if not one.future.done():
            one.future.set_exception(Unavailable("The server stops; nothing was changed."))
