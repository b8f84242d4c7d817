"""Projects, repositories, environments and tokens by GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness

ERRORS = "userErrors { code field }"


def run(client: Client, name: str, values: dict[str, Any], shown: str, **more: Any) -> Any:
    kind = name[0].upper() + name[1:]
    document = f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {shown} {ERRORS} }} }}"
    return client.graphql(document, {"input": values}, **more)["data"][name]


def test_project_is_made_renamed_and_known_by_both_names(client: Client) -> None:
    built = run(client, "createProject", {"organization": "acme", "slug": "app", "name": "App"}, "project { id slug name }")
    assert built["project"] | {"id": ""} == {"id": "", "slug": "app", "name": "App"}
    by_id = {"project": {"id": built["project"]["id"]}, "slug": "mobile"}
    assert run(client, "updateProject", by_id, "project { slug name }")["project"] == {"slug": "mobile", "name": "App"}
    by_key = {"project": {"key": {"organization": "acme", "slug": "mobile"}}, "name": "Mobile"}
    changed = run(client, "updateProject", by_key, "project { id slug name }")["project"]
    assert changed == {"id": built["project"]["id"], "slug": "mobile", "name": "Mobile"}
    assert client.rest("POST", "organizations/acme/releases/", {"version": "1", "projects": ["mobile"]}).status == 201
    assert client.rest("POST", "organizations/acme/releases/", {"version": "2", "projects": ["app"]}).status == 400


@pytest.mark.parametrize(
    ("name", "values", "code", "field"),
    [
        ("createProject", {"organization": "acme", "slug": "web"}, "ALREADY_EXISTS", ["slug"]),
        ("createProject", {"organization": "acme", "slug": "12"}, "INVALID_SLUG", ["slug"]),
        ("createProject", {"organization": "other", "slug": "x"}, "ORGANIZATION_NOT_FOUND", ["organization"]),
        ("updateProject", {"project": {"id": "x"}}, "PROJECT_NOT_FOUND", ["project"]),
        ("updateProject", {"project": {"key": {"organization": "acme", "slug": "no"}}}, "PROJECT_NOT_FOUND", ["project"]),
        ("updateProject", {"project": {"key": {"organization": "acme", "slug": "web"}}, "slug": "api"}, "ALREADY_EXISTS", ["slug"]),
        ("createRepository", {"organization": "acme", "name": " "}, "BLANK", ["name"]),
        ("createRepository", {"organization": "acme", "name": "x" * 201}, "TOO_LONG", ["name"]),
        ("createEnvironment", {"organization": "acme", "name": "a/b"}, "INVALID_ENVIRONMENT", ["name"]),
        ("createToken", {"organization": "acme", "scopes": []}, "EMPTY_LIST", ["scopes"]),
        ("createToken", {"organization": "acme", "scopes": ["root"]}, "INVALID_CHOICE", ["scopes", "0"]),
        ("revokeToken", {"token": "VG9rZW46OTk="}, "TOKEN_NOT_FOUND", ["token"]),
        ("revokeToken", {"token": "UmVsZWFzZTox"}, "TOKEN_NOT_FOUND", ["token"]),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_with_its_path(client: Client, name: str, values: Any, code: str, field: list[str]) -> None:
    assert run(client, name, values, "")["userErrors"] == [{"code": code, "field": field}]


@pytest.mark.parametrize("noun", ["Repository", "Environment"])
def test_what_has_a_name_is_made_once(client: Client, noun: str) -> None:
    values = {"organization": "acme", "name": "made-here"}
    shown = f"outcome {noun.lower()} {{ id name }}"
    first, second = (run(client, f"create{noun}", values, shown) for _ in range(2))
    assert (first["outcome"], second["outcome"]) == ("CREATED", "EXISTING")
    assert first[noun.lower()] == second[noun.lower()] == {"id": first[noun.lower()]["id"], "name": "made-here"}


def test_token_is_shown_once_works_and_is_revoked(harness: Harness) -> None:
    client = harness.client
    values = {"organization": "acme", "scopes": ["project:read", "org:read"], "name": "browser", "expiresAt": "2030-01-01"}
    built = run(client, "createToken", values, "secret token { id name hint scopes expiresAt }")
    assert built["token"] | {"id": "", "hint": ""} == {
        "id": "", "hint": "", "name": "browser", "scopes": ["org:read", "project:read"],
        "expiresAt": "2030-01-01T00:00:00.000000Z",
    }  # fmt: skip
    assert built["token"]["hint"] in built["secret"]
    viewer = client.graphql("{viewer {token {id name}}}", token=built["secret"])["data"]["viewer"]
    assert viewer == {"token": {"id": built["token"]["id"], "name": "browser"}}
    assert client.graphql("query ($id: ID!) {node(id: $id) {id}}", {"id": built["token"]["id"]})["data"]["node"] is None
    assert (
        run(client, "revokeToken", {"token": built["token"]["id"]}, "revokedTokenId")["revokedTokenId"]
        == built["token"]["id"]
    )
    refused = client.request("POST", "/graphql", {"query": "{viewer {token {id}}}"}, token=built["secret"])
    assert refused.status == 401
    kept = harness.rows("SELECT * FROM tokens")
    assert built["secret"] not in str(kept)


def test_token_hands_out_no_more_than_it_holds(harness: Harness) -> None:
    admin = harness.token("org:admin", "project:read")
    values = {"organization": "acme", "scopes": ["project:read", "project:releases"]}
    refused = run(harness.client, "createToken", values, "secret", token=admin)
    assert refused == {"secret": None, "userErrors": [{"code": "SCOPE_NOT_HELD", "field": ["scopes"]}]}
    assert run(harness.client, "createToken", values | {"scopes": ["project:read"]}, "secret", token=admin)["secret"]


def test_scopes_are_asked_for_before_anything_is_written(harness: Harness) -> None:
    reader = harness.token("project:read")
    for name, values in (
        ("createProject", {"organization": "acme", "slug": "x"}),
        ("updateProject", {"project": {"key": {"organization": "acme", "slug": "web"}}, "name": "x"}),
        ("createRepository", {"organization": "acme", "name": "x"}),
        ("createEnvironment", {"organization": "acme", "name": "x"}),
        ("createToken", {"organization": "acme", "scopes": ["project:read"]}),
        ("revokeToken", {"token": "VG9rZW46MQ=="}),
    ):
        kind = name[0].upper() + name[1:]
        document = f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {ERRORS} }} }}"
        answer = harness.client.graphql(document, {"input": values}, token=reader)
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}, name
    own = harness.client.graphql("{viewer {token {id}}}", token=reader)["data"]["viewer"]["token"]["id"]
    assert run(harness.client, "revokeToken", {"token": own}, "revokedTokenId", token=reader)["revokedTokenId"] == own
