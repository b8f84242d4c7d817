"""All faults of one input are in one answer: those of its form, and those that only the store can tell."""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Client
from tests.conftest import Harness

LONG = "n" * 300
KEY = {"organization": "acme", "version": "nope"}
RELEASE = {
    "projects": ["web", "nope", "999"], "url": "not a url", "ref": LONG, "notes": "n" * 70_000, "metadata": {"a": "n" * 20_000},
    "commits": [{"sha": "", "repository": LONG}, {"sha": "a", "repository": "r", "authorEmail": LONG}],
    "refs": [{"repository": "", "commit": LONG}],
}  # fmt: skip
RELEASE_FAULTS = {
    "projects.1", "projects.2", "url", "ref", "notes", "metadata", "commits.0.sha", "commits.0.repository",
    "commits.1.authorEmail", "refs.0.repository", "refs.0.commit",
}  # fmt: skip
MISSING_ISSUE = {"key": {"organization": "acme", "shortId": "WEB-99"}}
DEPLOY = {"name": LONG, "url": "x", "comment": "n" * 5_000, "links": [{"name": LONG, "url": "x"}]}
DEPLOY_FAULTS = {"name", "url", "comment", "links.0.name", "links.0.url"}
CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "createRelease": ({"organization": "acme", "version": "a/b", **RELEASE}, {"version", *RELEASE_FAULTS}),
    "createReleases": (
        {"organization": "acme", "releases": [{"version": "ok", "projects": ["nope"]}, {"version": "a/b", **RELEASE}]},
        {"releases.0.projects.0", "releases.1.version", *(f"releases.1.{path}" for path in RELEASE_FAULTS)},
    ),
    "updateRelease": (
        {"release": {"key": KEY}, "url": "x", "ref": LONG, "notes": "n" * 70_000, "metadata": {"a": "n" * 20_000}},
        {"release", "url", "ref", "notes", "metadata"},
    ),
    "archiveRelease": ({"release": {"key": KEY}}, {"release"}),
    "restoreRelease": ({"release": {"key": KEY}}, {"release"}),
    "finalizeRelease": ({"release": {"key": KEY}}, {"release"}),
    "deleteRelease": ({"release": {"key": KEY}}, {"release"}),
    "deleteReleaseFiles": ({"release": {"key": KEY}, "ids": ["UmVsZWFzZUZpbGU6OTk5"]}, {"release"}),
    "deleteArtifactBundle": ({"id": "QXJ0aWZhY3RCdW5kbGU6OTk5", "project": "nope"}, {"project"}),
    "deleteDebugFile": ({"id": "RGVidWdGaWxlOjk5OQ=="}, {"id"}),
    "setReleaseCommits": (
        {"release": {"key": KEY}, "commits": RELEASE["commits"], "repository": LONG},
        {"release", "commits.0.sha", "commits.0.repository", "commits.1.authorEmail", "repository"},
    ),
    "setReleaseRefs": (
        {"release": {"key": KEY}, "refs": RELEASE["refs"]},
        {"release", "refs.0.repository", "refs.0.commit"},
    ),
    "createDeploy": (
        {"release": {"key": KEY}, "environment": "a/b", "projects": ["web", "nope"], "externalId": LONG, **DEPLOY},
        {"release", "environment", "projects.1", "externalId", *DEPLOY_FAULTS},
    ),
    "updateDeploy": (
        {"deploy": {"key": {"organization": "acme", "project": "web", "externalId": "d9"}}, **DEPLOY},
        {"deploy", *DEPLOY_FAULTS},
    ),
    "createProject": ({"organization": "acme", "slug": "web", "name": LONG}, {"slug", "name"}),
    "updateProject": (
        {"project": {"key": {"organization": "acme", "slug": "nope"}}, "slug": "web", "name": LONG},
        {"project", "slug", "name"},
    ),
    "createProjectKey": ({"project": {"key": {"organization": "acme", "slug": "nope"}}, "name": LONG}, {"project", "name"}),
    "updateProjectKey": ({"id": "UHJvamVjdEtleTo5OTk=", "name": LONG}, {"id", "name"}),
    "deleteProjectKey": ({"id": "UHJvamVjdEtleTo5OTk="}, {"id"}),
    "resolveIssue": (
        {"issue": MISSING_ISSUE, "in": "RELEASE", "release": {"key": KEY}, "commit": "x"},
        {"issue", "release", "commit"},
    ),
    "unresolveIssue": ({"issue": MISSING_ISSUE}, {"issue"}),
    "ignoreIssue": ({"issue": MISSING_ISSUE}, {"issue"}),
    "mergeIssues": ({"into": MISSING_ISSUE, "issues": [MISSING_ISSUE, MISSING_ISSUE]}, {"into", "issues.0", "issues.1"}),
    "deleteIssues": ({"issues": [MISSING_ISSUE, MISSING_ISSUE]}, {"issues.0", "issues.1"}),
    "forgetUser": ({"organization": "acme", "user": " "}, {"user"}),
    "createRepository": ({"organization": "acme", "name": LONG}, {"name"}),
    "createEnvironment": ({"organization": "acme", "name": LONG}, {"name"}),
    "createToken": ({"organization": "acme", "scopes": ["org:admin", "nope"], "name": LONG}, {"scopes", "scopes.1", "name"}),
    "revokeToken": ({"token": "VG9rZW46OTk5"}, {"token"}),
}
"""Mutation -> an input with a fault in each field that can have one, and the paths that are reported."""


def faults(client: Client, mutation: str, values: dict[str, Any], token: str) -> list[dict[str, Any]]:
    name = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation ($input: {name}!) {{{mutation}(input: $input) {{userErrors {{code message field}}}}}}"
    data: list[dict[str, Any]] = client.graphql(document, {"input": values}, token=token)["data"][mutation]["userErrors"]
    return data


@pytest.fixture
def token(harness: Harness) -> str:
    """All scopes but org:admin: a token that cannot hand out everything."""
    return harness.token("org:write", "org:read", "project:releases", "project:write", "project:admin", "project:read")


def test_every_mutation_has_a_case() -> None:
    mutations = core_schema(build_schema()).mutation_type
    assert mutations
    assert CASES.keys() == mutations.fields.keys()


@pytest.mark.parametrize("mutation", CASES)
def test_a_fault_in_each_field_is_reported_in_one_answer(harness: Harness, token: str, mutation: str) -> None:
    values, expected = CASES[mutation]
    result = faults(harness.client, mutation, values, token)
    paths = [".".join(error["field"]) for error in result]
    assert sorted(paths) == sorted(expected)


@pytest.mark.parametrize("mutation", [name for name, (values, _) in CASES.items() if "organization" in values])
def test_another_organization_is_reported_beside_the_form(harness: Harness, token: str, mutation: str) -> None:
    """Nothing is looked up in an organization that is not the token's, nor in its own in that one's place."""
    values, expected = CASES[mutation]
    result = faults(harness.client, mutation, values | {"organization": "other"}, token)
    paths = {".".join(error["field"]) for error in result}
    assert "organization" in paths
    assert paths - {"organization"} <= expected
    assert not {error["code"] for error in result} & {"UNKNOWN_PROJECT", "ALREADY_EXISTS", "SCOPE_NOT_HELD"}


def test_bulk_creation_reports_each_release_by_itself(harness: Harness, token: str) -> None:
    values = CASES["createReleases"][0] | {"mode": "EACH"}
    values["releases"] = [*values["releases"], {"version": "fine", "projects": ["web"]}]
    document = (
        "mutation ($input: CreateReleasesInput!) {createReleases(input: $input) {results {outcome userErrors {field}}}}"
    )
    results = harness.client.graphql(document, {"input": values}, token=token)["data"]["createReleases"]["results"]
    paths = [{".".join(error["field"]) for error in result["userErrors"]} for result in results]
    expected = CASES["createReleases"][1]
    assert paths == [{path for path in expected if path.startswith(f"releases.{index}.")} for index in range(3)]
    assert results[2]["outcome"] == "CREATED"


def test_rest_reports_all_faults_of_a_body(harness: Harness) -> None:
    client, path = harness.client, "organizations/acme/releases/"
    body = {
        "version": "a/b",
        "projects": ["web", "nope"],
        "url": "not a url",
        "ref": LONG,
        "status": "x",
        "dateReleased": "x",
    }
    answer = client.rest("POST", path, body)
    assert (answer.status, answer.json.keys()) == (400, body.keys())
    assert answer.json["projects"] == ["Invalid project ids or slugs"]
    assert client.rest("POST", path, {"version": "v", "projects": ["web"]}).status == 201
    deploy = {"environment": "a/b", "projects": ["nope"], "url": "x", "name": LONG, "dateStarted": "x"}
    answer = client.rest("POST", f"{path}v/deploys/", deploy)
    assert (answer.status, answer.json.keys()) == (400, deploy.keys())
    assert answer.json["projects"] == ["Invalid project"]
    other = client.rest("POST", "organizations/other/releases/", body)
    assert "projects" not in other.json, "nothing of the token's own organization is told for another one"
