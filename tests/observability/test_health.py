"""Probes: /healthz while the process responds, /readyz while it can work; without a token and without log lines."""

from __future__ import annotations

import asyncio
import logging
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gql_releases.domain.errors import Unavailable
from gql_releases.storage.engine.sqlite import SqliteDatabase
from gql_releases.storage.readiness import MIN_FREE_BYTES, find_obstacles
from gql_releases.web.health import Probes
from tests.conftest import Harness
from tests.observability.test_request_log import drop, scope


def probe(harness: Harness, path: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
    response = harness.client.request(method, path, token=None, **more)
    return response.status, response.json if response.body else None


def test_process_that_answers_is_healthy_and_reports_its_version(harness: Harness) -> None:
    assert probe(harness, "/healthz") == (200, {"status": "ok", "version": version("gql-releases")})
    assert probe(harness, "/readyz") == (200, {"status": "ready", "version": version("gql-releases")})
    for path in ("/healthz", "/readyz"):
        assert probe(harness, path, "HEAD")[0] == 200
        assert probe(harness, path, "POST", body={})[0] == 405


def test_probes_are_not_in_the_log_below_debug(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gql_releases")
    for path in ("/healthz", "/readyz"):
        probe(harness, path)
    harness.app._note.__self__.flush()  # type: ignore[attr-defined]
    assert caplog.records == []


OBSTACLES = {
    "revision": ("UPDATE alembic_version SET version_num = '0000'", "The tables are at revision 0000, not "),
    "no revision": ("DELETE FROM alembic_version", "The tables are at revision none, not "),
    "no tables": ("DROP TABLE alembic_version", "The database cannot be read."),
    "copy": ("CREATE TABLE copying (id integer)", "A copy into the database is not complete"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_database_that_cannot_be_served_from_is_not_ready_and_reports_why(name: str, harness: Harness) -> None:
    statement, reason = OBSTACLES[name]
    harness.rows(statement)
    status, response = probe(harness, "/readyz")
    assert (status, response["status"]) == (503, "unavailable")
    assert response["reasons"][0].startswith(reason)
    assert probe(harness, "/healthz")[0] == 200


def test_unreachable_database_is_not_ready_and_no_secret_is_reported(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: Any, **options: Any) -> None:
        raise Unavailable("password of 10.0.0.1")

    with monkeypatch.context() as patched:
        patched.setattr(harness.store._unobserved, "rows", refuse)
        assert probe(harness, "/readyz") == (503, {"status": "unavailable", "reasons": ["The database cannot be reached."]})
    deadline = time.monotonic() + 30
    while probe(harness, "/readyz")[0] != 200:  # a result is cached for one second
        assert time.monotonic() < deadline
        harness.run(asyncio.sleep(0.05))


@pytest.mark.sqlite
def test_full_disk_is_not_ready(harness: Harness) -> None:
    database = harness.store._unobserved
    assert isinstance(database, SqliteDatabase)
    for free, count in ((MIN_FREE_BYTES - 1, 1), (MIN_FREE_BYTES, 0)):
        obstacles = harness.run(find_obstacles(database, lambda path, free=free: free))  # type: ignore[misc]
        assert len(obstacles) == count


class ProbeClient:
    """A client of the probes."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    async def status(self) -> int:
        statuses: list[int] = []

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        await self._probes(scope("GET", "/readyz"), drop, send)  # type: ignore[arg-type]
        return statuses[0]


def test_parallel_probes_are_one_check_whose_result_is_cached_for_a_second() -> None:
    now, checks, obstacles = [0.0], list[int](), list[str]()

    async def find() -> list[str]:
        checks.append(1)
        await asyncio.sleep(0)
        return list(obstacles)

    async def work() -> None:
        client = ProbeClient(Probes(find, "1", clock=lambda: now[0]))
        assert await asyncio.gather(*[client.status() for _ in range(20)]) == [200] * 20
        assert len(checks) == 1
        obstacles.append("gone")
        assert await client.status() == 200
        now[0] = 1.0
        assert await client.status() == 503
        assert len(checks) == 2

    asyncio.run(work())


def test_check_that_hangs_is_not_ready_and_each_change_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now, hangs = [0.0], [True]

    async def find() -> list[str]:
        await asyncio.sleep(60 if hangs[0] else 0)
        return []

    async def work() -> None:
        client = ProbeClient(Probes(find, "1", 0.01, clock=lambda: now[0]))
        for status in (503, 503, 200, 200):
            hangs[0] = status == 503
            assert await client.status() == status
            now[0] += 2.0

    asyncio.run(work())
    assert [record.getMessage() for record in caplog.records] == [
        "not ready: The database did not answer within 0.01 s.", "ready again",
    ]  # fmt: skip


def test_documentation_names_the_probes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations" / "http.md").read_text()
    assert all(f"| `{path}` |" in text for path in ("/healthz", "/readyz", "/metrics"))
