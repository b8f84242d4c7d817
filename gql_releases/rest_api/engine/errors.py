"""Errors as Sentry's clients read them: a status and a body for each code."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from gql_releases.domain.errors import DomainError, ErrorCode, InvalidInput, Path, Problem
from gql_releases.rest_api.engine.field_names import FieldNames
from gql_releases.web.authentication import AUTHENTICATION_STATUSES
from gql_releases.web.request_record import current_record

logger = logging.getLogger(__name__)

STATUSES: dict[ErrorCode, int] = {
    ErrorCode.REQUIRED: 400,
    ErrorCode.NOT_NULL: 400,
    ErrorCode.BLANK: 400,
    ErrorCode.EMPTY_LIST: 400,
    ErrorCode.TOO_LONG: 400,
    ErrorCode.WRONG_TYPE: 400,
    ErrorCode.INVALID_CHARACTERS: 400,
    ErrorCode.INVALID_VERSION: 400,
    ErrorCode.INVALID_SLUG: 400,
    ErrorCode.INVALID_URL: 400,
    ErrorCode.INVALID_DATE: 400,
    ErrorCode.INVALID_CHOICE: 400,
    ErrorCode.INVALID_REF: 400,
    ErrorCode.INVALID_ENVIRONMENT: 400,
    ErrorCode.UNKNOWN_PROJECT: 400,
    ErrorCode.PROJECT_NOT_ON_RELEASE: 400,
    ErrorCode.ALREADY_EXISTS: 409,
    ErrorCode.SCOPE_NOT_HELD: 403,
    # The same answer whether the organization is somebody else's or nobody's: docs/sentry-contract.md#9-decisions.
    ErrorCode.ORGANIZATION_NOT_FOUND: 403,
    ErrorCode.PROJECT_NOT_FOUND: 404,
    ErrorCode.RELEASE_NOT_FOUND: 404,
    ErrorCode.DEPLOY_NOT_FOUND: 404,
    ErrorCode.TOKEN_NOT_FOUND: 404,
    ErrorCode.ENVIRONMENT_NOT_FOUND: 404,
    ErrorCode.REPOSITORY_NOT_FOUND: 404,
    ErrorCode.INVALID_ARGUMENT: 400,
    ErrorCode.INVALID_CURSOR: 400,
    ErrorCode.AMBIGUOUS_SHA: 400,
    ErrorCode.FORBIDDEN: 403,
    **AUTHENTICATION_STATUSES,
    ErrorCode.TIMEOUT: 400,  # no 503: clients would send the same again
}
"""Code -> status. Clients repeat a 503, and only that."""

NO_PERMISSION = "You do not have permission to perform this action."


def choose_status(error: DomainError) -> int:
    """Give the status of an error."""
    return STATUSES[error.code]


def render_error(error: DomainError, names: FieldNames) -> dict[str, Any]:
    """Give the body of an error; `names` spell the paths of a body's fields."""
    if error.code is ErrorCode.PROJECT_NOT_ON_RELEASE:
        detail = {"code": "parameter-validation-error", "message": error.message, "extra": {"context": ""}}
        return {"detail": detail}
    if isinstance(error, InvalidInput):
        return _fields(error.problems, names)
    if error.code is ErrorCode.ORGANIZATION_NOT_FOUND:
        return {"detail": NO_PERMISSION}
    return {"detail": error.message}


def internal_error(error: Exception) -> dict[str, Any]:
    """Log what nobody foresaw under an id, and give the body that carries it."""
    error_id, record = uuid.uuid4().hex, current_record()
    logger.error("error %s in request %s", error_id, record.id, exc_info=error)
    record.add_codes(["INTERNAL"])
    return {"detail": "Internal Error", "errorId": error_id, "requestId": record.id}


def _fields(problems: tuple[Problem, ...], names: FieldNames) -> dict[str, Any]:
    """Nest messages by field. A list reports its first bad element alone, without its index.

    Source: docs/sentry-contract.md#2-6-nested-errors.
    """
    body: dict[str, Any] = {}
    first_bad: dict[Path, str | int] = {}
    for problem in problems:
        if _later_element(problem.path, first_bad):
            continue
        steps = [str(step) for step in names.to_wire(problem.path) if isinstance(step, str)]
        whole = not problem.path or isinstance(problem.path[-1], int)
        if whole and (not steps or problem.code is ErrorCode.WRONG_TYPE):
            steps.append("non_field_errors")
        here = body
        for step in steps[:-1]:
            below = here.setdefault(step, {})
            if isinstance(below, list):
                break
            here = below
        else:
            here.setdefault(steps[-1], []).append(problem.message)
    return body


def _later_element(path: Path, first_bad: dict[Path, str | int]) -> bool:
    """Say whether a path leads into another element of some list than its first bad one."""
    return any(isinstance(step, int) and first_bad.setdefault(path[:depth], step) != step for depth, step in enumerate(path))
