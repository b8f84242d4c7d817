"""An ASGI application that reads a request and answers bytes that it was given: what HTTP itself costs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.floor_http import serve


def application(folder: Path) -> Any:
    """Answer a request that has the header `echo: NAME` with the bytes of the file NAME, read anew when it is asked first."""
    kept: dict[bytes, tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = next(value for header, value in scope["headers"] if header == b"echo")
        if scope["method"] != "GET":
            while (await receive())["more_body"]:
                pass
        if name not in kept:
            answer = (folder / name.decode()).read_bytes()
            kept[name] = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))], answer
        headers, answer = kept[name]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


if __name__ == "__main__":
    ask = argparse.ArgumentParser()
    ask.add_argument("--folder", type=Path, required=True)
    ask.add_argument("--port", type=int, required=True)
    said = ask.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(application(said.folder), said.port))
