"""Looks up in one statement the rows that a list of commits refers to, and further rows that a new release needs.

The rows of all tables have the same columns: (kind, name, id, owner, other, said, time).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, cast, literal_column, null, select, union_all
from sqlalchemy.types import TypeEngine

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import MAX_ROWS_PER_STATEMENT
from gql_releases.storage.engine.statements import Row, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow
from gql_releases.storage.schema.tables.repository import RepositoryRow

commits, authors, repositories = table(CommitRow), table(CommitAuthorRow), table(RepositoryRow)

Kind = Literal["repository", "author", "commit", "project", "release", "upstream", "awaiting", "locked"]
_PART_COLUMNS: dict[str, TypeEngine[Any]] = {
    "name": Text(),
    "id": BigInteger(),
    "owner": BigInteger(),
    "other": BigInteger(),
    "said": Text(),
    "time": UtcDateTime(),
}
_OWN = bindparam("organization_id", type_=Id)


def select_part(kind: Kind, **columns: Any) -> Select[Any]:
    """Return the select of one kind of row."""
    labelled = [columns.get(name, cast(null(), form)).label(name) for name, form in _PART_COLUMNS.items()]
    return select(literal_column(f"'{kind}'").label("kind"), *labelled)


def _select_references(dialect: Dialect) -> list[Select[Any]]:
    """Select the repositories, authors and commits of a list of commits."""
    return [
        select_part("repository", name=repositories.c.name, id=repositories.c.id).where(*_filter_repositories(dialect)),
        select_part("author", name=authors.c.email, id=authors.c.id, said=authors.c.name).where(
            authors.c.organization_id == _OWN, dialect.is_among(authors.c.email, "emails")
        ),
        select_part(
            "commit", name=commits.c.sha, id=commits.c.id, owner=commits.c.repository_id, other=commits.c.author_id,
            said=commits.c.message, time=commits.c.timestamp,
        ).where(commits.c.organization_id == _OWN, dialect.is_among(commits.c.sha, "shas")),
    ]  # fmt: skip


def _filter_repositories(dialect: Dialect) -> list[ColumnElement[bool]]:
    return [repositories.c.organization_id == _OWN, dialect.is_among(repositories.c.name, "names")]


def _select_locks(dialect: Dialect, unless: ColumnElement[bool]) -> list[Select[Any]]:
    """Lock the repositories, always in the same order. SQLite has one writer."""
    if not dialect.has_concurrent_writers:
        return []
    locked = select(repositories.c.id).where(*_filter_repositories(dialect), ~unless).order_by(repositories.c.id)
    return [select_part("locked", id=locked.with_for_update(read=True).cte("locked").c.id)]


def build_lookup(
    name: str,
    more: Callable[[Dialect], Sequence[Select[Any]]] = lambda dialect: (),
    lock_unless: Callable[[Dialect], ColumnElement[bool]] | None = None,
) -> Statement:
    """Return the statement that looks up the rows that commits refer to, and `more`.

    With `lock_unless`, unless its condition is true, other transactions that write ranges of the repositories' commits wait
    until this one ends. A transaction that writes ranges itself must not hold this lock: two of them would deadlock.
    """

    def construct(dialect: Dialect) -> Any:
        locks = [] if lock_unless is None else _select_locks(dialect, lock_unless(dialect))
        return union_all(*_select_references(dialect), *more(dialect), *locks)

    return Statement(name, construct)


class StoredCommit(NamedTuple):
    """A commit's row; NaturalKeyTable reads the columns after the id as those to complete."""

    sha: str | None
    id: int | None
    author_id: int | None
    message: str | None
    timestamp: Any


@dataclass(slots=True)
class CommitLookup:
    """The existing rows by kind and name; commits by repository and sha."""

    repositories: dict[str, Row] = field(default_factory=dict)
    authors: dict[str, Row] = field(default_factory=dict)
    commits: dict[int, dict[str, StoredCommit]] = field(default_factory=dict)
    more: dict[str, list[Row]] = field(default_factory=dict)


async def run_lookup(
    transaction: Transaction,
    statement: Statement,
    organization: int,
    names: Mapping[str, Sequence[str]],
    values: Mapping[str, Any],
) -> CommitLookup:
    """Run a lookup for names of repositories, addresses of authors and shas of commits; `values` are for `more`."""
    lookup = CommitLookup()
    lists = {name: transaction.dialect.list_value(listed) for name, listed in names.items()}
    parameters = {"organization_id": organization, **lists, **values}
    if len(names["shas"]) > MAX_ROWS_PER_STATEMENT:
        await transaction.yield_to_others()
    for kind, name, row_id, owner, other, text, time in await transaction.fetch_all(statement, parameters):
        match kind:
            case "repository":
                lookup.repositories[name] = (name, row_id)
            case "author":
                lookup.authors[name] = (name, row_id, text)
            case "commit":
                lookup.commits.setdefault(owner, {})[name] = StoredCommit(name, row_id, other, text, time)
            case _:
                lookup.more.setdefault(kind, []).append((name, row_id))
    return lookup
