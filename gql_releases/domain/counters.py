"""Counts of this process's fall-backs from a fast path to a slower one, by name."""

from __future__ import annotations

import logging
from collections import Counter

FALL_BACKS: Counter[str] = Counter()
"""Fall-back -> number of times it was taken since the process started; the metrics endpoint reads it."""


def count_fall_back(name: str) -> None:
    """Add one to the count of the fall-back `name`, for example `batch`; the metrics endpoint reads the counts."""
    FALL_BACKS[name] += 1


class RepeatedFailure:
    """Logs a repeated failure: a warning for the first time and for each new reason, one line when it is over."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        """`what` is the beginning of each line."""
        self._logger, self._what = logger, what
        self._reason: str | None = None

    def report(self, reason: str, error: BaseException | None = None) -> None:
        """Log the reason with the error's traceback, unless it is the same as the last time."""
        if reason != self._reason:
            self._reason = reason
            self._logger.warning("%s: %s", self._what, reason, exc_info=error)

    def end(self) -> None:
        """Log that it is over, if anything was reported."""
        if self._reason is not None:
            self._reason = None
            self._logger.info("%s: resolved", self._what)
