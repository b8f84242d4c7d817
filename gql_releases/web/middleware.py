"""Headers of responses that neither API sends (pages, files, 404), as pure ASGI."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql_releases.web.http import COMMON
from gql_releases.web.http import send as send_whole

ALLOW = (b"allow", b"GET, HEAD, OPTIONS")


class CommonHeaders:
    """Adds the common headers to responses that lack them, and responds to OPTIONS of existing paths with 204."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and complete the headers of its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and scope["path"] == "*":  # about the server: RFC 9110 section 9.3.7
            await send_whole(send, 204, b"", [ALLOW, *COMMON])
            return
        is_sent = False

        async def complete(message: Message) -> None:
            nonlocal is_sent
            if message["type"] == "http.response.start":
                if scope["method"] == "OPTIONS" and message["status"] == 405:
                    is_sent = True
                    await send_whole(send, 204, b"", [ALLOW, *COMMON])
                names = {name for name, _ in message["headers"]}
                missing = [header for header in COMMON if header[0] not in names]
                message = {**message, "headers": [*message["headers"], *missing]}
            if not is_sent:
                await send(message)

        await self._app(scope, receive, complete)
