"""Environments."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, exists

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import ORGANIZATION_REFERENCE, select_deploys_for
from gql_releases.storage.reading.entity import Entity, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_among, filter_equals, filter_nothing
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.deploy import CurrentDeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow


def filter_deployed_for_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match environments with a deploy of a project; the value is the project's id."""
    deploys, statement = select_deploys_for(name)
    same = [deploys.c.organization_id == rows.c.organization_id, deploys.c.environment_id == rows.c.id]
    return exists(statement.where(*same))


ENTITIES = {
    "Environment": Entity(
        table(EnvironmentRow),
        ones=ORGANIZATION_REFERENCE,
        manys={"current": build_own_list("CurrentDeploy", table(CurrentDeployRow), "environment_id", "id")},
        filters={
            "id": filter_equals("id"),
            "names": filter_among("name"),
            "of_project": filter_deployed_for_project,
            "nothing": filter_nothing,
        },
    ),
    "CurrentDeploy": Entity(
        table(CurrentDeployRow),
        ones={
            "environment": ToOne("environment_id", "Environment"),
            "project": ToOne("project_id", "Project"),
            "deploy": ToOne("deploy_id", "Deploy"),
            "release": ToOne("release_id", "Release"),
        },
        filters={"id": filter_equals("id")},
    ),
}
LISTS = {"Organization": {"environments": build_own_list("Environment", table(EnvironmentRow), "organization_id", "name")}}
