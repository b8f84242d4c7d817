"""Commits, their authors and file changes, head commits, and the status of a release's commits."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain.commit import ChangeType
from gql_releases.domain.history import MESSAGES
from gql_releases.domain.history import CommitStatus as CommitStatusOf
from gql_releases.domain.paging import Order
from gql_releases.graphql_api.execution.bindings import (
    column,
    embedded_field,
    node_id,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import optional_field, required_field

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.release import Release
    from gql_releases.graphql_api.schema.repository import Repository
else:
    Repository = lazy_type("Repository", "repository")
    Release = lazy_type("Release", "release")


def _status_value(code: str) -> Any:
    return strawberry.enum_value(code, description=MESSAGES[CommitStatusOf(code)])


@strawberry.enum(description="What a commit did to a file.")
class FileChangeType(Enum):
    """A, M and D of git."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@strawberry.enum(
    description="Whether the commits of a release are all there, in one word; each is worse than those before it."
)
class CommitStatusCode(Enum):
    """The domain's status."""

    COMPLETE = _status_value("COMPLETE")
    BY_TIME = _status_value("BY_TIME")
    HEAD_UNLISTED = _status_value("HEAD_UNLISTED")
    TOO_LONG = _status_value("TOO_LONG")
    AMBIGUOUS = _status_value("AMBIGUOUS")
    GAP = _status_value("GAP")
    PREVIOUS_UNKNOWN = _status_value("PREVIOUS_UNKNOWN")
    HEAD_UNKNOWN = _status_value("HEAD_UNKNOWN")
    ORIGIN_AMBIGUOUS = _status_value("ORIGIN_AMBIGUOUS")
    NO_COMMITS = _status_value("NO_COMMITS")


@strawberry.type(description="Whether commits are all there, and if not, why: for machines and for people.")
class CommitStatus:
    """A status and its sentence."""

    code: CommitStatusCode = column("commit_status", "The status in one word.")
    message: str = column("commit_status", "What it means, and what to do.", lambda code: MESSAGES[CommitStatusOf(code)])


@strawberry.type(description="A commit of a repository.")
class Commit(Node):
    """A commit; one that is known only as a head has a sha and nothing more."""

    id: strawberry.ID = node_id()
    sha: str = column("sha", "The commit's hash, or whatever names it in its repository.")
    message: str | None = column("message", "The commit's message; null where only its hash is known.")
    timestamp: datetime | None = column("timestamp", "When it was made; null where only its hash is known.")
    repository: Repository = to_one("repository", "The repository that it belongs to.")
    author: CommitAuthor | None = to_one("author", "Who wrote it.")
    file_changes: Connection[FileChange] | None = to_many(
        "file_changes", "The paths that it touched, by path.", Order("path")
    )
    releases: Connection[Release] | None = to_many("releases", "The releases that it is part of.", Order("release_id"))


@strawberry.type(description="Who wrote commits, known by an e-mail address.")
class CommitAuthor(Node):
    """An author."""

    id: strawberry.ID = node_id()
    name: str | None = column("name", "The author's name, as the last commit that said one has it.")
    email: str = column("email", "The author's e-mail address, in lower case.")


@strawberry.type(description="A path that a commit touched.")
class FileChange(Node):
    """A file change."""

    id: strawberry.ID = node_id()
    path: str = column("path", "The file's path in its repository.")
    type: FileChangeType = column("type", "What was done to it.")
    commit: Commit = to_one("commit", "The commit that touched it.")


@strawberry.type(description="The newest commit of one repository in a release.")
class HeadCommit(Node):
    """A head."""

    id: strawberry.ID = node_id()
    repository: Repository = to_one("repository", "The repository.")
    commit: Commit = to_one("commit", "Its newest commit.")
    previous_sha: str | None = column("previous_sha", "The last commit before the release's range, if it was said.")
    commit_status: CommitStatus = embedded_field(
        "", "Whether the release's commits of this repository are all there, and why not."
    )
    known_until: str | None = column(
        "known_until", "The sha where the known line ends on the way from head to previous; null where it does not."
    )


@strawberry.input(description="A path that a commit touched.")
class FileChangeInput:
    """A file change."""

    path: str = required_field("The file's path in its repository, at most 510 characters.")
    type: FileChangeType = required_field("What was done to it.", spelled=lambda said: ChangeType(said).letter)


@strawberry.input(description="A commit; what is left out keeps what the store knows of it.")
class CommitInput:
    """A commit."""

    sha: str = required_field("The commit's hash, at most 64 characters.")
    repository: str | None = optional_field("The name of its repository, which is made if it is new.")
    message: str | None = optional_field("Its message; a commit that says #skipsentry is left out.")
    author_name: str | None = optional_field("Who wrote it.")
    author_email: str | None = optional_field("The author's e-mail address, which tells authors apart.")
    timestamp: datetime | None = optional_field("When it was made.")
    file_changes: list[FileChangeInput] | None = optional_field("The paths that it touched.")


@strawberry.input(description="The newest commit of a repository.")
class RefInput:
    """A ref."""

    repository: str = required_field("The name of the repository, which must be known.")
    sha: str = required_field("The commit's hash, or a range `previous..commit`.", name="commit")
    previous_sha: str | None = optional_field("The last commit before the range.", name="previousCommit")


NODES = (
    Commit,
    CommitAuthor,
    FileChange,
    HeadCommit,
)
