"""Acknowledged events survive SIGKILL of the gateway and of PostgreSQL, and no event counts twice, not even one sent again."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template
from tests.crash.event_senders import CONTENT, Envelope, EventSenders, assert_ledger, build_envelope, create_key
from tests.crash.gateways import Gateway, start_gateway, wait_until
from tests.databases import ON_POSTGRES, PostgresServer
from tests.scale import scale

KILLS = scale(6, 100)
UNAVAILABLE = "10:error;default;session:organization:unavailable"


@pytest.mark.slow
def test_gateway_killed_under_events_loses_none_and_counts_none_twice(template: Template, tmp_path: Path) -> None:
    databases, token, chance = template.databases, template.tokens["acme"], random.Random(7)
    url = databases.copy(template.url, tmp_path)
    senders = EventSenders("", chance)
    for kill in range(KILLS):
        with start_gateway(url, token, tmp_path / "log") as gateway:
            senders.path = senders.path or create_key(gateway)
            before = len(senders.acknowledged)
            senders.start(gateway)
            wait_until(lambda: len(senders.acknowledged) > before or bool(senders.faults), pause=0.002)  # noqa: B023 - called now
            time.sleep(chance.uniform(0, 0.2))
            gateway.kill()
            senders.stop()
        if kill % 10 == KILLS % 10 or kill >= KILLS - 6:
            wait_until_idle(template, url)
            assert_ledger(databases, url, senders)
    assert set(senders.statuses) == {200}
    with start_gateway(url, token, tmp_path / "log") as gateway:  # the unanswered ones again
        senders.start(gateway)
        wait_until(lambda: not senders.unanswered)
        time.sleep(0.5)
        senders.stop()
    assert_ledger(databases, url, senders)
    if not ON_POSTGRES:
        assert databases.rows(url, "PRAGMA integrity_check") == [("ok",)]
        assert databases.rows(url, "PRAGMA foreign_key_check") == []
    assert "Traceback" not in (tmp_path / "log").read_text()
    databases.drop(url)


def wait_until_idle(template: Template, url: str) -> None:
    """Wait until PostgreSQL has ended the sessions of a killed gateway: one may be committing."""
    if ON_POSTGRES:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        wait_until(lambda: template.databases.rows(url, others) == [(0,)])


@pytest.mark.postgres
def test_postgres_killed_under_events_loses_none_and_counts_none_twice(template: Template, tmp_path: Path) -> None:
    """The gateway repeats what it does not know to be stored: the event has its id, and counts once."""
    databases = template.databases
    assert isinstance(databases, PostgresServer)
    url = databases.copy(template.url, tmp_path)
    with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
        senders = EventSenders(create_key(gateway), random.Random(7))
        senders.start(gateway)
        for _ in range(scale(2, 10)):
            before, refused = len(senders.acknowledged), len(senders.refused)
            wait_until(lambda: len(senders.acknowledged) > before + 50)  # noqa: B023 - called now
            databases.kill()
            wait_until(lambda: len(senders.refused) > refused)  # noqa: B023 - called now
            databases.start()
        before = len(senders.acknowledged)
        wait_until(lambda: len(senders.acknowledged) > before + 50)
        senders.stop()
        assert gateway.process.poll() is None
    assert set(senders.statuses) == {200, 429}
    assert senders.limits == {UNAVAILABLE}
    assert_ledger(databases, url, senders)
    databases.drop(url)


@pytest.mark.slow
def test_two_gateways_store_the_same_events_once(template: Template, tmp_path: Path) -> None:
    databases, chance, token = template.databases, random.Random(7), template.tokens["acme"]
    url = databases.copy(template.url, tmp_path)
    statuses: Counter[Any] = Counter()
    envelopes = [build_envelope(chance) for _ in range(150)]
    with start_gateway(url, token, tmp_path / "one") as first, start_gateway(url, token, tmp_path / "two") as second:
        path = create_key(first)

        def work(gateway: Gateway, order: list[Envelope]) -> None:
            connection = http.client.HTTPConnection(gateway.base.removeprefix("http://"), timeout=30)
            for number, envelope in enumerate(order):
                connection.request("POST", path, envelope.body, CONTENT)
                response = connection.getresponse()
                response.read()
                statuses[response.status] += 1
                if number % 15 == 0:  # CI creates the releases that the events name, at the same time
                    release = {"version": f"web@1.{number // 15}.0", "projects": ["web"]}
                    created, _ = gateway.post("/api/0/organizations/acme/releases/", release)
                    statuses[created in (201, 208)] += 1
            connection.close()

        orders = [envelopes, envelopes[::-1], [*envelopes[75:], *envelopes[:75]]]
        threads = [threading.Thread(target=work, args=pair) for pair in itertools.product((first, second), orders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
    assert statuses == {200: 6 * 150, True: 6 * 10}
    senders = EventSenders(path, chance, envelopes)
    assert_ledger(databases, url, senders)
    assert databases.rows(url, "SELECT DISTINCT origin FROM releases WHERE version LIKE 'web@1._.0'") == [("CLIENT",)]
    databases.drop(url)
