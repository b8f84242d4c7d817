"""HTTP as uvicorn speaks it, with each answer in one write and no timer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite:
    """A transport that lets the head of an answer wait for its body: a write of its own is a tenth of a point read."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._loop = transport, asyncio.get_running_loop()
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write what waits with this, or let this wait: for the next write, at most until the event loop comes round."""
        self._waiting.append(data)
        if len(self._waiting) > 1:
            self._flush()
        else:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Write what waits, and close."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Say whether it is closed or will be: asked for with each answer, which `__getattr__` would take long for."""
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        """Do all else as the transport does."""
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._transport.writelines(waiting)


class LazyTimer:
    """An event loop for one connection, whose timer goes on when it is cancelled, and looks what it is for when it rings.

    uvicorn sets one after each answer and cancels it with the next request, which costs a twentieth of a point read.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.create_task = loop.create_task
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._until: float | None = None

    def call_later(self, delay: float, callback: Callable[[], None]) -> LazyTimer:
        """Call back after `delay` seconds; what was set before is forgotten. Gives what can cancel it."""
        self._until = self._loop.time() + delay
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._ring, callback)
        return self

    def cancel(self) -> None:
        """Do not call back."""
        self._until = None

    def stop(self) -> None:
        """Let go of the timer, and of whom it would call."""
        if self._timer:
            self._timer.cancel()

    def _ring(self, callback: Callable[[], None]) -> None:
        self._timer = None
        if self._until is None:
            return
        left = self._until - self._loop.time()
        if left <= 0:
            callback()
        else:
            self._timer = self._loop.call_later(left, self._ring, callback)


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's own, over such a transport and such a timer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        self._idle = LazyTimer(self.loop)
        self.loop = cast(asyncio.AbstractEventLoop, self._idle)
        super().connection_made(cast(asyncio.Transport, OneWrite(transport)))

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        super().connection_lost(exc)
        self._idle.stop()
