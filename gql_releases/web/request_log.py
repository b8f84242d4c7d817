"""The log of requests: a line each, spelled and written together some times a second.

A record and a write of its own would be a third of the work of a point read. A killed process loses the lines of its last
50 ms; nothing else is told here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import lru_cache
from typing import Any

DELAY = 0.05
"""Seconds that a line may wait for others."""


def stamp(moment: float) -> str:
    """Spell a time, in seconds since 1970, as RFC 3339 with milliseconds, UTC."""
    return f"{_to_the_second(int(moment))}.{int(moment * 1000) % 1000:03}Z"


@lru_cache(maxsize=8)
def _to_the_second(moment: int) -> str:
    """Spell a whole second, once for all its lines."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


class RequestLog:
    """Lines of one door. Records come whole: their message has a line a request, each with its own time."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._waiting: list[tuple[float, str, tuple[Any, ...]]] = []

    def note(self, line: str, *values: Any) -> None:
        """Write down a line with values in it, as % has it, soon; on the event loop."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(DELAY, self.flush)
        self._waiting.append((time.time(), line, values))

    def flush(self) -> None:
        """Write down what waits."""
        lines, self._waiting = self._waiting, []
        if lines:
            name = f"INFO {self._logger.name}:"
            text = "\n".join([f"{stamp(moment)} {name} {line % values}" for moment, line, values in lines])
            self._logger.info("%s", text, extra={"lines": len(lines)})
