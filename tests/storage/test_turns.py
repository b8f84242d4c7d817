"""Reads of one turn of the event loop share a snapshot of the SQLite file, and each sees the commits that were reported before it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from gql_releases.storage.engine.statements import Statement, Transaction
from tests.conftest import Harness

pytestmark = pytest.mark.sqlite

COUNT = Statement("test", text("SELECT count(*) FROM projects"))
RENAME = Statement(
    "test", text("UPDATE projects SET name = slug || (SELECT count(*) FROM releases) || hex(randomblob(2000))")
)
ADD_PROJECT = "INSERT INTO projects (organization_id, slug, name, date_created) SELECT 1, 'new', 'new', date_created FROM projects LIMIT 1"


async def count(harness: Harness) -> int:
    """Count the projects that a read sees now."""
    [(projects,)] = await harness.store._database.rows(COUNT, {})
    number: int = projects
    return number


async def run(statement: Statement, transaction: Transaction) -> None:
    """Run a statement that writes."""
    await transaction.execute(statement, {})


async def beside_readers(harness: Harness, work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine while eight readers read in each turn."""

    async def busy() -> None:
        while not working.done():
            await count(harness)
            await asyncio.sleep(0)

    working = asyncio.ensure_future(work)
    await asyncio.gather(working, *[busy() for _ in range(8)])


def test_reads_of_one_turn_share_a_snapshot_and_the_next_turn_has_its_own(harness: Harness) -> None:
    async def count_in_transaction(transaction: Transaction) -> Any:
        return await transaction.fetch_one(COUNT, {})

    async def read_in_two_turns() -> list[int]:
        counts = [await count(harness)]
        harness.rows(ADD_PROJECT)  # as another process does it
        counts += [await count(harness), *await harness.store._database.read(count_in_transaction)]
        await asyncio.sleep(0)
        return [*counts, await count(harness)]

    before = harness.run(count(harness))
    assert harness.run(read_in_two_turns()) == [before, before, before, before + 1]


def test_a_commit_is_seen_by_reads_after_it(harness: Harness) -> None:
    """Readers that keep snapshots busy do not change this."""

    async def work() -> None:
        for number in range(100):
            statement = Statement("test", text(ADD_PROJECT.replace("'new'", f"'new{number}'")))
            before = await count(harness)
            await harness.store._database.write(partial(run, statement))
            assert await count(harness) == before + 1

    harness.run(beside_readers(harness, work()))


def test_log_is_restarted_beside_busy_readers(harness: Harness) -> None:
    """SQLite restarts the log when no snapshot uses it: snapshots are short."""
    database: Any = harness.store._database

    async def write() -> None:
        await database.write(partial(run, RENAME))

    async def work() -> None:
        await write()
        database._writer.connection.execute("PRAGMA wal_autocheckpoint=10")
        for _ in range(300):
            await write()

    harness.run(beside_readers(harness, work()))
    assert harness.path.with_name(harness.path.name + "-wal").stat().st_size < 1_000_000
