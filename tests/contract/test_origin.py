"""Repositories as CI names them: a project's default one, which the REST API reads `origin` as, and new ones that refs name."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from gql_releases.cli import cli
from tests.client import Client
from tests.conftest import Harness
from tests.factories import CREATE, as_graphql

RELEASES_PATH = "organizations/acme/releases/"
CREATE_PROJECT = """mutation ($input: CreateProjectInput!) { createProject(input: $input) {
  project { slug defaultRepository { name } } userErrors { code field } } }"""
UPDATE_PROJECT = """mutation ($input: UpdateProjectInput!) { updateProject(input: $input) {
  project { slug defaultRepository { name } } userErrors { code field } } }"""
SET_COMMITS = """mutation ($input: SetReleaseCommitsInput!) { setReleaseCommits(input: $input) { userErrors { code } } }"""
SET_REFS = """mutation ($input: SetReleaseRefsInput!) { setReleaseRefs(input: $input) { userErrors { code } } }"""
SHOWN = """query ($v: String!) { release(by: {key: {organization: "acme", version: $v}}) { commitStatus { code message }
  commits(first: 100) { nodes { sha repository { name } } }
  headCommits(first: 100) { nodes { repository { name } commit { sha } } } } }"""


def run(client: Client, document: str, change: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run a mutation and return its payload."""
    answer = client.graphql(document, {"input": change}, **more)
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    assert isinstance(payload, dict)
    return payload


def set_default(client: Client, slug: str, repository: str | None, organization: str = "acme", **more: Any) -> None:
    by = {"key": {"organization": organization, "slug": slug}}
    payload = run(client, UPDATE_PROJECT, {"project": by, "repository": repository}, **more)
    assert payload["userErrors"] == []


def sha(number: int) -> str:
    return f"{number:040x}"


def commits(*numbers: int, repository: str | None = "origin") -> list[dict[str, Any]]:
    """Commits as sentry-cli sends them, newest first."""
    named = {} if repository is None else {"repository": repository}
    return [{"id": sha(number), "timestamp": f"2026-11-{number:02}T00:00:00Z", **named} for number in numbers]


def ref(head: int, previous: int | None = None, repository: str = "origin") -> dict[str, Any]:
    return {"repository": repository, "commit": sha(head), "previousCommit": None if previous is None else sha(previous)}


def show(client: Client, version: str) -> dict[str, Any]:
    release = client.graphql(SHOWN, {"v": version})["data"]["release"]
    return {
        "commits": [(int(node["sha"], 16), node["repository"]["name"]) for node in release["commits"]["nodes"]],
        "heads": sorted(
            (node["repository"]["name"], int(node["commit"]["sha"], 16)) for node in release["headCommits"]["nodes"]
        ),
        "status": release["commitStatus"]["code"],
    }


def repositories(client: Client, organization: str = "acme", **more: Any) -> list[str]:
    return [row["name"] for row in client.rest("GET", f"organizations/{organization}/repos/?cursor=", **more).json]


# -- a project has a default repository


def test_default_repository_is_listed_before_any_commit_is_sent(client: Client) -> None:
    """sentry-cli compares `--commit R@a..b` with the list of repositories: R must be in it, of a provider it does not know."""
    values = {"organization": "acme", "slug": "shop", "repository": "acme/shop"}
    payload = run(client, CREATE_PROJECT, values)
    assert payload == {"project": {"slug": "shop", "defaultRepository": {"name": "acme/shop"}}, "userErrors": []}
    [repository] = client.rest("GET", "organizations/acme/repos/?cursor=").json
    assert (repository["name"], repository["provider"]["id"], repository["status"]) == ("acme/shop", "unknown", "active")
    again = run(client, CREATE_PROJECT, {"organization": "acme", "slug": "admin", "repository": "acme/shop"})
    assert again["project"]["defaultRepository"] == {"name": "acme/shop"}
    assert repositories(client) == ["acme/shop"], "two projects may have one repository"


def test_default_repository_is_changed_kept_and_taken_away(client: Client) -> None:
    by = {"key": {"organization": "acme", "slug": "web"}}
    steps: list[tuple[dict[str, Any], dict[str, str] | None]] = [
        ({"name": "Web"}, None), ({"repository": "acme/web"}, {"name": "acme/web"}), ({"name": "w"}, {"name": "acme/web"}),
        ({"repository": "acme/w"}, {"name": "acme/w"}), ({"slug": "w"}, {"name": "acme/w"}),
    ]  # fmt: skip
    for values, shown in steps:
        assert run(client, UPDATE_PROJECT, {"project": by, **values})["project"]["defaultRepository"] == shown, values
    by = {"key": {"organization": "acme", "slug": "w"}}
    assert run(client, UPDATE_PROJECT, {"project": by, "repository": None})["project"]["defaultRepository"] is None
    set_default(client, "w", "acme/w")
    assert run(client, UPDATE_PROJECT, {"project": by, "repository": " "})["project"]["defaultRepository"] is None


@pytest.mark.parametrize(("name", "code"), [("x" * 201, "TOO_LONG"), ("a\0b", "INVALID_CHARACTERS")])
def test_wrong_default_repository_is_named_and_changes_nothing(client: Client, name: str, code: str) -> None:
    for document, values in (
        (CREATE_PROJECT, {"organization": "acme", "slug": "shop"}),
        (UPDATE_PROJECT, {"project": {"key": {"organization": "acme", "slug": "web"}}}),
    ):
        payload = run(client, document, {**values, "repository": name})
        assert payload == {"project": None, "userErrors": [{"code": code, "field": ["repository"]}]}
    payload = run(client, CREATE_PROJECT, {"organization": "acme", "slug": "web", "repository": "acme/new"})
    assert payload["userErrors"] == [{"code": "ALREADY_EXISTS", "field": ["slug"]}]
    assert repositories(client) == []


def test_default_repository_is_of_its_own_organization(harness: Harness) -> None:
    """The same name in two organizations is two repositories; `origin` of one is never read as that of the other."""
    client, other = harness.client, harness.tokens["other"]
    set_default(client, "web", "acme/shop")
    set_default(client, "web", "other/shop", "other", token=other)
    body = {"version": "1", "projects": ["web"], "commits": commits(1)}
    assert client.rest("POST", RELEASES_PATH, body).status == 201
    assert client.rest("POST", "organizations/other/releases/", body, token=other).status == 201
    assert show(client, "1")["commits"] == [(1, "acme/shop")]
    assert (repositories(client), repositories(client, "other", token=other)) == (["acme/shop"], ["other/shop"])


# -- the REST API reads `origin` as it


BODIES: list[dict[str, Any]] = [
    {"commits": commits(2, 1)},
    {"refs": [ref(2)]},
    {"headCommits": [{"repository": "origin", "currentId": sha(2)}]},
    {"commits": commits(2, 1), "refs": [ref(2, 0)]},
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("way", ["create", "change", "create again"])
def test_origin_is_read_as_the_default_repository(client: Client, body: dict[str, Any], way: str) -> None:
    """Commits, refs and headCommits; in a creation, in that of a known version, in a change."""
    set_default(client, "web", "acme/shop")
    created = {"version": "1", "projects": ["web"]}
    if way != "create":
        assert client.rest("POST", RELEASES_PATH, created).status == 201
    if way == "change":
        assert client.rest("PUT", RELEASES_PATH + "1/", body).status == 200
    else:
        assert client.rest("POST", RELEASES_PATH, created | body).status in (201, 208)
    shown = show(client, "1")
    assert {name for _, name in shown["commits"]} == {"acme/shop"}
    assert shown["heads"] == [("acme/shop", 2)]
    assert repositories(client) == ["acme/shop"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_origin_is_read_under_a_project_too(client: Client, method: str) -> None:
    set_default(client, "web", "acme/shop")
    of_web = "projects/acme/web/releases/"
    assert (
        client.rest("POST", of_web, {"version": "1"} | ({"commits": commits(1)} if method == "POST" else {})).status == 201
    )
    if method == "PUT":
        assert client.rest("PUT", of_web + "1/", {"commits": commits(1)}).status == 200
    assert show(client, "1")["commits"] == [(1, "acme/shop")]


@pytest.mark.parametrize("name", ["Origin", "origin2", "upstream", "acme/origin", None])
def test_no_other_name_is_read_as_the_default(client: Client, name: str | None) -> None:
    set_default(client, "web", "acme/shop")
    body = {"version": "1", "projects": ["web"], "commits": commits(1, repository=name)}
    assert client.rest("POST", RELEASES_PATH, body).status == 201
    assert show(client, "1")["commits"] == [(1, name or "organization-1")]


def test_graphql_takes_names_as_they_are(client: Client) -> None:
    """Whoever writes GraphQL chooses the name; sentry-cli does not."""
    set_default(client, "web", "acme/shop")
    body = as_graphql({"version": "1", "projects": ["web"], "commits": commits(1)})
    assert run(client, CREATE, body)["userErrors"] == []
    by = {"key": {"organization": "acme", "version": "1"}}
    assert run(client, SET_REFS, {"release": by, "refs": [ref(9, repository="new/by-ref")]})["userErrors"] == []
    assert show(client, "1")["commits"] == [(1, "origin")]
    assert repositories(client) == ["acme/shop", "new/by-ref", "origin"]


def test_origin_stays_without_a_default(client: Client) -> None:
    assert client.rest("POST", RELEASES_PATH, {"version": "1", "projects": ["web"], "commits": commits(1)}).status == 201
    assert show(client, "1") == {"commits": [(1, "origin")], "heads": [("origin", 1)], "status": "COMPLETE"}


@pytest.mark.parametrize("projects", [["web", "api"], ["api", "web"], [1, 2], ["1", 2]])
@pytest.mark.parametrize(("of_api", "name"), [(None, "acme/shop"), ("acme/shop", "acme/shop"), ("acme/api", "origin")])
def test_one_default_among_the_projects_is_taken(client: Client, projects: list[Any], of_api: str | None, name: str) -> None:
    """One without a default does not count; projects may be named by slug or id."""
    set_default(client, "web", "acme/shop")
    set_default(client, "api", of_api)
    assert client.rest("POST", RELEASES_PATH, {"version": "1", "projects": projects, "commits": commits(1)}).status == 201
    assert client.rest("POST", RELEASES_PATH, {"version": "2", "projects": projects}).status == 201
    assert client.rest("PUT", RELEASES_PATH + "2/", {"commits": commits(1)}).status == 200
    status = "ORIGIN_AMBIGUOUS" if name == "origin" else "COMPLETE"
    for version in ("1", "2"):
        assert (show(client, version)["commits"], show(client, version)["status"]) == ([(1, name)], status), version


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("way", ["create", "change"])
def test_status_says_that_several_defaults_leave_origin_as_it_is(client: Client, body: dict[str, Any], way: str) -> None:
    """Whatever the range's own status: that `origin` was not resolved is the reason."""
    set_default(client, "web", "acme/shop")
    set_default(client, "api", "acme/api")
    created = {"version": "1", "projects": ["web", "api"]}
    assert client.rest("POST", RELEASES_PATH, created | (body if way == "create" else {})).status == 201
    if way == "change":
        assert client.rest("PUT", RELEASES_PATH + "1/", body).status == 200
    shown = show(client, "1")
    assert (shown["status"], shown["heads"]) == ("ORIGIN_AMBIGUOUS", [("origin", 2)])
    assert client.rest("PUT", RELEASES_PATH + "1/", {"commits": commits(2, 1, repository="acme/api")}).status == 200
    assert client.rest("PUT", RELEASES_PATH + "1/", {"refs": []}).status == 200
    assert client.rest("PUT", RELEASES_PATH + "1/", {"commits": commits(2, 1, repository="acme/api")}).status == 200
    assert show(client, "1")["status"] == "COMPLETE", "once a repository is named"


def test_projects_of_the_known_release_count_too(client: Client) -> None:
    """A creation of a known version names one project; the release has another one, with another default."""
    set_default(client, "web", "acme/shop")
    set_default(client, "api", "acme/api")
    assert client.rest("POST", RELEASES_PATH, {"version": "1", "projects": ["web"]}).status == 201
    assert client.rest("POST", RELEASES_PATH, {"version": "1", "projects": ["api"], "commits": commits(1)}).status == 201
    assert show(client, "1")["commits"] == [(1, "origin")]


def test_two_projects_keep_their_histories_apart(client: Client) -> None:
    """Both are called `origin` by the client: the same run in two checkouts."""
    for slug, numbers in (("web", (3, 1)), ("api", (4, 2))):
        set_default(client, slug, f"acme/{slug}")
        assert client.rest("POST", RELEASES_PATH, {"version": slug, "projects": [slug]}).status == 201
        assert client.rest("PUT", RELEASES_PATH + f"{slug}/", {"commits": commits(*numbers)}).status == 200
        assert show(client, slug)["commits"] == [(number, f"acme/{slug}") for number in numbers]


def test_release_of_two_repositories_has_two_heads(client: Client) -> None:
    set_default(client, "web", "acme/shop")
    body = {"version": "1", "projects": ["web"], "commits": [*commits(3, 2), *commits(4, 1, repository="acme/lib")]}
    assert client.rest("POST", RELEASES_PATH, body).status == 201
    assert show(client, "1")["heads"] == [("acme/lib", 4), ("acme/shop", 3)]
    assert client.rest("PUT", RELEASES_PATH + "1/", {"refs": [ref(5), ref(6, repository="acme/lib")]}).status == 200
    assert show(client, "1")["heads"] == [("acme/lib", 6), ("acme/shop", 5)]


@pytest.mark.parametrize("refs", [[ref(3)], [ref(9, 8)], [ref(9, repository="new/one")], [ref(9, 1, "acme/shop"), ref(2)]])
def test_refs_alone_never_remove_commits_that_were_listed(client: Client, refs: list[dict[str, Any]]) -> None:
    set_default(client, "web", "acme/shop")
    assert (
        client.rest("POST", RELEASES_PATH, {"version": "1", "projects": ["web"], "commits": commits(3, 2, 1)}).status == 201
    )
    for method, path, body in (
        ("PUT", RELEASES_PATH + "1/", {"refs": refs}),
        ("POST", RELEASES_PATH, {"version": "1", "projects": ["web"], "refs": refs}),
    ):
        assert client.rest(method, path, body).status in (200, 208)
        assert {(number, "acme/shop") for number in (3, 2, 1)} <= set(show(client, "1")["commits"])
    by = {"key": {"organization": "acme", "version": "1"}}
    change = {"release": by, "refs": as_graphql({"refs": refs})["refs"]}
    assert run(client, SET_REFS, change)["userErrors"] == []
    assert {(number, "acme/shop") for number in (3, 2, 1)} <= set(show(client, "1")["commits"])


def test_auto_then_commit_fills_the_range_of_the_next_release(client: Client) -> None:
    """What `--auto` lists as `origin` is what `--commit acme/shop@a..b` finds: one repository, not two."""
    set_default(client, "web", "acme/shop")
    assert client.rest("POST", RELEASES_PATH, {"version": "1", "projects": ["web"]}).status == 201
    assert client.rest("PUT", RELEASES_PATH + "1/", {"commits": commits(3, 2, 1)}).status == 200
    assert client.rest("POST", RELEASES_PATH, {"version": "2", "projects": ["web"]}).status == 201
    assert client.rest("PUT", RELEASES_PATH + "2/", {"refs": [ref(3, 1, "acme/shop")]}).status == 200
    assert show(client, "2") == {
        "commits": [(3, "acme/shop"), (2, "acme/shop")], "heads": [("acme/shop", 3)], "status": "COMPLETE"
    }  # fmt: skip


@pytest.mark.parametrize("way", ["create", "create again", "change"])
def test_upstream_is_sent_the_name_that_was_stored(harness: Harness, way: str) -> None:
    """Commits that are read anew for the upstream have that name, too."""
    client = harness.client
    set_default(client, "web", "acme/shop")
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    body = {"commits": commits(2, 1), "refs": [ref(2)]}
    created = {"version": "1", "projects": ["web"]}
    assert client.rest("POST", RELEASES_PATH, created | (body if way == "create" else {})).status == 201
    if way == "create again":
        assert client.rest("POST", RELEASES_PATH, created | body).status == 208
    if way == "change":
        assert client.rest("PUT", RELEASES_PATH + "1/", body).status == 200
    [(sent,)] = harness.rows("SELECT body FROM outbox ORDER BY id DESC LIMIT 1")
    assert {item["repository"] for item in [*json.loads(sent)["commits"], *json.loads(sent)["refs"]]} == {"acme/shop"}


def test_command_line_creates_a_project_with_a_default_repository(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GQL_RELEASES_DATABASE_URL", harness.url)
    result = CliRunner().invoke(cli, ["project", "create", "acme", "shop", "--repository", "acme/shop"])
    assert result.exit_code == 0, result.output
    project = harness.client.graphql('{organization(slug: "acme") {projects {nodes {slug defaultRepository {name}}}}}')
    assert project["data"]["organization"]["projects"]["nodes"] == [
        {"slug": "api", "defaultRepository": None}, {"slug": "shop", "defaultRepository": {"name": "acme/shop"}},
        {"slug": "web", "defaultRepository": None},
    ]  # fmt: skip
    assert repositories(harness.client) == ["acme/shop"]
    refused = CliRunner().invoke(cli, ["project", "create", "acme", "x", "--repository", "r" * 201])
    assert refused.exit_code == 1
    assert "200 characters" in str(refused.exception)


def test_creations_at_once_are_resolved_each_by_its_project(harness: Harness) -> None:
    """Those that come at one moment share statements; those that name `origin` are created alone."""
    client = harness.client
    set_default(client, "web", "acme/shop")
    set_default(client, "api", "acme/api")

    async def create() -> list[int]:
        bodies = [
            {"version": f"{slug}-{number}", "projects": [slug], "commits": commits(1 + number % 5)}
            for number in range(10)
            for slug in ("web", "api")
        ]
        return [
            answer.status
            for answer in await asyncio.gather(*(client.send("POST", f"/api/0/{RELEASES_PATH}", body) for body in bodies))
        ]

    assert harness.run(create()) == [201] * 20
    for number in range(10):
        assert show(client, f"web-{number}")["commits"] == [(1 + number % 5, "acme/shop")]
        assert show(client, f"api-{number}")["commits"] == [(1 + number % 5, "acme/api")]
