"""What can be read: entities and their attributes, in the names that selections use, over the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, bindparam, exists, func, select

from gql_releases.domain.paging import Order
from gql_releases.storage import tables
from gql_releases.storage.columns import Id
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.tables import table

Filter = Callable[[FromClause, str, Dialect], ColumnElement[bool]]
"""(alias of the rows, name of the bound value, dialect) -> the condition."""


@dataclass(frozen=True, slots=True)
class ToOne:
    """A reference: this entity's column that holds the key of a row of `target`."""

    column: str
    target: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """A list: rows of `table` whose `parent` column is the entity's key.

    `child` is the column that leads to the target's row; None where `table` is the target's own. `orders` are columns of
    `table`, each made unique by `tie`. `dense`: the first order's column counts 0, 1, 2 ... within the parent. `count`
    is the entity's column that keeps the list's length. `routes`: a filter that makes another table drive.
    """

    target: str
    table: Table
    parent: str
    child: str | None
    orders: tuple[str, ...]
    tie: str
    default: Order
    dense: bool = False
    count: str | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    routes: Mapping[str, ToMany] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entity:
    """Something with rows: its columns are its attributes.

    `tenant` is the column that holds its organization, `key` the one that its lists point to.
    """

    table: Table
    ones: Mapping[str, ToOne] = field(default_factory=dict)
    manys: Mapping[str, ToMany] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    tenant: str = "organization_id"
    key: str = "id"


def _bound(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=column.type)


def equals(column: str) -> Filter:
    """The column has the value."""
    return lambda rows, name, dialect: rows.c[column] == _bound(rows.c[column], name)


def among(column: str) -> Filter:
    """The column has one of the values of a list."""
    return lambda rows, name, dialect: rows.c[column].in_(select(dialect.list_items(name).c.value))


def _version_starts_with(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    version = rows.c.version
    prefix = _bound(version, name)
    return and_(version >= prefix, func.substr(version, 1, func.length(prefix)) == prefix)


def _version_contains(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    # Scans the organization's releases. SQLite folds the case of ASCII letters only.
    parts = dialect.list_items(name)
    return exists(select(parts.c.value).where(dialect.contains(func.lower(rows.c.version), func.lower(parts.c.value))))


def _own_token(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    # A reader sees the token that it came with, and no other.
    return and_(rows.c.id == _bound(rows.c.id, name), rows.c.id == bindparam("token", type_=Id))


def _own_tokens(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return and_(among("id")(rows, name, dialect), rows.c.id == bindparam("token", type_=Id))


def _linked(rows: FromClause, *more: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    links = table(tables.ReleaseProjectRow).alias()
    same = [links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id]
    return exists(select(links.c.project_id).where(*same, *(condition(links) for condition in more)))


def _has_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return _linked(rows)


def _on_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return _linked(rows, lambda links: links.c.project_id == _project_id(links, name))


def _on_projects(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return _linked(rows, lambda links: links.c.project_id.in_(select(dialect.list_items(name).c.value)))


def _project_id(links: FromClause, name: str) -> ColumnElement[int]:
    projects = table(tables.ProjectRow).alias()
    of_slug = [projects.c.organization_id == links.c.organization_id, projects.c.slug == _bound(projects.c.slug, name)]
    return select(projects.c.id).where(*of_slug).scalar_subquery()


def _by_project(links: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return links.c.project_id == _project_id(links, name)


def _own(target: str, row: Any, parent: str, order: str, **more: Any) -> ToMany:
    """A list of the target's own rows, in one order."""
    return ToMany(target, table(row), parent, None, (order,), "id", Order(order, more.pop("descending", False)), **more)


RELEASE_ORDERS = ("date_created", "release_order", "semver_key", "build_number")
NEWEST = Order("date_created", descending=True)

_links = table(tables.ReleaseProjectRow)
_releases_by_project = ToMany(
    "Release", _links, "organization_id", "release_id", RELEASE_ORDERS, "release_id", NEWEST,
    filters={"project": _by_project},
)  # fmt: skip

_organization_manys = {
    "projects": _own("Project", tables.ProjectRow, "organization_id", "slug"),
    "repositories": _own("Repository", tables.RepositoryRow, "organization_id", "name"),
    "environments": _own("Environment", tables.EnvironmentRow, "organization_id", "name"),
    "releases": ToMany(
        "Release", table(tables.ReleaseRow), "organization_id", None, RELEASE_ORDERS, "id", NEWEST,
        routes={"project": _releases_by_project},
    ),
}  # fmt: skip

_release_manys = {
    "projects": ToMany("Project", _links, "release_id", "project_id", ("project_id",), "project_id", Order("project_id")),
    "commits": ToMany(
        "Commit", table(tables.ReleaseCommitRow), "release_id", "commit_id", ("position",), "commit_id",
        Order("position"), dense=True, count="commit_count",
    ),
    "authors": ToMany(
        "CommitAuthor", table(tables.ReleaseAuthorRow), "release_id", "author_id", ("position",), "author_id",
        Order("position"), dense=True,
    ),
    "head_commits": _own("HeadCommit", tables.HeadCommitRow, "release_id", "id"),
    "deploys": _own("Deploy", tables.DeployRow, "release_id", "date_finished", descending=True, count="deploy_count"),
}  # fmt: skip

_organization = {"organization": ToOne("organization_id", "Organization")}

_ENTITIES: dict[str, Entity] = {
    "Token": Entity(table(tables.TokenRow), ones=_organization, filters={"id": _own_token}),
    "Organization": Entity(
        table(tables.OrganizationRow),
        manys=_organization_manys,
        filters={"id": equals("id"), "slug": equals("slug")},
        tenant="id",
    ),
    "Project": Entity(
        table(tables.ProjectRow),
        ones=_organization,
        manys={
            "releases": ToMany(
                "Release", _links, "project_id", "release_id", (*RELEASE_ORDERS, "date_shown"), "release_id", NEWEST
            )
        },
        filters={"id": equals("id"), "slug": equals("slug")},
    ),
    "Repository": Entity(table(tables.RepositoryRow), ones=_organization, filters={"id": equals("id")}),
    "Environment": Entity(table(tables.EnvironmentRow), ones=_organization, filters={"id": equals("id")}),
    "Release": Entity(
        table(tables.ReleaseRow),
        ones={
            "organization": _organization["organization"],
            "last_commit": ToOne("last_commit_id", "Commit"),
            "last_deploy": ToOne("last_deploy_id", "Deploy"),
        },
        manys=_release_manys,
        filters={
            "id": equals("id"),
            "version": equals("version"),
            "status": equals("status"),
            "version_starts_with": _version_starts_with,
            "version_contains": _version_contains,
            "has_project": _has_project,
            "project": _on_project,
            "on_projects": _on_projects,
        },
    ),
    "Commit": Entity(
        table(tables.CommitRow),
        ones={"repository": ToOne("repository_id", "Repository"), "author": ToOne("author_id", "CommitAuthor")},
        manys={
            "file_changes": _own("FileChange", tables.FileChangeRow, "commit_id", "path"),
            "releases": ToMany(
                "Release", table(tables.ReleaseCommitRow), "commit_id", "release_id", ("release_id",), "release_id",
                Order("release_id"),
            ),
        },
        filters={"id": equals("id")},
    ),
    "CommitAuthor": Entity(table(tables.CommitAuthorRow), filters={"id": equals("id")}),
    "FileChange": Entity(
        table(tables.FileChangeRow), ones={"commit": ToOne("commit_id", "Commit")}, filters={"id": equals("id")}
    ),
    "HeadCommit": Entity(
        table(tables.HeadCommitRow),
        ones={"repository": ToOne("repository_id", "Repository"), "commit": ToOne("commit_id", "Commit")},
        filters={"id": equals("id")},
    ),
    "Deploy": Entity(
        table(tables.DeployRow),
        ones={"environment": ToOne("environment_id", "Environment"), "release": ToOne("release_id", "Release")},
        manys={
            "projects": ToMany(
                "Project", table(tables.DeployProjectRow), "deploy_id", "project_id", ("project_id",), "project_id",
                Order("project_id"),
            )
        },
        filters={"id": equals("id")},
    ),
}  # fmt: skip


def _by_ids(name: str, entity: Entity) -> ToMany:
    """Give the list of all rows of an entity, to be asked for by ids."""
    ids = {"ids": _own_tokens if name == "Token" else among("id")}
    return ToMany(name, entity.table, entity.tenant, None, ("id",), "id", Order("id"), filters=ids)


_viewer = Entity(
    table(tables.TokenRow),
    ones={"token": ToOne("id", "Token")},
    manys={
        "organizations": _own("Organization", tables.OrganizationRow, "id", "slug"),
        **{f"all_{name}": _by_ids(name, entity) for name, entity in _ENTITIES.items()},
    },
    key="organization_id",
)

CATALOGUE: Mapping[str, Entity] = {"Viewer": _viewer, **_ENTITIES}
"""Every entity, by the name that selections use."""


def readable() -> dict[str, dict[str, tuple[str, bool]]]:
    """Give entity -> attribute -> (column, one or many; whether it can be NULL), for a door's check at start-up."""
    return {name: _attributes(entity) for name, entity in CATALOGUE.items()}


def _attributes(entity: Entity) -> dict[str, tuple[str, bool]]:
    columns = entity.table.c
    found = {column.name: ("column", bool(column.nullable)) for column in columns}
    found |= {name: ("one", bool(columns[one.column].nullable)) for name, one in entity.ones.items()}
    return found | dict.fromkeys(entity.manys, ("many", False))
