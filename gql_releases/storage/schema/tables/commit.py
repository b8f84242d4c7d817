"""The tables of commits, their authors and file changes, and of head commits."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    date,
    field,
    key,
    member,
    natural_key,
    owner,
    referable,
    reference,
    sorted_by,
    text,
)


class CommitAuthorRow(SQLModel, table=True):
    """An author of commits, identified by the e-mail address in lower case."""

    __tablename__ = "commit_authors"
    __table_args__ = (natural_key("email"), referable())

    id: int | None = key()
    organization_id: int = owner()
    email: str = text(200)
    name: str | None = text(128, nullable=True)


class CommitRow(SQLModel, table=True):
    """A commit of a repository; one that is known only as a head has only a sha."""

    __tablename__ = "commits"
    __table_args__ = (
        natural_key("sha", "repository_id"),  # the sha first: it is also searched in all repositories
        referable(),
        reference("repository_id", "repositories"),
        reference("author_id", "commit_authors"),
    )

    id: int | None = key()
    organization_id: int = member()
    repository_id: int = member()
    sha: str = text(64)
    author_id: int | None = member(nullable=True)
    message: str | None = field(Text(), nullable=True)
    timestamp: datetime | None = date(nullable=True)
    date_created: datetime = date()


class FileChangeRow(SQLModel, table=True):
    """A path that a commit changed."""

    __tablename__ = "file_changes"
    __table_args__ = (
        natural_key("commit_id", "path"),
        reference("commit_id", "commits"),
        sorted_by("path", "commit_id"),
    )

    id: int | None = key()
    organization_id: int = member()
    commit_id: int = member()
    path: str = text(510)
    type: str = text(8)


class HeadCommitRow(SQLModel, table=True):
    """The newest commit of one repository in a release, the sha before its range, and the source of its commits.

    `kind`: LIST (they were sent), RANGE (computed from previous to head, and again when commits become known) or FINAL
    (computed and complete). `said`: a ref names the head; otherwise it follows the list. `known_until`: the commit at which
    a range waits for more. `head_time`: the head's time; of a range END_OF_TIME where its head is in a list without times,
    NULL where it is in no list.
    """

    __tablename__ = "head_commits"
    __table_args__ = (
        natural_key("release_id", "repository_id"),
        sorted_by("commit_id"),
        sorted_by("repository_id", "kind", "head_time"),
        sorted_by("repository_id", "known_until"),
        reference("release_id", "releases", cascade=True),
        reference("repository_id", "repositories"),
        reference("commit_id", "commits"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    release_id: int = member()
    repository_id: int = member()
    commit_id: int = member()
    previous_sha: str | None = text(64, nullable=True)
    said: bool
    kind: str = text(5)
    commit_status: str = text(20)
    known_until: str | None = text(64, nullable=True)
    head_time: datetime | None = date(nullable=True)
