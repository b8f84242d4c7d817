"""Importing from a running instance: equal facts with their dates, killed on the way, and run again."""

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
from tests.crash.gateways import Gateway, free_port, gateway
from tests.factories import commit, release
from tests.forwarding.faulty import FaultyProxy, Trap
from tests.processes import run, start

RELEASES = "/api/0/organizations/acme/releases/"
QUICK = "tests.quick"
COUNT = 105
"""Releases of the source: more than a page has."""


@pytest.fixture(scope="module")
def source(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, int]]:
    folder = tmp_path_factory.mktemp("source")
    url, port = template.databases.copy(template.url, folder), free_port()
    with gateway(url, template.tokens["acme"], folder / "log", port=port) as served:
        for number in range(COUNT):
            fill(served, number)
        yield served, port
    template.databases.drop(url)


def fill(source: Gateway, number: int) -> None:
    """Write a release: every kind of fact now and then."""
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


def facts(at: Gateway) -> dict[str, Any]:
    """Give what an instance tells of all its releases, with their commits, files and deploys, without ids."""
    found: dict[str, Any] = {}
    cursor = ""
    while True:
        status, page = at.ask("GET", f"{RELEASES}?status=&per_page=100&cursor={cursor}")
        assert status == 200
        for one in page:
            path = RELEASES + one["version"].encode().hex("%").join(("%", "")) + "/"
            below = {name: at.ask("GET", f"{path}{name}/")[1] for name in ("commits", "commitfiles", "deploys")}
            found[one["version"]] = _without_ids({**one, **below})
        if len(page) < 100:
            return found
        # The place of the last row, as the cursors of this server spell it: the date in microseconds, and the id.
        cursor = _cursor_after(page[-1])


def _cursor_after(row: dict[str, Any]) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime.fromisoformat(row["dateCreated"])
    return f"{(moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)}:{row['id']}:0"


OWN = {"id", "orgId"}


def _without_ids(value: Any) -> Any:
    """Take out surrogate ids, and when each store first heard of a repository; a commit's id is its sha, and stays."""
    if isinstance(value, list):
        return [_without_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: one for name, one in value.items() if name not in OWN or "suspectCommitType" in value}
    if "provider" in kept:
        del kept["dateCreated"]
    if str(kept.get("externalId")).startswith("sentry-"):  # what makes the import of a deploy idempotent
        kept["externalId"] = None
    return {name: _without_ids(one) for name, one in kept.items()}


class Target:
    """An empty store with an organization acme."""

    def __init__(self, template: Template, folder: Path) -> None:
        folder.mkdir()
        self.template, self.url, self.log = template, template.databases.empty(folder), folder / "log"
        migrate(self.url)
        assert self.command("org", "create", "acme").returncode == 0
        made = self.command("token", "create", "acme", "--scope", "project:read")
        self.token = made.stdout.strip()

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": self.url, **more}

    def command(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment(**more)
        return run(*words, environment=environment, seconds=200, module=QUICK)

    def import_(self, port: int, **more: str) -> subprocess.CompletedProcess[str]:
        source = f"http://127.0.0.1:{port}"
        return self.command(
            "import-sentry", "--url", source, "--org", "acme", SENTRY_AUTH_TOKEN=self.template.tokens["acme"]
        )

    def count(self, table: str) -> int:
        return int(self.template.databases.rows(self.url, f"SELECT count(*) FROM {table}")[0][0])


@pytest.fixture
def target(template: Template, tmp_path: Path) -> Iterator[Target]:
    made = Target(template, tmp_path / "target")
    yield made
    template.databases.drop(made.url)


def test_import_gives_equal_facts_with_their_dates_and_again_changes_nothing(
    target: Target, source: tuple[Gateway, int], record_property: Any
) -> None:
    served, port = source
    first = target.import_(port)
    assert (first.returncode, first.stderr) == (0, "")
    deploys, commits = sum(number % 3 for number in range(COUNT)), sum(number % 5 for number in range(COUNT))
    assert first.stdout == f"{COUNT} releases created, 0 existing, {commits} commits, {deploys} deploys, 0 invalid\n"
    with gateway(target.url, target.token, target.log) as imported:
        here, there = facts(imported), facts(served)
    assert here.keys() == there.keys()
    assert len(here) == COUNT
    for version, expected in there.items():
        assert here[version] == expected
    again = target.import_(port)
    assert again.stdout == f"0 releases created, {COUNT} existing, 0 commits, {deploys} deploys, 0 invalid\n"
    assert target.count("deploys") == deploys
    record_property("counts", f"import-sentry: {first.stdout.strip()}; facts of {COUNT} releases equal")


def test_import_that_is_killed_goes_on_where_it_ended(
    target: Target, source: tuple[Gateway, int], record_property: Any
) -> None:
    served, port = source
    kills = []
    for wanted in (20, 70):
        words = ["import-sentry", "--url", f"http://127.0.0.1:{port}", "--org", "acme"]
        process = start(*words, environment=target.environment(SENTRY_AUTH_TOKEN=target.template.tokens["acme"]))
        until = time.monotonic() + 100
        while target.count("releases") < wanted and time.monotonic() < until:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        process.kill()
        process.wait(20)
        kills.append(target.count("releases"))
        assert wanted <= kills[-1] < COUNT
        whole = "SELECT count(*) FROM releases r WHERE commit_count <> (SELECT count(*) FROM release_commits c WHERE c.release_id = r.id)"
        assert target.template.databases.rows(target.url, whole) == [(0,)]
    last = target.import_(port)
    assert (last.returncode, last.stderr) == (0, "")
    assert last.stdout.startswith(f"{COUNT - kills[-1]} releases created, {kills[-1]} existing, ")
    with gateway(target.url, target.token, target.log) as imported:
        assert facts(imported) == facts(served)
    record_property("counts", f"import-sentry: killed with {kills} of {COUNT} releases, then whole and equal")


def test_import_rides_out_a_failing_network_and_never_leaves_the_source(target: Target, source: tuple[Gateway, int]) -> None:
    trap = Trap()
    proxy = FaultyProxy(source[1], trap.port, share=0.15, only=("unavailable", "dropped", "unheard"))
    done = target.import_(proxy.port)
    assert (done.returncode, done.stderr) == (0, "")
    assert target.count("releases") == COUNT
    assert sum(proxy.faults.values()) - proxy.faults["none"] > 10
    proxy.only, proxy.share = ("redirected",), 1.0
    refused = target.import_(proxy.port)
    assert (refused.returncode, "HTTP 307" in refused.stderr) == (1, True)
    assert trap.visits == 0
    assert proxy.tokens == {f"Bearer {target.template.tokens['acme']}"}
    proxy.close()
    trap.close()


def test_import_says_what_is_wrong(target: Target, source: tuple[Gateway, int]) -> None:
    words = ["import-sentry", "--org", "acme", "--url"]
    for url, token, said in (
        ("ftp://127.0.0.1", "t", "url: Enter the URL"),
        ("http://user@127.0.0.1", "t", "url: Enter the URL"),
        (f"http://127.0.0.1:{source[1]}", "secret", "HTTP 401"),
        (f"http://127.0.0.1:{source[1]}", "", "token: This field may not be blank."),
    ):
        done = target.command(*words, url, SENTRY_AUTH_TOKEN=token)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
        assert "secret" not in done.stderr
