"""The floor of uploads: a bare ASGI handler that stores the parts of a request durably and does nothing else."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1]))

from python_multipart.multipart import MultipartParser, parse_options_header


class Application:
    """Stores each part as a file named by its SHA-1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Store the parts of a request and answer with 200."""
        if scope["type"] != "http":
            return
        content_type = dict(scope["headers"])[b"content-type"]
        boundary = parse_options_header(content_type)[1][b"boundary"]
        pieces: list[bytes] = []
        finished: list[list[bytes]] = []
        callbacks: Any = {
            "on_part_data": lambda data, start, end: pieces.append(data[start:end]),
            "on_part_end": lambda: end_part(pieces, finished),
        }
        parser, more = MultipartParser(boundary, callbacks), True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            parser.write(message["body"])
            while finished:
                await asyncio.to_thread(self._store, finished.pop(0))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def _store(self, pieces: list[bytes]) -> None:
        digest, decoder = hashlib.sha1(usedforsecurity=False), zlib.decompressobj(31)
        path = self._folder / f"tmp-{id(pieces)}"
        with path.open("wb") as file:
            for piece in pieces:
                data = decoder.decompress(piece)
                digest.update(data)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.rename(self._folder / digest.hexdigest())
        descriptor = os.open(self._folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def end_part(pieces: list[bytes], finished: list[list[bytes]]) -> None:
    """Move the pieces of a part to the parts that are complete."""
    finished.append(pieces.copy())
    pieces.clear()


def main() -> None:
    """Serve until the process ends."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--folder", type=Path, required=True)
    ask.add_argument("--port", type=int, required=True)
    options = ask.parse_args()
    uvicorn.run(Application(options.folder), port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
