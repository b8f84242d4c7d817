"""The connections of a process, and the limits of incomplete requests."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Protocol

from gql_releases.web.refusals import log_closed

FILE_RESERVE = 128
"""File descriptors reserved for files, pipes and database connections outside of the pool."""
MIN_CONNECTIONS = 16
MAX_CONNECTIONS = 16_384
"""Limit if the operating system allows more: an open connection takes about 10 KiB."""
MAX_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the size of requests, of their speed, and of the number of connections. Times in seconds."""

    request_line: int = 16 * 1024
    header_bytes: int = 64 * 1024
    headers: int = 100
    header_seconds: float = 15.0
    body_seconds: float = 10.0
    body_rate: int = 1024
    """Minimum bytes per second, over `rate_seconds`, of a request body and of a response."""
    rate_seconds: float = 30.0
    shutdown_seconds: float = 30.0
    linger_seconds: float = 1.0
    """How long the rest of a refused request is read and discarded, so that the client reads the response."""
    connections: int = 1_000
    pipelined: int = 100
    """Requests of one connection that wait for the responses to earlier requests."""


class Connection(Protocol):
    """The methods of a connection that the table calls."""

    timeout_keep_alive: int

    def check(self, now: float) -> None:
        """Close it if a limit of time has passed."""

    def drop(self) -> None:
        """Abort it."""


class ConnectionTable:
    """All connections of a process; `waiting` are those without a complete request, the longest waiting first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting: dict[Connection, None] = {}
        self._all: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tick, self._closed, self._reported = MAX_TICK_SECONDS, 0, float("-inf")

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Add a connection and return True; at the limit a waiting connection is closed, False if none is waiting."""
        if self._loop is not loop:  # connections of an earlier event loop are closed
            self._all.clear()
            self.waiting.clear()
            self._loop, self._timer = loop, None
        if len(self._all) >= self.limits.connections and not self._close_longest():
            return False
        if self._timer is None:
            limits = self.limits
            times = (limits.header_seconds, limits.body_seconds, limits.rate_seconds, limits.shutdown_seconds / 2)
            shortest = min(*times, connection.timeout_keep_alive, limits.linger_seconds * 5)
            self._tick = min(max(shortest / 5, 0.02), MAX_TICK_SECONDS)
            self._timer = loop.call_later(self._tick, self._sweep)
        self._all.add(connection)
        self.waiting[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
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
        """Log the number of closed connections, at most once a second."""
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


def count_queued_bytes(connection: socket.socket | None) -> int:
    """Return the bytes that the operating system has queued and the client has not acknowledged; 0 if that is unknown.

    Linux queues up to 4 MB, and accepts more only when a third of it is free: a slow client takes a minute for that.
    """
    try:
        import fcntl
        import termios

        assert connection is not None
        return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0])
    except (ImportError, AttributeError, AssertionError, OSError):
        return 0


def raise_file_limit() -> int | None:
    """Raise the process's limit of open files to the hard limit and return it; None if the system has no such limit."""
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
    """Return the limit of connections for a limit of open `files`, of which `reserve` are needed for the pool."""
    if files is None:
        return MAX_CONNECTIONS
    return max(MIN_CONNECTIONS, min(files - FILE_RESERVE - reserve, MAX_CONNECTIONS))
