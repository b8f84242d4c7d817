"""Logs frequent failures: at most a line a minute for each reason, with the count, and a line when they are over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LINE_SECONDS = 60.0
"""Seconds between two lines of one kind of failure with the same reason."""
QUIET_SECONDS = 5.0
"""Seconds without a failure before a success means that it is over: failures may be intermittent."""
MAX_REASONS = 8
"""Different reasons that get a line of their own within LINE_SECONDS."""
MAX_REASON_LENGTH = 500


class Incident:
    """One kind of failure, for example reads that are answered with 503."""

    def __init__(self, name: str, level: int = logging.WARNING, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._level, self._clock = name, level, clock
        self._begun = self._last = self._line = 0.0
        self._total = self._since_line = 0
        self._reasons: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Whether there was a failure, and the incident is not over."""
        return self._total > 0

    def report(self, reason: str) -> None:
        """Count a failure, and log its reason if it is the first of a minute, or a new reason."""
        moment = self._clock()
        if not self._total:
            self._begun = moment
        self._total, self._since_line, self._last = self._total + 1, self._since_line + 1, moment
        reason = "".join(sign if sign.isprintable() else " " for sign in reason)[:MAX_REASON_LENGTH]
        is_new_minute = self._total == 1 or moment - self._line >= LINE_SECONDS
        if is_new_minute:
            self._reasons.clear()
        if is_new_minute or (reason not in self._reasons and len(self._reasons) < MAX_REASONS):
            self._reasons.add(reason)
            self._line = moment if is_new_minute else self._line
            logger.log(
                self._level, "%s: %s (%d since the last line, %d in all)", self._name, reason, self._since_line, self._total
            )
            self._since_line = 0

    def recover(self) -> None:
        """Log that the incident is over, unless the last failure is less than QUIET_SECONDS ago."""
        moment = self._clock()
        if self._total and moment - self._last >= QUIET_SECONDS:
            logger.info("%s: over after %.0f s, %d in all", self._name, self._last - self._begun, self._total)
            self._total = self._since_line = 0


def explain_error(error: BaseException) -> str:
    """Return an error's message with those of its causes, for a line of the log."""
    reasons, current = [], error  # type: tuple[list[str], BaseException | None]
    while current is not None and len(reasons) < 4:
        text = str(current).strip().partition("\n")[0]
        reasons.append(text if current is error and text else f"{type(current).__name__}: {text}".rstrip(": "))
        current = current.__cause__
    return " <- ".join(reasons)
