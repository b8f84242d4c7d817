"""Computes the commits of releases between a previous commit and a head from all lists sent, and a status if it cannot.

The commits of a release for a repository depend only on the set of requests, never on their order: a list that was sent is
kept, a range is computed again when a new list or head extends its history.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal, select, union, update

from gql_releases.domain.commit import ORIGIN
from gql_releases.domain.history import USABLE_STATUSES, CommitStatus, interleave, worst_status
from gql_releases.storage.commits.default_repositories import has_several_defaults
from gql_releases.storage.commits.history import CommitHistory, CommitRange
from gql_releases.storage.commits.store import (
    LinkedCommit,
    SentCommits,
    commits,
    heads,
    link_commits,
    links,
    releases,
    repositories,
    write_rows,
)
from gql_releases.storage.engine.natural_keys import bind_columns, match_ids
from gql_releases.storage.engine.statements import RowStatement, Statement, StatementRows, StatementValues, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id, to_datetime
from gql_releases.storage.repositories import repository_keys

MAX_RANGES_UPDATED = 50
"""Ranges of other releases that one write updates; the rest is updated by the next write that concerns it."""
EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
"""Replaces the time of a commit without one, because ranges of any time may include it."""


class HeadRow(NamedTuple):
    """A row of LIST_HEADS."""

    id: int
    repository_id: int
    commit_id: int
    previous_sha: str | None
    said: Any
    kind: str
    commit_status: str
    known_until: str | None
    head_time: Any
    sha: str
    timestamp: Any
    author_id: int | None
    repository: str
    release_status: str


LIST_HEADS = RowStatement("commits.list_heads", HeadRow,
    select(
        heads.c.id, heads.c.repository_id, heads.c.commit_id, heads.c.previous_sha, heads.c.said, heads.c.kind,
        heads.c.commit_status, heads.c.known_until, heads.c.head_time,
        commits.c.sha, commits.c.timestamp, commits.c.author_id, repositories.c.name, releases.c.commit_status,
    )
    .select_from(heads.join(commits, commits.c.id == heads.c.commit_id)
    .join(repositories, repositories.c.id == heads.c.repository_id)
    .join(releases, releases.c.id == heads.c.release_id))
    .where(*match_ids(heads, "organization_id", "release_id"))
    .order_by(repositories.c.name)
)  # fmt: skip
LIST_LINKED_COMMITS = Statement(
    "commits.list_linked",
    select(commits.c.id, commits.c.repository_id, commits.c.author_id, commits.c.timestamp)
    .select_from(links.join(commits, commits.c.id == links.c.commit_id))
    .where(*match_ids(links, "organization_id", "release_id"))
    .order_by(links.c.position),
)
FIND_LINK_POSITION = Statement(
    "commits.find_link_position",
    select(links.c.position)
    .where(*match_ids(links, "organization_id", "commit_id", "release_id"))
    .order_by(links.c.position),
)
DELETE_HEAD = Statement("commits.delete_head", delete(heads).where(heads.c.id == bindparam("head", type_=Id)))
_RANGE_COLUMNS = ("kind", "commit_status", "known_until", "head_time")
UPDATE_HEAD = Statement(
    "commits.update_head",
    update(heads).values(bind_columns(heads, *_RANGE_COLUMNS)).where(heads.c.id == bindparam("head", type_=Id)),
)
UPDATE_COMMIT_STATUS = Statement(
    "commits.update_status",
    update(releases)
    .values(bind_columns(releases, "commit_status"))
    .where(
        releases.c.organization_id == bindparam("organization", type_=Id), releases.c.id == bindparam("release", type_=Id)
    ),
)


_is_other_release = heads.c.release_id != bindparam("release_id", type_=Id)


def _select_waiting_releases(*conditions: Any, among: Sequence[Any] = ()) -> Any:
    """Select releases by any of some conditions, each with an index: SQLite would not use two indexes for an OR."""
    selects = (
        select(heads.c.release_id).where(*match_ids(heads, "organization_id", "repository_id"), *among, condition)
        for condition in conditions
    )
    waiting = union(*selects).subquery()
    return select(waiting.c.release_id).order_by(waiting.c.release_id.desc()).limit(MAX_RANGES_UPDATED)


def _select_listed(value: Any) -> Any:
    """Select a value of a list that was sent, which is stored already."""
    here = [*match_ids(links, "organization_id", "release_id"), *match_ids(commits, "repository_id")]
    return select(value).select_from(links.join(commits, commits.c.id == links.c.commit_id)).where(*here)


_oldest_time = _select_listed(
    func.min(func.coalesce(commits.c.timestamp, literal(EPOCH, commits.c.timestamp.type)))
).scalar_subquery()
_since = bindparam("since", type_=heads.c.head_time.type)
_is_range = heads.c.kind == "RANGE"  # only ranges have known_until
LIST_RANGES_WAITING_FOR_LIST = Statement(
    "commits.list_ranges_waiting_for_list",
    _select_waiting_releases(
        heads.c.known_until.in_(_select_listed(commits.c.sha)),
        and_(_is_range, heads.c.head_time >= _oldest_time),
        among=[_is_other_release],
    ),
)
LIST_RANGES_WAITING_FOR_NEW_LIST = Statement(
    "commits.list_ranges_waiting_for_new_list",
    lambda dialect: _select_waiting_releases(
        dialect.is_among(heads.c.known_until, "shas"), and_(_is_range, heads.c.head_time >= _since)
    ),
)
_is_head = heads.c.known_until == bindparam("sha", type_=heads.c.known_until.type)
_open = and_(_is_range, heads.c.previous_sha.is_(None), heads.c.head_time >= _since)
LIST_RANGES_WAITING_FOR_HEAD = Statement(
    "commits.list_ranges_waiting_for_head", _select_waiting_releases(_is_head, _open, among=[_is_other_release])
)


def _build_lock(statement_name: str, target: Any, name: str, *, shared: bool, nowait: bool = False) -> Statement:
    same = [target.c.organization_id == bindparam("organization_id", type_=Id), target.c.id == bindparam(name, type_=Id)]
    return Statement(
        statement_name, select(target.c.id).where(*same).with_for_update(read=shared, key_share=not shared, nowait=nowait)
    )


LOCK_RELEASE = _build_lock("commits.lock_release", releases, "release_id", shared=False, nowait=True)
"""For another release, locked last with NOWAIT: its holder may wait for this writer's locks. The write is then retried."""
LOCK_LISTS = _build_lock("commits.lock_lists", repositories, "repository_id", shared=True)
LOCK_RANGES = _build_lock("commits.lock_ranges", repositories, "repository_id", shared=False)


@dataclass(frozen=True, slots=True)
class HeadCommit:
    """A row of head_commits with columns of its commit and repository."""

    id: int
    repository_id: int
    commit_id: int
    previous_sha: str | None
    said: bool
    kind: str
    status: CommitStatus
    known_until: str | None
    head_time: datetime | None
    sha: str
    timestamp: datetime | None
    author_id: int | None
    repository: str

    @property
    def commit(self) -> LinkedCommit:
        """The head itself."""
        return LinkedCommit(self.commit_id, self.repository_id, self.author_id, self.timestamp)


@dataclass(frozen=True, slots=True)
class ReleaseCommits:
    """The heads and commits of a release; a write that does not change them does not concern other releases."""

    heads: Sequence[HeadCommit] = ()
    listed: Sequence[LinkedCommit] = ()

    def filter_by_repository(self, repository: int) -> tuple[list[HeadCommit], list[LinkedCommit]]:
        """Return the heads and commits of one repository."""
        heads = [item for item in self.heads if item.repository_id == repository]
        return heads, [item for item in self.listed if item.repository_id == repository]


async def load_release_commits(transaction: Transaction, organization: int, release: int) -> ReleaseCommits:
    """Return the heads and commits of a release before a write changes them."""
    heads, _ = await _load_heads(transaction, organization, release)
    return ReleaseCommits(heads, await load_list(transaction, organization, release))


async def lock_repositories(
    transaction: Transaction,
    organization: int,
    before: ReleaseCommits,
    listed: Collection[str] = (),
    refs: Collection[str] = (),
) -> None:
    """Lock the repositories of a write before it writes: those of the release, of `listed` commits and of `refs`.

    If it locked them after writing, it would deadlock with a writer of new lists, which locks them first.
    """
    if not transaction.dialect.has_concurrent_writers:
        return
    ids = await repository_keys.find(transaction, {"organization_id": organization}, [*{*listed, *refs}])
    ranged = {ids[name]: name in refs for name in ids}
    for head in before.heads:
        ranged[head.repository_id] = ranged.get(head.repository_id, False) or head.said
    await _lock_ranges(transaction, organization, ranged)


async def update_ranges(
    transaction: Transaction, organization: int, release: int, sent: SentCommits | None, before: ReleaseCommits
) -> None:
    """Update the ranges of a release after a write, which `sent` commits or only refs, then the ranges of other releases.

    `before` is the release's state before the write. Other releases are updated only for repositories that changed.
    """
    loaded, status = await _load_heads(transaction, organization, release)
    loaded = await _clear_replaced_lists(transaction, loaded, sent)
    await _lock_ranges(transaction, organization, {head.repository_id: head.said for head in loaded})
    settled = await _complete_ranges(transaction, organization, release, loaded, status)
    listed = {head.repository_id for head in sent.commits} if sent else set()
    here = {"organization_id": organization, "release_id": release}
    after = ReleaseCommits(settled, await load_list(transaction, organization, release))
    waiting: set[int] = set()
    for head in settled:
        if after.filter_by_repository(head.repository_id) == before.filter_by_repository(head.repository_id):
            continue
        if head.kind == "LIST" and (head.said or head.repository_id in listed):
            waiting |= await _find_waiting_for_list(transaction, here, head.repository_id)
        elif head.kind != "LIST":
            waiting |= await _find_waiting_for_head(transaction, here, head)
    await _complete_other_releases(transaction, organization, waiting)


async def write_lists(
    transaction: Transaction,
    organization: int,
    rows: Iterable[StatementRows],
    completed: Sequence[StatementRows],
    lists: Mapping[int, Sequence[tuple[str, LinkedCommit]]],
) -> None:
    """Write new releases with their lists, then update the ranges of other releases.

    `lists`: by repository the commits with their shas. The caller has locked the repositories against writers of ranges.
    """
    queries: list[StatementValues] = [
        (LIST_RANGES_WAITING_FOR_NEW_LIST, {
            "organization_id": organization, "repository_id": repository,
            "shas": transaction.dialect.list_value([sha for sha, _ in listed]),
            "since": min(commit.timestamp or EPOCH for _, commit in listed),
        })
        for repository, listed in sorted(lists.items())
    ]  # fmt: skip
    rows_waiting = await write_rows(transaction, rows, completed, queries[0] if queries else None)
    for statement, values in queries[1:]:
        rows_waiting += await transaction.fetch_all(statement, values)
    await _complete_other_releases(transaction, organization, {int(release) for (release,) in rows_waiting})


async def _complete_other_releases(transaction: Transaction, organization: int, waiting: set[int]) -> None:
    for other in sorted(waiting):
        await transaction.fetch_one(LOCK_RELEASE, {"organization_id": organization, "release_id": other})
        await _complete_ranges(transaction, organization, other, *await _load_heads(transaction, organization, other))


async def load_list(transaction: Transaction, organization: int, release: int) -> list[LinkedCommit]:
    """Return a release's commits, newest first."""
    rows = await transaction.fetch_all(LIST_LINKED_COMMITS, {"organization_id": organization, "release_id": release})
    return [LinkedCommit(row_id, repository, author, to_datetime(time)) for row_id, repository, author, time in rows]


async def _load_heads(transaction: Transaction, organization: int, release: int) -> tuple[list[HeadCommit], str]:
    """Return a release's heads and its commit status."""
    values = {"organization_id": organization, "release_id": release}
    rows = await LIST_HEADS.fetch_all(transaction, values)
    return [_build_head(row) for row in rows], rows[0].release_status if rows else CommitStatus.NO_COMMITS


def _build_head(row: HeadRow) -> HeadCommit:
    return HeadCommit(
        id=row.id,
        repository_id=row.repository_id,
        commit_id=row.commit_id,
        previous_sha=row.previous_sha,
        said=bool(row.said),
        kind=row.kind,
        status=CommitStatus(row.commit_status),
        known_until=row.known_until,
        head_time=to_datetime(row.head_time),
        sha=row.sha,
        timestamp=to_datetime(row.timestamp),
        author_id=row.author_id,
        repository=row.repository,
    )


async def _clear_replaced_lists(
    transaction: Transaction, loaded: list[HeadCommit], sent: SentCommits | None
) -> list[HeadCommit]:
    """Delete the heads of lists that a write replaced by nothing; a head that a ref named becomes a range."""
    if sent is None:
        return loaded
    listed = {head.repository_id for head in sent.commits}
    remaining = []
    for head in loaded:
        replaced = sent.repository_id in (None, head.repository_id) and head.repository_id not in listed
        if replaced and not head.said:
            await transaction.execute(DELETE_HEAD, {"head": head.id})
            continue
        if replaced:
            head = replace(head, kind="RANGE")
            await _update_head(transaction, head)
        remaining.append(head)
    return remaining


async def _update_head(transaction: Transaction, head: HeadCommit) -> None:
    noted = {"kind": head.kind, "commit_status": head.status, "known_until": head.known_until, "head_time": head.head_time}
    await transaction.execute(UPDATE_HEAD, {"head": head.id, **noted})


async def _lock_ranges(transaction: Transaction, organization: int, ranged: dict[int, bool]) -> None:
    """Lock repositories, so that of a list and a range written concurrently, the later transaction sees the earlier one.

    Writers of lists do not wait for each other. `ranged`: repositories, and whether a ref named a head of each.
    """
    if transaction.dialect.has_concurrent_writers:
        for repository, has_ref in sorted(ranged.items()):
            where = {"organization_id": organization, "repository_id": repository}
            await transaction.fetch_one(LOCK_RANGES if has_ref else LOCK_LISTS, where)


async def _complete_ranges(
    transaction: Transaction, organization: int, release: int, loaded: Sequence[HeadCommit], status: str
) -> list[HeadCommit]:
    """Compute the ranges of a release, write changes of its list, heads and status, and return its heads."""
    settled, ranges = [], {}
    listed = any(head.kind == "LIST" for head in loaded)  # a complete list that was sent gets no bare head
    for head in loaded:
        if head.kind == "RANGE":
            history = CommitHistory(transaction, organization, release, head.repository_id)
            commit_range = await history.find_range(head.sha, head.previous_sha)
            alone = [] if listed else [head.commit]
            ranges[head.repository_id] = commit_range.commits if commit_range.status in USABLE_STATUSES else alone
            new = _set_range(head, commit_range)
        else:
            new = await _check_listed_head(transaction, organization, release, head)
        if new != head:
            await _update_head(transaction, new)
        settled.append(new)
    is_changed = settled != list(loaded)  # then columns of the same commits may be new, as their authors
    if ranges and await _write_ranges(transaction, organization, release, settled, ranges, is_changed=is_changed):
        status = ""
    new_status = worst_status(head.status for head in settled)
    if any(head.repository == ORIGIN for head in settled) and await has_several_defaults(transaction, organization, release):
        new_status = CommitStatus.ORIGIN_AMBIGUOUS
    if new_status != status:
        await transaction.execute(
            UPDATE_COMMIT_STATUS, {"organization": organization, "release": release, "commit_status": new_status}
        )
    return settled


def _set_range(head: HeadCommit, commit_range: CommitRange) -> HeadCommit:
    final = head.previous_sha is not None and commit_range.status is CommitStatus.COMPLETE
    return replace(
        head,
        kind="FINAL" if final else "RANGE",
        status=commit_range.status,
        known_until=commit_range.known_until,
        head_time=commit_range.head_time,
    )


async def _check_listed_head(transaction: Transaction, organization: int, release: int, head: HeadCommit) -> HeadCommit:
    """Return the head with the status of whether the list that was sent contains it."""
    if head.kind != "LIST" or not head.said:
        return head
    values = {"organization_id": organization, "release_id": release, "commit_id": head.commit_id}
    position = await transaction.fetch_one(FIND_LINK_POSITION, values)
    status = CommitStatus.HEAD_UNLISTED if position is None else CommitStatus.COMPLETE
    return replace(head, status=status, known_until=None, head_time=None if position is None else head.timestamp)


async def _write_ranges(
    transaction: Transaction,
    organization: int,
    release: int,
    settled: Sequence[HeadCommit],
    ranges: dict[int, list[LinkedCommit]],
    *,
    is_changed: bool,
) -> bool:
    """Merge the ranges with the other commits; return whether that changed the release's list."""
    present = await load_list(transaction, organization, release)
    ranged = [head.repository_id for head in settled if head.kind != "LIST"]
    sent = [commit for commit in present if commit.repository_id not in ranged]
    kept = {repository: [commit for commit in present if commit.repository_id == repository] for repository in ranged}
    listed = interleave([sent, *({**kept, **ranges}[repository] for repository in ranged)])
    if not is_changed and [commit.id for commit in listed] == [commit.id for commit in present]:
        return False
    await link_commits(transaction, organization, release, listed)
    return True


async def _find_waiting_for_list(transaction: Transaction, here: dict[str, int], repository: int) -> set[int]:
    """Return the releases whose range may contain commits of a release's list of a repository."""
    rows = await transaction.fetch_all(LIST_RANGES_WAITING_FOR_LIST, {**here, "repository_id": repository})
    return {int(release) for (release,) in rows}


async def _find_waiting_for_head(transaction: Transaction, here: dict[str, int], head: HeadCommit) -> set[int]:
    """Return the releases whose range may end at a head that a ref named."""
    unknown = head.status is CommitStatus.HEAD_UNKNOWN  # then no known history contains it
    values = {**here, "repository_id": head.repository_id, "sha": head.sha}
    rows = await transaction.fetch_all(
        LIST_RANGES_WAITING_FOR_HEAD, {**values, "since": END_OF_TIME if unknown else head.timestamp or EPOCH}
    )
    return {int(release) for (release,) in rows}
