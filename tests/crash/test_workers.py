"""Several processes serve one port and one store: they write in parallel, refuse revoked tokens, and stop together."""

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
from tests.crash.gateways import COUNT_COMMITS, Gateway, Writers, assert_whole, start_gateway

WORKERS = 2


def find_workers(gateway: Gateway) -> list[psutil.Process]:
    """Return the worker processes once all serve: the parent's children without helpers of multiprocessing."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        workers = [
            process
            for process in psutil.Process(gateway.process.pid).children()
            if "spawn_main" in " ".join(process.cmdline())
        ]
        if len(workers) == WORKERS and all(process.net_connections() or process.num_threads() > 2 for process in workers):
            return workers
        time.sleep(0.1)
    raise AssertionError("the workers do not start")


def read_status(gateway: Gateway, token: str) -> int:
    """Read on a new connection, which any worker may accept, and return the status."""
    request = urllib.request.Request(
        gateway.base + "/graphql",
        json.dumps({"query": '{ organization(slug: "acme") { slug } }'}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            assert b"acme" in response.read()
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.slow
def test_workers_write_side_by_side_without_an_error(template: Template, tmp_path: Path) -> None:
    url = template.databases.copy(template.url, tmp_path)
    with start_gateway(url, template.tokens["acme"], tmp_path / "log", "--workers", str(WORKERS)) as gateway:
        workers = find_workers(gateway)
        before = [sum(worker.cpu_times()[:2]) for worker in workers]
        writers = Writers("side")
        writers.start(gateway, 8)
        deadline = time.monotonic() + 60
        while len(writers.acknowledged) < 300 and time.monotonic() < deadline:
            time.sleep(0.05)
        writers.stop()
        cpu_seconds = [sum(worker.cpu_times()[:2]) - earlier for worker, earlier in zip(workers, before, strict=True)]
    assert len(writers.acknowledged) >= 300
    assert set(writers.statuses) <= {200, 201}, writers.statuses
    assert min(cpu_seconds) > 0.05 * sum(cpu_seconds), "one worker handled all writes"
    assert_whole(template.databases.rows(url, COUNT_COMMITS), writers.acknowledged)
    assert "Traceback" not in (tmp_path / "log").read_text()
    template.databases.drop(url)


@pytest.mark.slow
def test_token_revoked_by_one_worker_is_refused_by_the_others(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path)
    token = harness.token("project:read", "org:read", name="doomed")
    [(token_id,)] = harness.rows("SELECT id FROM tokens WHERE name = 'doomed'")
    node_id = harness.client.graphql("{ viewer { token { id } } }", token=token)["data"]["viewer"]["token"]["id"]
    harness.run(harness.store.close())
    with start_gateway(harness.url, template.tokens["acme"], tmp_path / "log", "--workers", str(WORKERS)) as gateway:
        find_workers(gateway)
        assert Counter(read_status(gateway, token) for _ in range(40)) == {200: 40}
        document = "mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { userErrors { code } } }"
        response = gateway.post("/graphql", {"query": document, "variables": {"input": {"token": node_id}}})
        assert response == (200, {"data": {"revokeToken": {"userErrors": []}}}), token_id
        assert Counter(read_status(gateway, token) for _ in range(40)) == {401: 40}
    harness.client.close()
    template.databases.drop(harness.url)


@pytest.mark.slow
def test_killed_worker_is_replaced_and_all_stop_together(template: Template, tmp_path: Path) -> None:
    url = template.databases.copy(template.url, tmp_path)
    token = template.tokens["acme"]
    with start_gateway(url, token, tmp_path / "log", "--workers", str(WORKERS)) as gateway:
        first = find_workers(gateway)
        first[0].kill()
        first[0].wait(10)
        second = find_workers(gateway)
        assert {worker.pid for worker in second} - {worker.pid for worker in first}
        assert Counter(read_status(gateway, token) for _ in range(20)) == {200: 20}
        gateway.process.terminate()
        assert gateway.process.wait(20) in (0, -signal.SIGTERM)
        assert psutil.wait_procs(second, 5)[1] == [], "an orphan"
    with start_gateway(url, token, tmp_path / "log", "--workers", str(WORKERS)) as gateway:
        orphans = find_workers(gateway)
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.process.wait(10)
        assert psutil.wait_procs(orphans, 10)[1] == [], "an orphan"
    template.databases.drop(url)
