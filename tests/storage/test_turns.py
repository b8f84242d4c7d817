"""Reads of one turn of the event loop share a snapshot of the SQLite file, and none sees less than it may ask for."""

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
ADD = "INSERT INTO projects (organization_id, slug, name, date_created) SELECT 1, 'new', 'new', date_created FROM projects LIMIT 1"


async def count(harness: Harness) -> int:
    """Count the projects that a read sees now."""
    [(found,)] = await harness.store._database.rows(COUNT, {})
    counted: int = found
    return counted


async def run(statement: Statement, transaction: Transaction) -> None:
    """Run a statement that changes something."""
    await transaction.execute(statement, {})


async def beside_readers(harness: Harness, work: Coroutine[Any, Any, None]) -> None:
    """Do some work while eight others read in each turn."""

    async def busy() -> None:
        while not working.done():
            await count(harness)
            await asyncio.sleep(0)

    working = asyncio.ensure_future(work)
    await asyncio.gather(working, *[busy() for _ in range(8)])


def test_reads_of_one_turn_share_a_snapshot_and_the_next_turn_has_its_own(harness: Harness) -> None:
    async def counted(transaction: Transaction) -> Any:
        return await transaction.fetch_one(COUNT, {})

    async def look() -> list[int]:
        seen = [await count(harness)]
        harness.rows(ADD)  # as another process does it
        seen += [await count(harness), *await harness.store._database.read(counted)]
        await asyncio.sleep(0)
        return [*seen, await count(harness)]

    before = harness.run(count(harness))
    assert harness.run(look()) == [before, before, before, before + 1]


def test_a_commit_is_seen_by_whoever_was_told_of_it(harness: Harness) -> None:
    """However busy others keep the snapshots."""

    async def work() -> None:
        for number in range(100):
            statement = Statement("test", text(ADD.replace("'new'", f"'new{number}'")))
            before = await count(harness)
            await harness.store._database.write(partial(run, statement))
            assert await count(harness) == before + 1

    harness.run(beside_readers(harness, work()))


def test_log_is_begun_anew_beside_busy_readers(harness: Harness) -> None:
    """SQLite does so when no snapshot holds what is in it: they are short."""
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
