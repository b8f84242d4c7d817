"""Starts what is compared, each over a copy of the same store, with one process that answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import peer
from benchmarks.items import Server
from benchmarks.processes import free_port, running
from benchmarks.stores import Stores

HERE = Path(__file__).parent
Start = Callable[[contextlib.ExitStack, Stores, Path, int], Server]


def ours(
    stack: contextlib.ExitStack, stores: Stores, folder: Path, releases: int, name: str = "ours", workers: int = 1
) -> Server:
    """Serve the project as it is shipped: tokens, limits and logs on, no setting but the database and the workers."""
    url, port = stores.copy(name, releases), free_port()
    words = [sys.executable, "-m", "gql_releases", "serve", "--port", str(port), "--workers", str(workers)]
    process = stack.enter_context(running(words, port, folder / f"{name}.log", GQL_RELEASES_DATABASE_URL=url))
    return Server(name, port, process, stores.token(releases), url, releases, stores)


def floor(stack: contextlib.ExitStack, stores: Stores, folder: Path, releases: int) -> Server:
    """Serve the floor."""
    return _script(stack, stores, folder, releases, "floor", f"floor_{stores.database}.py")


def plain(stack: contextlib.ExitStack, stores: Stores, folder: Path, releases: int) -> Server:
    """Serve the plain Strawberry schema."""
    server = _script(stack, stores, folder, releases, "plain", "plain.py")
    server.rest = False
    return server


def _script(stack: contextlib.ExitStack, stores: Stores, folder: Path, releases: int, name: str, script: str) -> Server:
    url, port = stores.copy(name, releases), free_port()
    words = [sys.executable, str(HERE / script), "--url", url, "--port", str(port)]
    process = stack.enter_context(running(words, port, folder / f"{name}.log"))
    return Server(name, port, process, stores.token(releases), url, releases, stores)


def postgraphile(
    stack: contextlib.ExitStack, stores: Stores, folder: Path, releases: int, language: str = "plpgsql"
) -> Server:
    """Serve PostGraphile 5 in production mode; it knows no tokens."""
    url, port = stores.copy("postgraphile", releases), free_port()
    words = peer.command(url, port, language)
    environment = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    process = stack.enter_context(running(words, port, folder / "postgraphile.log", **environment))
    return Server("postgraphile", port, process, "none", url, releases, stores, "postgraphile", rest=False)


def echo(stack: contextlib.ExitStack, folder: Path) -> Server:
    """Serve the bytes of files in `folder`."""
    port = free_port()
    words = [sys.executable, str(HERE / "echo.py"), "--folder", str(folder), "--port", str(port)]
    return Server("echo", port, stack.enter_context(running(words, port, folder / "echo.log")), "none")


def statements(stack: contextlib.ExitStack, stores: Stores, folder: Path, releases: int) -> Server:
    """Serve the bytes of files after the statements that `folder` has recorded."""
    url, port = stores.copy("bare", releases), free_port()
    words = [sys.executable, str(HERE / "echo.py"), "--folder", str(folder), "--port", str(port), "--url", url]
    process = stack.enter_context(running(words, port, folder / "bare.log"))
    return Server("bare", port, process, "none", url, releases, stores)


SERVERS: dict[str, Start] = {"floor": floor, "ours": ours, "plain": plain, "postgraphile": postgraphile}


def ask(server: Server, request: bytes) -> Any:
    """Send a request on a connection of its own, and give the JSON of the answer; ends the run where it says that it failed."""
    status, body, _ = exchange(server, request)
    answer = json.loads(body)
    if status >= 300 or (isinstance(answer, dict) and answer.get("errors")):
        sys.exit(f"WRONG ANSWER of {server.name} to {request[-300:]!r}: {status} {body[:600]!r}")
    return answer


def exchange(server: Server, request: bytes) -> tuple[int, bytes, int]:
    """Send a request and give the answer's status, its body, and the size of all of it."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read()
    return answer.status, text, len(text) + sum(len(k) + len(v) + 4 for k, v in answer.getheaders())
