"""Resolves issues: by a request, by the message of a release's commit, and in a release that they waited for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, literal, null, or_, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.events.issue import IssueStatus, ResolutionKind
from gql_releases.domain.events.resolution import has_short_id, list_resolved
from gql_releases.domain.release import Origin
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.events.regressions import AWAITED_RELEASE
from gql_releases.storage.events.suspects import refresh_suspects
from gql_releases.storage.release_rows import links, releases
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.issue import IssueRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow

issues, commits, release_commits = table(IssueRow), table(CommitRow), table(ReleaseCommitRow)

MAX_READ_MESSAGES = 1_000
"""Messages of a release's newest commits that are read."""

_OWN = bindparam("organization_id", type_=Id)
_RELEASE = bindparam("release", type_=Id)


def _select_of_release(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return select(column).where(releases.c.organization_id == _OWN, releases.c.id == _RELEASE).scalar_subquery()


SHIPPED_ON: ColumnElement[Any] = case(
    (or_(releases.c.date_released.is_not(None), releases.c.deploy_count > 0), releases.c.shipping_date), else_=null()
)
"""The shipping date of a release; null while it is neither released nor deployed."""
_KEYS = {
    "resolved_package": _select_of_release(releases.c.package),
    "resolved_semver_key": _select_of_release(releases.c.semver_key),
    "resolved_shipping_date": _select_of_release(SHIPPED_ON),
}
_NO_RESOLUTION: dict[str, Any] = {
    "resolved_in": null(),
    "resolved_release_id": null(),
    "resolved_commit_id": null(),
    "resolved_package": null(),
    "resolved_semver_key": null(),
    "resolved_shipping_date": null(),
    "date_resolved": null(),
}
_DATE = bindparam("date", type_=UtcDateTime)
_RESOLVED: dict[str, Any] = {**_NO_RESOLUTION, "status": literal(IssueStatus.RESOLVED.value, Text), "date_resolved": _DATE}


def _update_issues(dialect: Dialect, values: Mapping[str, Any]) -> Any:
    return (
        update(issues)
        .values(dict(values))
        .where(issues.c.organization_id == _OWN, dialect.is_among(issues.c.id, "issue_ids"))
    )


def _kind(kind: ResolutionKind) -> ColumnElement[Any]:
    return literal(kind.value, Text)


RESOLVE_NOW = Statement(
    "issues.resolve_now",
    lambda dialect: _update_issues(dialect, {**_RESOLVED, "resolved_in": _kind(ResolutionKind.NOW)}),
)
RESOLVE_IN_RELEASE = Statement(
    "issues.resolve_in_release",
    lambda dialect: _update_issues(
        dialect, {**_RESOLVED, **_KEYS, "resolved_in": _kind(ResolutionKind.RELEASE), "resolved_release_id": _RELEASE}
    ),
)
_newest_date = (
    select(links.c.date_shown)
    .select_from(links.join(releases, releases.c.id == links.c.release_id))
    .where(
        links.c.organization_id == issues.c.organization_id,
        links.c.project_id == issues.c.project_id,
        releases.c.origin == Origin.CLIENT.value,
    )
    .order_by(links.c.date_shown.desc(), links.c.release_id.desc())
    .limit(1)
    .correlate(issues)
    .scalar_subquery()
)
RESOLVE_IN_NEXT_RELEASE = Statement(
    "issues.resolve_in_next_release",
    lambda dialect: _update_issues(
        dialect,
        {
            **_RESOLVED,
            "resolved_in": _kind(ResolutionKind.NEXT_RELEASE),
            "resolved_release_id": AWAITED_RELEASE,
            "resolved_shipping_date": _newest_date,
        },
    ),
)
"""Keeps the date of the project's newest release: the next one ships after it."""
RESOLVE_IN_COMMIT = Statement(
    "issues.resolve_in_commit",
    lambda dialect: _update_issues(
        dialect,
        {
            **_RESOLVED,
            **_KEYS,
            "resolved_in": _kind(ResolutionKind.COMMIT),
            "resolved_release_id": _RELEASE,
            "resolved_commit_id": bindparam("commit", type_=Id),
        },
    ),
)
SET_ISSUE_STATUS = Statement(
    "issues.set_status",
    lambda dialect: _update_issues(dialect, {**_NO_RESOLUTION, "status": bindparam("status", type_=issues.c.status.type)}),
)
FIND_FIRST_WITH_COMMIT = Statement(
    "releases.find_first_with_commit",
    select(releases.c.id)
    .select_from(release_commits.join(releases, releases.c.id == release_commits.c.release_id))
    .where(
        release_commits.c.organization_id == _OWN,
        release_commits.c.commit_id == bindparam("commit", type_=Id),
    )
    .order_by(releases.c.shipping_date, releases.c.id)
    .limit(1),
)
RESOLVE_BY_SHORT_ID = Statement(
    "issues.resolve_by_short_id",
    lambda dialect: (
        update(issues)
        .values({**_RESOLVED, **_KEYS, "resolved_in": _kind(ResolutionKind.RELEASE), "resolved_release_id": _RELEASE})
        .where(
            issues.c.organization_id == _OWN,
            dialect.is_among(issues.c.short_id, "short_ids"),
            # An issue that came back stays open when the same commits are sent again.
            or_(issues.c.resolved_release_id.is_(None), issues.c.resolved_release_id != _RELEASE),
            or_(issues.c.status != IssueStatus.RESOLVED.value, issues.c.resolved_release_id == AWAITED_RELEASE),
        )
    ),
)
IS_AWAITING = and_(issues.c.organization_id == _OWN, issues.c.resolved_release_id == AWAITED_RELEASE)
_has_commit = issues.c.resolved_commit_id.in_(
    select(release_commits.c.commit_id).where(
        release_commits.c.organization_id == _OWN, release_commits.c.release_id == _RELEASE
    )
)
_is_next = and_(
    issues.c.resolved_in == ResolutionKind.NEXT_RELEASE.value,
    issues.c.project_id.in_(
        select(links.c.project_id).where(links.c.organization_id == _OWN, links.c.release_id == _RELEASE)
    ),
    or_(
        issues.c.resolved_shipping_date.is_(None),
        issues.c.resolved_shipping_date <= _select_of_release(releases.c.shipping_date),
    ),
)
_FOUND_RELEASE = {
    **_KEYS,
    "resolved_in": case((_is_next, _kind(ResolutionKind.RELEASE)), else_=issues.c.resolved_in),
    "resolved_release_id": _RELEASE,
}
RESOLVE_IN_NEW_RELEASE = Statement(
    "issues.resolve_in_new_release", update(issues).values(_FOUND_RELEASE).where(IS_AWAITING, or_(_is_next, _has_commit))
)
RESOLVE_IN_RELEASE_OF_COMMIT = Statement(
    "issues.resolve_in_release_of_commit", update(issues).values(_FOUND_RELEASE).where(IS_AWAITING, _has_commit)
)
SORT_SHIPPED = Statement(
    "releases.sort_shipped",
    lambda dialect: (
        select(releases.c.id)
        .where(
            releases.c.organization_id == _OWN,
            dialect.is_among(releases.c.id, "release_ids"),
            releases.c.origin == Origin.CLIENT.value,
        )
        .order_by(releases.c.shipping_date, releases.c.id)
    ),
)
FIND_ANY_ISSUE = Statement("issues.find_any", select(issues.c.id).where(issues.c.organization_id == _OWN).limit(1))
LIST_MESSAGES = Statement(
    "commits.list_messages",
    select(commits.c.message)
    .select_from(release_commits.join(commits, commits.c.id == release_commits.c.commit_id))
    .where(
        release_commits.c.organization_id == _OWN,
        release_commits.c.release_id == _RELEASE,
        release_commits.c.position < MAX_READ_MESSAGES,
        commits.c.message.is_not(None),
    ),
)


async def resolve_by_messages(
    transaction: Transaction, organization: int, release: int, messages: Iterable[str | None]
) -> None:
    """Resolve in a release the issues that messages of its commits name after a keyword such as `fixes`."""
    text = "\0".join(filter(None, messages))
    if has_short_id(text) and (short_ids := list_resolved(text)):
        values = {
            "organization_id": organization,
            "release": release,
            "date": now(),
            "short_ids": transaction.dialect.list_value(sorted(short_ids)),
        }
        await transaction.execute(RESOLVE_BY_SHORT_ID, values)


async def resolve_by_listed_commits(transaction: Transaction, organization: int, release: int) -> None:
    """Resolve in a release the issues that the stored messages of its commits name."""
    values = {"organization_id": organization, "release": release}
    messages = [message for (message,) in await transaction.fetch_all(LIST_MESSAGES, values)]
    await resolve_by_messages(transaction, organization, release, messages)


async def resolve_awaiting(transaction: Transaction, organization: int, new: Collection[int]) -> None:
    """Resolve what waits for releases that are new to clients: in the next release of a project, or in a commit."""
    values = {"organization_id": organization, "release_ids": transaction.dialect.list_value(list(new))}
    for (release,) in await transaction.fetch_all(SORT_SHIPPED, values):
        await transaction.execute(RESOLVE_IN_NEW_RELEASE, {"organization_id": organization, "release": release})


async def has_issues(transaction: Transaction, organization: int) -> bool:
    """Return whether an organization has any issue."""
    return await transaction.fetch_one(FIND_ANY_ISSUE, {"organization_id": organization}) is not None


async def follow_commits(transaction: Transaction, organization: int, release: int) -> None:
    """Resolve issues by the commits of an existing release, which were changed in this transaction, and find suspects.

    Without an issue in the organization this is one statement.
    """
    if not await has_issues(transaction, organization):
        return
    await refresh_suspects(transaction, organization, release)
    await resolve_by_listed_commits(transaction, organization, release)
    await transaction.execute(RESOLVE_IN_RELEASE_OF_COMMIT, {"organization_id": organization, "release": release})
