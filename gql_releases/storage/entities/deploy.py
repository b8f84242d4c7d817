"""Deploys."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, FromClause, and_, exists, select, tuple_

from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.types import Id
from gql_releases.storage.entities.shared import (
    build_compared_list,
    filter_own_organization,
    filter_release_between,
    select_project_id,
)
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import Entity, ToMany, ToOne, build_own_list
from gql_releases.storage.reading.filters import bind_value, filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.deploy import DeployProjectRow, DeployRow


def filter_external_id(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match deploys with an external id in a project; the value is (the project's slug, the external id)."""
    links = get_alias(DeployProjectRow, "filter_external_id links")
    same = [
        links.c.project_id == select_project_id(f"{name}_0"),
        links.c.external_id == bind_value(links.c.external_id, f"{name}_1"),
    ]
    return rows.c.id.in_(select(links.c.deploy_id).where(filter_own_organization(links), *same))


def filter_last_deploy(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match finished deploys that are the last of their release in their environment for one of their projects."""
    return _filter_last_finished(rows)


def filter_last_deploy_of_projects(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match such deploys for one of the projects of a list."""
    return _filter_last_finished(rows, lambda own: own.c.project_id.in_(select(dialect.list_items(name, Id).c.value)))


def _filter_last_finished(rows: FromClause, *more: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    own = get_alias(DeployProjectRow, "last_deploy own")
    others = get_alias(DeployProjectRow, "last_deploy others")
    later = get_alias(DeployRow, "last_deploy later")
    after = exists(
        select(later.c.id)
        .join_from(
            later, others, and_(others.c.organization_id == later.c.organization_id, others.c.deploy_id == later.c.id)
        )
        .where(
            later.c.organization_id == rows.c.organization_id,
            later.c.release_id == rows.c.release_id,
            later.c.environment_id == rows.c.environment_id,
            later.c.date_finished.is_not(None),
            tuple_(later.c.finish_order, later.c.id) > tuple_(rows.c.finish_order, rows.c.id),
            others.c.project_id == own.c.project_id,
        )
        .correlate(rows, own)
    )
    same = [own.c.organization_id == rows.c.organization_id, own.c.deploy_id == rows.c.id]
    projects = select(own.c.project_id).where(*same, *(condition(own) for condition in more), ~after)
    return and_(rows.c.date_finished.is_not(None), exists(projects))


ENTITIES = {
    "Deploy": Entity(
        table(DeployRow),
        ones={
            "environment": ToOne("environment_id", "Environment"),
            "release": ToOne("release_id", "Release"),
            "previous_release": ToOne("previous_release_id", "Release"),
        },
        manys={
            "projects": ToMany(
                "Project", table(DeployProjectRow), "deploy_id", "project_id", ("project_id",), "project_id",
                Order("project_id"),
            )
        },
        filters={
            "id": filter_equals("id"),
            "named": filter_external_id,
            "last": filter_last_deploy,
            "last_of": filter_last_deploy_of_projects,
        },
    )
}  # fmt: skip
LISTS = {
    "Organization": {
        "compared_deploys": build_compared_list(
            "Deploy", table(DeployRow), "finish_order", filter_release_between("release_id"), descending=True
        )
    },
    "Release": {
        "deploys": build_own_list(
            "Deploy", table(DeployRow), "release_id", "finish_order", descending=True, count="deploy_count"
        )
    },
    "Environment": {
        "deploys": build_own_list("Deploy", table(DeployRow), "environment_id", "finish_order", descending=True)
    },
}
