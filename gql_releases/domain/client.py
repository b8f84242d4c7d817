"""The client of the request that runs: work that takes long ends when it has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

Result = TypeVar("Result")

WAIT_UNTIL_GONE: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("WAIT_UNTIL_GONE", default=None)
"""What returns when the client of this request has gone, and not before; None where no client waits."""


class ClientGone(ConnectionResetError):
    """The client has closed its connection: nobody reads an answer."""


async def while_connected(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`, which is cancelled when the client goes. Raises ClientGone, and what `work` raises.

    To watch takes two tasks: for work that takes milliseconds, and not for a point read.
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
