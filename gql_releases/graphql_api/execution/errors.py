"""Errors as GraphQL has them: which ride in a payload's `userErrors`, which in `errors`, and under which path."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLInputType, get_named_type

from gql_releases.domain.errors import DomainError, ErrorCode, InvalidInput, Path, Problem
from gql_releases.graphql_api.execution.problem_messages import word_problem
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
        ErrorCode.TOKEN_NOT_FOUND,
        ErrorCode.SCOPE_NOT_HELD,
    }
)
"""Codes that a mutation's payload carries: the caller can mend them."""

EXECUTION_CODES = frozenset(
    {
        ErrorCode.INVALID_ARGUMENT,
        ErrorCode.INVALID_CURSOR,
        ErrorCode.AMBIGUOUS_SHA,
        ErrorCode.ENVIRONMENT_NOT_FOUND,
        ErrorCode.REPOSITORY_NOT_FOUND,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.INVALID_TOKEN,
        ErrorCode.FORBIDDEN,
        ErrorCode.UNAVAILABLE,
        ErrorCode.TIMEOUT,
    }
)
"""Codes that stand in `errors[].extensions.code`; INVALID_TOKEN refuses the whole request with a 401."""


def field_error(error: DomainError, path: list[str | int]) -> dict[str, Any]:
    """Render an error of a root field; where the error has a path of its own, it is the response's."""
    current_record().note_error(error)
    return {
        "message": error.message,
        "path": list(error.path) if error.code in EXECUTION_CODES and error.path else path,
        "extensions": {"code": error.code.value},
    }


def refused_field(error: DomainError, path: list[str | int]) -> dict[str, Any]:
    """Render what refuses the arguments of a field."""
    return {"message": error.message, "path": path, "extensions": {"code": error.code.value}}


def masked_error(error: Exception, path: list[str | int]) -> dict[str, Any]:
    """Render what nobody foresaw: logged whole under an id, which is all that the caller gets."""
    error_id, request_id = uuid.uuid4().hex, current_record().id
    logger.error("error %s in %s of request %s", error_id, ".".join(map(str, path)), request_id, exc_info=error)
    message = f"Internal error; the server's log has details under {error_id}."
    extensions = {"code": "INTERNAL", "errorId": error_id, "requestId": request_id}
    return {"message": message, "path": path, "extensions": extensions}


def codes_of(errors: list[dict[str, Any]]) -> list[str]:
    """Return the code of each error; what GraphQL's own rules refuse may have none."""
    return [error.get("extensions", {}).get("code", "GRAPHQL_ERROR") for error in errors]


def user_errors(
    error: DomainError, input_type: GraphQLInputType, given: dict[str, Any], organization: str
) -> list[dict[str, Any]] | None:
    """Render an error of the input `given` for a payload, field paths in the input's names.

    None where it does not belong there. `organization` is the slug of the token's.
    """
    if error.code not in PAYLOAD_CODES:
        return None
    problems = error.problems if isinstance(error, InvalidInput) else (Problem(error.code, error.path, error.message),)
    rendered = []
    for problem in problems:
        field = input_path(input_type, problem.path)
        message = word_problem(problem, field, given, organization)
        rendered.append({"code": problem.code.value, "message": message, "field": field})
    return rendered


def input_path(input_type: GraphQLInputType, path: Path) -> list[str] | None:
    """Spell a path into an input in GraphQL's names."""
    spelled: list[str] = []
    here: Any = get_named_type(input_type)
    for step in path:
        spelled.append(str(step))
        if isinstance(step, str) and isinstance(here, GraphQLInputObjectType):
            for name, field in here.fields.items():
                if read_python_name(field, name) == step:
                    spelled[-1], here = name, get_named_type(field.type)
                    break
    return spelled or None
