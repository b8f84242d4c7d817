"""Bad input through both apis: a clear error at the right place, nothing changed, never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import Client
from tests.conftest import Harness
from tests.factories import CREATE, as_graphql, commit, release
from tests.scale import scale

BODIES = scale(300, 20_000)
SENTRYS_WORDS = {
    "This field may not be blank.",
    "Invalid project ids or slugs",
    *(f"Ensure this field has no more than {length} characters." for length in (64, 128, 200, 510)),
}
"""Messages of REST that clients match on, and for which GraphQL has words that name the field and the value."""
RELEASES_PATH = "organizations/acme/releases/"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (release(version=""), ["version"], "BLANK"),
        (release(version="a\tb"), ["version"], "INVALID_VERSION"),
        (release(version="x" * 201), ["version"], "TOO_LONG"),
        (release(version="a\0"), ["version"], "INVALID_CHARACTERS"),
        (release(version="\ud800"), ["version"], "INVALID_CHARACTERS"),
        (release(projects=["nope"]), ["projects", "0"], "UNKNOWN_PROJECT"),
        (release(projects=["web", "\ud800"]), ["projects", "1"], "UNKNOWN_PROJECT"),
        (release(url="not a url"), ["url"], "INVALID_URL"),
        (release(ref="x" * 201), ["ref"], "TOO_LONG"),
        (release(commits=[commit(id="")]), ["commits", "0", "sha"], "BLANK"),
        (release(commits=[commit(), commit(id="x" * 65)]), ["commits", "1", "sha"], "TOO_LONG"),
        (release(commits=[commit(message="\ud800")]), ["commits", "0", "message"], "INVALID_CHARACTERS"),
        (release(commits=[commit(repository="x" * 65)]), ["commits", "0", "repository"], "TOO_LONG"),
        (release(commits=[commit(author_name="x" * 129)]), ["commits", "0", "authorName"], "TOO_LONG"),
        (release(commits=[commit(author_email="x" * 201)]), ["commits", "0", "authorEmail"], "TOO_LONG"),
        (
            release(commits=[commit(patch_set=[{"path": "x" * 511, "type": "A"}])]),
            ["commits", "0", "fileChanges", "0", "path"],
            "TOO_LONG",
        ),
        (release(refs=[{"repository": "", "commit": "a"}]), ["refs", "0", "repository"], "BLANK"),
        (release(refs=[{"repository": "r", "commit": "a..b..c"}]), ["refs", "0", "commit"], "INVALID_REF"),
        (
            release(refs=[{"repository": "r", "commit": "a", "previousCommit": "x" * 65}]),
            ["refs", "0", "previousCommit"],
            "TOO_LONG",
        ),
    ],
)
def test_wrong_field_is_named_by_both_doors(client: Client, body: Any, field: list[str], code: str) -> None:
    """The same rule: GraphQL with the full path and a message for people, REST in Sentry's shape and words."""
    payload = client.graphql(CREATE, {"input": as_graphql(body)})["data"]["createRelease"]
    assert payload["release"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [(field, code)]
    refused = client.rest("POST", RELEASES_PATH, body)
    assert refused.status == 400
    names, problem = [], refused.json
    while isinstance(problem, dict):
        [(name, problem)] = problem.items()
        names.append(name)
    rest_names = {"sha": "id", "authorName": "author_name", "authorEmail": "author_email", "fileChanges": "patch_set"}
    expected = [rest_names.get(name, name) for name in field if not name.isdigit()]
    assert (names, len(problem)) == (expected, 1)
    assert payload["userErrors"][0]["message"].rstrip('."').startswith(problem[0].rstrip(".")) or problem[0] in SENTRYS_WORDS
    assert client.rest("GET", RELEASES_PATH + "?status=").json == []


@pytest.mark.parametrize(
    "variables",
    [
        {"input": 1}, {"input": {}}, {}, {"input": {**as_graphql(release()), "unknown": 1}},
        {"input": as_graphql(release(version=1))}, {"input": as_graphql(release(dateReleased="yesterday"))},
        {"input": as_graphql(release(status="gone"))}, {"input": as_graphql(release(projects=[True]))},
    ],
)  # fmt: skip
def test_variables_of_a_wrong_type_are_told_with_their_path(client: Client, variables: Any) -> None:
    answer = client.graphql(CREATE, variables)
    assert "data" not in answer
    assert "$input" in answer["errors"][0]["message"]


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_texts_that_no_database_takes_are_refused_when_read(client: Client, text: str) -> None:
    for document in (
        "query ($t: String!) {organization(slug: $t) {id}}",
        'query ($t: String!) {release(by: {key: {organization: "acme", version: $t}}) {id}}',
        'query ($t: String!) {organization(slug: "acme") {releases(filter: {version: {equals: $t}}) {totalCount}}}',
        'query ($t: String!) {organization(slug: "acme") {releases(filter: {project: $t}) {totalCount}}}',
    ):
        answer = client.graphql(document, {"t": text})
        assert answer["errors"][0]["extensions"]["code"] == "INVALID_ARGUMENT"
    document = """mutation ($t: String!) {deleteRelease(input: {release: {key: {organization: "acme", version: $t}}})
      {userErrors {code}}}"""
    assert client.graphql(document, {"t": text})["errors"][0]["extensions"]["code"] == "INVALID_ARGUMENT"
    assert client.rest("GET", RELEASES_PATH + "a%00/").status == 400


def test_deep_json_is_refused(client: Client) -> None:
    deep = b'{"version": "1", "projects": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"
    assert client.rest("POST", RELEASES_PATH, deep).status == 400
    nested = b'{"query": "{__typename}", "variables": {"a": ' + b"[" * 90_000 + b"]" * 90_000 + b"}}"
    assert client.request("POST", "/graphql", nested).status == 400


NAMES = [
    "version", "projects", "ref", "url", "dateReleased", "status", "commits", "refs", "headCommits", "id", "repository",
    "message", "author_name", "author_email", "timestamp", "patch_set", "path", "type", "commit", "previousCommit",
    "sha", "authorName", "fileChanges", "organization",
]  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["web", "acme", "2026-01-01T00:00:00Z", "https://e.example.com/", "A", "open", "OPEN", "a..b", "x" * 201])
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(NAMES), below, max_size=6),
    max_leaves=15,
)
objects = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values))


def encode_body(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=BODIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=objects | values)
def test_no_generated_body_makes_a_500_over_rest(harness: Harness, body: Any) -> None:
    answer = harness.client.rest("POST", RELEASES_PATH, encode_body(body))
    assert answer.status in (201, 208, 400), (answer, body)
    if answer.status == 400:
        assert answer.json


@settings(max_examples=BODIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=objects | values)
def test_no_generated_input_makes_an_internal_error_over_graphql(harness: Harness, body: Any) -> None:
    given_ = {"organization": "acme", "version": "v", "projects": ["web"], **body} if isinstance(body, dict) else body
    for variables in ({"input": given_}, {"input": body}):
        answer = harness.client.request("POST", "/graphql", encode_body({"query": CREATE, "variables": variables}))
        assert answer.status == 200, (answer, variables)
        codes = [item.get("extensions", {}).get("code") for item in answer.json.get("errors", ())]
        assert "INTERNAL" not in codes, (answer, variables)
        assert codes or "data" in answer.json


def test_path_of_a_problem_leads_to_where_it_was_said(client: Client) -> None:
    document = "mutation ($i: SetReleaseCommitsInput!) {setReleaseCommits(input: $i) {release {id} userErrors {code field}}}"
    client.rest("POST", RELEASES_PATH, release("known"))

    def problems(organization: str, version: str, **more: Any) -> Any:
        key = {"key": {"organization": organization, "version": version}}
        answer = client.graphql(document, {"i": {"release": key, "commits": [], **more}})
        return [(error["code"], error["field"]) for error in answer["data"]["setReleaseCommits"]["userErrors"]]

    assert problems("other", "known") == [("ORGANIZATION_NOT_FOUND", ["release", "key", "organization"])]
    assert problems("acme", "unknown") == [("RELEASE_NOT_FOUND", ["release"])]
    assert problems("acme", "known", repository="x" * 65) == [("TOO_LONG", ["repository"])]
    assert problems("acme", "known", commits=[{"sha": ""}]) == [("BLANK", ["commits", "0", "sha"])]
    assert problems("acme", "known") == []
