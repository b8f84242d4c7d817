"""Names in the arguments of a read, and the errors for unknown names.

The store looks them up in the statement of the read. A name in another organization has the same error as one that does
not exist.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gql_releases.domain.errors import DomainError, ErrorCode, quote_value

LISTED = {
    "project": ErrorCode.PROJECT_NOT_FOUND,
    "environment": ErrorCode.ENVIRONMENT_NOT_FOUND,
    "repository": ErrorCode.REPOSITORY_NOT_FOUND,
    "introduced_in": ErrorCode.RELEASE_NOT_FOUND,
    "seen_in": ErrorCode.RELEASE_NOT_FOUND,
}
"""Kind of a list of names -> the error for an unknown name."""

RELEASES = frozenset({"introduced_in", "seen_in"})
"""Kinds of names that are versions of releases."""


class NameCheck(NamedTuple):
    """A check of the names in the arguments of a page.

    `kind` is a key of LISTED, whose value is a list of names, or "comparison" with (project, base, head), or "commit" or
    "commit_in" with (prefix, its upper bound) and the name of a repository.
    """

    kind: str
    value: Any


def describe_failure(check: NameCheck, result: str, organization: str) -> DomainError:
    """Return the error for the store's result of a check: the unknown name, or which of the names is wrong."""
    if check.kind in LISTED:
        noun = "release" if check.kind in RELEASES else check.kind
        return DomainError(LISTED[check.kind], f"No {noun} {quote_value(result)} in {organization}.")
    if check.kind in ("commit", "commit_in"):
        message = f"The abbreviated sha {quote_value(check.value[0])} is ambiguous: more than one commit begins with it."
        return DomainError(ErrorCode.AMBIGUOUS_SHA, message)
    project, base, head = check.value
    if result == "project":
        return DomainError(LISTED["project"], f"No project {quote_value(project)} in {organization}.")
    if result == "order":
        message = f"{quote_value(base)} is the later release: pass it as head, and {quote_value(head)} as base."
        return DomainError(ErrorCode.INVALID_ARGUMENT, message)
    version = base if result == "base" else head
    message = f"No release {quote_value(version)} of project {quote_value(project)} in {organization}."
    return DomainError(ErrorCode.RELEASE_NOT_FOUND, message)
