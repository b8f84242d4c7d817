"""Which reads count as scanning, for every filter of the store, and in which thread these run."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import SCANNING_CONDITIONS, SIMPLE_CONDITIONS, Names
from gql_releases.domain.release import RELEASE_FIELDS
from gql_releases.domain.selection import Selection
from gql_releases.storage.entities import CATALOGUE
from gql_releases.storage.entities.release import RELEASE_FILTERS
from gql_releases.storage.reading import reader as reading
from gql_releases.storage.reading.compile import compile_root
from gql_releases.storage.reading.plan import Shape
from gql_releases.storage.reading.scanning import MANY_CONDITIONS, is_scanning_read
from tests.conftest import Harness
from tests.factories import CREATE, as_graphql, release
from tests.slow import COUNTED, SLOW_SQL, slow_contains

RELEASE = Selection("Release", (s.Value("version", "version"),))
NODES, TOTAL = s.Nodes("nodes", RELEASE), s.TotalCount("totalCount")


def does_scan(entity: str, attribute: str, names: Names = (), *parts: s.Part) -> bool:
    """Return whether a read of one list scans."""
    target = CATALOGUE.entities[entity].manys[attribute].target
    list_field = s.ToManyField("list", attribute, target, 0, parts or (NODES,), str)
    return is_scanning_read(CATALOGUE, Selection(entity, (list_field,)), [Shape(None, None, False, False, False, names)])


@pytest.mark.parametrize("name", sorted(RELEASE_FILTERS))
@pytest.mark.parametrize("attribute", [("Organization", "releases"), ("Project", "releases")])
def test_each_filter_of_releases_is_classified(name: str, attribute: tuple[str, str]) -> None:
    field_filters = {field.name for field in RELEASE_FIELDS if field.is_filter}
    assert (name in SCANNING_CONDITIONS) != (name in SIMPLE_CONDITIONS | field_filters)
    for names in ((name,), (("not", (name,)),), ("status", ("or", (("and", (name,)),)))):
        assert does_scan(*attribute, names) == (name in SCANNING_CONDITIONS), names
    assert does_scan(*attribute, (("or", (name,) * MANY_CONDITIONS),))


LISTS = {
    ("Organization", "releases"): True,
    ("Project", "releases"): True,
    ("Environment", "deploys"): True,
    ("Organization", "compared_commits"): True,
    ("Organization", "projects"): False,
    ("Organization", "environments"): False,
    ("Release", "commits"): False,
    ("Release", "deploys"): False,
    ("Release", "projects"): False,
    ("Commit", "file_changes"): False,
}
"""List -> whether its total scans."""


@pytest.mark.parametrize(("place", "scans"), LISTS.items())
def test_total_of_a_list_without_bounds_scans(place: tuple[str, str], scans: bool) -> None:
    assert does_scan(*place, (), TOTAL) == scans
    assert not does_scan(*place)


@pytest.mark.parametrize(
    "attribute", sorted(name for name in CATALOGUE.entities["Organization"].manys if name.startswith("compared_"))
)
def test_comparisons_scan(attribute: str) -> None:
    assert does_scan("Organization", attribute, ("between",))


def test_nested_lists_are_checked_wherever_they_are() -> None:
    scanning = s.ToManyField("list", "releases", "Release", 0, (NODES,), str)
    organization = Selection("Organization", (scanning,))
    shapes = [Shape(None, None, False, False, False, names) for names in (("path",), (), ())]
    places: list[Any] = [
        s.ToOneField("organization", "organization", organization),
        s.Embedded("own", "", (s.ToOneField("organization", "organization", organization),)),
        s.Embedded("own", "version", (), otherwise=(s.ToOneField("organization", "organization", organization),)),
        s.ToManyField("deploys", "deploys", "Deploy", 1, (s.Nodes("nodes", Selection("Deploy", (s.ToOneField("release", "release", Selection("Release", (s.ToOneField("organization", "organization", organization),))),))),), str),
        s.ToManyField("deploys", "deploys", "Deploy", 1, (s.Edges("edges", (s.EdgeNode("node", Selection("Deploy", (s.ToOneField("release", "release", Selection("Release", (s.ToOneField("organization", "organization", organization),))),))),)),), str),
    ]  # fmt: skip
    for place in places:
        assert is_scanning_read(CATALOGUE, Selection("Release", (place,)), shapes), place


QUICK_QUERY = (
    '{ organization(slug: "acme") { releases(first: 1, filter: {version: {equals: "web@1.0.0+1"}}) { nodes { version } } } }'
)
SCANS = {
    "contains": "releases(first: 1, filter: {version: {contains: \"1\"}}) { nodes { version } }",
    "path in or": "releases(first: 1, filter: {or: [{path: \"a\"}, {not: {author: \"b\"}}]}) { nodes { version } }",
    "total": "releases { totalCount }",
    "compare": "compare(project: \"web\", base: \"a\", head: \"web@1.0.0+1\") { commits { totalCount } }",
    "21 conditions": "releases(first: 1, filter: {or: [" + " ".join(f'{{version: {{equals: "{n}"}}}}' for n in range(21)) + "]}) { nodes { version } }",
}  # fmt: skip


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the names of the threads in which results of reads are built."""
    names: list[str] = []
    original_root = reading._build_root

    def record(*args: Any) -> Any:
        names.append(threading.current_thread().name)
        return original_root(*args)

    monkeypatch.setattr(reading, "_build_root", record)
    return names


@pytest.mark.sqlite
def test_reads_that_scan_leave_the_event_loop_and_others_stay(harness: Harness, threads: list[str]) -> None:
    for version in ("a", "web@1.0.0+1"):
        harness.client.rest("POST", "organizations/acme/releases/", release(version))
    threads.clear()
    assert harness.client.graphql(QUICK_QUERY)["data"]["organization"]["releases"]["nodes"]
    assert set(threads) == {"MainThread"}
    for name, field in SCANS.items():
        threads.clear()
        response = harness.client.graphql(f'{{ organization(slug: "acme") {{ {field} }} }}')
        assert "errors" not in response, name
        assert threads, name
        assert all(thread.startswith("sqlite-reader") for thread in threads), name
    harness.client.rest("POST", "organizations/acme/releases/web@1.0.0+1/deploys/", {"environment": "production"})
    for path in ("?query=web", "stats/?query=release:*1*", "?environment=production"):
        threads.clear()
        assert harness.client.rest("GET", f"organizations/acme/releases/{path}").status == 200
        assert threads[-1].startswith("sqlite-reader"), path


def test_at_most_two_reads_that_scan_run_at_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    running, max_running, reads = 0, 0, 0
    read = type(harness.store._database).read

    async def count(self: Any, work: Any, **options: Any) -> Any:
        nonlocal running, max_running, reads
        running += 1
        max_running, reads = max(max_running, running), reads + 1
        try:
            await asyncio.sleep(0.01)
            return await read(self, work, **options)
        finally:
            running -= 1

    harness.client.graphql(f'{{ organization(slug: "acme") {{ {SCANS["contains"]} }} }}')
    monkeypatch.setattr(type(harness.store._database), "read", count)
    body = {"query": f'{{ organization(slug: "acme") {{ {SCANS["contains"]} }} }}'}

    async def send_together() -> list[Any]:
        return await asyncio.gather(*(harness.client.send("POST", "/graphql", body) for _ in range(10)))

    responses = harness.run(send_together())
    assert all("errors" not in response.json for response in responses)
    assert (reads, max_running) == (10, 2)


@pytest.mark.sqlite
def test_read_that_takes_longer_than_expected_moves_to_a_thread_then_and_in_future(
    harness: Harness, threads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` is a simple condition, unless it reads millions of rows."""
    harness.client.rest("POST", "organizations/acme/releases/", release())
    monkeypatch.setattr("tests.slow.SLOW_SQL", SLOW_SQL.replace(str(COUNTED), str(COUNTED // 20)))
    monkeypatch.setitem(RELEASE_FILTERS, "status", slow_contains)
    query = '{ organization(slug: "acme") { releases(filter: {status: OPEN}) { nodes { version } } } }'
    for first_threads in (["MainThread"], []):
        threads.clear()
        assert harness.client.graphql(query)["data"]["organization"]["releases"]["nodes"]
        assert [name.rstrip("0123456789") for name in threads] == [*first_threads, "sqlite-reader_"]


SHOWN = """mutation ($input: CreateReleaseInput!) { createRelease(input: $input) { outcome release { version
  organization { %s } } } }"""


@pytest.mark.sqlite
@pytest.mark.parametrize("field", SCANS.values(), ids=SCANS)
def test_write_that_shows_what_scans_leaves_the_event_loop_and_runs_once(
    harness: Harness, threads: list[str], field: str
) -> None:
    """Other writes of the same group run once, too."""
    harness.client.rest("POST", "organizations/acme/releases/", release("a"))
    quick = {"query": CREATE, "variables": {"input": as_graphql(release("quick"))}}
    body = {"query": SHOWN % field, "variables": {"input": as_graphql(release())}}
    refs = as_graphql(release("refs", refs=[{"repository": "acme/none", "commit": "a"}]))
    refused = {"query": CREATE, "variables": {"input": refs | {"projects": ["none"]}}}

    async def work() -> list[Any]:
        requests = [harness.client.send("POST", "/graphql", request) for request in (quick, body, refused)]
        return [response.json["data"]["createRelease"] for response in await asyncio.gather(*requests)]

    created, shown, refused = harness.run(work())
    assert (created["outcome"], shown["outcome"]) == ("CREATED", "CREATED")
    assert refused["userErrors"][0]["code"] == "UNKNOWN_PROJECT"
    assert any(name.startswith("sqlite-writer") for name in threads)
    assert sorted(harness.rows("SELECT version FROM releases")) == [("a",), ("quick",), ("web@1.0.0+1",)]


def test_plans_are_made_off_the_event_loop(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def record(*args: Any, **options: Any) -> Any:
        names.append(threading.current_thread().name)
        return compile_root(*args, **options)

    for version in ("a", "web@1.0.0+1"):
        harness.client.rest("POST", "organizations/acme/releases/", release(version))
    monkeypatch.setattr(reading, "compile_root", record)
    for field in SCANS.values():
        assert "errors" not in harness.client.graphql(f'{{ organization(slug: "acme") {{ {field} }} }}')
    assert names
    assert all(name.startswith("planner") for name in names)
