"""Lists that the database renders as JSON text are equal to those that Python builds from rows."""

from __future__ import annotations

from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

RELEASES_PATH = "organizations/acme/releases/"
MESSAGE = 'It\'s "quoted" \\ \t,\n\u2028 \U0001f600 {} %s :name'


def test_every_kind_of_value_is_rendered_as_from_rows(client: Client) -> None:
    """Texts with escapes of JSON, dates with and without a fraction and the last date, nulls, ids, and long aliases."""
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "9999-12-31T23:59:59.999999Z"]
    commits = [commit(number, message=MESSAGE, timestamp=time) for number, time in enumerate(times)]
    bare = {"id": "bare", "repository": "acme/web"}
    assert client.rest("POST", RELEASES_PATH, release("1", commits=commits)).status == 201
    assert client.rest("POST", RELEASES_PATH, release("2", commits=[bare])).status == 201
    name = "a" * 64
    fields = f"__typename id sha message timestamp author {{ id name }} short: sha {name}: sha repository {{ name }}"
    query = '{organization(slug: "acme") {releases(first: 5) {nodes {version %s}}}}'
    short_aliases = client.graphql(query % f"commits(first: 5) {{totalCount nodes {{{fields.replace(name, 'long')}}}}}")
    long_aliases = client.graphql(query % f"commits(first: 5) {{totalCount nodes {{{fields}}}}}")
    rows = client.graphql(query % f"commits(first: 5) {{totalCount edges {{node {{{fields}}}}}}}")
    row_releases = rows["data"]["organization"]["releases"]["nodes"]
    for response, alias in ((short_aliases, "long"), (long_aliases, name)):
        for json_release, row_release in zip(
            response["data"]["organization"]["releases"]["nodes"], row_releases, strict=True
        ):
            nodes = [edge["node"] for edge in row_release["commits"]["edges"]]
            assert json_release["commits"]["nodes"] == [
                {alias if k == name else k: v for k, v in node.items()} for node in nodes
            ]
            assert json_release["commits"]["totalCount"] == row_release["commits"]["totalCount"]
    newest = row_releases[1]["commits"]["edges"]
    assert {edge["node"]["timestamp"] for edge in newest} == {
        "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.500000Z", times[2]
    }  # fmt: skip
    assert {edge["node"]["message"] for edge in newest} == {MESSAGE}


def test_rest_renders_dates_of_its_lists_as_elsewhere(client: Client) -> None:
    """A date's fraction is omitted where it is zero, also in the releases of a last commit.

    Source: docs/sentry-contract.md#4-shapes.
    """
    for version, date in (("1", "2026-01-01T00:00:00Z"), ("2", "2026-01-02T00:00:00.25Z")):
        assert client.rest("POST", RELEASES_PATH, release(version, commits=[commit()], dateReleased=date)).status == 201
    releases = client.rest("GET", f"{RELEASES_PATH}1/").json["lastCommit"]["releases"]
    assert {release["version"]: release["dateReleased"] for release in releases} == {
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


def test_pages_and_their_surroundings_are_the_same_as_text_and_as_rows(client: Client) -> None:
    """All pages of several sizes: full, short and exactly full pages, and an empty one."""
    for number in range(7):
        body = release(f"web@{number}", commits=[commit(number, message=MESSAGE)])
        assert client.rest("POST", RELEASES_PATH, body).status == 201
    for size in (1, 3, 7, 8):
        after, seen = None, []
        while True:
            variables = {"after": after, "first": size}
            text = client.graphql(PAGES % "nodes {version lastCommit {message}}", variables)
            rows = client.graphql(PAGES % "edges {cursor node {version lastCommit {message}}}", variables)
            organization, row_organization = text["data"]["organization"], rows["data"]["organization"]
            edges = row_organization["releases"].pop("edges")
            assert organization["releases"].pop("nodes") == [edge["node"] for edge in edges]
            assert organization == row_organization
            assert organization["empty"] == {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
            assert [project["slug"] for project in organization["projects"]["nodes"]] == ["api", "web"]
            seen += edges
            after = organization["releases"]["pageInfo"]["endCursor"]
            assert after == edges[-1]["cursor"]
            if not organization["releases"]["pageInfo"]["hasNextPage"]:
                break
        assert [edge["node"]["version"] for edge in seen] == [f"web@{number}" for number in range(6, -1, -1)]
        assert {edge["node"]["lastCommit"]["message"] for edge in seen} == {MESSAGE}


EMPTY_PAGES = """{ organization(slug: "acme") { releases(first: 1) { nodes {
  commits(first: 0) { pageInfo { hasNextPage endCursor } nodes { sha } totalCount } } } } }"""


def test_page_of_no_rows_with_its_surroundings_is_empty(harness: Harness) -> None:
    body = release(commits=[commit(number) for number in range(3)])
    assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
    response = harness.client.graphql(EMPTY_PAGES)
    [node] = response["data"]["organization"]["releases"]["nodes"]
    assert node == {"commits": {"pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": [], "totalCount": 3}}
