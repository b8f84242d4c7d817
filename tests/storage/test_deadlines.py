"""Reads end at their deadline, on both databases and in both APIs; writes and other reads continue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gql_releases.storage.engine.statements import Statement, Transaction
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.factories import CREATE, as_graphql, release
from tests.slow import COUNTED, POINT, SLOW_GRAPHQL, SLOW_REST, SLOW_SQL, slow_filter

__all__ = ["slow_filter"]

SECONDS = 0.2
MESSAGE = f"The query took longer than {SECONDS} s: narrow it."
SLOW = Statement("test", text(f"SELECT {SLOW_SQL}"))
PROMPT = 2.0
"""Seconds within which a read with a deadline of 0.2 s ends on a busy machine."""


@pytest.fixture
def short_reads(template: Template, tmp_path: Path) -> Iterator[Harness]:
    """Yield an application whose reads have a deadline of 0.2 s."""
    harness = Harness(template, tmp_path, read_timeout=SECONDS)
    harness.client.rest("POST", "organizations/acme/releases/", release())
    yield harness
    harness.close()


@pytest.mark.usefixtures("slow_filter")
def test_graphql_read_ends_at_its_deadline_with_a_code_at_its_field(short_reads: Harness) -> None:
    begun = time.monotonic()
    response = short_reads.client.request("POST", "/graphql", SLOW_GRAPHQL)
    assert time.monotonic() - begun < PROMPT
    error = {"message": MESSAGE, "path": ["organization"], "extensions": {"code": "TIMEOUT"}}
    assert (response.status, response.json) == (200, {"data": {"organization": None}, "errors": [error]})


@pytest.mark.usefixtures("slow_filter")
def test_fields_beside_one_that_took_too_long_are_answered(short_reads: Harness) -> None:
    query = '{ slow: organization(slug: "acme") { releases(filter: {version: {contains: "a"}}) { totalCount } } quick: organization(slug: "acme") { slug } }'
    response = short_reads.client.graphql(query)
    assert response["data"] == {"slow": None, "quick": {"slug": "acme"}}
    assert [(error["path"], error["extensions"]["code"]) for error in response["errors"]] == [(["slow"], "TIMEOUT")]


@pytest.mark.usefixtures("slow_filter")
@pytest.mark.parametrize(
    "path", [SLOW_REST, "organizations/acme/releases/stats/?query=a", "projects/acme/web/releases/?query=a"]
)
def test_rest_read_ends_at_its_deadline_as_a_400(short_reads: Harness, path: str) -> None:
    begun = time.monotonic()
    response = short_reads.client.rest("GET", path)
    assert time.monotonic() - begun < PROMPT
    assert (response.status, response.json) == (400, {"detail": MESSAGE})


@pytest.mark.usefixtures("slow_filter")
def test_others_are_answered_while_a_read_waits_for_its_deadline(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, read_timeout=1.0)
    harness.client.rest("POST", "organizations/acme/releases/", release())

    async def work() -> tuple[int, Any]:
        slow = asyncio.ensure_future(harness.client.send("POST", "/graphql", SLOW_GRAPHQL))
        responses = 0
        while not slow.done():
            response = await harness.client.send("POST", "/graphql", POINT)
            assert response.json == {"data": {"organization": {"slug": "acme"}}}
            body = {"query": CREATE, "variables": {"input": as_graphql(release(f"r{responses}"))}}
            written = await harness.client.send("POST", "/graphql", body)
            assert written.json["data"]["createRelease"]["outcome"] == "CREATED"
            responses += 1
            await asyncio.sleep(0.01)
        return responses, (await slow).json

    responses, slow = harness.run(work())
    assert slow["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert responses > 3
    harness.close()


def test_what_reads_within_a_write_has_no_deadline_of_reads(short_reads: Harness) -> None:
    """A write that takes longer than the deadline of reads is committed: its connection is never interrupted."""
    count = SLOW_SQL.replace(str(COUNTED), str(COUNTED // 100))

    async def work(transaction: Transaction) -> Any:
        begun = time.monotonic()
        while time.monotonic() - begun < 2 * SECONDS:
            await transaction.fetch_all(Statement("test", text(f"SELECT {count}")), {})
        await transaction.execute(Statement("test", text("UPDATE projects SET name = 'changed'")), {})

    for large in (False, True):
        short_reads.run(short_reads.store._database.write(work, large=large))
    assert set(short_reads.rows("SELECT name FROM projects")) == {("changed",)}


def test_connection_is_clean_after_a_read_that_was_ended(short_reads: Harness) -> None:
    """An ended read leaves no transaction, no setting and no late interrupt to the reads after it."""
    database = short_reads.store._database

    async def slow(transaction: Transaction) -> Any:
        return await transaction.fetch_all(SLOW, {})

    async def quick(transaction: Transaction) -> Any:
        return [await transaction.fetch_all(Statement("test", text(f"SELECT {number}")), {}) for number in range(20)]

    async def work() -> None:
        for read in (database.read(slow, large=True), database.rows(SLOW, {}, large=True), database.rows(SLOW, {})):
            with pytest.raises(Exception, match="took longer"):
                await read
            for _ in range(10):
                assert await database.read(quick, large=True) == [[(number,)] for number in range(20)]
                await asyncio.sleep(0.005)

    short_reads.run(work())


@pytest.mark.postgres
def test_server_ends_the_statement_of_a_read_that_was_ended(short_reads: Harness) -> None:
    async def work() -> int:
        with pytest.raises(Exception, match="took longer"):
            await short_reads.store._database.rows(SLOW, {}, large=True)
        for _ in range(100):
            [(active,)] = short_reads.rows(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%numbers%' AND pid <> pg_backend_pid()"
            )
            if not active:
                break
            await asyncio.sleep(0.02)
        return int(active)

    assert short_reads.run(work()) == 0


def test_database_closes_at_once_while_a_read_runs(template: Template, tmp_path: Path) -> None:
    """Running reads are ended: shutdown waits for no read."""
    harness = Harness(template, tmp_path, read_timeout=30)

    async def work() -> None:
        reading = asyncio.ensure_future(harness.store._database.rows(SLOW, {}, large=True))
        await asyncio.sleep(0.1)
        reading.cancel()
        begun = time.monotonic()
        await harness.store.close()
        assert time.monotonic() - begun < PROMPT
        with pytest.raises(asyncio.CancelledError):
            await reading

    harness.run(work())
    harness.client.close()
    if ON_POSTGRES:
        harness.databases.drop(harness.url)


@pytest.mark.sqlite
def test_read_of_several_short_statements_is_not_counted_as_a_long_one(harness: Harness) -> None:
    """SQLite counts the instructions of a statement over all its runs: those of several can reach a limit in one read."""
    counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT count(*) FROM n"
    statements = [Statement(f"test.count_{number}", text(f"{counting} WHERE i > {number}")) for number in range(4)]
    runs = []

    async def work(transaction: Transaction) -> list[Any]:
        runs.append(transaction)
        return [await transaction.fetch_one(statement, {}) for statement in statements]

    async def read_repeatedly() -> None:
        for _ in range(50):
            await harness.store._database.read(work, move=False)

    harness.run(read_repeatedly())
    assert len({id(transaction) for transaction in runs}) == 1, "a read ran in a thread"
    assert len(runs) == 50
