"""Looks up, in one statement, what a list of commits names, and whatever else is to be known of a release that has them.

The rows of all tables come in one form: (kind, name, id, owner, other, said, time).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import BigInteger, Select, Text, bindparam, cast, literal_column, null, select, union_all
from sqlalchemy.types import TypeEngine

from gql_releases.storage.columns import Id, UtcDateTime
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.statements import Row, Statement, Transaction
from gql_releases.storage.tables import CommitAuthorRow, CommitRow, RepositoryRow, table

commits, authors, repositories = table(CommitRow), table(CommitAuthorRow), table(RepositoryRow)

Kind = Literal["repository", "author", "commit", "project", "release", "upstream"]
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


def _named(dialect: Dialect, *, locked: bool) -> list[Select[Any]]:
    """Select what commits name."""
    repository: Any = select(repositories.c.name, repositories.c.id).where(
        repositories.c.organization_id == _OWN, dialect.among(repositories.c.name, "names")
    )
    if locked:
        repository = repository.with_for_update(read=True)
    repository = repository.cte("named")
    return [
        part("repository", name=repository.c.name, id=repository.c.id),
        part("author", name=authors.c.email, id=authors.c.id, said=authors.c.name).where(
            authors.c.organization_id == _OWN, dialect.among(authors.c.email, "emails")
        ),
        part(
            "commit", name=commits.c.sha, id=commits.c.id, owner=commits.c.repository_id, other=commits.c.author_id,
            said=commits.c.message, time=commits.c.timestamp,
        ).where(commits.c.organization_id == _OWN, dialect.among(commits.c.sha, "shas")),
    ]  # fmt: skip


def looking(more: Callable[[Dialect], Sequence[Select[Any]]] = lambda dialect: (), *, locked: bool = False) -> Statement:
    """Make the statement that looks for what commits name, and for `more`.

    `locked`: who makes ranges of the repositories' commits waits until this transaction is over.
    """
    return Statement(lambda dialect: union_all(*_named(dialect, locked=locked), *more(dialect)))


@dataclass(slots=True)
class Looked:
    """What the store has, by kind and name; commits by repository and sha."""

    repositories: dict[str, Row] = field(default_factory=dict)
    authors: dict[str, Row] = field(default_factory=dict)
    commits: dict[int, dict[str, Row]] = field(default_factory=dict)
    more: dict[str, list[Row]] = field(default_factory=dict)


async def look(
    transaction: Transaction,
    statement: Statement,
    organization: int,
    names: Mapping[str, Sequence[str]],
    values: Mapping[str, Any],
) -> Looked:
    """Run such a statement for names of repositories, addresses of authors and shas of commits; `values` are for `more`."""
    looked = Looked()
    spelt = {name: transaction.dialect.list_value(listed) for name, listed in names.items()}
    asked = {"organization_id": organization, **spelt, **values}
    for kind, name, row_id, owner, other, said, time in await transaction.all(statement, asked):
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
