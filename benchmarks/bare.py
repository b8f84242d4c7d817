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

from benchmarks import floor_http, recording
from benchmarks.items import READS, Server
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


def cost_of_writes(stores: Stores, server: Server, item: str, requests: list[bytes]) -> float:
    """Give the milliseconds of CPU, the database's included, of a writing item's bare statements by request."""
    recorded = stores.copy(f"recorded_{item.lower()}", server.releases)
    log, _ = _record(recorded, requests, AT_ONCE)
    stores.drop(recorded)
    url = stores.copy(f"replayed_{item.lower()}", server.releases)
    if stores.database == "sqlite":
        pragmas = importlib.import_module("benchmarks.floor_sqlite").PRAGMAS
        _, cpu = recording.replay_on_sqlite(url, log, pragmas)
    else:
        logs = [log[i :: recording.AT_ONCE] for i in range(recording.AT_ONCE)]
        _, cpu = recording.replay_on_postgres(url, logs, stores.process or 0)
    stores.drop(url)
    return cpu / len(requests)


@contextmanager
def _recorder(url: str) -> Iterator[recording.Log]:
    with recording.on_sqlite() if url.startswith("sqlite") else recording.prepared_on_postgres() as log:
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
            await asyncio.gather(*(_send(app, one, 0) for one in requests[first : first + at_once]))
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


def reading(items: list[str]) -> list[str]:
    """Pick the items that read."""
    return [item for item in items if item in READS]
