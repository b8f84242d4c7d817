"""Creations that are written together: each as if it were alone, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gql_releases.auth.token_format import digest_token
from gql_releases.domain import selection as s
from gql_releases.domain.errors import InvalidInput, InvalidToken
from gql_releases.domain.outcomes import CreateResult
from gql_releases.domain.release import parse_new_release
from gql_releases.domain.selection import PagedSelection
from gql_releases.rest_api.releases import CREATION_FIELDS
from gql_releases.services.organizations import OrganizationService
from gql_releases.storage.releases.batcher import MAX_BATCH_ROWS, Batcher
from gql_releases.storage.releases.creation import Creation, ExistingRelease, create_all
from tests.conftest import Harness, Template
from tests.factories import commit, release
from tests.scale import scale

EXAMPLES = scale(12, 300)
LIST = "organizations/acme/releases/"
STATE = """{organization(slug: "acme") {
  projects(first: 10) {nodes {slug}}
  releases(first: 10) {nodes {version ref dateReleased projects(first: 10) {nodes {slug}} commitCount lastCommit {sha}
    commits(first: 10) {nodes {sha message timestamp author {email name} repository {name} fileChanges {totalCount}}}
    authors(first: 10) {nodes {email name}}
    headCommits(first: 10) {nodes {repository {name} commit {sha} commitStatus {code}}}}}}}"""


def creation(harness: Harness, body: dict[str, Any], *, create_projects: bool = False) -> Creation:
    principal = harness.run(OrganizationService(harness.store.organizations).load_operator("acme"))
    return Creation(principal, parse_new_release(CREATION_FIELDS.to_domain(body)), None, create_projects)


def write(harness: Harness, creations: list[Creation]) -> list[Any]:
    releases = harness.store.releases
    organization = creations[0].principal.organization_id
    return harness.run(
        harness.store._database.write(lambda one: create_all(one, organization, creations, releases._read_results))
    )


def seen(harness: Harness) -> dict[str, Any]:
    answer = harness.client.graphql(STATE)
    assert "errors" not in answer
    found = answer["data"]["organization"]
    return {one["version"]: one for one in found["releases"]["nodes"]} | {"projects": found["projects"]}


@st.composite
def bodies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Releases that name some of the same few things, each in its own words."""
    made = []
    for number in range(draw(st.integers(2, 6))):
        listed = []
        for sha in draw(st.lists(st.integers(0, 7), max_size=5, unique=True)):
            said: dict[str, Any] = {"id": f"{sha:040x}", "repository": f"r{draw(st.integers(0, 1))}"}
            said["author_email"] = f"a{draw(st.integers(0, 2))}@example.com"
            more = {
                "message": f"{number} says {sha}",
                "timestamp": f"2026-01-01T00:{sha:02}:00Z",
                "author_name": f"Called by {number}",
                "patch_set": [{"path": f"{number}.py", "type": "M"}],
            }
            for key in draw(st.lists(st.sampled_from(sorted(more)), unique=True)):
                said[key] = more[key]
            listed.append(said)
        project = draw(st.sampled_from(["web", "api", "unknown"]))
        made.append(release(f"v{draw(st.integers(0, 5))}", projects=[project], commits=listed, ref=f"ref {number}"))
    return made


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(bodies=bodies())
def test_together_they_make_what_they_make_one_after_the_other(
    template: Template, tmp_path_factory: pytest.TempPathFactory, bodies: list[dict[str, Any]]
) -> None:
    first, second = (Harness(template, tmp_path_factory.mktemp("store")) for _ in range(2))
    try:
        alone = {}
        for index, body in enumerate(bodies):
            [alone[index]] = write(first, [creation(first, body)])
        together = write(second, [creation(second, body) for body in bodies])
        versions: set[str] = set()
        for index, result in enumerate(together):
            kind = CreateResult if bodies[index]["version"] not in versions else type(None)
            assert type(result) is (InvalidInput if bodies[index]["projects"] == ["unknown"] else kind)
            if not isinstance(result, InvalidInput):
                versions.add(bodies[index]["version"])
                assert type(alone[index]) is (CreateResult if isinstance(result, CreateResult) else ExistingRelease)
        assert seen(second) == seen(first)
    finally:
        first.close()
        second.close()


def test_what_one_may_not_have_is_not_made_for_it(harness: Harness) -> None:
    """Neither its projects nor what its commits name, though others of its moment are made."""
    good = creation(harness, release("good", commits=[commit(1, repository="r")]), create_projects=True)
    bad = release("bad", projects=["new", "12345"], commits=[commit(2, repository="never", author_email="no@example.com")])
    made, refused = write(harness, [good, creation(harness, bad, create_projects=True)])
    assert isinstance(made, CreateResult)
    assert isinstance(refused, InvalidInput)
    assert harness.rows("SELECT name FROM repositories") == [("r",)]
    assert harness.rows("SELECT email FROM commit_authors") == [("ada@example.com",)]
    assert {slug for (slug,) in harness.rows("SELECT slug FROM projects")} == {"web", "api"}


def test_those_of_one_moment_share_statements_and_each_gets_its_own_answer(harness: Harness) -> None:
    """New, known, twice the same, and refused, all at the same moment."""
    known = release("known", commits=[commit(0)])
    assert harness.client.rest("POST", LIST, known).status == 201
    database: Any = harness.store._database
    begun: list[object] = []
    do, together = database.write, database.dialect.batch_limits[1]

    async def counted(work: Any, **how: Any) -> Any:
        begun.append(work)
        return await do(work, **how)

    database.write = counted
    new = [release(f"new {number}", commits=[commit(number), commit(number + 1)]) for number in range(together)]

    async def race(*sent: dict[str, Any]) -> list[int]:
        answers = await asyncio.gather(*(harness.client.send("POST", f"/api/0/{LIST}", body) for body in sent))
        assert [one.json["version"] for one in answers if one.status != 400] == [
            body["version"] for body, one in zip(sent, answers, strict=True) if one.status != 400
        ]
        return [one.status for one in answers]

    assert harness.run(race(*new)) == [201] * together
    assert len(begun) == 1
    statuses = harness.run(race(known, release("one"), release("one"), release("no", projects=["none"]), release("two")))
    assert sorted(statuses) == [201, 201, 208, 208, 400]
    assert (statuses[0], statuses[3]) == (208, 400)


VERSION = PagedSelection(s.Selection("Release", (s.Value("version", "version"),)))


def create_at_once(harness: Harness, view: PagedSelection | None, *token_ids: int | None) -> list[Any]:
    """Create v0, v1, ... at one moment, with the tenant's token or one of another id, and give what comes of each."""
    principal = harness.run(harness.store.tokens.find_principal(digest_token(harness.tokens["acme"])))
    assert principal
    create = partial(harness.store.releases.create_release, view=view, create_projects=False)
    news = [creation(harness, release(f"v{number}")).new for number in range(len(token_ids))]
    principals = [replace(principal, token_id=one or principal.token_id) for one in token_ids]

    async def race() -> list[Any]:
        return await asyncio.gather(*map(create, principals, news), return_exceptions=True)

    return harness.run(race())


def test_each_of_one_moment_is_shown_its_own_release(harness: Harness) -> None:
    shown = [one.shown for one in create_at_once(harness, VERSION, *[None] * 5)]
    assert shown == [{"version": f"v{number}"} for number in range(5)]


@pytest.mark.parametrize("view", [None, VERSION])
def test_a_dead_token_stops_its_own_release_alone(harness: Harness, view: PagedSelection | None) -> None:
    """It was revoked after it was looked at; what is to be shown of the others is read with it."""
    results = create_at_once(harness, view, None, 2**40, None, None)
    assert [type(one) for one in results] == [CreateResult, InvalidToken, CreateResult, CreateResult]
    shown = [one.shown for one in results if isinstance(one, CreateResult)]
    assert shown == ([{"version": f"v{number}"} for number in (0, 2, 3)] if view else [None] * 3)
    assert [version for (version,) in harness.rows("SELECT version FROM releases ORDER BY version")] == ["v0", "v2", "v3"]


def test_items_wait_for_nobody_where_nobody_is_there_and_go_together_where_some_are() -> None:
    done: list[tuple[int, list[str]]] = []
    hold, most = asyncio.Event, 5

    async def run() -> None:
        free = hold()

        async def work(key: int, items: Any) -> list[Any]:
            done.append((key, list(items)))
            if items[0] == "raise":
                raise ValueError
            if items[0].startswith("slow"):
                await free.wait()
            return [KeyError(one) if one == "bad" else one.upper() for one in items]

        gathered: Batcher[str, str] = Batcher(work, 2, most)
        assert await gathered.submit(1, "alone", 1) == "ALONE"
        with pytest.raises(ValueError):
            await gathered.submit(1, "raise", 1)
        slow = []
        for name in ("slow 1", "slow 2"):
            slow.append(asyncio.create_task(gathered.submit(1, name, 1)))
            await asyncio.sleep(0.01)
        sent = [("a", 1, 1), ("other", 2, 1), ("bad", 1, 1), ("large", 1, MAX_BATCH_ROWS), ("b", 1, 1)]
        waiting = [asyncio.create_task(gathered.submit(key, name, size)) for name, key, size in sent]
        waiting += [asyncio.create_task(gathered.submit(3, str(number), 1)) for number in range(most + 1)]
        gone = asyncio.create_task(gathered.submit(1, "gone", 1))
        await asyncio.sleep(0.01)
        gone.cancel()
        free.set()
        results = await asyncio.gather(*slow, *waiting, return_exceptions=True)
        assert [type(one) is KeyError or one for one in results[2:7]] == ["A", "OTHER", True, "LARGE", "B"]

    asyncio.run(run())
    together = [items for _, items in done]
    assert ["a", "bad", "b", "gone"] in together
    assert ["other"] in together
    assert ["large"] in together
    assert [str(number) for number in range(most)] in together
    assert [str(most)] in together
