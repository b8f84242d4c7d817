"""Looks up in one statement what the events and sessions of a batch refer to, and the hours of their quota."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, Text, and_, bindparam, cast, literal_column, null, select, union_all
from sqlalchemy.types import TypeEngine

from gql_releases.domain.events.event_batch import SECONDS_PER_DAY, PreparedEvent, PreparedRequest, list_facts
from gql_releases.domain.events.grouping import ALGORITHM
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.event import EventRow, IngestHourRow
from gql_releases.storage.schema.tables.issue import IssueHashRow, IssueRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow

releases, links, environments = table(ReleaseRow), table(ReleaseProjectRow), table(EnvironmentRow)
events, ingest_hours, issues, issue_hashes = table(EventRow), table(IngestHourRow), table(IssueRow), table(IssueHashRow)

_PART_COLUMNS: dict[str, TypeEngine[Any]] = {
    "name": Text(),
    "id": BigInteger(),
    "other": BigInteger(),
    "number": BigInteger(),
    "last": BigInteger(),
    "status": Text(),
    "date": UtcDateTime(),
}
_OWN = bindparam("organization_id", type_=Id)


class StoredRelease(NamedTuple):
    """A release's place in the order of shipping: `date` as text, then the id."""

    date: str
    id: int


class StoredIssue(NamedTuple):
    """An issue of a hash, with its first and last release in the order of shipping."""

    id: int
    status: str
    introduced_in_id: int | None
    last_release_id: int | None


def _select_part(kind: str, **columns: Any) -> Select[Any]:
    labelled = [columns.get(name, cast(null(), form)).label(name) for name, form in _PART_COLUMNS.items()]
    return select(literal_column(f"'{kind}'").label("kind"), *labelled)


def _select_releases(dialect: Dialect) -> Select[Any]:
    """Select releases by version, each with its links to the projects of the batch."""
    linked = and_(
        links.c.organization_id == releases.c.organization_id,
        links.c.release_id == releases.c.id,
        dialect.is_among(links.c.project_id, "projects"),
    )
    part = _select_part(
        "release", name=releases.c.version, id=releases.c.id, other=links.c.project_id, date=releases.c.shipping_date
    )
    return part.select_from(releases.outerjoin(links, linked)).where(
        releases.c.organization_id == _OWN, dialect.is_among(releases.c.version, "versions")
    )


def _select_environments(dialect: Dialect) -> Select[Any]:
    return _select_part("environment", name=environments.c.name, id=environments.c.id).where(
        environments.c.organization_id == _OWN, dialect.is_among(environments.c.name, "environments")
    )


def _select_hours(dialect: Dialect) -> Select[Any]:
    return _select_part("hour", id=ingest_hours.c.project_id, other=ingest_hours.c.hour, number=ingest_hours.c.events).where(
        ingest_hours.c.organization_id == _OWN,
        dialect.is_among(ingest_hours.c.project_id, "projects"),
        dialect.is_among(ingest_hours.c.hour, "hours"),
    )


def _select_events(dialect: Dialect) -> Select[Any]:
    return _select_part("event", name=events.c.event_id, id=events.c.project_id).where(
        events.c.organization_id == _OWN,
        dialect.is_among(events.c.project_id, "projects"),
        dialect.is_among(events.c.event_id, "event_ids"),
        events.c.day >= bindparam("first_day", type_=events.c.day.type),
        events.c.day <= bindparam("last_day", type_=events.c.day.type),
    )


def _select_issues(dialect: Dialect) -> Select[Any]:
    part = _select_part(
        "issue",
        name=issue_hashes.c.hash,
        id=issue_hashes.c.issue_id,
        other=issue_hashes.c.project_id,
        number=issues.c.introduced_in_id,
        last=issues.c.last_release_id,
        status=issues.c.status,
    )
    return part.select_from(issue_hashes.join(issues, issues.c.id == issue_hashes.c.issue_id)).where(
        issue_hashes.c.organization_id == _OWN,
        dialect.is_among(issue_hashes.c.project_id, "projects"),
        issue_hashes.c.algorithm == bindparam("algorithm", type_=issue_hashes.c.algorithm.type),
        dialect.is_among(issue_hashes.c.hash, "hashes"),
    )


_REFERENCES = (_select_releases, _select_environments)
LOOK_UP_REFERENCES = Statement(
    "events.look_up_references", lambda dialect: union_all(*[part(dialect) for part in _REFERENCES])
)
LOOK_UP_BATCH = Statement(
    "events.look_up_batch",
    lambda dialect: union_all(*[part(dialect) for part in (*_REFERENCES, _select_hours, _select_events, _select_issues)]),
)


@dataclass(slots=True)
class BatchLookup:
    """The existing rows of a batch.

    Releases by version, environments by name, issues by project and hash; the stored event ids as (project, event id);
    `links` as (release, project); the number of events of a project in an hour.
    """

    releases: dict[str, StoredRelease] = field(default_factory=dict)
    environments: dict[str, int] = field(default_factory=dict)
    issues: dict[tuple[int, str], StoredIssue] = field(default_factory=dict)
    event_ids: set[tuple[int, str]] = field(default_factory=set)
    links: set[tuple[int, int]] = field(default_factory=set)
    events_by_hour: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows of a lookup."""
        for kind, name, row_id, other, number, last, status, date in rows:
            match kind:
                case "event":
                    self.event_ids.add((row_id, name))
                case "issue":
                    self.issues[other, name] = StoredIssue(row_id, status, number, last)
                case "release":
                    self.releases[name] = StoredRelease(date, row_id)
                    if other is not None:
                        self.links.add((row_id, other))
                case "environment":
                    self.environments[name] = row_id
                case "hour":
                    self.events_by_hour[row_id, other] = number


@dataclass(slots=True)
class BatchNames:
    """The names that the events and sessions of a batch refer to."""

    versions: Collection[str]
    environments: Collection[str]
    projects: Collection[int]

    def build_values(self, dialect: Dialect, organization: int) -> dict[str, Any]:
        """Return the parameters of a lookup of references."""
        return {
            "organization_id": organization,
            "versions": dialect.list_value(list(self.versions)),
            "environments": dialect.list_value(list(self.environments)),
            "projects": dialect.list_value(list(self.projects)),
        }


def collect_names(requests: Sequence[PreparedRequest]) -> BatchNames:
    """Return the names of a batch, each once, in the order of the requests."""
    versions: dict[str, None] = {}
    names: dict[str, None] = {}
    for request in requests:
        for fact in list_facts(request):
            if fact.release is not None:
                versions[fact.release] = None
            if fact.environment is not None:
                names[fact.environment] = None
    return BatchNames(versions, names, dict.fromkeys(request.project_id for request in requests))


async def look_up_batch(
    transaction: Transaction, organization: int, requests: Sequence[PreparedRequest], names: BatchNames
) -> BatchLookup:
    """Return the existing rows that a batch refers to. Events are looked up on their days and the days before."""
    lookup, dialect = BatchLookup(), transaction.dialect
    prepared = [item for request in requests for item in request.events]
    values = names.build_values(dialect, organization)
    if not prepared:
        lookup.add(await transaction.fetch_all(LOOK_UP_REFERENCES, values))
        return lookup
    hashes: dict[str, None] = {}
    for item in prepared:
        hashes[item.grouping.hash] = hashes[item.grouping.hash_without_frames] = None
    days = [get_day(item) for item in prepared]
    more: Mapping[str, Any] = {
        "hours": dialect.list_value(list({request.hour for request in requests})),
        "event_ids": dialect.list_value([item.event.event_id for item in prepared]),
        "first_day": min(days) - 1,
        "last_day": max(days),
        "algorithm": ALGORITHM,
        "hashes": dialect.list_value(list(hashes)),
    }
    lookup.add(await transaction.fetch_all(LOOK_UP_BATCH, {**values, **more}))
    return lookup


def get_day(item: PreparedEvent) -> int:
    """Return the day on which an event was received, since 1970-01-01 in UTC."""
    return int(item.event.received.timestamp()) // SECONDS_PER_DAY
