"""References, orders, conditions and subqueries that several entities share."""

from __future__ import annotations

from collections.abc import Callable
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
"""Columns that a list of releases can be sorted by, in the releases' table and in that of their links to projects."""

NEWEST_FIRST = Order("date_created", descending=True)


def filter_linked(rows: FromClause, *more: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    """The release has a link to a project that meets the conditions."""
    links = get_alias(ReleaseProjectRow, "filter_linked links")
    same = [links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id]
    return exists(select(links.c.project_id).where(*same, *(condition(links) for condition in more)))


def project_id(name: str) -> ColumnElement[int]:
    """Find the reader's project of a bound slug: once for a statement, so that what is the project's is found by index."""
    projects = get_alias(ProjectRow, "project_id projects")
    of_slug = [in_own_organization(projects), projects.c.slug == bind_value(projects.c.slug, name)]
    return select(projects.c.id).where(*of_slug).scalar_subquery()


def filter_by_project(links: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The link is the project's."""
    return links.c.project_id == project_id(name)


def in_own_organization(rows: FromClause) -> ColumnElement[bool]:
    """The rows are of the reader's organization. Deep in a statement, where rows outside cannot be seen."""
    return rows.c.organization_id == bindparam("organization", type_=Id)


def environment_id(name: str) -> ColumnElement[int]:
    """Give the SQL of the key of the organization's environment whose name is bound."""
    environments = get_alias(EnvironmentRow, "environment_id environments")
    named = [in_own_organization(environments), environments.c.name == bind_value(environments.c.name, name)]
    return select(environments.c.id).where(*named).scalar_subquery()


def select_deploys_for(name: str) -> tuple[FromClause, Select[Any]]:
    """Give deploys, and the select of those for a project whose id is bound."""
    deploys = get_alias(DeployRow, "select_deploys_for deploys")
    projects = get_alias(DeployProjectRow, "select_deploys_for projects")
    of_deploy = and_(projects.c.organization_id == deploys.c.organization_id, projects.c.deploy_id == deploys.c.id)
    found = select(deploys.c.id).join_from(deploys, projects, of_deploy)
    return deploys, found.where(projects.c.project_id == bind_value(projects.c.project_id, name))


def prefix_conditions(sha: ColumnElement[str], name: str) -> list[ColumnElement[bool]]:
    """The sha begins with a bound one; the value is (prefix, its upper bound), between which an index finds it."""
    return [sha >= bind_value(sha, f"{name}_0"), sha < bind_value(sha, f"{name}_1")]


def conditions_between(links: FromClause, name: str) -> list[ColumnElement[bool]]:
    """The link's release comes after the base and not after the head; the value is (project, base, head)."""
    conditions = [links.c.project_id == project_id(f"{name}_0")]
    for number, compare in ((1, gt), (2, le)):
        place = tuple_(links.c.date_shown, links.c.release_id)
        conditions.append(compare(place, _select_place(links, f"{name}_0", f"{name}_{number}")))
    return conditions


def _select_place(links: FromClause, project: str, version: str) -> Any:
    """Give the place of a release of a bound version among its project's."""
    other = get_alias(ReleaseProjectRow, "select_place other")
    releases = get_alias(ReleaseRow, "select_place releases")
    named = [
        in_own_organization(releases),
        releases.c.version == bind_value(releases.c.version, version),
        other.c.organization_id == releases.c.organization_id,
        other.c.release_id == releases.c.id,
        other.c.project_id == project_id(project),
    ]
    return select(other.c.date_shown, other.c.release_id).where(*named).scalar_subquery()


def select_releases_between(name: str) -> Any:
    """Return the select of the ids of the releases between a base and a head."""
    links = get_alias(ReleaseProjectRow, "select_releases_between links")
    return select(links.c.release_id).where(in_own_organization(links), *conditions_between(links, name))


def filter_release_between(column: str) -> Filter:
    """The release that the column names is one of those between a base and a head of a project."""
    return lambda rows, name, dialect: rows.c[column].in_(select_releases_between(name))


def select_commits_between(name: str) -> Any:
    """Return the select of the ids of the commits of the releases between a base and a head."""
    links = get_alias(ReleaseCommitRow, "select_commits_between links")
    return select(links.c.commit_id).where(in_own_organization(links), links.c.release_id.in_(select_releases_between(name)))


def filter_commit_between(column: str) -> Filter:
    """The commit that the column names is in one of the releases between a base and a head."""
    return lambda rows, name, dialect: rows.c[column].in_(select_commits_between(name))


def list_compared(
    target: str, rows: Table, order: str, condition: Filter, *, checked: tuple[str, ...] = (), descending: bool = False
) -> ToMany:
    """Return an organization's list of what is between two releases of a project."""
    return build_own_list(
        target,
        rows,
        "organization_id",
        order,
        descending=descending,
        filters={"between": condition},
        checked=(order, *checked),
    )
