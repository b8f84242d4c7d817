"""Issues, their releases and suspect commits, and the lists of issues of a release and of an organization."""

from __future__ import annotations

from collections.abc import Mapping
from operator import ge, lt
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, cast, exists, func, literal_column, select, tuple_

from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import filter_own_organization, select_environment_id, select_project_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import (
    BuildColumn,
    ComputedColumn,
    ComputedReferenceQuery,
    Entity,
    Filter,
    ToMany,
    ToOne,
)
from gql_releases.storage.reading.filters import (
    bind_value,
    compare_column,
    filter_among,
    filter_equals,
    search_texts,
)
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import EventRow
from gql_releases.storage.schema.tables.issue import IssueHashRow, IssueReleaseRow, IssueRow, SuspectCommitRow
from gql_releases.storage.schema.tables.release import ReleaseRow

MAX_HASHES = 1_000
"""Grouping hashes of an issue that are shown."""

issues, issue_releases = table(IssueRow), table(IssueReleaseRow)

BY_TIMES = Order("times", descending=True)
BY_LAST_SEEN = Order("last_seen", descending=True)


def select_release_id(name: str) -> ColumnElement[int]:
    """Select the id of the organization's release of a bound version, once for a statement."""
    releases = get_alias(ReleaseRow, "release_id releases")
    named = [filter_own_organization(releases), releases.c.version == bind_value(releases.c.version, name)]
    return select(releases.c.id).where(*named).scalar_subquery()


def select_latest_event(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the newest stored event of an issue."""
    events = get_alias(EventRow, "select_latest_event events")
    return (
        select(events.c.id, *([events.c.day] if dialect.has_partitions else []))
        .where(events.c.organization_id == rows.c.organization_id, events.c.issue_id == rows.c.id)
        .order_by(events.c.timestamp.desc(), events.c.id.desc())
        .limit(literal_column("1"))  # with a bound limit PostgreSQL would plan each execution again
    )


def _filter_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return rows.c.project_id == select_project_id(name)


def _filter_introduced(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues that the release of a bound version introduced."""
    return rows.c.introduced_in_id == select_release_id(name)


def _filter_first_release(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues whose first received event was of the release of a bound version."""
    return rows.c.first_release_id.is_not(None) & (rows.c.first_release_id == select_release_id(name))


def _filter_seen_in(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues with an event of the release of a bound version; starts from the release, which has few of all issues."""
    seen = get_alias(IssueReleaseRow, "filter_seen_in seen")
    same = [filter_own_organization(seen), seen.c.release_id == select_release_id(name)]
    return rows.c.id.in_(select(seen.c.issue_id).where(*same))


def _filter_seen_in_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues with an event of a release in an environment; the value is (version, environment's name)."""
    seen = get_alias(IssueReleaseRow, "filter_seen_in_environment seen")
    same = [
        filter_own_organization(seen),
        seen.c.release_id == select_release_id(f"{name}_0"),
        seen.c.environment_id == select_environment_id(f"{name}_1"),
    ]
    return rows.c.id.in_(select(seen.c.issue_id).where(*same))


def _filter_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues with an event in an environment."""
    seen = get_alias(IssueReleaseRow, "filter_environment seen")
    same = [seen.c.organization_id == rows.c.organization_id, seen.c.issue_id == rows.c.id]
    return exists(select(seen.c.release_id).where(*same, seen.c.environment_id == select_environment_id(name)))


def _filter_introduction(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues that are no new path. Most are none: their index would find all issues of the organization."""
    return dialect.avoid_index(rows.c.new_path_of_id).is_(None)


def _filter_new_path(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return dialect.avoid_index(rows.c.new_path_of_id).is_not(None)


def select_hashes(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select the grouping hashes of an issue, as a JSON array of [hash, algorithm]."""
    hashes = get_alias(IssueHashRow, "select_hashes hashes")
    of_issue = (
        select(hashes.c.hash, hashes.c.algorithm)
        .where(hashes.c.organization_id == rows.c.organization_id, hashes.c.issue_id == rows.c.id)
        .order_by(hashes.c.hash, hashes.c.algorithm)
        .limit(MAX_HASHES)
        .correlate(rows)
        .subquery()
    )
    return select(dialect.pack_rows(list(of_issue.c))).correlate(rows).scalar_subquery()


ISSUE_FILTERS: dict[str, Filter] = {
    "project": _filter_project,
    "status": filter_equals("status"),
    "level": filter_equals("level"),
    "introduced_in": _filter_introduced,
    "seen_in": _filter_seen_in,
    "seen_in_environment": _filter_seen_in_environment,
    "environment": _filter_environment,
    "query": search_texts("title", "culprit", "short_id"),
    "first_seen_from": compare_column("first_seen", ge),
    "first_seen_before": compare_column("first_seen", lt),
}
"""The filters of issues by name."""


def _filter_by_issue(name: str) -> Filter:
    """Return the filter of rows by a filter of their issue."""

    def build(rows: FromClause, bind: str, dialect: Dialect) -> ColumnElement[bool]:
        issue = get_alias(IssueRow, f"filter_by_issue {name}")
        same = [issue.c.organization_id == rows.c.organization_id, issue.c.id == rows.c.issue_id]
        return exists(select(issue.c.id).where(*same, ISSUE_FILTERS[name](issue, bind, dialect)))

    return build


def _match_release(seen: FromClause, rows: FromClause) -> list[ColumnElement[bool]]:
    """Return the conditions for the rows of the same issue and release in other environments."""
    return [
        seen.c.organization_id == rows.c.organization_id,
        seen.c.issue_id == rows.c.issue_id,
        seen.c.release_id == rows.c.release_id,
    ]


def _filter_release_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match issues with an event of the row's release in an environment."""
    seen = get_alias(IssueReleaseRow, "filter_release_environment seen")
    place = seen.c.environment_id == select_environment_id(name)
    return exists(select(seen.c.release_id).where(*_match_release(seen, rows), place))


def _filter_last_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match one row of each issue of a release: that of the environment in which it was seen last."""
    later = get_alias(IssueReleaseRow, "filter_last_environment later")
    # Without the column's index SQLite takes the primary key's, which finds the rows of this issue alone.
    last_seen = dialect.avoid_index(later.c.last_seen)
    place = tuple_(last_seen, later.c.environment_id) > tuple_(rows.c.last_seen, rows.c.environment_id)
    return ~exists(select(later.c.release_id).where(*_match_release(later, rows), place))


def _select_of_release(column: str) -> BuildColumn:
    """Return the sum of the events of an issue in a release, or the first date, in all environments."""

    def build(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[Any]:
        seen = get_alias(IssueReleaseRow, "select_of_release seen")
        value = func.min(seen.c[column]) if column == "first_seen" else cast(func.sum(seen.c[column]), BigInteger)
        return select(value).where(*_match_release(seen, rows)).correlate(rows).scalar_subquery()

    return build


def _list_issues(parent: str, *orders: str, default: Order, checked: tuple[str, ...] = (), **more: Any) -> ToMany:
    return ToMany("Issue", issues, parent, None, orders, "id", default, checked=checked, **more)


# Of a release's issues an index finds all, sorted by `times` or `id`; SQLite would otherwise read all issues of the
# organization in another order.
_DATES = ("last_seen", "first_seen")
_OF_RELEASE = ("organization_id", *_DATES)

ENTITIES = {
    "Issue": Entity(
        issues,
        ones={
            "project": ToOne("project_id", "Project"),
            "first_release": ToOne("first_release_id", "Release"),
            "introduced_in": ToOne("introduced_in_id", "Release"),
            "last_release": ToOne("last_release_id", "Release"),
            "regressed_in": ToOne("regressed_in_id", "Release"),
            "resolved_release": ToOne("resolved_release_id", "Release"),
            "resolved_commit": ToOne("resolved_commit_id", "Commit"),
            "new_path_of": ToOne("new_path_of_id", "Issue"),
        },
        manys={
            "releases": ToMany(
                "IssueRelease", issue_releases, "issue_id", None, ("release_id",), "environment_id",
                Order("release_id", descending=True), key=("issue_id", "release_id", "environment_id"),
            ),
            "suspect_commits": ToMany(
                "SuspectCommit", table(SuspectCommitRow), "issue_id", None, ("position",), "position", Order("position"),
                dense=True, key=("issue_id", "position"),
            ),
        },
        computed={"latest_event": ComputedReferenceQuery("Event", select_latest_event, partition="day")},
        columns={"hashes": ComputedColumn(select_hashes, nullable=False)},
        filters={
            "id": filter_equals("id"),
            "short_id": filter_equals("short_id"),
            "ids": filter_among("id"),
            "project_ids": filter_among("project_id"),
            "first_release": _filter_first_release,
            "handled": filter_equals("handled"),
            "introduction": _filter_introduction,
            "new_path": _filter_new_path,
            **ISSUE_FILTERS,
        },
        null_with={"date_resolved": "resolved_in"},
    ),
    "IssueRelease": Entity(
        issue_releases,
        ones={"release": ToOne("release_id", "Release"), "environment": ToOne("environment_id", "Environment")},
    ),
    "ReleaseIssue": Entity(
        issue_releases,
        ones={"issue": ToOne("issue_id", "Issue")},
        columns={
            "times_of_release": ComputedColumn(_select_of_release("times"), nullable=False),
            "first_seen_of_release": ComputedColumn(_select_of_release("first_seen"), nullable=False),
        },
        filters={
            **{name: _filter_by_issue(name) for name in ISSUE_FILTERS},
            "environment": _filter_release_environment,
            "last_environment": _filter_last_environment,
        },
    ),
    "SuspectCommit": Entity(table(SuspectCommitRow), ones={"commit": ToOne("commit_id", "Commit")}),
}  # fmt: skip
LISTS = {
    "Organization": {
        "issues": _list_issues(
            "organization_id", *_DATES, default=BY_LAST_SEEN,
            routes={
                "introduced_in": _list_issues("organization_id", *_DATES, default=BY_LAST_SEEN, checked=_DATES),
                "seen_in": _list_issues("organization_id", *_DATES, default=BY_LAST_SEEN, checked=_OF_RELEASE),
                "seen_in_environment": _list_issues("organization_id", *_DATES, default=BY_LAST_SEEN, checked=_OF_RELEASE),
            },
        )
    },
    "Project": {"issues": _list_issues("project_id", *_DATES, default=BY_LAST_SEEN)},
    "Release": {
        "introduced_issues": _list_issues(
            "introduced_in_id", "times", *_DATES, default=BY_TIMES, checked=_DATES,
            exclusions=frozenset({"introduction", "new_path"}),
        ),
        "regressed_issues": _list_issues("regressed_in_id", "id", default=Order("id", descending=True)),
        "fixed_issues": _list_issues("resolved_release_id", "id", default=Order("id", descending=True)),
        "issues": ToMany(
            "ReleaseIssue", issue_releases, "release_id", None, ("last_seen",), "issue_id", BY_LAST_SEEN,
            key=("issue_id", "release_id", "environment_id"), exclusions=frozenset({"last_environment"}),
        ),
    },
}  # fmt: skip
