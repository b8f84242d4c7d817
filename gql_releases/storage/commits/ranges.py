"""Puts together the commits of releases from previous to head, out of the lists that were sent, and says where it cannot.

What a release has for a repository depends on what was sent alone, never on the order in which it was: a list that was sent
stays, a range is made anew when lists or heads come that tell more of its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

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
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import Statement, StatementRows, StatementValues, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id, to_datetime
from gql_releases.storage.repositories import repository_keeper

MAX_RANGES_UPDATED = 50
"""Ranges of other releases that one write makes anew; what is left waits for the next command about it."""
EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
"""Stands for the time of a commit that has none: ranges of any time may go through it."""


def _same(target: Any, *names: str) -> list[Any]:
    return [target.c[name] == bindparam(name, type_=Id) for name in names]


LIST_HEADS = Statement("commits.list_heads", 
    select(
        heads.c.id, heads.c.repository_id, heads.c.commit_id, heads.c.previous_sha, heads.c.said, heads.c.kind,
        heads.c.commit_status, heads.c.known_until, heads.c.head_time,
        commits.c.sha, commits.c.timestamp, commits.c.author_id, repositories.c.name, releases.c.commit_status,
    )
    .select_from(heads.join(commits, commits.c.id == heads.c.commit_id)
    .join(repositories, repositories.c.id == heads.c.repository_id)
    .join(releases, releases.c.id == heads.c.release_id))
    .where(*_same(heads, "organization_id", "release_id"))
    .order_by(repositories.c.name)
)  # fmt: skip
LIST_LINKED_COMMITS = Statement(
    "commits.list_linked",
    select(commits.c.id, commits.c.repository_id, commits.c.author_id, commits.c.timestamp)
    .select_from(links.join(commits, commits.c.id == links.c.commit_id))
    .where(*_same(links, "organization_id", "release_id"))
    .order_by(links.c.position),
)
FIND_LINK_POSITION = Statement(
    "commits.find_link_position",
    select(links.c.position).where(*_same(links, "organization_id", "commit_id", "release_id")).order_by(links.c.position),
)
DELETE_HEAD = Statement("commits.delete_head", delete(heads).where(heads.c.id == bindparam("head", type_=Id)))
_SETTLED = ("kind", "commit_status", "known_until", "head_time")
UPDATE_HEAD = Statement(
    "commits.update_head",
    update(heads).values(bind_columns(heads, *_SETTLED)).where(heads.c.id == bindparam("head", type_=Id)),
)
UPDATE_COMMIT_STATUS = Statement(
    "commits.update_status",
    update(releases)
    .values(bind_columns(releases, "commit_status"))
    .where(
        releases.c.organization_id == bindparam("organization", type_=Id), releases.c.id == bindparam("release", type_=Id)
    ),
)


_of_others = heads.c.release_id != bindparam("release_id", type_=Id)


def _waiting(*conditions: Any, among: Sequence[Any] = ()) -> Any:
    """Find releases by any of some conditions, each of which has an index: SQLite would not take two for an OR."""
    one = (
        select(heads.c.release_id).where(*_same(heads, "organization_id", "repository_id"), *among, condition)
        for condition in conditions
    )
    found = union(*one).subquery()
    return select(found.c.release_id).order_by(found.c.release_id.desc()).limit(MAX_RANGES_UPDATED)


def _told(value: Any) -> Any:
    """Select something of a list that was sent, which stands in the tables already."""
    here = [*_same(links, "organization_id", "release_id"), *_same(commits, "repository_id")]
    return select(value).select_from(links.join(commits, commits.c.id == links.c.commit_id)).where(*here)


_oldest = _told(func.min(func.coalesce(commits.c.timestamp, literal(EPOCH, commits.c.timestamp.type)))).scalar_subquery()
_since = bindparam("since", type_=heads.c.head_time.type)
_ranged = heads.c.kind == "RANGE"  # known_until is never there but of such
LIST_RANGES_WAITING_FOR_LIST = Statement(
    "commits.list_ranges_waiting_for_list",
    _waiting(heads.c.known_until.in_(_told(commits.c.sha)), and_(_ranged, heads.c.head_time >= _oldest), among=[_of_others]),
)
LIST_RANGES_WAITING_FOR_NEW_LIST = Statement(
    "commits.list_ranges_waiting_for_new_list",
    lambda dialect: _waiting(dialect.is_among(heads.c.known_until, "shas"), and_(_ranged, heads.c.head_time >= _since)),
)
_is_head = heads.c.known_until == bindparam("sha", type_=heads.c.known_until.type)
_open = and_(_ranged, heads.c.previous_sha.is_(None), heads.c.head_time >= _since)
LIST_RANGES_WAITING_FOR_HEAD = Statement(
    "commits.list_ranges_waiting_for_head", _waiting(_is_head, _open, among=[_of_others])
)


def _locking(statement_name: str, target: Any, name: str, *, shared: bool, nowait: bool = False) -> Statement:
    same = [target.c.organization_id == bindparam("organization_id", type_=Id), target.c.id == bindparam(name, type_=Id)]
    return Statement(
        statement_name, select(target.c.id).where(*same).with_for_update(read=shared, key_share=not shared, nowait=nowait)
    )


LOCK_RELEASE = _locking("commits.lock_release", releases, "release_id", shared=False, nowait=True)
"""Of another release, which is locked last: whoever has it may wait for what this writer has. The write is then repeated."""
LOCK_LISTS = _locking("commits.lock_lists", repositories, "repository_id", shared=True)
LOCK_RANGES = _locking("commits.lock_ranges", repositories, "repository_id", shared=False)


@dataclass(frozen=True, slots=True)
class HeadCommit:
    """A row of head_commits, and what its commit says."""

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
    """What a release has for its repositories: a command that leaves it as it was tells others nothing."""

    heads: Sequence[HeadCommit] = ()
    listed: Sequence[LinkedCommit] = ()

    def of(self, repository: int) -> tuple[list[HeadCommit], list[LinkedCommit]]:
        """Give what there is for one repository."""
        heads = [one for one in self.heads if one.repository_id == repository]
        return heads, [one for one in self.listed if one.repository_id == repository]


async def known(transaction: Transaction, organization: int, release: int) -> ReleaseCommits:
    """Look what a release has, before a command changes it."""
    found, _ = await _heads(transaction, organization, release)
    return ReleaseCommits(found, await load_list(transaction, organization, release))


async def lock_lines(
    transaction: Transaction,
    organization: int,
    before: ReleaseCommits,
    listed: Collection[str] = (),
    said: Collection[str] = (),
) -> None:
    """Lock the repositories of a command before it writes: those of the release, of `listed` commits and of `said` heads.

    Who locked them after writing would wait for a writer of new lists, which locks them first, and the other way round.
    """
    if not transaction.dialect.has_concurrent_writers:
        return
    ids = await repository_keeper.find(transaction, {"organization_id": organization}, [*{*listed, *said}])
    ranged = {ids[name]: name in said for name in ids}
    for head in before.heads:
        ranged[head.repository_id] = ranged.get(head.repository_id, False) or head.said
    await _lock(transaction, organization, ranged)


async def update_ranges(
    transaction: Transaction, organization: int, release: int, sent: SentCommits | None, before: ReleaseCommits
) -> None:
    """Put together what a command about a release, which `sent` commits or only refs, makes known: of it, then of others.

    `before` is what the release had. Where that is as it was, others have nothing to learn, and are left alone.
    """
    found, status = await _heads(transaction, organization, release)
    found = await _unlist(transaction, found, sent)
    await _lock(transaction, organization, {one.repository_id: one.said for one in found})
    settled = await _complete(transaction, organization, release, found, status)
    told = {one.repository_id for one in sent.commits} if sent else set()
    here = {"organization_id": organization, "release_id": release}
    now = ReleaseCommits(settled, await load_list(transaction, organization, release))
    waiting: set[int] = set()
    for one in settled:
        if now.of(one.repository_id) == before.of(one.repository_id):
            continue
        if one.kind == "LIST" and (one.said or one.repository_id in told):
            waiting |= await _waiting_for_list(transaction, here, one.repository_id)
        elif one.kind != "LIST":
            waiting |= await _waiting_for_head(transaction, here, one)
    await _complete_others(transaction, organization, waiting)


async def write_lists(
    transaction: Transaction,
    organization: int,
    rows: Iterable[StatementRows],
    completed: Sequence[StatementRows],
    lists: Mapping[int, Sequence[tuple[str, LinkedCommit]]],
) -> None:
    """Write new releases with their lists, and put together what these make known of others; they have what they were sent.

    `lists`: by repository the commits with their shas. Their repositories are locked, against those who make ranges of them.
    """
    asked: list[StatementValues] = [
        (LIST_RANGES_WAITING_FOR_NEW_LIST, {
            "organization_id": organization, "repository_id": repository,
            "shas": transaction.dialect.list_value([sha for sha, _ in listed]),
            "since": min(one.timestamp or EPOCH for _, one in listed),
        })
        for repository, listed in sorted(lists.items())
    ]  # fmt: skip
    found = await write_rows(transaction, rows, completed, asked[0] if asked else None)
    for statement, values in asked[1:]:
        found += await transaction.fetch_all(statement, values)
    await _complete_others(transaction, organization, {int(row[0]) for row in found})


async def _complete_others(transaction: Transaction, organization: int, waiting: set[int]) -> None:
    for other in sorted(waiting):
        await transaction.fetch_one(LOCK_RELEASE, {"organization_id": organization, "release_id": other})
        await _complete(transaction, organization, other, *await _heads(transaction, organization, other))


async def load_list(transaction: Transaction, organization: int, release: int) -> list[LinkedCommit]:
    """Return a release's stored commits of one repository, the newest first."""
    rows = await transaction.fetch_all(LIST_LINKED_COMMITS, {"organization_id": organization, "release_id": release})
    return [LinkedCommit(row[0], row[1], row[2], to_datetime(row[3])) for row in rows]


async def _heads(transaction: Transaction, organization: int, release: int) -> tuple[list[HeadCommit], str]:
    rows = await transaction.fetch_all(LIST_HEADS, {"organization_id": organization, "release_id": release})
    found = [_head(*row[:13]) for row in rows]
    return found, rows[0][13] if rows else CommitStatus.NO_COMMITS


def _head(
    row_id: int, repository: int, commit: int, previous: str | None, said: Any, kind: str, status: str, until: str | None,
    head_time: Any, sha: str, timestamp: Any, author: int | None, name: str,
) -> HeadCommit:  # fmt: skip
    return HeadCommit(
        row_id, repository, commit, previous, bool(said), kind, CommitStatus(status), until, to_datetime(head_time), sha,
        to_datetime(timestamp), author, name,
    )  # fmt: skip


async def _unlist(transaction: Transaction, found: list[HeadCommit], sent: SentCommits | None) -> list[HeadCommit]:
    """Take back the lists that a command replaced by none: a head that a ref named has a range then, another is gone."""
    if sent is None:
        return found
    listed = {one.repository_id for one in sent.commits}
    stay = []
    for one in found:
        replaced = sent.repository_id in (None, one.repository_id) and one.repository_id not in listed
        if replaced and not one.said:
            await transaction.execute(DELETE_HEAD, {"head": one.id})
            continue
        if replaced:
            one = replace(one, kind="RANGE")
            await _note(transaction, one)
        stay.append(one)
    return stay


async def _note(transaction: Transaction, head: HeadCommit) -> None:
    noted = {"kind": head.kind, "commit_status": head.status, "known_until": head.known_until, "head_time": head.head_time}
    await transaction.execute(UPDATE_HEAD, {"head": head.id, **noted})


async def _lock(transaction: Transaction, organization: int, ranged: dict[int, bool]) -> None:
    """Let a range see every list that is sent at the same moment, or the list's writer see the range.

    Lists do not wait for lists. SQLite has one writer. `ranged`: repositories, and whether a ref named a head of each.
    """
    if transaction.dialect.has_concurrent_writers:
        for repository, said in sorted(ranged.items()):
            where = {"organization_id": organization, "repository_id": repository}
            await transaction.fetch_one(LOCK_RANGES if said else LOCK_LISTS, where)


async def _complete(
    transaction: Transaction, organization: int, release: int, found: Sequence[HeadCommit], status: str
) -> list[HeadCommit]:
    """Make the ranges of a release, write what is new of its list, its heads and its status, and give its heads."""
    settled, ranges = [], {}
    listed = any(one.kind == "LIST" for one in found)  # what was sent as the whole list gets no bare head put to it
    for one in found:
        if one.kind == "RANGE":
            line = CommitHistory(transaction, organization, release, one.repository_id)
            made = await line.range(one.sha, one.previous_sha)
            alone = [] if listed else [one.commit]
            ranges[one.repository_id] = made.commits if made.status in USABLE_STATUSES else alone
            new = _with_range(one, made)
        else:
            new = await _checked(transaction, organization, release, one)
        if new != one:
            await _note(transaction, new)
        settled.append(new)
    anew = settled != list(found)  # then more may be known of the same commits, as who wrote them
    if ranges and await _relist(transaction, organization, release, settled, ranges, anew=anew):
        status = ""
    now = worst_status(one.status for one in settled)
    if any(one.repository == ORIGIN for one in settled) and await has_several_defaults(transaction, organization, release):
        now = CommitStatus.ORIGIN_AMBIGUOUS
    if now != status:
        await transaction.execute(
            UPDATE_COMMIT_STATUS, {"organization": organization, "release": release, "commit_status": now}
        )
    return settled


def _with_range(head: HeadCommit, made: CommitRange) -> HeadCommit:
    final = head.previous_sha is not None and made.status is CommitStatus.COMPLETE
    return replace(
        head, kind="FINAL" if final else "RANGE", status=made.status, known_until=made.known_until, head_time=made.head_time
    )


async def _checked(transaction: Transaction, organization: int, release: int, head: HeadCommit) -> HeadCommit:
    """Look whether the list that was sent has the head that a ref named."""
    if head.kind != "LIST" or not head.said:
        return head
    asked = {"organization_id": organization, "release_id": release, "commit_id": head.commit_id}
    has = await transaction.fetch_one(FIND_LINK_POSITION, asked)
    status = CommitStatus.HEAD_UNLISTED if has is None else CommitStatus.COMPLETE
    return replace(head, status=status, known_until=None, head_time=None if has is None else head.timestamp)


async def _relist(
    transaction: Transaction,
    organization: int,
    release: int,
    settled: Sequence[HeadCommit],
    ranges: dict[int, list[LinkedCommit]],
    *,
    anew: bool,
) -> bool:
    """Put the ranges among the commits that stay; say whether that changed the release's list."""
    present = await load_list(transaction, organization, release)
    made = [one.repository_id for one in settled if one.kind != "LIST"]
    sent = [one for one in present if one.repository_id not in made]
    kept = {repository: [one for one in present if one.repository_id == repository] for repository in made}
    listed = interleave([sent, *({**kept, **ranges}[repository] for repository in made)])
    if not anew and [one.id for one in listed] == [one.id for one in present]:
        return False
    await link_commits(transaction, organization, release, listed)
    return True


async def _waiting_for_list(transaction: Transaction, here: dict[str, int], repository: int) -> set[int]:
    """Find the releases whose range may go along a release's list of a repository."""
    rows = await transaction.fetch_all(LIST_RANGES_WAITING_FOR_LIST, {**here, "repository_id": repository})
    return {int(row[0]) for row in rows}


async def _waiting_for_head(transaction: Transaction, here: dict[str, int], head: HeadCommit) -> set[int]:
    """Find the releases whose range may end at a head that a ref named."""
    unknown = head.status is CommitStatus.HEAD_UNKNOWN  # then no line that is known goes through it
    asked = {**here, "repository_id": head.repository_id, "sha": head.sha}
    rows = await transaction.fetch_all(
        LIST_RANGES_WAITING_FOR_HEAD, {**asked, "since": END_OF_TIME if unknown else head.timestamp or EPOCH}
    )
    return {int(row[0]) for row in rows}
