"""What can go wrong, in the domain's words; each door has one table that renders these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Path = tuple[str | int, ...]
QUOTED_LENGTH = 100
"""Characters of a name or value from outside that a message quotes."""


def shorten(text: str, length: int = QUOTED_LENGTH) -> str:
    """Cut a text for a message."""
    return text if len(text) <= length else f"{text[:length]}..."


def quote_value(value: str) -> str:
    """Return a value in quotation marks for a message, cut to QUOTED_LENGTH characters."""
    return f'"{shorten(value)}"'


class ErrorCode(StrEnum):
    """Every error a caller can meet. Both doors cover this list exactly (held by a test)."""

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
    # What was named is not there, or not to be seen
    ORGANIZATION_NOT_FOUND = "ORGANIZATION_NOT_FOUND"
    PROJECT_NOT_FOUND = "PROJECT_NOT_FOUND"
    RELEASE_NOT_FOUND = "RELEASE_NOT_FOUND"
    DEPLOY_NOT_FOUND = "DEPLOY_NOT_FOUND"
    ENVIRONMENT_NOT_FOUND = "ENVIRONMENT_NOT_FOUND"
    REPOSITORY_NOT_FOUND = "REPOSITORY_NOT_FOUND"
    TOKEN_NOT_FOUND = "TOKEN_NOT_FOUND"  # noqa: S105 - a code
    # How a read was asked
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    INVALID_CURSOR = "INVALID_CURSOR"
    AMBIGUOUS_SHA = "AMBIGUOUS_SHA"
    # Who asks
    UNAUTHENTICATED = "UNAUTHENTICATED"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105 - a code
    FORBIDDEN = "FORBIDDEN"
    # The store
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"


class DomainError(Exception):
    """An operation was refused; nothing of it was done."""

    code: ErrorCode
    path: Path

    def __init__(self, code: ErrorCode, message: str, path: Iterable[str | int] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.path = code, message, tuple(path)


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong field: where it stands in the input (domain's names, list indices) and what is wrong with it."""

    code: ErrorCode
    path: Path
    message: str


class InvalidInput(DomainError):
    """The input has one or more wrong fields; all of them are reported together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.code, first.message, first.path)

    def within(self, *path: str | int) -> InvalidInput:
        """Give the same problems, their paths put below another one."""
        return InvalidInput(Problem(problem.code, (*path, *problem.path), problem.message) for problem in self.problems)


class UnwrittenNumber(InvalidInput):
    """A number stands for a text, and only its value as a float is known: the input has to be read again."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__([Problem(ErrorCode.WRONG_TYPE, path, message)])


def invalid(code: ErrorCode, path: Iterable[str | int], message: str) -> InvalidInput:
    """Make an InvalidInput of a single problem."""
    return InvalidInput([Problem(code, tuple(path), message)])


class PagesRefused(DomainError):
    """Pages of a view cannot be read: what refuses each, by its slot. All else of the view could be."""

    def __init__(self, refusals: dict[int, DomainError]) -> None:
        self.refusals = refusals
        first = next(iter(refusals.values()))
        super().__init__(first.code, first.message, first.path)


class OrganizationNotFound(DomainError):
    """No such organization, or not the caller's: nobody learns which slugs exist."""

    def __init__(self, path: Iterable[str | int] = ("organization",)) -> None:
        super().__init__(ErrorCode.ORGANIZATION_NOT_FOUND, "No such organization, or no access to it.", path)


class ProjectNotFound(DomainError):
    """No such project in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.PROJECT_NOT_FOUND, "The requested resource does not exist", ("project",))


class ReleaseNotFound(DomainError):
    """No such release, or not to be seen by the caller."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.RELEASE_NOT_FOUND, "The requested resource does not exist", ("release",))


class DeployNotFound(DomainError):
    """No such deploy in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.DEPLOY_NOT_FOUND, "The requested resource does not exist", ("deploy",))


class TokenNotFound(DomainError):
    """No such living token in the caller's organization."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.TOKEN_NOT_FOUND, "There is no such living token.", ("token",))


class Unauthenticated(DomainError):
    """No credentials came with the request."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED, "Authentication credentials were not provided.")


class InvalidToken(DomainError):
    """Credentials came that open nothing: unknown, revoked or expired."""

    def __init__(self, message: str = "Invalid token") -> None:
        super().__init__(ErrorCode.INVALID_TOKEN, message)


class Forbidden(DomainError):
    """The token lacks every scope that the operation accepts."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.FORBIDDEN, "You do not have permission to perform this action.")


class Unavailable(DomainError):
    """The store cannot do it now (locked, full, read-only, gone); nothing was committed, a retry is safe."""

    def __init__(self, message: str = "The store is not available at the moment; nothing was changed.") -> None:
        super().__init__(ErrorCode.UNAVAILABLE, message)


class TimedOut(DomainError):
    """A read took longer than it may and was ended. To send it again as it was is of no use."""

    def __init__(self, seconds: float) -> None:
        super().__init__(ErrorCode.TIMEOUT, f"The query took longer than {seconds:g} s: narrow it.")


class CommandFailed(Exception):
    """A command cannot be carried out. The message is one line for the operator; the exit code is 1."""
