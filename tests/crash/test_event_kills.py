"""A ledger of events: what was acknowledged is stored after SIGKILL of the gateway, and nothing is counted twice."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template
from tests.crash.gateways import Gateway, start_gateway, wait_until
from tests.databases import Databases
from tests.events.writes import build_event
from tests.scale import scale

KILLS = scale(5, 100)
KEY = "c" * 32
CLIENTS = 6
COUNTERS = {
    "issues": "SELECT sum(times) FROM issues",
    "issue_releases": "SELECT sum(times) FROM issue_releases",
    "release_events": "SELECT sum(events) FROM release_events",
    "event_hours": "SELECT sum(events) FROM event_hours",
    "ingest_hours": "SELECT sum(events) FROM ingest_hours",
    "outcomes": "SELECT sum(quantity) FROM outcomes WHERE outcome = 'accepted'",
}
"""Counter -> its sum over all rows: the number of events."""


def insert_key(databases: Databases, url: str) -> int:
    """Insert the key of the project web of acme, and return the project's id."""
    [(organization, project)] = databases.rows(
        url,
        "SELECT p.organization_id, p.id FROM projects p JOIN organizations o ON o.id = p.organization_id"
        " WHERE o.slug = 'acme' AND p.slug = 'web'",
    )
    databases.rows(
        url,
        "INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created)"
        f" VALUES ({organization}, {project}, '{KEY}', 'test', true, '2026-12-01T00:00:00.000000Z')",
    )
    return int(project)


def send(gateway: Gateway, project: int, event_id: str) -> int:
    """Send the event of an id, and return the status."""
    number = int(event_id, 16)
    now = time.time()
    event = build_event(f"1.{number % 5}", text="ab"[number % 2], event_id=event_id, timestamp=now, user={"id": number % 9})
    status, _ = gateway.post(f"/api/{project}/store/?sentry_version=7&sentry_key={KEY}", event)
    return status


@dataclass
class Senders:
    """Clients that send events until the gateway has ended; each event is acknowledged, or its fate is unknown."""

    project: int
    acknowledged: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def run(self, gateway: Gateway, seconds: float) -> None:
        """Send until the gateway is killed after so many seconds."""
        threads = [threading.Thread(target=self._send, args=(gateway,), daemon=True) for _ in range(CLIENTS)]
        before = len(self.acknowledged)
        for thread in threads:
            thread.start()
        wait_until(lambda: len(self.acknowledged) > before, pause=0.002)
        time.sleep(seconds)
        gateway.kill()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def _send(self, gateway: Gateway) -> None:
        while True:
            event_id = uuid.uuid4().hex
            try:
                status = send(gateway, self.project, event_id)
            except (OSError, ValueError, http.client.HTTPException):
                self.unknown.append(event_id)
                return
            self.statuses[status] += 1
            if status == 200:
                self.acknowledged.append(event_id)


def read_counters(databases: Databases, url: str) -> dict[str, int]:
    """Return the sums of the counters of events."""
    return {name: int(databases.rows(url, sql)[0][0]) for name, sql in COUNTERS.items()}


def test_acknowledged_events_survive_and_none_is_counted_twice(template: Template, tmp_path: Path) -> None:
    """After each kill an SDK's proxy may send again what it does not know to be stored."""
    databases = template.databases
    url, chance = databases.copy(template.url, tmp_path), random.Random(11)
    senders = Senders(insert_key(databases, url))
    for _ in range(KILLS):
        with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
            for event_id in [*senders.unknown[-CLIENTS:], *senders.acknowledged[-3:]]:
                assert send(gateway, senders.project, event_id) == 200
            senders.run(gateway, chance.uniform(0, 0.15))
    with start_gateway(url, template.tokens["acme"], tmp_path / "log") as gateway:
        for event_id in senders.unknown:
            assert send(gateway, senders.project, event_id) == 200
    assert set(senders.statuses) == {200}
    stored = {event_id for (event_id,) in databases.rows(url, "SELECT event_id FROM events")}
    assert stored == {*senders.acknowledged, *senders.unknown}
    assert set(read_counters(databases, url).values()) == {len(stored)}
    assert len(databases.rows(url, "SELECT id FROM issues")) == 2
    databases.drop(url)


@pytest.mark.slow
def test_two_gateways_store_the_same_events_once(template: Template, tmp_path: Path) -> None:
    databases = template.databases
    url = databases.copy(template.url, tmp_path)
    project, token = insert_key(databases, url), template.tokens["acme"]
    statuses: Counter[Any] = Counter()
    event_ids = [uuid.uuid4().hex for _ in range(150)]
    with start_gateway(url, token, tmp_path / "one") as first, start_gateway(url, token, tmp_path / "two") as second:

        def work(gateway: Gateway, order: list[str]) -> None:
            for number, event_id in enumerate(order):
                statuses[send(gateway, project, event_id)] += 1
                if number % 15 == 0:  # CI creates the releases that the events name, at the same time
                    created, _ = gateway.post(
                        "/api/0/organizations/acme/releases/", {"version": f"1.{number // 15 % 5}", "projects": ["web"]}
                    )
                    statuses[created in (201, 208)] += 1

        orders = [event_ids, event_ids[::-1], [*event_ids[75:], *event_ids[:75]]]
        pairs = itertools.product((first, second), orders)
        threads = [threading.Thread(target=work, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
    assert statuses == {200: 6 * 150, True: 6 * 10}
    assert databases.rows(url, "SELECT count(*) FROM events") == [(150,)]
    assert set(read_counters(databases, url).values()) == {150}
    assert databases.rows(url, "SELECT origin FROM releases") == [("CLIENT",)] * 5
    databases.drop(url)
