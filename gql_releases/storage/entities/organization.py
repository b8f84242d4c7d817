"""Organizations."""

from __future__ import annotations

from collections.abc import Mapping
from operator import le
from typing import Any

from sqlalchemy import FromClause, Select, func, select, tuple_

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import filter_by_prefix
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import ComputedReferenceQuery, Entity, build_own_list
from gql_releases.storage.reading.filters import bind_value, filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow, ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow


def select_release_containing(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the organization's first release with a commit of this sha."""
    commits = get_alias(CommitRow, "select_release_containing commits")
    links = get_alias(ReleaseCommitRow, "select_release_containing links")
    conditions = [commits.c.organization_id == rows.c.id, *_filter_repository(rows, commits, binds)]
    if "commit_prefix" in binds:  # the smallest is the complete sha, if that exists
        prefixed = get_alias(CommitRow, "select_release_containing prefixed")
        within = [prefixed.c.organization_id == rows.c.id, *_filter_repository(rows, prefixed, binds)]
        smallest = select(func.min(prefixed.c.sha)).where(*within, *filter_by_prefix(prefixed.c.sha, binds["commit_prefix"]))
        conditions.append(commits.c.sha == smallest.correlate(rows).scalar_subquery())
    else:
        conditions.append(commits.c.sha == bind_value(commits.c.sha, binds["commit"]))
    same = (links.c.organization_id == commits.c.organization_id) & (links.c.commit_id == commits.c.id)
    first = dialect.avoid_index(links.c.release_id)  # few commits match; by index all releases would be scanned
    joined = dialect.join(commits, links, same)
    return select(links.c.release_id).select_from(joined).where(*conditions).order_by(first).limit(1)


def _filter_repository(rows: FromClause, commits: FromClause, binds: Mapping[str, str]) -> list[Any]:
    if "repository" not in binds:
        return []
    repositories = get_alias(RepositoryRow, "filter_repository repositories")
    name = bind_value(repositories.c.name, binds["repository"])
    named = select(repositories.c.id).where(repositories.c.organization_id == rows.c.id, repositories.c.name == name)
    return [commits.c.repository_id == named.correlate(rows).scalar_subquery()]


def select_compared_head(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the head of a comparison, if it and the base are a project's releases and the base is not the later one."""
    (name,) = binds.values()
    head = get_alias(ReleaseProjectRow, "select_compared_head head")
    base = get_alias(ReleaseProjectRow, "select_compared_head base")
    conditions = [base.c.project_id == head.c.project_id, head.c.organization_id == rows.c.id]
    conditions.append(head.c.project_id == _select_own_project(rows, f"{name}_0"))
    for links, version in ((base, f"{name}_1"), (head, f"{name}_2")):
        releases = get_alias(ReleaseRow, "select_compared_head releases")
        named = [releases.c.organization_id == rows.c.id, releases.c.version == bind_value(releases.c.version, version)]
        conditions += [
            links.c.organization_id == rows.c.id,
            links.c.release_id == select(releases.c.id).where(*named).correlate(rows).scalar_subquery(),
        ]
    before = le(tuple_(base.c.date_shown, base.c.release_id), tuple_(head.c.date_shown, head.c.release_id))
    return select(head.c.release_id).where(*conditions, before)


def select_release_of_version(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the organization's release of a version."""
    releases = get_alias(ReleaseRow, "select_release_of_version releases")
    same = releases.c.version == bind_value(releases.c.version, binds["version"])
    return select(releases.c.id).where(releases.c.organization_id == rows.c.id, same)


def _select_own_project(rows: FromClause, name: str) -> Any:
    projects = get_alias(ProjectRow, "select_own_project projects")
    named = [projects.c.organization_id == rows.c.id, projects.c.slug == bind_value(projects.c.slug, name)]
    return select(projects.c.id).where(*named).correlate(rows).scalar_subquery()


ENTITIES = {
    "Organization": Entity(
        table(OrganizationRow),
        computed={
            "release_containing": ComputedReferenceQuery("Release", select_release_containing),
            "compared_head": ComputedReferenceQuery("Release", select_compared_head),
            "release_of_version": ComputedReferenceQuery("Release", select_release_of_version),
        },
        filters={"id": filter_equals("id"), "slug": filter_equals("slug")},
        tenant="id",
    )
}
LISTS = {"Viewer": {"organizations": build_own_list("Organization", table(OrganizationRow), "id", "slug")}}
