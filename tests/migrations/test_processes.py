"""Commands that migrate: several at once, on tables of another application, killed. Each ends with one line or serves."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from gql_releases import cli as command_line
from gql_releases.storage.schema.migrate import MigrationFailed, current_revision, head_revision, list_differences, migrate
from gql_releases.storage.schema.revision import is_current
from tests import processes
from tests.crash.gateways import start_gateway
from tests.databases import Databases
from tests.processes import Command

TIMEOUT_SECONDS = 60
START_FROM = ("nothing", "0004")


@pytest.fixture
def url(databases: Databases, tmp_path: Path) -> Iterator[str]:
    database = databases.empty(tmp_path)
    yield database
    databases.drop(database)


def start_command(url: str, *words: str) -> Command:
    return processes.start(*words, environment={"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": url})


def wait_for_result(process: Command) -> tuple[int, str]:
    """Return the exit code and all that was printed."""
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return process.wait(), out + err


@pytest.mark.parametrize("revision", START_FROM)
def test_three_migrations_at_once_run_one_after_the_other(url: str, revision: str) -> None:
    if revision != "nothing":
        migrate(url, revision)
    results = [wait_for_result(process) for process in [start_command(url, "migrate") for _ in range(3)]]
    assert results == [(0, f"up to date at revision {head_revision()}\n")] * 3
    assert list_differences(url) == []


@pytest.mark.sqlite
@pytest.mark.parametrize("revision", START_FROM)
def test_three_servers_started_at_once_all_serve(url: str, revision: str, tmp_path: Path) -> None:
    if revision != "nothing":
        migrate(url, revision)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(start_gateway(url, "none", tmp_path / f"log{number}")) for number in range(3)]
        assert [server.send("GET", "/api/0/organizations/")[0] for server in servers] == [401] * 3
    assert is_current(url)


def test_migration_over_tables_of_something_else_ends_with_one_line(url: str, databases: Databases) -> None:
    databases.rows(url, "CREATE TABLE organizations (id INTEGER)")
    begun = time.monotonic()
    code, printed = wait_for_result(start_command(url, "migrate"))
    assert time.monotonic() - begun < 30
    assert code == 1
    assert printed.startswith("The migration failed and nothing was changed: ")
    assert "organizations" in printed
    assert printed.count("\n") == 1
    assert databases.rows(url, "SELECT count(*) FROM organizations") == [(0,)]
    with pytest.raises(MigrationFailed) as failure:
        migrate(url)
    assert_no_cycle(failure.value)


def assert_no_cycle(error: BaseException) -> None:
    seen: set[int] = set()
    current_error: BaseException | None = error
    while current_error is not None:
        assert id(current_error) not in seen, "the exception is its own cause"
        seen.add(id(current_error))
        current_error = current_error.__cause__ or (
            None if current_error.__suppress_context__ else current_error.__context__
        )


def test_killed_migration_is_repeated(url: str, databases: Databases) -> None:
    migrate(url, "0001")
    databases.rows(url, "INSERT INTO organizations (slug, name, date_created) VALUES ('a', 'a', '2026-01-01T00:00:00Z')")
    for delay in (0.03, 0.06, 0.1, 0.15, 0.2):  # after it was forked: the revisions begin soon
        process = start_command(url, "migrate")
        time.sleep(delay)
        process.kill()
        wait_for_result(process)
        assert current_revision(url) in ("0001", head_revision()), "all revisions are one transaction"
    assert wait_for_result(start_command(url, "migrate")) == (0, f"up to date at revision {head_revision()}\n")
    assert list_differences(url) == []
    assert databases.rows(url, "SELECT slug FROM organizations") == [("a",)]


@pytest.mark.parametrize("error", [RuntimeError("first\nsecond"), OSError(13, "no permission"), KeyError("name")])
def test_unexpected_failure_of_a_command_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = typer.Typer(pretty_exceptions_enable=False)

    @failing.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line, "cli", failing)
    monkeypatch.setattr(sys, "argv", ["gql-releases"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(type(error).__name__)
    assert printed.count("\n") == 1
