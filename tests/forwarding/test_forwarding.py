"""Writes are delivered to a second instance once and in order, despite network faults and SIGKILL."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template
from tests.crash.gateways import Gateway, find_free_port, start_gateway
from tests.factories import CREATE, as_graphql, commit, release
from tests.forwarding.faulty import DOUBTFUL, FAULTS, Delivered, FaultyProxy, Trap
from tests.processes import run

SECRET = "a secret of tests, long enough for the seal"
QUICK_MODULE, REAL_MODULE = "tests.quick", "gql_releases"
"""Modules of the command line with short waits and with the real ones."""
SHORT_TIMEOUT_SECONDS, LONG_TIMEOUT_SECONDS = 0.5, 10.0
"""Timeouts of a request to the upstream: for tests that wait for a timeout or a lease, and for others."""
DELIVERY_TIMEOUT_SECONDS = 180.0
"""Seconds within which all writes must be delivered."""
RELEASES, ORG = "/api/0/organizations/acme/releases/", "/api/0/organizations/acme/"

UPSTREAM = "query ($key: ReleaseByKey!) {release(by: {key: $key}) {upstream {state attempts lastError}}}"


@dataclass
class Pair:
    """A store whose writes are forwarded, the store of the upstream, and the proxy between them."""

    template: Template
    folder: Path
    here: str
    there: str
    port: int
    proxy: FaultyProxy
    trap: Trap
    module: str = QUICK_MODULE
    timeout: float = LONG_TIMEOUT_SECONDS

    @property
    def token(self) -> str:
        return self.template.tokens["acme"]

    def gateway(self, name: str = "here") -> contextlib.AbstractContextManager[Gateway]:
        """Serve the store whose writes are forwarded."""
        settings: dict[str, Any] = {"secret_key": SECRET, "forward_timeout": str(self.timeout), "log_level": "info"}
        return start_gateway(self.here, self.token, self.folder / name, module=self.module, **settings)

    def upstream(self) -> contextlib.AbstractContextManager[Gateway]:
        """Serve the upstream, always on the same port."""
        return start_gateway(self.there, self.token, self.folder / "there", port=self.port)

    def command(self, *words: str, url: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command line on the store whose writes are forwarded."""
        settings = {"GQL_RELEASES_DATABASE_URL": url or self.here, "GQL_RELEASES_SECRET_KEY": SECRET, **variables}
        return run(*words, environment={"PATH": os.environ["PATH"], **settings}, text=f"{self.token}\n")

    def name_upstream(self, port: int | None = None) -> None:
        """Set the upstream by the command line."""
        address = f"http://127.0.0.1:{port or self.proxy.port}"
        process = self.command("org", "upstream", "set", "acme", "--url", address, "--organization", "acme")
        assert process.returncode == 0, process.stderr
        assert self.token not in process.stdout + process.stderr

    def waiting(self) -> int:
        """Return the number of undelivered requests."""
        return int(self.template.databases.rows(self.here, "SELECT count(*) FROM outbox")[0][0])

    def wait(self, *, until_failed: int = 0) -> float:
        """Wait until all requests are delivered or `until_failed` releases were refused; return the seconds."""
        begun = time.monotonic()
        failed = "SELECT count(*) FROM upstream_releases WHERE state = 'FAILED'"
        while time.monotonic() - begun < DELIVERY_TIMEOUT_SECONDS:
            if until_failed and self.template.databases.rows(self.here, failed) == [(until_failed,)]:
                return time.monotonic() - begun
            if not until_failed and not self.waiting():
                return time.monotonic() - begun
            time.sleep(0.02)
        raise AssertionError(self.command("outbox", "list", "acme").stdout)

    def states(self) -> Counter[str]:
        """Count releases by state."""
        rows = self.template.databases.rows(self.here, "SELECT state, count(*) FROM upstream_releases GROUP BY state")
        return Counter(dict(rows))


@pytest.fixture
def pair(template: Template, tmp_path: Path) -> Iterator[Pair]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    databases = template.databases
    here, there = (databases.copy(template.url, tmp_path / name) for name in ("one", "two"))
    port, trap = find_free_port(), Trap()
    pair = Pair(template, tmp_path, here, there, port, FaultyProxy(port, trap.port), trap)
    yield pair
    pair.proxy.close()
    trap.close()
    databases.drop(here)
    databases.drop(there)


def write_history(gateway: Gateway, number: int) -> list[str]:
    """Write a release in both APIs and return the kinds of its requests to the upstream, in order."""
    version, path = f"web@1.0.{number}+{number}", f"{RELEASES}web%401.0.{number}%2B{number}/"
    commits = [commit(3 * number + index, message=f"{number}/{index}") for index in range(3)]
    body = release(version, commits=commits, ref="main")
    if number % 2:
        request = {"query": CREATE, "variables": {"input": as_graphql(body)}}
        status, response = gateway.post("/graphql", request)
        assert (status, response["data"]["createRelease"]["userErrors"]) == (200, [])
    else:
        assert gateway.post(RELEASES, body)[0] == 201
    assert gateway.post(path + "deploys/", _deploy(number, 1))[0] == 201
    assert gateway.send("PUT", path, {"url": f"https://ci.example.com/{number}", "commits": commits[:2]})[0] == 200
    finalize = 'mutation ($key: ReleaseByKey!) {finalizeRelease(input: {release: {key: $key}, dateReleased: "2026-01-01T00:00:00Z"}) {userErrors {message}}}'
    status, response = gateway.post(
        "/graphql", {"query": finalize, "variables": {"key": {"organization": "acme", "version": version}}}
    )
    assert (status, response) == (200, {"data": {"finalizeRelease": {"userErrors": []}}})
    assert gateway.post(path + "deploys/", _deploy(number, 2))[0] == 201
    assert gateway.post(RELEASES, {"version": version, "projects": ["api"]})[0] == 201
    refs = [{"repository": "acme/web", "commit": "f" * 40}]
    assert gateway.send("PUT", path, {"refs": refs})[0] == 200
    return ["creation", "deploy 1", "change", "finalized", "deploy 2", "project", "refs"]


def _deploy(number: int, turn: int) -> dict[str, Any]:
    # The second deploy of an even release has the same fields in Sentry as its first, except the id.
    name = f"{number}" if number % 2 == 0 else f"{number}-{turn}"
    finished = "2026-01-02T00:00:00Z"
    external_id = {"externalId": f"{number}-{turn}"} if number % 4 == 1 else {}
    return {"environment": "production", "name": name, "dateFinished": finished, "projects": ["web"], **external_id}


def classify_request(request: Delivered) -> str:
    """Return the kind of a delivered request."""
    if request.method == "PUT":
        return "refs" if "refs" in request.body else "finalized" if "dateReleased" in request.body else "change"
    if "environment" in request.body:
        return "deploy"
    return "creation" if "commits" in request.body else "project"


def read_facts(gateway: Gateway, version: str) -> Any:
    """Return an instance's fields of a release without ids and dates of the instance."""
    path = RELEASES + version.replace("@", "%40").replace("+", "%2B") + "/"
    status, fields = gateway.send("GET", path)
    assert status == 200, fields
    for name in ("id", "dateCreated", "userAgent"):
        del fields[name]
    fields["projects"] = [project["slug"] for project in fields["projects"]]
    if fields["lastDeploy"]:  # the previous release depends on other releases, which are forwarded in parallel
        fields["lastDeploy"] = {k: v for k, v in fields["lastDeploy"].items() if k not in ("id", "previousRelease")}
    commits = gateway.send("GET", path + "commits/")[1]
    files = gateway.send("GET", path + "commitfiles/")[1]
    for item in [*commits, *([fields["lastCommit"]] if fields["lastCommit"] else [])]:
        item["repository"] = item["repository"]["name"]
        item["releases"] = [entry["version"] for entry in item["releases"]]
        if item["id"] == "f" * 40:  # known by its hash only: its date is the time at which the store created it
            del item["dateCreated"]
    return {**fields, "commits": commits, "files": [(file["filename"], file["type"]) for file in files]}


def assert_once_and_in_order(pair: Pair, histories: dict[str, list[str]]) -> str:
    """Assert that delivered requests equal the writes; return a summary."""
    repeated = 0
    for version, expected in histories.items():
        requests = [request for request in pair.proxy.delivered if request.version == version and request.status < 300]
        kinds: list[str] = []
        doubtful = False
        for request in requests:
            kind = classify_request(request)
            if kind == "deploy":
                # the sender found that the doubtful one was not stored
                repeats_doubtful = doubtful and kinds[-1].startswith(kind)
                kind = kinds[-1] if repeats_doubtful else f"deploy {1 + sum(name.startswith('deploy') for name in kinds)}"
            if kinds and kinds[-1] == kind:
                repeated += not doubtful  # an idempotent request whose first response was lost
            else:
                kinds.append(kind)
            doubtful = request.status == DOUBTFUL
        assert kinds == expected, (version, kinds)
    deploys = "SELECT count(*), count(DISTINCT release_id) FROM deploys"
    here, there = (pair.template.databases.rows(url, deploys) for url in (pair.here, pair.there))
    assert here == there, "every deploy is stored by the upstream once"
    writes = sum(map(len, histories.values()))
    faults = {name: count for name, count in sorted(pair.proxy.faults.items()) if name != "none"}
    return (
        f"{writes} writes, {sum(faults.values())} faults {faults}, {writes} delivered, {repeated} repeated, 0 stored twice"
    )


@pytest.mark.slow
def test_all_writes_are_delivered_once_and_in_order_through_a_failing_network(pair: Pair, record_property: Any) -> None:
    pair.proxy.share, pair.timeout = 0.35, SHORT_TIMEOUT_SECONDS
    pair.name_upstream()
    with pair.upstream() as there, pair.gateway() as here:
        begun = time.monotonic()
        versions = {f"web@1.0.{number}+{number}": write_history(here, number) for number in range(8)}
        write_seconds = time.monotonic() - begun
        delivery_seconds = pair.wait()
        assert pair.states() == {"SENT": 8}
        summary = assert_once_and_in_order(pair, versions)
        for version in versions:
            assert read_facts(here, version) == read_facts(there, version)
    assert set(pair.proxy.faults) >= {*FAULTS, "none"}, "every fault occurred"
    assert pair.trap.visits == 0, "no redirect was followed"
    assert pair.proxy.tokens == {f"Bearer {pair.token}"}
    log = (pair.folder / "here").read_text()
    assert "Traceback" not in log
    assert pair.token not in log
    record_property(
        "counts",
        f"forwarding, faults: {summary}; written in {write_seconds:.1f} s, delivered {delivery_seconds:.1f} s later",
    )


@pytest.mark.parametrize("fault, module", [("unheard", REAL_MODULE), ("deaf", QUICK_MODULE)])
def test_deploy_whose_response_is_lost_is_looked_up_and_not_sent_twice(pair: Pair, fault: str, module: str) -> None:
    """This holds also if the deploy before it has the same fields in Sentry except the id."""
    pair.module, pair.timeout = module, SHORT_TIMEOUT_SECONDS if fault == "deaf" else LONG_TIMEOUT_SECONDS
    pair.name_upstream()
    deploy = {"environment": "production", "name": "same", "dateFinished": "2026-01-02T00:00:00Z"}
    # A deploy whose response is lost and which is found; an acknowledged one; one whose response is lost again; one that is
    # not delivered, not found and sent again.
    pair.proxy.plan = {0: fault, 2: fault, 3: "dropped"}
    with pair.upstream(), pair.gateway() as here:
        assert here.post(RELEASES, release("web@1"))[0] == 201
        for _ in range(4):
            assert here.post(f"{RELEASES}web@1/deploys/", deploy)[0] == 201
        pair.wait()
    assert pair.proxy.plan == {}
    assert pair.template.databases.rows(pair.there, "SELECT count(*) FROM deploys") == [(4,)]
    deploys = [request for request in pair.proxy.delivered if "environment" in request.body]
    assert [request.fault for request in deploys] == [fault, "", fault, ""]


def test_two_gateways_one_of_them_killed_send_each_release_once_to_an_upstream_that_is_killed_and_restarted(
    pair: Pair, record_property: Any
) -> None:
    pair.timeout = SHORT_TIMEOUT_SECONDS
    pair.name_upstream()
    versions = {}
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(pair.gateway("first"))
        second = stack.enter_context(pair.gateway("second"))
        with pair.upstream() as there:
            for number in range(4):
                versions[f"web@1.0.{number}+{number}"] = write_history((first, second)[number % 2], number)
            there.kill()
        for number in range(4, 8):  # the upstream is unreachable, which does not affect writers
            versions[f"web@1.0.{number}+{number}"] = write_history((first, second)[number % 2], number)
        first.kill()
        for number in range(8, 10):
            versions[f"web@1.0.{number}+{number}"] = write_history(second, number)
        assert pair.waiting()
        with pair.upstream() as there:
            pair.wait()
            summary = assert_once_and_in_order(pair, versions)
            for version in versions:
                assert read_facts(second, version) == read_facts(there, version)
            assert pair.states() == {"SENT": 10}
    record_property("counts", f"forwarding, kills: {summary}")


def read_upstream(here: Gateway, version: str) -> Any:
    key = {"organization": "acme", "version": version}
    return here.post("/graphql", {"query": UPSTREAM, "variables": {"key": key}})[1]["data"]["release"]["upstream"]


def test_what_is_refused_holds_its_release_up_until_it_is_tried_again_or_left_out(pair: Pair) -> None:
    pair.name_upstream()
    process = pair.command("project", "create", "acme", "new")
    assert process.returncode == 0, process.stderr
    with pair.upstream(), pair.gateway() as here:
        for version in ("new@1", "new@2"):
            assert here.post(RELEASES, {"version": version, "projects": ["new"]})[0] == 201
            assert here.send("PUT", f"{RELEASES}{version}/", {"ref": "main"})[0] == 200
        assert here.post(RELEASES, release("web@1"))[0] == 201
        pair.wait(until_failed=2)
        _wait_for(lambda: read_upstream(here, "web@1")["state"] == "SENT")
        upstream = read_upstream(here, "new@1")
        assert upstream == {
            "state": "FAILED",
            "attempts": 1,
            "lastError": 'HTTP 400: {"projects": ["Invalid project ids or slugs"]}',
        }
        lines = pair.command("outbox", "list", "acme").stdout.splitlines()
        assert [line.split("\t")[:4] for line in lines] == [
            ["new@1", "CREATION", "FAILED", "1"],
            ["new@1", "CHANGE", "FAILED", "0"],
            ["new@2", "CREATION", "FAILED", "1"],
            ["new@2", "CHANGE", "FAILED", "0"],
        ]
        assert "2 failed" in pair.command("org", "upstream", "show", "acme").stdout
        process = pair.command("org", "upstream", "remove", "acme")
        assert (process.returncode, "4 requests" in process.stderr) == (1, True)
        assert pair.command("project", "create", "acme", "new", url=pair.there).returncode == 0
        assert pair.command("outbox", "retry", "acme", "new@1").stdout == "1 releases will be retried\n"
        pair.wait(until_failed=1)
        _wait_for(lambda: read_upstream(here, "new@1")["state"] == "SENT")
        assert pair.command("outbox", "retry", "acme", "--skip").stdout == "1 releases will be retried\n"
        # The change of a release whose creation was skipped: the upstream does not have the release.
        _wait_for(lambda: (read_upstream(here, "new@2")["lastError"] or "").startswith("HTTP 404"))
        assert read_upstream(here, "web@1") == {"state": "SENT", "attempts": 1, "lastError": None}
        assert here.send("DELETE", f"{RELEASES}web@1/")[0] == 204
        _wait_for(lambda: pair.states() == {"SENT": 1, "FAILED": 1})
        assert pair.command("org", "upstream", "remove", "acme", "--discard").returncode == 0
        assert pair.states() == {}
        assert read_upstream(here, "new@1") is None
        assert here.post(RELEASES, release("web@2"))[0] == 201
        assert pair.waiting() == 0
    assert pair.template.databases.rows(pair.there, "SELECT version FROM releases ORDER BY id") == [("new@1",)]


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_release_that_is_older_than_the_upstream_is_created_first(pair: Pair) -> None:
    pair.module = REAL_MODULE
    with pair.upstream() as there, pair.gateway() as here:
        body = release(
            "web@1", commits=[commit(number) for number in range(3)], dateReleased="2026-01-01", status="archived"
        )
        assert here.post(RELEASES, body)[0] == 201
        assert read_upstream(here, "web@1") is None
        pair.name_upstream()
        assert here.post(f"{RELEASES}web@1/deploys/", {"environment": "production"})[0] == 201
        pair.wait()
        assert read_facts(here, "web@1") == read_facts(there, "web@1")
        assert read_facts(there, "web@1")["deployCount"] == 1


def test_commits_of_one_repository_and_a_status_are_sent_as_the_full_list_that_sentry_accepts(pair: Pair) -> None:
    pair.name_upstream()
    with pair.upstream() as there, pair.gateway() as here:
        body = release("web@1", commits=[commit(1), commit(2, repository="acme/api", message=None, author_email=None)])
        assert here.post(RELEASES, body)[0] == 201
        key = {"organization": "acme", "version": "web@1"}
        commits = "mutation ($input: SetReleaseCommitsInput!) {setReleaseCommits(input: $input) {userErrors {message}}}"
        fields = {"release": {"key": key}, "repository": "acme/api", "commits": [{"sha": "a" * 40, "message": "m"}]}
        status, response = here.post("/graphql", {"query": commits, "variables": {"input": fields}})
        assert (status, response["data"]["setReleaseCommits"]["userErrors"]) == (200, [])
        for name in ("archiveRelease", "restoreRelease"):
            document = (
                f"mutation ($key: ReleaseByKey!) {{{name}(input: {{release: {{key: $key}}}}) {{userErrors {{message}}}}}}"
            )
            assert here.post("/graphql", {"query": document, "variables": {"key": key}})[0] == 200
        pair.wait()
        assert [commit["id"] for commit in read_facts(there, "web@1")["commits"]] == [
            commit["id"] for commit in read_facts(here, "web@1")["commits"]
        ]
        assert read_facts(there, "web@1")["status"] == "open"
    assert [request.body.get("status") for request in pair.proxy.delivered if request.method == "POST"] == [
        None,
        "archived",
        "open",
    ]


def test_the_token_is_encrypted_and_not_sent_to_another_url(pair: Pair) -> None:
    pair.name_upstream()
    [(encrypted_token,)] = pair.template.databases.rows(pair.here, "SELECT sealed_token FROM upstreams")
    assert pair.token.encode() not in bytes(encrypted_token)
    redirect_upstream = f"UPDATE upstreams SET url = 'http://127.0.0.1:{pair.trap.port}'"
    pair.template.databases.rows(pair.here, redirect_upstream)
    with pair.gateway() as here:
        assert here.post(RELEASES, release("web@1"))[0] == 201
        _wait_for(lambda: read_upstream(here, "web@1")["lastError"])
        upstream = read_upstream(here, "web@1")
    assert upstream["state"] == "PENDING"
    assert "GQL_RELEASES_SECRET_KEY" in upstream["lastError"]
    assert pair.trap.visits == 0
    assert pair.proxy.tokens == set()
    shown = pair.command("org", "upstream", "show", "acme").stdout
    assert pair.token not in shown
    process = pair.command(
        "org", "upstream", "set", "acme", "--url", "http://h", "--organization", "a", GQL_RELEASES_SECRET_KEY=""
    )
    assert process.returncode == 2
    assert json.dumps(pair.token) not in process.stderr
