"""Copies of remote blobs on the local disk, bounded in bytes, for libraries that read files by their path."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from gql_releases.blobs.writer import translate_os_errors

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Copy:
    path: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    readers: int = 0
    size: int = 0


class LocalCopies:
    """Copies of this process by name; the one that was not used for the longest time is removed first.

    A copy in use is never removed, so that the folder can exceed its limit by what is in use.
    """

    def __init__(self, folder: Path, limit: int, threads: Executor) -> None:
        self._folder, self._limit, self._threads = folder, limit, threads
        self._prefix = f"copy-{secrets.token_hex(8)}"
        self._copies: OrderedDict[str, _Copy] = OrderedDict()
        self.size = 0
        """Bytes of all copies."""

    @contextlib.asynccontextmanager
    async def open_copy(self, name: str, download: Callable[[Path], Awaitable[int]]) -> AsyncIterator[Path]:
        """Yield the path of a copy. `download` writes it to a path and returns its size."""
        copy = self._copies.setdefault(name, _Copy(self._folder / f"{self._prefix}-{name}"))
        self._copies.move_to_end(name)
        copy.readers += 1
        try:
            async with copy.lock:
                if not await self._renew(copy):
                    await self._fill(copy, download)
            await self._evict()
            yield copy.path
        finally:
            copy.readers -= 1
            if not copy.size and not copy.readers:
                self._copies.move_to_end(name, last=False)
            await self._evict()

    async def clear(self) -> None:
        """Remove all copies."""
        self._limit = 0
        await self._evict()

    async def _renew(self, copy: _Copy) -> bool:
        """Set the date of a copy, so that it is not swept, and return whether it is there."""

        def renew() -> bool:
            try:
                os.utime(copy.path)
            except FileNotFoundError:
                return False
            return True

        return await self._run(renew)

    async def _fill(self, copy: _Copy, download: Callable[[Path], Awaitable[int]]) -> None:
        partial = copy.path.with_name(f"{copy.path.name}.part")
        size = await download(partial)
        await self._run(os.replace, partial, copy.path)
        self.size += size - copy.size
        copy.size = size

    async def _evict(self) -> None:
        """Remove copies that are not in use, the oldest first, until the rest fits; also those of failed downloads."""
        paths = []
        for name, copy in list(self._copies.items()):
            if self.size <= self._limit and copy.size:
                break
            if not copy.readers:
                self.size -= copy.size
                paths.append(copy.path)
                del self._copies[name]
        for path in paths:
            await self._run(path.unlink, missing_ok=True)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translate_os_errors():
            call = functools.partial(function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
