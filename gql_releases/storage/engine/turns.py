"""A bound on concurrent work whose slots rotate among tokens, however many requests of one token wait."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `places` holders at a time. Waiting requests are served round-robin by token, in order within a token."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, token: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it. A cancelled wait leaves the queue."""
        await self._take(token)
        try:
            yield
        finally:
            self._give_back()

    def count_waiting(self) -> int:
        """Return how many requests wait for a slot."""
        return sum(map(len, self._waiting.values()))

    async def _take(self, token: int) -> None:
        if self._free:
            self._free -= 1
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(token, deque()).append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._leave(token, future)
            else:  # the slot was assigned just before
                self._give_back()
            raise

    def _leave(self, token: int, future: asyncio.Future[None]) -> None:
        queue = self._waiting.get(token)
        if queue and future in queue:
            queue.remove(future)
            if not queue:
                del self._waiting[token]

    def _give_back(self) -> None:
        """Assign the slot to the first request of the next token, which moves to the end of the rotation."""
        while self._waiting:
            token, queue = self._waiting.popitem(last=False)
            future = queue.popleft()
            if queue:
                self._waiting[token] = queue
            if not future.done():
                future.set_result(None)
                return
        self._free += 1
