"""Acknowledged writes survive SIGKILL of the gateway and of PostgreSQL; several gateways do not disturb each other."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template
from tests.crash.gateways import COUNT_COMMITS, Writers, assert_whole, start_gateway, wait_until
from tests.databases import PostgresServer
from tests.scale import scale

KILLS = scale(6, 50)


@pytest.mark.sqlite
def test_gateway_killed_under_writes_loses_nothing_and_stores_nothing_in_part(template: Template, tmp_path: Path) -> None:
    url, chance = template.databases.copy(template.url, tmp_path), random.Random(7)
    acknowledged: list[str] = []
    for kill in range(KILLS):
        with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
            writers = Writers(f"kill-{kill}")
            writers.start(gateway)
            wait_until(lambda: bool(writers.acknowledged), pause=0.002)  # noqa: B023 - called now
            time.sleep(chance.uniform(0, 0.1))
            gateway.kill()
            writers.stop()
            assert set(writers.statuses) <= {200, 201, 208}
        acknowledged += writers.acknowledged
        assert_whole(template.databases.rows(url, COUNT_COMMITS), acknowledged)
    assert template.databases.rows(url, "PRAGMA integrity_check") == [("ok",)]
    assert template.databases.rows(url, "PRAGMA foreign_key_check") == []


@pytest.mark.postgres
def test_postgres_killed_under_load_recovers_and_the_gateway_reconnects(template: Template, tmp_path: Path) -> None:
    databases = template.databases
    assert isinstance(databases, PostgresServer)
    url = databases.copy(template.url, tmp_path)
    with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
        writers = Writers("crash")
        writers.start(gateway)
        wait_until(lambda: len(writers.acknowledged) > 20)
        databases.kill()
        wait_until(lambda: writers.statuses[503] > 3)
        databases.start()
        before = len(writers.acknowledged)
        wait_until(lambda: len(writers.acknowledged) > before + 20)
        writers.stop()
        assert gateway.process.poll() is None
    assert set(writers.statuses) <= {200, 201, 208, 503}
    assert writers.statuses[503], "no write failed: the server was not killed under load"
    assert_whole(databases.rows(url, COUNT_COMMITS), writers.acknowledged)
    databases.drop(url)


def test_two_gateways_create_the_same_versions_at_once(template: Template, tmp_path: Path) -> None:
    databases = template.databases
    url = databases.copy(template.url, tmp_path)
    token, statuses, faults = template.tokens["acme"], Counter[int](), []
    with start_gateway(url, token, tmp_path / "one") as first, start_gateway(url, token, tmp_path / "two") as second:

        def write(gateway: Any, order: list[int]) -> None:
            for number in order:
                try:
                    statuses[gateway.create(f"same-{number}", by_graphql=bool(number % 2))] += 1
                except Exception as error:
                    faults.append(error)

        numbers = list(range(200))
        threads = [
            threading.Thread(target=write, args=(gateway, numbers[offset::2] + numbers[1 - offset :: 2]))
            for gateway in (first, second)
            for offset in (0, 1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert not faults
    assert set(statuses) <= {200, 201, 208}, statuses
    assert sum(statuses.values()) == 800
    assert_whole(databases.rows(url, COUNT_COMMITS), [f"same-{number}" for number in numbers])
    assert databases.rows(url, "SELECT count(*) FROM releases WHERE version LIKE 'same-%'") == [(200,)]
    for log in ("one", "two"):
        assert "Traceback" not in (tmp_path / log).read_text()
    databases.drop(url)
