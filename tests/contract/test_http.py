"""HTTP by the same rules on every route of both APIs: preflights, OPTIONS, the Authorization header."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.errors import InvalidToken, Unauthenticated, Unavailable
from gql_releases.web.proxies import TrustedProxies
from gql_releases.web.rate_limit import MAX_COUNTED_ADDRESSES, RefusalLimit, TooManyRefusals
from tests.client import Answer, Client
from tests.conftest import Harness, Template

APP = "https://app.example.com"
RELEASES = "/api/0/organizations/acme/releases/"
ROUTES = ["/graphql", "/schema.graphql", RELEASES, RELEASES + "web%401.0/", "/api/0/", "/api/0/projects/acme/web/"]
"""A path of each application: the GraphQL API, a page, the REST API with and without variables."""


@pytest.fixture
def pages(template: Template, tmp_path: Path) -> Iterator[Client]:
    """A client of an application that the pages of one origin may use."""
    harness = Harness(template, tmp_path, cors_origins=APP)
    yield harness.client
    harness.close()


def preflight(client: Client, path: str, names: str, **headers: str) -> Answer:
    sent = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": names}
    return client.request("OPTIONS", path, token=None, headers={**sent, **headers})


def select_headers(answer: Answer) -> dict[str, str]:
    """Give an answer's headers, without the one that every request has of its own."""
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


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
        assert (private.status, select_headers(private), private.body) == (plain.status, select_headers(plain), plain.body)
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


def test_options_of_the_server_itself_are_answered(client: Client) -> None:
    answer = client.request("OPTIONS", "*", token=None)
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


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


def test_every_answer_of_graphql_says_that_accept_chose_it(client: Client, pages: Client) -> None:
    requests: list[tuple[str, str, Any, dict[str, str]]] = [
        ("GET", "?query={__typename}", None, {}), ("HEAD", "?query={__typename}", None, {}),
        ("GET", "", None, {"accept": "text/html"}), ("POST", "", {"query": "{__typename}"}, {}), ("POST", "", b"{", {}),
        ("GET", "?query={__typename}", None, {"accept": "image/png"}), ("DELETE", "", None, {}),
        ("POST", "", {"query": "{__typename}"}, {"authorization": "Bearer x"}), ("POST", "", b"x", {"content-type": "text/plain"}),
        ("POST", "", {"query": "{__typename}"}, {"accept": "application/graphql-response+json"}),
    ]  # fmt: skip
    for asking, (method, query, body, headers) in itertools.product((client, pages), requests):
        answer = asking.request(method, f"/graphql{query}", body, headers={"origin": APP, **headers})
        assert "Accept" in answer.headers["vary"].split(", "), (method, query, headers)
    assert "Origin" in answer.headers["vary"]


def test_head_is_answered_as_get_is(client: Client) -> None:
    for path in [
        "/graphql?query={__typename}",
        "/graphql?query={viewer{id}}",
        "/graphql?query={",
        "/graphql?query=mutation{x}",
        *ROUTES,
    ]:
        get, head = client.request("GET", path), client.request("HEAD", path)
        assert (head.status, select_headers(head)) == (get.status, select_headers(get)), path


HOSTILE_HOSTS = [
    'evil.example>; rel="next", <http://x',
    "a b",
    "a/b",
    "a@b",
    "",
    "a,b",
    "a?b",
    "<x>",
    "a:b",
    "é",
    "a\x00b",
    "[::1",
]


def test_host_that_is_no_host_stands_in_no_link(client: Client, harness: Harness) -> None:
    for number in range(2):
        harness.client.rest("POST", "organizations/acme/releases/", {"version": f"web@{number}", "projects": ["web"]})
    for host in HOSTILE_HOSTS:
        answer = client.request("GET", RELEASES + "?per_page=1", headers={"host": host})
        assert (answer.status, "link" in answer.headers) == (400, False), host
    for host in ("a.example.com", "127.0.0.1:80", "[::1]:8000", "localhost"):
        answer = client.request("GET", RELEASES + "?per_page=1", headers={"host": host})
        assert answer.headers["link"].startswith(f"<http://{host}/api/0/")


def test_forwarded_headers_are_read_from_trusted_proxies_alone(template: Template, tmp_path: Path) -> None:
    forwarded = {
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example",
        "forwarded": "proto=https;host=evil.example",
    }
    cases = [("", "http"), ("127.0.0.1", "https"), ("127.0.0.0/8,::1", "https"), ("10.0.0.1", "http")]
    for number, (trusted, scheme) in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        harness = Harness(template, tmp_path / str(number), trusted_proxies=trusted)
        link = harness.client.request("GET", RELEASES, headers=forwarded).headers["link"]
        assert link.startswith(f"<{scheme}://testserver/api/0/")
        for wrong in ("javascript", "http\\", "https, ftp"):
            link = harness.client.request("GET", RELEASES, headers={"x-forwarded-proto": wrong}).headers["link"]
            assert link.startswith("<http://testserver/")
        harness.close()
    with pytest.raises(ValueError, match="trusted_proxies"):
        Harness(template, tmp_path, trusted_proxies="10.0.0.1,proxy")


NO_NUMBERS = ["1_0", " 1", "1 ", "+1", "１", "१", "²", "0x1", "1.0", "1e1", "--1", "-", "1\t"]


def test_numbers_of_a_query_string_have_ascii_digits_alone(client: Client) -> None:
    lists = [
        RELEASES,
        "/api/0/organizations/acme/projects/",
        "/api/0/organizations/acme/repos/",
        "/api/0/projects/acme/web/releases/",
    ]
    for path, text in itertools.product(lists, NO_NUMBERS):
        number = quote(text)
        for query in (f"per_page={number}", f"cursor={number}:1:0", f"cursor=1:{number}:0", f"cursor=1:1:{number}"):
            assert client.request("GET", f"{path}?{query}").status == 400, (path, query)
    for text in NO_NUMBERS:
        assert client.request("GET", f"{RELEASES}?project={quote(text)}").status in (400, 403), text
    assert client.request("GET", f"{RELEASES}?per_page=1").status == 200


def test_limit_of_refusals_counts_by_address_where_proxies_are_configured(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, trusted_proxies="127.0.0.1", refusal_limit=3)
    requests = itertools.count()

    def ask(address: str, token: str | None, path: str = RELEASES) -> int:
        body = {"query": "{__typename}"} if path == "/graphql" else None
        method = "POST" if body else "GET"
        forwarded = {"x-forwarded-for": f"9.9.9.{next(requests)}, {address}"}
        return harness.client.request(method, path, body, token=token, headers=forwarded).status

    valid = harness.token("project:read")
    assert [ask("1.1.1.1", "x"), ask("1.1.1.1", None), ask("1.1.1.1", "x", "/graphql")] == [401, 401, 401]
    assert [ask("1.1.1.1", "x"), ask("1.1.1.1", "x", "/graphql"), ask("1.1.1.1", None)] == [429, 429, 429]
    assert ask("1.1.1.1", None, "/graphql") == 200  # introspection needs no token
    assert ask("1.1.1.1", valid) == 429  # it was never seen: nobody looks
    assert ask("2.2.2.2", valid) == 200
    assert [ask("1.1.1.1", valid), ask("1.1.1.1", valid, "/graphql")] == [200, 200]
    assert [ask(f"2001:db8::{number}", "x") for number in range(1, 5)] == [401, 401, 401, 429]  # one network of 64 bits
    assert ask("2001:db8:0:1::1", "x") == 401
    harness.close()


def test_limit_of_refusals_is_off_without_proxies(client: Client) -> None:
    assert {client.request("GET", RELEASES, token="x").status for _ in range(70)} == {401}


def test_limit_of_refusals_is_bounded_and_ends_with_the_minute() -> None:
    clock = [60.0]
    limit = RefusalLimit(2, TrustedProxies(("127.0.0.1",)), lambda: clock[0])

    def scope(address: str) -> Any:
        return {"client": (address, 1), "headers": []}

    for _ in range(2):
        limit.count(scope("1.1.1.1"))
    with pytest.raises(TooManyRefusals) as refused:
        limit.check(scope("1.1.1.1"))
    assert refused.value.headers == [(b"retry-after", b"60")]
    for number in range(MAX_COUNTED_ADDRESSES + 10):
        limit.count(scope(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert len(limit._counts) == MAX_COUNTED_ADDRESSES
    clock[0] = 120.0
    limit.check(scope("1.1.1.1"))
    assert not limit._counts


def test_client_address_is_the_last_one_that_no_trusted_proxy_has() -> None:
    proxies = TrustedProxies(("10.0.0.0/8", "::1"))
    cases = [
        ("1.2.3.4", "9.9.9.9", "1.2.3.4"), ("10.0.0.1", "9.9.9.9", "9.9.9.9"), ("10.0.0.1", "8.8.8.8, 9.9.9.9", "9.9.9.9"),
        ("10.0.0.1", "8.8.8.8, 10.0.0.2", "8.8.8.8"), ("10.0.0.1", "", "10.0.0.1"), ("10.0.0.1", "8.8.8.8, evil", "10.0.0.1"),
        ("::1", "[2001:db8::1]:80", "2001:db8::1"), ("10.0.0.1", "9.9.9.9:123", "9.9.9.9"), ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("::ffff:10.0.0.1", "9.9.9.9", "9.9.9.9"),
    ]  # fmt: skip
    for peer, forwarded, address in cases:
        scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
        assert proxies.client_address(scope) == address, (peer, forwarded)
    assert TrustedProxies().client_address({"client": None, "headers": []}) == "-"
