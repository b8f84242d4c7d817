"""What is written here arrives at a second instance once and in order, whatever the network and kill -9 do meanwhile."""

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
from tests.crash.gateways import Gateway, free_port, gateway
from tests.factories import CREATE, as_graphql, commit, release
from tests.forwarding.faulty import DOUBTFUL, FAULTS, Delivered, FaultyProxy, Trap
from tests.processes import run

SECRET = "a secret of tests, long enough for the seal"
QUICK, REAL = "tests.quick", "gql_releases"
"""Command lines with short waits and with the real ones."""
TIMEOUTS = {QUICK: 0.5, REAL: 1.0}
"""Seconds that one request to the upstream may take here."""
PATIENCE = 180.0
"""Seconds in which all must have arrived."""
RELEASES, ORG = "/api/0/organizations/acme/releases/", "/api/0/organizations/acme/"


@dataclass
class Pair:
    """A store whose writes are sent on, the store of the upstream, and what stands between."""

    template: Template
    folder: Path
    here: str
    there: str
    port: int
    proxy: FaultyProxy
    trap: Trap
    module: str = QUICK

    @property
    def token(self) -> str:
        return self.template.tokens["acme"]

    def gateway(self, name: str = "here") -> contextlib.AbstractContextManager[Gateway]:
        """Serve the store whose writes are sent on."""
        settings = {"secret_key": SECRET, "forward_timeout": str(TIMEOUTS[self.module]), "log_level": "info"}
        return gateway(self.here, self.token, self.folder / name, module=self.module, **settings)

    def upstream(self) -> contextlib.AbstractContextManager[Gateway]:
        """Serve the upstream, always on one port."""
        return gateway(self.there, self.token, self.folder / "there", port=self.port)

    def command(self, *words: str, url: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command line on the store whose writes are sent on."""
        settings = {"GQL_RELEASES_DATABASE_URL": url or self.here, "GQL_RELEASES_SECRET_KEY": SECRET, **more}
        return run(*words, environment={"PATH": os.environ["PATH"], **settings}, text=f"{self.token}\n")

    def name_upstream(self, port: int | None = None) -> None:
        """Name the upstream as an operator does."""
        address = f"http://127.0.0.1:{port or self.proxy.port}"
        named = self.command("org", "upstream", "set", "acme", "--url", address, "--organization", "acme")
        assert named.returncode == 0, named.stderr
        assert self.token not in named.stdout + named.stderr

    def waiting(self) -> int:
        """Give how many requests have not arrived."""
        return int(self.template.databases.rows(self.here, "SELECT count(*) FROM outbox")[0][0])

    def wait(self, *, until_failed: int = 0) -> float:
        """Wait until all has arrived, or so many releases were refused; give the seconds that it took."""
        begun = time.monotonic()
        failed = "SELECT count(*) FROM upstream_releases WHERE state = 'FAILED'"
        while time.monotonic() - begun < PATIENCE:
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
    port, trap = free_port(), Trap()
    made = Pair(template, tmp_path, here, there, port, FaultyProxy(port, trap.port), trap)
    yield made
    made.proxy.close()
    trap.close()
    databases.drop(here)
    databases.drop(there)


def write_history(to: Gateway, number: int) -> list[str]:
    """Write one release through both doors and give what each write should be at the upstream, in order."""
    version, path = f"web@1.0.{number}+{number}", f"{RELEASES}web%401.0.{number}%2B{number}/"
    commits = [commit(3 * number + index, message=f"{number}/{index}") for index in range(3)]
    body = release(version, commits=commits, ref="main")
    if number % 2:
        asked = {"query": CREATE, "variables": {"input": as_graphql(body)}}
        status, answer = to.post("/graphql", asked)
        assert (status, answer["data"]["createRelease"]["userErrors"]) == (200, [])
    else:
        assert to.post(RELEASES, body)[0] == 201
    assert to.post(path + "deploys/", _deploy(number, 1))[0] == 201
    assert to.ask("PUT", path, {"url": f"https://ci.example.com/{number}", "commits": commits[:2]})[0] == 200
    finalize = 'mutation ($key: ReleaseByKey!) {finalizeRelease(input: {release: {key: $key}, dateReleased: "2026-01-01T00:00:00Z"}) {userErrors {message}}}'
    status, answer = to.post(
        "/graphql", {"query": finalize, "variables": {"key": {"organization": "acme", "version": version}}}
    )
    assert (status, answer) == (200, {"data": {"finalizeRelease": {"userErrors": []}}})
    assert to.post(path + "deploys/", _deploy(number, 2))[0] == 201
    assert to.post(RELEASES, {"version": version, "projects": ["api"]})[0] == 201
    refs = [{"repository": "acme/web", "commit": "f" * 40}]
    assert to.ask("PUT", path, {"refs": refs})[0] == 200
    return ["creation", "deploy 1", "change", "finalized", "deploy 2", "project", "refs"]


def _deploy(number: int, turn: int) -> dict[str, Any]:
    # The second deploy of an even release is like its first in all that Sentry shows, its id aside.
    name = f"{number}" if number % 2 == 0 else f"{number}-{turn}"
    finished = "2026-01-02T00:00:00Z"
    own = {"externalId": f"{number}-{turn}"} if number % 4 == 1 else {}
    return {"environment": "production", "name": name, "dateFinished": finished, "projects": ["web"], **own}


def kind_of(one: Delivered) -> str:
    """Say which of a history's writes a delivered request is."""
    if one.method == "PUT":
        return "refs" if "refs" in one.body else "finalized" if "dateReleased" in one.body else "change"
    if "environment" in one.body:
        return "deploy"
    return "creation" if "commits" in one.body else "project"


def facts(there: Gateway, version: str) -> Any:
    """Give what an instance tells of a release, without what is its own."""
    path = RELEASES + version.replace("@", "%40").replace("+", "%2B") + "/"
    status, found = there.ask("GET", path)
    assert status == 200, found
    for name in ("id", "dateCreated", "userAgent"):
        del found[name]
    found["projects"] = [one["slug"] for one in found["projects"]]
    if found["lastDeploy"]:  # what ran before it is a matter between releases, which are sent on side by side
        found["lastDeploy"] = {k: v for k, v in found["lastDeploy"].items() if k not in ("id", "previousRelease")}
    commits = there.ask("GET", path + "commits/")[1]
    files = there.ask("GET", path + "commitfiles/")[1]
    for one in [*commits, *([found["lastCommit"]] if found["lastCommit"] else [])]:
        one["repository"] = one["repository"]["name"]
        one["releases"] = [each["version"] for each in one["releases"]]
        if one["id"] == "f" * 40:  # known by its hash alone: what stands for its date is when the store heard of it
            del one["dateCreated"]
    return {**found, "commits": commits, "files": [(one["filename"], one["type"]) for one in files]}


def assert_once_and_in_order(pair: Pair, histories: dict[str, list[str]]) -> str:
    """Compare what was delivered with what was written; give what was counted."""
    twice = 0
    for version, expected in histories.items():
        arrived = [one for one in pair.proxy.delivered if one.version == version and one.status < 300]
        kinds: list[str] = []
        doubtful = False
        for one in arrived:
            kind = kind_of(one)
            if kind == "deploy":
                again = doubtful and kinds[-1].startswith(kind)  # it had died with the upstream, as a look told the sender
                kind = kinds[-1] if again else f"deploy {1 + sum(name.startswith('deploy') for name in kinds)}"
            if kinds and kinds[-1] == kind:
                twice += not doubtful  # an idempotent one, whose first delivery nobody heard of
            else:
                kinds.append(kind)
            doubtful = one.status == DOUBTFUL
        assert kinds == expected, (version, kinds)
    deploys = "SELECT count(*), count(DISTINCT release_id) FROM deploys"
    here, there = (pair.template.databases.rows(url, deploys) for url in (pair.here, pair.there))
    assert here == there, "every deploy is at the upstream, and none twice"
    writes = sum(map(len, histories.values()))
    faults = {name: count for name, count in sorted(pair.proxy.faults.items()) if name != "none"}
    return f"{writes} writes, {sum(faults.values())} faults {faults}, {writes} arrived, {twice} heard of twice, 0 doubled"


@pytest.mark.slow
def test_all_arrives_once_and_in_order_through_a_failing_network(pair: Pair, record_property: Any) -> None:
    pair.proxy.share = 0.35
    pair.name_upstream()
    with pair.upstream() as there, pair.gateway() as here:
        begun = time.monotonic()
        versions = {f"web@1.0.{number}+{number}": write_history(here, number) for number in range(8)}
        wrote = time.monotonic() - begun
        took = pair.wait()
        assert pair.states() == {"SENT": 8}
        counted = assert_once_and_in_order(pair, versions)
        for version in versions:
            assert facts(here, version) == facts(there, version)
    assert set(pair.proxy.faults) >= {*FAULTS, "none"}, "every fault was met"
    assert pair.trap.visits == 0, "no redirect was followed"
    assert pair.proxy.tokens == {f"Bearer {pair.token}"}
    log = (pair.folder / "here").read_text()
    assert "Traceback" not in log
    assert pair.token not in log
    record_property("counts", f"forwarding, faults: {counted}; written in {wrote:.1f} s, all there {took:.1f} s later")


@pytest.mark.parametrize("fault, module", [("unheard", REAL), ("deaf", QUICK)])
def test_deploy_whose_answer_is_lost_is_looked_for_and_not_sent_twice(pair: Pair, fault: str, module: str) -> None:
    """Also where the one before it was the same in all that Sentry shows, its id aside."""
    pair.module = module
    pair.name_upstream()
    deploy = {"environment": "production", "name": "same", "dateFinished": "2026-01-02T00:00:00Z"}
    # Creation; a deploy that arrives unheard, and is found; one that is acknowledged; one unheard again, and found;
    # one that never arrives, is looked for in vain, and sent again.
    pair.proxy.plan = ["", fault, "", "", fault, "", "dropped", "", ""]
    with pair.upstream(), pair.gateway() as here:
        assert here.post(RELEASES, release("web@1"))[0] == 201
        for _ in range(4):
            assert here.post(f"{RELEASES}web@1/deploys/", deploy)[0] == 201
        pair.wait()
    assert pair.proxy.plan == []
    assert pair.template.databases.rows(pair.there, "SELECT count(*) FROM deploys") == [(4,)]
    assert [one.fault for one in pair.proxy.delivered] == ["", fault, "", fault, ""]


def test_two_gateways_one_of_them_killed_send_each_release_once_to_an_upstream_that_dies_and_comes_back(
    pair: Pair, record_property: Any
) -> None:
    pair.name_upstream()
    versions = {}
    with contextlib.ExitStack() as living:
        first = living.enter_context(pair.gateway("first"))
        second = living.enter_context(pair.gateway("second"))
        with pair.upstream() as there:
            for number in range(4):
                versions[f"web@1.0.{number}+{number}"] = write_history((first, second)[number % 2], number)
            there.kill()
        for number in range(4, 8):  # the upstream is away, and nobody who writes notices
            versions[f"web@1.0.{number}+{number}"] = write_history((first, second)[number % 2], number)
        first.kill()
        for number in range(8, 10):
            versions[f"web@1.0.{number}+{number}"] = write_history(second, number)
        assert pair.waiting()
        with pair.upstream() as there:
            pair.wait()
            counted = assert_once_and_in_order(pair, versions)
            for version in versions:
                assert facts(second, version) == facts(there, version)
            assert pair.states() == {"SENT": 10}
    record_property("counts", f"forwarding, kills: {counted}")


UPSTREAM = "query ($key: ReleaseByKey!) {release(by: {key: $key}) {upstream {state attempts lastError}}}"


def upstream_of(here: Gateway, version: str) -> Any:
    key = {"organization": "acme", "version": version}
    return here.post("/graphql", {"query": UPSTREAM, "variables": {"key": key}})[1]["data"]["release"]["upstream"]


def test_what_is_refused_holds_its_release_up_until_it_is_tried_again_or_left_out(pair: Pair) -> None:
    pair.name_upstream()
    made = pair.command("project", "create", "acme", "new")
    assert made.returncode == 0, made.stderr
    with pair.upstream(), pair.gateway() as here:
        for version in ("new@1", "new@2"):
            assert here.post(RELEASES, {"version": version, "projects": ["new"]})[0] == 201
            assert here.ask("PUT", f"{RELEASES}{version}/", {"ref": "main"})[0] == 200
        assert here.post(RELEASES, release("web@1"))[0] == 201
        pair.wait(until_failed=2)
        refused = upstream_of(here, "new@1")
        assert refused == {
            "state": "FAILED",
            "attempts": 1,
            "lastError": 'HTTP 400: {"projects": ["Invalid project ids or slugs"]}',
        }
        listed = pair.command("outbox", "list", "acme").stdout.splitlines()
        assert [line.split("\t")[:4] for line in listed] == [
            ["new@1", "CREATION", "FAILED", "1"],
            ["new@1", "CHANGE", "FAILED", "0"],
            ["new@2", "CREATION", "FAILED", "1"],
            ["new@2", "CHANGE", "FAILED", "0"],
        ]
        assert "2 failed" in pair.command("org", "upstream", "show", "acme").stdout
        refusal = pair.command("org", "upstream", "remove", "acme")
        assert (refusal.returncode, "4 requests" in refusal.stderr) == (1, True)
        assert pair.command("project", "create", "acme", "new", url=pair.there).returncode == 0
        assert pair.command("outbox", "retry", "acme", "new@1").stdout == "1 releases will be retried\n"
        pair.wait(until_failed=1)
        _wait_for(lambda: upstream_of(here, "new@1")["state"] == "SENT")
        assert pair.command("outbox", "retry", "acme", "--skip").stdout == "1 releases will be retried\n"
        # The change of a release whose creation was left out: the upstream does not know it.
        _wait_for(lambda: (upstream_of(here, "new@2")["lastError"] or "").startswith("HTTP 404"))
        assert upstream_of(here, "web@1") == {"state": "SENT", "attempts": 1, "lastError": None}
        assert here.ask("DELETE", f"{RELEASES}web@1/")[0] == 204
        _wait_for(lambda: pair.states() == {"SENT": 1, "FAILED": 1})
        assert pair.command("org", "upstream", "remove", "acme", "--discard").returncode == 0
        assert pair.states() == {}
        assert upstream_of(here, "new@1") is None
        assert here.post(RELEASES, release("web@2"))[0] == 201
        assert pair.waiting() == 0
    assert pair.template.databases.rows(pair.there, "SELECT version FROM releases ORDER BY id") == [("new@1",)]


def _wait_for(condition: Any) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_release_that_was_there_before_the_upstream_was_named_is_created_first(pair: Pair) -> None:
    pair.module = REAL
    with pair.upstream() as there, pair.gateway() as here:
        body = release(
            "web@1", commits=[commit(number) for number in range(3)], dateReleased="2026-01-01", status="archived"
        )
        assert here.post(RELEASES, body)[0] == 201
        assert upstream_of(here, "web@1") is None
        pair.name_upstream()
        assert here.post(f"{RELEASES}web@1/deploys/", {"environment": "production"})[0] == 201
        pair.wait()
        assert facts(here, "web@1") == facts(there, "web@1")
        assert facts(there, "web@1")["deployCount"] == 1


def test_commits_of_one_repository_and_a_status_arrive_as_the_whole_that_sentry_takes(pair: Pair) -> None:
    pair.name_upstream()
    with pair.upstream() as there, pair.gateway() as here:
        body = release("web@1", commits=[commit(1), commit(2, repository="acme/api", message=None, author_email=None)])
        assert here.post(RELEASES, body)[0] == 201
        key = {"organization": "acme", "version": "web@1"}
        commits = "mutation ($input: SetReleaseCommitsInput!) {setReleaseCommits(input: $input) {userErrors {message}}}"
        given = {"release": {"key": key}, "repository": "acme/api", "commits": [{"sha": "a" * 40, "message": "m"}]}
        status, answer = here.post("/graphql", {"query": commits, "variables": {"input": given}})
        assert (status, answer["data"]["setReleaseCommits"]["userErrors"]) == (200, [])
        for name in ("archiveRelease", "restoreRelease"):
            document = (
                f"mutation ($key: ReleaseByKey!) {{{name}(input: {{release: {{key: $key}}}}) {{userErrors {{message}}}}}}"
            )
            assert here.post("/graphql", {"query": document, "variables": {"key": key}})[0] == 200
        pair.wait()
        assert [one["id"] for one in facts(there, "web@1")["commits"]] == [
            one["id"] for one in facts(here, "web@1")["commits"]
        ]
        assert facts(there, "web@1")["status"] == "open"
    assert [one.body.get("status") for one in pair.proxy.delivered if one.method == "POST"] == [None, "archived", "open"]


def test_the_token_is_sealed_and_opens_nowhere_else(pair: Pair) -> None:
    pair.name_upstream()
    [(sealed,)] = pair.template.databases.rows(pair.here, "SELECT sealed_token FROM upstreams")
    assert pair.token.encode() not in bytes(sealed)
    stolen = f"UPDATE upstreams SET url = 'http://127.0.0.1:{pair.trap.port}'"
    pair.template.databases.rows(pair.here, stolen)
    with pair.gateway() as here:
        assert here.post(RELEASES, release("web@1"))[0] == 201
        _wait_for(lambda: upstream_of(here, "web@1")["lastError"])
        found = upstream_of(here, "web@1")
    assert found["state"] == "PENDING"
    assert "GQL_RELEASES_SECRET_KEY" in found["lastError"]
    assert pair.trap.visits == 0
    assert pair.proxy.tokens == set()
    shown = pair.command("org", "upstream", "show", "acme").stdout
    assert pair.token not in shown
    refused = pair.command(
        "org", "upstream", "set", "acme", "--url", "http://h", "--organization", "a", GQL_RELEASES_SECRET_KEY=""
    )
    assert refused.returncode == 2
    assert json.dumps(pair.token) not in refused.stderr
