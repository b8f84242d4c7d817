"""Work on many commits lets other requests run between its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gql_releases.domain.commit import NewCommit
from gql_releases.storage.commits.lookup import CommitLookup
from gql_releases.storage.commits.store import collect_references, prepare_commits
from gql_releases.storage.engine.natural_keys import MAX_ROWS_PER_STATEMENT
from gql_releases.storage.engine.sqlite import SQLITE


class CountingTransaction:
    """Allocates ids and counts the pauses."""

    dialect = SQLITE

    def __init__(self) -> None:
        self.pauses = 0

    async def allocate_ids(self, target: Any, count: int) -> Iterator[int]:
        """Return ids from 1."""
        return iter(range(1, count + 1))

    async def yield_to_others(self) -> None:
        """Count a pause."""
        self.pauses += 1


@pytest.mark.parametrize(("count", "pauses"), [(MAX_ROWS_PER_STATEMENT, 0), (MAX_ROWS_PER_STATEMENT + 1, 6)])
def test_many_commits_are_prepared_in_steps(count: int, pauses: int) -> None:
    commits = [NewCommit(sha=str(number)) for number in range(count)]
    transaction: Any = CountingTransaction()
    references = collect_references(1, [commits])
    batch = asyncio.run(prepare_commits(transaction, 1, commits, references, CommitLookup()))
    assert [commit.id for commit in batch.linked] == list(range(1, count + 1))
    assert transaction.pauses == pauses
