"""The tables of issues: groups of events with one cause, their hashes, releases, users and suspect commits."""

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


class IssueRow(SQLModel, table=True):
    """An issue.

    `times` counts its events and `users` their distinct users. `first_release_id` is the release of the event that was
    received first, `introduced_in_id` the first in shipping order of all releases that had it, `last_release_id` the last
    in that order. `new_path_of_id` is the oldest issue with the same `site`. A resolution keeps the sort keys of its
    release, so that a deletion of the release does not change which events reopen the issue.
    """

    __tablename__ = "issues"
    __table_args__ = (
        natural_key("short_id"),
        referable(),
        reference("project_id", "projects"),
        reference("new_path_of_id", "issues"),
        sorted_by("project_id", "last_seen", "id"),
        sorted_by("project_id", "first_seen", "id"),
        sorted_by("project_id", "site", "id"),
        sorted_by("last_seen", "id"),
        sorted_by("first_seen", "id"),
        sorted_by("new_path_of_id"),
        sorted_by("first_release_id", "project_id"),
        sorted_by("introduced_in_id", "times", "id"),
        sorted_by("last_release_id"),
        sorted_by("regressed_in_id", "id"),
        sorted_by("resolved_release_id", "id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    project_id: int = member()
    short_id: str = text(64)
    title: str = field(Text())
    culprit: str | None = field(Text(), nullable=True)
    type: str | None = field(Text(), nullable=True)
    level: str = text(8)
    platform: str = text(64)
    handled: bool | None = None
    status: str = text(12)
    times: int = member()
    users: int = member()
    first_seen: datetime = date()
    last_seen: datetime = date()
    date_created: datetime = date()
    first_release_id: int | None = member(nullable=True)
    introduced_in_id: int | None = member(nullable=True)
    last_release_id: int | None = member(nullable=True)
    new_path_of_id: int | None = member(nullable=True)
    site: str | None = text(32, nullable=True)
    grouping_step: str = text(12)
    grouping_key: str = field(Text())
    grouping_algorithm: str = text(16)
    suspect_status: str = text(12)
    resolved_in: str | None = text(12, nullable=True)
    resolved_release_id: int | None = member(nullable=True)
    resolved_commit_id: int | None = member(nullable=True)
    resolved_package: str | None = text(200, nullable=True)
    resolved_semver_key: str | None = text(400, nullable=True)
    resolved_shipping_date: datetime | None = date(nullable=True)
    date_resolved: datetime | None = date(nullable=True)
    regressed_in_id: int | None = member(nullable=True)
    date_regressed: datetime | None = date(nullable=True)
    compared_by: str | None = text(6, nullable=True)


class IssueHashRow(SQLModel, table=True):
    """A grouping hash of an issue; merging issues moves their hashes."""

    __tablename__ = "issue_hashes"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "project_id", "algorithm", "hash"),
        reference("issue_id", "issues", cascade=True),
        sorted_by("issue_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = owner()
    project_id: int = member()
    algorithm: str = text(16)
    hash: str = text(32)
    issue_id: int = member()


class IssueReleaseRow(SQLModel, table=True):
    """The events of an issue in a release and environment; ids of 0 stand for none of them.

    Without foreign keys to releases and environments, as all tables that events are counted in: each would be looked up
    for each event. Rows of a release are deleted with it.
    """

    __tablename__ = "issue_releases"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "issue_id", "release_id", "environment_id"),
        reference("issue_id", "issues", cascade=True),
        sorted_by("release_id", "last_seen", "issue_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    issue_id: int = member()
    release_id: int = member()
    environment_id: int = member()
    first_seen: datetime = date()
    last_seen: datetime = date()
    times: int = member()


class IssueUserRow(SQLModel, table=True):
    """A user of an issue, by the salted hash."""

    __tablename__ = "issue_users"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "issue_id", "user_hash"),
        reference("issue_id", "issues", cascade=True),
        sorted_by("user_hash"),
        WITHOUT_ROWID,
    )

    organization_id: int = member()
    issue_id: int = member()
    user_hash: str = text(32)


class SuspectCommitRow(SQLModel, table=True):
    """A commit that may have caused an issue, the best at position 0, and why: the file of it that a frame matches."""

    __tablename__ = "suspect_commits"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "issue_id", "position"),
        reference("issue_id", "issues", cascade=True),
        reference("commit_id", "commits"),
        sorted_by("commit_id"),
        WITHOUT_ROWID,
    )

    organization_id: int = owner()
    issue_id: int = member()
    position: int
    commit_id: int = member()
    score: float
    path: str = field(Text())
    frame_path: str = field(Text())
    matched_segments: int
    releases_back: int
