"""A bound on what runs at once, with places given in turn: to one token after the other, whatever each has waiting."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `places` holders at once. Who waits is served by token in a circle, within a token in order of arrival."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, token: int) -> AsyncIterator[None]:
        """Hold a place, after waiting for it. Cancelled while it waits, it leaves the queue."""
        await self._take(token)
        try:
            yield
        finally:
            self._give_back()

    def count_waiting(self) -> int:
        """Return how many wait for a place."""
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
            else:  # the place came at the last moment
                self._give_back()
            raise

    def _leave(self, token: int, future: asyncio.Future[None]) -> None:
        queue = self._waiting.get(token)
        if queue and future in queue:
            queue.remove(future)
            if not queue:
                del self._waiting[token]

    def _give_back(self) -> None:
        """Hand the place to the next token's first; that token goes to the end of the circle."""
        while self._waiting:
            token, queue = self._waiting.popitem(last=False)
            future = queue.popleft()
            if queue:
                self._waiting[token] = queue
            if not future.done():
                future.set_result(None)
                return
        self._free += 1
