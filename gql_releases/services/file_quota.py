"""The bytes of files that an organization may store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from gql_releases.domain.errors import QuotaExceeded
from gql_releases.domain.principal import Principal

COUNT_LASTS_SECONDS = 30.0
"""Seconds for which the bytes of an organization are not summed again. Uploads to this process are added meanwhile."""
MAX_COUNTS = 1_000
"""Organizations whose bytes are remembered."""


class FileUsageStore(Protocol):
    """The storage of sizes."""

    async def sum_bytes(self, organization: int) -> int: ...


class FileQuota:
    """Refuses uploads of organizations that have used their quota.

    Other processes' uploads are seen after COUNT_LASTS_SECONDS: the quota may be exceeded by what they receive until then.
    """

    def __init__(self, store: FileUsageStore, limit: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the bytes that each organization may store; None for any number."""
        self._store, self._limit, self._clock = store, limit, clock
        self._counts: dict[int, tuple[float, int]] = {}

    async def require_room(self, principal: Principal, size: int) -> None:
        """Count bytes that are about to be stored; 0 if their number is not known yet, which needs some room.

        Raises QuotaExceeded, and counts nothing, if they are too many.
        """
        if self._limit is None:
            return
        organization = principal.organization_id
        moment, used = self._counts.get(organization, (0.0, 0))
        if organization not in self._counts or self._clock() - moment >= COUNT_LASTS_SECONDS:
            moment, used = self._clock(), await self._store.sum_bytes(organization)
        if used + max(size, 1) > self._limit:
            # Not remembered: files may have been deleted for the next attempt.
            self._counts.pop(organization, None)
            raise QuotaExceeded
        self._counts.pop(organization, None)
        while len(self._counts) >= MAX_COUNTS:
            del self._counts[next(iter(self._counts))]
        self._counts[organization] = moment, used + size
