"""Writes a release's head commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, invalid
from gql_releases.domain.ref import Ref
from gql_releases.storage.commits import commit_keeper, heads, repository_keeper
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.statements import Statement, Transaction
from gql_releases.storage.upserts import insert, values_of

_COLUMNS = ("organization_id", "release_id", "repository_id", "commit_id", "previous_sha")


def _upsert_head(dialect: Dialect) -> Any:
    made = insert(dialect, heads).values(values_of(heads, *_COLUMNS))
    newer = {"commit_id": made.excluded.commit_id, "previous_sha": made.excluded.previous_sha}
    return made.on_conflict_do_update(index_elements=list(_COLUMNS[:3]), set_=newer)


SET_HEAD = Statement(_upsert_head)


async def set_refs(transaction: Transaction, organization: int, release: int, refs: Sequence[Ref]) -> None:
    """Set the head of each named repository; the last one named wins.

    Raises InvalidInput where a repository is unknown: refs never make repositories (contract section 2.7).
    """
    common: dict[str, Any] = {"organization_id": organization}
    names = list(dict.fromkeys(ref.repository for ref in refs))
    known = await repository_keeper.find(transaction, common, names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise invalid(ErrorCode.UNKNOWN_REPOSITORY, ("refs",), f"Invalid repository names: {','.join(unknown)}")
    last = {known[ref.repository]: ref for ref in refs}
    for repository, ref in sorted(last.items()):
        bare = {"sha": ref.sha, "author_id": None, "message": None, "timestamp": None}
        shared = {**common, "repository_id": repository, "date_created": now()}
        commit = (await commit_keeper.keep(transaction, shared, {ref.sha: bare}))[ref.sha]
        head = {"release_id": release, "repository_id": repository, "commit_id": commit}
        await transaction.run(SET_HEAD, {**common, **head, "previous_sha": ref.previous_sha})
