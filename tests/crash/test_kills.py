"""What was acknowledged survives a kill -9, of the gateway and of PostgreSQL; several gateways do not disturb each other."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template
from tests.crash.gateways import WHOLE, Writers, assert_whole, gateway
from tests.databases import PostgresServer
from tests.scale import scale

KILLS = scale(6, 50)


@pytest.mark.sqlite
def test_gateway_killed_under_writes_loses_nothing_and_keeps_nothing_half(template: Template, tmp_path: Path) -> None:
    url, drawn = template.databases.copy(template.url, tmp_path), random.Random(7)
    acknowledged: list[str] = []
    for round_ in range(KILLS):
        with gateway(url, template.tokens["acme"], tmp_path / "log") as served:
            writers = Writers(f"kill-{round_}")
            writers.start(served)
            until = time.monotonic() + 20
            while not writers.acknowledged and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(drawn.uniform(0, 0.1))
            served.kill()
            writers.stop()
            assert writers.acknowledged, "nothing was written before the kill"
            assert set(writers.statuses) <= {200, 201, 208}
        acknowledged += writers.acknowledged
        assert_whole(template.databases.rows(url, WHOLE), acknowledged)
    assert template.databases.rows(url, "PRAGMA integrity_check") == [("ok",)]
    assert template.databases.rows(url, "PRAGMA foreign_key_check") == []


@pytest.mark.postgres
def test_postgres_killed_under_load_comes_back_whole_and_the_gateway_with_it(template: Template, tmp_path: Path) -> None:
    databases = template.databases
    assert isinstance(databases, PostgresServer)
    url = databases.copy(template.url, tmp_path)
    with gateway(url, template.tokens["acme"], tmp_path / "log") as served:
        writers = Writers("crash")
        writers.start(served)
        time.sleep(1)
        databases.kill()
        time.sleep(1)
        databases.start()
        before = len(writers.acknowledged)
        until = time.monotonic() + 30
        while len(writers.acknowledged) < before + 20 and time.monotonic() < until:
            time.sleep(0.05)
        writers.stop()
        assert len(writers.acknowledged) >= before + 20, "the gateway did not find the server again"
        assert served.process.poll() is None
    assert set(writers.statuses) <= {200, 201, 208, 503}
    assert writers.statuses[503], "no client noticed: the server was not killed under load"
    assert_whole(databases.rows(url, WHOLE), writers.acknowledged)
    databases.drop(url)


def test_two_gateways_create_the_same_versions_at_once(template: Template, tmp_path: Path) -> None:
    databases = template.databases
    url = databases.copy(template.url, tmp_path)
    token, statuses, faults = template.tokens["acme"], Counter[int](), []
    with gateway(url, token, tmp_path / "one") as one, gateway(url, token, tmp_path / "two") as two:

        def write(to: Any, order: list[int]) -> None:
            for number in order:
                try:
                    statuses[to.create(f"same-{number}", by_graphql=bool(number % 2))] += 1
                except Exception as error:
                    faults.append(error)

        numbers = list(range(200))
        threads = [
            threading.Thread(target=write, args=(to, numbers[start::2] + numbers[1 - start :: 2]))
            for to in (one, two)
            for start in (0, 1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert not faults
    assert set(statuses) <= {200, 201, 208}, statuses
    assert sum(statuses.values()) == 800
    assert_whole(databases.rows(url, WHOLE), [f"same-{number}" for number in numbers])
    assert databases.rows(url, "SELECT count(*) FROM releases WHERE version LIKE 'same-%'") == [(200,)]
    for log in ("one", "two"):
        assert "Traceback" not in (tmp_path / log).read_text()
    databases.drop(url)
