"""The tables, as SQLModel declares them; rows never leave storage.

Every tenant row carries `organization_id`: it stands first in natural keys, and foreign keys are composite with it, so that
no reference leaves its organization and the data can be sharded by it.
"""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import LargeBinary, PrimaryKeyConstraint, Table, Text
from sqlmodel import SQLModel

from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema.columns import (
    NAMING,
    date,
    key,
    member,
    natural_key,
    owner,
    referable,
    reference,
    sorted_by,
    text,
    typed,
)

metadata = SQLModel.metadata
metadata.naming_convention = NAMING

LINK: dict[str, Any] = {"sqlite_with_rowid": False}
"""A link table is its primary key's index and nothing more."""

FRESH_IDS: dict[str, Any] = {"sqlite_autoincrement": True}
"""Rows that can be deleted never hand their id on: an id that somebody kept must not lead to another row."""


class OrganizationRow(SQLModel, table=True):
    """A tenant."""

    __tablename__ = "organizations"

    id: int | None = key()
    slug: str = text(50, unique=True)
    name: str = text(64)
    date_created: datetime = date()


class TokenRow(SQLModel, table=True):
    """A credential; only the digest of its text is kept."""

    __tablename__ = "tokens"
    __table_args__ = (referable(), FRESH_IDS)

    id: int | None = key()
    organization_id: int = owner()
    digest: bytes = typed(LargeBinary(32), unique=True)
    hint: str = text(8)
    name: str = text(64)
    scopes: str = text(200)
    date_created: datetime = date()
    expires_at: datetime | None = date(nullable=True)
    revoked_at: datetime | None = date(nullable=True)
    last_used_at: datetime | None = date(nullable=True)
    maker_id: int | None = typed(Id, nullable=True)
    """The token that made this one; None where the command line did, or before this was recorded. Rows are never deleted."""


class ProjectRow(SQLModel, table=True):
    """What is released."""

    __tablename__ = "projects"
    __table_args__ = (natural_key("slug"), referable(), reference("default_repository_id", "repositories"))

    id: int | None = key()
    organization_id: int = owner()
    slug: str = text(50)
    name: str = text(64)
    date_created: datetime = date()
    default_repository_id: int | None = member(nullable=True)
    """Which repository the REST API reads `origin` as."""


class RepositoryRow(SQLModel, table=True):
    """Where commits come from, known by its name."""

    __tablename__ = "repositories"
    __table_args__ = (natural_key("name"), referable())

    id: int | None = key()
    organization_id: int = owner()
    name: str = text(200)
    date_created: datetime = date()


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
    message: str | None = typed(Text(), nullable=True)
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


class ReleaseRow(SQLModel, table=True):
    """A release, with what its version says and the keys that it is sorted by."""

    __tablename__ = "releases"
    __table_args__ = (
        natural_key("version"),
        referable(),
        reference("last_commit_id", "commits"),
        reference("last_deploy_id", "deploys", use_alter=True),
        sorted_by("date_created", "id"),
        sorted_by("release_order", "id"),
        sorted_by("semver_key", "id"),
        sorted_by("build_number", "id"),
        sorted_by("last_deploy_id"),
        FRESH_IDS,
    )

    id: int | None = key()
    organization_id: int = owner()
    version: str = text(200)
    ref: str | None = text(200, nullable=True)
    url: str | None = text(200, nullable=True)
    status: str = text(8)
    user_agent: str | None = text(256, nullable=True)
    notes: str | None = typed(Text(), nullable=True)
    metadata_json: str | None = typed(Text(), nullable=True)
    folded_version: str | None = typed(Text(), nullable=True)
    date_created: datetime = date()
    date_released: datetime | None = date(nullable=True)
    release_order: datetime = date()
    commit_count: int = 0
    commit_status: str = text(20)
    deploy_count: int = 0
    last_commit_id: int | None = member(nullable=True)
    last_deploy_id: int | None = member(nullable=True)
    package: str | None = text(200, nullable=True)
    raw: str | None = text(200, nullable=True)
    major: str | None = text(20, nullable=True)
    minor: str | None = text(20, nullable=True)
    patch: str | None = text(20, nullable=True)
    pre: str | None = text(200, nullable=True)
    build_code: str | None = text(200, nullable=True)
    components: int | None = None
    description: str | None = text(250, nullable=True)
    build_hash: str | None = text(64, nullable=True)
    semver_key: str = text(400)
    build_number: int = member()


class ReleaseProjectRow(SQLModel, table=True):
    """A release's project, with copies of the release's sort keys: a project's list is walked here, in order."""

    __tablename__ = "release_projects"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "project_id"),
        reference("release_id", "releases", cascade=True),
        reference("project_id", "projects"),
        sorted_by("project_id", "date_created", "release_id"),
        sorted_by("project_id", "release_order", "release_id"),
        sorted_by("project_id", "date_shown", "release_id"),
        sorted_by("project_id", "semver_key", "release_id"),
        sorted_by("project_id", "build_number", "release_id"),
        LINK,
    )

    organization_id: int = owner()
    release_id: int = member()
    project_id: int = member()
    date_created: datetime = date()
    release_order: datetime = date()
    date_shown: datetime = date()
    semver_key: str = text(400)
    build_number: int = member()


class ReleaseCommitRow(SQLModel, table=True):
    """A release's commit; positions are dense, 0 is the newest."""

    __tablename__ = "release_commits"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "position"),
        reference("release_id", "releases", cascade=True),
        reference("commit_id", "commits"),
        sorted_by("commit_id", "release_id"),
        LINK,
    )

    organization_id: int = member()
    release_id: int = member()
    position: int
    commit_id: int = member()


class ReleaseAuthorRow(SQLModel, table=True):
    """Who wrote a release's commits, by the newest commit of each; kept at writing, or reading would scan all commits."""

    __tablename__ = "release_authors"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "position"),
        reference("release_id", "releases", cascade=True),
        reference("author_id", "commit_authors"),
        sorted_by("author_id", "release_id"),
        LINK,
    )

    organization_id: int = member()
    release_id: int = member()
    position: int
    author_id: int = member()


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
        FRESH_IDS,
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


class EnvironmentRow(SQLModel, table=True):
    """Where releases are deployed to, known by its name."""

    __tablename__ = "environments"
    __table_args__ = (natural_key("name"), referable())

    id: int | None = key()
    organization_id: int = owner()
    name: str = text(64)
    date_created: datetime = date()


class DeployRow(SQLModel, table=True):
    """A release put into an environment."""

    __tablename__ = "deploys"
    __table_args__ = (
        referable(),
        reference("release_id", "releases", cascade=True),
        reference("environment_id", "environments"),
        reference("previous_release_id", "releases"),
        sorted_by("release_id", "finish_order", "id"),
        sorted_by("environment_id", "finish_order", "id"),
        sorted_by("previous_release_id"),
        FRESH_IDS,
    )

    id: int | None = key()
    organization_id: int = owner()
    release_id: int = member()
    environment_id: int = member()
    name: str | None = text(64, nullable=True)
    url: str | None = text(200, nullable=True)
    date_started: datetime | None = date(nullable=True)
    date_finished: datetime | None = date(nullable=True)
    finish_order: datetime = date()
    date_created: datetime = date()
    status: str = text(12)
    external_id: str | None = text(64, nullable=True)
    comment: str | None = typed(Text(), nullable=True)
    links: str = typed(Text())
    previous_release_id: int | None = member(nullable=True)


class DeployProjectRow(SQLModel, table=True):
    """A project that a deploy was of, with a copy of the deployer's own id, which is unique in the project."""

    __tablename__ = "deploy_projects"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "deploy_id", "project_id"),
        natural_key("project_id", "external_id"),
        reference("deploy_id", "deploys", cascade=True),
        reference("project_id", "projects"),
        LINK,
    )

    organization_id: int = owner()
    deploy_id: int = member()
    project_id: int = member()
    external_id: str | None = text(64, nullable=True)


class CurrentDeployRow(SQLModel, table=True):
    """What runs where now: a project's last successful deploy in an environment, kept at writing."""

    __tablename__ = "current_deploys"
    __table_args__ = (
        natural_key("environment_id", "project_id"),
        reference("environment_id", "environments"),
        reference("project_id", "projects"),
        reference("deploy_id", "deploys", cascade=True),
        reference("release_id", "releases", cascade=True),
        sorted_by("deploy_id"),
        sorted_by("release_id"),
        FRESH_IDS,
    )

    id: int | None = key()
    organization_id: int = owner()
    environment_id: int = member()
    project_id: int = member()
    deploy_id: int = member()
    release_id: int = member()


class UpstreamRow(SQLModel, table=True):
    """The Sentry that an organization's writes are sent on to; its token is sealed. Until `resume_at` it is left alone."""

    __tablename__ = "upstreams"

    organization_id: int = owner(primary_key=True)
    url: str = text(200)
    organization: str = text(100)
    sealed_token: bytes = typed(LargeBinary())
    failures: int = 0
    resume_at: datetime = date()
    date_created: datetime = date()


class UpstreamReleaseRow(SQLModel, table=True):
    """The queue of what is sent on about a release, known by its version: it outlives the release.

    `claim` counts the senders that had it; one that took too long no longer knows the number.
    """

    __tablename__ = "upstream_releases"
    __table_args__ = (natural_key("version"), referable(), sorted_by("state", "next_attempt_at", "id"), FRESH_IDS)

    id: int | None = key()
    organization_id: int = owner()
    version: str = text(200)
    state: str = text(8)
    attempts: int = 0
    last_error: str | None = text(500, nullable=True)
    next_attempt_at: datetime = date()
    claim: int = 0
    last_deploy: str | None = text(64, nullable=True)


class OutboxRow(SQLModel, table=True):
    """A request that the upstream has not acknowledged, in Sentry's words; the ids of a queue's rows are its order."""

    __tablename__ = "outbox"
    __table_args__ = (
        reference("queue_id", "upstream_releases", cascade=True),
        sorted_by("queue_id", "id"),
        FRESH_IDS,
    )

    id: int | None = key()
    organization_id: int = owner()
    queue_id: int = member()
    kind: str = text(8)
    body: str | None = typed(Text(), nullable=True)
    attempts: int = 0
    date_created: datetime = date()


def table(row: type[SQLModel]) -> Table:
    """The SQLAlchemy table that a row class declares."""
    return cast(Table, row.__table__)  # type: ignore[attr-defined]
