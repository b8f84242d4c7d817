"""Commits, their authors and file changes, head commits, and the commit status."""

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
    """A, M and D in git."""

    ADDED = strawberry.enum_value("ADDED", description="The file was created.")
    MODIFIED = strawberry.enum_value("MODIFIED", description="The file was changed.")
    DELETED = strawberry.enum_value("DELETED", description="The file was deleted.")


@strawberry.enum(
    description=(
        "Whether all commits of a release are known, and if not, why. From best to worst: COMPLETE, BY_TIME, "
        "HEAD_UNLISTED, TOO_LONG, AMBIGUOUS, GAP, PREVIOUS_UNKNOWN, HEAD_UNKNOWN, ORIGIN_AMBIGUOUS, "
        "NO_COMMITS. See docs/commits.md."
    )
)
class CommitStatusCode(Enum):
    """The status of the domain, by name."""

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


@strawberry.type(description="Whether all commits are known, and if not, why and what to do.")
class CommitStatus:
    """A status and its explanation."""

    code: CommitStatusCode = column("commit_status", "The status as a code, for programs.")
    message: str = column(
        "commit_status",
        "What the status means and what to do, as a sentence for people. It may change: test the code instead.",
        lambda code: MESSAGES[CommitStatusOf(code)],
    )


@strawberry.type(description="A commit of a repository.")
class Commit(Node):
    """A commit; one that is known only as a head has a sha and nothing else."""

    id: strawberry.ID = node_id()
    sha: str = column(
        "sha",
        "The commit's hash, such as `6ba09a7c53235ee8a8fa5ee4c1ca8ca886e7fdbb`, or any id that is unique in its repository.",
    )
    message: str | None = column("message", "The commit message; null if it was not sent.")
    timestamp: datetime | None = column("timestamp", "When the commit was made; null if it was not sent.")
    repository: Repository = to_one("repository", "The repository of the commit.")
    author: CommitAuthor | None = to_one("author", "Who wrote the commit; null if it was not sent.")
    file_changes: Connection[FileChange] | None = to_many(
        "file_changes", "The files that the commit changed, sorted by path.", Order("path")
    )
    releases: Connection[Release] | None = to_many(
        "releases", "The releases that contain the commit, the first created first.", Order("release_id")
    )


@strawberry.type(description="The author of commits, identified by e-mail address.")
class CommitAuthor(Node):
    """An author."""

    id: strawberry.ID = node_id()
    name: str | None = column("name", "The author's name, such as `Ada`, as last sent; null if it was never sent.")
    email: str = column("email", "The author's e-mail address in lower case, such as `ada@example.com`.")


@strawberry.type(description="A file that a commit changed.")
class FileChange(Node):
    """A file change."""

    id: strawberry.ID = node_id()
    path: str = column("path", "The file's path in its repository, such as `src/total.ts`.")
    type: FileChangeType = column("type", "What the commit did to the file.")
    commit: Commit = to_one("commit", "The commit that changed the file.")


@strawberry.type(
    description=("The head of a repository in a release: the newest commit of that repository that the release contains.")
)
class HeadCommit(Node):
    """The head of a repository in a release."""

    id: strawberry.ID = node_id()
    repository: Repository = to_one("repository", "The repository.")
    commit: Commit = to_one("commit", "The head commit.")
    previous_sha: str | None = column(
        "previous_sha",
        "The commit before the first one of the release, as sent in `previousCommit`; null if it was not sent.",
    )
    commit_status: CommitStatus = embedded_field(
        "", "Whether all of the release's commits in this repository are known, and if not, why."
    )
    known_until: str | None = column(
        "known_until",
        "The sha at which the known history ends on the way from the head back to the previous release: what "
        "came before it was never sent, or is ambiguous. Null if the history is not cut short.",
    )


@strawberry.input(description="A file that a commit changed.")
class FileChangeInput:
    """A file change."""

    path: str = required_field("The file's path in its repository, such as `src/total.ts`; at most 510 characters.")
    type: FileChangeType = required_field("What the commit did to the file.", spelled=lambda value: ChangeType(value).letter)


@strawberry.input(description="A commit. For a commit that is known already, fields that are left out keep their values.")
class CommitInput:
    """A commit."""

    sha: str = required_field(
        "The commit's hash, such as `6ba09a7c53235ee8a8fa5ee4c1ca8ca886e7fdbb`; at most 64 characters."
    )
    repository: str | None = optional_field(
        "The name of its repository, such as `acme/web`, created if it does not exist; at most 64 characters."
    )
    message: str | None = optional_field("The commit message. A commit whose message contains `#skipsentry` is left out.")
    author_name: str | None = optional_field("The author's name, such as `Ada`; at most 128 characters.")
    author_email: str | None = optional_field(
        "The author's e-mail address, such as `ada@example.com`, which identifies the author; at most 200 characters."
    )
    timestamp: datetime | None = optional_field(
        "When the commit was made. If every commit of a list has a timestamp, the list is sorted by it, newest first."
    )
    file_changes: list[FileChangeInput] | None = optional_field("The files that the commit changed.")


@strawberry.input(description="The head of a repository in a release, and where the release's commits begin.")
class RefInput:
    """The head of a repository."""

    repository: str = required_field(
        "The name of the repository, such as `acme/web`, created if it does not exist; at most 200 characters."
    )
    sha: str = required_field(
        "The hash of the head commit, or a range `<previous>..<head>`; INVALID_REF if it is neither.", name="commit"
    )
    previous_sha: str | None = optional_field(
        "The hash of the commit before the release's first one, usually the head of the previous release. "
        "Without it, the commits begin after the nearest head of another release of the project.",
        name="previousCommit",
    )


NODES = (
    Commit,
    CommitAuthor,
    FileChange,
    HeadCommit,
)
