"""The statements of a read share a snapshot, and the next read has its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from gql_releases.storage.engine.statements import Statement, Transaction
from tests.conftest import Harness

COUNT = Statement("test", text("SELECT count(*) FROM project_keys"))
DELETE = "DELETE FROM project_keys WHERE project_id = (SELECT id FROM projects WHERE slug = 'api')"


def test_statements_of_a_read_share_a_snapshot_and_the_next_read_has_its_own(harness: Harness) -> None:
    database = harness.store._database

    async def count_twice(transaction: Transaction) -> list[Any]:
        counts = await transaction.fetch_all(COUNT, {})
        harness.rows(DELETE)  # as another process does it
        return counts + await transaction.fetch_all(COUNT, {})

    async def read_twice() -> list[Any]:
        counts = await database.read(count_twice)
        return [*counts, *await database.rows(COUNT, {})]

    [(before,)] = harness.rows("SELECT count(*) FROM project_keys")
    assert harness.run(read_twice()) == [(before,), (before,), (before - 1,)]
