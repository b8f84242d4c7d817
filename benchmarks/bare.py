"""What the statements of the floor's items cost by themselves: recorded from the floor, then run with nothing around them."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks import floor_http, recording
from benchmarks.items import ITEMS
from benchmarks.stores import Stores

if TYPE_CHECKING:
    from benchmarks.measuring import Measuring

TIMES = {"Q1": 4000, "Q2": 200, "Q3": 2000, "S1": 1000, "R1": 300, "M1": 480, "M2": 480}
AT_ONCE = 16


def floor_statements(measuring: Measuring, stores: Stores) -> dict[str, float]:
    """Give the milliseconds of CPU, the database's included, of each measured item's bare statements on the floor."""
    module = importlib.import_module(f"benchmarks.floor_{stores.database}")
    costs = {}
    for item in measuring.plan.items:
        if item == "W1":
            continue
        requests = measuring.floor_requests(item, TIMES[item])
        releases = measuring.plan.servers[0].releases
        recorded = stores.copy(f"recorded_{item.lower()}", releases)
        log = _record(module, recorded, requests)
        stores.drop(recorded)
        url = stores.copy(f"replayed_{item.lower()}", releases)
        if stores.database == "sqlite":
            _, cpu = recording.replay_on_sqlite(url, log, module.PRAGMAS)
        else:
            logs = [log[i :: recording.AT_ONCE] for i in range(recording.AT_ONCE)]
            _, cpu = recording.replay_on_postgres(url, logs, stores.process or 0)
        stores.drop(url)
        costs[item] = cpu / len(requests)
    return costs


@contextmanager
def _recorder(database: str) -> Iterator[recording.Log]:
    with recording.on_sqlite() if database == "sqlite" else recording.prepared_on_postgres() as log:
        yield log


def _record(module: Any, url: str, requests: list[bytes]) -> recording.Log:
    """Put requests through the floor's application in this process, as many at once as the load has connections."""

    async def run(log: recording.Log) -> None:
        app = floor_http.application(await module.open_floor(url))
        log.clear()
        for first in range(0, len(requests), AT_ONCE):
            await asyncio.gather(*(_send(app, one) for one in requests[first : first + AT_ONCE]))

    with (
        _recorder("sqlite" if url.startswith("sqlite") else "postgres") as log,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(run(log))
    return list(log)


async def _send(app: Any, request: bytes) -> None:
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
    assert answered[0] in (200, 201), (answered, request[-200:])


assert set(TIMES) == set(ITEMS) - {"W1"}
