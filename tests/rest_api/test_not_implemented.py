"""What is not there says so: 501 and a sentence on each path of Sentry's that its clients request; else a 404 about the path."""

from __future__ import annotations

import re

import pytest
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gql_releases.rest_api.engine.not_implemented import NOT_IMPLEMENTED, find_sentence
from gql_releases.rest_api.loader import ROUTES
from gql_releases.web.protocol import NOT_IMPLEMENTED_REASON
from tests.client import Client

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
REQUESTED = [
    # sentry-cli 2.58 and 3.8, as a recording server saw them
    "0/organizations/acme/events/?dataset=ourlogs&per_page=100",
    "0/organizations/acme/monitors/?cursor=",
    "0/organizations/acme/code-mappings/bulk/",
    "0/organizations/acme/repos/7/commits/",
    "0/organizations/acme/preprodartifacts/snapshots/upload-options/?usecase=auto",
    "0/projects/acme/web/files/proguard-artifacts/",
    "0/projects/acme/web/files/preprodartifacts/assemble/",
    "0/projects/acme/web/monitors/x/checkins/",
    # npm's sentry 0.49
    "0/organizations/acme/eventids/00/",
    "0/organizations/acme/trace/00/",
    "0/organizations/acme/dashboards/",
    "0/organizations/acme/teams/",
    "0/organizations/acme/project-keys/",
    "0/issues/12/",
    "0/teams/acme/web/projects/",
]


@pytest.mark.parametrize("path", REQUESTED)
def test_path_that_clients_request_is_a_501_that_says_what_to_do(client: Client, path: str) -> None:
    """One `detail`, the whole body: two keys, or none, and sentry-cli prints a dump. With a token and without, by any method."""
    for method in METHODS:
        for token in (client.token, None, "wrong"):
            body = b"{}" if method in ("POST", "PUT") else None
            answer = client.request(method, "/api/" + path, body, token=token)
            assert (answer.status, list(answer.json)) == (501, ["detail"]), method
            assert answer.headers["content-type"] == "application/json"
            assert re.fullmatch(r"This server (does not keep|has no) .+: .+ \(docs/ci\.md\)\.", answer.json["detail"])


@pytest.mark.parametrize("organization", ["acme", "other", "nobody"])
def test_answer_is_the_same_for_all_organizations(client: Client, organization: str) -> None:
    """Nothing is said about what the store has."""
    answers = [
        client.rest("POST", f"{path}", b"--x", headers={"content-type": "multipart/form-data; boundary=x"})
        for path in (f"organizations/{organization}/snapshots/", f"projects/{organization}/web/files/preprodartifacts/")
    ]
    assert [answer.status for answer in answers] == [501, 501]


def test_no_route_is_hidden_and_no_row_is_unreachable() -> None:
    for pattern in ROUTES:
        assert find_sentence("/api/0/" + "".join(f"{'x' if part == '*' else part}/" for part in pattern)) is None
    for pattern, sentence in NOT_IMPLEMENTED.items():
        path = "/api/" + "/".join("1" if part == "*" else part for part in pattern)
        assert [find_sentence(path + end) for end in ("", "/", "/below/")] == [sentence] * 3, pattern


@pytest.mark.parametrize(
    "path",
    [
        "/api/0/nope/", "/api/0/organizations/acme/nope/", "/api/0/projects/acme/web/nope/", "/api/1/nope/", "/api/nope/",
        "/api/0/users/me/regions/", "/api/0", "/api/", "/api/0/organizations/acme/releases/a/b/c/", "/api/web/envelope/", "/api/store/",
    ],
)  # fmt: skip
def test_unknown_path_is_a_404_that_names_the_path(client: Client, path: str) -> None:
    for method in METHODS:
        answer = client.request(method, path, b"{}" if method in ("POST", "PUT") else None)
        assert answer.status == 404
        assert answer.json == {"detail": f"This server has no path {path}: see docs/sentry-compatibility.md."}


def test_message_repeats_a_long_path_in_part(client: Client) -> None:
    answer = client.request("GET", "/api/0/" + "x" * 5000 + "/")
    assert answer.status == 404
    assert len(answer.body) < 400


def test_reason_of_the_status_says_so_too() -> None:
    """Version 11 of the bundler plugins prints `API request failed: 501` and the reason of the line of status, no body."""
    assert STATUS_LINE[501] == f"HTTP/1.1 501 {NOT_IMPLEMENTED_REASON}\r\n".encode()
    assert re.fullmatch(r"This server does not keep [ -~]+ \(docs/ci\.md\)\.", NOT_IMPLEMENTED_REASON), "one line of ASCII"


def test_object_that_is_not_there_keeps_its_own_message(client: Client) -> None:
    """A release that is not there is no unknown path: clients go by these words."""
    answer = client.rest("GET", "organizations/acme/releases/none/")
    assert (answer.status, answer.json) == (404, {"detail": "The requested resource does not exist"})
