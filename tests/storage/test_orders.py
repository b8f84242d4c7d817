"""Writers that lock the same rows in different orders: there are no deadlocks, and all writes succeed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gql_releases.domain.counters import FALL_BACKS
from tests.conftest import Harness, Template
from tests.factories import CREATE, as_graphql, commit, release

RELEASES_PATH = "/api/0/organizations/acme/releases/"
BULK = """mutation($i: CreateReleasesInput!) {createReleases(input: $i) {
  results {outcome release {version} userErrors {code}} userErrors {code message}}}"""
SECONDS = 20.0
"""Time limit of all callers together on a busy machine; deadlocks, which take a second each on PostgreSQL, are counted."""
BULK_SECONDS = 2.0
"""Time limit of four callers that create five releases each."""


def draw_bodies(number: int, chance: random.Random, *, commits: bool) -> list[dict[str, Any]]:
    """Draw releases that share commits, authors and repositories."""
    commit_pool = [commit(n, repository=f"acme/{n % 3}", author_email=f"{n % 4}@example.com") for n in range(12)]
    projects = [["web"], ["api"], ["api", "web"]]
    return [
        release(f"bulk-{n}", projects=projects[n % 3], commits=chance.sample(commit_pool, 4) if commits else [])
        for n in range(number)
    ]


async def create_bulk(harness: Harness, bodies: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Create releases by one createReleases mutation and return the version and outcome of each."""
    releases = [{name: value for name, value in as_graphql(body).items() if name != "organization"} for body in bodies]
    request = {"query": BULK, "variables": {"i": {"organization": "acme", "releases": releases}}}
    response = await harness.client.send("POST", "/graphql", request, token=harness.tokens["acme"])
    assert response.status == 200, response.body
    payload = response.json["data"]["createReleases"]
    assert payload["userErrors"] == []
    return [(result["release"]["version"], result["outcome"]) for result in payload["results"]]


async def create_single(harness: Harness, body: dict[str, Any], *, rest: bool) -> list[tuple[str, str]]:
    """Create a release in one of the APIs and return its version and outcome."""
    if rest:
        response = await harness.client.send("POST", RELEASES_PATH, body, token=harness.tokens["acme"])
        assert response.status in (201, 208), response.body
        return [(body["version"], {201: "CREATED", 208: "EXISTING"}[response.status])]
    request = {"query": CREATE, "variables": {"input": as_graphql(body)}}
    response = await harness.client.send("POST", "/graphql", request, token=harness.tokens["acme"])
    assert response.status == 200, response.body
    return [(body["version"], response.json["data"]["createRelease"]["outcome"])]


@pytest.mark.parametrize("commits", [False, True], ids=["bare", "commits"])
@pytest.mark.parametrize("singles", [0, 12], ids=["bulk", "mixed"])
@pytest.mark.parametrize(("number", "callers"), [(5, 4), (12, 8), (60, 5)])
def test_creations_of_the_same_releases_in_any_order(
    template: Template, tmp_path: Path, number: int, callers: int, singles: int, commits: bool
) -> None:
    harness = Harness(template, tmp_path)
    chance = random.Random(number * 10 + callers + singles)
    bodies = draw_bodies(number, chance, commits=commits)

    async def race() -> list[list[tuple[str, str]]]:
        calls: list[Any] = [create_bulk(harness, bodies if n % 2 else bodies[::-1]) for n in range(callers // 2)]
        calls += [create_bulk(harness, chance.sample(bodies, len(bodies))) for _ in range(callers - len(calls))]
        calls += [create_single(harness, chance.choice(bodies), rest=n % 2 == 0) for n in range(singles)]
        chance.shuffle(calls)
        return await asyncio.gather(*calls)

    deadlocks = FALL_BACKS["deadlock"]
    responses = harness.run(asyncio.wait_for(race(), SECONDS))
    assert FALL_BACKS["deadlock"] == deadlocks
    outcomes = Counter(pair for response in responses for pair in response)
    assert [outcomes[body["version"], "CREATED"] for body in bodies] == [1] * number
    assert {outcome for _, outcome in outcomes} <= {"CREATED", "EXISTING"}
    assert harness.rows("SELECT count(*) FROM releases") == [(number,)]
    assert harness.rows("SELECT count(*) FROM release_commits") == [(number * 4 if commits else 0,)]
    harness.close()


def test_bulk_creations_in_both_orders_take_less_than_two_seconds(harness: Harness) -> None:
    """With a deadlock it takes longer: PostgreSQL's deadlock timeout is one second.

    The fastest of three rounds counts, because the machine may be busy with other work.
    """
    seconds = []
    for number in range(3):
        bodies = [release(f"round-{number}-{n}") for n in range(5)]

        async def race(bodies: list[dict[str, Any]] = bodies) -> list[list[tuple[str, str]]]:
            return await asyncio.gather(*(create_bulk(harness, bodies if n % 2 else bodies[::-1]) for n in range(4)))

        start = time.perf_counter()
        responses = harness.run(race())
        seconds.append(time.perf_counter() - start)
        outcomes = Counter(outcome for response in responses for _, outcome in response)
        assert outcomes == {"CREATED": 5, "EXISTING": 15}
    assert min(seconds) < BULK_SECONDS, seconds


def draw_call(harness: Harness, chance: random.Random) -> tuple[str, str, Any]:
    """Draw a write of few names, so that most writes lock the rows of others."""
    version, other = (f"v{chance.randrange(4)}" for _ in range(2))
    key = {"key": {"organization": "acme", "version": version}}
    commit_pool = [commit(n, repository=f"acme/{n % 3}", author_email=f"{n % 2}@example.com") for n in range(9)]
    commits = chance.sample(commit_pool, 4)
    for fields in commits:
        fields["author_name"] = chance.choice(["Ada", "Grace"])
    refs = [{"repository": f"acme/{n}", "commit": commit(chance.randrange(9))["id"]} for n in chance.sample(range(3), 2)]
    document = "mutation($i: %s!) {%s(input: $i) {userErrors {code message}}}"

    def call(kind: str, field: str, input_fields: Any) -> tuple[str, str, Any]:
        return "POST", "/graphql", {"query": document % (kind, field), "variables": {"i": input_fields}}

    deploy = {"release": key, "environment": f"e{chance.randrange(2)}", "projects": chance.choice([["web"], ["web", "api"]])}
    return chance.choice(
        [
            ("POST", RELEASES_PATH, release(version, projects=chance.choice([["web", "api"], ["api"]]), commits=commits)),
            ("POST", RELEASES_PATH, release(version, projects=["web"], refs=refs)),
            ("PUT", f"{RELEASES_PATH}{version}/", {"commits": commits}),
            ("PUT", f"{RELEASES_PATH}{version}/", {"refs": refs}),
            ("DELETE", f"{RELEASES_PATH}{version}/", None),
            call("CreateDeployInput", "createDeploy", {**deploy, "status": "SUCCEEDED"}),
            call("CreateDeployInput", "createDeploy", {**deploy, "externalId": f"x{chance.randrange(3)}"}),
            call("UpdateDeployInput", "updateDeploy", {
                "deploy": {"key": {"organization": "acme", "project": "web", "externalId": f"x{chance.randrange(3)}"}},
                "status": chance.choice(["SUCCEEDED", "FAILED"]),
            }),
            call("SetReleaseCommitsInput", "setReleaseCommits", {"release": key, "commits": as_graphql({"commits": commits})["commits"]}),
            call("CreateReleasesInput", "createReleases", {
                "organization": "acme",
                "releases": [{"version": name, "projects": ["web"]} for name in dict.fromkeys([version, other, "v9", "v0"])],
            }),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_writers_of_the_same_few_rows(template: Template, tmp_path: Path, seed: int) -> None:
    """Releases, commits, refs, ranges, deploys and deletions in parallel: all succeed, with at most one deadlock."""
    harness = Harness(template, tmp_path)
    chance = random.Random(seed)
    for number in range(4):
        commits = [commit(n, repository=f"acme/{n % 3}") for n in range(9)]
        harness.client.rest(
            "POST", RELEASES_PATH.removeprefix("/api/0/"), release(f"v{number}", projects=["web", "api"], commits=commits)
        )

    async def caller() -> list[Any]:
        responses = []
        for _ in range(12):
            method, path, body = draw_call(harness, chance)
            responses.append(
                (await harness.client.send(method, path, body, token=harness.tokens["acme"]), method, path, body)
            )
        return responses

    async def race() -> list[Any]:
        return await asyncio.gather(*(caller() for _ in range(6)))

    deadlocks = FALL_BACKS["deadlock"]
    responses = [
        response for call_responses in harness.run(asyncio.wait_for(race(), SECONDS)) for response in call_responses
    ]
    assert [response for response in responses if response[0].status >= 500] == []
    assert FALL_BACKS["deadlock"] - deadlocks <= 1, "without an order of locks there are four deadlocks in this test"
    harness.close()
