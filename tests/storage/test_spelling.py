"""Lists that the database spells: the same to see as those that Python makes."""

from __future__ import annotations

from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

LIST = "organizations/acme/releases/"
TEXT = 'It\'s "quoted" \\ \t,\n\u2028 \U0001f600 {} %s :name'


def test_every_kind_of_value_is_spelled_as_elsewhere(client: Client) -> None:
    """Texts with whatever JSON escapes, dates with and without a fraction and the last of all, nothing, ids, aliases of any length."""
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "9999-12-31T23:59:59.999999Z"]
    sent = [commit(number, message=TEXT, timestamp=time) for number, time in enumerate(times)]
    bare = {"id": "bare", "repository": "acme/web"}
    assert client.rest("POST", LIST, release("1", commits=sent)).status == 201
    assert client.rest("POST", LIST, release("2", commits=[bare])).status == 201
    name = "a" * 64
    fields = f"__typename id sha message timestamp author {{ id name }} short: sha {name}: sha repository {{ name }}"
    asked = '{organization(slug: "acme") {releases(first: 5) {nodes {version %s}}}}'
    plain = client.graphql(asked % f"commits(first: 5) {{totalCount nodes {{{fields.replace(name, 'long')}}}}}")
    cut = client.graphql(asked % f"commits(first: 5) {{totalCount nodes {{{fields}}}}}")
    rows = client.graphql(asked % f"commits(first: 5) {{totalCount edges {{node {{{fields}}}}}}}")
    of_rows = rows["data"]["organization"]["releases"]["nodes"]
    for answer, alias in ((plain, "long"), (cut, name)):
        for made, other in zip(answer["data"]["organization"]["releases"]["nodes"], of_rows, strict=True):
            wanted = [one["node"] for one in other["commits"]["edges"]]
            assert made["commits"]["nodes"] == [{alias if k == name else k: v for k, v in one.items()} for one in wanted]
            assert made["commits"]["totalCount"] == other["commits"]["totalCount"]
    newest = of_rows[1]["commits"]["edges"]
    assert {one["node"]["timestamp"] for one in newest} == {
        "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.500000Z", times[2]
    }  # fmt: skip
    assert {one["node"]["message"] for one in newest} == {TEXT}


def test_rest_spells_dates_of_its_lists_as_elsewhere(client: Client) -> None:
    """A date's fraction is left out where it is zero, also in the releases of a last commit.

    Source: docs/sentry-contract.md#4-shapes.
    """
    for version, date in (("1", "2026-01-01T00:00:00Z"), ("2", "2026-01-02T00:00:00.25Z")):
        assert client.rest("POST", LIST, release(version, commits=[commit()], dateReleased=date)).status == 201
    found = client.rest("GET", f"{LIST}1/").json["lastCommit"]["releases"]
    assert {one["version"]: one["dateReleased"] for one in found} == {
        "1": "2026-01-01T00:00:00Z",
        "2": "2026-01-02T00:00:00.250000Z",
    }


PAGES = """query ($after: String, $first: Int!) {
  organization(slug: "acme") {
    releases(first: $first, after: $after) {totalCount pageInfo {hasNextPage hasPreviousPage startCursor endCursor} %s}
    empty: releases(first: $first, filter: {author: "none@example.com"}) {nodes {version} pageInfo {hasNextPage endCursor}}
    projects(first: 5) {nodes {slug} pageInfo {hasNextPage endCursor}}
  }
}"""


def test_pages_and_what_is_around_them_are_the_same_as_text_and_as_rows(client: Client) -> None:
    """Pages of every size, walked to the end: full, short and just full ones, and one that is empty."""
    for number in range(7):
        body = release(f"web@{number}", commits=[commit(number, message=TEXT)])
        assert client.rest("POST", LIST, body).status == 201
    for size in (1, 3, 7, 8):
        after, seen = None, []
        while True:
            given = {"after": after, "first": size}
            text = client.graphql(PAGES % "nodes {version lastCommit {message}}", given)
            rows = client.graphql(PAGES % "edges {cursor node {version lastCommit {message}}}", given)
            made, other = text["data"]["organization"], rows["data"]["organization"]
            edges = other["releases"].pop("edges")
            assert made["releases"].pop("nodes") == [edge["node"] for edge in edges]
            assert made == other
            assert made["empty"] == {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
            assert [one["slug"] for one in made["projects"]["nodes"]] == ["api", "web"]
            seen += edges
            after = made["releases"]["pageInfo"]["endCursor"]
            assert after == edges[-1]["cursor"]
            if not made["releases"]["pageInfo"]["hasNextPage"]:
                break
        assert [edge["node"]["version"] for edge in seen] == [f"web@{number}" for number in range(6, -1, -1)]
        assert {edge["node"]["lastCommit"]["message"] for edge in seen} == {TEXT}


EMPTY_PAGES = """{ organization(slug: "acme") { releases(first: 1) { nodes {
  commits(first: 0) { pageInfo { hasNextPage endCursor } nodes { sha } totalCount } } } } }"""


def test_page_of_no_rows_with_what_is_around_it_is_empty(harness: Harness) -> None:
    body = release(commits=[commit(number) for number in range(3)])
    assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
    answer = harness.client.graphql(EMPTY_PAGES)
    [node] = answer["data"]["organization"]["releases"]["nodes"]
    assert node == {"commits": {"pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": [], "totalCount": 3}}
