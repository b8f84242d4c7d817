"""Large bodies are read in a thread of their own, and all that is done for them lets others have their turns."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LARGE = 256 * 1024
"""Bytes of a body beyond which it is read apart: less is read in a few milliseconds."""
TURN = 0.0005
"""Seconds that a thread runs on while others wait, as long as a large request is answered.

Python's own are 5 ms: each look at the store can cost them, which adds up to 30 ms and more for a point read.
"""

USUAL = sys.getswitchinterval()

_thread = ThreadPoolExecutor(1, "large-bodies")  # one: with many of them at work, the event loop would be one of many
_waiting = 0


async def apart(work: Callable[Arguments, Result], *args: Arguments.args, **more: Arguments.kwargs) -> Result:
    """Run something that takes long in the thread for large bodies, one after another."""
    return await asyncio.get_running_loop().run_in_executor(_thread, lambda: work(*args, **more))


@contextlib.contextmanager
def in_turns() -> Iterator[None]:
    """Make threads take short turns while a large request is answered."""
    global _waiting
    if not _waiting:
        sys.setswitchinterval(TURN)
    _waiting += 1
    try:
        yield
    finally:
        _waiting -= 1
        if not _waiting:
            sys.setswitchinterval(USUAL)


def let_go(value: Any) -> None:
    """Empty what JSON gave, piece by piece. Freed at once, hundreds of thousands of objects hold up every thread."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
            one.clear()
        elif isinstance(one, list):
            waiting.extend(one)
            one.clear()
