"""The connections of a process, and the limits that hold before a request is whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from gql_releases.web.refusals import log_closed

FILE_RESERVE = 128
"""Descriptors that are kept for files, pipes and connections to the database, besides those of its pool."""
FEWEST_CONNECTIONS = 16
MOST_CONNECTIONS = 16_384
"""The limit where the operating system allows more: an open connection takes some 10 KiB."""
LONGEST_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send, how slowly, and how many of them there may be. Times in seconds."""

    request_line: int = 16 * 1024
    header_bytes: int = 64 * 1024
    headers: int = 100
    header_seconds: float = 15.0
    body_seconds: float = 10.0
    body_rate: int = 1024
    """Bytes a second, over `rate_seconds`: of a body that comes in, and of an answer that goes out."""
    rate_seconds: float = 30.0
    shutdown_seconds: float = 30.0
    linger_seconds: float = 1.0
    """How long the rest of a refused request is read and discarded: a client that sends first then sees the answer."""
    connections: int = 1_000
    pipelined: int = 100
    """Requests that wait in one connection for the answers to earlier ones."""


class Connection(Protocol):
    """A connection as the table sees it."""

    timeout_keep_alive: int

    def check(self, now: float) -> None:
        """End it where a limit of time has passed."""

    def drop(self) -> None:
        """End it at once."""


class ConnectionTable:
    """All connections of a process, in `waiting` those that wait for a whole request, the one that waits longest first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting: dict[Connection, None] = {}
        self._all: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tick, self._closed, self._reported = LONGEST_TICK_SECONDS, 0, float("-inf")

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Let a connection in, for another one where the limit is reached. False: none waits that could be closed."""
        if self._loop is not loop:  # none of an earlier event loop is left
            self._all.clear()
            self.waiting.clear()
            self._loop, self._timer = loop, None
        if len(self._all) >= self.limits.connections and not self._close_longest():
            return False
        if self._timer is None:
            limits = self.limits
            times = (limits.header_seconds, limits.body_seconds, limits.rate_seconds, limits.shutdown_seconds / 2)
            shortest = min(*times, connection.timeout_keep_alive, limits.linger_seconds * 5)
            self._tick = min(max(shortest / 5, 0.02), LONGEST_TICK_SECONDS)
            self._timer = loop.call_later(self._tick, self._sweep)
        self._all.add(connection)
        self.waiting[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._all.discard(connection)
        self.waiting.pop(connection, None)
        if not self._all and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_longest(self) -> bool:
        if not self.waiting:
            return False
        connection = next(iter(self.waiting))
        del self.waiting[connection]
        self._all.discard(connection)
        connection.drop()
        self._closed += 1
        self._report()
        return True

    def _report(self) -> None:
        """Log how many were closed, at most once a second."""
        assert self._loop
        now = self._loop.time()
        if self._closed and now - self._reported >= 1:
            log_closed(self._closed, self.limits.connections)
            self._closed, self._reported = 0, now

    def _sweep(self) -> None:
        assert self._loop
        now = self._loop.time()
        self._timer = self._loop.call_later(self._tick, self._sweep)
        for connection in list(self._all):
            connection.check(now)
        self._report()


def raise_file_limit() -> int | None:
    """Raise the process's limit of open files to its hard limit. Returns it; None where the system has no such limit."""
    try:
        import resource
    except ImportError:  # not POSIX
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):  # the system has a lower limit of its own
            pass
    return None if soft == resource.RLIM_INFINITY else soft


def connection_limit(files: int | None, reserve: int) -> int:
    """Return how many connections a process may have that can open so many files and needs `reserve` for others."""
    if files is None:
        return MOST_CONNECTIONS
    return max(FEWEST_CONNECTIONS, min(files - FILE_RESERVE - reserve, MOST_CONNECTIONS))
