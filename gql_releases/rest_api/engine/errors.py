"""Status and body of each error, in the shape that Sentry's clients read."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from gql_releases.domain.errors import DomainError, ErrorCode, InvalidInput, NoSpaceLeft, Path, Problem
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
    # The same response for another token's organization and for none: docs/sentry-contract.md#9-decisions.
    ErrorCode.ORGANIZATION_NOT_FOUND: 403,
    ErrorCode.PROJECT_NOT_FOUND: 404,
    ErrorCode.RELEASE_NOT_FOUND: 404,
    ErrorCode.DEPLOY_NOT_FOUND: 404,
    ErrorCode.ISSUE_NOT_FOUND: 404,
    ErrorCode.COMMIT_NOT_FOUND: 404,
    ErrorCode.TOKEN_NOT_FOUND: 404,
    ErrorCode.RELEASE_FILE_NOT_FOUND: 404,
    ErrorCode.ARTIFACT_BUNDLE_NOT_FOUND: 404,
    ErrorCode.DEBUG_FILE_NOT_FOUND: 404,
    ErrorCode.PROJECT_KEY_NOT_FOUND: 404,
    ErrorCode.ENVIRONMENT_NOT_FOUND: 404,
    ErrorCode.REPOSITORY_NOT_FOUND: 404,
    ErrorCode.INVALID_ARGUMENT: 400,
    ErrorCode.INVALID_CURSOR: 400,
    ErrorCode.LIMIT_EXCEEDED: 400,
    ErrorCode.AMBIGUOUS_SHA: 400,
    ErrorCode.FORBIDDEN: 403,
    **AUTHENTICATION_STATUSES,
    ErrorCode.TIMEOUT: 400,  # not 503: clients would repeat the request
    ErrorCode.NOT_INSTALLED: 501,
    ErrorCode.QUOTA_EXCEEDED: 413,
}
"""Code -> status. Clients repeat a request only after a 503 or 507."""

NO_PERMISSION = "You do not have permission to perform this action."


def choose_status(error: DomainError) -> int:
    """Return the status of an error."""
    return 507 if isinstance(error, NoSpaceLeft) else STATUSES[error.code]


def render_error(error: DomainError, names: FieldNames) -> dict[str, Any]:
    """Return the body of an error. `names` map the paths of problems to field names of the request."""
    if error.code is ErrorCode.PROJECT_NOT_ON_RELEASE:
        detail = {"code": "parameter-validation-error", "message": error.message, "extra": {"context": ""}}
        return {"detail": detail}
    if isinstance(error, InvalidInput):
        return _nest_messages(error.problems, names)
    if error.code is ErrorCode.ORGANIZATION_NOT_FOUND:
        return {"detail": NO_PERMISSION}
    if error.code is ErrorCode.QUOTA_EXCEEDED or isinstance(error, NoSpaceLeft):
        return {"error": error.message}  # as the endpoints of files write their errors
    return {"detail": error.message}


def internal_error(error: Exception) -> dict[str, Any]:
    """Log an unexpected error with a new id, and return the body of the 500 with that id."""
    error_id, record = uuid.uuid4().hex, current_record()
    logger.error("error %s in request %s", error_id, record.id, exc_info=error)
    record.add_codes(["INTERNAL"])
    return {"detail": "Internal Error", "errorId": error_id, "requestId": record.id}


def _nest_messages(problems: tuple[Problem, ...], names: FieldNames) -> dict[str, Any]:
    """Return messages nested by field. A list reports only its first invalid element, without its index.

    Source: docs/sentry-contract.md#2-6-nested-errors.
    """
    body: dict[str, Any] = {}
    first_invalid: dict[Path, str | int] = {}
    for problem in problems:
        if _is_later_element(problem.path, first_invalid):
            continue
        steps = [str(step) for step in names.to_wire(problem.path) if isinstance(step, str)]
        is_whole_object = not problem.path or isinstance(problem.path[-1], int)
        if is_whole_object and (not steps or problem.code is ErrorCode.WRONG_TYPE):
            steps.append("non_field_errors")
        parent = body
        for step in steps[:-1]:
            child = parent.setdefault(step, {})
            if isinstance(child, list):
                break
            parent = child
        else:
            parent.setdefault(steps[-1], []).append(problem.message)
    return body


def _is_later_element(path: Path, first_invalid: dict[Path, str | int]) -> bool:
    """Return whether a path is in an element of a list after its first invalid one. Records new lists in `first_invalid`."""
    return any(
        isinstance(step, int) and first_invalid.setdefault(path[:depth], step) != step for depth, step in enumerate(path)
    )
