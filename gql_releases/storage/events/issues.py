"""Issues of a batch: found by the hashes of its events, or created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, bindparam, func, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.events.event_batch import PreparedEvent, PreparedRequest
from gql_releases.domain.events.grouping import ALGORITHM
from gql_releases.domain.events.issue import GroupingStep, IssueStatus, SuspectStatus
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import insert_all, insert_ignoring
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.lookup import BatchLookup, StoredIssue
from gql_releases.storage.events.references import Creations
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.issue import IssueHashRow, IssueRow
from gql_releases.storage.schema.tables.project import ProjectRow

issues, issue_hashes, projects = table(IssueRow), table(IssueHashRow), table(ProjectRow)

_OWN = bindparam("organization_id", type_=Id)
_SHARED = ("organization_id",)
_NEW_COLUMNS = (
    "id", "organization_id", "project_id", "short_id", "title", "culprit", "type", "level", "platform", "handled", "status",
    "times", "users", "first_seen", "last_seen", "date_created", "first_release_id", "new_path_of_id", "site",
    "grouping_step", "grouping_key", "grouping_algorithm", "suspect_status",
)  # fmt: skip
INSERT_ISSUE = insert_all("issues.insert", issues, *_NEW_COLUMNS, shared=_SHARED)
INSERT_HASH = insert_ignoring(
    "issues.insert_hash", issue_hashes, *[column.name for column in issue_hashes.c], shared=(*_SHARED, "algorithm")
)
COUNT_ISSUES = Statement(
    "projects.count_issues",
    update(projects)
    .values(issue_counter=projects.c.issue_counter + bindparam("more", type_=BigInteger))
    .where(projects.c.organization_id == _OWN, projects.c.id == bindparam("project", type_=Id))
    .returning(projects.c.slug, projects.c.issue_counter),
)


def _select_sites(dialect: Dialect) -> Any:
    """Select the oldest issue of each site: a newer issue of the site is stored as a new path of it."""
    return (
        select(issues.c.project_id, issues.c.site, func.min(issues.c.id))
        .where(
            issues.c.organization_id == _OWN,
            dialect.is_among(issues.c.project_id, "projects"),
            dialect.is_among(issues.c.site, "sites"),
        )
        .group_by(issues.c.project_id, issues.c.site)
    )


FIND_SITES = Statement("issues.find_by_site", _select_sites)
FIND_SHORT_IDS = Statement(
    "issues.find_short_ids",
    lambda dialect: select(issues.c.short_id).where(
        issues.c.organization_id == _OWN, dialect.is_among(issues.c.short_id, "short_ids")
    ),
)


class EventOccurrence(NamedTuple):
    """A new event with its issue; ids of release and environment are 0 for none."""

    item: PreparedEvent
    project_id: int
    hour: int
    issue_id: int
    release_id: int
    environment_id: int


@dataclass(slots=True)
class PendingIssue:
    """An issue to be created: its first event, which is that of the first arrival, and its hashes."""

    project_id: int
    first: PreparedEvent
    release_id: int
    environment_id: int
    id: int = 0
    hashes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class GroupedBatch:
    """The new events of a batch by issue, the issues to create, hashes to add to existing issues, and what was refused.

    `stored_issues` are the existing issues at the beginning, by id.
    """

    occurrences: list[EventOccurrence] = field(default_factory=list)
    new_issues: dict[int, PendingIssue] = field(default_factory=dict)
    stored_issues: dict[int, StoredIssue] = field(default_factory=dict)
    refused: list[PreparedRequest] = field(default_factory=list)


async def group_batch(
    transaction: Transaction,
    organization: int,
    requests: Sequence[PreparedRequest],
    lookup: BatchLookup,
    creations: Creations,
) -> GroupedBatch:
    """Find the issue of each event that is not stored yet, and create missing ones.

    An event whose frames were symbolicated joins the issue that it has without its frames: it was seen before its source
    map was uploaded.
    """
    batch = GroupedBatch()
    pending: dict[tuple[int, str], PendingIssue] = {}
    more_hashes: dict[tuple[int, str], int] = {}
    places: list[tuple[PreparedEvent, PreparedRequest, StoredIssue | PendingIssue, int, int]] = []
    for request in requests:
        project = request.project_id
        for item in request.events:
            event, grouping = item.event, item.grouping
            if (project, event.event_id) in lookup.event_ids:
                continue
            lookup.event_ids.add((project, event.event_id))
            key, without_frames = (project, grouping.hash), (project, grouping.hash_without_frames)
            release = lookup.releases.get(event.release) if event.release is not None else None
            release_id = release.id if release else 0
            environment_id = lookup.environments.get(event.environment, 0) if event.environment is not None else 0
            issue: StoredIssue | PendingIssue | None = lookup.issues.get(key) or pending.get(key)
            if issue is None and key != without_frames:
                issue = lookup.issues.get(without_frames)
                if issue:
                    lookup.issues[key], more_hashes[key] = issue, issue.id
                elif issue := pending.get(without_frames):
                    pending[key] = issue
                    issue.hashes.append(grouping.hash)
            if issue is None:
                await creations.load(transaction, organization, requests)
                if not creations.take((project, request.hour), "issues"):
                    batch.refused.append(request)
                    continue
                pending[key] = issue = PendingIssue(project, item, release_id, environment_id, 0, [grouping.hash])
            places.append((item, request, issue, release_id, environment_id))
    if pending:
        await _create_issues(transaction, organization, pending, batch)
    if more_hashes:
        await _insert_hashes(transaction, organization, more_hashes)
    for item, request, issue, release_id, environment_id in places:
        if isinstance(issue, StoredIssue):
            batch.stored_issues[issue.id] = issue
        batch.occurrences.append(
            EventOccurrence(item, request.project_id, request.hour, issue.id, release_id, environment_id)
        )
    return batch


async def _create_issues(
    transaction: Transaction, organization: int, pending: dict[tuple[int, str], PendingIssue], batch: GroupedBatch
) -> None:
    new_issues = list({id(issue): issue for issue in pending.values()}.values())
    short_ids: dict[int, list[str]] = {}
    for project in sorted({issue.project_id for issue in new_issues}):
        count = sum(issue.project_id == project for issue in new_issues)
        short_ids[project] = await _allocate_short_ids(transaction, organization, project, count)
    sites = await _find_sites(transaction, organization, new_issues)
    created, rows = now(), []
    ids = await transaction.allocate_ids(issues, len(new_issues))
    for issue in new_issues:
        issue.id = next(ids)
        batch.new_issues[issue.id] = issue
        row = _build_row(organization, issue, short_ids[issue.project_id].pop(0))
        site = issue.first.grouping.site
        oldest = sites.setdefault((issue.project_id, site), issue.id) if site is not None else issue.id
        rows.append({**row, "date_created": created, "new_path_of_id": None if oldest == issue.id else oldest})
    await transaction.execute_many(INSERT_ISSUE, rows)
    hashes = {(issue.project_id, text): issue.id for issue in new_issues for text in issue.hashes}
    await _insert_hashes(transaction, organization, hashes)


def _build_row(organization: int, issue: PendingIssue, short_id: str) -> dict[str, Any]:
    """Return the row of a new issue, which no event is counted in yet."""
    event, grouping = issue.first.event, issue.first.grouping
    return {
        "id": issue.id,
        "organization_id": organization,
        "project_id": issue.project_id,
        "short_id": short_id,
        "title": event.title,
        "culprit": event.culprit,
        "type": event.type,
        "level": event.level,
        "platform": event.platform,
        "handled": event.handled,
        "status": IssueStatus.UNRESOLVED,
        "times": 0,
        "users": 0,
        "first_seen": event.timestamp,
        "last_seen": event.timestamp,
        "first_release_id": issue.release_id or None,
        "site": grouping.site,
        "grouping_step": grouping.step,
        "grouping_key": orjson.dumps(grouping.key).decode(),
        "grouping_algorithm": ALGORITHM,
        "suspect_status": choose_first_status(grouping.step, has_release=issue.release_id != 0),
    }


def choose_first_status(step: GroupingStep, *, has_release: bool) -> SuspectStatus:
    """Return the suspect status of a new issue, before its suspects are computed."""
    if not has_release:
        return SuspectStatus.NO_RELEASE
    return SuspectStatus.MINIFIED if step is GroupingStep.MINIFIED else SuspectStatus.NO_COMMITS


async def _allocate_short_ids(transaction: Transaction, organization: int, project: int, count: int) -> list[str]:
    """Return the next short ids of a project.

    Numbers of another project that had the slug before are left out: it kept its issues when it was renamed.
    """
    short_ids: list[str] = []
    while len(short_ids) < count:
        more = count - len(short_ids)
        values = {"organization_id": organization, "project": project, "more": more}
        row = await transaction.fetch_one(COUNT_ISSUES, values)
        assert row, "the project of a key exists"
        slug, last = row
        candidates = [f"{slug.upper()}-{number}" for number in range(last - more + 1, last + 1)]
        listed = {"organization_id": organization, "short_ids": transaction.dialect.list_value(candidates)}
        existing = {short_id for (short_id,) in await transaction.fetch_all(FIND_SHORT_IDS, listed)}
        short_ids += [short_id for short_id in candidates if short_id not in existing]
    return short_ids


async def _find_sites(
    transaction: Transaction, organization: int, new_issues: Sequence[PendingIssue]
) -> dict[tuple[int, str], int]:
    """Return the oldest issue of each site of new issues, by project and site."""
    sites = sorted({issue.first.grouping.site for issue in new_issues if issue.first.grouping.site is not None})
    if not sites:
        return {}
    list_value = transaction.dialect.list_value
    project_ids = sorted({issue.project_id for issue in new_issues})
    values = {"organization_id": organization, "projects": list_value(project_ids), "sites": list_value(sites)}
    return {(project, site): issue for project, site, issue in await transaction.fetch_all(FIND_SITES, values)}


async def _insert_hashes(transaction: Transaction, organization: int, hashes: dict[tuple[int, str], int]) -> None:
    rows = [
        {
            "organization_id": organization,
            "project_id": project,
            "algorithm": ALGORITHM,
            "hash": text,
            "issue_id": hashes[project, text],
        }
        for project, text in sorted(hashes)
    ]
    await transaction.execute_many(INSERT_HASH, rows)
