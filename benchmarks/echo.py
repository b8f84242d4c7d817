"""ASGI applications that know their answers beforehand: one that only answers, and one that first runs an item's bare statements."""

from __future__ import annotations

import argparse
import asyncio
import gc
import pickle
import sqlite3
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import floor_postgres, floor_sqlite
from benchmarks.floor_http import serve
from benchmarks.recording import AT_ONCE


class Sqlite:
    """Runs groups of statements on a file."""

    def __init__(self, url: str) -> None:
        self._connection: sqlite3.Connection = floor_sqlite.connect(url)

    async def open(self, groups: Any) -> None:
        """Do nothing: SQLite prepares at the first use."""

    async def run(self, group: Any) -> None:
        """Run the statements of a request."""
        for _, sql, values in group:
            self._connection.execute(sql, values).fetchall()


class Postgres:
    """Runs groups of statements on some connections."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: asyncio.LifoQueue[dict[str, Any]] = asyncio.LifoQueue()

    async def open(self, groups: Any) -> None:
        """Open the connections and prepare the statements."""
        existing = {sql for listed in groups.values() for group in listed for _, sql, _ in group}
        for _ in range(AT_ONCE):
            connection = await asyncpg.connect(self._url, server_settings=floor_postgres.SESSION)
            self._idle.put_nowait({sql: await connection.prepare(sql) for sql in existing})

    async def run(self, group: Any) -> None:
        """Run the statements of a request."""
        prepared = self._idle.get_nowait() if not self._idle.empty() else await self._idle.get()
        try:
            for _, sql, values in group:
                await prepared[sql].fetch(*values)
        finally:
            self._idle.put_nowait(prepared)


def application(folder: Path, database: Sqlite | Postgres | None, groups: dict[str, Any]) -> Any:
    """Answer a request that has the header `echo: NAME` with the bytes of the file NAME."""
    kept: dict[bytes, tuple[list[tuple[bytes, bytes]], bytes, Any]] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = next(value for header, value in scope["headers"] if header == b"echo")
        if scope["method"] != "GET":
            while (await receive())["more_body"]:
                pass
        if name not in kept:
            answer = (folder / name.decode()).read_bytes()
            head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
            kept[name] = head, answer, cycle(groups.get(name.decode(), [()]))
        headers, answer, turns = kept[name]
        if database:
            await database.run(next(turns))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


async def run(options: argparse.Namespace) -> None:
    """Serve what the command line names."""
    database, groups = None, {}
    if options.url:
        groups = pickle.loads((options.folder / "statements").read_bytes())  # our own file, written a moment ago
        database = Sqlite(options.url) if options.url.startswith("sqlite") else Postgres(options.url)
        await database.open(groups)
    gc.freeze()
    gc.set_threshold(50_000)  # as the floor does
    await serve(application(options.folder, database, groups), options.port)


if __name__ == "__main__":
    ask = argparse.ArgumentParser()
    ask.add_argument("--folder", type=Path, required=True)
    ask.add_argument("--port", type=int, required=True)
    ask.add_argument("--url", help="the store that the bare statements run on")
    said = ask.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(said))
