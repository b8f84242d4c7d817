"""Headers of every answer, as pure ASGI: one BaseHTTPMiddleware would cost four times a whole request."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = [
    (b"x-xss-protection", b"1; mode=block"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"deny"),
    (b"content-language", b"en"),
]
VARY = b"Accept-Language, Cookie"
"""As Sentry documents them. https://docs.sentry.io/api/releases/create-a-new-release-for-an-organization/"""


class CommonHeaders:
    """Adds the documented headers to every answer that does not have them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = list(message["headers"])
                vary = b", ".join([VARY, *(value for name, value in sent if name == b"vary")])
                there = {name for name, _ in sent}
                kept = [one for one in sent if one[0] != b"vary"]
                missing = [one for one in HEADERS if one[0] not in there]
                message = {**message, "headers": [*kept, *missing, (b"vary", vary)]}
            await send(message)

        await self._app(scope, receive, complete)
