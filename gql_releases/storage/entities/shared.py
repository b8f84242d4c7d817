"""References, orders, conditions and subqueries that several entities use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import gt, le
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, bindparam, exists, select, tuple_

from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.types import Id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import Filter, ToMany, ToOne, build_own_list
from gql_releases.storage.reading.filters import bind_value
from gql_releases.storage.schema.tables.deploy import DeployProjectRow, DeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow, ReleaseProjectRow, ReleaseRow

ORGANIZATION_REFERENCE = {"organization": ToOne("organization_id", "Organization")}

RELEASE_ORDERS = ("date_created", "release_order", "semver_key", "build_number")
"""Columns that releases can be sorted by, in the table of releases and in the table of their links to projects."""

NEWEST_FIRST = Order("date_created", descending=True)


def filter_linked(rows: FromClause, *more: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Match releases with a link to a project that meets the conditions."""
    links = get_alias(ReleaseProjectRow, "filter_linked links")
    same = [links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id]
    return exists(select(links.c.project_id).where(*same, *(condition(links) for condition in more)))


def select_project_id(name: str) -> ColumnElement[int]:
    """Select the id of the project with a bound slug, once for a statement, so that its rows are found by index."""
    projects = get_alias(ProjectRow, "project_id projects")
    of_slug = [filter_own_organization(projects), projects.c.slug == bind_value(projects.c.slug, name)]
    return select(projects.c.id).where(*of_slug).scalar_subquery()


def filter_by_project(links: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match the project's links."""
    return links.c.project_id == select_project_id(name)


def filter_own_organization(rows: FromClause) -> ColumnElement[bool]:
    """Match rows of the reader's organization; for subqueries that cannot refer to the outer rows."""
    return rows.c.organization_id == bindparam("organization", type_=Id)


def select_environment_id(name: str) -> ColumnElement[int]:
    """Select the id of the organization's environment with a bound name."""
    environments = get_alias(EnvironmentRow, "environment_id environments")
    named = [filter_own_organization(environments), environments.c.name == bind_value(environments.c.name, name)]
    return select(environments.c.id).where(*named).scalar_subquery()


def match_places(counters: FromClause, binds: Mapping[str, str], dialect: Dialect) -> list[ColumnElement[bool]]:
    """Return the conditions of counters for the arguments that are set.

    These are `project` (a slug), `projects` (ids) and `environments` (names).
    """
    conditions = []
    if "project" in binds:
        conditions.append(counters.c.project_id == select_project_id(binds["project"]))
    if "projects" in binds:
        conditions.append(dialect.is_among(counters.c.project_id, binds["projects"]))
    if "environments" in binds:
        environments = get_alias(EnvironmentRow, "match_places environments")
        named = dialect.is_among(environments.c.name, binds["environments"])
        ids = select(environments.c.id).where(filter_own_organization(environments), named)
        conditions.append(counters.c.environment_id.in_(ids))
    return conditions


def select_deploys_for(name: str) -> tuple[FromClause, Select[Any]]:
    """Return an alias of deploys, and the select of the deploys for a project with a bound id."""
    deploys = get_alias(DeployRow, "select_deploys_for deploys")
    projects = get_alias(DeployProjectRow, "select_deploys_for projects")
    of_deploy = and_(projects.c.organization_id == deploys.c.organization_id, projects.c.deploy_id == deploys.c.id)
    statement = select(deploys.c.id).join_from(deploys, projects, of_deploy)
    return deploys, statement.where(projects.c.project_id == bind_value(projects.c.project_id, name))


def filter_by_prefix(sha: ColumnElement[str], name: str) -> list[ColumnElement[bool]]:
    """Match shas with a bound prefix; the value is (prefix, its upper bound), a range of an index."""
    return [sha >= bind_value(sha, f"{name}_0"), sha < bind_value(sha, f"{name}_1")]


def filter_between(links: FromClause, name: str) -> list[ColumnElement[bool]]:
    """Match links to releases after the base and not after the head; the value is (project, base, head)."""
    conditions = [links.c.project_id == select_project_id(f"{name}_0")]
    for number, compare in ((1, gt), (2, le)):
        place = tuple_(links.c.date_shown, links.c.release_id)
        conditions.append(compare(place, _select_place(links, f"{name}_0", f"{name}_{number}")))
    return conditions


def _select_place(links: FromClause, project: str, version: str) -> Any:
    """Select the sort key of the release of a bound version in the project's list."""
    other = get_alias(ReleaseProjectRow, "select_place other")
    releases = get_alias(ReleaseRow, "select_place releases")
    named = [
        filter_own_organization(releases),
        releases.c.version == bind_value(releases.c.version, version),
        other.c.organization_id == releases.c.organization_id,
        other.c.release_id == releases.c.id,
        other.c.project_id == select_project_id(project),
    ]
    return select(other.c.date_shown, other.c.release_id).where(*named).scalar_subquery()


def select_releases_between(name: str) -> Any:
    """Return the select of the ids of the releases between a base and a head."""
    links = get_alias(ReleaseProjectRow, "select_releases_between links")
    return select(links.c.release_id).where(filter_own_organization(links), *filter_between(links, name))


def filter_release_between(column: str) -> Filter:
    """Return the filter that the column's release is between a base and a head of a project."""
    return lambda rows, name, dialect: rows.c[column].in_(select_releases_between(name))


def select_commits_between(name: str) -> Any:
    """Return the select of the ids of the commits of the releases between a base and a head."""
    links = get_alias(ReleaseCommitRow, "select_commits_between links")
    return select(links.c.commit_id).where(
        filter_own_organization(links), links.c.release_id.in_(select_releases_between(name))
    )


def filter_commit_between(column: str) -> Filter:
    """Return the filter that the column's commit is in a release between a base and a head."""
    return lambda rows, name, dialect: rows.c[column].in_(select_commits_between(name))


def build_compared_list(
    target: str, rows: Table, order: str, condition: Filter, *, checked: tuple[str, ...] = (), descending: bool = False
) -> ToMany:
    """Return an organization's list of the rows between two releases of a project."""
    return build_own_list(
        target,
        rows,
        "organization_id",
        order,
        descending=descending,
        filters={"between": condition},
        checked=(order, *checked),
    )
