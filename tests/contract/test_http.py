"""HTTP by the same rules on every route of both APIs: preflights, OPTIONS, the Authorization header."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.errors import InvalidToken, Unauthenticated, Unavailable
from tests.client import Answer, Client
from tests.conftest import House, Template

APP = "https://app.example.com"
RELEASES = "/api/0/organizations/acme/releases/"
ROUTES = ["/graphql", "/schema.graphql", RELEASES, RELEASES + "web%401.0/", "/api/0/", "/api/0/projects/acme/web/"]
"""A path of each application: the GraphQL API, a page, the REST API with and without variables."""


@pytest.fixture
def pages(template: Template, tmp_path: Path) -> Iterator[Client]:
    """A client of an application that the pages of one origin may use."""
    house = House(template, tmp_path, cors_origins=APP)
    yield house.client
    house.close()


def preflight(client: Client, path: str, names: str, **headers: str) -> Answer:
    sent = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": names}
    return client.request("OPTIONS", path, token=None, headers={**sent, **headers})


NAMES = [
    "authorization,content-type,sentry-trace,baggage", "traceparent, tracestate", "x-request-id",
    "apollographql-client-name,apollographql-client-version", "X-Custom-Of-Nobody", "if-none-match,Cache-Control",
    ",".join(f"x-{number}" for number in range(100)),
]  # fmt: skip


def test_preflight_allows_every_header_that_it_names(pages: Client) -> None:
    for path, names in itertools.product(ROUTES, NAMES):
        answer = preflight(pages, path, names)
        assert answer.status in (200, 204), (path, names)
        allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert allowed == {name.strip().lower() for name in names.split(",")}
        assert answer.headers["access-control-allow-origin"] == APP


def test_preflight_of_a_private_network_is_answered_as_any_other(pages: Client) -> None:
    for path in ROUTES:
        plain = preflight(pages, path, "baggage")
        private = preflight(pages, path, "baggage", **{"access-control-request-private-network": "true"})
        assert private.status == 200
        assert (private.status, private.headers, private.body) == (plain.status, plain.headers, plain.body)
        assert "access-control-allow-private-network" not in private.headers


def test_preflight_reflects_names_and_nothing_else(pages: Client) -> None:
    answer = preflight(pages, "/graphql", "baggage, a b, x\x01y, <script>, é")
    assert answer.headers["access-control-allow-headers"] == "baggage"
    assert preflight(pages, "/graphql", "baggage", origin="https://evil.example.com").status == 400


def test_options_that_are_no_preflight_need_no_token_and_name_the_methods(client: Client, pages: Client) -> None:
    for asking, path, origin in itertools.product((client, pages), ROUTES, (None, APP, "https://evil.example.com")):
        answer = asking.request("OPTIONS", path, token=None, headers={"origin": origin} if origin else {})
        assert (answer.status, answer.body) == (204, b"")
        assert "content-length" not in answer.headers
        assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["allow"].split(", "))


def test_options_of_a_path_that_is_not_there_are_a_404(client: Client) -> None:
    for path in ("/api/0/nothing/", "/nothing"):
        assert client.request("OPTIONS", path, token=None).status == 404


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


HEADERS = [
    "Token abc", "DSN x", "Bearer x", "Bearer", "Bearer ", "Bearer a b", "bearer x", "Basic", "Basic !", basic("x:y"),
    basic("gqlr_no"), "Digest username=x", "Negotiate abc", "x", "\t", "Bearer \xff", "Bearer gqlr_" + "A" * 43 + "_00000000",
]  # fmt: skip


def test_authorization_that_opens_nothing_is_a_401_with_a_challenge_at_both_apis(client: Client) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/graphql", {"query": "{__typename}"}), ("GET", "/graphql?query={__typename}", None),
        ("GET", RELEASES, None), ("POST", RELEASES, {"version": "1", "projects": ["web"]}),
    ]  # fmt: skip
    for header, (method, path, body) in itertools.product(HEADERS, calls):
        answer = client.request(method, path, body, headers={"authorization": header})
        assert answer.status == 401, (path, header)
        assert answer.headers["www-authenticate"]
        assert "retry-after" not in answer.headers


@pytest.mark.parametrize(("error", "status"), [(Unauthenticated, 401), (InvalidToken, 401), (Unavailable, 503)])
def test_each_error_of_the_authenticator_has_one_status_for_both_apis(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: int
) -> None:
    async def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Authenticator, "authenticate", refuse)
    graphql = client.request("POST", "/graphql", {"query": "{__typename}"})
    rest = client.request("GET", RELEASES)
    assert (graphql.status, rest.status) == (status, status)
    assert ("retry-after" in graphql.headers, "retry-after" in rest.headers) == (status == 503, status == 503)


class Refused(Exception):
    """The body was read."""


async def status_before_the_body(client: Client, path: str, **headers: str) -> int:
    """Give the status of a POST whose body must not be read."""
    sent = {"host": "x", "content-type": "application/json", "content-length": "1000", **headers}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
        "client": ("127.0.0.1", 1), "server": ("x", 80), "state": {},
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> Any:
        raise Refused

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    await client.app(scope, receive, send)
    return statuses[0]


def test_wrong_token_is_refused_before_the_body_is_read(client: Client) -> None:
    for path, authorization in itertools.product(("/graphql", RELEASES), ("Bearer x", "Token x", "Basic !")):
        assert client.runner.run(status_before_the_body(client, path, authorization=authorization)) == 401
    assert client.runner.run(status_before_the_body(client, RELEASES)) == 401
    too_large = {"content-length": str(128 * 1024 + 1)}
    assert client.runner.run(status_before_the_body(client, "/graphql", **too_large)) == 413


def test_graphql_body_without_a_token_has_a_limit_of_its_own(client: Client) -> None:
    document = {"query": "{__typename}", "extensions": {"x": "x" * 128 * 1024}}
    for headers in ({}, {"content-length": "20"}):  # a declared length that is too small changes nothing
        refused = client.request("POST", "/graphql", document, token=None, headers=headers)
        assert (refused.status, "without a token" in refused.json["errors"][0]["message"]) == (413, True)
    assert client.request("POST", "/graphql", document).status == 200
    document["extensions"] = {"x": "x" * 120 * 1024}
    assert client.request("POST", "/graphql", document, token=None).status == 200
