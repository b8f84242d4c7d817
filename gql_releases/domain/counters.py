"""Counts of this process, which the metrics endpoint reads: fall-backs to a slower path, work on files, items of SDKs."""

from __future__ import annotations

import logging
from collections import Counter

FALL_BACKS: Counter[str] = Counter()
"""Fall-back -> number of times it was taken since the process started; the metrics endpoint reads it."""


def count_fall_back(name: str) -> None:
    """Add one to the count of the fall-back `name`, for example `batch`; the metrics endpoint reads the counts."""
    FALL_BACKS[name] += 1


FILE_COUNTERS = {
    "file_uploads": ("Chunks and files that clients have uploaded.", "kind"),
    "file_received_bytes": ("Bytes of these.", "kind"),
    "file_sent_bytes": ("Bytes of files that clients have downloaded.", "kind"),
    "file_assemblies": ("Files that were assembled of chunks, by their final state.", "state"),
    "file_assembly_seconds": ("Seconds of assembling.", "kind"),
    "symbolication_jobs": ("Jobs of symbolication processes.", "outcome"),
    "symbolication_seconds": ("Seconds of these jobs.", "outcome"),
    "symbolication_worker_exits": ("Symbolication processes that ended.", "reason"),
    "files_collected": ("Unused rows and files that were removed.", "kind"),
    "files_collected_bytes": ("Bytes of these.", "kind"),
}
"""Name of a counter -> what it counts, and its label."""
FILE_COUNTS: Counter[tuple[str, str]] = Counter()
"""Name and value of the label -> count since the process started."""


def count_files(name: str, label: str, amount: float = 1) -> None:
    """Add to a counter of FILE_COUNTERS; no label is a value that a client can choose."""
    FILE_COUNTS[name, label] += amount  # type: ignore[assignment]


ITEM_COUNTS: Counter[tuple[str, str, str]] = Counter()
"""Outcome, reason and category of items that SDKs sent -> number since the process started."""


def count_item(outcome: str, reason: str, category: str, quantity: int) -> None:
    """Add items of SDKs; none of the texts is a value that a client can choose."""
    ITEM_COUNTS[outcome, reason, category] += quantity


QUEUE_BYTES: Counter[str] = Counter()
"""Queue -> bytes that wait in it at the moment."""


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
