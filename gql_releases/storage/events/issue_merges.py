"""Merges and deletes issues: their hashes, events and counters follow.

The caller holds the lock of events, so that no batch counts meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, case, delete, func, null, select, update

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.merges import add, choose_greatest, choose_least, update_rows
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.release_changes import select_release
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import EventRow, ReleaseEventsRow
from gql_releases.storage.schema.tables.issue import IssueHashRow, IssueReleaseRow, IssueRow, IssueUserRow

issues, issue_hashes, issue_releases = table(IssueRow), table(IssueHashRow), table(IssueReleaseRow)
issue_users, events, release_events = table(IssueUserRow), table(EventRow), table(ReleaseEventsRow)

_OWN = bindparam("organization_id", type_=Id)
_INTO = bindparam("into", type_=Id)


def _is_source(dialect: Dialect, rows: Any, column: str) -> list[Any]:
    # SQLite would else read all issues of the organization in an index that has all columns.
    owner = dialect.avoid_index(rows.c.organization_id) if column == "id" else rows.c.organization_id
    return [owner == _OWN, dialect.is_among(rows.c[column], "issue_ids")]


class FirstPlace(NamedTuple):
    """Where an issue counts as new: the release that it was received in first, and the environment of its first event there.

    Of two environments whose first events have one order in time and another of arrival, it is one with new issues.
    """

    id: int
    project_id: int
    release_id: int | None
    environment_id: int | None


LIST_FIRST_PLACES = RowStatement(
    "issues.list_first_places",
    FirstPlace,
    lambda dialect: select(
        issues.c.id,
        issues.c.project_id,
        issues.c.first_release_id.label("release_id"),
        select(issue_releases.c.environment_id)
        .select_from(
            issue_releases.join(
                release_events,
                and_(
                    release_events.c.organization_id == issue_releases.c.organization_id,
                    release_events.c.release_id == issue_releases.c.release_id,
                    release_events.c.project_id == issues.c.project_id,
                    release_events.c.environment_id == issue_releases.c.environment_id,
                ),
            )
        )
        .where(
            issue_releases.c.organization_id == _OWN,
            issue_releases.c.issue_id == issues.c.id,
            issue_releases.c.release_id == issues.c.first_release_id,
            release_events.c.new_issues > 0,
        )
        .order_by(issue_releases.c.first_seen, issue_releases.c.environment_id)
        .limit(1)
        .correlate(issues)
        .scalar_subquery()
        .label("environment_id"),
    ).where(*_is_source(dialect, issues, "id")),
)
SUBTRACT_NEW_ISSUES = update_rows(
    "releases.subtract_new_issues",
    release_events,
    ("release_id", "project_id", "environment_id"),
    {"less": BigInteger()},
    lambda values: {
        "new_issues": case(
            (release_events.c.new_issues > values["less"], release_events.c.new_issues - values["less"]), else_=0
        )
    },
)
MOVE_TO_ISSUE = [
    Statement(
        f"{rows.name}.move",
        lambda dialect, rows=rows: (  # type: ignore[misc]
            update(rows).values(issue_id=_INTO).where(*_is_source(dialect, rows, "issue_id"))
        ),
    )
    for rows in (issue_hashes, events)
]


def _merge_releases(dialect: Dialect) -> Any:
    columns = ["organization_id", "issue_id", "release_id", "environment_id", "first_seen", "last_seen", "times"]
    place = (issue_releases.c.release_id, issue_releases.c.environment_id)
    sums = (
        select(
            _OWN,
            _INTO,
            *place,
            func.min(issue_releases.c.first_seen),
            func.max(issue_releases.c.last_seen),
            func.sum(issue_releases.c.times).cast(BigInteger),
        )
        .where(*_is_source(dialect, issue_releases, "issue_id"))
        .group_by(*[dialect.avoid_index(column) for column in place])
    )
    statement: Any = dialect.insert(issue_releases).from_select(columns, sums)
    merged = {"first_seen": choose_least, "last_seen": choose_greatest, "times": add}
    return statement.on_conflict_do_update(
        index_elements=columns[:4],
        set_={name: merge(issue_releases.c[name], statement.excluded[name]) for name, merge in merged.items()},
    )


def _merge_users(dialect: Dialect) -> Any:
    users = select(_OWN, _INTO, issue_users.c.user_hash).where(*_is_source(dialect, issue_users, "issue_id")).distinct()
    statement: Any = dialect.insert(issue_users).from_select(["organization_id", "issue_id", "user_hash"], users)
    return statement.on_conflict_do_nothing()


MERGE_RELEASES = Statement("issue_releases.merge", _merge_releases)
MERGE_USERS = Statement("issue_users.merge", _merge_users)
COUNT_USERS = Statement(
    "issue_users.count",
    select(func.count())
    .select_from(issue_users)
    .where(issue_users.c.organization_id == _OWN, issue_users.c.issue_id == _INTO),
)


def _merge_columns(dialect: Dialect) -> Any:
    """Update the issue that others are merged into: `issues` are all of them, and `first` the one received first."""
    every = issues.alias()
    first = issues.alias()

    def sum_up(function: Any) -> Any:
        return select(function).where(*_is_source(dialect, every, "id")).correlate(None).scalar_subquery()

    def select_first(column: str) -> Any:
        same = (first.c.organization_id == _OWN, first.c.id == bindparam("first", type_=Id))
        return select(first.c[column]).where(*same).correlate(None).scalar_subquery()

    return (
        update(issues)
        .values(
            times=sum_up(func.sum(every.c.times).cast(BigInteger)),
            users=issues.c.users + bindparam("more_users", type_=BigInteger),
            first_seen=sum_up(func.min(every.c.first_seen)),
            last_seen=sum_up(func.max(every.c.last_seen)),
            first_release_id=select_first("first_release_id"),
            site=select_first("site"),
            introduced_in_id=select_release(),
            last_release_id=select_release(last=True),
        )
        .where(issues.c.organization_id == _OWN, issues.c.id == _INTO)
    )


MERGE_COLUMNS = Statement("issues.merge", _merge_columns)
MOVE_PATHS = Statement(
    "issues.move_paths",
    lambda dialect: (
        update(issues)
        .values(new_path_of_id=case((issues.c.id == _INTO, null()), else_=_INTO))
        .where(*_is_source(dialect, issues, "new_path_of_id"))
    ),
)


def _replace_path(dialect: Dialect) -> Any:
    """Give new paths to issues that are about to be deleted the oldest remaining issue with their site."""
    older = issues.alias()
    oldest = (
        select(func.min(older.c.id))
        .where(
            older.c.organization_id == _OWN,
            older.c.project_id == issues.c.project_id,
            older.c.site == issues.c.site,
            older.c.id < issues.c.id,
            ~dialect.is_among(older.c.id, "issue_ids"),
        )
        .correlate(issues)
        .scalar_subquery()
    )
    return update(issues).values(new_path_of_id=oldest).where(*_is_source(dialect, issues, "new_path_of_id"))


REPLACE_PATHS = Statement("issues.replace_paths", _replace_path)
DELETE_EVENTS = Statement(
    "events.delete_of_issues", lambda dialect: delete(events).where(*_is_source(dialect, events, "issue_id"))
)
DELETE_ISSUES = Statement("issues.delete", lambda dialect: delete(issues).where(*_is_source(dialect, issues, "id")))


async def merge_issues(transaction: Transaction, organization: int, into: int, sources: Sequence[int]) -> None:
    """Merge issues of one project into another one, which keeps its title, status and suspects.

    What was received first decides its first release and its site.
    """
    list_value = transaction.dialect.list_value
    own = {"organization_id": organization}
    every = {**own, "issue_ids": list_value(sorted([into, *sources])), "into": into}
    merged = {**own, "issue_ids": list_value(list(sources)), "into": into}
    places = await LIST_FIRST_PLACES.fetch_all(transaction, every)
    first, *others = sorted(places, key=lambda place: place.id)
    await _subtract_new_issues(transaction, organization, others)
    [(users_before,)] = await transaction.fetch_all(COUNT_USERS, merged)
    for statement in (*MOVE_TO_ISSUE, MERGE_RELEASES, MERGE_USERS):
        await transaction.execute(statement, merged)
    [(users,)] = await transaction.fetch_all(COUNT_USERS, merged)
    await transaction.execute(MERGE_COLUMNS, {**every, "first": first.id, "more_users": users - users_before})
    await transaction.execute(MOVE_PATHS, merged)
    await transaction.execute(DELETE_ISSUES, merged)


async def remove_issues(transaction: Transaction, organization: int, ids: Sequence[int]) -> None:
    """Delete issues with their events. Counters of releases and hours stay, but for the number of new issues."""
    values = {"organization_id": organization, "issue_ids": transaction.dialect.list_value(list(ids))}
    await _subtract_new_issues(transaction, organization, await LIST_FIRST_PLACES.fetch_all(transaction, values))
    for statement in (DELETE_EVENTS, REPLACE_PATHS, DELETE_ISSUES):
        await transaction.execute(statement, values)


async def _subtract_new_issues(transaction: Transaction, organization: int, places: Iterable[FirstPlace]) -> None:
    counts: dict[tuple[int, int, int], int] = {}
    for place in places:
        if place.release_id and place.environment_id is not None:
            key = place.release_id, place.project_id, place.environment_id
            counts[key] = counts.get(key, 0) + 1
    rows = [
        {
            "organization_id": organization,
            "release_id": release,
            "project_id": project,
            "environment_id": environment,
            "less": count,
        }
        for (release, project, environment), count in sorted(counts.items())
    ]
    await transaction.execute_many(SUBTRACT_NEW_ISSUES, rows)
