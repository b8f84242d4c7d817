"""Total orders that both APIs and both databases have: builds of one version, and which release comes before another."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

RELEASES = "organizations/acme/releases/"
NEWEST_LISTS = [
    "a@1.0.1-rc",
    "a@1.0.0+10",
    "a@1.0.0+9",
    "a@1.0.0+8",
    "a@1.0.0+x1",
    "a@1.0.0+abc",
    "a@1.0.0",
    "a@1.0.0-rc+5",
    "a@1.0.0-rc",
]
"""Builds of one version, numbers first, then texts, then none."""


@pytest.fixture
def builds(client: Client) -> Client:
    for number in (3, 8, 0, 5, 2, 7, 1, 6, 4):
        assert client.rest("POST", RELEASES, release(NEWEST_LISTS[number])).status == 201
    return client


def list_versions(client: Client, direction: str, size: int, project: str = "") -> list[str]:
    """Read all pages, forward, or backward where `size` is negative."""
    within = f'filter: {{project: "{project}"}}, ' if project else ""
    sort = f"orderBy: {{field: SEMVER, direction: {direction}}}"
    result: list[str] = []
    cursor: Any = None
    while True:
        page = f"first: {size}, after: $c" if size > 0 else f"last: {-size}, before: $c"
        document = f'query ($c: String) {{organization(slug: "acme") {{releases({within}{sort}, {page}) {{nodes {{version}} pageInfo {{hasNextPage hasPreviousPage startCursor endCursor}}}}}}}}'
        part = client.graphql(document, {"c": cursor})["data"]["organization"]["releases"]
        versions = [node["version"] for node in part["nodes"]]
        result = result + versions if size > 0 else versions + result
        info = part["pageInfo"]
        if not info["hasNextPage" if size > 0 else "hasPreviousPage"]:
            return result
        cursor = info["endCursor" if size > 0 else "startCursor"]


@pytest.mark.parametrize("size", [100, 2, -2])
@pytest.mark.parametrize("project", ["", "web"])
def test_builds_of_one_version_have_one_order(builds: Client, size: int, project: str) -> None:
    assert list_versions(builds, "DESC", size, project) == NEWEST_LISTS
    assert list_versions(builds, "ASC", size, project) == NEWEST_LISTS[::-1]


def test_rest_has_the_same_order(builds: Client) -> None:
    result, path = [], f"{RELEASES}?sort=semver&per_page=2"
    while True:
        answer = builds.rest("GET", path)
        result += [row["version"] for row in answer.json]
        following = answer.headers["link"].split(", ")[1]
        if 'results="true"' not in following:
            break
        path = RELEASES + "?" + following.partition("?")[2].partition(">")[0]
    assert result == NEWEST_LISTS


@pytest.mark.parametrize(
    ("range_", "rest", "expected"),
    [
        ("1.0.0", "1.0.0", NEWEST_LISTS[1:7]),
        (">=1.0.0", ">=1.0.0", NEWEST_LISTS[:7]),
        (">1.0.0", ">1.0.0", NEWEST_LISTS[:1]),
        ("<=1.0.0", "<=1.0.0", NEWEST_LISTS[1:]),
        ("<1.0.0", "<1.0.0", NEWEST_LISTS[7:]),
        ("1.0.0-rc", "1.0.0-rc", NEWEST_LISTS[7:]),
        (">1.0.0-rc", ">1.0.0-rc", NEWEST_LISTS[:7]),
        ("~1.0.0", "1.0.*", None),
    ],
)
def test_builds_play_no_part_in_ranges(builds: Client, range_: str, rest: str, expected: list[str] | None) -> None:
    if expected is not None:
        document = f'{{organization(slug: "acme") {{releases(filter: {{version: {{semver: {{range: "{range_}"}}}}}}, orderBy: {{field: SEMVER}}) {{nodes {{version}}}}}}}}'
        answer = builds.graphql(document)["data"]["organization"]["releases"]["nodes"]
        assert [item["version"] for item in answer] == expected
    body = builds.rest("GET", f"{RELEASES}?sort=semver&query={quote('release.version:' + rest)}").json
    assert [item["version"] for item in body] == (NEWEST_LISTS if expected is None else expected)


@pytest.fixture
def previous(harness: Harness) -> Client:
    """a1 in api and b1 in web, each with a commit, then ab in both."""
    client = harness.client
    for number, (version, projects) in enumerate((("a1", ["api"]), ("b1", ["web"]), ("ab", ["web", "api"]))):
        assert client.rest("POST", RELEASES, release(version, projects=projects, commits=[commit(number)])).status == 201
    return client


def before(client: Client, query: str = "", root: str = "organizations/acme") -> Any:
    answer = client.rest("GET", f"{root}/releases/ab/previous-with-commits/{query}")
    return answer.json.get("version") if answer.status == 200 else answer.status


def test_previous_with_commits_is_narrowed_by_project(previous: Client) -> None:
    ids = {row["slug"]: row["id"] for row in previous.rest("GET", "organizations/acme/projects/").json}
    assert (
        before(previous) == before(previous, "?project=-1") == before(previous, "?project=") == "b1"
        or before(previous, "?project=") == 400
    )
    assert before(previous, f"?project={ids['api']}") == before(previous, "?project=api") == "a1"
    assert before(previous, "?projectSlug=api") == "a1"
    assert before(previous, f"?project={ids['web']}") == "b1"
    assert before(previous, f"?project={ids['api']}&project={ids['web']}") == "b1"
    assert before(previous, "?project=nope") == before(previous, "?project=999") == 403
    other = next(number for number in (1, 2, 3) if str(number) not in ids.values())
    assert before(previous, f"?project={other}") == 403, "another organization's is answered like none"
    assert before(previous, "", "projects/acme/api") == "a1"
    assert before(previous, "", f"projects/acme/{ids['api']}") == "a1"
    assert before(previous, "", "projects/acme/web") == "b1"
    assert before(previous, "", "projects/acme/nope") == 404


def test_archived_release_is_not_the_previous_one_with_commits(previous: Client) -> None:
    assert previous.rest("PUT", RELEASES + "b1/", {"status": "archived"}).status == 200
    assert before(previous) == "a1"
    assert before(previous, "?project=web") is None
    assert previous.rest("PUT", RELEASES + "b1/", {"status": "open"}).status == 200
    assert before(previous) == "b1"


def test_version_with_quotation_marks_is_found_as_it_was_pasted(client: Client) -> None:
    for version in ('app@"4.8.1"', 'app@4.8.1"', "app@4.8.1"):
        assert client.rest("POST", RELEASES, release(version)).status == 201
    answer = client.rest("GET", f"{RELEASES}?query={quote('app@' + chr(34) + '4.8.1' + chr(34))}")
    assert [row["version"] for row in answer.json] == ['app@"4.8.1"']
