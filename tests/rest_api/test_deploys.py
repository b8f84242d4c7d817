"""Deploys over REST: docs/sentry-contract.md#6-1-deploys."""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.domain.dates import WRONG_FORMAT
from tests.client import Client
from tests.factories import release

RELEASES_PATH = "organizations/acme/releases/"
PATH = RELEASES_PATH + "web@1.0.0%2B1/deploys/"


@pytest.fixture
def released_client(client: Client) -> Client:
    assert client.rest("POST", RELEASES_PATH, release()).status == 201
    return client


def test_each_post_is_a_deploy_and_counts(released_client: Client) -> None:
    body = {"environment": " production ", "name": None, "url": None, "dateStarted": None}
    response = released_client.rest("POST", PATH, body)
    assert response.status == 201
    assert response.json["dateFinished"] is not None
    assert response.json | {"dateFinished": ""} == {
        "id": "1", "environment": "production", "dateStarted": None, "dateFinished": "", "name": None, "url": None,
        "status": "succeeded", "externalId": None, "previousRelease": None,
    }  # fmt: skip
    second = {"environment": "staging", "name": "n", "url": "https://d.example.com/", "dateFinished": "2026-01-01"}
    assert released_client.rest("POST", PATH, second).json["dateFinished"] == "2026-01-01T00:00:00Z"
    result = released_client.rest("GET", RELEASES_PATH + "web@1.0.0%2B1/").json
    assert (result["deployCount"], result["lastDeploy"]["environment"], result["dateReleased"]) == (2, "staging", None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"environment": ["This field is required."]}),
        ({"environment": " "}, {"environment": ["This field may not be blank."]}),
        ({"environment": None}, {"environment": ["This field may not be null."]}),
        ({"environment": "a/b"}, {"environment": ["Invalid value for environment"]}),
        ({"environment": "a\nb"}, {"environment": ["Invalid value for environment"]}),
        ({"environment": "a\rb"}, {"environment": ["Invalid value for environment"]}),
        ({"environment": "a\x0cb"}, {"environment": ["Invalid value for environment"]}),
        ({"environment": "e", "dateStarted": "soon"}, {"dateStarted": [WRONG_FORMAT]}),
        ({"environment": "e", "projects": ["web", 99]}, {"projects": ["Invalid project"]}),
        ({"environment": "e", "dateFinished": "soon"}, {"dateFinished": [WRONG_FORMAT]}),
        ({"environment": "e", "name": "x" * 65}, {"name": ["Ensure this field has no more than 64 characters."]}),
        ({"environment": "x" * 65}, {"environment": ["Ensure this field has no more than 64 characters."]}),
        ({"environment": "e", "url": "x"}, {"url": ["Enter a valid URL."]}),
        ({"environment": "e", "projects": []}, {"projects": ["This list may not be empty."]}),
        ({"environment": "e", "projects": ["nope"]}, {"projects": ["Invalid project"]}),
        (
            {"environment": "e", "projects": ["api"]},
            {
                "detail": {
                    "code": "parameter-validation-error",
                    "message": "Invalid projects (api) for release web@1.0.0+1",
                    "extra": {"context": ""},
                }
            },
        ),
    ],
)
def test_bad_deploy_is_refused_and_not_made(released_client: Client, body: Any, expected: Any) -> None:
    answer = released_client.rest("POST", PATH, body)
    assert (answer.status, answer.json) == (400, expected)
    assert released_client.rest("GET", RELEASES_PATH + "web@1.0.0%2B1/").json["deployCount"] == 0


def test_deploy_of_no_release_is_a_404(released_client: Client) -> None:
    assert released_client.rest("POST", RELEASES_PATH + "none/deploys/", {"environment": "e"}).status == 404
    assert released_client.rest("GET", RELEASES_PATH + "none/deploys/").status == 404


def test_list_has_the_last_finished_deploy_of_each_project_and_environment(released_client: Client) -> None:
    """Deduplicated, the last finished first, `project` filters; all of them count.

    Source: docs/sentry-contract.md#6-1-deploys, GET.
    """
    released_client.rest("POST", RELEASES_PATH, release(projects=["api"]))
    for body in (
        {"environment": "production", "name": "1", "dateFinished": "2026-01-03"},
        {"environment": "production", "name": "2", "dateFinished": "2026-01-04"},
        {"environment": "production", "name": "3", "dateFinished": "2026-01-01"},
        {"environment": "production", "name": "4", "dateFinished": "2026-01-05", "projects": ["api"]},
        {"environment": "staging", "name": "5", "dateFinished": "2026-01-02"},
        {"environment": "staging", "name": "6", "status": "started"},
    ):
        assert released_client.rest("POST", PATH, body).status == 201

    def names(query: str) -> list[str]:
        answer = released_client.rest("GET", PATH + query)
        assert 'rel="next"; results="false"' in answer.headers["link"]
        assert all(row["dateFinished"] for row in answer.json)
        return [row["name"] for row in answer.json]

    assert names("") == ["4", "2", "5"]
    assert names("?project=1") == ["2", "5"]
    assert names("?project=2") == ["4", "5"]
    assert names("?project=1&project=2") == ["4", "2", "5"]
    assert released_client.rest("GET", PATH + "?project=99").status == 403
    assert released_client.rest("GET", RELEASES_PATH + "web@1.0.0%2B1/").json["deployCount"] == 6
    first = released_client.rest("GET", PATH + "?per_page=1").headers["link"].split(", ")[1]
    second = released_client.rest("GET", first.partition(">")[0].removeprefix("<http://testserver/api/0/"))
    assert [row["name"] for row in second.json] == ["2"]


def test_deploy_has_the_facts_that_graphql_has(released_client: Client) -> None:
    """Better on purpose: status, an external id that makes a repetition a 208, and what ran before."""
    body = {"environment": "production", "externalId": "job-1", "links": [{"name": "log", "url": "https://l.example.com/"}]}
    response = released_client.rest("POST", PATH, body)
    assert (response.status, response.json["externalId"]) == (201, "job-1")
    again = released_client.rest("POST", PATH, body)
    assert (again.status, again.json) == (208, response.json)
    assert released_client.rest("POST", RELEASES_PATH, release("next")).status == 201
    started = released_client.rest(
        "POST", RELEASES_PATH + "next/deploys/", {"environment": "production", "status": "started"}
    ).json
    assert (started["status"], started["previousRelease"], started["dateFinished"]) == ("started", "web@1.0.0+1", None)
    conflict = released_client.rest(
        "POST", RELEASES_PATH + "next/deploys/", {"environment": "production", "externalId": "job-1"}
    )
    assert (conflict.status, list(conflict.json)) == (409, ["externalId"])
    wrong = released_client.rest("POST", PATH, {"environment": "e", "status": "gone"})
    assert (wrong.status, wrong.json) == (400, {"status": ["Invalid status gone"]})
    assert released_client.rest("POST", PATH, {"environment": "e", "status": "FAILED"}).json == {
        "status": ["Invalid status FAILED"]
    }
    requests = '{release(by: {key: {organization: "acme", version: "web@1.0.0+1"}}) {deploys(first: 5) {nodes {externalId status}}}}'
    shown = released_client.graphql(requests)["data"]["release"]["deploys"]["nodes"]
    assert shown == [{"externalId": "job-1", "status": "SUCCEEDED"}]


def test_deploy_without_an_end_ended_now_and_names_projects_as_it_likes(released_client: Client) -> None:
    """A null dateFinished is now; projects by slug, id and decimal id, each once.

    Source: docs/sentry-contract.md#6-1-deploys and docs/sentry-contract.md#8-defects.
    """
    body = {"environment": "e", "dateFinished": None, "projects": ["web", 1, "1"]}
    response = released_client.rest("POST", PATH, body)
    assert (response.status, response.json["dateFinished"] is None) == (201, False)
    assert [row["id"] for row in released_client.rest("GET", PATH + "?project=1").json] == [response.json["id"]]
    assert released_client.rest("GET", RELEASES_PATH + "web@1.0.0%2B1/").json["deployCount"] == 1


def test_last_deploy_is_the_one_made_last_and_none_finalizes(released_client: Client) -> None:
    """`lastDeploy` is the last created, not the last finished; a deploy leaves dateReleased alone.

    Source: docs/sentry-contract.md#4-1-release and docs/sentry-contract.md#6-1-deploys.
    """
    for name, finished in (("first", "2026-02-01"), ("second", "2026-01-01")):
        body = {"environment": "production", "name": name, "dateStarted": "2025-12-31", "dateFinished": finished}
        assert released_client.rest("POST", PATH, body).json["dateStarted"] == "2025-12-31T00:00:00Z"
    result = released_client.rest("GET", RELEASES_PATH + "web@1.0.0%2B1/").json
    assert (result["lastDeploy"]["name"], result["deployCount"], result["dateReleased"]) == ("second", 2, None)
    assert [row["name"] for row in released_client.rest("GET", PATH).json] == ["first"]
    assert [row["id"] for row in released_client.rest("GET", "organizations/acme/environments/").json] == ["1"], (
        "one for all"
    )


def test_deploys_are_there_under_the_project_too(released_client: Client) -> None:
    """Both roots: only a release of the project has them."""
    path = "projects/acme/{}/releases/web@1.0.0%2B1/deploys/"
    assert released_client.rest("POST", path.format("web"), {"environment": "e"}).status == 201
    assert len(released_client.rest("GET", path.format("web")).json) == 1
    assert released_client.rest("GET", path.format("api")).status == 404
