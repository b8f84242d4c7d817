"""Metrics: off by default; correct with several workers; no label that a client can choose."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gql_releases.app import create_app
from gql_releases.domain.counters import FILE_COUNTERS, QUEUE_BYTES, count_fall_back, count_files
from gql_releases.services.outcome_log import OutcomeLog
from gql_releases.settings import Settings
from tests.client import Client
from tests.conftest import Harness, Template
from tests.crash.gateways import Gateway, start_gateway
from tests.factories import CREATE, as_graphql, release

RELEASES = "/api/0/organizations/acme/releases/"
TRUSTED = 'query Trusted {organization(slug: "acme") {slug}}'
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse(text: str) -> Series:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(series: Series, metric: str, /, **labels: str) -> float:
    return sum(value for (name, pairs), value in series.items() if name == metric and labels.items() <= dict(pairs).items())


class MeasuredApp:
    """An application with metrics, started as a server starts it."""

    def __init__(self, template: Template, folder: Path) -> None:
        url = template.databases.copy(template.url, folder)
        documents = folder / "documents"
        documents.mkdir()
        (documents / "one.graphql").write_text(TRUSTED)
        self.app = create_app(Settings(database_url=url, metrics=True, trusted_documents=documents))
        self.client = Client(self.app, template.tokens["acme"])

    def scrape(self) -> Series:
        response = self.client.request("GET", "/metrics", token=None)
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/plain")
        return parse(response.body.decode())


@pytest.fixture
def measured_app(template: Template, tmp_path: Path) -> Iterator[MeasuredApp]:
    measured_app = MeasuredApp(template, tmp_path)
    pages = measured_app.app._app._others._pages  # type: ignore[attr-defined]
    lifespan = pages.router.lifespan_context(pages)
    measured_app.client.runner.run(lifespan.__aenter__())
    yield measured_app
    measured_app.client.runner.run(lifespan.__aexit__(None, None, None))
    measured_app.client.close()


def test_metrics_are_off_unless_set(harness: Harness) -> None:
    assert harness.client.request("GET", "/metrics", token=None).status == 404
    code = "import sys, gql_releases.cli; print([name for name in sys.modules if name.startswith(('prometheus', 'opentelemetry'))])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout == "[]\n"


def test_requests_errors_statements_and_gauges_are_exported(measured_app: MeasuredApp) -> None:
    client = measured_app.client
    assert client.request("POST", RELEASES, release("1")).status == 201
    assert client.request("GET", RELEASES).status == 200
    assert client.request("GET", f"{RELEASES}none/").status == 404
    assert client.request("GET", "/nowhere").status == 404
    client.graphql(TRUSTED)
    client.graphql("query Mine {viewer {token {id}}}")
    client.graphql(CREATE, {"input": as_graphql(release("", projects=["web"]))})
    count_fall_back("for this test")
    series = measured_app.scrape()
    requests = "gql_releases_requests_total"
    route = "/api/0/organizations/{org}/releases/"
    assert total(series, requests, api="rest", method="POST", route=route, status="201", outcome="ok") == 1
    assert total(series, requests, api="rest", method="GET", route=route, status="200", outcome="ok") == 1
    assert total(series, requests, api="rest", status="404", outcome="refused", route=f"{route}{{version}}/") == 1
    assert total(series, requests, api="other", status="404", route="other") == 1
    assert total(series, requests, api="graphql", operation="Trusted", outcome="ok") == 1
    assert total(series, requests, api="graphql", operation="other", outcome="ok") == 1
    assert total(series, requests, api="graphql", operation="other", outcome="refused", status="200") == 1
    assert total(series, "gql_releases_request_errors_total", api="rest", code="RELEASE_NOT_FOUND") == 1
    assert total(series, "gql_releases_request_errors_total", api="graphql", code="BLANK") == 1
    assert total(series, "gql_releases_request_duration_seconds_count") == 7
    assert total(series, "gql_releases_response_bytes_total", api="rest") > 100
    assert total(series, "gql_releases_statement_duration_seconds_count", kind="read") >= 3
    assert total(series, "gql_releases_statement_duration_seconds_count", kind="write") >= 1
    assert total(series, "gql_releases_fall_backs_total", name="for this test") == 1
    assert total(series, "gql_releases_outbox_releases", state="PENDING") == 0
    names = {name for name, _ in series}
    assert names & {"gql_releases_write_queue", "gql_releases_pool_waiting"}
    assert total(series, "gql_releases_cache_entries") >= 2
    assert total(series, "gql_releases_cache_bytes") > 100
    assert total(measured_app.scrape(), requests) == 7, "scrapes do not count"


def test_no_label_has_what_a_client_chose(measured_app: MeasuredApp) -> None:
    client, secret = measured_app.client, "s3cret"
    for method in ("GET", "POST", "BREW", secret.upper()):
        client.request(method, f"/{secret}", {secret: secret})
        client.request(method, f"/api/0/organizations/{secret}/releases/{secret}/", {secret: secret})
        client.request(method, f"/api/7/{secret}/", {secret: secret})
        client.request(method, f"/api/7/envelope/?sentry_key={secret}", {secret: secret})
        client.request(
            method, f"/api/{secret}/envelope/", {secret: secret}, headers={"x-request-id": secret, "user-agent": secret}
        )
    for name in (secret, "Trusted"):
        client.graphql(f"query {name} {{viewer {{token {{id}}}}}}")
        client.graphql(f"query {name} {{{secret}}}")
    series = measured_app.scrape()
    assert secret not in str(series).lower()
    assert "acme" not in str(series)
    assert total(series, "gql_releases_requests_total", operation="Trusted") == 0, "the name of another document"
    assert total(series, "gql_releases_requests_total", operation="other") == 4


def scrape_gateway(base: str) -> Series:
    with urllib.request.urlopen(f"{base}/metrics", timeout=10) as response:
        return parse(response.read().decode())


def send_in_parallel(base: str, path: str, count: int) -> None:
    """Send requests on separate connections, several at a time, so that all workers get some."""

    def send_request(_: int) -> None:
        with urllib.request.urlopen(base + path, timeout=10) as response:
            response.read()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send_request, range(count)))


def find_metrics_folder(gateway: Gateway) -> Path:
    """Return the folder of the workers' metrics once both have counted a request."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(gateway.process.pid).children():
            with contextlib.suppress(psutil.Error):
                folder = Path(child.environ().get("PROMETHEUS_MULTIPROC_DIR", "/none"))
                if len(list_worker_pids(folder)) == 2:
                    return folder
        send_in_parallel(gateway.base, "/schema.graphql", 16)
    raise AssertionError("one worker handles all requests")


def list_worker_pids(folder: Path) -> set[int]:
    pids = [file.stem.rpartition("_")[2] for file in folder.glob("counter_*.db")]
    return {int(pid) for pid in pids if pid.isdigit()}


def test_metrics_of_workers_add_up_also_after_one_was_killed_and_leave_no_files(template: Template, tmp_path: Path) -> None:
    url, name = template.databases.copy(template.url, tmp_path), "gql_releases_requests_total"
    with start_gateway(url, template.tokens["acme"], tmp_path / "log", "--workers", "2", metrics="true") as gateway:
        folder = find_metrics_folder(gateway)
        before = total(scrape_gateway(gateway.base), name)
        send_in_parallel(gateway.base, "/schema.graphql", 40)
        assert total(scrape_gateway(gateway.base), name) == before + 40
        killed_pid = list_worker_pids(folder).pop()
        os.kill(killed_pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while killed_pid in list_worker_pids(folder):  # a scrape merges the files of an ended worker
            assert time.monotonic() < deadline
            with contextlib.suppress(OSError):
                scrape_gateway(gateway.base)
            time.sleep(0.05)
        assert total(scrape_gateway(gateway.base), name) == before + 40
    assert not folder.exists()
    template.databases.drop(url)


def test_counts_of_files_are_metrics(measured_app: MeasuredApp) -> None:
    before = total(measured_app.scrape(), "gql_releases_files_collected_bytes_total", kind="chunks")
    count_files("files_collected_bytes", "chunks", 2.5)
    assert total(measured_app.scrape(), "gql_releases_files_collected_bytes_total", kind="chunks") == before + 2.5
    for name, (_, label) in FILE_COUNTERS.items():
        count_files(name, "test", 1)
        assert total(measured_app.scrape(), f"gql_releases_{name}_total", **{label: "test"}) >= 1


def test_items_of_sdks_are_counted_and_logged(measured_app: MeasuredApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gql_releases.services.outcome_log")
    before = measured_app.scrape()
    log = OutcomeLog(seconds=0.02)

    async def work() -> None:
        log.note({("accepted", "", "error"): 2, ("refused", "quota", "error"): 3})
        log.note({("accepted", "", "error"): 5})
        QUEUE_BYTES["events"] += 1234
        await asyncio.sleep(0.1)

    measured_app.client.runner.run(work())
    assert [record.message for record in caplog.records] == ["items of SDKs: accepted error=7, refused quota error=3"]
    series = measured_app.scrape()
    for outcome, reason, number in (("accepted", "", 7), ("refused", "quota", 3)):
        labels = {"outcome": outcome, "reason": reason, "category": "error"}
        name = "gql_releases_ingest_items_total"
        assert total(series, name, **labels) - total(before, name, **labels) == number
    name = "gql_releases_event_queue_bytes"
    assert total(series, name) - total(before, name) == 1234
    QUEUE_BYTES["events"] -= 1234
    log.flush()
    assert len(caplog.records) == 1, "nothing was counted since the last line"


def test_example_of_the_documentation_names_metrics_that_exist(measured_app: MeasuredApp) -> None:
    measured_app.client.graphql(TRUSTED)
    measured_app.client.graphql("{")
    count_fall_back("for this test")
    text = (Path(__file__).parents[2] / "docs" / "operations" / "monitor.md").read_text()
    documented = set(re.findall(r"^\| `(gql_releases_\w+)` \|", text, re.MULTILINE))
    names = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name, _ in measured_app.scrape()}
    optional = {"gql_releases_write_queue", "gql_releases_pool_connections", "gql_releases_pool_waiting"}
    caches = {"gql_releases_cache_entries", "gql_releases_cache_bytes"}
    optional |= {f"gql_releases_{name}_total" for name in (*FILE_COUNTERS, "ingest_items")}
    assert documented - optional - caches <= names
    assert {name for name in names if not name.endswith("_created")} <= documented
    assert json.dumps(sorted(documented))
