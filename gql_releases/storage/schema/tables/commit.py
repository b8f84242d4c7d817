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
    """Who wrote commits, known by a lower-cased e-mail address."""

    __tablename__ = "commit_authors"
    __table_args__ = (natural_key("email"), referable())

    id: int | None = key()
    organization_id: int = owner()
    email: str = text(200)
    name: str | None = text(128, nullable=True)


class CommitRow(SQLModel, table=True):
    """A commit of a repository; one that is known only as a head has a sha and nothing more."""

    __tablename__ = "commits"
    __table_args__ = (
        natural_key("sha", "repository_id"),  # the sha first: it is looked for in all repositories, too
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
    """A path that a commit touched."""

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
    """The newest commit of one repository in a release, the sha that the range began after, and where its commits come from.

    `kind`: LIST (they were sent), RANGE (made from previous to head, and made anew when more is known) or FINAL (made, and
    known for good). `said`: a ref named the head; else it follows the list. `known_until`: the commit at which a range has
    to wait. `head_time`: the head's time; of a range NEVER where its head stands in a list without one, NULL where in none.
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
