"""Events, and what releases and issues count of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, cast, func, select

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.issue import select_release_id
from gql_releases.storage.entities.shared import match_places, select_environment_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import BuildColumn, ComputedColumn, Entity, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import EventRow, ReleaseEventsRow


def _filter_release(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return rows.c.release_id == select_release_id(name)


def _filter_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return rows.c.environment_id == select_environment_id(name)


def _aggregate(function: str, column: str) -> BuildColumn:
    """Return an aggregate of what a release's projects and environments count of events; a sum without rows is 0.

    Its arguments are lists: `projects`, of ids, and `environments`, of names.
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
        "new_issue_count": ComputedColumn(_aggregate("sum", "new_issues"), nullable=False),
    }
}
