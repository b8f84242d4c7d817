"""Routing, authentication and bodies of the REST API.

Routes are matched on the raw path, since a version may contain an encoded slash. A missing trailing slash is a 404, not a
redirect, because clients take a redirect for success.
Source: docs/sentry-contract.md#1-endpoints and docs/sentry-contract.md#1-1-authentication.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

import orjson
from starlette.types import Receive, Scope, Send

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.client import WAIT_UNTIL_GONE
from gql_releases.domain.errors import DomainError, InvalidInput, InvalidToken, UnwrittenNumber, shorten
from gql_releases.domain.principal import Principal
from gql_releases.domain.switching import short_switch_interval
from gql_releases.rest_api.engine.errors import choose_status, internal_error, render_error
from gql_releases.rest_api.engine.field_names import FieldNames
from gql_releases.rest_api.engine.not_implemented import PREFIX, find_sentence, refuse_path
from gql_releases.rest_api.engine.requests import Answer, Handler, Refused, Request, not_found
from gql_releases.rest_api.engine.services import Services
from gql_releases.rest_api.engine.streaming import OpenedBody, StreamedBody, StreamingHandler, open_body, send_body
from gql_releases.web.authentication import authenticate
from gql_releases.web.bodies import ACCEPT_ENCODING, BrokenEncoding, UnsupportedEncoding, read_content
from gql_releases.web.body_streams import BodyStream
from gql_releases.web.hosts import BaseUrls
from gql_releases.web.http import (
    COMMON,
    JSON,
    TEXT,
    BodyTooLarge,
    NotJson,
    header,
    media_type,
    parse_exact_json,
    parse_json,
    send,
)
from gql_releases.web.large_bodies import LARGE_BODY_BYTES, TooManyValues, parse_large_json, run_in_thread
from gql_releases.web.rate_limit import RateLimit, RefusalLimit, TooManyRefusals
from gql_releases.web.request_record import current_record

Pattern = tuple[str, ...]
"""The segments of a path below /api/0/, `*` for a variable one."""
Routes = dict[Pattern, dict[str, Handler]]
"""Pattern -> method -> handler. Of two matching patterns, the one with a fixed first differing segment is used."""
QueryParameters = dict[Handler, Iterable[str]]
"""Handler -> the query parameters passed to it. Handlers that are not listed receive none.

A StreamingHandler is listed by its function.
"""

ORGANIZATION_PATH: Pattern = ("organizations", "*")
PROJECT_PATH: Pattern = ("projects", "*", "*")

NO_BODY: tuple[bytes, Any, bool] = (b"", None, False)
TIMES_AS_MANY_VALUES = 4
"""Factor of the limits on JSON values. It is above 1 because a body is the only input: no operation limits it before."""
NO_STORE = (b"cache-control", b"no-store")
"""Header of all responses: npm's `sentry` otherwise caches them on disk."""


VARIABLES = {
    "organizations": "{org}",
    "projects": "{org}",
    "*": "{project}",
    "releases": "{version}",
    "artifact-bundles": "{bundleId}",
    "files": "{id}",
    "keys": "{keyId}",
    "issues": "{issue}",
    "events": "{event}",
}
"""The segment before a variable one -> the name of the variable one in documentation and metrics."""


def release_routes(name: str | None, handlers: dict[str, Handler]) -> Routes:
    """Return the routes of an endpoint of a release: below its organization and below a project."""
    below = (name,) if name else ()
    return {(*owner, "releases", "*", *below): handlers for owner in (ORGANIZATION_PATH, PROJECT_PATH)}


def name_route(pattern: Pattern) -> str:
    """Return a route's name in documentation and metrics, such as `/api/0/organizations/{org}/releases/{version}/`."""
    before = ("", *pattern)
    return PREFIX + "".join(
        f"{VARIABLES[before[index]] if segment == '*' else segment}/" for index, segment in enumerate(pattern)
    )


class RouteTable:
    """Finds the route of a request by its raw path. Paths of the patterns `slash_optional` may lack the trailing slash."""

    def __init__(self, routes: Routes, slash_optional: Collection[Pattern] = ()) -> None:
        self._slash_optional = frozenset(slash_optional)
        self._routes = routes
        self._names = {pattern: name_route(pattern) for pattern in routes}
        self._by_length: dict[int, list[Pattern]] = {}
        # Fixed segments come first, so `releases/stats/` is the list of statistics, as with Sentry, not a version.
        for pattern in sorted(routes, key=lambda pattern: [segment == "*" for segment in pattern]):
            self._by_length.setdefault(len(pattern), []).append(pattern)

    def match(self, scope: Scope) -> tuple[tuple[str, ...], dict[str, Handler]]:
        """Return the variable segments, each decoded once, and the handlers of the route. Raises Refused (404, 501)."""
        path = scope["raw_path"].decode("latin-1").partition("?")[0]
        raw = path[len(PREFIX) :]
        without_slash = bool(raw) and not raw.endswith("/")
        if not path.startswith(PREFIX):
            raise refuse_path(path)
        segments = raw.removesuffix("/").split("/") if raw else []
        pattern = self._find_pattern(segments)
        if without_slash and pattern not in self._slash_optional:
            if find_sentence(path):
                raise refuse_path(path)
            hint = "The path must end in a slash."
            if media_type(header(scope, b"content-type")) == "application/json":
                raise Refused(Answer(404, {"info": hint}))
            raise Refused(Answer(404, hint.encode()))
        if pattern is None:
            raise refuse_path(path)
        current_record().route = self._names[pattern]
        variable = [s for p, s in zip(pattern, segments, strict=True) if p == "*"]
        try:
            return tuple(unquote_to_bytes(segment).decode() for segment in variable), self._routes[pattern]
        except UnicodeDecodeError:
            raise not_found() from None

    def _find_pattern(self, segments: list[str]) -> Pattern | None:
        """Return the first pattern that matches the segments."""
        for pattern in self._by_length.get(len(segments), ()):
            if all(p in ("*", s) for p, s in zip(pattern, segments, strict=True)):
                return pattern
        return None


class RestApi:
    """The ASGI application for all paths below /api/. Sentry's API is below /api/0/; SDKs send to /api/{project}/."""

    def __init__(
        self,
        routes: Routes,
        query_parameters: QueryParameters,
        field_names: FieldNames,
        services: Services,
        authenticator: Authenticator,
        body_limit: int,
        base_urls: BaseUrls,
        rates: RateLimit,
        refusals: RefusalLimit | None = None,
        slash_optional: Collection[Pattern] = (),
    ) -> None:
        self._route_table, self._field_names = RouteTable(routes, slash_optional), field_names
        self._query_parameters = query_parameters
        self._base_urls, self._refusals = base_urls, refusals
        self._services, self._authenticator, self._rates = services, authenticator, rates
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Handle a request and send its response."""
        current_record().api = "rest"
        try:
            answer = await self._handle_request(scope, receive)
        except Refused as refused:
            answer = refused.answer
        except Exception as error:  # noqa: BLE001 - logged and answered with 500
            if isinstance(error, ConnectionResetError):
                return
            answer = Answer(500, internal_error(error))
        value, rates = answer.value, scope.get("state", {}).get("rates", [])
        headers = [*COMMON, NO_STORE, *answer.headers, *rates]
        if isinstance(value, OpenedBody):
            await send_body(send_, answer.status, value, headers)
            return
        plain = isinstance(value, bytes)
        body = value if plain else b"" if value is None else orjson.dumps(value)
        await send(send_, answer.status, body, headers, TEXT if plain else JSON)

    async def _handle_request(self, scope: Scope, receive: Receive) -> Answer:
        path, handlers = self._route_table.match(scope)
        if scope["method"] == "OPTIONS":  # without a token: RFC 9110 section 9.3.7
            return Answer(204, headers=[allow_header(handlers)])
        principal = None
        try:
            principal = await authenticate(self._authenticator, self._refusals, scope)
            current_record().token = principal.token_id
            decision = self._rates.take(principal.token_id)
            scope.setdefault("state", {})["rates"] = decision.headers
            if not decision.allowed:  # plain text: docs/sentry-contract.md#1-1-authentication
                return Answer(429, decision.message)
            answer = await self._handle(scope, receive, principal, path, handlers)
            self._authenticator.note_use(principal)
            return answer
        except TooManyRefusals as error:
            return Answer(429, {"detail": error.message}, error.headers)
        except DomainError as error:
            if isinstance(error, InvalidToken) and principal:
                self._authenticator.forget(principal)
            return build_refusal(error, self._field_names)

    async def _handle(
        self,
        scope: Scope,
        receive: Receive,
        principal: Principal,
        path: tuple[str, ...],
        handlers: dict[str, Handler],
    ) -> Answer:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        allowed = [allow_header(handlers)]
        if method not in handlers:
            return Answer(405, {"detail": f'Method "{shorten(method)}" not allowed.'}, allowed)
        handler = handlers[method]
        sent, body, large = NO_BODY
        function = handler
        if isinstance(handler, StreamingHandler):
            function = handler.handle
            body = BodyStream(scope, receive, handler.find_limit(self._services))
            WAIT_UNTIL_GONE.set(None)  # waiting for the end of the connection would discard the body
        elif method in ("POST", "PUT"):
            sent, body, large = await self._read_body(scope, receive)
        query = scope["query_string"].decode("latin-1")
        declared, values = self._query_parameters.get(function, ()), parse_qs(query, keep_blank_values=True)
        request = Request(
            self._services, principal, path, {name: values[name] for name in values if name in declared}, body,
            self._require_origin(scope), scope["raw_path"].decode("latin-1").partition("?")[0], query,
            header(scope, b"user-agent") or "", self._base_urls.find_base_url(scope), large,
        )  # fmt: skip
        if large:
            with short_switch_interval():
                answer = await run_handler(handler, request, sent)
        else:
            answer = await run_handler(handler, request, sent)
        if isinstance(answer.value, StreamedBody):
            answer = await open_body(scope, answer, answer.value)
        return Answer(answer.status, answer.value, [*allowed, *answer.headers])

    def _require_origin(self, scope: Scope) -> str:
        """Return the origin of the request. Raises Refused (400) if its Host header is not a host."""
        origin = self._base_urls.find_origin(scope)
        if origin is None:
            raise Refused(Answer(400, {"detail": "The Host header is no host."}))
        return origin

    async def _read_body(self, scope: Scope, receive: Receive) -> tuple[bytes, Any, bool]:
        """Return the body's bytes and JSON value, and whether it is large. Raises Refused (400, 413, 415)."""
        content_type = media_type(header(scope, b"content-type"))
        if content_type != "application/json":
            raise Refused(Answer(415, {"detail": f'Unsupported media type "{shorten(content_type)}" in request.'}))
        try:
            body = await read_content(scope, receive, self._body_limit)
            if len(body) <= LARGE_BODY_BYTES:
                return body, parse_json(body), False
            with short_switch_interval():
                return body, await run_in_thread(parse_large_json, body, TIMES_AS_MANY_VALUES), True
        except BodyTooLarge:
            raise Refused(Answer(413, {"detail": f"The body is larger than {self._body_limit} bytes."})) from None
        except TooManyValues as error:
            raise Refused(Answer(413, {"detail": str(error)})) from None
        except UnsupportedEncoding as error:
            raise Refused(Answer(415, {"detail": str(error)}, [ACCEPT_ENCODING])) from None
        except BrokenEncoding as error:
            raise Refused(Answer(400, {"detail": str(error)})) from None
        except NotJson as error:
            raise Refused(Answer(400, {"detail": f"JSON parse error - {error}"})) from None


async def run_handler(handler: Handler, request: Request, sent: bytes) -> Answer:
    """Run a handler. If a number is sent for a text, parse the body again with its numbers as written, and rerun it."""
    try:
        return await handler(request)
    except UnwrittenNumber:  # raised while the handler parses the body, before it writes
        body = await run_in_thread(parse_exact_json, sent) if request.large else parse_exact_json(sent)
        return await handler(replace(request, body=body))


def allow_header(handlers: dict[str, Handler]) -> tuple[bytes, bytes]:
    """Return the Allow header of a route."""
    return b"allow", ", ".join([*handlers, "HEAD", "OPTIONS"]).encode()


def build_refusal(error: DomainError, field_names: FieldNames) -> Answer:
    """Return the response for an error, and record its codes."""
    status = choose_status(error)
    record = current_record()
    record.note_error(error)
    record.add_codes(
        [problem.code.value for problem in error.problems] if isinstance(error, InvalidInput) else [error.code.value]
    )
    headers = []
    if status == 401:
        headers.append((b"www-authenticate", b'xBasic realm="api"'))
    if status == 503:
        headers.append((b"retry-after", b"1"))
    return Answer(status, render_error(error, field_names), headers)
