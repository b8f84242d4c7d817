"""Deploys: how far they are, what runs where, what ran before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness
from tests.factories import release

SHOWN = """outcome deploy { id status dateFinished externalId comment links { label: name url }
  previousRelease { version } release { version } } userErrors { code field message }"""
CREATE = f"mutation ($input: CreateDeployInput!) {{ createDeploy(input: $input) {{ {SHOWN} }} }}"
UPDATE = f"mutation ($input: UpdateDeployInput!) {{ updateDeploy(input: $input) {{ {SHOWN.replace('outcome', '')} }} }}"
WHERE = """{ organization(slug: "acme") { environments { nodes { name current { nodes {
  project { slug } release { version } deploy { id } } } } } } }"""


def by(version: str) -> dict[str, Any]:
    return {"key": {"organization": "acme", "version": version}}


@pytest.fixture
def client(harness: Harness) -> Client:
    for version, projects in (("1", ["web"]), ("2", ["web", "api"]), ("3", ["web", "api"])):
        response = harness.client.rest("POST", "organizations/acme/releases/", release(version, projects=projects))
        assert response.status == 201
    return harness.client


def create(client: Client, version: str, environment: str = "production", **more: Any) -> Any:
    values = {"release": by(version), "environment": environment, **more}
    return client.graphql(CREATE, {"input": values})["data"]["createDeploy"]


def update(client: Client, deploy: dict[str, Any], **more: Any) -> Any:
    return client.graphql(UPDATE, {"input": {"deploy": deploy, **more}})["data"]["updateDeploy"]


def running(client: Client) -> dict[str, dict[str, str]]:
    """Give environment -> project -> version."""
    data = client.graphql(WHERE)["data"]["organization"]["environments"]["nodes"]
    return {
        item["name"]: {it["project"]["slug"]: it["release"]["version"] for it in item["current"]["nodes"]} for item in data
    }


def test_what_succeeded_last_runs_in_its_environment(client: Client) -> None:
    first = create(client, "1", status="SUCCEEDED")["deploy"]
    assert (first["previousRelease"], running(client)) == (None, {"production": {"web": "1"}})
    second = create(client, "2")["deploy"]
    assert (second["status"], second["previousRelease"]) == ("SUCCEEDED", {"version": "1"})
    assert running(client) == {"production": {"web": "2", "api": "2"}}
    create(client, "3", projects=["api"])
    create(client, "1", "staging")
    create(client, "1", dateFinished="2020-01-01T00:00:00Z")
    assert running(client) == {"production": {"web": "2", "api": "3"}, "staging": {"web": "1"}}


def test_deploy_that_goes_on_or_failed_runs_nowhere(client: Client) -> None:
    for status, finished in (("QUEUED", False), ("STARTED", False), ("FAILED", True), ("ROLLED_BACK", True)):
        deploy = create(client, "1", status=status)["deploy"]
        assert (deploy["status"], deploy["dateFinished"] is not None) == (status, finished)
    assert running(client) == {"production": {}}


def test_deploy_goes_from_queued_to_rolled_back(client: Client) -> None:
    create(client, "1")
    queued = create(client, "2", status="QUEUED", externalId="run-9")["deploy"]
    assert queued["previousRelease"] == {"version": "1"}
    create(client, "3", projects=["web"])
    key = {"key": {"organization": "acme", "project": "api", "externalId": "run-9"}}
    started = update(client, key, status="STARTED", comment="goes well")["deploy"]
    assert (started["dateFinished"], started["comment"]) == (None, "goes well")
    deploy = update(client, {"id": queued["id"]}, status="SUCCEEDED")["deploy"]
    assert deploy["dateFinished"] is not None
    assert (deploy["previousRelease"], deploy["comment"]) == ({"version": "3"}, "goes well")
    assert running(client) == {"production": {"web": "2", "api": "2"}}
    back = update(client, {"id": queued["id"]}, status="ROLLED_BACK")["deploy"]
    assert back["dateFinished"] == deploy["dateFinished"]
    assert running(client) == {"production": {"web": "3"}}
    again = update(client, {"id": queued["id"]}, status="STARTED")["deploy"]
    assert again["dateFinished"] is None


def test_external_id_is_idempotent_within_a_project(client: Client) -> None:
    links = [{"name": "log", "url": "https://ci.example.com/9"}]
    payload = create(client, "2", externalId="run-1", links=links)
    two = create(client, "2", externalId="run-1", comment="a retry says something else")
    assert (payload["outcome"], two["outcome"]) == ("CREATED", "EXISTING")
    assert two["deploy"] == payload["deploy"]
    assert payload["deploy"]["links"] == [{"label": "log", "url": "https://ci.example.com/9"}]
    other = create(client, "3", externalId="run-1")
    assert [(e["code"], e["field"]) for e in other["userErrors"]] == [("ALREADY_EXISTS", ["externalId"])]
    assert create(client, "1", "staging", externalId="run-2", projects=["web"])["outcome"] == "CREATED"
    counted = client.graphql("query ($by: ReleaseBy!) {release(by: $by) {deployCount}}", {"by": by("2")})
    assert counted["data"]["release"] == {"deployCount": 1}


def test_deleting_a_release_gives_the_place_back(client: Client) -> None:
    create(client, "1")
    create(client, "2")
    third = create(client, "3", projects=["web"])["deploy"]
    document = "mutation ($r: ReleaseBy!) {deleteRelease(input: {release: $r}) {userErrors {message}}}"
    assert client.graphql(document, {"r": by("2")})["data"]["deleteRelease"] == {"userErrors": []}
    assert running(client) == {"production": {"web": "3"}}
    shown = client.graphql(
        "query ($id: ID!) {node(id: $id) {... on Deploy {previousRelease {version}}}}", {"id": third["id"]}
    )
    assert shown["data"]["node"] == {"previousRelease": None}
    client.graphql(document, {"r": by("3")})
    assert running(client) == {"production": {"web": "1"}}


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"links": [{"name": "x", "url": "nowhere"}]}, "INVALID_URL", ["links", "0", "url"]),
        ({"links": [{"name": "x", "url": "https://e.com"}] * 21}, "TOO_LONG", ["links"]),
        ({"externalId": "x" * 65}, "TOO_LONG", ["externalId"]),
        ({"externalId": " "}, "BLANK", ["externalId"]),
        ({"comment": "x" * 4097}, "TOO_LONG", ["comment"]),
    ],
)
def test_wrong_deploy_is_refused_with_its_path(client: Client, more: Any, code: str, field: list[str]) -> None:
    refused = create(client, "1", **more)
    assert (refused["deploy"], [(e["code"], e["field"]) for e in refused["userErrors"]]) == (None, [(code, field)])


def test_unknown_deploy_is_told(client: Client) -> None:
    for deploy in (
        {"id": "RGVwbG95Ojk5"},
        {"id": "x"},
        {"key": {"organization": "acme", "project": "web", "externalId": "?"}},
    ):
        refused = update(client, deploy, comment="x")
        assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("DEPLOY_NOT_FOUND", ["deploy"])]
    refused = update(client, {"key": {"organization": "other", "project": "web", "externalId": "?"}})
    assert refused["userErrors"][0]["field"] == ["deploy", "key", "organization"]


def test_an_update_that_shows_nothing_of_the_deploy_is_done(client: Client) -> None:
    """A deploy's id is no release's: there are more deploys than releases."""
    for number in range(4):
        payload = create(client, "1", externalId=f"d{number}")
    document = "mutation ($input: UpdateDeployInput!) { updateDeploy(input: $input) { userErrors { code } } }"
    answer = client.graphql(document, {"input": {"deploy": {"id": payload["deploy"]["id"]}, "comment": "done"}})
    assert answer == {"data": {"updateDeploy": {"userErrors": []}}}
    shown = client.graphql(
        "query ($id: ID!) { node(id: $id) { ... on Deploy { comment } } }", {"id": payload["deploy"]["id"]}
    )
    assert shown["data"]["node"] == {"comment": "done"}
