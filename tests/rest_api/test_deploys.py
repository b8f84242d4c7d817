"""Deploys over REST: contract section 6.1."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.factories import release

LIST = "organizations/acme/releases/"
PATH = LIST + "web@1.0.0%2B1/deploys/"


@pytest.fixture
def released(client: Client) -> Client:
    assert client.rest("POST", LIST, release()).status == 201
    return client


def test_each_post_is_a_deploy_and_counts(released: Client) -> None:
    body = {"environment": " production ", "name": None, "url": None, "dateStarted": None}
    made = released.rest("POST", PATH, body)
    assert made.status == 201
    assert made.json["dateFinished"] is not None
    assert made.json | {"dateFinished": ""} == {
        "id": "1", "environment": "production", "dateStarted": None, "dateFinished": "", "name": None, "url": None
    }  # fmt: skip
    second = {"environment": "staging", "name": "n", "url": "https://d.example.com/", "dateFinished": "2026-01-01"}
    assert released.rest("POST", PATH, second).json["dateFinished"] == "2026-01-01T00:00:00Z"
    found = released.rest("GET", LIST + "web@1.0.0%2B1/").json
    assert (found["deployCount"], found["lastDeploy"]["environment"], found["dateReleased"]) == (2, "staging", None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"environment": ["This field is required."]}),
        ({"environment": "a/b"}, {"environment": ["Invalid value for environment"]}),
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
def test_bad_deploy_is_refused_and_not_made(released: Client, body: Any, expected: Any) -> None:
    answer = released.rest("POST", PATH, body)
    assert (answer.status, answer.json) == (400, expected)
    assert released.rest("GET", LIST + "web@1.0.0%2B1/").json["deployCount"] == 0


def test_deploy_of_no_release_is_a_404(released: Client) -> None:
    assert released.rest("POST", LIST + "none/deploys/", {"environment": "e"}).status == 404
    assert released.rest("GET", PATH).status == 405
