"""A 503 has its reason in the log: at most one line a minute, with a count, and a line when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from gql_releases.app import create_app
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.incidents import Incident, explain_error
from gql_releases.settings import Settings
from gql_releases.storage.engine.postgres import PostgresDatabase
from gql_releases.storage.store import open_store
from gql_releases.web.unavailable_log import UnavailableLog
from tests.client import Answer, Client
from tests.conftest import Harness, Template
from tests.factories import release

RELEASES = "organizations/acme/releases/"

MUTATION = """mutation {createRelease(input: {organization: "acme", version: "9", projects: ["web"]}) {outcome}}"""


def list_messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "gql_releases.domain.incidents"
    ]


def test_failures_of_a_minute_are_one_line_with_the_count_of_those_before(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [1000.0]
    incident = Incident("503 to reads", clock=lambda: now[0])
    incident.recover()
    for second in range(130):
        now[0] = 1000.0 + second
        incident.report("it is locked")
    incident.recover()
    assert incident.is_open
    now[0] += 6
    incident.recover()
    incident.recover()
    assert not incident.is_open
    assert list_messages(caplog) == [
        ("WARNING", "503 to reads: it is locked (1 since the last line, 1 in all)"),
        ("WARNING", "503 to reads: it is locked (60 since the last line, 61 in all)"),
        ("WARNING", "503 to reads: it is locked (60 since the last line, 121 in all)"),
        ("INFO", "503 to reads: over after 129 s, 130 in all"),
    ]


def test_new_reason_is_a_line_of_its_own_within_bounds(caplog: pytest.LogCaptureFixture) -> None:
    incident = Incident("503", clock=lambda: 0.0)
    for number in range(100):
        incident.report(f"reason {number % 50}\nforged line \x1b")
    lines = list_messages(caplog)
    assert len(lines) == 8
    assert all(text.isprintable() for _, text in lines)


def test_reason_has_the_causes() -> None:
    error = Unavailable("The store is away.")
    error.__cause__ = OSError("no route\nto host")
    assert explain_error(error) == "The store is away. <- OSError: no route"
    assert explain_error(TimeoutError()) == "TimeoutError"


def test_503_of_each_api_has_its_reason_in_the_log_and_its_end(
    harness: Harness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "gql_releases.domain")
    now = [0.0]
    log: UnavailableLog = harness.app._observers[0].__self__  # type: ignore[attr-defined]
    log._reads, log._writes = (Incident(name, clock=lambda: now[0]) for name in ("reads", "writes"))
    read = {"query": '{organization(slug: "acme") {slug}}'}

    async def refuse(*args: Any, **options: Any) -> None:
        raise Unavailable("The disk is full.") from OSError("28")

    calls: tuple[tuple[Callable[[], Answer], str], ...] = (
        (lambda: harness.client.rest("GET", RELEASES), "reads"),
        (lambda: harness.client.request("POST", "/graphql", read), "reads"),
        (lambda: harness.client.rest("POST", RELEASES, release("1")), "writes"),
        (lambda: harness.client.request("POST", "/graphql", {"query": MUTATION}), "writes"),
    )
    for send, kind in calls:
        with monkeypatch.context() as patched:
            patched.setattr(harness.store, "read", refuse)
            patched.setattr(harness.store._database, "write", refuse)
            assert send().status == 503
        now[0] += 10
        response = (
            harness.client.rest("GET", RELEASES) if kind == "writes" else harness.client.rest("POST", RELEASES, release("2"))
        )
        assert response.status < 300
        assert len(list_messages(caplog)) == 1, "the success of the other kind does not end it"
        assert send().status < 300
        assert list_messages(caplog) == [
            ("WARNING", f"{kind}: The disk is full. <- OSError: 28 (1 since the last line, 1 in all)"),
            ("INFO", f"{kind}: over after 0 s, 1 in all"),
        ]
        caplog.clear()


def test_last_use_of_a_token_that_cannot_be_written_is_a_line_and_no_refusal(
    harness: Harness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: Any, **options: Any) -> None:
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(harness.store.tokens, "note_use", refuse)
    assert harness.client.rest("GET", RELEASES).status == 200
    harness.run(asyncio.sleep(0))
    assert [text.partition(" (")[0] for _, text in list_messages(caplog)] == [
        "the last use of a token was not recorded: The disk is full."
    ]


REFUSALS: list[BaseException] = [
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.InvalidCatalogNameError("database does not exist"),
    asyncpg.ObjectNotInPrerequisiteStateError("database is not currently accepting connections"),
    asyncpg.InsufficientPrivilegeError("permission denied for database"),
    asyncpg.ConfigurationLimitExceededError("limit"),
    asyncpg.ProtocolViolationError("unsupported startup parameter"),
    asyncpg.InternalServerError("internal"),
    asyncpg.TargetServerAttributeNotMatched("read-only"),
    asyncpg.ConnectionDoesNotExistError("closed in the middle"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.InterfaceError("interface"),
    ConnectionRefusedError(111, "refused"),
    ssl.SSLError("certificate"),
    TimeoutError(),
    ValueError("something unforeseen"),
]


@pytest.mark.postgres
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_database_that_refuses_connections_is_a_503_with_the_reason_in_the_log_alone(
    harness: Harness, refusal: BaseException, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = harness.store._unobserved
    assert isinstance(database, PostgresDatabase)

    async def refuse(*args: Any, **options: Any) -> None:
        raise refusal

    database._pool.expire()
    monkeypatch.setattr(database._hosts, "connect", refuse)
    responses = [
        harness.client.rest("GET", RELEASES),
        harness.client.rest("POST", RELEASES, release("1")),
        harness.client.request("POST", "/graphql", {"query": '{organization(slug: "acme") {slug}}'}),
        harness.client.request("GET", "/readyz", token=None),
    ]
    assert [response.status for response in responses] == [503] * 4
    assert all("retry-after" in response.headers for response in responses)
    if str(refusal):
        assert all(str(refusal).encode() not in response.body for response in responses)
    assert type(refusal).__name__ in caplog.text


@pytest.mark.postgres
def test_database_under_maintenance_is_a_503_and_comes_back(
    template: Template, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = template.databases.copy(template.url, tmp_path)
    name = url.partition("?")[0].rpartition("/")[2]
    store = open_store(url, pool_size=1)
    client = Client(create_app(Settings(database_url=url), store), template.tokens["acme"])
    with contextlib.closing(psycopg.connect(template.url, autocommit=True)) as other:
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        assert client.rest("GET", RELEASES).status == 503
        assert "not currently accepting connections" in caplog.text
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    assert client.rest("GET", RELEASES).status == 200
    client.runner.run(store.close())
    client.close()
    template.databases.drop(url)
