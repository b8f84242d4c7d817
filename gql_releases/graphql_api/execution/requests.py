"""Parses the parameters of a GraphQL request from a body or a query string."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qs

from gql_releases.web.http import Headers, NotJson, parse_exact_json
from gql_releases.web.large_bodies import parse_large_json


class HttpError(Exception):
    """The request is not a GraphQL request, or is answered with a status of HTTP only."""

    def __init__(
        self, status: int, message: str, headers: Headers | None = None, extensions: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers, self.extensions = status, message, headers or [], extensions


class Request(NamedTuple):
    """The parameters of a GraphQL request: a document's text, its id or both. A `large` request is handled in a thread."""

    query: str | None
    document_id: str | None
    variables: dict[str, Any]
    operation_name: str | None
    extensions: dict[str, Any]
    large: bool = False
    body: bytes = b""

    def exact_variables(self) -> dict[str, Any]:
        """Return the variables with their numbers as in the body's text."""
        return parse_body(parse_exact_json(self.body)).variables if self.body else self.variables


def parse_query_string(query_string: bytes) -> Request:
    """Parse the parameters of a GET request. Raises HttpError."""
    parameters = parse_qs(query_string.decode("latin-1"), keep_blank_values=True)
    body: dict[str, Any] = {name: values[-1] for name, values in parameters.items()}
    for name in ("variables", "extensions"):
        if body.get(name):
            try:
                body[name] = parse_exact_json(body[name].encode("utf-8", "surrogatepass"))
            except NotJson:
                raise HttpError(400, f"The parameter {name} is not JSON.") from None
        else:
            body.pop(name, None)
    for name in ("operationName", "documentId"):
        if not body.get(name):
            body.pop(name, None)
    return parse_body(body)


def parse_body(body: Any, text: bytes = b"") -> Request:
    """Parse the parameters of a POST request; `text` is its body. Raises HttpError."""
    if isinstance(body, list):
        raise HttpError(400, "Batching is not supported: send one request at a time.")
    if not isinstance(body, dict):
        raise HttpError(400, "The request must be a JSON object.")
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    extensions = body.get("extensions")
    variables = {} if variables is None else variables
    extensions = {} if extensions is None else extensions
    if not isinstance(variables, dict):
        raise HttpError(400, "The variables must be an object.")
    if name is not None and not isinstance(name, str):
        raise HttpError(400, "The operationName must be a string.")
    if not isinstance(extensions, dict):
        raise HttpError(400, "The extensions must be an object.")
    document_id = _find_document_id(body, extensions)
    if query is None and document_id is not None:
        return Request(None, document_id, variables, name, extensions, body=text)
    if not isinstance(query, str) or not query or query.isspace():
        raise HttpError(400, "The request needs a query, a string, or the documentId of a trusted document.")
    return Request(query, document_id, variables, name, extensions, body=text)


def parse_large_body(body: bytes) -> Request:
    """Parse the parameters of a POST request with a large body. Raises HttpError, NotJson, TooManyValues."""
    return parse_body(parse_large_json(body), body)._replace(large=True)


def _find_document_id(body: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    """Return a document's id: `documentId`, or the hash in `extensions.persistedQuery`, which Apollo's clients send."""
    persisted = extensions.get("persistedQuery")
    document_id = body.get("documentId", persisted.get("sha256Hash") if isinstance(persisted, dict) else None)
    if document_id is not None and not isinstance(document_id, str):
        raise HttpError(400, "The documentId must be a string.")
    return document_id
