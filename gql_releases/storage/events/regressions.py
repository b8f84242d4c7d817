"""Reopens resolved issues whose events come after the fix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, and_, bindparam, select

from gql_releases.domain.dates import now
from gql_releases.domain.events.issue import IssueStatus, ResolutionKind
from gql_releases.domain.events.resolution import Resolution, ShippedRelease, find_regression
from gql_releases.storage.engine.merges import update_rows
from gql_releases.storage.engine.statements import RowStatement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.release_rows import releases
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.issue import IssueRow

issues = table(IssueRow)

AWAITED_RELEASE = 0
"""The resolving release of an issue whose release does not exist yet."""

_OWN = bindparam("organization_id", type_=Id)


class StoredResolution(NamedTuple):
    """The resolution of an issue with the dates of its release."""

    id: int
    kind: str | None
    release_id: int | None
    package: str | None
    semver_key: str | None
    shipping_date: Any
    release_date: Any
    date_released: Any
    deploy_count: int | None


FIND_RESOLUTIONS = RowStatement(
    "issues.find_resolutions",
    StoredResolution,
    lambda dialect: (
        select(
            issues.c.id,
            issues.c.resolved_in,
            issues.c.resolved_release_id,
            issues.c.resolved_package,
            issues.c.resolved_semver_key,
            issues.c.resolved_shipping_date,
            releases.c.shipping_date.label("release_date"),
            releases.c.date_released,
            releases.c.deploy_count,
        )
        .select_from(
            issues.outerjoin(
                releases,
                and_(releases.c.organization_id == issues.c.organization_id, releases.c.id == issues.c.resolved_release_id),
            )
        )
        .where(issues.c.organization_id == _OWN, dialect.is_among(issues.c.id, "issue_ids"))
    ),
)
FIND_SHIPPED_RELEASES = RowStatement(
    "releases.find_shipped",
    ShippedRelease,
    lambda dialect: select(releases.c.id, releases.c.package, releases.c.semver_key, releases.c.shipping_date).where(
        releases.c.organization_id == _OWN, dialect.is_among(releases.c.id, "release_ids")
    ),
)
REOPEN_ISSUE = update_rows(
    "issues.reopen",
    issues,
    ("id",),
    {"new_status": Text(), "release": BigInteger(), "date": UtcDateTime(), "comparison": Text()},
    lambda values: {
        "status": values["new_status"],
        "regressed_in_id": values["release"],
        "date_regressed": values["date"],
        "compared_by": values["comparison"],
    },
)


class ResolvedOccurrence(NamedTuple):
    """An event of a resolved issue; the release is 0 for none."""

    issue_id: int
    release_id: int


def build_resolution(row: StoredResolution) -> Resolution:
    """Return the resolution of a row: the keys of its release, of a deleted one those that were stored with the issue."""
    date = row.shipping_date
    if row.release_date is not None:
        date = row.release_date if row.date_released is not None or row.deploy_count else None
    return Resolution(
        ResolutionKind(row.kind or ResolutionKind.NOW),
        row.release_id,
        row.package,
        row.semver_key,
        date,
        is_pending=row.release_id == AWAITED_RELEASE,
    )


async def find_shipped_releases(
    transaction: Transaction, organization: int, ids: Collection[int]
) -> dict[int, ShippedRelease]:
    """Return the keys of releases by id."""
    if not ids:
        return {}
    values = {"organization_id": organization, "release_ids": transaction.dialect.list_value(sorted(ids))}
    return {release.id: release for release in await FIND_SHIPPED_RELEASES.fetch_all(transaction, values)}


async def reopen_issues(
    transaction: Transaction, organization: int, occurrences: Sequence[ResolvedOccurrence]
) -> dict[int, int]:
    """Reopen the issues of events that come after the fix; return the release (0 for none) of each by issue.

    `occurrences` are events of resolved issues in the order of their arrival: the first that is a regression counts.
    """
    if not occurrences:
        return {}
    values = {
        "organization_id": organization,
        "issue_ids": transaction.dialect.list_value(sorted({occurrence.issue_id for occurrence in occurrences})),
    }
    resolutions = {row.id: build_resolution(row) for row in await FIND_RESOLUTIONS.fetch_all(transaction, values)}
    ids = {occurrence.release_id for occurrence in occurrences if occurrence.release_id}
    shipped = await find_shipped_releases(transaction, organization, ids)
    reopened: dict[int, dict[str, Any]] = {}
    for issue, release in occurrences:
        if issue in reopened or issue not in resolutions:
            continue
        regression = find_regression(resolutions[issue], shipped.get(release))
        if regression:
            reopened[issue] = {
                "organization_id": organization,
                "id": issue,
                "new_status": IssueStatus.UNRESOLVED,
                "release": release or None,
                "date": now(),
                "comparison": regression.compared_by,
            }
    if reopened:
        await transaction.execute_many(REOPEN_ISSUE, [reopened[issue] for issue in sorted(reopened)])
    return {issue: row["release"] or 0 for issue, row in reopened.items()}
