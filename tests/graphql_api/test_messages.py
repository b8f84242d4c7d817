"""Each error of the GraphQL API has a code that docs/errors.md lists; messages name the field and quote the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import commit, release

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
LONG = "v" * 300
QUOTED = '"' + "v" * 100 + '..."'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": '{organization(slug: "x) {id}}'}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{nothing}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query ($s: String) {organization(slug: $s) {id}}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query ($s: String!) {organization(slug: $s) {id}}"}, "BAD_USER_INPUT"),
        ({"query": "query ($s: Int) {organizations(first: $s) {totalCount}}", "variables": {"s": "x"}}, "BAD_USER_INPUT"),
        ({"query": "query A {__typename} query B {__typename}"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A {__typename}", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": ""}, "BAD_REQUEST"),
        ([], "BAD_REQUEST"),
        ({"query": "{__typename}", "variables": []}, "BAD_REQUEST"),
        ({"query": "{" + " ".join(f"a{i}: __typename" for i in range(51)) + "}"}, "LIMIT_EXCEEDED"),
        ({"documentId": "none"}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"query": "{organizations(first: 101) {totalCount}}"}, "INVALID_ARGUMENT"),
        ({"query": '{organizations(after: "x") {totalCount}}'}, "INVALID_CURSOR"),
    ],
)
def test_each_error_has_a_documented_code(client: Client, body: Any, code: str) -> None:
    answer = client.request("POST", "/graphql", body).json
    assert answer["errors"]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}
    assert f"`{code}`" in DOCUMENTED


@pytest.mark.parametrize(
    ("method", "headers"), [("PUT", {}), ("POST", {"content-type": "text/plain"}), ("POST", {"accept": "image/png"})]
)
def test_what_is_no_graphql_request_has_a_code(client: Client, method: str, headers: dict[str, str]) -> None:
    answer = client.request(method, "/graphql", {"query": "{__typename}"}, headers=headers).json
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_REQUEST"]


BY = {"key": {"organization": "acme", "version": "nope"}}
NEW = {"organization": "acme", "version": "x", "projects": ["web"]}
MESSAGES: list[tuple[str, dict[str, Any], str, str]] = [
    ("createRelease", NEW | {"projects": ["web", "nope"]}, "UNKNOWN_PROJECT", 'No project "nope" in acme.'),
    ("createRelease", NEW | {"organization": "other"}, "ORGANIZATION_NOT_FOUND", 'No organization "other", or the token has no access to it.'),
    ("createRelease", NEW | {"version": LONG}, "TOO_LONG", f"version {QUOTED} has 300 characters; at most 200 are allowed."),
    ("createRelease", NEW | {"version": " "}, "BLANK", "version must not be blank."),
    ("createRelease", NEW | {"url": "not a url"}, "INVALID_URL", 'Enter a valid URL: "not a url".'),
    ("createRelease", NEW | {"commits": [{"sha": "a", "repository": LONG}]}, "TOO_LONG", f"repository {QUOTED} has 300 characters; at most 64 are allowed."),
    ("createReleases", {"organization": "acme", "releases": [{"version": "x", "projects": ["nope"]}]}, "UNKNOWN_PROJECT", 'No project "nope" in acme.'),
    ("updateRelease", {"release": BY, "ref": "x"}, "RELEASE_NOT_FOUND", 'No release "nope" in acme.'),
    ("deleteRelease", {"release": {"id": "UmVsZWFzZTo5OTk="}}, "RELEASE_NOT_FOUND", 'No release with the id "UmVsZWFzZTo5OTk=" in acme.'),
    ("updateDeploy", {"deploy": {"key": {"organization": "acme", "project": "web", "externalId": "d9"}}}, "DEPLOY_NOT_FOUND", 'No deploy "d9" in acme.'),
    ("updateProject", {"project": {"key": {"organization": "acme", "slug": "nope"}}}, "PROJECT_NOT_FOUND", 'No project "nope" in acme.'),
    ("createProject", {"organization": "acme", "slug": "ok", "name": LONG}, "TOO_LONG", f"name {QUOTED} has 300 characters; at most 64 are allowed."),
    ("revokeToken", {"token": "VG9rZW46OTk5"}, "TOKEN_NOT_FOUND", 'No token with the id "VG9rZW46OTk5" in acme.'),
    ("createToken", {"organization": "acme", "scopes": ["nope"]}, "INVALID_CHOICE", '"nope"'),
    ("createEnvironment", {"organization": "acme", "name": "a/b"}, "INVALID_ENVIRONMENT", 'Invalid value for environment: "a/b".'),
]  # fmt: skip


@pytest.mark.parametrize(("mutation", "values", "code", "message"), MESSAGES)
def test_messages_name_the_value(client: Client, mutation: str, values: dict[str, Any], code: str, message: str) -> None:
    name = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation ($input: {name}!) {{{mutation}(input: $input) {{userErrors {{code message field}}}}}}"
    [error] = client.graphql(document, {"input": values})["data"][mutation]["userErrors"]
    assert error["code"] == code
    assert message in error["message"]


BAD_SLUG = '"Bad Slug" is not a slug.'


@pytest.fixture
def creating(template: Template, tmp_path: Path) -> Any:
    harness = Harness(template, tmp_path, create_projects=True)
    yield harness
    harness.close()


def test_project_that_is_made_on_the_way_is_refused_where_it_is_named(creating: Harness) -> None:
    """With GQL_RELEASES_CREATE_PROJECTS a new project has the slug that the release names."""
    client = creating.client
    for slug in ("Bad Slug", "-", "x" * 300):
        quoted = f'"{slug}" is not a slug.' if len(slug) <= 100 else '"' + "x" * 100 + '..." is not a slug.'
        answer = client.rest("POST", "organizations/acme/releases/", release("x", projects=["web", "fresh", slug]))
        assert answer.status == 400
        assert answer.json.keys() == {"projects"}
        assert answer.json["projects"][0].startswith(quoted)
        document = "mutation ($input: CreateReleaseInput!) {createRelease(input: $input) {userErrors {code message field}}}"
        values = {"organization": "acme", "version": "x", "projects": ["web", "fresh", slug]}
        [error] = client.graphql(document, {"input": values})["data"]["createRelease"]["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_SLUG", ["projects", "2"])
        assert error["message"].startswith(quoted)
    assert creating.rows("SELECT count(*) FROM projects WHERE slug = 'fresh'") == [(0,)]
    assert client.rest("POST", "organizations/acme/releases/", release("x", projects=["fresh"])).status == 201


@pytest.mark.parametrize(
    ("change", "field", "path"),
    [
        ({"commits": [commit(0), commit(1, repository="r" * 300)]}, "commits", ["commits", "1", "repository"]),
        ({"commits": [commit(0), commit(1, author_email="e" * 300)]}, "commits", ["commits", "1", "authorEmail"]),
        ({"refs": [{"repository": "r" * 300, "commit": "a"}]}, "refs", ["refs", "0", "repository"]),
    ],
)
def test_what_is_made_on_the_way_is_refused_where_it_is_named(
    client: Client, change: Any, field: str, path: list[str]
) -> None:
    from tests.factories import CREATE, as_graphql

    answer = client.rest("POST", "organizations/acme/releases/", release("x") | change)
    assert (answer.status, list(answer.json)) == (400, [field])
    [error] = client.graphql(CREATE, {"input": as_graphql(release("x") | change)})["data"]["createRelease"]["userErrors"]
    assert error["field"] == path
    assert "..." in error["message"]
