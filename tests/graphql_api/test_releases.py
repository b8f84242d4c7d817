"""Releases by GraphQL beyond the operations that frontends build on: bulk, archive, notes, metadata, filters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

BULK = """mutation ($input: CreateReleasesInput!) { createReleases(input: $input) { __typename
  results { __typename outcome ignoredFields release { version projects { nodes { slug } } } again: release { id }
    userErrors { code field } }
  versions: results { release { version } } userErrors { code field } } }"""
LIST_RELEASES = """query ($filter: ReleaseFilter, $orderBy: ReleaseOrder) { organization(slug: "acme") {
  releases(first: 100, filter: $filter, orderBy: $orderBy) { totalCount nodes { version } } } }"""


def by(version: str) -> dict[str, Any]:
    return {"key": {"organization": "acme", "version": version}}


def bulk(client: Client, releases: list[Any], **more: Any) -> Any:
    values = {"organization": "acme", "releases": releases, **more}
    return client.graphql(BULK, {"input": values})["data"]["createReleases"]


def list_versions(client: Client, **metadata: Any) -> list[str]:
    data = client.graphql(LIST_RELEASES, metadata)["data"]["organization"]["releases"]
    assert data["totalCount"] == len(data["nodes"])
    return [node["version"] for node in data["nodes"]]


def test_bulk_creates_all_in_the_order_of_the_input(client: Client) -> None:
    client.rest("POST", "organizations/acme/releases/", release("2", projects=["web"]))
    values = [{"version": str(number), "projects": ["web"], "ref": "r"} for number in (1, 2, 3)]
    outcome = bulk(client, values)
    assert [result["outcome"] for result in outcome["results"]] == ["CREATED", "EXISTING", "CREATED"]
    assert [result["ignoredFields"] for result in outcome["results"]] == [[], ["ref"], []]
    assert [version["release"]["version"] for version in outcome["versions"]] == ["1", "2", "3"]
    assert outcome["results"][0]["release"] == {"version": "1", "projects": {"nodes": [{"slug": "web"}]}}
    assert (outcome["__typename"], outcome["results"][0]["__typename"]) == ("CreateReleasesPayload", "CreateReleasesResult")


BAD = [
    {"version": "1", "projects": ["web"]},
    {"version": " ", "projects": ["web"], "commits": [{"sha": "x" * 65}]},
    {"version": "3", "projects": ["nowhere"]},
]


def test_bulk_together_is_all_or_nothing(client: Client) -> None:
    outcome = bulk(client, BAD[:2])
    assert outcome["results"] == []
    assert outcome["userErrors"] == [
        {"code": "BLANK", "field": ["releases", "1", "version"]},
        {"code": "TOO_LONG", "field": ["releases", "1", "commits", "0", "sha"]},
    ]
    outcome = bulk(client, [BAD[0], BAD[2]])
    assert outcome["userErrors"] == [{"code": "UNKNOWN_PROJECT", "field": ["releases", "1", "projects", "0"]}]
    assert list_versions(client) == []


def test_bulk_each_leaves_the_bad_ones_out(client: Client) -> None:
    payload = bulk(client, BAD, mode="EACH")
    assert [result["outcome"] for result in payload["results"]] == ["CREATED", None, None]
    assert [result["userErrors"][0]["code"] for result in payload["results"][1:]] == ["BLANK", "UNKNOWN_PROJECT"]
    assert payload["results"][2]["userErrors"][0]["field"] == ["releases", "2", "projects", "0"]
    assert (payload["userErrors"], list_versions(client)) == ([], ["1"])


def test_bulk_is_bounded(client: Client) -> None:
    payload = bulk(client, [{"version": str(number), "projects": ["web"]} for number in range(1001)])
    assert payload["userErrors"] == [{"code": "TOO_LONG", "field": ["releases"]}]
    assert len(bulk(client, [{"version": str(number), "projects": ["web"]} for number in range(1000)])["results"]) == 1000


def test_release_goes_into_the_archive_and_out_again(client: Client) -> None:
    client.rest("POST", "organizations/acme/releases/", release("1"))
    for name, status in (("archiveRelease", "ARCHIVED"), ("restoreRelease", "OPEN")):
        document = f"mutation ($r: ReleaseBy!) {{ {name}(input: {{release: $r}}) {{ release {{ status }} userErrors {{ code }} }} }}"
        for _ in range(2):
            assert client.graphql(document, {"r": by("1")})["data"][name] == {
                "release": {"status": status},
                "userErrors": [],
            }
        assert list_versions(client, filter={"status": status}) == ["1"]
        missing = client.graphql(document, {"r": by("none")})["data"][name]
        assert missing == {"release": None, "userErrors": [{"code": "RELEASE_NOT_FOUND"}]}


def test_notes_are_written_or_made_from_commits(client: Client) -> None:
    commits = [
        commit(1, message="Fix *the* total\n\nbecause it was wrong"), commit(2, message=""), commit(3, message=None)
    ]  # fmt: skip
    client.rest("POST", "organizations/acme/releases/", release("1", commits=commits))
    document = "mutation ($i: UpdateReleaseInput!) { updateRelease(input: $i) { release { notes text: notes } userErrors { code field } } }"

    def update(**more: Any) -> Any:
        return client.graphql(document, {"i": {"release": by("1"), **more}})["data"]["updateRelease"]

    notes = update()["release"]["notes"]
    assert notes.splitlines()[0] == rf"- Fix \*the\* total ({commits[0]['id'][:7]})"
    assert notes.splitlines()[1] == f"- {commits[1]['id'][:7]}"
    assert update(notes="# 1.0\n\n* good ")["release"] == {"notes": "# 1.0\n\n* good ", "text": "# 1.0\n\n* good "}
    assert update(notes=None)["release"]["notes"] == notes
    assert update(notes="x" * 65537)["userErrors"] == [{"code": "TOO_LONG", "field": ["notes"]}]
    many = [commit(number) for number in range(130)]
    client.rest("POST", "organizations/acme/releases/", release("2", commits=many))
    shown = client.graphql("query ($by: ReleaseBy!) {release(by: $by) {notes}}", {"by": by("2")})["data"]["release"]["notes"]
    assert (len(shown.splitlines()), shown.splitlines()[-1]) == (101, "- and 30 more")
    client.rest("POST", "organizations/acme/releases/", release("3"))
    assert client.graphql("query ($by: ReleaseBy!) {release(by: $by) {notes}}", {"by": by("3")})["data"]["release"] == {
        "notes": None
    }


def test_metadata_is_a_small_object_kept_as_it_was(client: Client) -> None:
    document = """mutation ($v: String!, $n: Int!, $m: JSONObject) {
      a: createRelease(input: {organization: "acme", version: $v, projects: ["web"], metadata: {n: $n, list: [1, {x: null}]}})
        { release { metadata } userErrors { code field } }
      b: updateRelease(input: {release: {key: {organization: "acme", version: $v}}, metadata: $m})
        { release { metadata } userErrors { code field } } }"""
    metadata = {"text": "é\u2028", "deep": {"a": [True, 1.5, None]}}
    answer = client.graphql(document, {"v": "1", "n": 7, "m": metadata})["data"]
    assert answer["a"]["release"]["metadata"] == {"n": 7, "list": [1, {"x": None}]}
    assert answer["b"]["release"]["metadata"] == metadata
    large = client.graphql(document, {"v": "1", "n": 7, "m": {"x": "x" * 16384}})["data"]
    assert large["b"]["userErrors"] == [{"code": "TOO_LONG", "field": ["metadata"]}]
    assert client.graphql(document, {"v": "1", "n": 7, "m": None})["data"]["b"]["release"]["metadata"] is None
    assert "errors" in client.graphql(document, {"v": "1", "n": 7, "m": [1]})


@pytest.mark.parametrize(
    ("range", "expected"),
    [
        (">=1.2 <2", ["1.2.0", "1.10.0", "2.0.0-rc.1"]), ("^1.2", ["1.2.0", "1.10.0", "2.0.0-rc.1"]),
        ("~1.2.0", ["1.2.0"]), ("1.2.0", ["1.2.0"]), (">2.0.0-rc.1", ["2.0.0"]), ("<=1.2.0", ["1.1.9", "1.2.0"]),
        ("<1", []),
    ],
)  # fmt: skip
def test_versions_are_found_by_range(client: Client, range: str, expected: list[str]) -> None:
    for version in ("1.1.9", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0"):
        client.rest("POST", "organizations/acme/releases/", release(f"web@{version}"))
    client.rest("POST", "organizations/acme/releases/", release("api@1.2.0"))
    client.rest("POST", "organizations/acme/releases/", release("web@no-version-at-all!"))
    semver = {"version": {"semver": {"range": range, "package": "web"}}}
    order = {"field": "SEMVER", "direction": "ASC"}
    assert list_versions(client, filter=semver, orderBy=order) == [f"web@{version}" for version in expected]


@pytest.mark.parametrize("range", ["", "x", ">=", "1 || 2", "1.2.3.4.5", ">=1.x"])
def test_range_that_is_none_is_told_with_its_path(client: Client, range: str) -> None:
    answer = client.graphql(LIST_RELEASES, {"filter": {"or": [{"version": {"semver": {"range": range}}}]}})
    error = answer["errors"][0]
    assert (error["extensions"]["code"], error["path"]) == ("INVALID_ARGUMENT", ["organization", "releases"])


def test_filters_nest_within_bounds(client: Client) -> None:
    for version in ("1", "2", "3"):
        client.rest("POST", "organizations/acme/releases/", release(version))
    first, two = {"version": {"equals": "1"}}, {"version": {"equals": "2"}}
    assert list_versions(client, filter={"or": [first, two]}) == ["2", "1"]
    assert list_versions(client, filter={"not": {"or": [first, two]}}) == ["3"]
    assert list_versions(client, filter={"and": [{"not": first}, {"not": two}]}) == ["3"]
    assert list_versions(client, filter={"or": []}) == []
    assert list_versions(client, filter={"not": {}}) == []
    assert list_versions(client, filter={"or": [first] * 99}) == ["1"]
    error = client.graphql(LIST_RELEASES, {"filter": {"or": [first] * 100}})["errors"][0]
    assert error["message"] == "A filter has at most 100 conditions, not 101."
    deep: dict[str, Any] = first
    for _ in range(60):
        deep = {"not": deep}
    assert list_versions(client, filter=deep) == ["1"]
    for depth in (300, 700, 1000, 5000):
        nested = b'{"not":' * depth + b"{}" + b"}" * depth
        body = b'{"query":' + json.dumps(LIST_RELEASES).encode() + b',"variables":{"filter":' + nested + b"}}"
        refused = client.request("POST", "/graphql", body).json
        message = refused["errors"][0]["message"]
        assert "conditions" in message or "nested" in message or "JSON" in message, depth


def test_first_release_with_a_commit_is_found_in_history(harness: Harness) -> None:
    client = harness.client
    shared = commit(7, repository="acme/web")
    for version in ("1", "2"):
        client.rest("POST", "organizations/acme/releases/", release(version, commits=[shared, commit(int(version))]))
    document = """query ($sha: String!, $in: String) { organization(slug: "acme") {
      releaseContaining(commit: $sha, repository: $in) { version } } }"""

    def find_release(sha: str, repository: str | None = None) -> Any:
        return client.graphql(document, {"sha": sha, "in": repository})["data"]["organization"]["releaseContaining"]

    assert find_release(shared["id"]) == find_release(shared["id"], "acme/web") == {"version": "1"}
    assert find_release(shared["id"], "acme/api") is find_release("nothing") is None


PAGE = """query ($order: ReleaseOrder, $first: Int, $after: String, $last: Int, $before: String) { organization(slug: "acme") {
  releases(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { version } } } }"""


@pytest.mark.parametrize("field", ["DATE_CREATED", "DATE_RELEASED", "SEMVER", "BUILD"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_cursor_survives_what_comes_and_goes(client: Client, field: str, direction: str) -> None:
    """Pages of two, forward and backward, while releases are made on both sides and the one at the cursor is deleted."""
    order = {"field": field, "direction": direction}

    def make(number: int) -> None:
        body = release(f"web@1.{number}.0+{number}") | {"dateReleased": f"2026-01-{number:02}T00:00:00Z"}
        assert client.rest("POST", "organizations/acme/releases/", body).status == 201

    def walk(**metadata: Any) -> tuple[list[str], dict[str, Any]]:
        expected = client.graphql(PAGE, {"order": order, **metadata})["data"]["organization"]["releases"]
        return [node["version"] for node in expected["nodes"]], expected["pageInfo"]

    for number in range(10, 16):
        make(number)
    whole = [f"web@1.{number}.0+{number}" for number in (range(10, 16) if direction == "ASC" else range(15, 9, -1))]
    seen, page = walk(first=2)
    back, end = walk(last=2)
    make(20)
    make(5)
    assert client.rest("DELETE", f"organizations/acme/releases/{whole[1].replace('+', '%2B')}/").status == 204
    assert client.rest("DELETE", f"organizations/acme/releases/{whole[4].replace('+', '%2B')}/").status == 204
    assert (seen, back) == (whole[:2], whole[4:])
    onward, page = walk(first=2, after=page["endCursor"])
    assert (onward, page["hasNextPage"]) == (whole[2:4], True)
    backward, end = walk(last=2, before=end["startCursor"])
    assert (backward, end["hasPreviousPage"]) == (whole[2:4], True)
    rest, page = walk(first=100, after=page["endCursor"])
    assert rest[0] == whole[5], "neither repeated nor left out"
    assert page["hasNextPage"] is False


def test_type_of_a_file_change_is_read_wherever_it_stands(client: Client) -> None:
    """In the document, in the variables, and in a variable of its own within the document."""
    document = """mutation ($type: FileChangeType!, $change: FileChangeInput!) { createRelease(input: {
      organization: "acme", version: "1", projects: ["web"], commits: [{sha: "a", fileChanges: [
        {path: "1", type: ADDED}, {path: "2", type: $type}, $change]}] }) {
      userErrors { code } release { commits(first: 1) { nodes { fileChanges(first: 9) { nodes { path type } } } } } } }"""
    payload = client.graphql(document, {"type": "DELETED", "change": {"path": "3", "type": "MODIFIED"}})["data"][
        "createRelease"
    ]
    assert payload["userErrors"] == []
    changes = payload["release"]["commits"]["nodes"][0]["fileChanges"]["nodes"]
    assert [(change["path"], change["type"]) for change in changes] == [("1", "ADDED"), ("2", "DELETED"), ("3", "MODIFIED")]
