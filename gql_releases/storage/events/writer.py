"""Writes batches of events and sessions of an organization, each in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select

from gql_releases.domain.events.event_batch import (
    DEFAULT_LIMITS,
    BatchResult,
    IngestKey,
    NewRows,
    PreparedEvent,
    PreparedRequest,
)
from gql_releases.domain.events.issue import IssueStatus
from gql_releases.domain.events.outcomes import INVALID_RELEASE, ItemOutcome
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.statements import RowStatement, Statement, StatementRows, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.counters import COUNT_INGEST_HOUR, build_ingest_rows, write_events
from gql_releases.storage.events.issues import GroupedBatch, choose_first_status, group_batch
from gql_releases.storage.events.lookup import BatchLookup, collect_names, look_up_batch
from gql_releases.storage.events.outcomes import COUNT_OUTCOME, OutcomeCounter
from gql_releases.storage.events.references import Creations, create_references
from gql_releases.storage.events.regressions import ResolvedOccurrence, reopen_issues
from gql_releases.storage.events.sessions import count_sessions
from gql_releases.storage.events.suspects import IssueStack, compute_suspects, read_stack
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project_key import ProjectKeyRow

keys, organizations = table(ProjectKeyRow), table(OrganizationRow)

MAX_EVENTS_ON_LOOP = 8
"""A larger batch does not run on the event loop."""
MAX_SHOWN_NAMES = 100
"""Refused names of releases of a project and hour that are stored."""

FIND_ACTIVE_KEY = RowStatement(
    "project_keys.find_active",
    IngestKey,
    select(keys.c.organization_id, keys.c.project_id, organizations.c.user_salt)
    .select_from(keys.join(organizations, organizations.c.id == keys.c.organization_id))
    .where(keys.c.public_key == bindparam("public_key", type_=keys.c.public_key.type), keys.c.is_active.is_(True)),
)

FIND_SALT = Statement(
    "organizations.find_salt",
    select(organizations.c.user_salt).where(organizations.c.id == bindparam("organization_id", type_=Id)),
)


class IssueToExamine(NamedTuple):
    """A new issue, or a resolved one with a new event: for its suspect commits, and to decide whether it is reopened."""

    issue_id: int
    project_id: int
    release_id: int
    item: PreparedEvent
    is_new: bool


class ShownNames:
    """Bounds the refused names of releases that outcomes show: those of a project in an hour that were first."""

    def __init__(self) -> None:
        self._hour = 0
        self._names: dict[int, set[str]] = {}

    def choose(self, project: int, hour: int, name: str) -> str:
        """Return the name, or "" where MAX_SHOWN_NAMES others are shown in this hour."""
        if hour != self._hour:
            self._hour, self._names = hour, {}
        names = self._names.setdefault(project, set())
        if name not in names and len(names) >= MAX_SHOWN_NAMES:
            return ""
        names.add(name)
        return name


class EventStore:
    """Events and sessions in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shown_names = ShownNames()

    async def find_key(self, public_key: str) -> IngestKey | None:
        """Return the project of an active key; None if there is none. Raises Unavailable."""
        rows = await self._database.rows(FIND_ACTIVE_KEY, {"public_key": public_key})
        return IngestKey(*rows[0]) if rows else None

    async def find_salt(self, organization: int) -> str:
        """Return the salt (hex) with which users of an organization are hashed. Raises Unavailable."""
        [(salt,)] = await self._database.rows(FIND_SALT, {"organization_id": organization})
        return str(salt)

    async def write_batch(
        self, organization: int, requests: Sequence[PreparedRequest], limits: NewRows = DEFAULT_LIMITS
    ) -> BatchResult:
        """Store the requests of an organization and return after the commit. Raises Unavailable: nothing was stored."""
        size = sum(len(request.events) + len(request.sessions) for request in requests)
        return await self._database.write(
            lambda transaction: _write_batch(transaction, organization, requests, limits, self._shown_names),
            large=size > MAX_EVENTS_ON_LOOP,
        )


async def _write_batch(
    transaction: Transaction,
    organization: int,
    requests: Sequence[PreparedRequest],
    limits: NewRows,
    shown_names: ShownNames,
) -> BatchResult:
    await lock_organization(transaction, OrganizationLock.EVENTS, organization)
    names, creations, outcomes = collect_names(requests), Creations(limits), OutcomeCounter(requests)
    lookup = await look_up_batch(transaction, organization, requests, names)
    await create_references(transaction, organization, requests, names, lookup, creations)
    batch = await group_batch(transaction, organization, requests, lookup, creations)
    sessions = await count_sessions(transaction, organization, requests, lookup, creations, outcomes)
    stored = Counter([(occurrence.project_id, occurrence.hour) for occurrence in batch.occurrences])
    _count_outcomes(requests, batch, lookup, creations, stored, outcomes)
    _count_invalid_releases(batch, outcomes, shown_names)
    then: list[StatementRows] = [
        *sessions,
        (COUNT_INGEST_HOUR, build_ingest_rows(organization, stored, creations, batch.occurrences)),
        (COUNT_OUTCOME, outcomes.build_rows(organization)),
    ]
    if batch.occurrences:
        await write_events(transaction, organization, batch, lookup, then)
        await _examine_issues(transaction, organization, list_issues_to_examine(batch))
    else:
        await transaction.execute_batch(then)
    events_by_hour = {place: lookup.events_by_hour.get(place, 0) + count for place, count in stored.items()}
    return BatchResult(events_by_hour, outcomes.sum_items())


def list_issues_to_examine(batch: GroupedBatch) -> list[IssueToExamine]:
    """Return each new issue with its first event, and each resolved issue with its events of this batch."""
    examined: list[IssueToExamine] = []
    new_issues = dict(batch.new_issues)
    for occurrence in batch.occurrences:
        is_new = new_issues.pop(occurrence.issue_id, None) is not None
        stored = batch.stored_issues.get(occurrence.issue_id)
        if is_new or (stored and stored.status == IssueStatus.RESOLVED):
            ids = occurrence.issue_id, occurrence.project_id, occurrence.release_id
            examined.append(IssueToExamine(*ids, occurrence.item, is_new))
    return examined


async def _examine_issues(transaction: Transaction, organization: int, examined: Sequence[IssueToExamine]) -> None:
    """Reopen resolved issues whose events come after the fix; compute suspect commits of new and reopened ones."""
    resolved = [ResolvedOccurrence(item.issue_id, item.release_id) for item in examined if not item.is_new]
    reopened = await reopen_issues(transaction, organization, resolved)
    await compute_suspects(
        transaction,
        organization,
        [_read_stack(item) for item in examined if item.is_new and item.release_id],
        replaced=False,
    )
    stacks = {
        item.issue_id: _read_stack(item)
        for item in reversed(examined)
        if not item.is_new and item.release_id and reopened.get(item.issue_id) == item.release_id
    }
    await compute_suspects(transaction, organization, stacks.values(), replaced=True)


def _read_stack(issue: IssueToExamine) -> IssueStack:
    event, step = issue.item.event, issue.item.grouping.step
    status = choose_first_status(step, has_release=True) if issue.is_new else ""
    return read_stack(issue.issue_id, issue.project_id, issue.release_id, step, status, event.platform, event.body)


def _count_outcomes(
    requests: Sequence[PreparedRequest],
    batch: GroupedBatch,
    lookup: BatchLookup,
    creations: Creations,
    stored: Counter[tuple[int, int]],
    outcomes: OutcomeCounter,
) -> None:
    """Count stored events, refused ones, and names that were refused."""
    for (project, hour), quantity in stored.items():
        outcomes.add(project, hour, ItemOutcome.ACCEPTED, "", "error", quantity)
    for request in batch.refused:
        outcomes.add(request.project_id, request.hour, ItemOutcome.DROPPED, "issue_limit", "error", 1)
    if not creations.refused_versions and not creations.refused_environments:
        return
    for request in requests:
        project, hour = request.project_id, request.hour
        for event, *_ in request.events:
            reason = creations.refused_versions.get((project, event.release or ""))
            if reason and event.release not in lookup.releases:
                outcomes.add(project, hour, ItemOutcome.REJECTED, reason, "release", 1)
            reason = creations.refused_environments.get((project, event.environment or ""))
            if reason and event.environment not in lookup.environments:
                outcomes.add(project, hour, ItemOutcome.REJECTED, reason, "environment", 1)


def _count_invalid_releases(batch: GroupedBatch, outcomes: OutcomeCounter, shown_names: ShownNames) -> None:
    for occurrence in batch.occurrences:
        name = occurrence.item.event.invalid_release
        if name is not None:
            project, hour = occurrence.project_id, occurrence.hour
            shown = shown_names.choose(project, hour, name[:200])
            outcomes.add(project, hour, ItemOutcome.REJECTED, INVALID_RELEASE, "release", 1, shown)
