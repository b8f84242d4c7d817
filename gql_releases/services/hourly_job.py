"""Work that one process of all that share a database does every hour."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from gql_releases.domain.errors import DomainError

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 3600.0
FIRST_SECONDS = 300.0
"""Seconds from the start of a process to its first run."""
RETRY_SECONDS = 600.0
"""Seconds after which a process looks again whether another one does the work."""


class HourlyJob:
    """Runs `work` hourly in the process that holds a lock, until that process ends."""

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        open_lock: Callable[[], AbstractAsyncContextManager[bool]],
        failure: str,
    ) -> None:
        """`open_lock` returns a context manager that is False if another process holds the lock.

        `failure` is the text of the log line when `work` fails.
        """
        self._work, self._open_lock, self._failure = work, open_lock, failure
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first run is after FIRST_SECONDS."""
        self._task = asyncio.ensure_future(self._repeat())

    async def close(self) -> None:
        """Stop. Work that is under way ends between two batches; the next run continues."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _repeat(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                async with self._open_lock() as is_chosen:
                    if is_chosen:
                        await self._work()
                        await asyncio.sleep(INTERVAL_SECONDS)
                        continue
            except DomainError as error:
                logger.warning("%s: %s", self._failure, error.message)
            except Exception:
                logger.exception("%s", self._failure)
            await asyncio.sleep(RETRY_SECONDS)
