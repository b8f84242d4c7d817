"""Whether the storage of files can be used, for readiness probes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from gql_releases.domain.errors import DomainError, NoSpaceLeft

GOOD_SECONDS = 30.0
"""Seconds for which a check that succeeded is not repeated: in a bucket it writes an object."""
CHECK_SECONDS = 3.0
"""Seconds that a check may take."""


class CheckedBlobs(Protocol):
    """The storage of bytes (gql_releases/blobs/blob_store.py)."""

    async def check(self) -> None: ...


class FileReadiness:
    """Checks a storage now and then."""

    def __init__(
        self, blobs: CheckedBlobs, seconds: float = CHECK_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._blobs, self._seconds, self._clock = blobs, seconds, clock
        self._good_until = -GOOD_SECONDS

    async def find_obstacles(self) -> list[str]:
        """Return a sentence if files cannot be written at the moment."""
        if self._clock() < self._good_until:
            return []
        try:
            async with asyncio.timeout(self._seconds):
                await self._blobs.check()
        except TimeoutError:
            return [f"The storage of files did not answer within {self._seconds:g} s."]
        except NoSpaceLeft:
            return ["The storage of files is full."]
        except DomainError:
            return ["The storage of files cannot be reached or written."]
        self._good_until = self._clock() + GOOD_SECONDS
        return []
