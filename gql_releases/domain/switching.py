"""The interpreter's thread switch interval: short while a large body or write is processed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

SWITCH_INTERVAL_SECONDS = 0.0005
"""Switch interval while a large body or write is processed.

Python's default is 5 ms: each access to the store can wait that long, which adds up to 30 ms and more for a point read.
At 1 ms for all requests a point read takes 1.01 to 1.08 times the CPU, and on SQLite the p99 of reads beside the creation
of 10,000 commits is 0.47 to 0.56 s, where it is 0.15 to 0.33 s at this interval (on a busy machine, servers in turns).
"""
DEFAULT_SWITCH_INTERVAL = sys.getswitchinterval()

_users = 0


@contextlib.contextmanager
def short_switch_interval() -> Iterator[None]:
    """Set the short switch interval until the block ends. Only for the event loop's thread: there is no lock."""
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
