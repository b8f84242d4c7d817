"""A fallback to a slower path is counted, and an unexpected cause is logged."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg
import pytest

from gql_releases.domain.counters import FALL_BACKS, RepeatedFailure
from gql_releases.domain.errors import InvalidToken, Unavailable
from gql_releases.forwarding.sender import Pace, Sender
from gql_releases.storage.engine import analyze
from gql_releases.storage.releases import store as releases_store
from gql_releases.storage.releases.creation import create_all
from tests.conftest import Harness
from tests.factories import release

RELEASES_PATH = "/api/0/organizations/acme/releases/"


@pytest.mark.parametrize(
    ("error", "logged"),
    [(TypeError("x"), True), (KeyError("x"), True), (InvalidToken(), False)],
    ids=lambda value: str(value),
)
def test_batch_that_fails_is_written_one_by_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, logged: bool
) -> None:
    """All releases are created; an error that is no refusal is logged with its traceback and counted."""

    async def fail(transaction: Any, organization: int, creations: Any, show: Any) -> Any:
        if len(creations) > 1:
            raise error
        return await create_all(transaction, organization, creations, show)

    monkeypatch.setattr(releases_store, "create_all", fail)
    before = FALL_BACKS["batch"]

    async def send_together() -> list[Any]:
        calls = [harness.client.send("POST", RELEASES_PATH, release(f"web@{n}")) for n in range(16)]
        return await asyncio.gather(*calls)

    with caplog.at_level(logging.WARNING):
        responses = harness.run(send_together())
    assert [response.status for response in responses] == [201] * 16
    records = [record for record in caplog.records if record.name == releases_store.__name__]
    assert (len(records) > 0) == logged
    assert FALL_BACKS["batch"] - before == len(records)
    assert all(record.exc_info and record.exc_info[1] is error for record in records)


def test_coercion_by_graphql_core_is_counted(harness: Harness) -> None:
    before = FALL_BACKS["coercion"]
    response = harness.client.graphql("query($s: String!) {organization(slug: $s) {slug}}", {"s": 1})
    assert response["errors"]
    assert FALL_BACKS["coercion"] == before + 1


class Refusing:
    """A connection that raises an error, if set, for every statement."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def fetch(self, *values: Any) -> list[Any]:
        if self.error:
            raise self.error
        return []


def test_tables_that_cannot_be_analysed_are_logged_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    connection, before = Refusing(), FALL_BACKS["analyze"]
    refused, other = asyncpg.InsufficientPrivilegeError("no"), asyncpg.UndefinedTableError("gone")
    with caplog.at_level(logging.INFO):
        for error in (refused, refused, other, None, None, refused):
            connection.error = error
            asyncio.run(analyze.analyze_changed_tables(connection))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO", "WARNING"]
    assert FALL_BACKS["analyze"] - before == 4
    analyze.FAILURES.end()


def test_outbox_that_cannot_be_read_is_logged_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    class Outbox:
        outcomes = iter([Unavailable("a"), Unavailable("a"), Unavailable("b"), [], []])

        async def list_due(self) -> Any:
            outcome = next(self.outcomes, None)
            if outcome is None:
                sender._stopped.set()
                return []
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    outbox: Any = Outbox()
    sender = Sender(outbox, None, 1.0, Pace(poll=0.001))

    async def work() -> None:
        await sender._poll_outbox()
        await sender.stop()

    before = FALL_BACKS["outbox"]
    with caplog.at_level(logging.INFO):
        asyncio.run(work())
    assert [
        (record.levelname, tuple(record.args)[-1])
        for record in caplog.records
        if record.levelname == "WARNING" and record.args
    ] == [
        ("WARNING", "a"),
        ("WARNING", "b"),
    ]
    assert FALL_BACKS["outbox"] - before == 3


@pytest.mark.postgres
def test_connections_that_broke_are_counted(harness: Harness) -> None:
    client, before = harness.client, FALL_BACKS["connection"]
    assert client.rest("GET", "organizations/acme/releases/").status == 200
    for _ in range(100):  # until the token's last use is written, which takes a connection of its own
        harness.run(asyncio.sleep(0.05))
        if harness.rows("SELECT count(*) FROM tokens WHERE last_used_at IS NOT NULL") != [(0,)]:
            break
    harness.run(asyncio.sleep(0.05))
    harness.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    harness.run(asyncio.sleep(0.1))
    assert client.rest("GET", "organizations/acme/releases/").status == 200
    assert FALL_BACKS["connection"] > before


def test_repeated_failure_logs_changes(caplog: pytest.LogCaptureFixture) -> None:
    failure = RepeatedFailure(logging.getLogger("x"), "it")
    with caplog.at_level(logging.INFO):
        for reason in ("a", "a", "b", "a"):
            failure.report(reason)
        failure.end()
        failure.end()
    assert [record.getMessage() for record in caplog.records] == ["it: a", "it: b", "it: a", "it: resolved"]
