"""Names that the arguments of a read refer to, and the error where nothing has such a name.

The store looks them up in the read's own statement. The answer for a name that another organization has is the same as for
one that nobody has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gql_releases.domain.errors import DomainError, ErrorCode, quote_value

LISTED = {
    "project": ErrorCode.PROJECT_NOT_FOUND,
    "environment": ErrorCode.ENVIRONMENT_NOT_FOUND,
    "repository": ErrorCode.REPOSITORY_NOT_FOUND,
}
"""Checks of a list of names, by the kind of what they name."""


class NameCheck(NamedTuple):
    """Something that must hold of the names of a page.

    `kind` is a key of LISTED, whose value is a list of names, or "comparison" with (project, base, head), or "commit" or
    "commit_in" with (prefix, its upper bound) and the name of a repository.
    """

    kind: str
    value: Any


def describe_failure(check: NameCheck, answer: str, organization: str) -> DomainError:
    """Return the error for what the store answers to a check: the name that is missing, or what is wrong with it."""
    if check.kind in LISTED:
        return DomainError(LISTED[check.kind], f"No {check.kind} {quote_value(answer)} in {organization}.")
    if check.kind in ("commit", "commit_in"):
        message = f"The abbreviated sha {quote_value(check.value[0])} is ambiguous: more than one commit begins with it."
        return DomainError(ErrorCode.AMBIGUOUS_SHA, message)
    project, base, head = check.value
    if answer == "project":
        return DomainError(LISTED["project"], f"No project {quote_value(project)} in {organization}.")
    if answer == "order":
        message = f"{quote_value(base)} is the later release: pass it as head, and {quote_value(head)} as base."
        return DomainError(ErrorCode.INVALID_ARGUMENT, message)
    version = base if answer == "base" else head
    message = f"No release {quote_value(version)} of project {quote_value(project)} in {organization}."
    return DomainError(ErrorCode.RELEASE_NOT_FOUND, message)
