"""Dispatches each request by its path to an API, the ingest endpoints, a probe or the Starlette application.

It comes before any router: matching routes and layers of middleware cost more than a whole point read. Each API adds
its own headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from gql_releases.domain.client import WAIT_UNTIL_GONE
from gql_releases.web.ingest_paths import find_path, is_ingest_path


class Dispatcher:
    """Passes `/graphql` and all paths below `/api/` to the APIs, all other requests and start-up to `pages`."""

    def __init__(self, graphql: ASGIApp, rest: ASGIApp, pages: ASGIApp, by_path: Mapping[str, ASGIApp]) -> None:
        """`by_path` maps single paths to their applications, for example those of probes."""
        self._graphql, self._rest, self._pages, self._by_path = graphql, rest, pages, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application of its path."""
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
        await self._pages(scope, receive, send)


class IngestDispatcher:
    """Passes the requests of SDKs to the ingest endpoints, before anything that adds other CORS headers."""

    def __init__(self, ingest: ASGIApp, others: ASGIApp) -> None:
        self._ingest, self._others = ingest, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application of its path."""
        if scope["type"] == "http" and is_ingest_path(find_path(scope.get("root_path", ""), scope["path"])):
            await self._ingest(scope, receive, send)
        else:
            await self._others(scope, receive, send)


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client of a request has closed its connection; the rest of the body is read and discarded."""
    bodies = 0
    while bodies < 2:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body"):
            bodies += 1
    await asyncio.get_running_loop().create_future()  # such a server does not report the disconnection
