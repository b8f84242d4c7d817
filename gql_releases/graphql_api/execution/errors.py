"""Errors in GraphQL responses: which are in a payload's `userErrors`, which in `errors`, and with which path."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLInputType, get_named_type

from gql_releases.domain.errors import DomainError, ErrorCode, InvalidInput, Path, Problem
from gql_releases.graphql_api.execution.problem_messages import render_problem
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name
from gql_releases.web.request_record import current_record

logger = logging.getLogger(__name__)

PAYLOAD_CODES = frozenset(
    {
        ErrorCode.REQUIRED,
        ErrorCode.NOT_NULL,
        ErrorCode.BLANK,
        ErrorCode.EMPTY_LIST,
        ErrorCode.TOO_LONG,
        ErrorCode.WRONG_TYPE,
        ErrorCode.INVALID_CHARACTERS,
        ErrorCode.INVALID_VERSION,
        ErrorCode.INVALID_SLUG,
        ErrorCode.INVALID_URL,
        ErrorCode.INVALID_DATE,
        ErrorCode.INVALID_CHOICE,
        ErrorCode.INVALID_REF,
        ErrorCode.INVALID_ENVIRONMENT,
        ErrorCode.UNKNOWN_PROJECT,
        ErrorCode.PROJECT_NOT_ON_RELEASE,
        ErrorCode.ALREADY_EXISTS,
        ErrorCode.ORGANIZATION_NOT_FOUND,
        ErrorCode.PROJECT_NOT_FOUND,
        ErrorCode.RELEASE_NOT_FOUND,
        ErrorCode.DEPLOY_NOT_FOUND,
        ErrorCode.ISSUE_NOT_FOUND,
        ErrorCode.COMMIT_NOT_FOUND,
        ErrorCode.TOKEN_NOT_FOUND,
        ErrorCode.RELEASE_FILE_NOT_FOUND,
        ErrorCode.ARTIFACT_BUNDLE_NOT_FOUND,
        ErrorCode.DEBUG_FILE_NOT_FOUND,
        ErrorCode.PROJECT_KEY_NOT_FOUND,
        ErrorCode.SCOPE_NOT_HELD,
    }
)
"""Codes in `userErrors` of a mutation's payload: errors that the client can correct."""

EXECUTION_CODES = frozenset(
    {
        ErrorCode.INVALID_ARGUMENT,
        ErrorCode.INVALID_CURSOR,
        ErrorCode.LIMIT_EXCEEDED,
        ErrorCode.AMBIGUOUS_SHA,
        ErrorCode.ENVIRONMENT_NOT_FOUND,
        ErrorCode.REPOSITORY_NOT_FOUND,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.INVALID_TOKEN,
        ErrorCode.FORBIDDEN,
        ErrorCode.UNAVAILABLE,
        ErrorCode.TIMEOUT,
        ErrorCode.NOT_INSTALLED,
        ErrorCode.QUOTA_EXCEEDED,
    }
)
"""Codes in `errors[].extensions.code`; INVALID_TOKEN is the response to the whole request, with status 401."""


def render_field_error(error: DomainError, path: list[str | int]) -> dict[str, Any]:
    """Return the response's entry for an error of a root field; a path of the error itself replaces `path`."""
    current_record().note_error(error)
    return {
        "message": error.message,
        "path": list(error.path) if error.code in EXECUTION_CODES and error.path else path,
        "extensions": {"code": error.code.value, **error.details},
    }


def render_refusal(error: DomainError, path: list[str | int]) -> dict[str, Any]:
    """Return the response's entry for a field whose arguments are invalid."""
    return {"message": error.message, "path": path, "extensions": {"code": error.code.value}}


def render_internal_error(error: Exception, path: list[str | int]) -> dict[str, Any]:
    """Log an unexpected exception under an id and return the response's entry with this id only."""
    error_id, request_id = uuid.uuid4().hex, current_record().id
    logger.error("error %s in %s of request %s", error_id, ".".join(map(str, path)), request_id, exc_info=error)
    message = f"Internal error; the server's log has details under {error_id}."
    extensions = {"code": "INTERNAL", "errorId": error_id, "requestId": request_id}
    return {"message": message, "path": path, "extensions": extensions}


def list_codes(errors: list[dict[str, Any]]) -> list[str]:
    """Return the code of each error; an error of graphql-core may have none."""
    return [error.get("extensions", {}).get("code", "GRAPHQL_ERROR") for error in errors]


def render_user_errors(
    error: DomainError, input_type: GraphQLInputType, values: dict[str, Any], organization: str
) -> list[dict[str, Any]] | None:
    """Return the `userErrors` for an error of the input `values`, with field paths in GraphQL's names.

    Returns None if the error's code is not one of PAYLOAD_CODES. `organization` is the slug of the token's organization.
    """
    if error.code not in PAYLOAD_CODES:
        return None
    problems = error.problems if isinstance(error, InvalidInput) else (Problem(error.code, error.path, error.message),)
    rendered = []
    for problem in problems:
        field = render_input_path(input_type, problem.path)
        message = render_problem(problem, field, values, organization)
        rendered.append({"code": problem.code.value, "message": message, "field": field})
    return rendered


def render_input_path(input_type: GraphQLInputType, path: Path) -> list[str] | None:
    """Return a path into an input with GraphQL's names instead of Python's; None for an empty path."""
    steps: list[str] = []
    current: Any = get_named_type(input_type)
    for step in path:
        steps.append(str(step))
        if isinstance(step, str) and isinstance(current, GraphQLInputObjectType):
            for name, field in current.fields.items():
                if read_python_name(field, name) == step:
                    steps[-1], current = name, get_named_type(field.type)
                    break
    return steps or None
