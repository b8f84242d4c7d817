"""The start page at `/`, the documentation at `/docs/`, the icon and robots.txt."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from html import escape
from pathlib import Path

import orjson
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gql_releases.web.http import JSON, TEXT, Headers, header, negotiate, send

HTML = b"text/html; charset=utf-8"
PACKAGED_DOCS = Path(__file__).parent / "docs"
"""The documentation in an installed package; in a checkout it is in the folder docs."""
DOCS = PACKAGED_DOCS if PACKAGED_DOCS.is_dir() else Path(__file__).parents[2] / "docs"
ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f2433"/>'
    b'<path d="M8 20l8-12 8 12z" fill="#8fe0a8"/><rect x="8" y="23" width="16" height="3" fill="#a9c5ff"/></svg>'
)
ROBOTS = b"User-agent: *\nDisallow: /\n"
STYLE = """
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1f2433; background: #f6f7fb }
main { max-width: 40rem; margin: 0 auto; padding: 3rem 1.25rem }
h1 { margin: 0; font-size: 1.6rem }
p { margin: .5rem 0 1.5rem }
ul + p { margin: 1.5rem 0 }
ul { margin: 0; padding: 0; list-style: none }
li { margin: .5rem 0; padding: .75rem 1rem; background: #fff; border: 1px solid #dfe3ee; border-radius: 8px }
a { color: #2450c8; font-weight: 600; text-decoration: none }
a:hover, a:focus-visible { text-decoration: underline }
small { display: block; color: #566 }
@media (prefers-color-scheme: dark) {
  body { color: #e8eaf2; background: #171b26 }
  li { background: #1f2433; border-color: #38405a }
  a { color: #a9c5ff }
  small { color: #b3bad0 }
}
"""
STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_HEADERS: Headers = [
    (
        b"content-security-policy",
        f"default-src 'none'; img-src 'self'; style-src 'sha256-{STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'".encode(),
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept"),
]
SUMMARY = (
    "A self-hosted server for release data (versions, commits, deploys, source maps, errors): Sentry's release API for CI, "
    "GraphQL for frontends."
)
LINKS = (
    ("/graphql", "GraphiQL", "Write and run GraphQL operations in the browser."),
    ("/schema.graphql", "Schema", "All types and fields of the GraphQL API."),
    ("/docs/", "Documentation", "CI, GraphQL guide, operations, errors."),
)

Check = Callable[[], Awaitable[list[str]]]
"""Returns the reasons why the store is not ready; an empty list if it is."""


class Endpoint:
    """A raw ASGI endpoint; Starlette leaves objects as they are."""

    def __init__(self, respond: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        await self._respond(scope, receive, send_)


def _serve_file(body: bytes, content_type: bytes) -> Endpoint:
    """Return an endpoint that always sends the same body, which browsers may cache for a day."""

    async def respond(scope: Scope, receive: Receive, send_: Send) -> None:
        await send(send_, 200, body, [(b"cache-control", b"public, max-age=86400")], content_type)

    return Endpoint(respond)


def _redirect(target: str) -> Endpoint:
    async def respond(scope: Scope, receive: Receive, send_: Send) -> None:
        await send(send_, 307, b"", [(b"location", target.encode())], TEXT)

    return Endpoint(respond)


def home_routes(version: str, check: Check) -> list[BaseRoute]:
    """Return the routes of the start page, the documentation, the icon and robots.txt."""

    async def home(scope: Scope, receive: Receive, send_: Send) -> None:
        problem = " ".join(await check())
        offered = ("text/html", "application/json")
        if negotiate(header(scope, b"accept"), offered) == "application/json":
            body = orjson.dumps(
                {"name": "gql_releases", "version": version, "store": problem or "ok"}
                | {title.lower(): address for address, title, _ in LINKS}
            )
            await send(send_, 200, body, PAGE_HEADERS, JSON)
        else:
            await send(send_, 200, _page(_home_parts(version, problem)), PAGE_HEADERS, HTML)

    async def documentation(scope: Scope, receive: Receive, send_: Send) -> None:
        await send(send_, 200, _page(_documentation_parts()), PAGE_HEADERS, HTML)

    return [
        Route("/", Endpoint(home), methods=["GET"]),
        Route("/docs", _redirect("/docs/"), methods=["GET"]),
        Route("/docs/", Endpoint(documentation), methods=["GET"]),
        *(Route(f"/docs/{name}", _serve_file(file.read_bytes(), TEXT), methods=["GET"]) for name, file in _documents()),
        Route("/graphiql", _redirect("/graphql"), methods=["GET"]),
        Route("/graphiql/", _redirect("/graphql"), methods=["GET"]),
        Route("/favicon.ico", _serve_file(ICON, b"image/svg+xml"), methods=["GET"]),
        Route("/robots.txt", _serve_file(ROBOTS, TEXT), methods=["GET"]),
    ]


def _documents() -> Iterator[tuple[str, Path]]:
    """Return the path below /docs/ and the file of each document."""
    return ((file.relative_to(DOCS).as_posix(), file) for file in sorted(DOCS.rglob("*.md")))


def _page(parts: Iterator[str]) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>gql_releases</title>'
        f'<link rel="icon" href="/favicon.ico"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>"
    ).encode()


def _home_parts(version: str, problem: str) -> Iterator[str]:
    yield f"<h1>gql_releases {escape(version)}</h1><p>{SUMMARY}</p><ul>"
    for address, title, text in LINKS:
        yield f'<li><a href="{address}">{title}</a><small>{text}</small></li>'
    yield f"</ul><p>Store: {escape(problem) if problem else 'ok'}</p>"


def _documentation_parts() -> Iterator[str]:
    yield "<h1>Documentation</h1><p>Markdown files of this version.</p><ul>"
    for name, file in _documents():
        title = file.read_text().partition("\n")[0].lstrip("# ")
        yield f'<li><a href="/docs/{name}">{escape(title)}</a><small>docs/{name}</small></li>'
    yield "</ul>"
