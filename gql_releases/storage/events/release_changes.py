"""What changes for issues and counters when a release is deleted, gets another date, or is taken over by a client."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, delete, exists, literal, null, or_, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.release import Origin
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.merges import replace, update_rows, upsert
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.resolutions import SHIPPED_ON, resolve_awaiting
from gql_releases.storage.lookup import ReleaseHandle
from gql_releases.storage.release_rows import links, releases
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import DeletedReleaseRow, EventHourRow, ReleaseEventsRow
from gql_releases.storage.schema.tables.issue import IssueReleaseRow, IssueRow
from gql_releases.storage.schema.tables.session import SessionHourRow, SessionUserRow

issues, issue_releases, release_events = table(IssueRow), table(IssueReleaseRow), table(ReleaseEventsRow)
deleted_releases = table(DeletedReleaseRow)

_OWN = bindparam("organization", type_=Id)
_RELEASE = bindparam("release", type_=Id)


def _match(rows: Any) -> list[Any]:
    return [rows.c.organization_id == _OWN, rows.c.release_id == _RELEASE]


def select_release(column: str = "release_id", *, last: bool = False, without: Any = None, after: bool = False) -> Any:
    """Return a column of the first or last in the order of shipping of the releases that an issue was seen in.

    `without` is a release that is left out; with `after`, all releases before it, too.
    """
    order = [releases.c.shipping_date, releases.c.id]
    conditions = [
        issue_releases.c.organization_id == issues.c.organization_id,
        issue_releases.c.issue_id == issues.c.id,
    ]
    if without is not None:
        conditions.append(issue_releases.c.release_id != without)
    if after:
        other = releases.alias("other")
        later = or_(
            releases.c.shipping_date > other.c.shipping_date,
            and_(releases.c.shipping_date == other.c.shipping_date, releases.c.id > other.c.id),
        )
        conditions.append(exists(select(literal(1)).where(other.c.id == without, later)))
    ordered = [part.desc() if last else part for part in order]
    return (
        select(issue_releases.c[column])
        .select_from(issue_releases.join(releases, releases.c.id == issue_releases.c.release_id))
        .where(*conditions)
        .order_by(*ordered, issue_releases.c.first_seen, issue_releases.c.environment_id)
        .limit(1)
        .correlate(issues)
        .scalar_subquery()
    )


HAS_ISSUES = Statement("releases.has_issues", select(issue_releases.c.issue_id).where(*_match(issue_releases)).limit(1))
REORDER_ISSUES = Statement(
    "issues.reorder",
    update(issues)
    .values(introduced_in_id=select_release(), last_release_id=select_release(last=True))
    .where(
        issues.c.organization_id == _OWN,
        issues.c.id.in_(select(issue_releases.c.issue_id).where(*_match(issue_releases))),
    ),
)
CLAIM_RELEASE = Statement(
    "releases.claim",
    update(releases)
    .values(bind_columns(releases, "origin", "shipping_date"))
    .where(releases.c.id == bindparam("release", type_=Id)),
)
CLAIM_LINKS = Statement(
    "releases.claim_links",
    update(links).values(bind_columns(links, "date_shown")).where(*_match(links)),
)


class NextRelease(NamedTuple):
    """The release and environment that an issue was seen in next; None for none."""

    id: int
    project_id: int
    release_id: int | None
    environment_id: int | None


LIST_NEXT_RELEASES = RowStatement(
    "issues.list_next_releases",
    NextRelease,
    select(
        issues.c.id,
        issues.c.project_id,
        select_release(without=_RELEASE).label("release_id"),
        select_release("environment_id", without=_RELEASE).label("environment_id"),
    ).where(issues.c.organization_id == _OWN, issues.c.first_release_id == _RELEASE),
)
SET_FIRST_RELEASE = update_rows(
    "issues.set_first_release",
    issues,
    ("id",),
    {"first_release": BigInteger()},
    lambda values: {"first_release_id": values["first_release"]},
)
COUNT_NEW_ISSUES = update_rows(
    "releases.count_new_issues",
    release_events,
    ("release_id", "project_id", "environment_id"),
    {"more": BigInteger()},
    lambda values: {"new_issues": release_events.c.new_issues + values["more"]},
)
REPLACE_IN_ISSUES = [
    Statement(
        f"issues.replace_{column}",
        update(issues).values({column: value}).where(issues.c.organization_id == _OWN, issues.c[column] == _RELEASE),
    )
    for column, value in (
        ("introduced_in_id", select_release(without=_RELEASE)),
        ("last_release_id", select_release(without=_RELEASE, last=True)),
        ("regressed_in_id", select_release(without=_RELEASE, after=True)),
    )
]
KEEP_RESOLUTIONS = Statement(
    "issues.keep_resolutions",
    update(issues)
    .values(
        resolved_release_id=null(),
        resolved_shipping_date=select(SHIPPED_ON)
        .where(releases.c.organization_id == _OWN, releases.c.id == _RELEASE)
        .scalar_subquery(),
    )
    .where(issues.c.organization_id == _OWN, issues.c.resolved_release_id == _RELEASE),
)
"""Keeps when a release shipped, which decides whether an event comes after the fix."""
DELETE_COUNTERS = [
    Statement(f"{rows.name}.delete_of_release", delete(rows).where(*_match(rows)))
    for rows in (
        issue_releases,
        release_events,
        table(EventHourRow),
        table(SessionHourRow),
        table(SessionUserRow),
    )
]
INSERT_DELETED_RELEASE = upsert(
    "releases.insert_deleted",
    deleted_releases,
    ("organization_id", "version"),
    {"date_deleted": replace},
    ("organization_id",),
)


async def reorder_issues(transaction: Transaction, organization: int, release: int) -> None:
    """Find the first and last releases of the issues of a release, whose shipping date was changed in this transaction."""
    place = {"organization": organization, "release": release}
    if await transaction.fetch_one(HAS_ISSUES, place) is not None:
        transaction.require_thread()
        await lock_organization(transaction, OrganizationLock.EVENTS, organization)
        await transaction.execute(REORDER_ISSUES, place)


async def claim_release(transaction: Transaction, organization: int, release: ReleaseHandle) -> None:
    """Make a release that an event created one of the client that changes, finalizes or deploys it.

    Its shipping date is then the same as that of any other release.
    """
    if release.origin is not Origin.EVENT:
        return
    shipped: datetime = release.date_released or release.date_created
    place = {"organization": organization, "release": release.id}
    await transaction.execute(CLAIM_RELEASE, {"release": release.id, "origin": Origin.CLIENT, "shipping_date": shipped})
    await transaction.execute(CLAIM_LINKS, {**place, "date_shown": shipped})
    await resolve_awaiting(transaction, organization, [release.id])
    if shipped != release.shipping_date:
        await reorder_issues(transaction, organization, release.id)


async def remove_release(transaction: Transaction, organization: int, release: int, version: str) -> None:
    """Delete the counters of a release that is about to be deleted; its issues get the next release instead.

    Its events stay, without a release. Events do not create it again for some time.
    """
    place = {"organization": organization, "release": release}
    next_releases = await LIST_NEXT_RELEASES.fetch_all(transaction, place)
    owner = {"organization_id": organization}
    new_issues: dict[tuple[int, int, int], int] = {}
    for issue in next_releases:
        if issue.release_id and issue.environment_id is not None:
            key = issue.release_id, issue.project_id, issue.environment_id
            new_issues[key] = new_issues.get(key, 0) + 1
    rows = [{**owner, "id": issue.id, "first_release": issue.release_id} for issue in next_releases]
    await transaction.execute_many(SET_FIRST_RELEASE, rows)
    counts = [
        {**owner, "release_id": key[0], "project_id": key[1], "environment_id": key[2], "more": number}
        for key, number in sorted(new_issues.items())
    ]
    await transaction.execute_many(COUNT_NEW_ISSUES, counts)
    for statement in (*REPLACE_IN_ISSUES, KEEP_RESOLUTIONS, *DELETE_COUNTERS):
        await transaction.execute(statement, place)
    await transaction.execute_many(INSERT_DELETED_RELEASE, [{**owner, "version": version, "date_deleted": now()}])
