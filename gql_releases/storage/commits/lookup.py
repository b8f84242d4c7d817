"""Looks up, in one statement, what a list of commits names, and whatever else is to be known of a release that has them.

The rows of all tables come in one form: (kind, name, id, owner, other, said, time).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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

Kind = Literal["repository", "author", "commit", "project", "release", "upstream", "locked"]
_FORM: dict[str, TypeEngine[Any]] = {
    "name": Text(),
    "id": BigInteger(),
    "owner": BigInteger(),
    "other": BigInteger(),
    "said": Text(),
    "time": UtcDateTime(),
}
_OWN = bindparam("organization_id", type_=Id)


def part(kind: Kind, **columns: Any) -> Select[Any]:
    """Begin the select of one kind of row."""
    given = [columns.get(name, cast(null(), form)).label(name) for name, form in _FORM.items()]
    return select(literal_column(f"'{kind}'").label("kind"), *given)


def _named(dialect: Dialect) -> list[Select[Any]]:
    """Select what commits name."""
    return [
        part("repository", name=repositories.c.name, id=repositories.c.id).where(*_is_named(dialect)),
        part("author", name=authors.c.email, id=authors.c.id, said=authors.c.name).where(
            authors.c.organization_id == _OWN, dialect.is_among(authors.c.email, "emails")
        ),
        part(
            "commit", name=commits.c.sha, id=commits.c.id, owner=commits.c.repository_id, other=commits.c.author_id,
            said=commits.c.message, time=commits.c.timestamp,
        ).where(commits.c.organization_id == _OWN, dialect.is_among(commits.c.sha, "shas")),
    ]  # fmt: skip


def _is_named(dialect: Dialect) -> list[ColumnElement[bool]]:
    return [repositories.c.organization_id == _OWN, dialect.is_among(repositories.c.name, "names")]


def _locked(dialect: Dialect, unless: ColumnElement[bool]) -> list[Select[Any]]:
    """Lock the repositories, always in one order. SQLite has one writer."""
    if not dialect.has_concurrent_writers:
        return []
    locked = select(repositories.c.id).where(*_is_named(dialect), ~unless).order_by(repositories.c.id)
    return [part("locked", id=locked.with_for_update(read=True).cte("locked").c.id)]


def build_lookup(
    name: str,
    more: Callable[[Dialect], Sequence[Select[Any]]] = lambda dialect: (),
    lock_unless: Callable[[Dialect], ColumnElement[bool]] | None = None,
) -> Statement:
    """Make the statement that looks for what commits name, and for `more`.

    `lock_unless`: but where this holds, who makes ranges of the repositories' commits waits until the transaction is over.
    Whoever is to make some itself must not come with that lock: two of them would wait for each other.
    """

    def construct(dialect: Dialect) -> Any:
        locked = [] if lock_unless is None else _locked(dialect, lock_unless(dialect))
        return union_all(*_named(dialect), *more(dialect), *locked)

    return Statement(name, construct)


@dataclass(slots=True)
class CommitLookup:
    """What the store has, by kind and name; commits by repository and sha."""

    repositories: dict[str, Row] = field(default_factory=dict)
    authors: dict[str, Row] = field(default_factory=dict)
    commits: dict[int, dict[str, Row]] = field(default_factory=dict)
    more: dict[str, list[Row]] = field(default_factory=dict)


async def run_lookup(
    transaction: Transaction,
    statement: Statement,
    organization: int,
    names: Mapping[str, Sequence[str]],
    values: Mapping[str, Any],
) -> CommitLookup:
    """Run such a statement for names of repositories, addresses of authors and shas of commits; `values` are for `more`."""
    looked = CommitLookup()
    spelt = {name: transaction.dialect.list_value(listed) for name, listed in names.items()}
    asked = {"organization_id": organization, **spelt, **values}
    if len(names["shas"]) > MAX_ROWS_PER_STATEMENT:
        await transaction.yield_to_others()
    for kind, name, row_id, owner, other, said, time in await transaction.fetch_all(statement, asked):
        match kind:
            case "repository":
                looked.repositories[name] = (name, row_id)
            case "author":
                looked.authors[name] = (name, row_id, said)
            case "commit":
                looked.commits.setdefault(owner, {})[name] = (name, row_id, other, said, time)
            case _:
                looked.more.setdefault(kind, []).append((name, row_id))
    return looked
