"""Probes for load balancers and supervisors: `/healthz` (the process responds) and `/readyz` (the store is ready)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import orjson
from starlette.types import Receive, Scope, Send

from gql_releases.web.http import COMMON, Headers, send
from gql_releases.web.request_record import current_record

logger = logging.getLogger(__name__)

READY_SECONDS = 1.0
"""Seconds that a readiness result is cached: probes of many load balancers must not cause load."""
CHECK_SECONDS = 5.0
"""Seconds that a check may take."""
READING = ("GET", "HEAD")
NO_STORE = (b"cache-control", b"no-store")
ALLOW = (b"allow", b"GET, HEAD")

FindObstacles = Callable[[], Awaitable[list[str]]]


class Probes:
    """The endpoints `/healthz` and `/readyz`, without a token and logged at DEBUG only."""

    def __init__(
        self,
        find_obstacles: FindObstacles,
        version: str,
        seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find_obstacles` returns the reasons why the process is not ready, each a sentence; an empty list if it is."""
        self._find, self._version, self._seconds, self._clock = find_obstacles, version, seconds, clock
        self._checked: tuple[float, list[str]] | None = None
        self._checking: asyncio.Task[list[str]] | None = None
        self._reported: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Respond to a probe: 200, or 503 with the reasons."""
        record = current_record()
        record.is_probe, record.route = True, scope["path"]
        if scope["method"] not in READING:
            await send_json(send_, 405, {"detail": f'Method "{scope["method"]}" not allowed.'}, [ALLOW])
        elif scope["path"] == "/healthz":
            await send_json(send_, 200, {"status": "ok", "version": self._version})
        elif obstacles := await self.check():
            await send_json(send_, 503, {"status": "unavailable", "reasons": obstacles}, [(b"retry-after", b"1")])
        else:
            await send_json(send_, 200, {"status": "ready", "version": self._version})

    async def check(self) -> list[str]:
        """Return the obstacles, at most READY_SECONDS old; concurrent calls share one check."""
        if self._checked and self._clock() - self._checked[0] < READY_SECONDS:
            return self._checked[1]
        if self._checking is None:
            self._checking = asyncio.ensure_future(self._find_in_time())
            self._checking.add_done_callback(self._store_result)
        return await asyncio.shield(self._checking)

    async def _find_in_time(self) -> list[str]:
        try:
            async with asyncio.timeout(self._seconds):
                obstacles = await self._find()
        except TimeoutError:
            obstacles = [f"The database did not answer within {self._seconds:g} s."]
        if obstacles != self._reported:  # each change is logged
            if obstacles:
                logger.warning("not ready: %s", " ".join(obstacles))
            else:
                logger.info("ready again")
            self._reported = obstacles
        return obstacles

    def _store_result(self, checking: asyncio.Task[list[str]]) -> None:
        self._checking = None
        if not checking.cancelled() and not checking.exception():
            self._checked = self._clock(), checking.result()


async def send_json(send_: Send, status: int, value: object, headers: Headers | None = None) -> None:
    """Send a JSON value with Cache-Control: no-store."""
    await send(send_, status, orjson.dumps(value), [*COMMON, NO_STORE, *(headers or ())])
