"""The front: sends each request to its door by its path, before any router; the rest is Starlette's.

Matching routes and wrapping answers in layers costs more than a whole point read; each door adds its own headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from gql_releases.domain.client import WAIT_UNTIL_GONE


class Dispatcher:
    """`/graphql` and everything below `/api/` go to their doors, pages and start-up to the application behind."""

    def __init__(self, graphql: ASGIApp, rest: ASGIApp, behind: ASGIApp, by_path: Mapping[str, ASGIApp]) -> None:
        """`by_path` has the applications of single paths, for example of probes."""
        self._graphql, self._rest, self._behind, self._by_path = graphql, rest, behind, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            path = scope["path"]
            WAIT_UNTIL_GONE.set(partial(wait_until_gone, receive))
            if path == "/graphql":
                await self._graphql(scope, receive, send)
                return
            if path.startswith("/api/"):
                await self._rest(scope, receive, send)
                return
            if path in self._by_path:
                await self._by_path[path](scope, receive, send)
                return
        await self._behind(scope, receive, send)


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client of a request has closed its connection; what is left of its body is read and dropped."""
    bodies = 0
    while bodies < 2:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body"):
            bodies += 1
    await asyncio.get_running_loop().create_future()  # a server that gives bodies without end does not say it
