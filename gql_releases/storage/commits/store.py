"""Writes commits, their authors, repositories and file changes, and a release's list of commits."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, bindparam, case, delete, null, select, update

from gql_releases.domain.commit import FileChange, NewCommit
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.history import CommitStatus, interleave, last_commit
from gql_releases.storage.commits.lookup import CommitLookup, StoredCommit, build_lookup, run_lookup
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import (
    MAX_ROWS_PER_STATEMENT,
    NaturalKeyTable,
    bind_columns,
    insert_all,
    insert_ignoring,
    insert_rows,
    match_ids,
)
from gql_releases.storage.engine.statements import BulkStatement, Row, Statement, StatementRows, StatementValues, Transaction
from gql_releases.storage.engine.types import Id, to_datetime
from gql_releases.storage.repositories import repository_keys
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow, HeadCommitRow
from gql_releases.storage.schema.tables.release import ReleaseAuthorRow, ReleaseCommitRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow

commits, authors, repositories = table(CommitRow), table(CommitAuthorRow), table(RepositoryRow)
releases, links = table(ReleaseRow), table(ReleaseCommitRow)
release_authors, heads = table(ReleaseAuthorRow), table(HeadCommitRow)
author_keys = NaturalKeyTable(authors, ("email",), ("name",), by="email", completed=("name",))
_COMMIT_COLUMNS = ("author_id", "message", "timestamp")
commit_keys = NaturalKeyTable(
    commits, ("sha", "repository_id"), (*_COMMIT_COLUMNS, "date_created"), by="sha", completed=_COMMIT_COLUMNS
)
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
_BY_FIRST_ITEM = itemgetter(0)
_NO_COMMIT = StoredCommit(None, None, None, None, None)


def filter_by_release(target: Any) -> list[ColumnElement[bool]]:
    """Return the conditions for the rows of one release."""
    return match_ids(target, "organization_id", "release_id")


CLEAR_COMMITS = [
    Statement(f"commits.clear_{target.name}", delete(target).where(*filter_by_release(target)))
    for target in (links, release_authors)
]
CLEAR_HEADS = Statement("commits.clear_heads", delete(heads).where(*filter_by_release(heads)))
_RELEASE_KEY = ("organization_id", "release_id")
_SHARED = ("organization_id",)
LINK_COMMIT = insert_all("commits.link", links, *_RELEASE_KEY, "position", "commit_id", shared=_SHARED)
LINK_AUTHOR = insert_all("commits.link_author", release_authors, *_RELEASE_KEY, "position", "author_id", shared=_SHARED)
_HEAD_COLUMNS = [column.name for column in heads.c if column.name not in ("id", "known_until")]
HEAD_KEY = ["organization_id", "release_id", "repository_id"]


def _upsert_list_head(dialect: Dialect) -> Any:
    statement = insert_rows(dialect, heads, _HEAD_COLUMNS, _SHARED)
    follows = {
        name: case((heads.c.said, heads.c[name]), else_=statement.excluded[name]) for name in ("commit_id", "head_time")
    }
    now_listed = {name: statement.excluded[name] for name in ("kind", "commit_status")}
    return statement.on_conflict_do_update(index_elements=HEAD_KEY, set_={**follows, **now_listed, "known_until": null()})


INSERT_HEAD_OF_LIST = BulkStatement("commits.insert_head_of_list", _upsert_list_head, _SHARED)
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
    """A commit in a release's list."""

    id: int
    repository_id: int
    author_id: int | None
    timestamp: datetime | None


@dataclass(frozen=True, slots=True)
class SentCommits:
    """The commits of a write, and the repository whose commits they replace; None: those of all repositories."""

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

    The caller then updates the ranges of its other repositories (storage/commits/ranges.py). `present` is the release's
    current list: an equal list is not written.
    """
    references = collect_references(organization, [arranged], only_repository)
    lookup = await run_lookup(transaction, LOOK_UP_COMMITS, organization, references.lists, {})
    stored = await prepare_commits(transaction, organization, arranged, references, lookup)
    listed, replaced = stored.linked, None
    if only_repository is not None:
        replaced = stored.repositories[only_repository]
        listed = await _merge_lists(transaction, organization, release, listed, replaced)
    written = [] if listed == present else build_links(organization, release, listed)
    if written and present:
        await _clear_list(transaction, organization, release)
    rows = chain(stored.rows, written, [build_heads(organization, {release: stored.linked})])
    await write_rows(transaction, rows, stored.completed)
    return SentCommits(stored.linked, replaced)


def build_heads(organization: int, sent: Mapping[int, Sequence[LinkedCommit]]) -> StatementRows:
    """Return the rows of the heads of lists that were sent, by release: the newest commit of each repository."""
    common = {"organization_id": organization, "previous_sha": None, "said": False, "kind": "LIST"}
    rows = []
    for release, listed in sent.items():
        for commit in {commit.repository_id: commit for commit in reversed(listed)}.values():
            head = {"repository_id": commit.repository_id, "commit_id": commit.id, "head_time": commit.timestamp}
            rows.append({**common, **head, "release_id": release, "commit_status": "COMPLETE"})
    return INSERT_HEAD_OF_LIST, rows


async def write_rows(
    transaction: Transaction,
    rows: Iterable[StatementRows],
    completed: Sequence[StatementRows] = (),
    then: StatementValues | None = None,
) -> list[Row]:
    """Write rows in the given order, in batches of MAX_ROWS_PER_STATEMENT rows, then the rows of `completed`.

    Returns the rows of the statement `then`, which must not depend on the written rows. Pass very many rows as a generator:
    between batches other requests run.
    """
    batch: list[StatementRows] = []
    count = 0
    for statement, values in rows:
        for start in range(0, len(values), MAX_ROWS_PER_STATEMENT):
            part = values[start : start + MAX_ROWS_PER_STATEMENT] if len(values) > MAX_ROWS_PER_STATEMENT else values
            if count + len(part) > MAX_ROWS_PER_STATEMENT:
                await transaction.execute_batch(batch)
                await transaction.yield_to_others()
                batch, count = [], 0
            batch.append((statement, part))
            count += len(part)
    result = await transaction.execute_batch(batch, then)
    for statement, values in completed:
        await transaction.execute_many(statement, values)
    return result


async def link_commits(transaction: Transaction, organization: int, release: int, listed: Sequence[LinkedCommit]) -> None:
    """Replace a release's list of commits with its authors, length and last commit."""
    await _clear_list(transaction, organization, release)
    await write_rows(transaction, build_links(organization, release, listed))


async def _clear_list(transaction: Transaction, organization: int, release: int) -> None:
    for statement in CLEAR_COMMITS:
        await transaction.execute(statement, {"organization_id": organization, "release_id": release})


def build_links(organization: int, release: int, listed: Sequence[LinkedCommit]) -> list[StatementRows]:
    """Return the rows that link a list of commits to an existing release."""
    counted = {"organization": organization, "release_id": release, **summarize_list(listed)}
    return [*build_new_links(organization, {release: listed}), (COUNT_COMMITS, [counted])]


def build_new_links(organization: int, lists: Mapping[int, Sequence[LinkedCommit]]) -> list[StatementRows]:
    """Return the rows that link lists of commits, and their authors, by release."""
    linked, authors_linked = [], []
    for release, listed in lists.items():
        where = {"organization_id": organization, "release_id": release}
        linked += [{**where, "position": index, "commit_id": commit.id} for index, commit in enumerate(listed)]
        authors = dict.fromkeys(commit.author_id for commit in listed if commit.author_id is not None)
        authors_linked += [{**where, "position": index, "author_id": author} for index, author in enumerate(authors)]
    return [(LINK_COMMIT, linked), (LINK_AUTHOR, authors_linked)]


def summarize_list(listed: Sequence[LinkedCommit]) -> dict[str, Any]:
    """Return the columns of a release that depend on its list."""
    last = last_commit(listed)
    return {
        "commit_count": len(listed),
        "last_commit_id": last.id if last else None,
        "commit_status": CommitStatus.COMPLETE if listed else CommitStatus.NO_COMMITS,
    }


async def clear_commits(transaction: Transaction, organization: int, release: int) -> None:
    """Delete a release's links to commits and authors, and its heads; the commits are kept."""
    await transaction.execute(CLEAR_HEADS, {"organization_id": organization, "release_id": release})
    await link_commits(transaction, organization, release, ())


@dataclass(frozen=True, slots=True)
class CommitReferences:
    """The references of a list of commits: rows of repositories by name and of authors by address, and shas."""

    repositories: dict[str, dict[str, Any]]
    authors: dict[str, dict[str, Any]]
    shas: list[str]

    @property
    def lists(self) -> dict[str, list[str]]:
        """Return the keys alone, as `run_lookup` expects them."""
        return {"names": list(self.repositories), "emails": list(self.authors), "shas": self.shas}


def collect_references(organization: int, lists: Sequence[Sequence[NewCommit]], also: str | None = None) -> CommitReferences:
    """Return the references of lists of commits in their order, and `also` a repository."""
    names = {commit.repository or _name_default_repository(organization): None for listed in lists for commit in listed}
    if also is not None:
        names[also] = None
    shas = dict.fromkeys(commit.sha for listed in lists for commit in listed)
    return CommitReferences({name: {"name": name} for name in names}, _collect_authors(lists), list(shas))


def _name_default_repository(organization: int) -> str:
    """Return Sentry's name for the repository of commits without one."""
    return f"organization-{organization}"


@dataclass(frozen=True, slots=True)
class CommitBatch:
    """Commits with their ids, the ids of repositories by name, the rows to insert, and the rows to complete."""

    linked: list[LinkedCommit]
    repositories: dict[str, int]
    rows: Iterator[StatementRows]
    completed: list[StatementRows]


IdRequest = tuple[Table, int]
"""A table and the number of ids that a step needs of it."""
NO_IDS: IdRequest = commits, 0
PreparationSteps = Generator[IdRequest, Iterator[int], CommitBatch]


async def prepare_commits(
    transaction: Transaction,
    organization: int,
    arranged: Sequence[NewCommit],
    references: CommitReferences,
    lookup: CommitLookup,
) -> CommitBatch:
    """Assign ids to commits, and return the rows to write of them and of all references.

    Commits of several lists can be passed one after the other: the values of a later list win.
    """
    steps = _prepare_in_steps(transaction.dialect, organization, arranged, references, lookup)
    many = len(arranged) > MAX_ROWS_PER_STATEMENT  # then a step takes about 10 ms
    try:
        request = next(steps)
        while True:
            if many:
                await transaction.yield_to_others()
            request = steps.send(await transaction.allocate_ids(*request))
    except StopIteration as end:
        batch: CommitBatch = end.value
        return batch


def _prepare_in_steps(
    dialect: Dialect,
    organization: int,
    arranged: Sequence[NewCommit],
    references: CommitReferences,
    lookup: CommitLookup,
) -> PreparationSteps:
    """Do the work of prepare_commits; yield between two loops over all commits, for ids of a table or for none."""
    common = {"organization_id": organization, "date_created": format_date(now())}
    ids_of_new = yield repositories, len(references.repositories) - len(lookup.repositories)
    repository_ids, new_repositories = repository_keys.assign_ids(
        dialect, common, references.repositories, lookup.repositories, ids_of_new
    )
    ids_of_new = yield authors, len(references.authors) - len(lookup.authors)
    author_ids, new_authors = author_keys.assign_ids(dialect, common, references.authors, lookup.authors, ids_of_new)
    completed = [author_keys.build_completions(references.authors, lookup.authors)]
    placed = [repository_ids[commit.repository or _name_default_repository(organization)] for commit in arranged]
    by_repository, rows_of = _build_rows(arranged, placed, author_ids)
    yield NO_IDS
    stored = {
        repository: {sha: row for sha, row in lookup.commits.get(repository, {}).items() if sha in rows_by_sha}
        for repository, rows_by_sha in by_repository.items()
    }
    ids_of_new = yield (
        commits,
        sum([len(rows_by_sha) - len(stored[repository]) for repository, rows_by_sha in by_repository.items()]),
    )
    ids: dict[int, dict[str, int]] = {}
    new_commits: list[dict[str, Any]] = []
    for repository, rows_by_sha in sorted(by_repository.items()):
        shared = {**common, "repository_id": repository}
        ids[repository], new = commit_keys.assign_ids(dialect, shared, rows_by_sha, stored[repository], ids_of_new)
        new_commits += new
        completed.append(commit_keys.build_completions(rows_by_sha, stored[repository]))
    yield NO_IDS
    linked = [
        _link_commit(ids[repository][commit.sha], repository, row, stored[repository].get(commit.sha, _NO_COMMIT))
        for commit, repository, row in zip(arranged, placed, rows_of, strict=True)
    ]
    changed = [(link.id, commit.file_changes) for link, commit in zip(linked, arranged, strict=True) if commit.file_changes]
    yield NO_IDS
    changes = ((INSERT_CHANGE, part) for part in _build_changes(organization, changed))
    rows = [
        (repository_keys.insert, new_repositories),
        (author_keys.insert, new_authors),
        (commit_keys.insert, new_commits),
    ]
    return CommitBatch(linked, repository_ids, chain(rows, changes), completed)


def _link_commit(row_id: int, repository: int, row: Mapping[str, Any], stored: StoredCommit) -> LinkedCommit:
    """Return a commit as it is after the write: the values of its new row, else the stored values."""
    author, time = row["author_id"] or stored.author_id, row["timestamp"] or to_datetime(stored.timestamp)
    return LinkedCommit(row_id, repository, author, time)


def _build_rows(
    arranged: Sequence[NewCommit], placed: Sequence[int], authors: Mapping[str, int]
) -> tuple[dict[int, dict[str, dict[str, Any]]], list[dict[str, Any]]]:
    """Return the row of each commit by repository and sha, and for each of the commits its row up to this commit."""
    by_repository: dict[int, dict[str, dict[str, Any]]] = {}
    rows = []
    for commit, repository in zip(arranged, placed, strict=True):
        author = authors[commit.author.email] if commit.author else None
        row: dict[str, Any] = {
            "sha": commit.sha,
            "author_id": author,
            "message": commit.message,
            "timestamp": commit.timestamp,
        }
        by_sha = by_repository.setdefault(repository, {})
        if before := by_sha.get(commit.sha):  # an earlier list has the commit, too
            row = before | {name: row[name] for name in _COMMIT_COLUMNS if row[name] is not None}
        by_sha[commit.sha] = row
        rows.append(row)
    return by_repository, rows


def _build_changes(organization: int, changed: Sequence[tuple[int, Sequence[FileChange]]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of file changes, sorted by commit and path, in parts of about MAX_ROWS_PER_STATEMENT."""
    rows: list[dict[str, Any]] = []
    for row_id, changes in sorted(changed, key=_BY_FIRST_ITEM):
        for path, kind in sorted(changes, key=_BY_FIRST_ITEM):
            rows.append({"organization_id": organization, "commit_id": row_id, "path": path, "type": kind})
        if len(rows) >= MAX_ROWS_PER_STATEMENT:
            yield rows
            rows = []
    if rows:
        yield rows


def _collect_authors(lists: Sequence[Sequence[NewCommit]]) -> dict[str, dict[str, Any]]:
    """Return the authors of some commits by their addresses, with the name in the newest commit of the last list."""
    wrote: dict[str, dict[str, Any]] = {}
    for listed in lists:
        for commit in reversed(listed):
            if commit.author:
                name = commit.author.name or wrote.get(commit.author.email, {}).get("name")
                wrote[commit.author.email] = {"email": commit.author.email, "name": name}
    return wrote


async def _merge_lists(
    transaction: Transaction, organization: int, release: int, listed: list[LinkedCommit], own: int
) -> list[LinkedCommit]:
    """Merge one repository's new commits with those of the others: by time if all have one, else first."""
    values = {"organization_id": organization, "release_id": release, "repository_id": own}
    stay = [
        LinkedCommit(row_id, other, author, to_datetime(time))
        for row_id, other, author, time in await transaction.fetch_all(LIST_LINKED_ELSEWHERE, values)
    ]
    merged = listed + stay
    return interleave([listed, stay]) if all(commit.timestamp for commit in merged) else merged
