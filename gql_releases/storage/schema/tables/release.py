"""The tables of releases and of their links to projects, commits and authors."""

from datetime import datetime

from sqlalchemy import PrimaryKeyConstraint, Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    WITHOUT_ROWID,
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


class ReleaseRow(SQLModel, table=True):
    """A release, with the parts of its version and its sort keys."""

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
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    version: str = text(200)
    ref: str | None = text(200, nullable=True)
    url: str | None = text(200, nullable=True)
    status: str = text(8)
    user_agent: str | None = text(256, nullable=True)
    notes: str | None = field(Text(), nullable=True)
    metadata_json: str | None = field(Text(), nullable=True)
    folded_version: str | None = field(Text(), nullable=True)
    date_created: datetime = date()
    date_released: datetime | None = date(nullable=True)
    release_order: datetime = date()
    shipping_date: datetime = date()
    """When it was released, else created: the order in which releases introduce issues."""
    origin: str = text(6)
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
    """A release's project, with copies of the release's sort keys, whose indexes sort a project's releases.

    `date_shown` is the release's shipping date.
    """

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
        WITHOUT_ROWID,
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
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    release_id: int = member()
    position: int
    commit_id: int = member()


class ReleaseAuthorRow(SQLModel, table=True):
    """An author of a release's commits, by the newest commit of each; stored, because reads would scan all commits."""

    __tablename__ = "release_authors"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "release_id", "position"),
        reference("release_id", "releases", cascade=True),
        reference("author_id", "commit_authors"),
        sorted_by("author_id", "release_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    release_id: int = member()
    position: int
    author_id: int = member()
