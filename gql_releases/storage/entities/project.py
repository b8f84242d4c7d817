"""Projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import FromClause, Select, literal_column, select

from gql_releases.domain.paging import Order
from gql_releases.domain.release import Origin
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import NEWEST_FIRST, ORGANIZATION_REFERENCE, RELEASE_ORDERS
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import ComputedReferenceQuery, Entity, ToMany, ToOne, build_own_list
from gql_releases.storage.reading.filters import bind_value, filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.deploy import CurrentDeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow

release_projects = table(ReleaseProjectRow)


def select_latest_release(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the project's newest release that a client created, or the release that runs in an environment."""
    if "environment" in binds:
        current = get_alias(CurrentDeployRow, "select_latest_release current")
        environments = get_alias(EnvironmentRow, "select_latest_release environments")
        named = [
            environments.c.organization_id == rows.c.organization_id,
            environments.c.name == bind_value(environments.c.name, binds["environment"]),
        ]
        return select(current.c.release_id).where(
            current.c.organization_id == rows.c.organization_id,
            current.c.environment_id == select(environments.c.id).where(*named).correlate(rows).scalar_subquery(),
            current.c.project_id == rows.c.id,
        )
    links = get_alias(ReleaseProjectRow, "select_latest_release links")
    releases = get_alias(ReleaseRow, "select_latest_release releases")
    return (
        select(links.c.release_id)
        .select_from(links.join(releases, releases.c.id == links.c.release_id))
        .where(
            links.c.organization_id == rows.c.organization_id,
            links.c.project_id == rows.c.id,
            releases.c.origin == literal_column(f"'{Origin.CLIENT}'"),
        )
        .order_by(links.c.date_shown.desc(), links.c.release_id.desc())
        .limit(1)
    )


ENTITIES = {
    "Project": Entity(
        table(ProjectRow),
        ones={**ORGANIZATION_REFERENCE, "default_repository": ToOne("default_repository_id", "Repository")},
        manys={
            "releases": ToMany(
                "Release",
                release_projects,
                "project_id",
                "release_id",
                (*RELEASE_ORDERS, "date_shown"),
                "release_id",
                NEWEST_FIRST,
            )
        },
        computed={"latest_release": ComputedReferenceQuery("Release", select_latest_release)},
        filters={"id": filter_equals("id"), "slug": filter_equals("slug")},
    )
}
LISTS = {
    "Organization": {"projects": build_own_list("Project", table(ProjectRow), "organization_id", "slug")},
    "Release": {
        "projects": ToMany(
            "Project", release_projects, "release_id", "project_id", ("project_id",), "project_id", Order("project_id")
        )
    },
}
