"""GraphQL over HTTP, as raw ASGI: bodies and negotiation in, one JSON answer out.

Status codes follow the GraphQL-over-HTTP draft: `application/graphql-response+json` answers 400 to a request that cannot be
executed, `application/json` answers 200, as clients of old expect.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.client import ClientGone
from gql_releases.domain.errors import DomainError, ErrorCode, InvalidToken
from gql_releases.domain.principal import Principal
from gql_releases.domain.switching import short_switch_interval
from gql_releases.graphql_api.execution.cost import require_affordable
from gql_releases.graphql_api.execution.errors import codes_of, field_error, masked_error
from gql_releases.graphql_api.execution.limits import limit_error
from gql_releases.graphql_api.execution.messages import shorten_message
from gql_releases.graphql_api.execution.operations import BAD_INPUT, Operation, OperationCache, RequestError
from gql_releases.graphql_api.execution.requests import HttpError, Request, from_body, from_large_body, from_query
from gql_releases.graphql_api.execution.root_fields import ExecutionContext, RootField
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.trusted_documents import TrustedDocuments
from gql_releases.web.authentication import AUTHENTICATION_STATUSES, authenticate
from gql_releases.web.bodies import ACCEPT_ENCODING, BrokenEncoding, UnsupportedEncoding, read_content
from gql_releases.web.http import BodyTooLarge, Headers, NotJson, header, media_type, negotiate, parse_json, send
from gql_releases.web.large_bodies import LARGE_BODY_BYTES, TooManyValues, clear_gradually, run_in_thread
from gql_releases.web.rate_limit import RateLimit, RefusalLimit, TooManyRefusals
from gql_releases.web.request_record import current_record

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
OFFERED = (JSON, RESPONSE_JSON)
RETRY_AFTER = (b"retry-after", b"1")
NO_HEADERS: Headers = []
VARY = (b"vary", b"Accept")
"""GraphiQL, JSON and GraphQL's media type share one address. Source: RFC 9110 section 12.5.5."""
NO_SNIFF = (b"x-content-type-options", b"nosniff")
CHALLENGE = (b"www-authenticate", b'Bearer error="invalid_token"')
ALLOW = (b"allow", b"GET, HEAD, OPTIONS, POST")
READING = ("GET", "HEAD")
PARTIAL_SUCCESS = 294
LONG_DOCUMENT = 2_000
"""Characters of a document beyond which it is prepared in a thread, unless it is kept: 4,000 tokens take 0.1 s."""
TURN_SECONDS = 0.005
"""Seconds after which the root fields of one operation let other requests go on."""

Page = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """What the endpoint allows. `draft_status`: the status codes of the draft of August 2026.

    `public_schema`: introspection answers without a token.
    """

    max_body: int
    max_anonymous_body: int
    max_cost: int
    draft_status: bool = False
    public_schema: bool = True


class GraphQLView:
    """The endpoint `/graphql`; browsers that ask for a page get GraphiQL."""

    def __init__(
        self,
        preparer: OperationCache,
        trusted: TrustedDocuments,
        services: Services,
        authenticator: Authenticator,
        page: Page,
        rules: EndpointSettings,
        rates: RateLimit,
        refusals: RefusalLimit | None = None,
    ) -> None:
        self._refusals = refusals
        self._preparer, self._trusted, self._services = preparer, trusted, services
        self._authenticator, self._page, self._rules = authenticator, page, rules
        self._rates, self._for_large = rates, replace(services, large=True)

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Answer one request."""
        record = current_record()
        record.api, record.route = "graphql", "/graphql"
        method = scope["method"]
        if method == "OPTIONS":
            await send(send_, 204, b"", [NO_SNIFF, ALLOW])
            return
        accept = header(scope, b"accept")
        if method in READING and negotiate(accept, (*OFFERED, "text/html")) == "text/html":
            await self._page(scope, receive, send_)
            return
        kind = negotiate(accept, OFFERED)
        headers: Headers = []
        try:
            if kind is None:
                raise HttpError(406, f"This endpoint responds with {RESPONSE_JSON} or {JSON}.")
            status, answer, headers = await self._answer(scope, receive, kind)
        except ConnectionResetError:
            return
        except HttpError as error:
            refusal = {"message": error.message, "extensions": error.extensions or {"code": "BAD_REQUEST"}}
            status, answer, headers = error.status, {"errors": [refusal]}, error.headers
            if not error.extensions:
                record.add_codes([f"HTTP_{status}"])
        except Exception as error:  # noqa: BLE001 - logged and answered as INTERNAL
            status, answer = 500, {"errors": [masked_error(error, [])]}
        if "errors" in answer and not record.codes:
            record.add_codes(codes_of(answer["errors"]))
        await send(send_, status, dump(answer), [NO_SNIFF, VARY, *headers], (kind or JSON).encode())

    async def _answer(self, scope: Scope, receive: Receive, kind: str) -> tuple[int, dict[str, Any], Headers]:
        _require_request(scope)
        authorization = header(scope, b"authorization")
        principal, headers = None, NO_HEADERS
        try:
            if authorization:  # before the body is read: who sends it decides how much of it is
                principal = await authenticate(self._authenticator, self._refusals, scope)
                current_record().token = principal.token_id
                headers = self._count(principal)
            request = await self._request(scope, receive, principal)
            execute = self._execute_in_turns if request.large else self._execute
            status, answer = await execute(request, principal, scope["method"], kind)
            if principal:
                self._authenticator.note_use(principal)
        except TooManyRefusals as error:
            raise HttpError(429, error.message, error.headers, {"code": "RATE_LIMITED"}) from None
        except InvalidToken as error:
            if principal:
                self._authenticator.forget(principal)
            raise HttpError(401, error.message, [CHALLENGE], {"code": error.code.value}) from error
        except DomainError as error:  # of the authenticator: those of fields stand in the answer
            status = AUTHENTICATION_STATUSES[error.code]
            refusal = [RETRY_AFTER] if status == 503 else [CHALLENGE]
            return status, {"errors": [field_error(error, [])]}, refusal
        return status, answer, [*headers, RETRY_AFTER] if status == 503 else headers

    def _count(self, principal: Principal) -> Headers:
        """Count a request of a token and give the headers that tell so. Raises HttpError(429)."""
        taken = self._rates.take(principal.token_id)
        if not taken.allowed:
            raise HttpError(429, taken.message, taken.headers, {"code": "RATE_LIMITED"})
        return taken.headers

    async def _request(self, scope: Scope, receive: Receive, principal: Principal | None) -> Request:
        if scope["method"] in READING:
            return from_query(scope["query_string"])
        limit = self._rules.max_body if principal else self._rules.max_anonymous_body
        try:
            body = await read_content(scope, receive, limit)
            if len(body) > LARGE_BODY_BYTES:
                return await run_in_thread(from_large_body, body)
            return from_body(parse_json(body), body)
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
            if method in READING and not operation.is_query:
                raise HttpError(405, "GET is for queries only: use POST.", [(b"allow", b"POST")])
            raw, exact = request.variables, request.exact_variables
            variables = await run_in_thread(operation.coerce, raw, exact) if is_long else operation.coerce(raw, exact)
            price = await run_in_thread(operation.price, variables) if is_long else operation.price(variables)
            if request.extensions:
                extensions = cost_extensions(request.extensions, price.cost, self._rules.max_cost)
            require_affordable(price, self._rules.max_cost)
            steps = await run_in_thread(operation.steps, variables) if is_long else operation.steps(variables)
        except RequestError as error:
            current_record().name_operation(request.operation_name, request.query)
            return self._refused(error, kind), {"errors": [format_error(one, error.code) for one in error.errors]}
        except GraphQLError as error:
            status = self._refused(RequestError([error]), kind)
            current_record().name_operation(request.operation_name, request.query)
            return status, {"errors": [format_error(error, BAD_INPUT)], **extensions}
        if extensions and request.extensions.get("dryRun"):
            return 200, {"data": None, **extensions}
        services = self._for_large if request.large else self._services
        asked = ExecutionContext(services, principal, variables, request.variables, self._rules.public_schema, [])
        data, errors = await run(steps, asked)
        if request.large:
            await run_in_thread(clear_gradually, [variables, request.variables])
        answer: dict[str, Any] = {"data": data}
        status = 200
        if errors:
            answer["errors"] = errors
            is_partial = any(value is not None for value in data.values())
            if not is_partial and all_have_code(errors, ErrorCode.UNAVAILABLE):
                status = 503
            elif self._rules.draft_status and kind == RESPONSE_JSON:
                status = PARTIAL_SUCCESS
        return status, answer | extensions if extensions else answer

    async def _execute_in_turns(
        self, request: Request, principal: Principal | None, method: str, kind: str
    ) -> tuple[int, dict[str, Any]]:
        with short_switch_interval():
            return await self._execute(request, principal, method, kind)

    async def _prepare(self, request: Request, principal: Principal | None) -> tuple[Operation, bool]:
        """Return the request's operation, and whether what is done for it is to be done in a thread. Raises RequestError."""
        text, name = self._trusted.text_of(request.query, request.document_id), request.operation_name
        hide_suggestions = principal is None and not self._rules.public_schema
        is_new = len(text) > LONG_DOCUMENT and not self._preparer.keeps(text, name)
        if is_new:
            operation = await run_in_thread(self._preparer.prepare, text, name, hide_suggestions=hide_suggestions)
        else:
            operation = self._preparer.prepare(text, name, hide_suggestions=hide_suggestions)
        record = current_record()
        record.operation, record.is_trusted = operation.name, self._trusted.has_text(text)
        record.is_mutation = not operation.is_query
        return operation, is_new or request.large

    def _refused(self, error: RequestError, kind: str) -> int:
        """Give the status of a request that cannot be executed."""
        if kind != RESPONSE_JSON:
            return 200
        return 422 if self._rules.draft_status and not error.is_syntax else 400


def _require_request(scope: Scope) -> None:
    """Refuse what is no GraphQL request by its method or media type. Raises HttpError."""
    method = scope["method"]
    if method in READING:
        return
    if method != "POST":
        raise HttpError(405, "Use POST, or GET for queries.", [ALLOW])
    if media_type(header(scope, b"content-type")) != JSON:
        raise HttpError(415, f"Send the request as {JSON}.")


def cost_extensions(asked: dict[str, Any], cost: int, most: int) -> dict[str, Any]:
    """Give the answer's extensions: the cost, where `extensions.cost` or `extensions.dryRun` is true."""
    if asked.get("cost") is True or asked.get("dryRun") is True:
        return {"extensions": {"cost": {"requested": cost, "maximum": most}}}
    return {}


async def run(steps: Iterable[RootField], asked: ExecutionContext) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the root fields in order, each whole. Raises InvalidToken: that refuses the request, ClientGone."""
    data: dict[str, Any] = {}
    errors = asked.errors
    begun = time.perf_counter()
    for step in steps:
        name = step.name
        if data and time.perf_counter() - begun > TURN_SECONDS:  # SQLite answers without a pause: let others have theirs
            await asyncio.sleep(0)
            begun = time.perf_counter()
        try:
            data[name] = await step.run(asked)
            continue
        except (InvalidToken, ClientGone):
            raise
        except DomainError as error:
            errors.append(field_error(error, [name]))
        except GraphQLError as error:  # introspection's own
            errors.append(format_error(error, BAD_INPUT))
        except Exception as error:  # noqa: BLE001 - logged and answered as INTERNAL
            errors.append(masked_error(error, [name]))
        data[name] = None
    return data, errors


def dump(answer: dict[str, Any]) -> bytes:
    """Print an answer. Messages may quote a lone surrogate, which orjson refuses."""
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return orjson.dumps({name: orjson.Fragment(dump_value(value)) for name, value in answer.items()})


def dump_value(value: Any) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=True).encode()


def all_have_code(errors: list[dict[str, Any]], code: ErrorCode) -> bool:
    """Return whether all errors have one code."""
    return all(error.get("extensions", {}).get("code") == code.value for error in errors)


def format_error(error: GraphQLError, code: str) -> dict[str, Any]:
    """Render an error of graphql-core, with `code` unless it has one of its own."""
    extensions = {"code": code} | (error.extensions or {})
    return {**error.formatted, "message": shorten_message(error.message), "extensions": extensions}
