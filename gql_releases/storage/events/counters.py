"""Stores the events of a batch and counts them: one row of a counter is written once in a batch, in the order of its key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, case, select
from sqlalchemy.types import TypeEngine

from gql_releases.domain.events.event_batch import SECONDS_PER_HOUR, NewRows
from gql_releases.storage.engine.merges import add, choose_greatest, choose_least, update_rows, upsert
from gql_releases.storage.engine.natural_keys import insert_ignoring, insert_rows
from gql_releases.storage.engine.statements import BulkStatement, StatementRows, Transaction
from gql_releases.storage.engine.types import UtcDateTime
from gql_releases.storage.events.issues import EventOccurrence, GroupedBatch
from gql_releases.storage.events.lookup import BatchLookup, StoredIssue, StoredRelease, get_day
from gql_releases.storage.events.references import Creations
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import (
    EventHourRow,
    EventRow,
    IngestHourRow,
    ReleaseEventsRow,
)
from gql_releases.storage.schema.tables.issue import IssueReleaseRow, IssueRow, IssueUserRow
from gql_releases.storage.schema.tables.release import ReleaseRow

events, release_events, event_hours = table(EventRow), table(ReleaseEventsRow), table(EventHourRow)
ingest_hours, releases = table(IngestHourRow), table(ReleaseRow)
issues, issue_releases, issue_users = table(IssueRow), table(IssueReleaseRow), table(IssueUserRow)

_SHARED = ("organization_id",)
_EVENT_COLUMNS = [column.name for column in events.c if column.name != "id"]
INSERT_EVENT = insert_ignoring("events.insert", events, *_EVENT_COLUMNS, shared=_SHARED)
INSERT_ISSUE_USER = BulkStatement(
    "issues.insert_user",
    lambda dialect: (
        insert_rows(dialect, issue_users, ("organization_id", "issue_id", "user_hash"), _SHARED)
        .on_conflict_do_nothing()
        .returning(issue_users.c.issue_id)
    ),
    _SHARED,
)
COUNT_ISSUE_RELEASE = upsert(
    "issues.count_release",
    issue_releases,
    ("organization_id", "issue_id", "release_id", "environment_id"),
    {"first_seen": choose_least, "last_seen": choose_greatest, "times": add},
    _SHARED,
)
COUNT_RELEASE_EVENTS = upsert(
    "releases.count_events",
    release_events,
    ("organization_id", "release_id", "project_id", "environment_id"),
    {"first_event": choose_least, "last_event": choose_greatest, "events": add, "new_issues": add},
    _SHARED,
)
COUNT_EVENT_HOUR = upsert(
    "events.count_hour",
    event_hours,
    ("organization_id", "project_id", "hour", "release_id", "environment_id"),
    {"events": add},
    _SHARED,
)
COUNT_INGEST_HOUR = upsert(
    "events.count_ingest_hour",
    ingest_hours,
    ("organization_id", "project_id", "hour"),
    {"events": add, "releases": add, "environments": add, "issues": add, "bytes": add},
    _SHARED,
)


def _choose_release(current: Any, candidate: Any, *, last: bool) -> Any:
    """Return the first or last in the order of shipping of an issue's release and another one; either may be null."""
    order = [releases.c.shipping_date, releases.c.id]
    chosen = (
        select(releases.c.id)
        .where(releases.c.id.in_([current, candidate]))
        .order_by(*[column.desc() if last else column for column in order])
        .limit(1)
        .correlate_except(releases)
        .scalar_subquery()
    )
    return case((current == candidate, current), else_=chosen)


_COUNTED: dict[str, TypeEngine[Any]] = {
    "more_times": BigInteger(),
    "more_users": BigInteger(),
    "first": UtcDateTime(),
    "last": UtcDateTime(),
}


def _add_counts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "times": issues.c.times + values["more_times"],
        "users": issues.c.users + values["more_users"],
        "first_seen": choose_least(issues.c.first_seen, values["first"]),
        "last_seen": choose_greatest(issues.c.last_seen, values["last"]),
    }


COUNT_ISSUE = update_rows("issues.count", issues, ("id",), _COUNTED, _add_counts)
COUNT_AND_PLACE_ISSUE = update_rows(
    "issues.count_and_place",
    issues,
    ("id",),
    {**_COUNTED, "first_release": BigInteger(), "last_release": BigInteger()},
    lambda values: {
        **_add_counts(values),
        "introduced_in_id": _choose_release(issues.c.introduced_in_id, values["first_release"], last=False),
        "last_release_id": _choose_release(issues.c.last_release_id, values["last_release"], last=True),
    },
)
"""The same for an issue whose first or last release may change: twice the time of COUNT_ISSUE."""


@dataclass(slots=True)
class EventCount:
    """The number of some events, and the first and last of their times."""

    quantity: int
    first: datetime
    last: datetime

    def add(self, timestamp: datetime) -> None:
        """Count an event."""
        self.quantity += 1
        if timestamp < self.first:
            self.first = timestamp
        elif timestamp > self.last:
            self.last = timestamp


@dataclass(slots=True)
class IssueCount:
    """What a batch changes of an issue: `first_release` and `last_release` are in the order of shipping."""

    events: EventCount
    first_release: StoredRelease | None = None
    last_release: StoredRelease | None = None

    def add_release(self, release: StoredRelease) -> None:
        """Compare another release of the issue."""
        if self.first_release is None or release < self.first_release:
            self.first_release = release
        if self.last_release is None or release > self.last_release:
            self.last_release = release

    def may_change_releases(self, issue: StoredIssue | None, by_id: Mapping[int, StoredRelease]) -> bool:
        """Return whether the first or last release of the issue may change; `by_id` are the releases of the batch."""
        if self.first_release is None or self.last_release is None:
            return False
        introduced = by_id.get(issue.introduced_in_id or 0) if issue else None
        last = by_id.get(issue.last_release_id or 0) if issue else None
        return introduced is None or last is None or self.first_release < introduced or self.last_release > last


def _count(counts: dict[Any, EventCount], key: Any, timestamp: datetime) -> None:
    if count := counts.get(key):
        count.add(timestamp)
    else:
        counts[key] = EventCount(1, timestamp, timestamp)


async def write_events(
    transaction: Transaction, organization: int, batch: GroupedBatch, lookup: BatchLookup, then: Sequence[StatementRows]
) -> None:
    """Insert the events of a batch and add to the counters of their issues, releases and hours; `then` runs with them."""
    pack_bytes = transaction.dialect.pack_bytes
    by_id = {release.id: release for release in lookup.releases.values()}
    issue_counts: dict[int, IssueCount] = {}
    issue_release_counts: dict[tuple[int, int, int], EventCount] = {}
    release_counts: dict[tuple[int, int, int], EventCount] = {}
    hours: Counter[tuple[int, int, int, int]] = Counter()
    users: set[tuple[int, str]] = set()
    rows = []
    for occurrence in batch.occurrences:
        item, project, _, issue_id, release_id, environment_id = occurrence
        event = item.event
        timestamp = event.timestamp
        rows.append(
            {
                "organization_id": organization,
                "project_id": project,
                "event_id": event.event_id,
                "day": get_day(item),
                "issue_id": issue_id,
                "release_id": release_id or None,
                "environment_id": environment_id or None,
                "timestamp": timestamp,
                "received": event.received,
                "dist": event.dist,
                "level": event.level,
                "platform": event.platform,
                "handled": event.handled,
                "title": event.title,
                "user_hash": item.user_hash,
                "sdk_name": event.sdk_name,
                "sdk_version": event.sdk_version,
                "body": pack_bytes(item.body),
            }
        )
        if issue := issue_counts.get(issue_id):
            issue.events.add(timestamp)
        else:
            issue_counts[issue_id] = issue = IssueCount(EventCount(1, timestamp, timestamp))
        _count(issue_release_counts, (issue_id, release_id, environment_id), timestamp)
        hours[project, int(timestamp.timestamp()) // SECONDS_PER_HOUR, release_id, environment_id] += 1
        if release_id:
            issue.add_release(by_id[release_id])
            _count(release_counts, (release_id, project, environment_id), timestamp)
        if item.user_hash is not None:
            users.add((issue_id, item.user_hash))
    new_users = await _insert_users(transaction, organization, users)
    rows.sort(key=itemgetter("project_id", "event_id"))
    run: list[StatementRows] = [
        (INSERT_EVENT, rows),
        *_build_issue_rows(organization, issue_counts, new_users, batch.stored_issues, by_id),
        (COUNT_ISSUE_RELEASE, _build_issue_release_rows(organization, issue_release_counts)),
        (COUNT_RELEASE_EVENTS, _build_release_rows(organization, release_counts, batch)),
        (COUNT_EVENT_HOUR, _build_hour_rows(organization, hours)),
        *then,
    ]
    await transaction.execute_batch(run)


async def _insert_users(transaction: Transaction, organization: int, users: set[tuple[int, str]]) -> Counter[int]:
    """Insert users of issues, and return the number of new ones by issue."""
    rows = [
        {"organization_id": organization, "issue_id": issue, "user_hash": user_hash} for issue, user_hash in sorted(users)
    ]
    return Counter([issue for (issue,) in await transaction.fetch_many(INSERT_ISSUE_USER, rows)])


def _build_issue_rows(
    organization: int,
    counts: Mapping[int, IssueCount],
    new_users: Mapping[int, int],
    stored: Mapping[int, StoredIssue],
    by_id: Mapping[int, StoredRelease],
) -> list[StatementRows]:
    counted: list[dict[str, Any]] = []
    placed: list[dict[str, Any]] = []
    for issue_id, count in sorted(counts.items(), key=itemgetter(0)):
        row = {
            "organization_id": organization,
            "id": issue_id,
            "more_times": count.events.quantity,
            "more_users": new_users.get(issue_id, 0),
            "first": count.events.first,
            "last": count.events.last,
        }
        if count.may_change_releases(stored.get(issue_id), by_id):
            assert count.first_release
            assert count.last_release
            placed.append({**row, "first_release": count.first_release.id, "last_release": count.last_release.id})
        else:
            counted.append(row)
    return [(COUNT_ISSUE, counted), (COUNT_AND_PLACE_ISSUE, placed)]


def _build_issue_release_rows(organization: int, counts: Mapping[tuple[int, int, int], EventCount]) -> list[dict[str, Any]]:
    return [
        {
            "organization_id": organization,
            "issue_id": issue_id,
            "release_id": release_id,
            "environment_id": environment_id,
            "first_seen": count.first,
            "last_seen": count.last,
            "times": count.quantity,
        }
        for (issue_id, release_id, environment_id), count in sorted(counts.items(), key=itemgetter(0))
    ]


def _build_release_rows(
    organization: int, counts: Mapping[tuple[int, int, int], EventCount], batch: GroupedBatch
) -> list[dict[str, Any]]:
    new_issues = Counter([(issue.release_id, issue.project_id, issue.environment_id) for issue in batch.new_issues.values()])
    return [
        {
            "organization_id": organization,
            "release_id": release_id,
            "project_id": project,
            "environment_id": environment_id,
            "first_event": count.first,
            "last_event": count.last,
            "events": count.quantity,
            "new_issues": new_issues[release_id, project, environment_id],
        }
        for (release_id, project, environment_id), count in sorted(counts.items(), key=itemgetter(0))
    ]


def _build_hour_rows(organization: int, counts: Mapping[tuple[int, int, int, int], int]) -> list[dict[str, Any]]:
    return [
        {
            "organization_id": organization,
            "project_id": project,
            "hour": hour,
            "release_id": release_id,
            "environment_id": environment_id,
            "events": counts[project, hour, release_id, environment_id],
        }
        for project, hour, release_id, environment_id in sorted(counts)
    ]


def build_ingest_rows(
    organization: int, stored: Mapping[tuple[int, int], int], creations: Creations, occurrences: Sequence[EventOccurrence]
) -> list[dict[str, Any]]:
    """Return the rows that count stored events, their bytes, and new rows of a project in an hour of arrival."""
    sizes: Counter[tuple[int, int]] = Counter()
    for occurrence in occurrences:
        sizes[occurrence.project_id, occurrence.hour] += len(occurrence.item.body)
    rows = []
    for project, hour in sorted({*stored, *creations.new}):
        new = creations.new.get((project, hour), NewRows())
        counts = {"releases": new.releases, "environments": new.environments, "issues": new.issues}
        counts["bytes"] = sizes[project, hour]
        events_in_hour = stored.get((project, hour), 0)
        rows.append(
            {"organization_id": organization, "project_id": project, "hour": hour, "events": events_in_hour, **counts}
        )
    return rows
