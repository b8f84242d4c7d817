"""What clients ask around releases, over REST.

Source: docs/sentry-contract.md#1-1-authentication, docs/sentry-contract.md#4-6-repository and docs/sentry-contract.md#10-clients.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gql_releases.rest_api.loader import ROUTES, SLASH_OPTIONAL
from gql_releases.web.rate_limit import WINDOW_SECONDS, RateLimit
from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import commit, release

RELEASES_PATH = "organizations/acme/releases/"


def test_root_tells_that_a_token_opens_something(harness: Harness) -> None:
    """Clients' token check: `user` has an id and an email as text, `auth` has scopes; clients before 2.21 need both."""
    token = harness.token("project:read", "org:ci", name="CI of web")
    response = harness.client.rest("GET", "", token=token)
    user = {"id": "3", "name": "CI of web", "username": "CI of web", "email": "CI of web"}
    assert response.json == {"version": "0", "auth": {"scopes": ["org:ci", "project:read"]}, "user": user}
    assert harness.client.rest("GET", "auth/", token=token).json == user
    unnamed = harness.token("org:ci")
    assert harness.client.rest("GET", "auth/", token=unnamed).json["name"] == "token 4"
    assert harness.client.rest("GET", "", token="wrong").status == 401
    assert harness.client.rest("GET", "", token=None).status == 401
    assert harness.client.rest("GET", "users/me/regions/").status == 404


def test_organizations_have_what_clients_need(client: Client) -> None:
    """The token's organization alone, paged; ids are strings."""
    answer = client.rest("GET", "organizations/?cursor=")
    [row] = answer.json
    needed = {"id": "1", "slug": "acme", "name": "acme", "isEarlyAdopter": False, "require2FA": False}
    assert row.items() >= needed.items()
    assert (row["requireEmailVerification"], row["features"]) == (False, [])
    assert row["dateCreated"].endswith("Z")
    assert 'rel="next"; results="false"' in answer.headers["link"]
    assert client.rest("GET", "organizations/acme/").json == row
    assert client.rest("GET", "organizations/1/").json == row
    assert client.rest("GET", "organizations/other/").status == 403
    assert client.rest("GET", "organizations/nobody/").json == client.rest("GET", "organizations/other/").json


def test_projects_have_what_clients_need(client: Client) -> None:
    """By slug, paged; one by slug or id; `collapse=organization` leaves that out."""
    first = client.rest("GET", "organizations/acme/projects/?per_page=1")
    assert [(row["id"], row["slug"], row["name"], row["team"]) for row in first.json] == [("2", "api", "api", None)]
    following = first.headers["link"].split(", ")[1]
    assert 'results="true"' in following
    second = client.rest("GET", following.partition(">")[0].removeprefix("<http://testserver/api/0/"))
    assert [row["slug"] for row in second.json] == ["web"]
    body = client.rest("GET", "projects/acme/web/").json
    assert (body["id"], body["organization"]["slug"]) == ("1", "acme")
    assert client.rest("GET", "projects/acme/1/?collapse=organization").json == second.json[0]
    assert client.rest("GET", "projects/acme/nope/").status == 404
    assert client.rest("GET", "projects/other/web/").status == 403


def test_repositories_are_of_a_provider_that_clients_do_not_know(client: Client) -> None:
    """Any other would make `set-commits --auto` send a bare sha (docs/sentry-contract.md#4-6-repository)."""
    client.rest("POST", RELEASES_PATH, release(commits=[commit(0), commit(1, repository="b/b")]))
    body = client.rest("GET", "organizations/acme/repos/?cursor=").json
    assert [(item["name"], item["provider"]["id"], item["status"]) for item in body] == [
        ("acme/web", "unknown", "active"), ("b/b", "unknown", "active")
    ]  # fmt: skip
    assert all(isinstance(item["id"], str) for item in body)


def test_environments_are_those_deployed_to(client: Client) -> None:
    client.rest("POST", RELEASES_PATH, release(projects=["web", "api"]))
    for environment, projects in (("production", ["web"]), ("staging", ["api"])):
        client.rest("POST", RELEASES_PATH + "web@1.0.0%2B1/deploys/", {"environment": environment, "projects": projects})
    of_all = client.rest("GET", "organizations/acme/environments/").json
    assert of_all == [
        {"id": "1", "name": "production", "isHidden": False}, {"id": "2", "name": "staging", "isHidden": False}
    ]  # fmt: skip
    assert client.rest("GET", "projects/acme/web/environments/?visibility=visible").json == of_all[:1]
    assert client.rest("GET", "projects/acme/web/environments/?visibility=hidden").json == []
    assert client.rest("GET", "projects/acme/nope/environments/").status == 404


def test_basic_credentials_have_the_token_for_a_user_name(client: Client) -> None:
    """SENTRY_API_KEY of sentry-cli 2 is the user name of Basic.

    Source: docs/sentry-contract.md#1-1-authentication, points 1 and 3.
    """

    def ask(credentials: str) -> Any:
        answer = client.rest("GET", RELEASES_PATH, headers={"authorization": f"Basic {credentials}"})
        return answer.status if answer.status == 200 else (answer.status, answer.json)

    assert ask(base64.b64encode(f"{client.token}:".encode()).decode()) == 200
    for wrong in ("", "%%", base64.b64encode(b"\xff").decode(), base64.b64encode(b"x:").decode()):
        assert ask(wrong) == (401, {"detail": "API key is not valid"})


@pytest.mark.parametrize("pattern", ROUTES, ids="/".join)
def test_route_is_uncached_and_known_by_its_organization_alone(client: Client, pattern: tuple[str, ...]) -> None:
    """No store, no redirect, the same 403 for another organization and for none, 401 without a token.

    Source: docs/sentry-contract.md#1-1-authentication, docs/sentry-contract.md#9-decisions.
    """
    names = iter(["other", *["web"] * (pattern[:1] == ("projects",)), "1", "1"])
    path = "".join(f"{next(names) if part == '*' else part}/" for part in pattern)
    method = next(iter(ROUTES[pattern]))
    body: Any = None if method == "GET" else {}
    answer = client.rest(method, path, body)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    if "*" in pattern:
        assert (answer.status, list(answer.json)) == (403, ["detail"])
        assert client.rest(method, path.replace("other", "nobody"), body).body == answer.body
    else:
        assert answer.status == 200
    assert client.rest(method, path, body, token=None).status == 401
    assert client.rest("PATCH", path).status == 405
    if path:
        without_slash = answer.status if pattern in SLASH_OPTIONAL else 404
        assert client.rest(method, path[:-1], body).status == without_slash


@pytest.mark.parametrize(
    "path",
    ["commits/", "commitfiles/", "meta/", "previous-with-commits/", "repositories/", "deploys/", "", "../stats/"],
)
def test_scopes_that_read_releases_are_needed_below_them(harness: Harness, path: str) -> None:
    """`project:read`, :write, :admin, :releases or org:ci (docs/sentry-contract.md#1-endpoints, R)."""
    harness.client.rest("POST", RELEASES_PATH, release())
    requests = RELEASES_PATH + ("stats/" if path == "../stats/" else f"web@1.0.0%2B1/{path}")
    assert harness.client.rest("GET", requests, token=harness.token("org:read", "org:admin")).status == 403
    for scope in ("project:read", "org:ci"):
        assert harness.client.rest("GET", requests, token=harness.token(scope)).status == 200


def test_release_of_no_project_has_no_parts(client: Client) -> None:
    """Source: docs/sentry-contract.md#1-1-authentication, point 6."""
    client.rest("POST", RELEASES_PATH, release("lonely", projects=[]))
    for part in ("", "commits/", "commitfiles/", "meta/", "previous-with-commits/", "repositories/", "deploys/"):
        assert client.rest("GET", RELEASES_PATH + "lonely/" + part).status == 404, part
    assert client.rest("POST", RELEASES_PATH + "lonely/deploys/", {"environment": "e"}).status == 404


def test_rate_limit_counts_each_token_in_a_fixed_minute() -> None:
    moment = 1000.0 * WINDOW_SECONDS + 15
    rates = RateLimit(2, lambda: moment)
    assert [rates.take(1).allowed for _ in range(3)] == [True, True, False]
    assert rates.take(2).allowed
    refused = dict(rates.take(1).headers)
    assert refused == {
        b"x-sentry-rate-limit-limit": b"2", b"x-sentry-rate-limit-remaining": b"0",
        b"x-sentry-rate-limit-reset": b"60060", b"retry-after": b"45",
    }  # fmt: skip
    moment += 45
    assert rates.take(1).allowed
    assert RateLimit(None).take(1).headers == []


def test_too_many_requests_are_told_so_by_both_doors(template: Template, tmp_path: Any) -> None:
    """The 429's body is a bare text. GraphQL counts with the same window and reports it in its own way.

    Source: docs/sentry-contract.md#1-1-authentication.
    """
    harness = Harness(template, tmp_path, rate_limit=3)
    client = harness.client
    first = client.rest("GET", RELEASES_PATH)
    responses = [client.rest("GET", RELEASES_PATH + "none/"), client.request("POST", "/graphql", {"query": "{__typename}"})]
    last = client.rest("GET", RELEASES_PATH)
    by_graphql = client.request("POST", "/graphql", {"query": "{__typename}"})
    other = client.rest("GET", RELEASES_PATH, token=harness.token("org:ci")).status
    harness.close()
    left = [int(item.headers["x-sentry-rate-limit-remaining"]) for item in (first, *responses, last)]
    if left[0] > left[-1]:  # else a minute began in between
        assert left == [2, 1, 0, 0]
        assert (last.status, type(last.json)) == (429, str)
        assert 1 <= int(last.headers["retry-after"]) <= WINDOW_SECONDS
        assert by_graphql.status == 429
        assert by_graphql.json["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert (first.status, responses[0].status, responses[1].status, other) == (200, 404, 200, 200)


def test_no_limit_is_told_where_none_is_set(client: Client) -> None:
    assert not [name for name in client.rest("GET", RELEASES_PATH).headers if "rate-limit" in name]
