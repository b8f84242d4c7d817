"""The health of a release, computed from its sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Select,
    Text,
    and_,
    case,
    cast,
    distinct,
    exists,
    func,
    literal_column,
    select,
    tuple_,
)

from gql_releases.domain.events.session_counts import COUNTED
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import select_environment_id, select_project_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import ComputedColumn, ComputedReferenceQuery
from gql_releases.storage.schema.tables.release import ReleaseProjectRow
from gql_releases.storage.schema.tables.session import SessionHourRow, SessionUserRow

ADOPTION_HOURS = 24
MAX_PREVIOUS = 100
"""Earlier releases of a project that are looked at for sessions."""


def _match_place(counters: FromClause, binds: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the conditions for the project and the environment in the arguments."""
    conditions = []
    if "project" in binds:
        conditions.append(counters.c.project_id == select_project_id(binds["project"]))
    if "environment" in binds:
        conditions.append(counters.c.environment_id == select_environment_id(binds["environment"]))
    return conditions


def _match_release(counters: FromClause, rows: FromClause, binds: Mapping[str, str]) -> list[ColumnElement[bool]]:
    same = [counters.c.organization_id == rows.c.organization_id, counters.c.release_id == rows.c.id]
    return [*same, *_match_place(counters, binds)]


def _join_texts(*numbers: ColumnElement[Any]) -> ColumnElement[str]:
    """Return numbers as one text, separated by spaces: their rows are read once for all of them."""
    text: ColumnElement[str] = cast(func.coalesce(numbers[0], 0), Text)
    for number in numbers[1:]:
        text = text + literal_column("' '", Text) + cast(func.coalesce(number, 0), Text)
    return text


def select_session_totals(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select the sums of COUNTED over a release's hours."""
    hours = get_alias(SessionHourRow, "select_session_totals hours")
    totals = _join_texts(*[func.sum(hours.c[name]) for name in COUNTED])
    return select(totals).where(*_match_release(hours, rows, binds)).correlate(rows).scalar_subquery()


def select_session_users(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select the number of a release's users, of those with a crash, and of its sessions."""
    users = get_alias(SessionUserRow, "select_session_users users")
    hours = get_alias(SessionHourRow, "select_session_users hours")
    crashed = case((users.c.crashed, users.c.user_hash))
    sessions = select(func.sum(hours.c.sessions)).where(*_match_release(hours, rows, binds)).correlate(rows)
    totals = _join_texts(func.count(distinct(users.c.user_hash)), func.count(distinct(crashed)), sessions.scalar_subquery())
    return select(totals).where(*_match_release(users, rows, binds)).correlate(rows).scalar_subquery()


def select_adoption(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[Any]:
    """Select the release's share of the sessions of its projects in the last hours; NULL if there were none."""
    own = get_alias(SessionHourRow, "select_adoption own")
    hours = get_alias(SessionHourRow, "select_adoption hours")
    links = get_alias(ReleaseProjectRow, "select_adoption links")
    since = dialect.current_hour() - ADOPTION_HOURS
    mine = select(func.sum(own.c.sessions)).where(*_match_release(own, rows, binds), own.c.hour > since)
    of_project = and_(hours.c.organization_id == links.c.organization_id, hours.c.project_id == links.c.project_id)
    every = (
        select(func.sum(hours.c.sessions))
        .select_from(dialect.join(links, hours, of_project))
        .where(
            links.c.organization_id == rows.c.organization_id,
            links.c.release_id == rows.c.id,
            hours.c.hour > since,
            *_match_place(hours, binds),
        )
    )
    shares = [statement.correlate(rows).scalar_subquery() for statement in (mine, every)]
    return cast(func.coalesce(shares[0], 0), Float) / func.nullif(shares[1], 0)


def select_with_sessions(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the release itself if it has sessions."""
    hours = get_alias(SessionHourRow, "select_with_sessions hours")
    return select(hours.c.release_id).where(*_match_release(hours, rows, binds)).limit(1)


def select_previous_with_sessions(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the release of a project that shipped before this one and has sessions.

    Without a project in the arguments it is the release's first one.
    """
    own = get_alias(ReleaseProjectRow, "select_previous_with_sessions own")
    other = get_alias(ReleaseProjectRow, "select_previous_with_sessions other")
    hours = get_alias(SessionHourRow, "select_previous_with_sessions hours")
    of_release = [own.c.organization_id == rows.c.organization_id, own.c.release_id == rows.c.id]
    if "project" in binds:
        of_release.append(own.c.project_id == select_project_id(binds["project"]))
    project, place = (
        select(*columns).where(*of_release).order_by(own.c.project_id).limit(1).correlate(rows).scalar_subquery()
        for columns in ([own.c.project_id], [own.c.date_shown, own.c.release_id])
    )
    earlier = (
        select(other.c.organization_id, other.c.release_id, other.c.project_id, other.c.date_shown)
        .where(
            other.c.organization_id == rows.c.organization_id,
            other.c.project_id == project,
            tuple_(other.c.date_shown, other.c.release_id) < place,
        )
        .order_by(other.c.date_shown.desc(), other.c.release_id.desc())
        .limit(MAX_PREVIOUS)
        .correlate(rows)
        .subquery()
    )
    of_earlier = [
        hours.c.organization_id == earlier.c.organization_id,
        hours.c.release_id == earlier.c.release_id,
        *_match_place(hours, binds),
    ]
    return (
        select(earlier.c.release_id)
        .where(exists(select(hours.c.release_id).where(*of_earlier)))
        .order_by(earlier.c.date_shown.desc(), earlier.c.release_id.desc())
        .limit(1)
    )


REFERENCES = {
    "Release": {
        "with_sessions": ComputedReferenceQuery("Release", select_with_sessions),
        "previous_with_sessions": ComputedReferenceQuery("Release", select_previous_with_sessions),
    }
}
COLUMNS = {
    "Release": {
        "session_totals": ComputedColumn(select_session_totals, nullable=False),
        "session_users": ComputedColumn(select_session_users, nullable=False, scans=True),
        "adoption": ComputedColumn(select_adoption),
    }
}
