"""Serves GraphiQL from files of the package, with a strict Content-Security-Policy."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from gql_releases.web.http import Headers, send

FOLDER = Path(__file__).parent / "graphiql"
NOT_BUILT = b"GraphiQL is not built: run `make setup`.\n"

# Monaco, the editor in GraphiQL, adds style elements and attributes at run time: 'unsafe-inline' for styles only.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
PAGE_HEADERS: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept"),
]


class _Assets:
    """Built files, whose names contain a hash of their content."""

    def __init__(self) -> None:
        self._files = StaticFiles(directory=FOLDER, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        async def send_cacheable(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                immutable = (b"cache-control", b"public, max-age=31536000, immutable")
                policy = (b"content-security-policy", POLICY.encode())  # a worker uses the policy of its own response
                message = {**message, "headers": [*message["headers"], immutable, policy]}
            await send_(message)

        await self._files(scope, receive, send_cacheable)


def graphiql_routes() -> list[BaseRoute]:
    """Return the routes of GraphiQL's assets."""
    return [Mount("/graphiql", _Assets())]


async def show_graphiql(scope: Scope, receive: Receive, send_: Send) -> None:
    """Send GraphiQL's page; 503 with a hint if it is not built."""
    page = FOLDER / "index.html"
    if not page.is_file():
        await send(send_, 503, NOT_BUILT, [(b"vary", b"Accept")], content_type=b"text/plain; charset=utf-8")
        return
    await send(send_, 200, page.read_bytes(), PAGE_HEADERS, b"text/html; charset=utf-8")
