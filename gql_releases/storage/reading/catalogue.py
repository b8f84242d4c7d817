"""What can be read: entities and their attributes, in the names that selections use, over the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import FromClause, Table, and_

from gql_releases.domain.paging import Order
from gql_releases.storage.reading.derived import (
    placed_commits,
    release_file_changes,
    release_repositories,
    shown_commits,
)
from gql_releases.storage.reading.filters import (
    RELEASE_FILTERS,
    Filter,
    among,
    author_between,
    between,
    by_project,
    commit_between,
    environment_of,
    equals,
    last_deploy,
    last_deploy_of,
    named_deploy,
    nothing,
    own_token,
    own_tokens,
    release_between,
)
from gql_releases.storage.reading.picks import (
    Pick,
    compared_head,
    latest_release,
    previous_release,
    previous_with_commits,
    release_containing,
    release_of_version,
    upstream,
)
from gql_releases.storage.schema import tables
from gql_releases.storage.schema.tables import table


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
    is the entity's column that keeps the list's length. `routes`: a filter that makes another table drive. `checked`:
    columns whose index is not to be walked, because a filter that always stands finds the few rows that there are. `whole`:
    a page, however short, is found by looking at the whole list. `counted`: a column whose different values are counted.
    """

    target: str
    table: FromClause
    parent: str
    child: str | None
    orders: tuple[str, ...]
    tie: str
    default: Order
    dense: bool = False
    count: str | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    routes: Mapping[str, ToMany] = field(default_factory=dict)
    checked: tuple[str, ...] = ()
    whole: bool = False
    counted: str | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """Something with rows: its columns are its attributes.

    `tenant` is the column that holds its organization, `key` the one that its lists point to.
    """

    table: Table
    ones: Mapping[str, ToOne] = field(default_factory=dict)
    manys: Mapping[str, ToMany] = field(default_factory=dict)
    picks: Mapping[str, Pick] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    tenant: str = "organization_id"
    key: str = "id"


def _own(target: str, row: Any, parent: str, order: str, **more: Any) -> ToMany:
    """A list of the target's own rows, in one order."""
    return ToMany(target, table(row), parent, None, (order,), "id", Order(order, more.pop("descending", False)), **more)


RELEASE_ORDERS = ("date_created", "release_order", "semver_key", "build_number")
NEWEST = Order("date_created", descending=True)


def _compared(target: str, row: Any, order: str, filter: Filter, *, checked: tuple[str, ...] = (), **more: Any) -> ToMany:
    """A list of what is between two releases of a project."""
    return _own(target, row, "organization_id", order, filters={"between": filter}, checked=(order, *checked), **more)


_links = table(tables.ReleaseProjectRow)
_releases_by_project = ToMany(
    "Release", _links, "organization_id", "release_id", RELEASE_ORDERS, "release_id", NEWEST,
    filters={"project": by_project},
)  # fmt: skip

_organization_manys = {
    "projects": _own("Project", tables.ProjectRow, "organization_id", "slug"),
    "repositories": _own("Repository", tables.RepositoryRow, "organization_id", "name"),
    "environments": _own("Environment", tables.EnvironmentRow, "organization_id", "name"),
    "releases": ToMany(
        "Release", table(tables.ReleaseRow), "organization_id", None, RELEASE_ORDERS, "id", NEWEST,
        routes={"project": _releases_by_project},
    ),
    "compared_releases": ToMany(
        "Release", _links, "organization_id", "release_id", ("date_shown",), "release_id",
        Order("date_shown", descending=True), filters={"between": lambda links, name, dialect: and_(*between(links, name))},
    ),
    "compared_commits": ToMany(
        "Commit", placed_commits(), "organization_id", None, ("place",), "id", Order("place"),
        filters={"between": commit_between("id")}, checked=("organization_id",),
    ),
    "compared_authors": _compared(
        "CommitAuthor", tables.CommitAuthorRow, "email", author_between, checked=("organization_id",)
    ),
    "compared_file_changes": _compared("FileChange", tables.FileChangeRow, "path", commit_between("commit_id")),
    "compared_deploys": _compared(
        "Deploy", tables.DeployRow, "finish_order", release_between("release_id"), descending=True
    ),
}  # fmt: skip

# Derived lists are asked for with the release as a condition as well: SQLite takes a value, and not a parent's key, down
# into the select, and would otherwise make the list of all releases first.
_of_release: dict[str, Filter] = {"release": equals("release_id")}

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
    "shown_commits": ToMany(
        "Commit", shown_commits(), "release_id", "commit_id", ("position",), "commit_id", Order("position"),
        filters=_of_release,
    ),
    "file_changes": ToMany(
        "FileChange", release_file_changes(), "release_id", "change_id", ("path",), "change_id", Order("path"),
        filters=_of_release | {"repository": equals("repository_id")}, whole=True,
    ),
    "changed_paths": ToMany(
        "FileChange", release_file_changes(), "release_id", "change_id", ("path",), "change_id", Order("path"),
        filters=_of_release, whole=True, counted="path",
    ),
    "repositories": ToMany(
        "Repository", release_repositories(), "release_id", "repository_id", ("repository_id",), "repository_id",
        Order("repository_id"), filters=_of_release,
    ),
    "head_commits": _own("HeadCommit", tables.HeadCommitRow, "release_id", "id"),
    "deploys": _own("Deploy", tables.DeployRow, "release_id", "finish_order", descending=True, count="deploy_count"),
}  # fmt: skip

_organization = {"organization": ToOne("organization_id", "Organization")}

_ENTITIES: dict[str, Entity] = {
    "Token": Entity(table(tables.TokenRow), ones=_organization, filters={"id": own_token}),
    "Organization": Entity(
        table(tables.OrganizationRow),
        manys=_organization_manys,
        picks={
            "release_containing": Pick("Release", release_containing),
            "compared_head": Pick("Release", compared_head),
            "release_of_version": Pick("Release", release_of_version),
        },
        filters={"id": equals("id"), "slug": equals("slug")},
        tenant="id",
    ),
    "Project": Entity(
        table(tables.ProjectRow),
        ones={**_organization, "default_repository": ToOne("default_repository_id", "Repository")},
        manys={
            "releases": ToMany(
                "Release", _links, "project_id", "release_id", (*RELEASE_ORDERS, "date_shown"), "release_id", NEWEST
            )
        },
        picks={"latest_release": Pick("Release", latest_release)},
        filters={"id": equals("id"), "slug": equals("slug")},
    ),
    "Repository": Entity(
        table(tables.RepositoryRow), ones=_organization, filters={"id": equals("id"), "name": equals("name")}
    ),
    "Environment": Entity(
        table(tables.EnvironmentRow),
        ones=_organization,
        manys={
            "current": _own("CurrentDeploy", tables.CurrentDeployRow, "environment_id", "id"),
            "deploys": _own("Deploy", tables.DeployRow, "environment_id", "finish_order", descending=True),
        },
        filters={"id": equals("id"), "names": among("name"), "of_project": environment_of, "nothing": nothing},
    ),
    "CurrentDeploy": Entity(
        table(tables.CurrentDeployRow),
        ones={
            "environment": ToOne("environment_id", "Environment"),
            "project": ToOne("project_id", "Project"),
            "deploy": ToOne("deploy_id", "Deploy"),
            "release": ToOne("release_id", "Release"),
        },
        filters={"id": equals("id")},
    ),
    "Release": Entity(
        table(tables.ReleaseRow),
        ones={
            "organization": _organization["organization"],
            "last_commit": ToOne("last_commit_id", "Commit"),
            "last_deploy": ToOne("last_deploy_id", "Deploy"),
        },
        manys=_release_manys,
        picks={
            "previous": Pick("Release", previous_release),
            "with_commits": Pick("Release", previous_with_commits),
            "upstream": Pick("Upstream", upstream),
        },
        filters=RELEASE_FILTERS,
    ),
    "Upstream": Entity(table(tables.UpstreamReleaseRow)),
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
        filters={"id": equals("id"), "repository": equals("repository_id")},
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
        ones={
            "environment": ToOne("environment_id", "Environment"),
            "release": ToOne("release_id", "Release"),
            "previous_release": ToOne("previous_release_id", "Release"),
        },
        manys={
            "projects": ToMany(
                "Project", table(tables.DeployProjectRow), "deploy_id", "project_id", ("project_id",), "project_id",
                Order("project_id"),
            )
        },
        filters={"id": equals("id"), "named": named_deploy, "last": last_deploy, "last_of": last_deploy_of},
    ),
}  # fmt: skip


def _by_ids(name: str, entity: Entity) -> ToMany:
    """Give the list of all rows of an entity, to be asked for by ids."""
    ids = {"ids": own_tokens if name == "Token" else among("id")}
    return ToMany(name, entity.table, entity.tenant, None, ("id",), "id", Order("id"), filters=ids, checked=(entity.tenant,))


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
    """Give entity -> attribute -> (column, one, pick or many; whether it can be NULL), for a door's check at start-up."""
    return {name: _attributes(entity) for name, entity in CATALOGUE.items()}


def _attributes(entity: Entity) -> dict[str, tuple[str, bool]]:
    columns = entity.table.c
    found = {column.name: ("column", bool(column.nullable)) for column in columns}
    found |= {name: ("one", bool(columns[one.column].nullable)) for name, one in entity.ones.items()}
    found |= dict.fromkeys(entity.picks, ("pick", True))
    return found | dict.fromkeys(entity.manys, ("many", False))
