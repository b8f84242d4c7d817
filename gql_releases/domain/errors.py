"""The errors of the domain; each API has one table that maps them to its responses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Path = tuple[str | int, ...]
QUOTED_LENGTH = 100
"""Characters of a client's name or value that a message quotes."""


def shorten(text: str, length: int = QUOTED_LENGTH) -> str:
    """Cut a text for a message."""
    return text if len(text) <= length else f"{text[:length]}..."


def quote_value(value: str) -> str:
    """Return a value in quotation marks for a message, cut to QUOTED_LENGTH characters."""
    return f'"{shorten(value)}"'


class ErrorCode(StrEnum):
    """Codes of all errors that a caller can get. A test checks that both APIs map exactly these."""

    # A field of the input
    REQUIRED = "REQUIRED"
    NOT_NULL = "NOT_NULL"
    BLANK = "BLANK"
    EMPTY_LIST = "EMPTY_LIST"
    TOO_LONG = "TOO_LONG"
    WRONG_TYPE = "WRONG_TYPE"
    INVALID_CHARACTERS = "INVALID_CHARACTERS"
    INVALID_VERSION = "INVALID_VERSION"
    INVALID_SLUG = "INVALID_SLUG"
    INVALID_URL = "INVALID_URL"
    INVALID_DATE = "INVALID_DATE"
    INVALID_CHOICE = "INVALID_CHOICE"
    INVALID_REF = "INVALID_REF"
    INVALID_ENVIRONMENT = "INVALID_ENVIRONMENT"
    UNKNOWN_PROJECT = "UNKNOWN_PROJECT"
    PROJECT_NOT_ON_RELEASE = "PROJECT_NOT_ON_RELEASE"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    SCOPE_NOT_HELD = "SCOPE_NOT_HELD"
    # Objects that do not exist, or are not visible to the caller
    ORGANIZATION_NOT_FOUND = "ORGANIZATION_NOT_FOUND"
    PROJECT_NOT_FOUND = "PROJECT_NOT_FOUND"
    RELEASE_NOT_FOUND = "RELEASE_NOT_FOUND"
    DEPLOY_NOT_FOUND = "DEPLOY_NOT_FOUND"
    ISSUE_NOT_FOUND = "ISSUE_NOT_FOUND"
    COMMIT_NOT_FOUND = "COMMIT_NOT_FOUND"
    ENVIRONMENT_NOT_FOUND = "ENVIRONMENT_NOT_FOUND"
    REPOSITORY_NOT_FOUND = "REPOSITORY_NOT_FOUND"
    TOKEN_NOT_FOUND = "TOKEN_NOT_FOUND"  # noqa: S105 - a code
    RELEASE_FILE_NOT_FOUND = "RELEASE_FILE_NOT_FOUND"
    ARTIFACT_BUNDLE_NOT_FOUND = "ARTIFACT_BUNDLE_NOT_FOUND"
    DEBUG_FILE_NOT_FOUND = "DEBUG_FILE_NOT_FOUND"
    PROJECT_KEY_NOT_FOUND = "PROJECT_KEY_NOT_FOUND"
    # Arguments of a read
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    INVALID_CURSOR = "INVALID_CURSOR"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    AMBIGUOUS_SHA = "AMBIGUOUS_SHA"
    # Authentication
    UNAUTHENTICATED = "UNAUTHENTICATED"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105 - a code
    FORBIDDEN = "FORBIDDEN"
    # The store
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    # The installation
    NOT_INSTALLED = "NOT_INSTALLED"


class DomainError(Exception):
    """An operation was refused; nothing was changed."""

    code: ErrorCode
    path: Path

    def __init__(self, code: ErrorCode, message: str, path: Iterable[str | int] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.path = code, message, tuple(path)
        self.details: dict[str, Any] = {}
        """More that a client can use, which GraphQL has in the error's `extensions`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One invalid field: its path in the input (names of the domain, list indices) and the reason."""

    code: ErrorCode
    path: Path
    message: str


class InvalidInput(DomainError):
    """The input has one or more invalid fields; all of them are reported together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.code, first.message, first.path)

    def within(self, *path: str | int) -> InvalidInput:
        """Return the same problems with their paths below `path`."""
        return InvalidInput(Problem(problem.code, (*path, *problem.path), problem.message) for problem in self.problems)


class UnwrittenNumber(InvalidInput):
    """A text field has a float whose written form is not known: the input has to be parsed with parse_exact_json."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__([Problem(ErrorCode.WRONG_TYPE, path, message)])


def invalid(code: ErrorCode, path: Iterable[str | int], message: str) -> InvalidInput:
    """Return an InvalidInput with a single problem."""
    return InvalidInput([Problem(code, tuple(path), message)])


class PagesRefused(DomainError):
    """Pages of a view cannot be read: their errors by slot. The other fields of the view can be read."""

    def __init__(self, refusals: dict[int, DomainError]) -> None:
        self.refusals = refusals
        first = next(iter(refusals.values()))
        super().__init__(first.code, first.message, first.path)


class LimitExceeded(DomainError):
    """An operation is larger than a limit allows."""

    def __init__(self, name: str, value: int, maximum: int) -> None:
        super().__init__(ErrorCode.LIMIT_EXCEEDED, f"The limit {name} is {maximum}; this request has {value}.")
        self.details = {"limit": name, "maximum": maximum, "value": value}


class OrganizationNotFound(DomainError):
    """No such organization, or not the caller's: the error does not reveal which slugs exist."""

    def __init__(self, path: Iterable[str | int] = ("organization",)) -> None:
        super().__init__(ErrorCode.ORGANIZATION_NOT_FOUND, "No such organization, or no access to it.", path)


class ProjectNotFound(DomainError):
    """No such project in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.PROJECT_NOT_FOUND, "The requested resource does not exist", ("project",))


class ReleaseNotFound(DomainError):
    """No such release, or not visible to the caller."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.RELEASE_NOT_FOUND, "The requested resource does not exist", ("release",))


class DeployNotFound(DomainError):
    """No such deploy in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.DEPLOY_NOT_FOUND, "The requested resource does not exist", ("deploy",))


class IssueNotFound(DomainError):
    """No such issue in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.ISSUE_NOT_FOUND, "The requested resource does not exist", ("issue",))


class CommitNotFound(DomainError):
    """No commit of the caller's organization has this sha."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.COMMIT_NOT_FOUND, "The requested resource does not exist", ("commit",))


class TokenNotFound(DomainError):
    """No such active token in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.TOKEN_NOT_FOUND, "There is no such active token.", ("token",))


class ArtifactBundleNotFound(DomainError):
    """No such bundle in the caller's organization, or not in the project."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.ARTIFACT_BUNDLE_NOT_FOUND, "The requested resource does not exist", ("id",))


class DebugFileNotFound(DomainError):
    """No such debug file in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.DEBUG_FILE_NOT_FOUND, "The requested resource does not exist", ("id",))


class ProjectKeyNotFound(DomainError):
    """No such project key in the caller's organization, or not in the project."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.PROJECT_KEY_NOT_FOUND, "The requested resource does not exist", ("id",))


class Unauthenticated(DomainError):
    """The request has no credentials."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED, "Authentication credentials were not provided.")


class InvalidToken(DomainError):
    """The token is unknown, revoked or expired."""

    def __init__(self, message: str = "Invalid token") -> None:
        super().__init__(ErrorCode.INVALID_TOKEN, message)


class Forbidden(DomainError):
    """The token lacks every scope that the operation accepts."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.FORBIDDEN, "You do not have permission to perform this action.")


class Unavailable(DomainError):
    """The store is locked, full, read-only or unreachable; nothing was committed, a retry is safe."""

    def __init__(self, message: str = "The store is not available at the moment; nothing was changed.") -> None:
        super().__init__(ErrorCode.UNAVAILABLE, message)


class NoSpaceLeft(Unavailable):
    """The disk or the object store for files is full. Nothing was stored, and a retry is safe."""

    def __init__(self) -> None:
        super().__init__("No space left")


class QuotaExceeded(DomainError):
    """The organization stores as many bytes of files as it may."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.QUOTA_EXCEEDED, "The organization's storage quota is used up")


class TimedOut(DomainError):
    """A read exceeded its timeout and was cancelled. A retry without changes is of no use."""

    def __init__(self, seconds: float) -> None:
        super().__init__(ErrorCode.TIMEOUT, f"The query took longer than {seconds:g} s: narrow it.")


class CommandFailed(Exception):
    """A command failed. The message is one line for the operator; the exit code is 1."""
