"""Writes a release's head commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, case, or_

from gql_releases.domain.dates import now
from gql_releases.domain.history import CommitStatus
from gql_releases.domain.ref import Ref
from gql_releases.storage.commits.store import HEAD_KEY, commit_keys, heads
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.repositories import repository_keys

_REF_COLUMNS = ("commit_id", "previous_sha", "said")


def _upsert_head(dialect: Dialect) -> Any:
    """Return the statement that sets a head to a ref; an unchanged head keeps its range."""
    statement = dialect.insert(heads).values(bind_columns(heads, *HEAD_KEY, *_REF_COLUMNS, "kind", "commit_status"))
    is_same = [heads.c[name].is_not_distinct_from(statement.excluded[name]) for name in _REF_COLUMNS]
    kind = case((or_(heads.c.kind == "LIST", and_(*is_same)), heads.c.kind), else_=statement.excluded.kind)
    new_values = {name: statement.excluded[name] for name in _REF_COLUMNS}
    return statement.on_conflict_do_update(index_elements=HEAD_KEY, set_={**new_values, "kind": kind})


SET_HEAD = Statement("commits.set_head", _upsert_head)
_NEW_HEAD = {"said": True, "kind": "RANGE", "commit_status": CommitStatus.HEAD_UNKNOWN}


async def set_refs(transaction: Transaction, organization: int, release: int, refs: Sequence[Ref]) -> None:
    """Set the head of each repository; its last ref wins. The caller then updates the ranges (ranges.py).

    Unknown repositories are created, as those of commits are.
    """
    common: dict[str, Any] = {"organization_id": organization}
    dated = {**common, "date_created": now()}
    repositories = await repository_keys.find_or_create(
        transaction, dated, {ref.repository: {"name": ref.repository} for ref in refs}
    )
    last = {repositories[ref.repository]: ref for ref in refs}
    for repository, ref in sorted(last.items()):
        bare = {"sha": ref.sha, "author_id": None, "message": None, "timestamp": None}
        shared = {**dated, "repository_id": repository}
        commit = (await commit_keys.find_or_create(transaction, shared, {ref.sha: bare}))[ref.sha]
        head = {"release_id": release, "repository_id": repository, "commit_id": commit, "previous_sha": ref.previous_sha}
        await transaction.execute(SET_HEAD, {**common, **head, **_NEW_HEAD})
