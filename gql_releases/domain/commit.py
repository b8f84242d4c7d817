"""Commits in requests, and their order in a release."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from gql_releases.domain.errors import ErrorCode, Path, Problem
from gql_releases.domain.validation import BLANK, NOT_TEXT, NULL, Reader, array, date, record, text

SHA_LENGTH = 64
SKIP_MARK = "#skipsentry"
"""A commit with this text in its message is skipped."""
ORIGIN = "origin"
"""The name that sentry-cli sends for every repository: that of the git remote."""
MAX_KEPT_AUTHOR = 500
"""Characters of a name and an address that are cached for other commits of the author."""
_NOT_IN_ADDRESS = re.compile(r"[^A-Za-z0-9_.-]")


class ChangeType(StrEnum):
    """The kind of a change of a file."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"

    @property
    def letter(self) -> str:
        """The letter in git and in requests: A, M or D."""
        return self.value[0]


class FileChange(NamedTuple):
    """A file that a commit changed."""

    path: str
    type: ChangeType


class Author(NamedTuple):
    """The author of a commit: an e-mail address in lower case, and a name; None keeps the stored name."""

    email: str
    name: str | None


class NewCommit(NamedTuple):
    """A commit of a request. None: the field was not sent, and a stored value is kept."""

    sha: str
    repository: str | None = None
    message: str | None = None
    author: Author | None = None
    timestamp: datetime | None = None
    file_changes: tuple[FileChange, ...] = ()


_CHANGE_TYPES = {member.letter: member for member in ChangeType}
"""Letter in a request -> type (docs/sentry-contract.md#2-5-commits)."""


def _read_change_type(raw: Any, path: Path, problems: list[Problem]) -> ChangeType | None:
    if isinstance(raw, str) and raw in _CHANGE_TYPES:
        return _CHANGE_TYPES[raw]
    if raw is None:
        problems.append(Problem(ErrorCode.NOT_NULL, path, NULL))
    elif not isinstance(raw, str | int | float) or isinstance(raw, bool):
        problems.append(Problem(ErrorCode.WRONG_TYPE, path, NOT_TEXT))
    elif not (letter := str(raw).strip()):
        problems.append(Problem(ErrorCode.BLANK, path, BLANK))
    elif len(letter) > 1:
        problems.append(Problem(ErrorCode.TOO_LONG, path, "Ensure this field has no more than 1 characters."))
    else:
        message = f"Commit patch_set type {letter} is not supported."
        problems.append(Problem(ErrorCode.INVALID_CHOICE, path, message))
    return None


repository_name = text(max=64, null=True, blank=True)
_read_change = record({"path": text(max=510), "type": _read_change_type}, required=("path", "type"))
_read_commit = record(
    {
        "sha": text(max=SHA_LENGTH),
        "repository": repository_name,
        "message": text(null=True, blank=True),
        "author_name": text(max=128, null=True, blank=True),
        "author_email": text(max=200, null=True, blank=True),
        "timestamp": date(),
        "file_changes": array(_read_change, null=True),
    },
    required=("sha",),
)


def commit_reader() -> Reader:
    """Return the reader of a commit."""

    def read_commit(raw: Any, path: Path, problems: list[Problem]) -> NewCommit | None:
        before = len(problems)
        values = _read_commit(raw, path, problems)
        if values is None or len(problems) > before:
            return None
        changes = tuple([FileChange(change["path"], change["type"]) for change in values.get("file_changes") or ()])
        author = choose_author(values.get("author_name"), values.get("author_email"))
        repository, message = values.get("repository") or None, values.get("message")
        return NewCommit(values["sha"], repository, message, author, values.get("timestamp"), changes)

    return read_commit


def choose_author(name: str | None, email: str | None) -> Author | None:
    """Return the author of a commit by Sentry's rule: a name without an address gets one of its own.

    Source: docs/sentry-contract.md#2-5-commits, point 6.
    """
    is_short = len(name or "") + len(email or "") <= MAX_KEPT_AUTHOR
    return _choose_author(name, email) if is_short else _choose_author.__wrapped__(name, email)


@lru_cache(maxsize=1024)
def _choose_author(name: str | None, email: str | None) -> Author | None:
    if email is None:
        bare = _NOT_IN_ADDRESS.sub("", name or "").lower()
        email = f"{bare}@localhost" if bare else ""
    if not email:
        return None
    if len(email) > 75:
        email = email[:72] + "..."
    return Author(email.lower(), name or None)


def sort_commits(commits: Iterable[NewCommit]) -> tuple[NewCommit, ...]:
    """Return commits in the order of a release, newest first, each once, without those with SKIP_MARK.

    They are sorted by time, newest first and stable, if every commit has one; else their order is kept.
    """
    ordered = list(commits)
    times = [commit.timestamp for commit in ordered if commit.timestamp is not None]
    if len(times) == len(ordered):
        newest_first = sorted(range(len(ordered)), key=lambda index: times[index], reverse=True)
        ordered = [ordered[index] for index in newest_first]
    unique: dict[tuple[str | None, str], NewCommit] = {}
    for commit in ordered:
        if SKIP_MARK not in (commit.message or ""):
            unique.setdefault((commit.repository, commit.sha), commit)
    return tuple(unique.values())
