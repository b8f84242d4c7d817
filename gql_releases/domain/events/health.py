"""Shares of sessions and users without a crash."""

from __future__ import annotations

MIN_SESSIONS = 50
"""Sessions below which a share is not shown: it would change with each of them."""


def read_numbers(text: str) -> list[int]:
    """Return the numbers of a text, in which the store separates them by spaces."""
    return [int(number) for number in text.split(" ")]


def crash_free_share(total: int, crashed: int, sessions: int) -> float | None:
    """Return the share without a crash; None without any, or with fewer sessions than MIN_SESSIONS."""
    return None if sessions < MIN_SESSIONS or not total else (total - crashed) / total
