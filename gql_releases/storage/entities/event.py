"""Events, and what releases and issues count of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, cast, exists, func, select

from gql_releases.domain.paging import WHOLE_LIST_SIZE
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.issue import select_release_id
from gql_releases.storage.entities.shared import match_places, select_environment_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import BuildColumn, ComputedColumn, Entity, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import EventRow, ReleaseEventsRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow
from gql_releases.storage.schema.tables.session import SessionHourRow


def _filter_release(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return rows.c.release_id == select_release_id(name)


def _filter_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return rows.c.environment_id == select_environment_id(name)


def _aggregate(function: str, column: str) -> BuildColumn:
    """Return an aggregate of what a release's projects and environments count of events; a sum without rows is 0.

    Its arguments are those of match_places.
    """

    def build(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[Any]:
        counters = get_alias(ReleaseEventsRow, "aggregate counters")
        value: ColumnElement[Any] = getattr(func, function)(counters.c[column])
        if function == "sum":
            value = cast(func.coalesce(value, 0), BigInteger)
        same = [counters.c.organization_id == rows.c.organization_id, counters.c.release_id == rows.c.id]
        place = match_places(counters, binds, dialect)
        return select(value).where(*same, *place).correlate(rows).scalar_subquery()

    return build


def select_counted_projects(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select a release's projects, as a JSON array of [id, slug, name, new issues, whether it has sessions], by id.

    Arguments as those of `_aggregate` narrow the new issues.
    """
    links = get_alias(ReleaseProjectRow, "select_counted_projects links")
    projects = get_alias(ProjectRow, "select_counted_projects projects")
    counters = get_alias(ReleaseEventsRow, "select_counted_projects counters")
    hours = get_alias(SessionHourRow, "select_counted_projects hours")
    counted, of_hours = (
        [
            counts.c.organization_id == links.c.organization_id,
            counts.c.release_id == links.c.release_id,
            counts.c.project_id == links.c.project_id,
        ]
        for counts in (counters, hours)
    )
    new_issues = select(func.coalesce(func.sum(counters.c.new_issues), 0)).where(
        *counted, *match_places(counters, binds, dialect)
    )
    shown = (
        select(
            projects.c.id,
            projects.c.slug,
            projects.c.name,
            cast(new_issues.correlate(links).scalar_subquery(), BigInteger).label("new_issues"),
            exists(select(hours.c.hour).where(*of_hours)).correlate(links).label("has_sessions"),
        )
        .select_from(dialect.join(links, projects, projects.c.id == links.c.project_id))
        .where(links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id)
        .order_by(links.c.project_id)
        .limit(WHOLE_LIST_SIZE)
        .correlate(rows)
        .subquery()
    )
    return select(dialect.pack_rows(list(shown.c))).correlate(rows).scalar_subquery()


ENTITIES = {
    "Event": Entity(
        table(EventRow),
        ones={
            "project": ToOne("project_id", "Project"),
            "issue": ToOne("issue_id", "Issue"),
            "release": ToOne("release_id", "Release"),
            "environment": ToOne("environment_id", "Environment"),
        },
        filters={
            "id": filter_equals("id"),
            "event_id": filter_equals("event_id"),
            "of_project_id": filter_equals("project_id"),
            "seen_in": _filter_release,
            "environment": _filter_environment,
        },
        null_with={"sdk_version": "sdk_name"},
    )
}
LISTS = {
    owner: {"events": build_own_list("Event", table(EventRow), column, "timestamp", descending=True)}
    for owner, column in (("Issue", "issue_id"), ("Project", "project_id"))
}
COLUMNS = {
    "Release": {
        "first_event": ComputedColumn(_aggregate("min", "first_event")),
        "last_event": ComputedColumn(_aggregate("max", "last_event")),
        "event_count": ComputedColumn(_aggregate("sum", "events"), nullable=False),
        "counted_projects": ComputedColumn(select_counted_projects, nullable=False),
        "new_issue_count": ComputedColumn(_aggregate("sum", "new_issues"), nullable=False),
    }
}
