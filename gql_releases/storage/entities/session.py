"""Sessions of an organization in a period, summed by release, project, environment and interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    literal_column,
    select,
)

from gql_releases.domain.events.session_counts import COUNTED, MAX_GROUPS
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import filter_own_organization, match_places
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import ComputedColumn
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.session import SessionHourRow, SessionUserRow

GROUPS = {"by_release": "release_id", "by_project": "project_id", "by_environment": "environment_id"}
"""Argument -> the column by which it groups."""
_NULL = literal_column("NULL", Integer)


def _bind(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=Integer)


def _match_period(counters: FromClause, hour: str, binds: Mapping[str, str], dialect: Dialect) -> list[ColumnElement[bool]]:
    """Return the conditions for the hours from `since` and before `until`, and for the other arguments."""
    conditions = [counters.c[hour] >= _bind(binds["since"]), counters.c[hour] < _bind(binds["until"])]
    conditions += match_places(counters, binds, dialect)
    if "versions" in binds:
        releases = get_alias(ReleaseRow, "match_period releases")
        named = [filter_own_organization(releases), dialect.is_among(releases.c.version, binds["versions"])]
        conditions.append(counters.c.release_id.in_(select(releases.c.id).where(*named)))
    return conditions


def _pack_groups(grouped: FromClause, counts: list[str], binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Pack groups as [version, project's id, environment, interval, counts ...]; what they are not grouped by is null."""
    keys: dict[str, ColumnElement[Any]] = {name: _NULL.label(name) for name in ("version", "project_id", "name", "bucket")}
    if "by_release" in binds:
        releases = get_alias(ReleaseRow, "pack_groups releases")
        of_group = releases.c.id == grouped.c.release_id
        version = select(releases.c.version).where(filter_own_organization(releases), of_group)
        keys["version"] = version.correlate(grouped).scalar_subquery().label("version")
    if "by_project" in binds:
        keys["project_id"] = grouped.c.project_id
    if "by_environment" in binds:
        environments = get_alias(EnvironmentRow, "pack_groups environments")
        of_group = environments.c.id == grouped.c.environment_id
        name = select(environments.c.name).where(filter_own_organization(environments), of_group)
        keys["name"] = name.correlate(grouped).scalar_subquery().label("name")
    if "interval" in binds:
        keys["bucket"] = grouped.c.bucket
    columns = [*keys.values(), *[grouped.c[count] for count in counts]]
    shown = select(*columns).select_from(grouped).subquery()
    return select(dialect.pack_rows(list(shown.c))).scalar_subquery()


def select_session_counts(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select the sums of COUNTED by group and, with `interval` (hours), by interval from `since`."""
    hours = get_alias(SessionHourRow, "select_session_counts hours")
    projects = get_alias(ProjectRow, "select_session_counts projects")
    of_project = and_(hours.c.organization_id == projects.c.organization_id, hours.c.project_id == projects.c.id)
    keys = [hours.c[column] for name, column in GROUPS.items() if name in binds]
    if "interval" in binds:
        keys.append(((hours.c.hour - _bind(binds["since"])) / _bind(binds["interval"])).label("bucket"))
    listed = (
        select(*keys, *[hours.c[name] for name in COUNTED])
        .select_from(dialect.join(projects, hours, of_project))
        .where(filter_own_organization(projects), *_match_period(hours, "hour", binds, dialect))
        .subquery()
    )
    names = [column.name for column in keys]
    sums = [cast(func.coalesce(func.sum(listed.c[name]), 0), BigInteger).label(name) for name in COUNTED]
    grouped = (
        select(*[listed.c[name] for name in names], *sums)
        .group_by(*[listed.c[name] for name in names])
        .order_by(*[listed.c[name] for name in names])
        .limit(MAX_GROUPS + 1)
        .subquery()
    )
    return _pack_groups(grouped, list(COUNTED), binds, dialect)


def select_session_user_counts(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select the number of users whose last session began in the period, and of those with a crash, by group."""
    users = get_alias(SessionUserRow, "select_session_user_counts users")
    # The index of the hours finds the rows of the period; that of the groups would read all rows in their order.
    keys = [dialect.avoid_index(users.c[column]).label(column) for name, column in GROUPS.items() if name in binds]
    grouped = (
        select(
            *keys,
            func.count(distinct(users.c.user_hash)).label("users"),
            func.count(distinct(case((users.c.crashed, users.c.user_hash)))).label("crashed_users"),
        )
        .where(filter_own_organization(users), *_match_period(users, "last_hour", binds, dialect))
        .group_by(*keys)
        .order_by(*keys)
        .limit(MAX_GROUPS + 1)
        .subquery()
    )
    return _pack_groups(grouped, ["users", "crashed_users"], binds, dialect)


COLUMNS = {
    "Organization": {
        "session_counts": ComputedColumn(select_session_counts, nullable=False, scans=True),
        "session_user_counts": ComputedColumn(select_session_user_counts, nullable=False, scans=True),
    }
}
