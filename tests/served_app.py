"""An application on a real server, with this project's HTTP protocol and the event loop of production."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop

from gql_releases.web.protocol import HttpProtocol

Work = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""A client of a connection to the server."""


def run_client(app: Any, work: Work) -> None:
    """Serve an application on a port of 127.0.0.1, and run a client of one connection for 10 seconds at most."""

    async def run(listening: socket.socket) -> None:
        config = uvicorn.Config(app, http=HttpProtocol, lifespan="off", log_level="error", timeout_keep_alive=1)
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            await asyncio.wait_for(work(reader, writer), 10)
        finally:
            writer.close()
            server.should_exit = True
            await serving

    with socket.create_server(("127.0.0.1", 0)) as listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(listening))
