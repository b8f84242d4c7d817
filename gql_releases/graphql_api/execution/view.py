"""The endpoint of GraphQL over HTTP, as an ASGI application.

Status codes follow the GraphQL-over-HTTP draft: for a request that cannot be executed, a response of the media type
`application/graphql-response+json` has status 400, and one of `application/json` has 200, which older clients expect.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.client import ClientGone
from gql_releases.domain.errors import DomainError, ErrorCode, InvalidToken
from gql_releases.domain.principal import Principal
from gql_releases.domain.project_key import Dsn
from gql_releases.domain.switching import short_switch_interval
from gql_releases.graphql_api.execution.cost import require_affordable
from gql_releases.graphql_api.execution.errors import list_codes, render_field_error, render_internal_error
from gql_releases.graphql_api.execution.limits import limit_error
from gql_releases.graphql_api.execution.messages import shorten_message
from gql_releases.graphql_api.execution.operations import BAD_INPUT, Operation, OperationCache, RequestError
from gql_releases.graphql_api.execution.requests import HttpError, Request, parse_body, parse_large_body, parse_query_string
from gql_releases.graphql_api.execution.root_fields import ExecutionContext, RootField
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.trusted_documents import TrustedDocuments
from gql_releases.web.authentication import AUTHENTICATION_STATUSES, authenticate
from gql_releases.web.bodies import ACCEPT_ENCODING, BrokenEncoding, UnsupportedEncoding, read_content
from gql_releases.web.hosts import BaseUrls
from gql_releases.web.http import BodyTooLarge, Headers, NotJson, header, media_type, negotiate, parse_json, send
from gql_releases.web.large_bodies import LARGE_BODY_BYTES, TooManyValues, clear_gradually, run_in_thread
from gql_releases.web.rate_limit import RateLimit, RefusalLimit, TooManyRefusals
from gql_releases.web.request_record import current_record

GRAPHQL_RESPONSE_TYPE = "application/graphql-response+json"
JSON_TYPE = "application/json"
RESPONSE_TYPES = (JSON_TYPE, GRAPHQL_RESPONSE_TYPE)
RETRY_AFTER_ONE_SECOND = (b"retry-after", b"1")
NO_HEADERS: Headers = []
VARY = (b"vary", b"Accept")
"""GraphiQL, JSON and GraphQL's media type have one URL. Source: RFC 9110 section 12.5.5."""
NO_SNIFF = (b"x-content-type-options", b"nosniff")
CHALLENGE = (b"www-authenticate", b'Bearer error="invalid_token"')
ALLOW_METHODS = (b"allow", b"GET, HEAD, OPTIONS, POST")
READ_METHODS = ("GET", "HEAD")
PARTIAL_SUCCESS = 294
LONG_DOCUMENT = 2_000
"""Characters of a document above which it is prepared in a thread, unless it is cached: 4,000 tokens take 0.1 s."""
TURN_SECONDS = 0.005
"""Seconds after which an operation yields to other requests, between two root fields."""

Page = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """The settings of the endpoint. `draft_status`: use the status codes of the draft of August 2026.

    `public_schema`: introspection needs no token.
    """

    max_body: int
    max_anonymous_body: int
    max_cost: int
    draft_status: bool = False
    public_schema: bool = True


class GraphQLView:
    """The endpoint `/graphql`; a request that accepts HTML gets GraphiQL."""

    def __init__(
        self,
        operations: OperationCache,
        trusted: TrustedDocuments,
        services: Services,
        authenticator: Authenticator,
        page: Page,
        settings: EndpointSettings,
        rate_limit: RateLimit,
        base_urls: BaseUrls,
        refusal_limit: RefusalLimit | None = None,
    ) -> None:
        self._operations, self._trusted, self._services = operations, trusted, services
        self._authenticator, self._page, self._settings = authenticator, page, settings
        self._rate_limit, self._base_urls, self._refusal_limit = rate_limit, base_urls, refusal_limit
        self._services_for_large = replace(services, large=True)

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Respond to one request."""
        record = current_record()
        record.api, record.route = "graphql", "/graphql"
        method = scope["method"]
        if method == "OPTIONS":
            await send(send_, 204, b"", [NO_SNIFF, ALLOW_METHODS])
            return
        accept = header(scope, b"accept")
        if method in READ_METHODS and negotiate(accept, (*RESPONSE_TYPES, "text/html")) == "text/html":
            await self._page(scope, receive, send_)
            return
        kind = negotiate(accept, RESPONSE_TYPES)
        headers: Headers = []
        try:
            if kind is None:
                raise HttpError(406, f"This endpoint responds with {GRAPHQL_RESPONSE_TYPE} or {JSON_TYPE}.")
            status, response, headers = await self._respond(scope, receive, kind)
        except ConnectionResetError:
            return
        except HttpError as error:
            refusal = {"message": error.message, "extensions": error.extensions or {"code": "BAD_REQUEST"}}
            status, response, headers = error.status, {"errors": [refusal]}, error.headers
            if not error.extensions:
                record.add_codes([f"HTTP_{status}"])
        except Exception as error:  # noqa: BLE001 - logged and answered as INTERNAL
            status, response = 500, {"errors": [render_internal_error(error, [])]}
        if "errors" in response and not record.codes:
            record.add_codes(list_codes(response["errors"]))
        content = dump_response(response, partial(self._render_text, scope))
        await send(send_, status, content, [NO_SNIFF, VARY, *headers], (kind or JSON_TYPE).encode())

    def _render_text(self, scope: Scope, value: Any) -> str:
        """Return the text of a value that orjson does not write. Raises TypeError for any but a Dsn."""
        if isinstance(value, Dsn):
            return value.render(self._base_urls.find_base_url(scope))
        raise TypeError

    async def _respond(self, scope: Scope, receive: Receive, kind: str) -> tuple[int, dict[str, Any], Headers]:
        _require_request(scope)
        authorization = header(scope, b"authorization")
        principal, headers = None, NO_HEADERS
        try:
            if authorization:  # before the body is read: its maximum size depends on the principal
                principal = await authenticate(self._authenticator, self._refusal_limit, scope)
                current_record().token = principal.token_id
                headers = self._count_request(principal)
            request = await self._parse_request(scope, receive, principal)
            execute = self._execute_large if request.large else self._execute
            status, response = await execute(request, principal, scope["method"], kind)
            if principal:
                self._authenticator.note_use(principal)
        except TooManyRefusals as error:
            raise HttpError(429, error.message, error.headers, {"code": "RATE_LIMITED"}) from None
        except InvalidToken as error:
            if principal:
                self._authenticator.forget(principal)
            raise HttpError(401, error.message, [CHALLENGE], {"code": error.code.value}) from error
        except DomainError as error:  # of the authenticator: errors of fields are in the response
            status = AUTHENTICATION_STATUSES[error.code]
            refusal = [RETRY_AFTER_ONE_SECOND] if status == 503 else [CHALLENGE]
            return status, {"errors": [render_field_error(error, [])]}, refusal
        return status, response, [*headers, RETRY_AFTER_ONE_SECOND] if status == 503 else headers

    def _count_request(self, principal: Principal) -> Headers:
        """Count a request of a token and return the headers of its rate limit. Raises HttpError(429)."""
        decision = self._rate_limit.take(principal.token_id)
        if not decision.allowed:
            raise HttpError(429, decision.message, decision.headers, {"code": "RATE_LIMITED"})
        return decision.headers

    async def _parse_request(self, scope: Scope, receive: Receive, principal: Principal | None) -> Request:
        if scope["method"] in READ_METHODS:
            return parse_query_string(scope["query_string"])
        limit = self._settings.max_body if principal else self._settings.max_anonymous_body
        try:
            body = await read_content(scope, receive, limit)
            if len(body) > LARGE_BODY_BYTES:
                return await run_in_thread(parse_large_body, body)
            return parse_body(parse_json(body), body)
        except BodyTooLarge:
            hint = "" if principal else ", which is the limit without a token"
            raise HttpError(413, f"The body is larger than {limit} bytes{hint}.") from None
        except TooManyValues as error:
            raise HttpError(413, str(error), extensions=limit_error(error.name, error.value).extensions) from None
        except UnsupportedEncoding as error:
            raise HttpError(415, str(error), [ACCEPT_ENCODING]) from None
        except BrokenEncoding as error:
            raise HttpError(400, str(error)) from None
        except NotJson as error:
            raise HttpError(400, f"The body is not JSON: {error}.") from None

    async def _execute(
        self, request: Request, principal: Principal | None, method: str, kind: str
    ) -> tuple[int, dict[str, Any]]:
        extensions: dict[str, Any] = {}
        try:
            operation, is_long = await self._prepare(request, principal)
            if method in READ_METHODS and not operation.is_query:
                raise HttpError(405, "GET is for queries only: use POST.", [(b"allow", b"POST")])
            raw, exact = request.variables, request.exact_variables
            variables = await run_in_thread(operation.coerce, raw, exact) if is_long else operation.coerce(raw, exact)
            price = await run_in_thread(operation.price, variables) if is_long else operation.price(variables)
            if request.extensions:
                extensions = cost_extensions(request.extensions, price.cost, self._settings.max_cost)
            require_affordable(price, self._settings.max_cost)
            root_fields = await run_in_thread(operation.plan, variables) if is_long else operation.plan(variables)
        except RequestError as error:
            current_record().name_operation(request.operation_name, request.query)
            errors = [format_error(core_error, error.code) for core_error in error.errors]
            return self._refusal_status(error, kind), {"errors": errors}
        except GraphQLError as error:
            status = self._refusal_status(RequestError([error]), kind)
            current_record().name_operation(request.operation_name, request.query)
            return status, {"errors": [format_error(error, BAD_INPUT)], **extensions}
        if extensions and request.extensions.get("dryRun"):
            return 200, {"data": None, **extensions}
        services = self._services_for_large if request.large else self._services
        public = self._settings.public_schema
        context = ExecutionContext(services, principal, variables, request.variables, public, [])
        data, errors = await run_fields(root_fields, context)
        if request.large:
            await run_in_thread(clear_gradually, [variables, request.variables])
        response: dict[str, Any] = {"data": data}
        status = 200
        if errors:
            response["errors"] = errors
            is_partial = any(value is not None for value in data.values())
            if not is_partial and all_have_code(errors, ErrorCode.UNAVAILABLE):
                status = 503
            elif self._settings.draft_status and kind == GRAPHQL_RESPONSE_TYPE:
                status = PARTIAL_SUCCESS
        return status, response | extensions if extensions else response

    async def _execute_large(
        self, request: Request, principal: Principal | None, method: str, kind: str
    ) -> tuple[int, dict[str, Any]]:
        with short_switch_interval():
            return await self._execute(request, principal, method, kind)

    async def _prepare(self, request: Request, principal: Principal | None) -> tuple[Operation, bool]:
        """Return the request's operation, and whether it is long and handled in a thread. Raises RequestError."""
        text, name = self._trusted.find_text(request.query, request.document_id), request.operation_name
        hide_suggestions = principal is None and not self._settings.public_schema
        is_new = len(text) > LONG_DOCUMENT and not self._operations.has(text, name)
        if is_new:
            operation = await run_in_thread(self._operations.prepare, text, name, hide_suggestions=hide_suggestions)
        else:
            operation = self._operations.prepare(text, name, hide_suggestions=hide_suggestions)
        record = current_record()
        record.operation, record.is_trusted = operation.name, self._trusted.has_text(text)
        record.is_mutation = not operation.is_query
        return operation, is_new or request.large

    def _refusal_status(self, error: RequestError, kind: str) -> int:
        """Return the status of the response to a request that cannot be executed."""
        if kind != GRAPHQL_RESPONSE_TYPE:
            return 200
        return 422 if self._settings.draft_status and not error.is_syntax else 400


def _require_request(scope: Scope) -> None:
    """Raise HttpError if the method or the media type is not that of a GraphQL request."""
    method = scope["method"]
    if method in READ_METHODS:
        return
    if method != "POST":
        raise HttpError(405, "Use POST, or GET for queries.", [ALLOW_METHODS])
    if media_type(header(scope, b"content-type")) != JSON_TYPE:
        raise HttpError(415, f"Send the request as {JSON_TYPE}.")


def cost_extensions(extensions: dict[str, Any], cost: int, maximum: int) -> dict[str, Any]:
    """Return the response's extensions: the cost, if the request's `extensions.cost` or `extensions.dryRun` is true."""
    if extensions.get("cost") is True or extensions.get("dryRun") is True:
        return {"extensions": {"cost": {"requested": cost, "maximum": maximum}}}
    return {}


async def run_fields(fields: Iterable[RootField], context: ExecutionContext) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the root fields one after the other. Raises InvalidToken, which is the response to the request, and ClientGone."""
    data: dict[str, Any] = {}
    errors = context.errors
    started = time.perf_counter()
    for field in fields:
        name = field.name
        if data and time.perf_counter() - started > TURN_SECONDS:  # reads of SQLite do not yield to other requests
            await asyncio.sleep(0)
            started = time.perf_counter()
        try:
            data[name] = await field.run(context)
            continue
        except (InvalidToken, ClientGone):
            raise
        except DomainError as error:
            errors.append(render_field_error(error, [name]))
        except GraphQLError as error:  # of introspection
            errors.append(format_error(error, BAD_INPUT))
        except Exception as error:  # noqa: BLE001 - logged and answered as INTERNAL
            errors.append(render_internal_error(error, [name]))
        data[name] = None
    return data, errors


def dump_response(response: dict[str, Any], render: Callable[[Any], str]) -> bytes:
    """Return a response as JSON; `render` returns the text of a value that is no JSON value.

    Messages may quote a lone surrogate, which orjson does not encode.
    """
    try:
        return orjson.dumps(response, render)
    except orjson.JSONEncodeError:
        return orjson.dumps({name: orjson.Fragment(dump_value(value, render)) for name, value in response.items()})


def dump_value(value: Any, render: Callable[[Any], str]) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value, render)
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=True, default=render).encode()


def all_have_code(errors: list[dict[str, Any]], code: ErrorCode) -> bool:
    """Return whether all errors have this code."""
    return all(error.get("extensions", {}).get("code") == code.value for error in errors)


def format_error(error: GraphQLError, code: str) -> dict[str, Any]:
    """Return the response's entry for an error of graphql-core, with `code` unless the error has its own."""
    extensions = {"code": code} | (error.extensions or {})
    return {**error.formatted, "message": shorten_message(error.message), "extensions": extensions}
