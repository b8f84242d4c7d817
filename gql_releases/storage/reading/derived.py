"""Lists that no table holds as such: selects that stand where a list's table stands, each asked for of one release."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, and_, cast, exists, func, select, union_all

from gql_releases.storage.engine.dialects import ParentsFirst
from gql_releases.storage.engine.types import identifier
from gql_releases.storage.schema import tables
from gql_releases.storage.schema.tables import table

FIRST_PLACE = 10**9
"""Added to a position: places have ten digits, and sort as texts."""

_links, _heads = table(tables.ReleaseCommitRow), table(tables.HeadCommitRow)


def _with_commits(other: FromClause) -> Any:
    return and_(other.c.organization_id == _links.c.organization_id, other.c.commit_id == _links.c.commit_id)


def _of_commit() -> Any:
    commits = table(tables.CommitRow)
    same = and_(commits.c.organization_id == _links.c.organization_id, commits.c.id == _links.c.commit_id)
    return commits, same


def shown_commits() -> FromClause:
    """A release's commits and, before them, the heads that are not among them: refs alone show at least the head."""
    listed = exists(
        select(_links.c.position).where(
            _links.c.organization_id == _heads.c.organization_id,
            _links.c.release_id == _heads.c.release_id,
            _links.c.commit_id == _heads.c.commit_id,
        )
    )
    heads = select(
        _heads.c.organization_id, _heads.c.release_id, (-_heads.c.id).label("position"), _heads.c.commit_id
    ).where(~listed)
    commits = select(_links.c.organization_id, _links.c.release_id, _links.c.position, _links.c.commit_id)
    return union_all(commits, heads).subquery()


def release_file_changes() -> FromClause:
    """The file changes of a release's commits, a row for each commit and path."""
    changes, (commits, same) = table(tables.FileChangeRow), _of_commit()
    return (
        select(
            _links.c.organization_id,
            _links.c.release_id,
            changes.c.id.label("change_id"),
            changes.c.path,
            commits.c.repository_id,
        )
        .select_from(ParentsFirst(ParentsFirst(_links, changes, _with_commits(changes)), commits, same))
        .subquery()
    )


def placed_commits() -> FromClause:
    """Commits with their place in comparisons: a text that sorts by the position in a release, repository and sha.

    No id is part of it, so that equal stores give equal answers. Of several positions the first counts.
    """
    commits, repositories, links = table(tables.CommitRow).alias(), table(tables.RepositoryRow), _links.alias()
    position = select(func.min(links.c.position)).where(
        links.c.organization_id == commits.c.organization_id, links.c.commit_id == commits.c.id
    )
    name = select(repositories.c.name).where(
        repositories.c.organization_id == commits.c.organization_id, repositories.c.id == commits.c.repository_id
    )
    digits = cast(position.correlate(commits).scalar_subquery() + FIRST_PLACE, identifier(20))
    place = digits + name.correlate(commits).scalar_subquery() + " " + commits.c.sha
    return select(*commits.c, place.label("place")).subquery()


def release_repositories() -> FromClause:
    """The repositories of a release's commits, each once."""
    commits, same = _of_commit()
    return (
        select(_links.c.organization_id, _links.c.release_id, commits.c.repository_id)
        .select_from(ParentsFirst(_links, commits, same))
        .distinct()
        .subquery()
    )
