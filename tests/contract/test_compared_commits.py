"""Commits of a comparison have a total order without ids: equal stores give equal answers, however they were filled."""

from __future__ import annotations

from typing import Any

from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

RELEASES = "organizations/{}/releases/"
DOCUMENT = """query ($o: String!, $first: Int, $after: String) { organization(slug: $o) { compare(project: "web", base: "0", head: "2") {
  commits(first: $first, after: $after) { totalCount nodes { sha repository { name } } pageInfo { endCursor hasNextPage } } } } }"""


def fill(client: Client, organization: str, token: str, *, reverse: bool) -> None:
    """Create the same releases; `reverse`: after others have named the commits in the other order."""
    listed = {
        "1": [commit(3, id="c" * 40), commit(1, id="a" * 40), commit(2, id="a" * 40, repository="acme/api")],
        "2": [commit(4, id="b" * 40), commit(1, id="a" * 40), commit(5, id="d" * 40)],
    }
    if reverse:
        every = [commit for commits in listed.values() for commit in commits][::-1]
        for number, item in enumerate(every):
            body = release(f"x{number}", projects=["web"], commits=[item], dateReleased="2020-01-01T00:00:00Z")
            assert client.rest("POST", RELEASES.format(organization), body, token=token).status == 201
            assert client.rest("DELETE", RELEASES.format(organization) + f"x{number}/", token=token).status == 204
    for version in ("0", "1", "2"):
        body = release(version, commits=listed.get(version, []))
        assert client.rest("POST", RELEASES.format(organization), body, token=token).status == 201


def read(harness: Harness, organization: str, size: int) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    after: Any = None
    while True:
        variables = {"o": organization, "first": size, "after": after}
        answer = harness.client.graphql(DOCUMENT, variables, token=harness.tokens[organization])
        page = answer["data"]["organization"]["compare"]["commits"]
        result += [(node["repository"]["name"], node["sha"][0]) for node in page["nodes"]]
        assert page["totalCount"] == 5
        if not page["pageInfo"]["hasNextPage"]:
            return result
        after = page["pageInfo"]["endCursor"]


def test_equal_stores_compare_alike(harness: Harness) -> None:
    for organization, reverse in (("acme", False), ("other", True)):
        fill(harness.client, organization, harness.tokens[organization], reverse=reverse)
    orders = {tuple(read(harness, organization, size)) for organization in ("acme", "other") for size in (1, 2, 100)}
    assert len(orders) == 1
    [order] = orders
    assert sorted(order) == [("acme/api", "a"), ("acme/web", "a"), ("acme/web", "b"), ("acme/web", "c"), ("acme/web", "d")]
