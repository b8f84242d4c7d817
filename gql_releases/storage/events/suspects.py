"""Computes the suspect commits of new and regressed issues, and again when a release gets its commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, and_, bindparam, delete, func, or_, select

from gql_releases.domain.events.issue import GroupingStep, SuspectStatus
from gql_releases.domain.events.stored_body import unpack_body
from gql_releases.domain.events.suspects import (
    MAX_RELEASES_BACK,
    CandidateChange,
    FramePath,
    Suspect,
    choose_status,
    choose_suspects,
    list_frame_paths,
)
from gql_releases.domain.release import Origin
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.merges import update_rows
from gql_releases.storage.engine.natural_keys import insert_all
from gql_releases.storage.engine.statements import RowStatement, Statement, StatementRows, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.release_rows import links, releases
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import FileChangeRow
from gql_releases.storage.schema.tables.event import EventRow
from gql_releases.storage.schema.tables.issue import IssueReleaseRow, IssueRow, SuspectCommitRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow

issues, issue_releases, suspect_commits = table(IssueRow), table(IssueReleaseRow), table(SuspectCommitRow)
events, release_commits, file_changes = table(EventRow), table(ReleaseCommitRow), table(FileChangeRow)

MAX_EXAMINED_ISSUES = 200
"""Issues of a release whose suspects are computed again, the newest ones."""
MAX_EXAMINED_COMMITS = 1_000
"""Commits of a release that are examined, the newest ones."""
MAX_COMMITS_ON_LOOP = 500
"""The changes of more commits are not searched on the event loop."""

_OWN = bindparam("organization_id", type_=Id)
_RELEASE = bindparam("release", type_=Id)
_PROJECT = bindparam("project", type_=Id)


class WindowRelease(NamedTuple):
    """A release whose commits are examined, and their number."""

    release_id: int
    commit_count: int


def _select_window(dialect: Dialect) -> Any:
    """Select a release and those before it in the project's order of shipping that clients created, newest first."""
    current = releases.alias()
    same_date = and_(links.c.date_shown == current.c.shipping_date, links.c.release_id < current.c.id)
    earlier = or_(links.c.date_shown < current.c.shipping_date, same_date)
    return (
        select(links.c.release_id, releases.c.commit_count)
        .select_from(
            current.join(
                links, and_(links.c.organization_id == current.c.organization_id, links.c.project_id == _PROJECT)
            ).join(releases, releases.c.id == links.c.release_id)
        )
        .where(
            current.c.organization_id == _OWN,
            current.c.id == _RELEASE,
            links.c.date_shown <= current.c.shipping_date,
            or_(links.c.release_id == current.c.id, and_(earlier, releases.c.origin == Origin.CLIENT.value)),
        )
        .order_by(links.c.date_shown.desc(), links.c.release_id.desc())
        .limit(1 + MAX_RELEASES_BACK)
    )


LIST_WINDOW = RowStatement("suspects.list_window", WindowRelease, _select_window)


class ReleaseChange(NamedTuple):
    """A changed file of a commit of a release."""

    release_id: int
    position: int
    commit_id: int
    path: str
    type: str


def _join_changes(dialect: Dialect) -> Any:
    same_commit = and_(
        file_changes.c.organization_id == release_commits.c.organization_id,
        file_changes.c.commit_id == release_commits.c.commit_id,
    )
    return dialect.join(release_commits, file_changes, same_commit)


def _filter_window(dialect: Dialect) -> list[Any]:
    return [
        release_commits.c.organization_id == _OWN,
        dialect.is_among(release_commits.c.release_id, "release_ids"),
        release_commits.c.position < MAX_EXAMINED_COMMITS,
    ]


def _select_changes(dialect: Dialect, *, by_stem: bool = False) -> Any:
    """Select the changed files of releases whose last segment, or its part before the last dot, is among some names."""
    path = dialect.fold_case(file_changes.c.path)
    folder = func.rtrim(path, func.replace(path, "/", ""))
    name = func.substr(path, func.length(folder) + 1, type_=Text())
    stem = func.rtrim(func.rtrim(name, func.replace(name, ".", "")), ".", type_=Text())
    columns = (
        release_commits.c.release_id,
        release_commits.c.position,
        file_changes.c.commit_id,
        file_changes.c.path,
        file_changes.c.type,
    )
    changes = (
        select(*columns, (stem if by_stem else name).label("name"))
        .select_from(_join_changes(dialect))
        .where(*_filter_window(dialect))
        .subquery("changes")
    )
    return select(*[changes.c[column.name] for column in columns]).where(dialect.is_among(changes.c.name, "names"))


LIST_CHANGES = RowStatement("suspects.list_changes", ReleaseChange, _select_changes)
LIST_CHANGES_BY_STEM = RowStatement(
    "suspects.list_changes_by_stem", ReleaseChange, lambda dialect: _select_changes(dialect, by_stem=True)
)
FIND_CHANGE = Statement(
    "suspects.find_change",
    lambda dialect: (
        select(file_changes.c.commit_id).select_from(_join_changes(dialect)).where(*_filter_window(dialect)).limit(1)
    ),
)
DELETE_SUSPECTS = Statement(
    "suspects.delete",
    lambda dialect: delete(suspect_commits).where(
        suspect_commits.c.organization_id == _OWN, dialect.is_among(suspect_commits.c.issue_id, "issue_ids")
    ),
)
INSERT_SUSPECT = insert_all(
    "suspects.insert", suspect_commits, *[column.name for column in suspect_commits.c], shared=("organization_id",)
)
SET_STATUS = update_rows(
    "suspects.set_status", issues, ("id",), {"status": Text()}, lambda values: {"suspect_status": values["status"]}
)


class ExaminedIssue(NamedTuple):
    """An issue of a release, and the body of an event of it in that release; None if none is stored any more."""

    id: int
    project_id: int
    platform: str
    grouping_step: str
    suspect_status: str
    body: bytes | None


def _select_examined_issues() -> Any:
    """Select the newest issues that a release had first or that regressed in it, each with its first event there."""
    first_seen = (
        select(func.min(issue_releases.c.first_seen))
        .where(
            issue_releases.c.organization_id == _OWN,
            issue_releases.c.issue_id == issues.c.id,
            issue_releases.c.release_id == _RELEASE,
        )
        .correlate(issues)
        .scalar_subquery()
    )
    body = (
        select(events.c.body)
        .where(
            events.c.organization_id == _OWN,
            events.c.issue_id == issues.c.id,
            events.c.timestamp >= first_seen,
            events.c.release_id == _RELEASE,
        )
        .order_by(events.c.timestamp, events.c.id)
        .limit(1)
        .correlate(issues)
        .scalar_subquery()
        .label("body")
    )
    columns = (issues.c.id, issues.c.project_id, issues.c.platform, issues.c.grouping_step, issues.c.suspect_status)
    return (
        select(*columns, body)
        .where(
            issues.c.organization_id == _OWN,
            or_(issues.c.first_release_id == _RELEASE, issues.c.regressed_in_id == _RELEASE),
        )
        .order_by(issues.c.id.desc())
        .limit(MAX_EXAMINED_ISSUES)
    )


LIST_EXAMINED_ISSUES = RowStatement("suspects.list_issues", ExaminedIssue, _select_examined_issues())
FIND_ISSUE = Statement(
    "suspects.find_issue",
    select(issue_releases.c.issue_id)
    .where(issue_releases.c.organization_id == _OWN, issue_releases.c.release_id == _RELEASE)
    .limit(1),
)


class IssueStack(NamedTuple):
    """The stack of an issue's event in a release; `status` is the suspect status that the issue has."""

    issue_id: int
    project_id: int
    release_id: int
    step: str
    status: str
    frames: Sequence[FramePath]


def read_stack(
    issue_id: int, project_id: int, release_id: int, step: str, status: str, platform: str, body: Mapping[str, Any]
) -> IssueStack:
    """Return the stack of an event's body; of a minified one no frame."""
    frames = () if step == GroupingStep.MINIFIED else list_frame_paths(body, platform)
    return IssueStack(issue_id, project_id, release_id, step, status, frames)


async def compute_suspects(
    transaction: Transaction, organization: int, stacks: Iterable[IssueStack], *, replaced: bool
) -> None:
    """Write the suspects of issues, each once in `stacks`; `replaced`: they may have suspects already."""
    groups: dict[tuple[int, int], list[IssueStack]] = {}
    for stack in stacks:
        groups.setdefault((stack.project_id, stack.release_id), []).append(stack)
    rows: list[dict[str, Any]] = []
    statuses: list[dict[str, Any]] = []
    for (project, release), group in sorted(groups.items()):
        suspects_by_issue, has_changes = await _find_suspects(transaction, organization, project, release, group)
        for stack in group:
            suspects = suspects_by_issue.get(stack.issue_id, ())
            rows += _build_rows(organization, stack.issue_id, suspects)
            status = choose_status(stack.step, suspects, has_changes=has_changes)
            if status != stack.status:
                statuses.append({"organization_id": organization, "id": stack.issue_id, "status": status})
    if replaced and groups:
        examined = [stack.issue_id for group in groups.values() for stack in group]
        values = {"organization_id": organization, "issue_ids": transaction.dialect.list_value(sorted(examined))}
        await transaction.execute(DELETE_SUSPECTS, values)
    rows.sort(key=lambda row: (row["issue_id"], row["position"]))
    statuses.sort(key=lambda row: int(row["id"]))
    run: list[StatementRows] = [(INSERT_SUSPECT, rows), (SET_STATUS, statuses)]
    if rows or statuses:
        await transaction.execute_batch([(statement, values) for statement, values in run if values])


async def _find_suspects(
    transaction: Transaction, organization: int, project: int, release: int, group: Sequence[IssueStack]
) -> tuple[dict[int, list[Suspect]], bool]:
    """Return the suspects of issues of a project and release by issue, and whether any commit has changed files."""
    values: dict[str, Any] = {"organization_id": organization, "project": project, "release": release}
    window = await LIST_WINDOW.fetch_all(transaction, values)
    with_commits = {item.release_id: back for back, item in enumerate(window) if item.commit_count}
    if not with_commits:
        return {}, False
    if sum(item.commit_count for item in window) > MAX_COMMITS_ON_LOOP:
        transaction.require_thread()
    list_value = transaction.dialect.list_value
    values = {"organization_id": organization, "release_ids": list_value(sorted(with_commits))}
    changes: set[CandidateChange] = set()
    for statement, is_module in ((LIST_CHANGES, False), (LIST_CHANGES_BY_STEM, True)):
        names = {frame.name for stack in group for frame in stack.frames if frame.is_module is is_module}
        if names:
            for row in await statement.fetch_all(transaction, {**values, "names": list_value(sorted(names))}):
                back = with_commits[row.release_id]
                changes.add(CandidateChange(row.commit_id, row.path, row.type, back, row.position))
    suspects = {stack.issue_id: choose_suspects(stack.frames, _select_by_name(stack.frames, changes)) for stack in group}
    has_changes = bool(changes) or await transaction.fetch_one(FIND_CHANGE, values) is not None
    return suspects, has_changes


def _select_by_name(frames: Sequence[FramePath], changes: Collection[CandidateChange]) -> list[CandidateChange]:
    """Return the changes that can match a frame: most events have few of the names of a batch."""
    names = {frame.name for frame in frames}
    selected = []
    for change in changes:
        name = change.path.rpartition("/")[2].casefold()
        if name in names or name.rpartition(".")[0] in names:
            selected.append(change)
    return selected


def _build_rows(organization: int, issue: int, suspects: Iterable[Suspect]) -> list[dict[str, Any]]:
    return [
        {
            "organization_id": organization,
            "issue_id": issue,
            "position": position,
            "commit_id": suspect.commit_id,
            "score": suspect.score,
            "path": suspect.path,
            "frame_path": suspect.frame_path,
            "matched_segments": suspect.matched_segments,
            "releases_back": suspect.releases_back,
        }
        for position, suspect in enumerate(suspects)
    ]


async def refresh_suspects(transaction: Transaction, organization: int, release: int) -> None:
    """Compute the suspects of a release's newest issues again, after its commits were changed in this transaction.

    An issue that is being written by a batch of events is waited for.
    """
    await lock_organization(transaction, OrganizationLock.EVENTS, organization)
    values = {"organization_id": organization, "release": release}
    if await transaction.fetch_one(FIND_ISSUE, values) is None:
        return
    transaction.require_thread()
    stacks = []
    for issue in await LIST_EXAMINED_ISSUES.fetch_all(transaction, values):
        if issue.suspect_status == SuspectStatus.MINIFIED or issue.body is None:
            continue
        body = unpack_body(bytes(issue.body))
        stacks.append(
            read_stack(issue.id, issue.project_id, release, issue.grouping_step, issue.suspect_status, issue.platform, body)
        )
    await compute_suspects(transaction, organization, stacks, replaced=True)
