"""Counts of this process's fall-backs from a fast path to a slower one, by name."""

from __future__ import annotations

from collections import Counter

FALL_BACKS: Counter[str] = Counter()
"""How often each slower path was taken instead of the usual one since the process started; the metrics endpoint reads it."""


def count_fall_back(name: str) -> None:
    """Add one to the count of the fall-back `name`, for example `batch`; the metrics endpoint reads the counts."""
    FALL_BACKS[name] += 1
