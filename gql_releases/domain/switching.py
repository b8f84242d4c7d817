"""How long a thread runs on while others wait for the interpreter: short while something large is done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

SWITCH_INTERVAL_SECONDS = 0.0005
"""Seconds that a thread runs on while others wait, as long as something large is done.

Python's own are 5 ms: each look at the store can cost them, which adds up to 30 ms and more for a point read.
"""
DEFAULT_SWITCH_INTERVAL = sys.getswitchinterval()

_users = 0


@contextlib.contextmanager
def short_switch_interval() -> Iterator[None]:
    """Make threads take short turns until the block ends. Only for the event loop's thread: there is no lock."""
    global _users
    if not _users:
        sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    _users += 1
    try:
        yield
    finally:
        _users -= 1
        if not _users:
            sys.setswitchinterval(DEFAULT_SWITCH_INTERVAL)
