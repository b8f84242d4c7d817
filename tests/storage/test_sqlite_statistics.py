"""The statistics of another program's ANALYZE stay in the file, and no connection plans with them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from gql_releases.storage.engine import sqlite_connection
from gql_releases.storage.engine.sqlite import connect
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.store import Store, open_store
from tests.conftest import Harness
from tests.factories import CREATE, as_graphql, release

pytestmark = pytest.mark.sqlite

EXPLAIN = "EXPLAIN QUERY PLAN SELECT scopes FROM tokens WHERE id IN (SELECT value FROM json_each('[1]'))"
COUNT = Statement("test", text("SELECT count(*) FROM tokens"))
PLAN = Statement("test", text(EXPLAIN))
SEARCH = "SEARCH tokens USING INTEGER PRIMARY KEY (rowid=?)"
SCAN = "SCAN tokens"
"""The plan with statistics of a small table."""
STATISTICS = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx"


@pytest.fixture
def statistics(harness: Harness) -> list[tuple[Any, ...]]:
    """Analyse the store beside the application and return the statistics."""
    harness.rows("ANALYZE")
    rows = harness.rows(STATISTICS)
    assert rows
    return rows


@pytest.fixture
def store(harness: Harness, statistics: object) -> Iterator[Store]:
    """Open a store that has statistics."""
    another = open_store(harness.url)
    yield another
    harness.run(another.close())


@pytest.fixture
def frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check at each use of a connection."""
    monkeypatch.setattr(sqlite_connection, "CHECK_SECONDS", 0.0)


def plan_on(connection: sqlite3.Connection) -> str:
    """Return the first step of a connection's plan."""
    return str(connection.execute(EXPLAIN).fetchall()[0][3])


async def run_on_all_connections(store: Store, statement: Statement) -> list[list[Any]]:
    """Run a statement on the connections of the event loop, a read thread and the writer and return its rows on each."""

    async def fetch(transaction: Transaction) -> list[Any]:
        return await transaction.fetch_all(statement, {})

    database = store._database
    return [await database.rows(statement, {}), await database.read(fetch, large=True), await database.write(fetch)]


async def list_plans(store: Store) -> list[str]:
    """Return the first step of the plan on each connection; EXPLAIN alone does not notice that the schema has changed."""
    await run_on_all_connections(store, COUNT)
    return [steps[0][3] for steps in await run_on_all_connections(store, PLAN)]


def test_statistics_change_the_plan_of_a_plain_connection(harness: Harness, statistics: object) -> None:
    with closing(sqlite3.connect(harness.path)) as connection:
        assert plan_on(connection) == SCAN


def test_no_connection_of_a_store_plans_with_statistics(harness: Harness, store: Store) -> None:
    assert harness.run(list_plans(store)) == [SEARCH] * 3


def test_statistics_stay_when_a_store_is_opened_read_and_written(
    harness: Harness, statistics: list[tuple[Any, ...]], store: Store
) -> None:
    harness.run(list_plans(store))
    response = harness.client.graphql(CREATE, {"input": as_graphql(release())})
    assert response["data"]["createRelease"]["userErrors"] == []
    assert harness.rows(STATISTICS) == statistics
    assert harness.rows("PRAGMA integrity_check") == [("ok",)]


def test_statistics_that_appear_while_a_store_is_open_are_ignored_by_all_its_connections(
    frequent_checks: None, harness: Harness
) -> None:
    async def analyse_between_reads() -> list[str]:
        await run_on_all_connections(harness.store, COUNT)
        harness.rows("ANALYZE")
        return await list_plans(harness.store)

    assert harness.run(analyse_between_reads()) == [SEARCH] * 3


def test_a_connection_checks_at_intervals(harness: Harness, statistics: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(harness.path)) as connection:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        connection.ignore_statistics()
        assert statements == []
        now = time.monotonic() + sqlite_connection.CHECK_SECONDS
        monkeypatch.setattr(time, "monotonic", lambda: now)
        connection.ignore_statistics()
        assert statements == ["PRAGMA schema_version"]


def test_ignoring_statistics_writes_nothing(harness: Harness, statistics: object) -> None:
    """PRAGMA data_version changes with each commit of another connection."""
    with closing(sqlite3.connect(harness.path)) as observer:
        before = observer.execute("PRAGMA data_version").fetchall()
        size = harness.path.with_name(harness.path.name + "-wal").stat().st_size
        with closing(connect(harness.path)) as connection:
            assert plan_on(connection) == SEARCH
            assert connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)
        assert observer.execute("PRAGMA data_version").fetchall() == before
        assert harness.path.with_name(harness.path.name + "-wal").stat().st_size == size


def test_a_connection_that_is_opened_during_a_write_tries_again_later(
    harness: Harness, statistics: object, frequent_checks: None
) -> None:
    with closing(sqlite3.connect(harness.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        with closing(connect(harness.path)) as connection:
            assert time.monotonic() - begin < 4, "less than the timeout of other statements"
            connection.ignore_statistics()
            assert plan_on(connection) == SCAN
            writer.execute("ROLLBACK")
            connection.ignore_statistics()
            assert plan_on(connection) == SEARCH
