"""Messages for problems of an input: they name the field and quote the value. The REST API uses Sentry's messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gql_releases.domain.errors import ErrorCode, Path, Problem, quote_value

_LIMIT = re.compile(r"no more than (\d+) (\w+)")
_OBJECTS = {
    ErrorCode.PROJECT_NOT_FOUND: "project",
    ErrorCode.RELEASE_NOT_FOUND: "release",
    ErrorCode.DEPLOY_NOT_FOUND: "deploy",
    ErrorCode.ISSUE_NOT_FOUND: "issue",
    ErrorCode.COMMIT_NOT_FOUND: "commit",
    ErrorCode.TOKEN_NOT_FOUND: "token",
    ErrorCode.RELEASE_FILE_NOT_FOUND: "file of the release",
    ErrorCode.ARTIFACT_BUNDLE_NOT_FOUND: "artifact bundle",
    ErrorCode.DEBUG_FILE_NOT_FOUND: "debug file",
    ErrorCode.PROJECT_KEY_NOT_FOUND: "project key",
}
_MISSING = {
    ErrorCode.REQUIRED: "is required",
    ErrorCode.NOT_NULL: "must not be null",
    ErrorCode.BLANK: "must not be blank",
    ErrorCode.EMPTY_LIST: "must not be empty",
}


def render_problem(problem: Problem, field: Sequence[str] | None, values: dict[str, Any], organization: str) -> str:
    """Return the message for a problem of the input `values`; `field` is its path in GraphQL's names."""
    value, name = (
        _find_value(values, problem.path),
        next((step for step in reversed(field or ()) if not step.isdigit()), "input"),
    )
    match problem.code:
        case ErrorCode.UNKNOWN_PROJECT if isinstance(value, str | int):
            return f"No project {_quote(value)} in {organization}."
        case ErrorCode.ORGANIZATION_NOT_FOUND if isinstance(value, str):
            return f"No organization {_quote(value)}, or the token has no access to it."
        case code if code in _OBJECTS:
            return f"No {_OBJECTS[code]} {_describe_object(value)} in {organization}."
        case code if code in _MISSING:
            return f"{name} {_MISSING[code]}."
        case ErrorCode.TOO_LONG if value is not None and (limit := _LIMIT.search(problem.message)):
            quoted = f" {_quote(value)}" if isinstance(value, str) else ""
            size = (
                f"{len(value)} {limit[2]}" if limit[2] != "bytes" and hasattr(value, "__len__") else f"too many {limit[2]}"
            )
            return f"{name}{quoted} has {size}; at most {limit[1]} are allowed."
    if isinstance(value, str | int | float) and str(value)[:20] not in problem.message:
        return f"{problem.message.rstrip('.')}: {_quote(value)}."
    return problem.message


def _find_value(values: Any, path: Path) -> Any:
    """Return the value at a path into an input; None if there is none."""
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _describe_object(value: Any) -> str:
    """Return how a message names an object that an input identifies by id or by key."""
    if not isinstance(value, dict):
        return f"with the id {_quote(value)}"
    if value.get("id") is not None:
        return f"with the id {_quote(value['id'])}"
    return _quote(value["key"].get("version") or value["key"].get("slug") or value["key"].get("external_id"))


def _quote(value: Any) -> str:
    return quote_value(str(value))
