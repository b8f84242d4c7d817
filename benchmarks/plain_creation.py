"""The plain schema's creation of a release: its input, and the rows written by the ORM."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import strawberry
from sqlalchemy.orm import Session
from sqlmodel import select

from benchmarks.floor_http import read_version
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, HeadCommitRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseAuthorRow, ReleaseCommitRow, ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow


@strawberry.input
class CommitInput:
    """A commit to be stored."""

    sha: str
    repository: str
    message: str
    author_name: str
    author_email: str
    timestamp: datetime


@strawberry.input
class CreateReleaseInput:
    """A release to be stored."""

    organization: str
    version: str
    projects: list[str]
    ref: str
    url: str
    date_released: datetime
    commits: list[CommitInput]


def create(session: Session, owner: int, asked: CreateReleaseInput) -> ReleaseRow:
    """Write a release by the ORM."""
    now = datetime.now(UTC)

    def keep(row: Any, column: str, key: str, **more: Any) -> Any:
        found = session.scalars(select(row).where(row.organization_id == owner, getattr(row, column) == key)).first()
        if found is None:
            found = row(organization_id=owner, **{column: key}, **more)
            session.add(found)
            session.flush()
        return found

    package, raw, major, minor, patch, build, description, key = read_version(asked.version)
    release = ReleaseRow(
        organization_id=owner, version=asked.version, ref=asked.ref, url=asked.url, status="OPEN", date_created=now,
        date_released=asked.date_released, release_order=asked.date_released, commit_count=len(asked.commits),
        commit_status="COMPLETE" if asked.commits else "NO_COMMITS", package=package,
        raw=raw, major=major, minor=minor, patch=patch, build_code=build, components=3, description=description,
        semver_key=key, build_number=int(build),
    )  # fmt: skip
    session.add(release)
    session.flush()
    commits: list[CommitRow] = []
    repositories: dict[str, Any] = {}
    authors: dict[str, Any] = {}
    for one in asked.commits:
        repositories[one.repository] = repositories.get(one.repository) or keep(
            RepositoryRow, "name", one.repository, date_created=now
        )
        authors[one.author_email] = authors.get(one.author_email) or keep(
            CommitAuthorRow, "email", one.author_email, name=one.author_name
        )
        repository, author = repositories[one.repository], authors[one.author_email]
        commits.append(CommitRow(
            organization_id=owner, repository_id=repository.id, sha=one.sha, author_id=author.id, message=one.message,
            timestamp=one.timestamp, date_created=now,
        ))  # fmt: skip
    session.add_all(commits)
    session.flush()
    common: dict[str, Any] = {"organization_id": owner, "release_id": release.id}
    for index, commit in enumerate(commits):
        session.add(ReleaseCommitRow(**common, position=index, commit_id=commit.id))
    for index, author in enumerate(authors.values()):
        session.add(ReleaseAuthorRow(**common, position=index, author_id=author.id))
    for repository in repositories.values():
        first = next(one for one in commits if one.repository_id == repository.id)
        kept: dict[str, Any] = {"said": False, "kind": "LIST", "commit_status": "COMPLETE", "head_time": first.timestamp}
        session.add(HeadCommitRow(**common, **kept, repository_id=repository.id, commit_id=first.id))
    for slug in asked.projects:
        project = session.scalars(
            select(ProjectRow).where(ProjectRow.organization_id == owner, ProjectRow.slug == slug)
        ).one()
        keys: dict[str, Any] = {"date_created": now, "release_order": asked.date_released, "date_shown": asked.date_released}
        session.add(ReleaseProjectRow(**common, **keys, project_id=project.id, semver_key=key, build_number=int(build)))
    release.last_commit_id = commits[0].id
    session.flush()
    return release
