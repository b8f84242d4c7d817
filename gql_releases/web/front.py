"""The front: sends each request to its door by its path, before any router; the rest is Starlette's.

Matching routes and wrapping answers in layers costs more than a whole point read; each door adds its own headers.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Front:
    """`/graphql` and everything below `/api/` go to their doors, pages and start-up to the application behind."""

    def __init__(self, graphql: ASGIApp, rest: ASGIApp, behind: ASGIApp) -> None:
        self._graphql, self._rest, self._behind = graphql, rest, behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            path = scope["path"]
            if path == "/graphql":
                await self._graphql(scope, receive, send)
                return
            if path.startswith("/api/"):
                await self._rest(scope, receive, send)
                return
        await self._behind(scope, receive, send)
