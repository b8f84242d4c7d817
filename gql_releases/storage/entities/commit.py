"""Commits."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    FromClause,
    cast,
    func,
    select,
)

from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.types import identifier
from gql_releases.storage.entities.release import release_commits
from gql_releases.storage.entities.shared import (
    build_compared_list,
    filter_commit_between,
    filter_own_organization,
    select_commits_between,
)
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import Entity, ToMany, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow, HeadCommitRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow
from gql_releases.storage.schema.tables.repository import RepositoryRow

POSITION_OFFSET = 10**9
"""Added to a position, so that all have ten digits and sort as texts."""


def select_placed_commits() -> FromClause:
    """Select commits with their place in comparisons: a text that sorts by the position in a release, repository and sha.

    It contains no id, so that equal stores return equal results. Of several positions the first counts.
    """
    commits, repositories, links = table(CommitRow).alias(), table(RepositoryRow), release_commits.alias()
    position = select(func.min(links.c.position)).where(
        links.c.organization_id == commits.c.organization_id, links.c.commit_id == commits.c.id
    )
    name = select(repositories.c.name).where(
        repositories.c.organization_id == commits.c.organization_id, repositories.c.id == commits.c.repository_id
    )
    digits = cast(position.correlate(commits).scalar_subquery() + POSITION_OFFSET, identifier(20))
    place = digits + name.correlate(commits).scalar_subquery() + " " + commits.c.sha
    return select(*commits.c, place.label("place")).subquery()


def filter_author_between(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match authors of commits of the releases between a base and a head."""
    commits = get_alias(CommitRow, "filter_author_between commits")
    wrote = select(commits.c.author_id).where(
        filter_own_organization(commits), commits.c.id.in_(select_commits_between(name)), commits.c.author_id.is_not(None)
    )
    return rows.c.id.in_(wrote)


ENTITIES = {
    "Commit": Entity(
        table(CommitRow),
        ones={"repository": ToOne("repository_id", "Repository"), "author": ToOne("author_id", "CommitAuthor")},
        manys={
            "file_changes": build_own_list("FileChange", table(FileChangeRow), "commit_id", "path"),
            "releases": ToMany(
                "Release", table(ReleaseCommitRow), "commit_id", "release_id", ("release_id",), "release_id",
                Order("release_id"),
            ),
        },
        filters={"id": filter_equals("id"), "repository": filter_equals("repository_id")},
    ),
    "CommitAuthor": Entity(table(CommitAuthorRow), filters={"id": filter_equals("id")}),
    "FileChange": Entity(
        table(FileChangeRow), ones={"commit": ToOne("commit_id", "Commit")}, filters={"id": filter_equals("id")}
    ),
    "HeadCommit": Entity(
        table(HeadCommitRow),
        ones={"repository": ToOne("repository_id", "Repository"), "commit": ToOne("commit_id", "Commit")},
        filters={"id": filter_equals("id")},
    ),
}  # fmt: skip
LISTS = {
    "Organization": {
        "compared_commits": ToMany(
            "Commit", select_placed_commits(), "organization_id", None, ("place",), "id", Order("place"),
            filters={"between": filter_commit_between("id")}, checked=("organization_id",),
        ),
        "compared_authors": build_compared_list(
            "CommitAuthor", table(CommitAuthorRow), "email", filter_author_between, checked=("organization_id",)
        ),
        "compared_file_changes": build_compared_list(
            "FileChange", table(FileChangeRow), "path", filter_commit_between("commit_id")
        ),
    }
}  # fmt: skip
