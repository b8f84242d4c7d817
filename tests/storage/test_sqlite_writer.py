"""Writes to SQLite end at one deadline, whatever they wait for, and when the writing task is cancelled."""

from __future__ import annotations

import ast
import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import gql_releases
from gql_releases.domain.errors import Unavailable
from gql_releases.storage.engine import sqlite_writer
from gql_releases.storage.engine.sqlite import SqliteDatabase
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.releases.batcher import Batcher
from tests.conftest import Harness

INSERT = Statement("test", text("INSERT INTO organizations (slug, name, date_created) VALUES (:slug, 'x', 'x')"))
DEADLINE = 0.6


async def insert(database: Any, slug: str, *, large: bool = False) -> None:
    async def work(transaction: Any) -> None:
        await transaction.execute(INSERT, {"slug": slug})

    await database.write(work, large=large)


@pytest.fixture
def blocker(harness: Harness) -> Iterator[sqlite3.Connection]:
    """Yield the connection of another process that holds the write lock."""
    connection = sqlite3.connect(harness.path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.mark.sqlite
def test_writes_that_wait_for_another_process_end_at_one_deadline(
    harness: Harness, blocker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two gateways with six writers, small and large: waiting times do not add up."""
    monkeypatch.setattr(sqlite_writer, "WRITE_TIMEOUT_SECONDS", DEADLINE)
    second = SqliteDatabase(harness.path)
    durations: list[float] = []

    async def write(number: int) -> None:
        await asyncio.sleep(number * 0.1)
        begun = time.monotonic()
        database = second if number % 2 else harness.store._database
        with pytest.raises(Unavailable, match="busy"):
            await insert(database, f"late{number}", large=number % 3 == 0)
        durations.append(time.monotonic() - begun)

    async def write_all() -> None:
        await asyncio.gather(*(write(number) for number in range(6)))
        await asyncio.sleep(0)

    harness.run(write_all())
    assert all(DEADLINE - 0.1 < seconds < DEADLINE + 0.5 for seconds in durations), durations
    blocker.execute("ROLLBACK")
    harness.run(insert(harness.store._database, "after"))
    harness.run(insert(second, "again"))
    assert harness.rows("SELECT slug FROM organizations WHERE slug LIKE 'late%'") == []
    assert harness.rows("SELECT count(*) FROM organizations WHERE slug IN ('after', 'again')") == [(2,)]
    harness.run(second.close())


@pytest.mark.sqlite
def test_a_write_succeeds_when_the_other_process_ends_in_time(harness: Harness, blocker: sqlite3.Connection) -> None:
    threading.Timer(0.3, lambda: blocker.execute("ROLLBACK")).start()
    harness.run(insert(harness.store._database, "waited"))
    assert harness.rows("SELECT count(*) FROM organizations WHERE slug = 'waited'") == [(1,)]


@pytest.mark.sqlite
@pytest.mark.parametrize("moment", ["waiting", "large", "commit"])
def test_callers_get_a_result_when_the_writing_task_is_cancelled(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A write is rolled back and Unavailable, or committed; the cancellation is raised again; later writes succeed."""
    database: Any = harness.store._database
    entered = threading.Event()

    async def slow(transaction: Any) -> str:
        await transaction.execute(INSERT, {"slug": "slow"})
        if moment == "large":
            entered.set()
            threading.Event().wait(0.2)
        return "written"

    commit = sqlite_writer._commit

    def slow_commit(*arguments: Any) -> None:
        entered.set()
        time.sleep(0.2)
        commit(*arguments)

    async def work() -> list[Any]:
        if moment == "commit":
            monkeypatch.setattr(sqlite_writer, "_commit", slow_commit)
        first = asyncio.ensure_future(database.write(slow, large=moment == "large"))
        waiting = asyncio.ensure_future(insert(database, "waiting", large=True))
        await asyncio.sleep(0)
        if moment != "waiting":
            await asyncio.to_thread(entered.wait)
        task = database._writer._task
        task.cancel()
        results = await asyncio.wait_for(asyncio.gather(first, waiting, return_exceptions=True), 5)
        with pytest.raises(asyncio.CancelledError):
            await task
        return list(results)

    first, waiting = harness.run(work())
    stored = {row[0] for row in harness.rows("SELECT slug FROM organizations")}
    assert (first == "written") == ("slow" in stored)
    assert first == "written" or isinstance(first, Unavailable)
    assert isinstance(waiting, Unavailable)
    assert "waiting" not in stored
    monkeypatch.setattr(sqlite_writer, "_commit", commit)
    harness.run(insert(database, "after"))
    assert harness.rows("SELECT count(*) FROM organizations WHERE slug = 'after'") == [(1,)]


class Stop(BaseException):
    """A BaseException that is neither an error nor a cancellation."""


@pytest.mark.sqlite
def test_base_exception_rolls_back_the_group_and_is_raised_again(harness: Harness) -> None:
    database: Any = harness.store._database

    async def stop(transaction: Any) -> None:
        await transaction.execute(INSERT, {"slug": "undone"})
        raise Stop

    async def work() -> list[Any]:
        calls = [asyncio.ensure_future(call) for call in (database.write(stop), insert(database, "beside"))]
        await asyncio.sleep(0)
        task = database._writer._task
        results = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(Stop):
            await task
        return results

    assert all(isinstance(result, Unavailable) for result in harness.run(work()))
    harness.run(insert(database, "after"))
    assert harness.rows("SELECT slug FROM organizations WHERE slug IN ('undone', 'beside', 'after')") == [("after",)]


@pytest.mark.parametrize("seconds", [0, 0.05], ids=["before it begins", "while it works"])
def test_callers_of_a_cancelled_batch_get_a_result(seconds: float) -> None:
    async def stuck(key: int, items: Any) -> Any:
        await asyncio.Event().wait()

    async def work() -> list[Any]:
        batcher: Batcher[int, int] = Batcher(stuck, 1, 2)
        calls = [asyncio.ensure_future(batcher.submit(1, number, 1)) for number in range(5)]
        await asyncio.sleep(seconds)
        for task in list(batcher._running):
            task.cancel()
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)

    assert all(isinstance(result, Unavailable) for result in asyncio.run(work()))


def test_no_handler_swallows_a_cancellation() -> None:
    """A handler of BaseException or CancelledError raises it again at its end, except the reader's at a deadline."""
    swallowing = []
    for path in Path(gql_releases.__file__).parent.rglob("*.py"):
        for handler in ast.walk(ast.parse(path.read_text())):
            if isinstance(handler, ast.ExceptHandler) and handler.type is not None:
                names = {
                    node.id if isinstance(node, ast.Name) else node.attr
                    for node in ast.walk(handler.type)
                    if isinstance(node, ast.Name | ast.Attribute)
                }
                if names & {"BaseException", "CancelledError"} and not isinstance(handler.body[-1], ast.Raise):
                    swallowing.append((path.name, handler.lineno))
    assert swallowing == []
