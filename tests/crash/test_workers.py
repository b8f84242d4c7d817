"""Several processes serve one port and one store: they write side by side, know of revoked tokens, and end together."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.conftest import Harness, Template
from tests.crash.gateways import WHOLE, Gateway, Writers, assert_whole, gateway

WORKERS = 2


def workers_of(served: Gateway) -> list[psutil.Process]:
    """Give the processes that serve, once all do: those of the parent's that are no helper of multiprocessing."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        found = [one for one in psutil.Process(served.process.pid).children() if "spawn_main" in " ".join(one.cmdline())]
        if len(found) == WORKERS and all(one.net_connections() or one.num_threads() > 2 for one in found):
            return found
        time.sleep(0.1)
    raise AssertionError("the workers do not start")


def ask(served: Gateway, token: str) -> int:
    """Read by a connection of its own: whichever worker takes it answers."""
    request = urllib.request.Request(
        served.base + "/graphql",
        json.dumps({"query": '{ organization(slug: "acme") { slug } }'}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert b"acme" in answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.slow
def test_workers_write_side_by_side_without_an_error(template: Template, tmp_path: Path) -> None:
    url = template.databases.copy(template.url, tmp_path)
    with gateway(url, template.tokens["acme"], tmp_path / "log", "--workers", str(WORKERS)) as served:
        workers = workers_of(served)
        before = [sum(one.cpu_times()[:2]) for one in workers]
        writers = Writers("side")
        writers.start(served, 8)
        until = time.monotonic() + 60
        while len(writers.acknowledged) < 300 and time.monotonic() < until:
            time.sleep(0.05)
        writers.stop()
        spent = [sum(one.cpu_times()[:2]) - begun for one, begun in zip(workers, before, strict=True)]
    assert len(writers.acknowledged) >= 300
    assert set(writers.statuses) <= {200, 201}, writers.statuses
    assert min(spent) > 0.05 * sum(spent), "one worker did all"
    assert_whole(template.databases.rows(url, WHOLE), writers.acknowledged)
    assert "Traceback" not in (tmp_path / "log").read_text()
    template.databases.drop(url)


@pytest.mark.slow
def test_token_revoked_by_one_worker_opens_nothing_at_the_others(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path)
    text = harness.token("project:read", "org:read", name="doomed")
    [(row,)] = harness.rows("SELECT id FROM tokens WHERE name = 'doomed'")
    shown = harness.client.graphql("{ viewer { token { id } } }", token=text)["data"]["viewer"]["token"]["id"]
    harness.run(harness.store.close())
    with gateway(harness.url, template.tokens["acme"], tmp_path / "log", "--workers", str(WORKERS)) as served:
        workers_of(served)
        assert Counter(ask(served, text) for _ in range(40)) == {200: 40}
        document = "mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { userErrors { code } } }"
        answer = served.post("/graphql", {"query": document, "variables": {"input": {"token": shown}}})
        assert answer == (200, {"data": {"revokeToken": {"userErrors": []}}}), row
        assert Counter(ask(served, text) for _ in range(40)) == {401: 40}
    harness.client.close()
    template.databases.drop(harness.url)


@pytest.mark.slow
def test_dead_worker_is_replaced_and_all_end_together(template: Template, tmp_path: Path) -> None:
    url = template.databases.copy(template.url, tmp_path)
    token = template.tokens["acme"]
    with gateway(url, token, tmp_path / "log", "--workers", str(WORKERS)) as served:
        first = workers_of(served)
        first[0].kill()
        first[0].wait(10)
        second = workers_of(served)
        assert {one.pid for one in second} - {one.pid for one in first}
        assert Counter(ask(served, token) for _ in range(20)) == {200: 20}
        served.process.terminate()
        assert served.process.wait(20) in (0, -signal.SIGTERM)
        assert psutil.wait_procs(second, 5)[1] == [], "an orphan"
    with gateway(url, token, tmp_path / "log", "--workers", str(WORKERS)) as served:
        orphans = workers_of(served)
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(10)
        assert psutil.wait_procs(orphans, 10)[1] == [], "an orphan"
    template.databases.drop(url)
