"""To-ones that are found by arguments: each a select of the key of one row, correlated with the object's row.

`binds` are the names of the bound values by the name of the argument that was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import le
from typing import Any

from sqlalchemy import FromClause, Select, and_, func, select, tuple_

from gql_releases.domain.release import Status
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.filters import bound, project_id, starting_with
from gql_releases.storage.schema import tables
from gql_releases.storage.schema.tables import table

Find = Callable[[FromClause, Mapping[str, str], Dialect], Select[Any]]


@dataclass(frozen=True, slots=True)
class Pick:
    """A to-one with arguments: how the key of a row of `target` is found."""

    target: str
    find: Find


def previous_release(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The release of a project before this one, by the date that it is shown under."""
    own, other = table(tables.ReleaseProjectRow).alias(), table(tables.ReleaseProjectRow).alias()
    here = select(own.c.date_shown, own.c.release_id).where(
        own.c.organization_id == rows.c.organization_id,
        own.c.release_id == rows.c.id,
        own.c.project_id == project_id(binds["project"]),
    )
    return (
        select(other.c.release_id)
        .where(
            other.c.organization_id == rows.c.organization_id,
            other.c.project_id == project_id(binds["project"]),
            tuple_(other.c.date_shown, other.c.release_id) < here.correlate(rows).scalar_subquery(),
        )
        .order_by(other.c.date_shown.desc(), other.c.release_id.desc())
        .limit(1)
    )


def previous_with_commits(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The newest other release that has a project of this one, is shown under no later date, has commits, is not archived.

    With `projects`, only these of the release's are looked at. Each project's list is walked back from this release to the
    first that has commits; the newest of these is meant.
    """
    own, other = table(tables.ReleaseProjectRow).alias(), table(tables.ReleaseProjectRow).alias()
    releases, found = table(tables.ReleaseRow).alias(), table(tables.ReleaseRow).alias()
    of_link = and_(releases.c.organization_id == other.c.organization_id, releases.c.id == other.c.release_id)
    of_project = (
        select(other.c.release_id)
        .join_from(other, releases, of_link)
        .where(
            other.c.organization_id == own.c.organization_id,
            other.c.project_id == own.c.project_id,
            other.c.date_shown <= own.c.date_shown,
            other.c.release_id != own.c.release_id,
            releases.c.last_commit_id.is_not(None),
            releases.c.status != Status.ARCHIVED,
        )
        .order_by(other.c.date_shown.desc(), other.c.release_id.desc())
        .limit(1)
        .correlate(own)
        .scalar_subquery()
    )
    same = and_(found.c.organization_id == own.c.organization_id, found.c.id == of_project)
    links = [own.c.organization_id == rows.c.organization_id, own.c.release_id == rows.c.id]
    if "projects" in binds:
        links.append(dialect.among(own.c.project_id, binds["projects"]))
    return (
        select(found.c.id)
        .join_from(own, found, same)
        .where(*links)
        .order_by(func.coalesce(found.c.date_released, found.c.date_created).desc(), found.c.id.desc())
        .limit(1)
    )


def latest_release(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The project's newest release, or the one that runs in an environment."""
    if "environment" in binds:
        current, environments = table(tables.CurrentDeployRow).alias(), table(tables.EnvironmentRow).alias()
        named = [
            environments.c.organization_id == rows.c.organization_id,
            environments.c.name == bound(environments.c.name, binds["environment"]),
        ]
        return select(current.c.release_id).where(
            current.c.organization_id == rows.c.organization_id,
            current.c.environment_id == select(environments.c.id).where(*named).correlate(rows).scalar_subquery(),
            current.c.project_id == rows.c.id,
        )
    links = table(tables.ReleaseProjectRow).alias()
    return (
        select(links.c.release_id)
        .where(links.c.organization_id == rows.c.organization_id, links.c.project_id == rows.c.id)
        .order_by(links.c.date_shown.desc(), links.c.release_id.desc())
        .limit(1)
    )


def release_containing(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The organization's first release that has a commit of this sha."""
    commits, links = table(tables.CommitRow).alias(), table(tables.ReleaseCommitRow).alias()
    conditions = [commits.c.organization_id == rows.c.id, *_in_repository(rows, commits, binds)]
    if "commit_prefix" in binds:  # the smallest is the whole sha, if there is such a one
        prefixed = table(tables.CommitRow).alias()
        within = [prefixed.c.organization_id == rows.c.id, *_in_repository(rows, prefixed, binds)]
        smallest = select(func.min(prefixed.c.sha)).where(*within, *starting_with(prefixed.c.sha, binds["commit_prefix"]))
        conditions.append(commits.c.sha == smallest.correlate(rows).scalar_subquery())
    else:
        conditions.append(commits.c.sha == bound(commits.c.sha, binds["commit"]))
    same = (links.c.organization_id == commits.c.organization_id) & (links.c.commit_id == commits.c.id)
    first = dialect.checked(links.c.release_id)  # the commits are few: in this order all commits of all releases are walked
    found = dialect.join(commits, links, same)
    return select(links.c.release_id).select_from(found).where(*conditions).order_by(first).limit(1)


def _in_repository(rows: FromClause, commits: FromClause, binds: Mapping[str, str]) -> list[Any]:
    if "repository" not in binds:
        return []
    repositories = table(tables.RepositoryRow).alias()
    name = bound(repositories.c.name, binds["repository"])
    named = select(repositories.c.id).where(repositories.c.organization_id == rows.c.id, repositories.c.name == name)
    return [commits.c.repository_id == named.correlate(rows).scalar_subquery()]


def compared_head(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The head of a comparison, if it and the base are a project's releases and the base is not the later one."""
    (name,) = binds.values()
    head, base = table(tables.ReleaseProjectRow).alias(), table(tables.ReleaseProjectRow).alias()
    conditions = [base.c.project_id == head.c.project_id, head.c.organization_id == rows.c.id]
    conditions.append(head.c.project_id == _own_project(rows, f"{name}_0"))
    for links, version in ((base, f"{name}_1"), (head, f"{name}_2")):
        releases = table(tables.ReleaseRow).alias()
        named = [releases.c.organization_id == rows.c.id, releases.c.version == bound(releases.c.version, version)]
        conditions += [
            links.c.organization_id == rows.c.id,
            links.c.release_id == select(releases.c.id).where(*named).correlate(rows).scalar_subquery(),
        ]
    before = le(tuple_(base.c.date_shown, base.c.release_id), tuple_(head.c.date_shown, head.c.release_id))
    return select(head.c.release_id).where(*conditions, before)


def release_of_version(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The organization's release of a version."""
    releases = table(tables.ReleaseRow).alias()
    same = releases.c.version == bound(releases.c.version, binds["version"])
    return select(releases.c.id).where(releases.c.organization_id == rows.c.id, same)


def _own_project(rows: FromClause, name: str) -> Any:
    projects = table(tables.ProjectRow).alias()
    named = [projects.c.organization_id == rows.c.id, projects.c.slug == bound(projects.c.slug, name)]
    return select(projects.c.id).where(*named).correlate(rows).scalar_subquery()


def upstream(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """The queue of a release, by its version: a release that was deleted and made again has the same."""
    queues = table(tables.UpstreamReleaseRow).alias()
    return select(queues.c.id).where(queues.c.organization_id == rows.c.organization_id, queues.c.version == rows.c.version)
