"""Project keys and their DSNs by GraphQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness, Template

WEB = {"key": {"organization": "acme", "slug": "web"}}
FIELDS = "id name publicKey dsn isActive dateCreated project { slug }"
KEYS_QUERY = (
    f'{{ organization(slug: "acme") {{ projects {{ nodes {{ slug keys {{ totalCount nodes {{ {FIELDS} }} }} }} }} }} }}'
)
EDGES_QUERY = (
    '{ organization(slug: "acme") { projects { nodes { slug keys(last: 1) { edges { cursor node { dsn } } } } } } }'
)


def run(client: Client, name: str, values: dict[str, Any], shown: str, **more: Any) -> Any:
    kind = name[0].upper() + name[1:]
    document = (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {shown} userErrors {{ code field message }} }} }}"
    )
    return client.graphql(document, {"input": values}, **more)["data"][name]


def list_keys(client: Client, **more: Any) -> list[Any]:
    projects = client.graphql(KEYS_QUERY, **more)["data"]["organization"]["projects"]["nodes"]
    [web] = [project for project in projects if project["slug"] == "web"]
    assert web["keys"]["totalCount"] == len(web["keys"]["nodes"])
    keys: list[Any] = web["keys"]["nodes"]
    return keys


def test_key_is_created_changed_and_deleted(client: Client) -> None:
    [default] = list_keys(client)
    assert (default["name"], default["isActive"], default["project"]) == ("Default", True, {"slug": "web"})
    assert default["dsn"] == f"http://{default['publicKey']}@testserver/1"
    created = run(client, "createProjectKey", {"project": WEB, "name": "shop"}, f"projectKey {{ {FIELDS} }}")
    key = created["projectKey"]
    assert created["userErrors"] == []
    assert (key["name"], key["isActive"], key["dsn"]) == ("shop", True, f"http://{key['publicKey']}@testserver/1")
    assert list_keys(client) == [default, key]
    assert client.graphql("query ($id: ID!) { node(id: $id) { ... on ProjectKey { name dsn } } }", {"id": key["id"]}) == {
        "data": {"node": {"name": "shop", "dsn": key["dsn"]}}
    }
    changed = run(client, "updateProjectKey", {"id": key["id"], "isActive": False}, f"projectKey {{ {FIELDS} }}")
    assert changed["projectKey"] == key | {"isActive": False}
    changed = run(client, "updateProjectKey", {"id": key["id"], "name": "x", "isActive": None}, f"projectKey {{ {FIELDS} }}")
    assert changed["projectKey"] == key | {"isActive": False, "name": "x"} == list_keys(client)[1]
    deleted = run(client, "deleteProjectKey", {"id": key["id"]}, "deletedProjectKeyId")
    assert deleted == {"deletedProjectKeyId": key["id"], "userErrors": []}
    assert list_keys(client) == [default]


def test_key_without_a_name_is_named_default(client: Client) -> None:
    for name in ({}, {"name": None}, {"name": ""}):
        assert run(client, "createProjectKey", {"project": WEB, **name}, "projectKey { name }")["projectKey"] == {
            "name": "Default"
        }


@pytest.mark.parametrize(
    ("name", "values", "code", "field", "message"),
    [
        ("createProjectKey", {"project": {"key": {"organization": "acme", "slug": "no"}}}, "PROJECT_NOT_FOUND", ["project"],
         'No project "no" in acme.'),
        ("createProjectKey", {"project": {"key": {"organization": "other", "slug": "web"}}}, "ORGANIZATION_NOT_FOUND",
         ["project", "key", "organization"], 'No organization "other", or the token has no access to it.'),
        ("createProjectKey", {"project": WEB, "name": "n" * 65}, "TOO_LONG", ["name"], None),
        ("updateProjectKey", {"id": "x"}, "PROJECT_KEY_NOT_FOUND", ["id"], 'No project key with the id "x" in acme.'),
        ("updateProjectKey", {"id": "UHJvamVjdDox"}, "PROJECT_KEY_NOT_FOUND", ["id"], None),
        ("deleteProjectKey", {"id": "UHJvamVjdEtleTo5OTk="}, "PROJECT_KEY_NOT_FOUND", ["id"], None),
    ],
)  # fmt: skip
def test_invalid_input_is_refused(
    client: Client, name: str, values: Any, code: str, field: list[str], message: str | None
) -> None:
    [error] = run(client, name, values, "")["userErrors"]
    assert (error["code"], error["field"]) == (code, field)
    assert message in (None, error["message"])


def test_scopes(harness: Harness) -> None:
    client = harness.client
    [key] = list_keys(client)
    for scope in ("project:read", "project:write", "project:admin"):
        assert list_keys(client, token=harness.token(scope)) == [key]
    for scope in ("org:ci", "project:releases", "org:read", "event:admin"):
        answer = client.graphql(KEYS_QUERY, token=harness.token(scope))
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
        assert all(project["keys"] is None for project in answer["data"]["organization"]["projects"]["nodes"])
    for scope in ("project:read", "org:admin", "event:admin"):
        for name, values in (("createProjectKey", {"project": WEB}), ("deleteProjectKey", {"id": key["id"]})):
            document = (
                f"mutation ($i: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $i) {{ userErrors {{ code }} }} }}"
            )
            [error] = client.graphql(document, {"i": values}, token=harness.token(scope))["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
    assert list_keys(client) == [key]


@pytest.mark.parametrize(
    ("held", "granted", "is_allowed"),
    [
        ("project:read", "event:read", True), ("project:write", "event:write", True), ("project:admin", "event:admin", True),
        ("event:read", "event:read", True), ("project:read", "event:write", False), ("project:write", "event:read", False),
        ("project:admin", "event:write", False), ("event:admin", "project:admin", False), ("org:ci", "event:read", False),
    ],
)  # fmt: skip
def test_project_scope_grants_the_event_scope_of_its_rank(
    harness: Harness, held: str, granted: str, is_allowed: bool
) -> None:
    values = {"organization": "acme", "scopes": [granted]}
    created = run(harness.client, "createToken", values, "token { scopes }", token=harness.token("org:write", held))
    assert [error["code"] for error in created["userErrors"]] == ([] if is_allowed else ["SCOPE_NOT_HELD"])
    assert created["token"] == ({"scopes": [granted]} if is_allowed else None)
    both = values | {"name": "n" * 65}  # a refused input is checked in another place
    codes = [
        error["code"]
        for error in run(harness.client, "createToken", both, "", token=harness.token("org:write", held))["userErrors"]
    ]
    assert sorted(codes) == (["TOO_LONG"] if is_allowed else ["SCOPE_NOT_HELD", "TOO_LONG"])


@pytest.mark.parametrize(
    ("headers", "root_path", "expected"),
    [
        ({"host": "10.0.0.7:9000"}, "", "10.0.0.7:9000/1"),
        ({"host": "releases.example.com"}, "/releases", "releases.example.com/releases/1"),
        ({"host": 'evil"<>/x?'}, "", "testserver:80/1"),
    ],
)
def test_dsn_has_the_host_of_the_request(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], root_path: str, expected: str
) -> None:
    app = harness.client.app

    async def serve_below(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"root_path": root_path}, receive, send)

    monkeypatch.setattr(harness.client, "app", serve_below)
    [key] = list_keys(harness.client, headers=headers)
    assert key["dsn"] == f"http://{key['publicKey']}@{expected}"


def test_dsn_has_the_public_url(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, public_url="https://releases.example.com")
    [key] = list_keys(harness.client)
    assert key["dsn"] == f"https://{key['publicKey']}@releases.example.com/1"
    edges = harness.client.graphql(EDGES_QUERY)["data"]["organization"]["projects"]["nodes"][1]["keys"]["edges"]
    assert [edge["node"] for edge in edges] == [{"dsn": key["dsn"]}]
    harness.close()


def test_response_with_a_lone_surrogate_in_a_message_has_dsns(client: Client) -> None:
    document = """query ($project: String!) { organization(slug: "acme") { projects { nodes { keys { nodes { dsn } } } }
      releases(filter: {project: $project}) { totalCount } } }"""
    for project in ("nope", "\ud800"):
        answer = client.graphql(document, {"project": project})
        assert answer["errors"]
        assert all(row["keys"]["nodes"][0]["dsn"] for row in answer["data"]["organization"]["projects"]["nodes"])
