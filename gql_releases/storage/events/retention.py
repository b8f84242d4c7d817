"""Deletes old events and counters in batches; on PostgreSQL also whole days of events.

The first event of an issue is never deleted. Each deletion is a transaction of its own: what was deleted stays deleted where
a later one fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Integer, Table, Text, and_, bindparam, column, delete, func, or_, select, text, update

from gql_releases.domain.dates import parse_date
from gql_releases.domain.events.event_batch import SECONDS_PER_DAY, SECONDS_PER_HOUR
from gql_releases.domain.events.retention import ExpiringTable, choose_kept
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.merges import update_rows
from gql_releases.storage.engine.natural_keys import match_ids
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.event import (
    DeletedReleaseRow,
    EventHourRow,
    EventRow,
    IngestHourRow,
    OutcomeRow,
    is_partition,
)
from gql_releases.storage.schema.tables.issue import IssueRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.session import LiveSessionRow, SessionHourRow, SessionUserRow

BATCH_ROWS = 500
"""Events that one transaction deletes."""
KEPT_DAY = 0
"""The day of an issue's first event whose own day was dropped: it is in the default partition."""
BEGIN_OF_TIME = "0001-01-01T00:00:00.000000Z"

events, issues, projects = table(EventRow), table(IssueRow), table(ProjectRow)
ingest_hours, session_hours = table(IngestHourRow), table(SessionHourRow)
environments, organizations = table(EnvironmentRow), table(OrganizationRow)
session_users, live_sessions, deleted_releases = table(SessionUserRow), table(LiveSessionRow), table(DeletedReleaseRow)

_HAS_PARTITIONS = attrgetter("has_partitions")
_BEFORE = bindparam("before", type_=UtcDateTime)
_HOUR = bindparam("hour", type_=Integer)
_SINCE = bindparam("since", type_=UtcDateTime)


class ProjectPlace(NamedTuple):
    """A project and its organization."""

    organization_id: int
    project_id: int


class StoredEvent(NamedTuple):
    """An event, the hour in which it was received, the bytes of its body, and whether it is the first of its issue."""

    id: int
    timestamp: str
    received: str
    release_id: int | None
    size: int
    is_first: bool


class PartitionRow(NamedTuple):
    """The name of a partition."""

    name: str


class NumberRow(NamedTuple):
    """A number of rows, or of bytes."""

    number: int


class DayRow(NamedTuple):
    """A row of a day."""

    day: int


_earlier = events.alias("earlier")
_IS_FIRST = events.c.id == (
    select(_earlier.c.id)
    .where(_earlier.c.organization_id == events.c.organization_id, _earlier.c.issue_id == events.c.issue_id)
    .order_by(_earlier.c.timestamp, _earlier.c.id)
    .limit(1)
    .correlate(events)
    .scalar_subquery()
)
_EVENT = select(
    events.c.id,
    events.c.timestamp,
    events.c.received,
    events.c.release_id,
    func.length(events.c.body).label("size"),
    _IS_FIRST.label("is_first"),
).order_by(events.c.timestamp, events.c.id)

LIST_ORGANIZATIONS = RowStatement(
    "retention.list_organizations", IdRow, select(organizations.c.id).order_by(organizations.c.id)
)
LIST_PROJECTS = RowStatement(
    "retention.list_projects", ProjectPlace, select(projects.c.organization_id, projects.c.id).order_by(projects.c.id)
)
LIST_ENVIRONMENTS = RowStatement(
    "retention.list_environments", IdRow, select(environments.c.id).where(*match_ids(environments, "organization_id"))
)
LIST_EVENTS_OF_PROJECT = RowStatement(
    "retention.list_events_of_project",
    StoredEvent,
    _EVENT.where(
        *match_ids(events, "organization_id", "project_id"),
        events.c.timestamp < _BEFORE,
        events.c.timestamp >= _SINCE,
        or_(events.c.timestamp > _SINCE, events.c.id > bindparam("after", type_=Id)),
    ).limit(BATCH_ROWS),
)
LIST_EVENTS_OF_ISSUE = RowStatement(
    "retention.list_events_of_issue",
    StoredEvent,
    _EVENT.where(*match_ids(events, "organization_id", "issue_id"), events.c.received < _BEFORE),
)
LIST_RECENT_ISSUES = RowStatement(
    "retention.list_recent_issues",
    IdRow,
    select(issues.c.id)
    .where(*match_ids(issues, "organization_id", "project_id"), issues.c.last_seen >= _SINCE)
    .order_by(issues.c.last_seen, issues.c.id),
)
DELETE_EVENTS = RowStatement(
    "retention.delete_events",
    IdRow,
    lambda dialect: (
        delete(events)
        .where(*match_ids(events, "organization_id"), dialect.is_among(events.c.id, "ids"))
        .returning(events.c.id)
    ),
)
SUBTRACT_BYTES = update_rows(
    "retention.subtract_bytes",
    ingest_hours,
    ("project_id", "hour"),
    {"removed": Id},
    lambda values: {"bytes": ingest_hours.c.bytes - values["removed"]},
)
SUM_BYTES = RowStatement(
    "retention.sum_bytes",
    NumberRow,
    select(func.coalesce(func.sum(ingest_hours.c.bytes), 0)).where(
        *match_ids(ingest_hours, "organization_id", "project_id")
    ),
)

LIST_PARTITIONS = RowStatement(
    "retention.list_partitions",
    PartitionRow,
    text(
        "SELECT relname::text AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'events'::regclass ORDER BY relname"
    ).columns(column("name", Text)),
    _HAS_PARTITIONS,
)
FIND_IN_DEFAULT_PARTITION = RowStatement(
    "retention.find_in_default_partition",
    DayRow,
    text("SELECT day FROM events_default WHERE day >= :first AND day < :last LIMIT 1").columns(column("day", Integer)),
    _HAS_PARTITIONS,
)
KEEP_FIRST_EVENTS = Statement(
    "retention.keep_first_events",
    update(events).values(day=KEPT_DAY).where(events.c.day == bindparam("old_day", type_=Integer), _IS_FIRST),
    _HAS_PARTITIONS,
)


def _create_partition(day: int) -> Statement:
    create = text(f"CREATE TABLE IF NOT EXISTS events_{day} PARTITION OF events FOR VALUES FROM ({day}) TO ({day + 1})")
    return Statement("retention.create_partition", create, _HAS_PARTITIONS)


def _drop_partition(day: int) -> Statement:
    return Statement("retention.drop_partition", text(f"DROP TABLE IF EXISTS events_{day}"), _HAS_PARTITIONS)


@dataclass(frozen=True, slots=True)
class Expiry:
    """The statements that count and delete the old rows of a table."""

    count: RowStatement[NumberRow]
    delete: Statement


def _build_expiry(target: Table, *conditions: Any) -> Expiry:
    matching = and_(*conditions)
    return Expiry(
        RowStatement(f"retention.count_{target.name}", NumberRow, select(func.count()).select_from(target).where(matching)),
        Statement(f"retention.delete_{target.name}", delete(target).where(matching)),
    )


def _build_hour_expiry(target: Table) -> Expiry:
    return _build_expiry(target, *match_ids(target, "organization_id", "project_id"), target.c.hour < _HOUR)


def _build_organization_expiry(target: Table, condition: Any) -> Expiry:
    return _build_expiry(target, *match_ids(target, "organization_id"), condition)


EXPIRIES = {
    ExpiringTable.EVENT_HOURS: _build_hour_expiry(table(EventHourRow)),
    ExpiringTable.INGEST_HOURS: _build_hour_expiry(ingest_hours),
    ExpiringTable.OUTCOMES: _build_hour_expiry(table(OutcomeRow)),
    ExpiringTable.SESSION_HOURS: _build_expiry(
        session_hours,
        *match_ids(session_hours, "organization_id", "project_id", "environment_id"),
        session_hours.c.hour < _HOUR,
    ),
    ExpiringTable.SESSION_USERS: _build_organization_expiry(session_users, session_users.c.last_hour < _HOUR),
    ExpiringTable.LIVE_SESSIONS: _build_organization_expiry(live_sessions, live_sessions.c.date_updated < _BEFORE),
    ExpiringTable.DELETED_RELEASES: _build_organization_expiry(deleted_releases, deleted_releases.c.date_deleted < _BEFORE),
}


class RetentionStore:
    """Events and counters that may be deleted. Methods with `dry_run` only count them; all raise Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_organizations(self) -> list[int]:
        """Return the ids of all organizations."""
        return [row.id for row in await self._fetch(LIST_ORGANIZATIONS, {})]

    async def list_projects(self) -> list[ProjectPlace]:
        """Return all projects with their organizations."""
        return await self._fetch(LIST_PROJECTS, {})

    async def create_partitions(self, first_day: int, days: int) -> None:
        """Make the partitions of some days where the database has partitions; not where the default one has such a day."""
        if not self._database.dialect.has_partitions:
            return
        names = {row.name for row in await self._fetch(LIST_PARTITIONS, {})}
        for day in range(first_day, first_day + days):
            if f"events_{day}" not in names and not await self._fetch(
                FIND_IN_DEFAULT_PARTITION, {"first": day, "last": day + 1}
            ):
                await self._run(_create_partition(day), {})

    async def drop_partitions(self, before: datetime) -> None:
        """Drop the days that ended before a time, but for the first events of issues."""
        if not self._database.dialect.has_partitions:
            return
        last_day = int(before.timestamp()) // SECONDS_PER_DAY
        for row in await self._fetch(LIST_PARTITIONS, {}):
            day = row.name.rpartition("_")[2]
            if is_partition(row.name) and day.isdigit() and int(day) < last_day:
                await self._drop_partition(int(day))

    async def _drop_partition(self, day: int) -> None:
        async def work(transaction: Transaction) -> None:
            await transaction.execute(KEEP_FIRST_EVENTS, {"old_day": day})
            await transaction.execute(_drop_partition(day), {})

        await self._database.write(work, large=True)

    async def delete_events_before(self, place: ProjectPlace, before: datetime, *, dry_run: bool) -> int:
        """Delete a project's events before a time and return their number."""
        number = 0
        async for batch in self._list_events(place, before):
            number += await self._delete_events(place, batch, dry_run=dry_run)
        return number

    async def delete_events_beyond(self, place: ProjectPlace, max_bytes: int, before: datetime, *, dry_run: bool) -> int:
        """Delete a project's oldest events until the bodies of the others have at most `max_bytes`; return their number."""
        [(stored,)] = await self._fetch(SUM_BYTES, place._asdict())
        excess, number = int(stored) - max_bytes, 0
        if excess <= 0:
            return 0
        async for batch in self._list_events(place, before):
            chosen = []
            for event in batch:
                if excess > 0 and not event.is_first:
                    chosen.append(event)
                    excess -= event.size
            number += await self._delete_events(place, chosen, dry_run=dry_run)
            if excess <= 0:
                break
        return number

    async def list_recent_issues(self, place: ProjectPlace, since: datetime) -> list[int]:
        """Return the issues of a project with events since a time."""
        return [row.id for row in await self._fetch(LIST_RECENT_ISSUES, {**place._asdict(), "since": since})]

    async def thin_issue(self, place: ProjectPlace, issue: int, before: datetime, *, dry_run: bool) -> int:
        """Delete the events of an issue, received before a time, that thinning does not keep; return their number."""
        values = {"organization_id": place.organization_id, "issue_id": issue, "before": before}
        rows = await self._fetch(LIST_EVENTS_OF_ISSUE, values)
        by_release: dict[int | None, list[StoredEvent]] = {}
        for event in rows:
            by_release.setdefault(event.release_id, []).append(event)
        surplus = []
        for in_release in by_release.values():
            kept = choose_kept([event.id for event in in_release])
            surplus += [event for event in in_release if event.id not in kept]
        number = 0
        for begin in range(0, len(surplus), BATCH_ROWS):
            number += await self._delete_events(place, surplus[begin : begin + BATCH_ROWS], dry_run=dry_run)
        return number

    async def expire_of_project(
        self, expiring: ExpiringTable, place: ProjectPlace, before: datetime, *, dry_run: bool
    ) -> int:
        """Delete the rows of a project's hours before a time; return their number."""
        values = {**place._asdict(), "hour": _get_hour(before)}
        if expiring is not ExpiringTable.SESSION_HOURS:
            return await self._expire(expiring, values, dry_run=dry_run)
        rows = await self._fetch(LIST_ENVIRONMENTS, {"organization_id": place.organization_id})
        number = 0
        for environment in (0, *(row.id for row in rows)):
            number += await self._expire(expiring, {**values, "environment_id": environment}, dry_run=dry_run)
        return number

    async def expire_of_organization(
        self, expiring: ExpiringTable, organization: int, before: datetime, *, dry_run: bool
    ) -> int:
        """Delete an organization's rows of before a time; return their number."""
        values = {"organization_id": organization, "before": before, "hour": _get_hour(before)}
        return await self._expire(expiring, values, dry_run=dry_run)

    async def _expire(self, expiring: ExpiringTable, values: dict[str, Any], *, dry_run: bool) -> int:
        expiry = EXPIRIES[expiring]
        [(number,)] = await self._fetch(expiry.count, values)
        if number and not dry_run:
            await self._run(expiry.delete, values)
        return int(number)

    async def _list_events(self, place: ProjectPlace, before: datetime) -> AsyncIterator[list[StoredEvent]]:
        since, after = BEGIN_OF_TIME, 0
        while True:
            values = {**place._asdict(), "before": before, "since": since, "after": after}
            rows = await self._fetch(LIST_EVENTS_OF_PROJECT, values)
            if rows:
                yield rows
                since, after = rows[-1].timestamp, rows[-1].id
            if len(rows) < BATCH_ROWS:
                return

    async def _delete_events(self, place: ProjectPlace, rows: Sequence[StoredEvent], *, dry_run: bool) -> int:
        """Delete events that are not the first of their issue, and return their number."""
        by_id = {event.id: event for event in rows if not event.is_first}
        if dry_run or not by_id:
            return len(by_id)

        async def work(transaction: Transaction) -> int:
            values = {"organization_id": place.organization_id, "ids": transaction.dialect.list_value(list(by_id))}
            deleted = [by_id[row.id] for row in await DELETE_EVENTS.fetch_all(transaction, values)]
            removed: Counter[int] = Counter()
            for event in deleted:
                removed[_get_hour(parse_date(event.received))] += event.size
            counts = [{**place._asdict(), "hour": hour, "removed": size} for hour, size in sorted(removed.items())]
            await transaction.execute_many(SUBTRACT_BYTES, counts)
            return len(deleted)

        return await self._database.write(work, large=True)

    async def _fetch(self, statement: RowStatement[Any], values: dict[str, Any]) -> list[Any]:
        return [statement.row_type(*row) for row in await self._database.rows(statement, values, large=True)]

    async def _run(self, statement: Statement, values: dict[str, Any]) -> None:
        await self._database.write(lambda transaction: transaction.execute(statement, values), large=True)


def _get_hour(moment: datetime) -> int:
    return int(moment.timestamp()) // SECONDS_PER_HOUR
