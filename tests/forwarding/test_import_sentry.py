"""Imports from a running instance: equal releases with their dates, killed during the import, and repeated."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.storage.schema.migrate import migrate
from tests.conftest import Template
from tests.crash.gateways import Gateway, find_free_port, start_gateway
from tests.factories import commit, release
from tests.forwarding.faulty import FaultyProxy, Trap
from tests.processes import run, start

RELEASES = "/api/0/organizations/acme/releases/"
QUICK_MODULE = "tests.quick"
COUNT = 105
"""Releases of the source: more than one page."""

OWN_FIELDS = {"id", "orgId"}


@pytest.fixture(scope="module")
def source(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, int]]:
    folder = tmp_path_factory.mktemp("source")
    url, port = template.databases.copy(template.url, folder), find_free_port()
    with start_gateway(url, template.tokens["acme"], folder / "log", port=port) as gateway:
        for number in range(COUNT):
            write_release(gateway, number)
        yield gateway, port
    template.databases.drop(url)


def write_release(source: Gateway, number: int) -> None:
    """Write a release; releases differ in their optional fields."""
    version = f"web@1.{number}.0+{number}" if number % 9 else f"päck@1 #?%{number}"
    path = RELEASES + (f"web%401.{number}.0%2B{number}" if number % 9 else f"p%C3%A4ck%401%20%23%3F%25{number}") + "/"
    commits = [
        commit(10 * number + index, message=f"{number}/{index}", author_email=("ada@example.com", None)[index % 2])
        for index in range(number % 5)
    ]
    body = release(version, projects=["web", "api"][: 1 + number % 2], commits=commits, ref=(None, "main")[number % 2])
    body |= {"dateReleased": f"2026-01-{1 + number % 28:02}T00:00:00.{number:03}Z"} if number % 3 else {}
    body |= {"url": "https://ci.example.com/1", "status": "archived"} if number % 7 == 3 else {}
    assert source.post(RELEASES, body)[0] == 201
    for turn in range(number % 3):
        deploy = {"environment": ("production", "staging")[turn], "name": f"{number}-{turn}", "projects": ["web"]}
        deploy |= {"externalId": f"own-{number}-{turn}", "status": ("succeeded", "failed")[turn]} if number % 4 == 0 else {}
        deploy |= {"dateStarted": "2026-02-01", "dateFinished": f"2026-02-01T00:{number // 60:02}:{number % 60:02}Z"}
        assert source.post(path + "deploys/", deploy)[0] == 201


def read_facts(gateway: Gateway) -> dict[str, Any]:
    """Return an instance's releases with their commits, files and deploys, without ids."""
    releases: dict[str, Any] = {}
    cursor = ""
    while True:
        status, page = gateway.send("GET", f"{RELEASES}?status=&per_page=100&cursor={cursor}")
        assert status == 200
        for row in page:
            path = RELEASES + row["version"].encode().hex("%").join(("%", "")) + "/"
            lists = {name: gateway.send("GET", f"{path}{name}/")[1] for name in ("commits", "commitfiles", "deploys")}
            releases[row["version"]] = _without_ids({**row, **lists})
        if len(page) < 100:
            return releases
        # The position of the last row in the format of this server's cursors: the date in microseconds and the id.
        cursor = _cursor_after(page[-1])


def _cursor_after(row: dict[str, Any]) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime.fromisoformat(row["dateCreated"])
    return f"{(moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)}:{row['id']}:0"


def _without_ids(value: Any) -> Any:
    """Remove surrogate ids and creation dates of repositories; a commit's id is its sha and stays."""
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {name: field for name, field in value.items() if name not in OWN_FIELDS or "suspectCommitType" in value}
    if "provider" in fields:
        del fields["dateCreated"]
    if str(fields.get("externalId")).startswith("sentry-"):  # what makes the import of a deploy idempotent
        fields["externalId"] = None
    return {name: _without_ids(field) for name, field in fields.items()}


class Target:
    """An empty store with an organization acme."""

    def __init__(self, template: Template, folder: Path) -> None:
        folder.mkdir()
        self.template, self.url, self.log = template, template.databases.empty(folder), folder / "log"
        migrate(self.url)
        assert self.command("org", "create", "acme").returncode == 0
        process = self.command("token", "create", "acme", "--scope", "project:read")
        self.token = process.stdout.strip()

    def environment(self, **variables: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": self.url, **variables}

    def command(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment(**variables)
        return run(*words, environment=environment, seconds=200, module=QUICK_MODULE)

    def import_(self, port: int, **variables: str) -> subprocess.CompletedProcess[str]:
        source = f"http://127.0.0.1:{port}"
        return self.command(
            "import-sentry", "--url", source, "--org", "acme", SENTRY_AUTH_TOKEN=self.template.tokens["acme"]
        )

    def count(self, table: str) -> int:
        return int(self.template.databases.rows(self.url, f"SELECT count(*) FROM {table}")[0][0])


@pytest.fixture
def target(template: Template, tmp_path: Path) -> Iterator[Target]:
    target = Target(template, tmp_path / "target")
    yield target
    template.databases.drop(target.url)


def test_import_creates_equal_releases_with_their_dates_and_a_repetition_changes_nothing(
    target: Target, source: tuple[Gateway, int], record_property: Any
) -> None:
    gateway, port = source
    first = target.import_(port)
    assert (first.returncode, first.stderr) == (0, "")
    deploys, commits = sum(number % 3 for number in range(COUNT)), sum(number % 5 for number in range(COUNT))
    assert first.stdout == f"{COUNT} releases created, 0 existing, {commits} commits, {deploys} deploys, 0 invalid\n"
    with start_gateway(target.url, target.token, target.log) as imported:
        target_facts, source_facts = read_facts(imported), read_facts(gateway)
    assert target_facts.keys() == source_facts.keys()
    assert len(target_facts) == COUNT
    for version, expected in source_facts.items():
        assert target_facts[version] == expected
    second = target.import_(port)
    assert second.stdout == f"0 releases created, {COUNT} existing, 0 commits, {deploys} deploys, 0 invalid\n"
    assert target.count("deploys") == deploys
    record_property("counts", f"import-sentry: {first.stdout.strip()}; facts of {COUNT} releases equal")


def test_import_that_is_killed_continues_where_it_ended(
    target: Target, source: tuple[Gateway, int], record_property: Any
) -> None:
    gateway, port = source
    kills = []
    for minimum in (20, 70):
        words = ["import-sentry", "--url", f"http://127.0.0.1:{port}", "--org", "acme"]
        process = start(*words, environment=target.environment(SENTRY_AUTH_TOKEN=target.template.tokens["acme"]))
        deadline = time.monotonic() + 100
        while target.count("releases") < minimum and time.monotonic() < deadline:
            assert process.poll() is None, "the import ended before it was killed"
            time.sleep(0.01)
        process.kill()
        process.wait(20)
        kills.append(target.count("releases"))
        assert minimum <= kills[-1] < COUNT
        query = "SELECT count(*) FROM releases r WHERE commit_count <> (SELECT count(*) FROM release_commits c WHERE c.release_id = r.id)"
        assert target.template.databases.rows(target.url, query) == [(0,)]
    last = target.import_(port)
    assert (last.returncode, last.stderr) == (0, "")
    assert last.stdout.startswith(f"{COUNT - kills[-1]} releases created, {kills[-1]} existing, ")
    with start_gateway(target.url, target.token, target.log) as imported:
        assert read_facts(imported) == read_facts(gateway)
    record_property("counts", f"import-sentry: killed with {kills} of {COUNT} releases, then whole and equal")


def test_import_survives_a_failing_network_and_follows_no_redirect(target: Target, source: tuple[Gateway, int]) -> None:
    trap = Trap()
    proxy = FaultyProxy(source[1], trap.port, share=0.15, only=("unavailable", "dropped", "unheard"))
    process = target.import_(proxy.port)
    assert (process.returncode, process.stderr) == (0, "")
    assert target.count("releases") == COUNT
    assert sum(proxy.faults.values()) - proxy.faults["none"] > 10
    proxy.only, proxy.share = ("redirected",), 1.0
    process = target.import_(proxy.port)
    assert (process.returncode, "HTTP 307" in process.stderr) == (1, True)
    assert trap.visits == 0
    assert proxy.tokens == {f"Bearer {target.template.tokens['acme']}"}
    proxy.close()
    trap.close()


def test_import_reports_errors(target: Target, source: tuple[Gateway, int]) -> None:
    words = ["import-sentry", "--org", "acme", "--url"]
    for url, token, message in (
        ("ftp://127.0.0.1", "t", "url: Enter the URL"),
        ("http://user@127.0.0.1", "t", "url: Enter the URL"),
        (f"http://127.0.0.1:{source[1]}", "secret", "HTTP 401"),
        (f"http://127.0.0.1:{source[1]}", "", "token: This field may not be blank."),
    ):
        process = target.command(*words, url, SENTRY_AUTH_TOKEN=token)
        assert (process.returncode, message in process.stderr) == (1, True), process.stderr
        assert "secret" not in process.stderr
