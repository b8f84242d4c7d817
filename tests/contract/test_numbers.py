"""Numbers from outside that are larger than the column that they meet: 400, or the end of the list, alike on both databases."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gql_releases.domain.paging import KEY_TYPES, Position
from gql_releases.graphql_api.execution.scalars import to_global_id
from gql_releases.storage.reading.reader import fit_key
from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import commit, release
from tests.scale import SOAK

BITS = (15, 31, 32, 53, 62, 63, 64, 100) if SOAK else (31, 53, 63, 100)
NUMBERS = [sign * (2**bits + more) for bits in BITS for more in (-1, 0, 1) for sign in (1, -1)]
EDGES = [-(2**31) - 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**100]
"""Numbers around the ranges of columns, for what is tried in many places."""
LISTS = [
    "releases/web@1/commits/",
    "releases/web@1/commitfiles/",
    "releases/web@1/deploys/",
    "releases/",
    "releases/?sort=build",
    "releases/?sort=semver",
    "projects/",
    "repos/",
    "environments/",
    "releases/stats/",
]
COMMITS = """query($c: String) {organization(slug: "acme") {releases(first: 1) {nodes {
  %s(%s: 5, %s: $c) {nodes {id}}}}}}"""


@pytest.fixture(scope="module")
def filled_store(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    harness = Harness(template, tmp_path_factory.mktemp("numbers"))
    body = release("web@1", commits=[commit(n) for n in range(3)])
    assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
    deployed = harness.client.rest("POST", "organizations/acme/releases/web@1/deploys/", {"environment": "e"})
    assert deployed.status == 201
    yield harness.client
    harness.close()


@pytest.mark.parametrize("path", LISTS)
def test_cursors_of_rest_lists(filled_store: Client, path: str) -> None:
    """Each number as a sort key and as an id, in both directions: what 64 bits hold is a place in the list."""
    joined = "&" if "?" in path else "?"
    for number in NUMBERS:
        for cursor in (f"{number}:1:0", f"{number}:1:1", f"1:{number}:0", f"{number}:{number}:0"):
            answer = filled_store.rest("GET", f"organizations/acme/{path}{joined}cursor={cursor}")
            assert answer.status in (200, 400), (cursor, answer)
            if path.endswith("/commits/"):
                place = abs(number) < 2**63 and int(cursor.split(":")[1]) >= 0
                assert answer.status == (200 if place else 400), (cursor, answer)
    empty = filled_store.rest("GET", f"organizations/acme/releases/web@1/commits/?cursor={2**31}:1:0")
    assert (empty.status, empty.json) == (200, [])


@pytest.mark.parametrize("parameter", ["per_page", "project", "statsPeriod", "summaryStatsPeriod", "health", "flatten"])
def test_numbers_in_rest_parameters(filled_store: Client, parameter: str) -> None:
    for number in NUMBERS:
        for path in ("releases/", "releases/web@1/commits/", "releases/web@1/previous-with-commits/", "projects/"):
            answer = filled_store.rest("GET", f"organizations/acme/{path}?{parameter}={number}")
            assert answer.status < 500, (number, path, answer)


def test_numbers_in_rest_bodies(filled_store: Client) -> None:
    for number in NUMBERS:
        for name in (number, str(number)):
            answer = filled_store.rest("POST", "organizations/acme/releases/", release("numbered", projects=[name]))
            assert answer.status == 400, (name, answer)
        assert filled_store.rest("GET", f"organizations/acme/releases/?query=build:{number}").status in (200, 400)
        assert filled_store.rest("GET", f"projects/acme/{number}/").status in (400, 404)


@pytest.mark.parametrize("side", [("first", "after"), ("last", "before")])
@pytest.mark.parametrize("attribute", ["commits", "deploys", "projects", "authors", "headCommits"])
def test_cursors_of_graphql_lists(filled_store: Client, attribute: str, side: tuple[str, str]) -> None:
    for number in EDGES:
        for field in ("position", "id", "release_order", *KEY_TYPES):
            for key, row in ((number, 1), (1, number), (number, number)):
                cursor = base64.urlsafe_b64encode(json.dumps([1, field, key, row]).encode()).decode()
                answer = filled_store.graphql(COMMITS % (attribute, *side), {"c": cursor})
                codes = [item["extensions"]["code"] for item in answer.get("errors", ())]
                assert codes in ([], ["INVALID_CURSOR"]), (number, field, answer)
                if attribute == "commits" and field == "position":
                    assert (codes == []) == (abs(key) < 2**63 and abs(row) < 2**63), (number, answer)


def test_ids_of_graphql(filled_store: Client) -> None:
    for number in NUMBERS:
        for kind in ("Release", "Commit", "Deploy", "Project", "Organization", "Token", "Environment", "Repository"):
            answer = filled_store.graphql("query($i: ID!) {node(id: $i) {id}}", {"i": to_global_id(kind, number)})
            assert answer == {"data": {"node": None}}, (number, kind)


def test_builds_of_graphql(filled_store: Client) -> None:
    query = 'query($f: ReleaseFilter) {organization(slug: "acme") {releases(filter: $f) {totalCount}}}'
    for number in NUMBERS:
        answer: Any = filled_store.graphql(query, {"f": {"version": {"semver": {"range": f">=1.{abs(number)}.0"}}}})
        assert all(item.get("extensions", {}).get("code") != "INTERNAL" for item in answer.get("errors", ())), answer


def test_a_key_is_fitted_to_its_column() -> None:
    """`position` has 32 bits in the tables; ids and builds have 64."""
    assert fit_key(Position("position", 2**31, 1)) == 2**31 - 1
    assert fit_key(Position("build_number", 2**40, 1)) == 2**40
