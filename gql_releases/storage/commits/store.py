"""Writes commits, their authors, repositories and file changes, and a release's list of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, delete, null, select, update

from gql_releases.domain.commit import FileChange, NewCommit
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.history import CommitStatus, interleave, last_commit
from gql_releases.storage.commits.lookup import CommitLookup, build_lookup, run_lookup
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import (
    MAX_ROWS_PER_STATEMENT,
    NaturalKeyTable,
    bind_columns,
    insert_all,
    insert_ignoring,
    insert_rows,
)
from gql_releases.storage.engine.statements import BulkStatement, Row, Statement, StatementRows, StatementValues, Transaction
from gql_releases.storage.engine.types import Id, to_datetime
from gql_releases.storage.repositories import repository_keeper
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow, HeadCommitRow
from gql_releases.storage.schema.tables.release import ReleaseAuthorRow, ReleaseCommitRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow

commits, authors, repositories = table(CommitRow), table(CommitAuthorRow), table(RepositoryRow)
releases, links = table(ReleaseRow), table(ReleaseCommitRow)
release_authors, heads = table(ReleaseAuthorRow), table(HeadCommitRow)
author_keeper = NaturalKeyTable(authors, ("email",), ("name",), by="email", completed=("name",))
_SAID = ("author_id", "message", "timestamp")
commit_keeper = NaturalKeyTable(commits, ("sha", "repository_id"), (*_SAID, "date_created"), by="sha", completed=_SAID)
LOOK_UP_COMMITS = build_lookup("commits.look_up")
INSERT_CHANGE = insert_ignoring(
    "commits.insert_change",
    table(FileChangeRow),
    "organization_id",
    "commit_id",
    "path",
    "type",
    shared=("organization_id",),
)
_FIRST = itemgetter(0)
_NOTHING: Row = (None,) * 5


def filter_by_release(target: Any) -> list[ColumnElement[bool]]:
    """Return the conditions for the rows of one release."""
    return [
        target.c.organization_id == bindparam("organization_id", type_=Id),
        target.c.release_id == bindparam("release_id", type_=Id),
    ]


CLEAR_COMMITS = [
    Statement(f"commits.clear_{target.name}", delete(target).where(*filter_by_release(target)))
    for target in (links, release_authors)
]
CLEAR_HEADS = Statement("commits.clear_heads", delete(heads).where(*filter_by_release(heads)))
_WHERE = ("organization_id", "release_id")
_SHARED = ("organization_id",)
LINK_COMMIT = insert_all("commits.link", links, *_WHERE, "position", "commit_id", shared=_SHARED)
LINK_AUTHOR = insert_all("commits.link_author", release_authors, *_WHERE, "position", "author_id", shared=_SHARED)
_HEAD = [column.name for column in heads.c if column.name not in ("id", "known_until")]
HEAD_KEY = ["organization_id", "release_id", "repository_id"]


def _head_of_list(dialect: Dialect) -> Any:
    made = insert_rows(dialect, heads, _HEAD, _SHARED)
    follows = {name: case((heads.c.said, heads.c[name]), else_=made.excluded[name]) for name in ("commit_id", "head_time")}
    now_listed = {name: made.excluded[name] for name in ("kind", "commit_status")}
    return made.on_conflict_do_update(index_elements=HEAD_KEY, set_={**follows, **now_listed, "known_until": null()})


INSERT_HEAD_OF_LIST = BulkStatement("commits.insert_head_of_list", _head_of_list, _SHARED)
COUNT_COMMITS = Statement(
    "commits.count",
    update(releases)
    .values(bind_columns(releases, "commit_count", "last_commit_id", "commit_status"))
    .where(
        releases.c.organization_id == bindparam("organization", type_=Id),
        releases.c.id == bindparam("release_id", type_=Id),
    ),
)
LIST_LINKED_ELSEWHERE = Statement(
    "commits.list_linked_elsewhere",
    select(commits.c.id, commits.c.repository_id, commits.c.author_id, commits.c.timestamp)
    .select_from(links.join(commits, commits.c.id == links.c.commit_id))
    .where(*filter_by_release(links), commits.c.repository_id != bindparam("repository_id", type_=Id))
    .order_by(links.c.position),
)


class LinkedCommit(NamedTuple):
    """A commit that stands in a release's list."""

    id: int
    repository_id: int
    author_id: int | None
    timestamp: datetime | None


@dataclass(frozen=True, slots=True)
class SentCommits:
    """What a command sent: commits, and the repository whose commits they replace; None for those of all."""

    commits: Sequence[LinkedCommit]
    repository_id: int | None = None


async def set_commits(
    transaction: Transaction,
    organization: int,
    release: int,
    arranged: Sequence[NewCommit],
    present: Sequence[LinkedCommit],
    only_repository: str | None = None,
) -> SentCommits:
    """Replace a release's commits with an arranged list, newest first; with `only_repository`, only that one's commits.

    The ranges of its other repositories are then to be settled (storage/commits/ranges.py). `present` is the list
    that the release has: the same one again is not written.
    """
    named = names_of(organization, [arranged], only_repository)
    looked = await run_lookup(transaction, LOOK_UP_COMMITS, organization, named.lists, {})
    stored = await store(transaction, organization, arranged, named, looked)
    listed, replaced = stored.linked, None
    if only_repository is not None:
        replaced = stored.repositories[only_repository]
        listed = await _merge(transaction, organization, release, listed, replaced)
    written = [] if listed == present else links_of(organization, release, listed)
    if written and present:
        await _clear(transaction, organization, release)
    rows = chain(stored.rows, written, [heads_of(organization, {release: stored.linked})])
    await write_rows(transaction, rows, stored.completed)
    return SentCommits(stored.linked, replaced)


def heads_of(organization: int, sent: Mapping[int, Sequence[LinkedCommit]]) -> StatementRows:
    """Give what writes the heads of lists that were sent, by release: of each repository its newest commit."""
    common = {"organization_id": organization, "previous_sha": None, "said": False, "kind": "LIST"}
    found = []
    for release, listed in sent.items():
        for one in {one.repository_id: one for one in reversed(listed)}.values():
            head = {"repository_id": one.repository_id, "commit_id": one.id, "head_time": one.timestamp}
            found.append({**common, **head, "release_id": release, "commit_status": "COMPLETE"})
    return INSERT_HEAD_OF_LIST, found


async def write_rows(
    transaction: Transaction,
    rows: Iterable[StatementRows],
    completed: Sequence[StatementRows] = (),
    then: StatementValues | None = None,
) -> list[Row]:
    """Write rows, each statement's after those that they refer to, AT_ONCE of them together; then complete others.

    Gives what the statement `then` finds, with its values, which does not ask for what is written here. Very many rows are
    better made as they are asked for: between parts others have their turns.
    """
    batch: list[StatementRows] = []
    count = 0
    for statement, given in rows:
        for start in range(0, len(given), MAX_ROWS_PER_STATEMENT):
            part = given[start : start + MAX_ROWS_PER_STATEMENT] if len(given) > MAX_ROWS_PER_STATEMENT else given
            if count + len(part) > MAX_ROWS_PER_STATEMENT:
                await transaction.execute_batch(batch)
                await transaction.yield_to_others()
                batch, count = [], 0
            batch.append((statement, part))
            count += len(part)
    found = await transaction.execute_batch(batch, then)
    for statement, given in completed:
        await transaction.execute_many(statement, given)
    return found


async def link_commits(transaction: Transaction, organization: int, release: int, listed: Sequence[LinkedCommit]) -> None:
    """Make a release's list of commits anew, and what is kept of it: its authors, its length, its last commit."""
    await _clear(transaction, organization, release)
    await write_rows(transaction, links_of(organization, release, listed))


async def _clear(transaction: Transaction, organization: int, release: int) -> None:
    for statement in CLEAR_COMMITS:
        await transaction.execute(statement, {"organization_id": organization, "release_id": release})


def links_of(organization: int, release: int, listed: Sequence[LinkedCommit]) -> list[StatementRows]:
    """Give what links a list of commits to a release that is there."""
    counted = {"organization": organization, "release_id": release, **counts_of(listed)}
    return [*new_links(organization, {release: listed}), (COUNT_COMMITS, [counted])]


def new_links(organization: int, lists: Mapping[int, Sequence[LinkedCommit]]) -> list[StatementRows]:
    """Give what links lists of commits, and their authors, by release."""
    linked, wrote = [], []
    for release, listed in lists.items():
        where = {"organization_id": organization, "release_id": release}
        linked += [{**where, "position": index, "commit_id": one.id} for index, one in enumerate(listed)]
        authors = dict.fromkeys(one.author_id for one in listed if one.author_id is not None)
        wrote += [{**where, "position": index, "author_id": author} for index, author in enumerate(authors)]
    return [(LINK_COMMIT, linked), (LINK_AUTHOR, wrote)]


def counts_of(listed: Sequence[LinkedCommit]) -> dict[str, Any]:
    """Give what a release's own row says of its list."""
    last = last_commit(listed)
    return {
        "commit_count": len(listed),
        "last_commit_id": last.id if last else None,
        "commit_status": CommitStatus.COMPLETE if listed else CommitStatus.NO_COMMITS,
    }


async def clear_commits(transaction: Transaction, organization: int, release: int) -> None:
    """Take a release's commits, authors and heads away; the commits themselves stay."""
    await transaction.execute(CLEAR_HEADS, {"organization_id": organization, "release_id": release})
    await link_commits(transaction, organization, release, ())


@dataclass(frozen=True, slots=True)
class CommitReferences:
    """What a list of commits names: rows of repositories by name, and of authors by address."""

    repositories: dict[str, dict[str, Any]]
    authors: dict[str, dict[str, Any]]
    shas: list[str]

    @property
    def lists(self) -> dict[str, list[str]]:
        """Give the names alone, as `look` takes them."""
        return {"names": list(self.repositories), "emails": list(self.authors), "shas": self.shas}


def names_of(organization: int, lists: Sequence[Sequence[NewCommit]], also: str | None = None) -> CommitReferences:
    """Gather what lists of commits name, those that come first first, and `also` a repository."""
    names = {one.repository or _unnamed(organization): None for listed in lists for one in listed}
    if also is not None:
        names[also] = None
    shas = dict.fromkeys(one.sha for listed in lists for one in listed)
    return CommitReferences({name: {"name": name} for name in names}, _authors(lists), list(shas))


def _unnamed(organization: int) -> str:
    """Give Sentry's name for the repository of commits that name none."""
    return f"organization-{organization}"


@dataclass(frozen=True, slots=True)
class CommitBatch:
    """Commits with their ids, those of the repositories by name, and what is to be written of it all, then completed."""

    linked: list[LinkedCommit]
    repositories: dict[str, int]
    rows: Iterator[StatementRows]
    completed: list[StatementRows]


async def store(
    transaction: Transaction, organization: int, arranged: Sequence[NewCommit], named: CommitReferences, looked: CommitLookup
) -> CommitBatch:
    """Give commits their ids, and what is to be written of them and of all that they name.

    They may be those of several lists, one after the other: what a later one says of a commit then stands.
    """
    many, dialect = (
        len(arranged) > MAX_ROWS_PER_STATEMENT,
        transaction.dialect,
    )  # then each look at all of them takes some 10 ms
    if many:
        await transaction.yield_to_others()
    common = {"organization_id": organization, "date_created": format_date(now())}
    drawn = await transaction.allocate_ids(repositories, len(named.repositories) - len(looked.repositories))
    repository_ids, new_repositories = repository_keeper.assign_ids(
        dialect, common, named.repositories, looked.repositories, drawn
    )
    drawn = await transaction.allocate_ids(authors, len(named.authors) - len(looked.authors))
    author_ids, new_authors = author_keeper.assign_ids(dialect, common, named.authors, looked.authors, drawn)
    completed = [author_keeper.build_completions(named.authors, looked.authors)]
    placed = [repository_ids[one.repository or _unnamed(organization)] for one in arranged]
    by_repository, rows_of = _bind_rows(arranged, placed, author_ids)
    if many:
        await transaction.yield_to_others()
    known = {
        repository: {sha: row for sha, row in looked.commits.get(repository, {}).items() if sha in given}
        for repository, given in by_repository.items()
    }
    if many:
        await transaction.yield_to_others()
    drawn = await transaction.allocate_ids(
        commits, sum([len(given) - len(known[one]) for one, given in by_repository.items()])
    )
    ids: dict[int, dict[str, int]] = {}
    new_commits: list[dict[str, Any]] = []
    for repository, given in sorted(by_repository.items()):
        shared = {**common, "repository_id": repository}
        ids[repository], new = commit_keeper.assign_ids(dialect, shared, given, known[repository], drawn)
        new_commits += new
        completed.append(commit_keeper.build_completions(given, known[repository]))
    if many:
        await transaction.yield_to_others()
    listed = []
    changed: list[tuple[int, Sequence[FileChange]]] = []
    for one, repository, row in zip(arranged, placed, rows_of, strict=True):
        _, _, author, _, time = known[repository].get(one.sha, _NOTHING)
        row_id = ids[repository][one.sha]
        listed.append(LinkedCommit(row_id, repository, row["author_id"] or author, row["timestamp"] or to_datetime(time)))
        if one.file_changes:
            changed.append((row_id, one.file_changes))
    if many:
        await transaction.yield_to_others()
    changes = ((INSERT_CHANGE, part) for part in _changes(organization, changed))
    rows = [
        (repository_keeper.insert, new_repositories),
        (author_keeper.insert, new_authors),
        (commit_keeper.insert, new_commits),
    ]
    return CommitBatch(listed, repository_ids, chain(rows, changes), completed)


def _bind_rows(
    arranged: Sequence[NewCommit], placed: Sequence[int], authors: Mapping[str, int]
) -> tuple[dict[int, dict[str, dict[str, Any]]], list[dict[str, Any]]]:
    """Give the row of each commit by repository and sha, and as it is up to each of the commits."""
    found: dict[int, dict[str, dict[str, Any]]] = {}
    rows = []
    for one, repository in zip(arranged, placed, strict=True):
        author = authors[one.author.email] if one.author else None
        row: dict[str, Any] = {"sha": one.sha, "author_id": author, "message": one.message, "timestamp": one.timestamp}
        given = found.setdefault(repository, {})
        if before := given.get(one.sha):  # an earlier one of the lists has it
            row = before | {name: row[name] for name in _SAID if row[name] is not None}
        given[one.sha] = row
        rows.append(row)
    return found, rows


def _changes(organization: int, changed: list[tuple[int, Sequence[FileChange]]]) -> Iterator[list[dict[str, Any]]]:
    """Give the rows of file changes, by commit and path, AT_ONCE or a few more at a time."""
    rows: list[dict[str, Any]] = []
    for row_id, changes in sorted(changed, key=_FIRST):
        for path, kind in sorted(changes, key=_FIRST):
            rows.append({"organization_id": organization, "commit_id": row_id, "path": path, "type": kind})
        if len(rows) >= MAX_ROWS_PER_STATEMENT:
            yield rows
            rows = []
    if rows:
        yield rows


def _authors(lists: Sequence[Sequence[NewCommit]]) -> dict[str, dict[str, Any]]:
    """Give the authors of some commits by their addresses, with the name that the newest commit of the last list has."""
    wrote: dict[str, dict[str, Any]] = {}
    for listed in lists:
        for one in reversed(listed):
            if one.author:
                name = one.author.name or wrote.get(one.author.email, {}).get("name")
                wrote[one.author.email] = {"email": one.author.email, "name": name}
    return wrote


async def _merge(
    transaction: Transaction, organization: int, release: int, listed: list[LinkedCommit], own: int
) -> list[LinkedCommit]:
    """Put one repository's new commits among those of the others that stay: by time where all have one, else first."""
    asked = {"organization_id": organization, "release_id": release, "repository_id": own}
    stay = [
        LinkedCommit(row_id, other, author, to_datetime(time))
        for row_id, other, author, time in await transaction.fetch_all(LIST_LINKED_ELSEWHERE, asked)
    ]
    merged = listed + stay
    return interleave([listed, stay]) if all(one.timestamp for one in merged) else merged
