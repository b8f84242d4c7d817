"""GraphQL over HTTP, as raw ASGI: bodies and negotiation in, one JSON answer out.

Status codes follow the GraphQL-over-HTTP draft: `application/graphql-response+json` answers 400 to a request that cannot be
executed, `application/json` answers 200, as clients of old expect.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.errors import DomainError, ErrorCode, InvalidToken, Unauthenticated
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.errors import field_error, masked_error
from gql_releases.graphql_api.preparing import Operation, Preparer, RequestError
from gql_releases.graphql_api.services import Services
from gql_releases.graphql_api.steps import Asked
from gql_releases.web.http import (
    BodyTooLarge,
    Headers,
    NotJson,
    accepted,
    header,
    media_type,
    parse_json,
    read_body,
    send,
)

logger = logging.getLogger(__name__)

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
OFFERED = (JSON, RESPONSE_JSON)
RETRY_AFTER = (b"retry-after", b"1")

Page = Callable[[Scope, Receive, Send], Awaitable[None]]


class HttpError(Exception):
    """A request that is no GraphQL request, or one that HTTP itself refuses."""

    def __init__(self, status: int, message: str, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or []


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of a GraphQL request."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


class GraphQLView:
    """The endpoint `/graphql`; browsers that ask for a page get GraphiQL."""

    def __init__(
        self, preparer: Preparer, services: Services, authenticator: Authenticator, page: Page, body_limit: int
    ) -> None:
        self._preparer, self._services, self._authenticator = preparer, services, authenticator
        self._page, self._body_limit = page, body_limit

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Answer one request."""
        accept = header(scope, b"accept")
        if scope["method"] == "GET" and accepted(accept, (*OFFERED, "text/html")) == "text/html":
            await self._page(scope, receive, send_)
            return
        kind = accepted(accept, OFFERED)
        try:
            if kind is None:
                raise HttpError(406, f"This endpoint answers {RESPONSE_JSON} and {JSON}.")
            await self._answer(scope, receive, send_, kind)
        except HttpError as error:
            body = orjson.dumps({"errors": [{"message": error.message}]})
            await send(send_, error.status, body, error.headers, (kind or JSON).encode())

    async def _answer(self, scope: Scope, receive: Receive, send_: Send, kind: str) -> None:
        begun = time.perf_counter()
        request = await self._request(scope, receive)
        principal = None
        try:
            with suppress(Unauthenticated):
                principal = await self._authenticator.authenticate(header(scope, b"authorization"))
            status, answer, operation = await self._execute(request, principal, scope["method"], kind)
            if principal:
                self._authenticator.note_use(principal)
        except InvalidToken as error:
            if principal:
                self._authenticator.forget(principal)
            errors = [{"message": error.message, "extensions": {"code": error.code.value}}]
            challenge = [(b"www-authenticate", b'Bearer error="invalid_token"')]
            await send(send_, 401, orjson.dumps({"errors": errors}), challenge, kind.encode())
            return
        except DomainError as error:  # the store cannot even tell whose token this is
            errors = [field_error(error, [])]
            await send(send_, 503, orjson.dumps({"errors": errors}), [RETRY_AFTER], kind.encode())
            return
        logger.info(
            "graphql operation=%s token=%s status=%d ms=%.1f",
            operation or "-",
            principal.token_id if principal else "-",
            status,
            1000 * (time.perf_counter() - begun),
        )
        await send(send_, status, dump(answer), [RETRY_AFTER] if status == 503 else None, kind.encode())

    async def _request(self, scope: Scope, receive: Receive) -> Request:
        if scope["method"] == "GET":
            return _from_query(scope["query_string"])
        if scope["method"] != "POST":
            raise HttpError(405, "Use POST, or GET for queries.", [(b"allow", b"GET, POST")])
        if media_type(header(scope, b"content-type")) != JSON:
            raise HttpError(415, f"Send the request as {JSON}.")
        try:
            body = parse_json(await read_body(scope, receive, self._body_limit))
        except BodyTooLarge:
            raise HttpError(413, f"The body is larger than {self._body_limit} bytes.") from None
        except NotJson as error:
            raise HttpError(400, f"The body is no JSON: {error}.") from None
        return _from_body(body)

    async def _execute(
        self, request: Request, principal: Principal | None, method: str, kind: str
    ) -> tuple[int, dict[str, Any], str]:
        try:
            operation = self._preparer.prepare(request.query, request.operation_name)
            if method == "GET" and not operation.is_query:
                raise HttpError(405, "GET is for queries only: use POST.", [(b"allow", b"POST")])
            variables = operation.coerce(request.variables)
        except RequestError as error:
            status = 400 if kind == RESPONSE_JSON else 200
            return status, {"errors": [_formatted(one) for one in error.errors]}, ""
        asked = Asked(self._services, principal, variables, request.variables)
        data, errors = await run(operation, asked)
        unavailable = errors and not any(value is not None for value in data.values())
        status = 503 if unavailable and _are(errors, ErrorCode.UNAVAILABLE) else 200
        answer: dict[str, Any] = {"data": data}
        if errors:
            answer["errors"] = errors
        return status, answer, operation.name


async def run(operation: Operation, asked: Asked) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the root fields in order, each whole. Raises InvalidToken: that refuses the request."""
    data: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for step in operation.steps(asked.variables):
        data[step.name] = None
        try:
            data[step.name] = await step.run(asked)
        except InvalidToken:
            raise
        except DomainError as error:
            errors.append(field_error(error, [step.name]))
        except GraphQLError as error:  # introspection's own
            errors.append(_formatted(error))
        except Exception as error:
            errors.append(masked_error(error, [step.name]))
    return data, errors


def dump(answer: dict[str, Any]) -> bytes:
    """Print an answer. Messages may quote a lone surrogate, which orjson refuses."""
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return json.dumps(answer, ensure_ascii=True).encode()


def _are(errors: list[dict[str, Any]], code: ErrorCode) -> bool:
    return all(error.get("extensions", {}).get("code") == code.value for error in errors)


def _formatted(error: GraphQLError) -> dict[str, Any]:
    return dict(error.formatted)


def _from_query(query_string: bytes) -> Request:
    found = parse_qs(query_string.decode("latin-1"), keep_blank_values=True)
    body: dict[str, Any] = {name: values[-1] for name, values in found.items()}
    for name in ("variables", "extensions"):
        if body.get(name):
            try:
                body[name] = parse_json(body[name].encode("utf-8", "surrogatepass"))
            except NotJson:
                raise HttpError(400, f"The parameter {name} is no JSON.") from None
        else:
            body.pop(name, None)
    if not body.get("operationName"):
        body.pop("operationName", None)
    return _from_body(body)


def _from_body(body: Any) -> Request:
    if isinstance(body, list):
        raise HttpError(400, "Batching is not supported: send one request at a time.")
    if not isinstance(body, dict):
        raise HttpError(400, "The request must be a JSON object.")
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise HttpError(400, "The request needs a query, a string.")
    if variables is not None and not isinstance(variables, dict):
        raise HttpError(400, "The variables must be an object.")
    if name is not None and not isinstance(name, str):
        raise HttpError(400, "The operationName must be a string.")
    if body.get("extensions") is not None and not isinstance(body["extensions"], dict):
        raise HttpError(400, "The extensions must be an object.")
    return Request(query, variables or {}, name)
