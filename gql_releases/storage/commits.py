"""Writes commits, their authors, repositories and file changes, and a release's list of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, delete, literal, null, select, union_all, update

from gql_releases.domain.commit import FileChange, NewCommit
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.history import CommitStatus, interleave, last_commit
from gql_releases.storage.columns import Id, moment
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.statements import Row, RowsStatement, Statement, Transaction
from gql_releases.storage.tables import (
    CommitAuthorRow,
    CommitRow,
    FileChangeRow,
    HeadCommitRow,
    ReleaseAuthorRow,
    ReleaseCommitRow,
    ReleaseRow,
    RepositoryRow,
    table,
)
from gql_releases.storage.upserts import AT_ONCE, Keeper, insert_all, insert_ignoring, insert_rows, values_of

commits, authors, repositories = table(CommitRow), table(CommitAuthorRow), table(RepositoryRow)
releases, links = table(ReleaseRow), table(ReleaseCommitRow)
release_authors, heads = table(ReleaseAuthorRow), table(HeadCommitRow)

repository_keeper = Keeper(repositories, ("name",), ("date_created",), by="name")
author_keeper = Keeper(authors, ("email",), ("name",), by="email", completed=("name",))
_SAID = ("author_id", "message", "timestamp")
commit_keeper = Keeper(
    commits, ("sha", "repository_id"), (*_SAID, "date_created"), by="sha", completed=_SAID, mostly_new=True
)
NAMED = Statement(
    lambda dialect: union_all(
        select(literal(0), repositories.c.name, repositories.c.id, null()).where(
            repositories.c.organization_id == bindparam("organization_id", type_=Id),
            dialect.among(repositories.c.name, "names"),
        ),
        select(literal(1), authors.c.email, authors.c.id, authors.c.name).where(
            authors.c.organization_id == bindparam("organization_id", type_=Id), dialect.among(authors.c.email, "emails")
        ),
    )
)
"""Repositories and authors together: a round trip less."""
INSERT_CHANGE = insert_ignoring(table(FileChangeRow), "organization_id", "commit_id", "path", "type")
_FIRST = itemgetter(0)


def _of_release(target: Any) -> list[ColumnElement[bool]]:
    return [
        target.c.organization_id == bindparam("organization_id", type_=Id),
        target.c.release_id == bindparam("release_id", type_=Id),
    ]


CLEAR = [Statement(delete(target).where(*_of_release(target))) for target in (links, release_authors)]
CLEAR_HEADS = Statement(delete(heads).where(*_of_release(heads)))
LINK = insert_all(links, "organization_id", "release_id", "position", "commit_id")
LINK_AUTHOR = insert_all(release_authors, "organization_id", "release_id", "position", "author_id")
_HEAD = [column.name for column in heads.c if column.name not in ("id", "known_until")]
HEAD_KEY = ["organization_id", "release_id", "repository_id"]


def _head_of_list(dialect: Dialect) -> Any:
    made = insert_rows(dialect, heads, _HEAD)
    follows = {name: case((heads.c.said, heads.c[name]), else_=made.excluded[name]) for name in ("commit_id", "head_time")}
    now_listed = {name: made.excluded[name] for name in ("kind", "commit_status")}
    return made.on_conflict_do_update(index_elements=HEAD_KEY, set_={**follows, **now_listed, "known_until": null()})


HEAD_OF_LIST = RowsStatement(_head_of_list)
COUNT = Statement(
    update(releases)
    .values(values_of(releases, "commit_count", "last_commit_id", "commit_status"))
    .where(
        releases.c.organization_id == bindparam("organization", type_=Id),
        releases.c.id == bindparam("release_id", type_=Id),
    )
)
LINKED_ELSEWHERE = Statement(
    select(commits.c.id, commits.c.repository_id, commits.c.author_id, commits.c.timestamp)
    .select_from(links.join(commits, commits.c.id == links.c.commit_id))
    .where(*_of_release(links), commits.c.repository_id != bindparam("repository_id", type_=Id))
    .order_by(links.c.position)
)


Rows = tuple[Statement, list[dict[str, Any]]]
"""A statement, and the rows that it is run for."""


class Linked(NamedTuple):
    """A commit that stands in a release's list."""

    id: int
    repository_id: int
    author_id: int | None
    timestamp: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What a command sent: commits, and the repository whose commits they replace; None for those of all."""

    commits: Sequence[Linked]
    repository_id: int | None = None


async def set_commits(
    transaction: Transaction,
    organization: int,
    release: int,
    arranged: Sequence[NewCommit],
    present: Sequence[Linked],
    only_repository: str | None = None,
    also: Sequence[Rows] = (),
) -> Sent:
    """Replace a release's commits with an arranged list, newest first; with `only_repository`, only that one's commits.

    The ranges of its other repositories are then to be settled (storage/ranges.py). `present` is the list that the release
    has: the same one again is not written; a new release has an empty one. `also` is written in the same round trip.
    """
    sent = await _store(transaction, organization, arranged)
    listed, replaced = sent, None
    if only_repository is not None:
        listed, replaced = await _merge(transaction, organization, release, sent, only_repository)
    first: dict[int, Linked] = {}
    for one in sent:
        first.setdefault(one.repository_id, one)
    common = {"organization_id": organization, "release_id": release, "previous_sha": None, "said": False, "kind": "LIST"}
    found = [
        {**common, "repository_id": repository, "commit_id": one.id, "head_time": one.timestamp, "commit_status": "COMPLETE"}
        for repository, one in first.items()
    ]
    written = [] if listed == present else _links(organization, release, listed)
    if written and present:
        await _clear(transaction, organization, release)
    await transaction.run_all([*also, *written, (HEAD_OF_LIST, found)])
    return Sent(sent, replaced)


async def link_commits(transaction: Transaction, organization: int, release: int, listed: Sequence[Linked]) -> None:
    """Make a release's list of commits anew, and what is kept of it: its authors, its length, its last commit."""
    await _clear(transaction, organization, release)
    await transaction.run_all(_links(organization, release, listed))


async def _clear(transaction: Transaction, organization: int, release: int) -> None:
    for statement in CLEAR:
        await transaction.run(statement, {"organization_id": organization, "release_id": release})


def _links(organization: int, release: int, listed: Sequence[Linked]) -> list[Rows]:
    """Give the statements that link a list of commits, and their rows."""
    where = {"organization_id": organization, "release_id": release}
    wrote = dict.fromkeys(one.author_id for one in listed if one.author_id is not None)
    last = last_commit(listed)
    counted = {
        "commit_count": len(listed),
        "last_commit_id": last.id if last else None,
        "commit_status": CommitStatus.COMPLETE if listed else CommitStatus.NO_COMMITS,
    }
    return [
        (LINK, [{**where, "position": index, "commit_id": one.id} for index, one in enumerate(listed)]),
        (LINK_AUTHOR, [{**where, "position": index, "author_id": author} for index, author in enumerate(wrote)]),
        (COUNT, [{"organization": organization, "release_id": release, **counted}]),
    ]


async def clear_commits(transaction: Transaction, organization: int, release: int) -> None:
    """Take a release's commits, authors and heads away; the commits themselves stay."""
    await transaction.run(CLEAR_HEADS, {"organization_id": organization, "release_id": release})
    await link_commits(transaction, organization, release, ())


async def _store(transaction: Transaction, organization: int, arranged: Sequence[NewCommit]) -> list[Linked]:
    """Make or complete the rows of commits and all that they name."""
    many = len(arranged) > AT_ONCE  # then each look at all of them takes some 10 ms
    if many:
        await transaction.pause()
    common = {"organization_id": organization, "date_created": format_date(now())}
    unnamed = f"organization-{organization}"  # Sentry's name for the repository of commits that name none
    names = {one.repository or unnamed: {"name": one.repository or unnamed} for one in arranged}
    wrote = _authors(arranged)
    spelt = transaction.dialect.list_value
    asked = {**common, "names": spelt(list(names)), "emails": spelt(list(wrote))}
    known: tuple[dict[str, Row], dict[str, Row]] = {}, {}
    for kind, name, row_id, called in await transaction.all(NAMED, asked):
        known[kind][name] = (name, row_id, called) if kind else (name, row_id)
    repository_ids = await repository_keeper.keep(transaction, common, names, known[0])
    author_ids = await author_keeper.keep(transaction, common, wrote, known[1])
    by_repository: dict[int, dict[str, dict[str, Any]]] = {}
    for one in arranged:
        author = author_ids[one.author.email] if one.author else None
        row = {"sha": one.sha, "author_id": author, "message": one.message, "timestamp": one.timestamp}
        by_repository.setdefault(repository_ids[one.repository or unnamed], {})[one.sha] = row
    if many:
        await transaction.pause()
    kept: dict[int, dict[str, Row]] = {}
    for repository, rows in sorted(by_repository.items()):
        shared = {**common, "repository_id": repository}
        kept[repository] = await commit_keeper.keep_rows(transaction, shared, rows)
    listed = []
    changed: list[tuple[int, Sequence[FileChange]]] = []
    for one in arranged:
        repository = repository_ids[one.repository or unnamed]
        _, row_id, author, _, time = kept[repository][one.sha]
        given = by_repository[repository][one.sha]["author_id"]
        listed.append(Linked(row_id, repository, given or author, one.timestamp or moment(time)))
        if one.file_changes:
            changed.append((row_id, one.file_changes))
    if many:
        await transaction.pause()
    for part in _changes(organization, changed):
        await transaction.run_many(INSERT_CHANGE, part)
    return listed


def _changes(organization: int, changed: list[tuple[int, Sequence[FileChange]]]) -> Iterator[list[dict[str, Any]]]:
    """Give the rows of file changes, by commit and path, AT_ONCE or a few more at a time."""
    rows: list[dict[str, Any]] = []
    for row_id, changes in sorted(changed, key=_FIRST):
        for path, kind in sorted(changes, key=_FIRST):
            rows.append({"organization_id": organization, "commit_id": row_id, "path": path, "type": kind})
        if len(rows) >= AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


def _authors(arranged: Sequence[NewCommit]) -> dict[str, dict[str, Any]]:
    """Give the authors of some commits by their addresses, with the name that the newest commit has."""
    wrote: dict[str, dict[str, Any]] = {}
    for one in reversed(arranged):
        if one.author:
            name = one.author.name or wrote.get(one.author.email, {}).get("name")
            wrote[one.author.email] = {"email": one.author.email, "name": name}
    return wrote


async def _merge(
    transaction: Transaction, organization: int, release: int, listed: list[Linked], repository: str
) -> tuple[list[Linked], int]:
    """Put one repository's new commits among those of the others that stay: by time where all have one, else first."""
    common = {"organization_id": organization, "date_created": now()}
    own = (await repository_keeper.keep(transaction, common, {repository: {"name": repository}}))[repository]
    asked = {"organization_id": organization, "release_id": release, "repository_id": own}
    stay = [
        Linked(row_id, other, author, moment(time))
        for row_id, other, author, time in await transaction.all(LINKED_ELSEWHERE, asked)
    ]
    merged = listed + stay
    return interleave([listed, stay]) if all(one.timestamp for one in merged) else merged, own
