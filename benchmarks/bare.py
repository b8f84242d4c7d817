"""The floor's statements by themselves, recorded from it: those of reads are served anew without the floor, those of writes run in a loop."""

from __future__ import annotations

import asyncio
import importlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import floor_http, floor_postgres, floor_sqlite, recording
from benchmarks.stores import Stores

READS_RECORDED, WRITES_RECORDED, AT_ONCE = 200, 480, 16
"""Requests of an item that are recorded; writes come as many at once as the load has connections."""


def record_reads(stores: Stores, releases: int, requests: dict[str, list[bytes]], folder: Path) -> None:
    """Write what each request of the reading items runs into the file `statements` of a folder."""
    url = stores.copy("recorded", releases)
    groups = {}
    for item, listed in requests.items():
        log, ends = _record(url, listed[:READS_RECORDED], 1)
        groups[item] = [log[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    stores.drop(url)
    (folder / "statements").write_bytes(pickle.dumps(groups))


class Writes:
    """A writing item's statements, recorded once and run again whenever it is asked what they cost."""

    def __init__(self, stores: Stores, releases: int, item: str, requests: list[bytes]) -> None:
        self._stores, self._releases, self._name, self._count = stores, releases, item.lower(), len(requests)
        url = stores.copy(f"recorded_{self._name}", releases)
        self._log, _ = _record(url, requests, AT_ONCE)
        stores.drop(url)
        self._times = 0

    def cost(self) -> float:
        """Give the milliseconds of CPU, the database's included, of a request's bare statements, run on a fresh copy."""
        self._times += 1
        url = self._stores.copy(f"replayed_{self._name}_{self._times}", self._releases)
        if self._stores.database == "sqlite":
            _, cpu = recording.replay_on_sqlite(url, self._log, floor_sqlite.PRAGMAS)
        else:
            logs = [self._log[i :: recording.AT_ONCE] for i in range(recording.AT_ONCE)]
            _, cpu = recording.replay_on_postgres(url, logs, self._stores.process or 0, floor_postgres.SESSION)
        self._stores.drop(url)
        return cpu / self._count


@contextmanager
def _recorder(url: str) -> Iterator[recording.Log]:
    with recording.on_sqlite() if url.startswith("sqlite") else recording.on_postgres() as log:
        yield log


def _record(url: str, requests: list[bytes], at_once: int) -> tuple[recording.Log, list[int]]:
    """Put requests through the floor's application in this process; gives the log, and where it stood after each batch."""
    module = importlib.import_module(f"benchmarks.floor_{'sqlite' if url.startswith('sqlite') else 'postgres'}")
    ends: list[int] = []

    async def run(log: recording.Log) -> None:
        app = floor_http.application(await module.open_floor(url))
        await _send(app, requests[0].replace(b"Bearer ", b"Bearer x", 1), 401)
        log.clear()
        for first in range(0, len(requests), at_once):
            await asyncio.gather(*(_send(app, request, 0) for request in requests[first : first + at_once]))
            ends.append(len(log))

    with _recorder(url) as log, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(log))
    return list(log), ends


async def _send(app: Any, request: bytes, expected: int) -> None:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.decode().split(" ")
    path, _, query = target.partition("?")
    headers = [tuple(line.split(b": ", 1)) for line in lines]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
    answered: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message.get("status", 0))

    await app(scope, receive, send)
    assert answered[0] == expected or (not expected and answered[0] in (200, 201)), (answered, request[-200:])
