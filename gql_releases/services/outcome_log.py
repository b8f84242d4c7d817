"""Counts the outcomes of items that SDKs sent, for the metrics, and logs the counts once a minute."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping

from gql_releases.domain.counters import count_item
from gql_releases.domain.events.outcomes import OutcomeKey

LINE_SECONDS = 60.0
"""Seconds of the counts of a line; nothing is logged while nothing arrives."""

logger = logging.getLogger(__name__)


class OutcomeLog:
    """Counts and logs outcomes by reason and category, which no client can choose."""

    def __init__(self, seconds: float = LINE_SECONDS) -> None:
        self._seconds = seconds
        self._counts: Counter[OutcomeKey] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def note(self, counts: Mapping[OutcomeKey, int]) -> None:
        """Count items whose outcome is committed; called on the event loop."""
        for key, quantity in counts.items():
            count_item(*key, quantity)
            self._counts[key] += quantity
        if self._counts and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self.flush)

    def flush(self) -> None:
        """Log what was counted since the last line."""
        if self._timer:
            self._timer.cancel()
        counts, self._counts, self._timer = self._counts, Counter(), None
        if counts:
            words = [f"{' '.join(part for part in key if part)}={counts[key]}" for key in sorted(counts)]
            logger.info("items of SDKs: %s", ", ".join(words))
