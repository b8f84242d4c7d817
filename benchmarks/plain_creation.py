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


def create(session: Session, owner: int, body: CreateReleaseInput) -> ReleaseRow:
    """Write a release by the ORM."""
    now = datetime.now(UTC)

    def keep(row: Any, column: str, key: str, **more: Any) -> Any:
        result = session.scalars(select(row).where(row.organization_id == owner, getattr(row, column) == key)).first()
        if result is None:
            result = row(organization_id=owner, **{column: key}, **more)
            session.add(result)
            session.flush()
        return result

    package, raw, major, minor, patch, build, description, key = read_version(body.version)
    release = ReleaseRow(
        organization_id=owner, version=body.version, ref=body.ref, url=body.url, status="OPEN", date_created=now,
        date_released=body.date_released, release_order=body.date_released, shipping_date=body.date_released or now,
        origin="CLIENT", commit_count=len(body.commits),
        commit_status="COMPLETE" if body.commits else "NO_COMMITS", package=package,
        raw=raw, major=major, minor=minor, patch=patch, build_code=build, components=3, description=description,
        semver_key=key, build_number=int(build),
    )  # fmt: skip
    session.add(release)
    session.flush()
    commits: list[CommitRow] = []
    repositories: dict[str, Any] = {}
    authors: dict[str, Any] = {}
    for item in body.commits:
        repositories[item.repository] = repositories.get(item.repository) or keep(
            RepositoryRow, "name", item.repository, date_created=now
        )
        authors[item.author_email] = authors.get(item.author_email) or keep(
            CommitAuthorRow, "email", item.author_email, name=item.author_name
        )
        repository, author = repositories[item.repository], authors[item.author_email]
        commits.append(CommitRow(
            organization_id=owner, repository_id=repository.id, sha=item.sha, author_id=author.id, message=item.message,
            timestamp=item.timestamp, date_created=now,
        ))  # fmt: skip
    session.add_all(commits)
    session.flush()
    common: dict[str, Any] = {"organization_id": owner, "release_id": release.id}
    for index, commit in enumerate(commits):
        session.add(ReleaseCommitRow(**common, position=index, commit_id=commit.id))
    for index, author in enumerate(authors.values()):
        session.add(ReleaseAuthorRow(**common, position=index, author_id=author.id))
    for repository in repositories.values():
        first = next(commit for commit in commits if commit.repository_id == repository.id)
        kept: dict[str, Any] = {"said": False, "kind": "LIST", "commit_status": "COMPLETE", "head_time": first.timestamp}
        session.add(HeadCommitRow(**common, **kept, repository_id=repository.id, commit_id=first.id))
    for slug in body.projects:
        project = session.scalars(
            select(ProjectRow).where(ProjectRow.organization_id == owner, ProjectRow.slug == slug)
        ).one()
        keys: dict[str, Any] = {"date_created": now, "release_order": body.date_released, "date_shown": body.date_released}
        session.add(ReleaseProjectRow(**common, **keys, project_id=project.id, semver_key=key, build_number=int(build)))
    release.last_commit_id = commits[0].id
    session.flush()
    return release
