"""Cancels long work of a request when its client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

Result = TypeVar("Result")

WAIT_UNTIL_GONE: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("WAIT_UNTIL_GONE", default=None)
"""Returns when the client of the current request has disconnected; None outside of requests."""


class ClientGone(ConnectionResetError):
    """The client has closed its connection."""


async def while_connected(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`, which is cancelled when the client disconnects.

    It needs two tasks: use it for work that takes milliseconds, and not for a point read. Raises ClientGone, and the
    errors of `work`.
    """
    wait = WAIT_UNTIL_GONE.get()
    if wait is None:
        return await work
    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(wait())
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.wait((working, watching))
