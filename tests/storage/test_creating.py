"""Creations in one batch: each has the result that it would have alone, whatever the results of the others."""

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
RELEASES_PATH = "organizations/acme/releases/"
STATE = """{organization(slug: "acme") {
  projects(first: 10) {nodes {slug}}
  releases(first: 10) {nodes {version ref dateReleased projects(first: 10) {nodes {slug}} commitCount lastCommit {sha}
    commits(first: 10) {nodes {sha message timestamp author {email name} repository {name} fileChanges {totalCount}}}
    authors(first: 10) {nodes {email name}}
    headCommits(first: 10) {nodes {repository {name} commit {sha} commitStatus {code}}}}}}}"""

VERSION_PAGE = PagedSelection(s.Selection("Release", (s.Value("version", "version"),)))


def build_creation(harness: Harness, body: dict[str, Any], *, create_projects: bool = False) -> Creation:
    principal = harness.run(OrganizationService(harness.store.organizations).load_operator("acme"))
    return Creation(principal, parse_new_release(CREATION_FIELDS.to_domain(body)), None, create_projects)


def write_together(harness: Harness, creations: list[Creation]) -> list[Any]:
    releases = harness.store.releases
    organization = creations[0].principal.organization_id
    return harness.run(
        harness.store._database.write(
            lambda transaction: create_all(transaction, organization, creations, releases._read_results)
        )
    )


def read_state(harness: Harness) -> dict[str, Any]:
    response = harness.client.graphql(STATE)
    assert "errors" not in response
    organization = response["data"]["organization"]
    return {release["version"]: release for release in organization["releases"]["nodes"]} | {
        "projects": organization["projects"]
    }


@st.composite
def bodies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw releases that share commits, authors, repositories and projects, with different fields."""
    releases = []
    for number in range(draw(st.integers(2, 6))):
        commits = []
        for sha in draw(st.lists(st.integers(0, 7), max_size=5, unique=True)):
            fields: dict[str, Any] = {"id": f"{sha:040x}", "repository": f"r{draw(st.integers(0, 1))}"}
            fields["author_email"] = f"a{draw(st.integers(0, 2))}@example.com"
            optional_fields = {
                "message": f"{number} says {sha}",
                "timestamp": f"2026-01-01T00:{sha:02}:00Z",
                "author_name": f"Called by {number}",
                "patch_set": [{"path": f"{number}.py", "type": "M"}],
            }
            for key in draw(st.lists(st.sampled_from(sorted(optional_fields)), unique=True)):
                fields[key] = optional_fields[key]
            commits.append(fields)
        project = draw(st.sampled_from(["web", "api", "unknown"]))
        releases.append(release(f"v{draw(st.integers(0, 5))}", projects=[project], commits=commits, ref=f"ref {number}"))
    return releases


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(bodies=bodies())
def test_together_they_create_what_they_create_one_after_the_other(
    template: Template, tmp_path_factory: pytest.TempPathFactory, bodies: list[dict[str, Any]]
) -> None:
    first, second = (Harness(template, tmp_path_factory.mktemp("store")) for _ in range(2))
    try:
        results_alone = {}
        for index, body in enumerate(bodies):
            [results_alone[index]] = write_together(first, [build_creation(first, body)])
        results_together = write_together(second, [build_creation(second, body) for body in bodies])
        versions: set[str] = set()
        for index, result in enumerate(results_together):
            kind = CreateResult if bodies[index]["version"] not in versions else type(None)
            assert type(result) is (InvalidInput if bodies[index]["projects"] == ["unknown"] else kind)
            if not isinstance(result, InvalidInput):
                versions.add(bodies[index]["version"])
                assert type(results_alone[index]) is (CreateResult if isinstance(result, CreateResult) else ExistingRelease)
        assert read_state(second) == read_state(first)
    finally:
        first.close()
        second.close()


def test_invalid_creation_of_a_batch_creates_nothing(harness: Harness) -> None:
    """Neither its projects nor the rows of its commits are created, while others of its batch are."""
    good = build_creation(harness, release("good", commits=[commit(1, repository="r")]), create_projects=True)
    bad = release("bad", projects=["new", "12345"], commits=[commit(2, repository="never", author_email="no@example.com")])
    created, refused = write_together(harness, [good, build_creation(harness, bad, create_projects=True)])
    assert isinstance(created, CreateResult)
    assert isinstance(refused, InvalidInput)
    assert harness.rows("SELECT name FROM repositories") == [("r",)]
    assert harness.rows("SELECT email FROM commit_authors") == [("ada@example.com",)]
    assert {slug for (slug,) in harness.rows("SELECT slug FROM projects")} == {"web", "api"}


def test_creations_of_one_batch_share_statements_and_each_gets_its_own_response(harness: Harness) -> None:
    """New, existing, equal and invalid creations in one batch."""
    existing = release("known", commits=[commit(0)])
    assert harness.client.rest("POST", RELEASES_PATH, existing).status == 201
    database: Any = harness.store._database
    writes: list[object] = []
    original_write, batch_size = database.write, database.dialect.batch_limits[1]

    async def count_writes(work: Any, **options: Any) -> Any:
        writes.append(work)
        return await original_write(work, **options)

    database.write = count_writes
    new = [release(f"new {number}", commits=[commit(number), commit(number + 1)]) for number in range(batch_size)]

    async def send_together(*bodies: dict[str, Any]) -> list[int]:
        responses = await asyncio.gather(*(harness.client.send("POST", f"/api/0/{RELEASES_PATH}", body) for body in bodies))
        assert [response.json["version"] for response in responses if response.status != 400] == [
            body["version"] for body, response in zip(bodies, responses, strict=True) if response.status != 400
        ]
        return [response.status for response in responses]

    assert harness.run(send_together(*new)) == [201] * batch_size
    assert len(writes) == 1
    statuses = harness.run(
        send_together(existing, release("one"), release("one"), release("no", projects=["none"]), release("two"))
    )
    assert sorted(statuses) == [201, 201, 208, 208, 400]
    assert (statuses[0], statuses[3]) == (208, 400)


def create_at_once(harness: Harness, view: PagedSelection | None, *token_ids: int | None) -> list[Any]:
    """Create v0, v1, ... in one batch, with the tenant's token or a token of another id, and return each result."""
    principal = harness.run(harness.store.tokens.find_principal(digest_token(harness.tokens["acme"])))
    assert principal
    create = partial(harness.store.releases.create_release, view=view, create_projects=False)
    releases = [build_creation(harness, release(f"v{number}")).new for number in range(len(token_ids))]
    principals = [replace(principal, token_id=token_id or principal.token_id) for token_id in token_ids]

    async def create_together() -> list[Any]:
        return await asyncio.gather(*map(create, principals, releases), return_exceptions=True)

    return harness.run(create_together())


def test_each_of_one_batch_is_shown_its_own_release(harness: Harness) -> None:
    shown = [result.shown for result in create_at_once(harness, VERSION_PAGE, *[None] * 5)]
    assert shown == [{"version": f"v{number}"} for number in range(5)]


@pytest.mark.parametrize("view", [None, VERSION_PAGE])
def test_a_revoked_token_stops_its_own_release_alone(harness: Harness, view: PagedSelection | None) -> None:
    """The token was revoked after it was checked; the releases of the others are read and returned."""
    results = create_at_once(harness, view, None, 2**40, None, None)
    assert [type(result) for result in results] == [CreateResult, InvalidToken, CreateResult, CreateResult]
    shown = [result.shown for result in results if isinstance(result, CreateResult)]
    assert shown == ([{"version": f"v{number}"} for number in (0, 2, 3)] if view else [None] * 3)
    assert [version for (version,) in harness.rows("SELECT version FROM releases ORDER BY version")] == ["v0", "v2", "v3"]


def test_an_item_alone_does_not_wait_and_items_queued_meanwhile_are_one_batch() -> None:
    batches: list[tuple[int, list[str]]] = []
    max_batches = 5

    async def run() -> None:
        released = asyncio.Event()

        async def work(key: int, items: Any) -> list[Any]:
            batches.append((key, list(items)))
            if items[0] == "raise":
                raise ValueError
            if items[0].startswith("slow"):
                await released.wait()
            return [KeyError(item) if item == "bad" else item.upper() for item in items]

        batcher: Batcher[str, str] = Batcher(work, 2, max_batches)
        assert await batcher.submit(1, "alone", 1) == "ALONE"
        with pytest.raises(ValueError):
            await batcher.submit(1, "raise", 1)
        slow = []
        for name in ("slow 1", "slow 2"):
            slow.append(asyncio.create_task(batcher.submit(1, name, 1)))
            await asyncio.sleep(0.01)
        queued = [("a", 1, 1), ("other", 2, 1), ("bad", 1, 1), ("large", 1, MAX_BATCH_ROWS), ("b", 1, 1)]
        calls = [asyncio.create_task(batcher.submit(key, name, size)) for name, key, size in queued]
        calls += [asyncio.create_task(batcher.submit(3, str(number), 1)) for number in range(max_batches + 1)]
        cancelled = asyncio.create_task(batcher.submit(1, "gone", 1))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        released.set()
        results = await asyncio.gather(*slow, *calls, return_exceptions=True)
        assert [type(item) is KeyError or item for item in results[2:7]] == ["A", "OTHER", True, "LARGE", "B"]

    asyncio.run(run())
    together = [items for _, items in batches]
    assert ["a", "bad", "b", "gone"] in together
    assert ["other"] in together
    assert ["large"] in together
    assert [str(number) for number in range(max_batches)] in together
    assert [str(max_batches)] in together
