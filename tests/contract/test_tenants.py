"""Two tenants with equal versions, slugs and shas, attacked at each level: nobody sees anything of the other."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Harness, Template
from tests.factories import commit, release
from tests.oracle.naive import NODES
from tests.oracle.test_oracle import fill

SECRET = "other"
ISSUES = """query ($id: ID!) { node(id: $id) { ... on Release { eventCount firstEvent issues(first: 100) { nodes { times issue { title
  project { organization { slug } } suspectCommits { commit { message releases { nodes { ref } } } }
  releases(first: 100) { nodes { release { ref } environment { organization { slug } } } }
  events(first: 100) { nodes { issue { title } project { organization { slug } } exceptions { frames { file } } } } } } }
  health { sessions previous { sessions } } } } }"""
EVERYTHING = """query ($id: ID!) { node(id: $id) { __typename id
  ... on Organization { slug releases { totalCount } }
  ... on Release { ref commits { totalCount nodes { message } } deploys { nodes { name } } organization { slug } }
  ... on Commit { message releases { totalCount nodes { ref } } author { name } }
  ... on Deploy { deploy: name release { ref } } ... on Token { token: name hint } ... on FileChange { path commit { message } }
  ... on ProjectKey { publicKey dsn project { slug } } } }"""


@pytest.fixture
def both(template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(template, tmp_path, max_cost=10**9)
    for organization in ("acme", "other"):
        fill(harness, organization)
    yield harness
    harness.close()


def ids(harness: Harness, organization: str) -> dict[str, list[str]]:
    """Every id that a tenant's own operations show."""
    owner = {"acme": 1, "other": 2}[organization]
    result = {}
    for name, row in NODES.items():
        column = "id" if name == "Organization" else "organization_id"
        keys = harness.rows(f"SELECT id FROM {row.__tablename__} WHERE {column} = {owner}")
        result[name] = [base64.b64encode(f"{name}:{key}".encode()).decode() for (key,) in keys]
    return result


def test_no_id_opens_what_another_tenant_owns(both: Harness) -> None:
    foreign = ids(both, "other")
    assert all(foreign.values()), "each type has something to attack"
    for name, listed in foreign.items():
        for item in listed:
            assert both.client.graphql(EVERYTHING, {"id": item}) == {"data": {"node": None}}, name
        many = both.client.graphql("query ($ids: [ID!]!) {nodes(ids: $ids) {__typename id}}", {"ids": listed[:100]})
        assert set(map(str, many["data"]["nodes"])) == {"None"}, name
    for item in foreign["Release"]:
        document = "mutation ($r: ReleaseBy!) {deleteRelease(input: {release: $r}) {deletedReleaseId userErrors {code}}}"
        answer = both.client.graphql(document, {"r": {"id": item}})["data"]["deleteRelease"]
        assert answer == {"deletedReleaseId": None, "userErrors": [{"code": "RELEASE_NOT_FOUND"}]}
    refused = {"userErrors": [{"code": "PROJECT_KEY_NOT_FOUND"}]}
    before = both.rows("SELECT * FROM project_keys ORDER BY id")
    for item in foreign["ProjectKey"]:
        for name, more in (("updateProjectKey", ", isActive: false"), ("deleteProjectKey", "")):
            document = f"mutation ($id: ID!) {{{name}(input: {{id: $id{more}}}) {{userErrors {{code}}}}}}"
            assert both.client.graphql(document, {"id": item})["data"] == {name: refused}
    for (key,) in both.rows("SELECT public_key FROM project_keys WHERE organization_id = 2"):
        for project in ("web", "1", "api"):
            for method in ("GET", "PUT", "DELETE"):
                path = f"projects/acme/{project}/keys/{key}/"
                assert both.client.rest(method, path, {"isActive": False} if method == "PUT" else None).status == 404
    assert both.rows("SELECT * FROM project_keys ORDER BY id") == before


def test_no_key_count_or_list_shows_another_tenant(both: Harness) -> None:
    document = """{ organization(slug: "acme") { releases(first: 100) { totalCount nodes { ref
      commits(first: 100) { nodes { message releases(first: 100) { totalCount nodes { ref organization { slug } } } } }
      authors(first: 100) { nodes { name } } deploys(first: 100) { nodes { name environment { organization { slug } } } } } }
      projects { nodes { slug releases(first: 100) { totalCount nodes { ref } } } } }
      mine: organizations { totalCount nodes { slug } } theirs: organization(slug: "other") { slug }
      release(by: {key: {organization: "other", version: "web@1.0.0+1"}}) { ref } }"""
    answer = both.client.graphql(document)
    assert "errors" not in answer
    assert answer["data"]["theirs"] is answer["data"]["release"] is None
    assert answer["data"]["mine"]["totalCount"] == 1
    assert SECRET not in str(answer).replace("'theirs'", "")
    assert answer["data"]["organization"]["releases"]["totalCount"] == 12


def test_no_issue_event_or_counter_shows_another_tenant(both: Harness) -> None:
    """The tenants have releases of equal versions, issues of equal short ids and events of equal ids."""
    # Rows of the other tenant that refer to rows of this one, as if a counter had a wrong id.
    both.rows("UPDATE issue_releases SET release_id = 1 WHERE organization_id = 2 AND release_id = 13")
    both.rows("UPDATE events SET issue_id = 1 WHERE organization_id = 2")
    both.rows("UPDATE release_events SET release_id = 1, events = 777000777 WHERE organization_id = 2 AND release_id = 13")
    both.rows("UPDATE session_hours SET release_id = 1, sessions = 777000777 WHERE organization_id = 2 AND release_id = 13")
    text = str([both.client.graphql(ISSUES, {"id": item}) for item in ids(both, "acme")["Release"]])
    assert "errors" not in text
    for own, foreign in (("of 1", "of 2"), ("example.com/1.js", "example.com/2.js"), ("acme", SECRET), ("{", "777000777")):
        assert own in text
        assert foreign not in text
    theirs = both.client.graphql('{ issue(organization: "other", shortId: "WEB-1") { title } }')
    assert theirs == {"data": {"issue": None}}


def test_a_cursor_of_another_tenant_opens_only_ones_own(both: Harness) -> None:
    document = """query ($org: String!, $after: String) {organization(slug: $org) {releases(first: 2, after: $after) {
      nodes {ref} pageInfo {endCursor}}}}"""
    theirs = both.client.graphql(document, {"org": "other"}, token=both.tokens["other"])
    cursor = theirs["data"]["organization"]["releases"]["pageInfo"]["endCursor"]
    mine = both.client.graphql(document, {"org": "acme", "after": cursor})
    assert {node["ref"] for node in mine["data"]["organization"]["releases"]["nodes"]} <= {"acme"}


def test_errors_do_not_tell_what_exists(both: Harness) -> None:
    """An organization of somebody else and none at all are the same, through both apis; so are projects."""
    client = both.client
    answers = []
    for organization in ("other", "nobody"):
        rest = [
            client.rest("GET", f"organizations/{organization}/releases/"),
            client.rest("POST", f"organizations/{organization}/releases/", release()),
            client.rest("GET", f"organizations/{organization}/releases/web@1.0.0%2B1/"),
            client.rest("PUT", f"organizations/{organization}/releases/web@1.0.0%2B1/", {"ref": "stolen"}),
            client.rest("DELETE", f"organizations/{organization}/releases/web@1.0.0%2B1/"),
            client.rest("GET", f"projects/{organization}/web/releases/"),
            client.rest("DELETE", f"projects/{organization}/web/releases/web@1.0.0%2B1/"),
            client.rest("GET", f"projects/{organization}/web/keys/"),
            client.rest("POST", f"projects/{organization}/web/keys/", {"name": "n"}),
            client.rest("DELETE", f"projects/{organization}/web/keys/{'0' * 32}/"),
        ]
        document = "mutation ($i: CreateReleaseInput!) {createRelease(input: $i) {userErrors {code message field}}}"
        created = client.graphql(document, {"i": {"organization": organization, "version": "x", "projects": ["web"]}})
        [error] = created["data"]["createRelease"]["userErrors"]
        error["message"] = error["message"].replace(f'"{organization}"', "the name that was sent")
        answers.append(([(item.status, item.body) for item in rest], created))
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0][0]} == {403}
    assert client.rest("GET", "organizations/acme/releases/?project=3").status == 403
    assert client.rest("GET", "organizations/acme/releases/?project=99").status == 403
    assert client.rest("POST", "organizations/acme/releases/", release("n", projects=[3])).status == 400


def test_writing_the_same_shas_leaves_the_other_tenants_commits(both: Harness) -> None:
    both.client.rest(
        "POST", "organizations/acme/releases/", release("steal", commits=[commit(n, message="stolen") for n in range(40)])
    )
    document = '{organization(slug: "other") {releases(first: 100) {nodes {commits(first: 100) {nodes {message}}}}}}'
    theirs: Any = both.client.graphql(document, token=both.tokens["other"])
    assert "stolen" not in str(theirs)
