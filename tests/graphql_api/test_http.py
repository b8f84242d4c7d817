"""GraphQL over HTTP."""

from __future__ import annotations

import asyncio
import base64
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gql_releases.domain.cache_budget import CacheBudget
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.execution.operations import OperationCache, RequestError
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.web.request_log import FLUSH_DELAY_SECONDS
from tests.client import Client
from tests.conftest import Harness, Template

NEW = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"null", 400), (b'"x"', 400), (b"1", 400), (b"[]", 400), (b'[{"query": "{__typename}"}]', 400), (b"{", 400),
        (b"{}", 400), (b'{"query": 1}', 400), (b'{"query": ""}', 400), (b"[" * 100000, 400), (b"\xff", 400),
        (b'{"query": "{__typename}", "variables": []}', 400), (b'{"query": "{__typename}", "operationName": 1}', 400),
        (b'{"query": "{__typename}", "extensions": 1}', 400), (b'{"query": "{__typename}", "variables": null}', 200),
    ],
)  # fmt: skip
def test_body_that_is_no_request_is_refused(client: Client, body: bytes, status: int) -> None:
    answer = client.request("POST", "/graphql", body)
    assert answer.status == status
    assert ("errors" in answer.json) == (status != 200)


@pytest.mark.parametrize(
    ("query", "name", "code"),
    [
        ("{", None, None),
        ("{ nothing }", None, None),
        ("query A {__typename} query B {__typename}", None, None),
        ("query A {__typename} query B {__typename}", "C", None),
        ("{__typename}" + "#" * 300_000, None, None),
        ("query ($n: Int!) {organizations(first: $n) {totalCount}}", None, None),
        ("{release(by: {}) {id}}", None, None),
        ('{release(by: {id: "1", key: {organization: "acme", version: "1"}}) {id}}', None, None),
        ("{a" * 3000 + "}" * 3000, None, None),
        ("{" + "a " * 20000 + "}", None, None),
    ],
)
def test_request_that_cannot_be_executed_says_so_by_media_type(
    client: Client, query: str, name: str | None, code: Any
) -> None:
    body = {"query": query, "operationName": name}
    for accept, status in ((NEW, 400), ("application/json", 200)):
        answer = client.request("POST", "/graphql", body, headers={"accept": accept})
        assert answer.status == status
        assert answer.headers["content-type"] == accept
        assert answer.json["errors"][0]["message"]
        assert "data" not in answer.json


def test_method_content_type_and_accept_are_negotiated(client: Client) -> None:
    assert client.request("PUT", "/graphql", {"query": "{__typename}"}).status == 405
    assert client.request("PUT", "/graphql", {"query": "{__typename}"}).headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.request("POST", "/graphql", b"{__typename}", headers={"content-type": "text/plain"}).status == 415
    assert client.request("POST", "/graphql", {"query": "{__typename}"}, headers={"accept": "image/png"}).status == 406
    large = {"content-length": "99999999999"}
    assert client.request("POST", "/graphql", {"query": "{__typename}"}, headers=large).status == 413
    ranked = {"accept": f"application/json;q=0.5, {NEW}"}
    assert client.request("POST", "/graphql", {"query": "{__typename}"}, headers=ranked).headers["content-type"] == NEW


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "allow"),
    [
        ("PUT", "", b"{}", {}, 405, "GET, HEAD, OPTIONS, POST"), ("DELETE", "", None, {}, 405, "GET, HEAD, OPTIONS, POST"),
        ("GET", "?query=mutation{deleteRelease(input:{release:{id:%22x%22}}){userErrors{code}}}", None, {}, 405, "POST"),
        ("POST", "", b"{__typename}", {"content-type": "text/plain"}, 415, None),
        ("POST", "", b"{__typename}", {"content-type": ""}, 415, None),
        ("POST", "", b"{}", {"accept": "image/png"}, 406, None), ("POST", "", b"{}", {"content-length": "99999999999"}, 413, None),
        ("POST", "", b"", {}, 400, None), ("GET", "", None, {}, 400, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", [NEW, "application/json"])
def test_what_http_refuses_is_told_in_graphql(
    client: Client, method: str, path: str, body: Any, headers: dict[str, str], status: int, allow: str | None, accept: str
) -> None:
    answer = client.request(method, f"/graphql{path}", body, headers={"accept": accept, **headers})
    assert (answer.status, answer.headers.get("allow")) == (status, allow)
    assert answer.headers["content-type"] == (accept if status != 406 else "application/json")
    (error,) = answer.json["errors"]
    assert error["message"]
    assert "data" not in answer.json


def test_of_several_operations_none_runs_unnamed(client: Client) -> None:
    create = """mutation A {createRelease(input: {organization: "acme", version: "1", projects: []}) {outcome}}"""
    for document in (f"{create} {create.replace(' A ', ' B ')}", f"{create} query B {{__typename}}"):
        answer = client.request("POST", "/graphql", {"query": document}, headers={"accept": NEW})
        assert (answer.status, list(answer.json)) == (400, ["errors"])
    listed = '{organization(slug: "acme") {releases {totalCount}}}'
    assert client.graphql(listed)["data"]["organization"]["releases"] == {"totalCount": 0}
    for query in ("query+A{__typename}+query+B{__typename}", "query+A{__typename}+query+B{__typename}&operationName="):
        answer = client.request("GET", f"/graphql?query={query}", headers={"accept": NEW})
        assert (answer.status, list(answer.json)) == (400, ["errors"])


def test_log_line_names_the_operation_and_the_token(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    own = client.graphql("{viewer {token {id}}}")["data"]["viewer"]["token"]["id"]
    number = base64.b64decode(own).decode().partition(":")[2]
    document = "query Mine {viewer {token {id}}} query Others {__typename}"
    caplog.set_level(logging.INFO, "gql_releases")
    for body, token, expected in (
        ({"query": document, "operationName": "Mine"}, "", f"operation=Mine token={number} status=200 ms="),
        ({"query": document, "operationName": "Others"}, None, "operation=Others token=- status=200 ms="),
        ({"query": document, "operationName": "No\nne"}, "", f"operation=- token={number} status=200 ms="),
    ):
        caplog.clear()
        client.request("POST", "/graphql", body, token=token)
        client.runner.run(asyncio.sleep(2 * FLUSH_DELAY_SECONDS))  # lines are written together
        (line,) = [line for record in caplog.records for line in record.getMessage().split("\n") if " POST " in line]
        assert expected in line
        assert client.token not in line  # type: ignore[operator]


def test_get_is_for_queries_only(client: Client) -> None:
    assert client.request("GET", "/graphql?query={__typename}").json == {"data": {"__typename": "Query"}}
    document = 'mutation {deleteRelease(input: {release: {id: "x"}}) {userErrors {code}}}'
    assert client.request("GET", f"/graphql?query={quote(document)}").status == 405
    assert client.request("GET", "/graphql?query={__typename}&operationName=").status == 200
    assert client.request("GET", "/graphql?query={__typename}&variables=x").status == 400


def test_browser_gets_the_page_under_a_strict_policy(client: Client) -> None:
    answer = client.request("GET", "/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert b"http" not in answer.body.replace(b"http-equiv", b"")
    assert client.request("GET", "/graphiql/../http.py").status == 404


def test_schema_is_printed_at_the_first_request_for_it(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not at the start, which would take a tenth of a second longer."""
    printed: list[Any] = []

    def print_once(schema: Any) -> str:
        printed.append(schema)
        return "type Query"

    monkeypatch.setattr("gql_releases.app.print_sdl", print_once)
    harness = Harness(template, tmp_path)
    assert printed == []
    assert harness.client.request("GET", "/schema.graphql", token=None).body == b"type Query"
    assert len(printed) == 1
    harness.close()


def test_sdl_is_served(client: Client) -> None:
    answer = client.request("GET", "/schema.graphql", token=None)
    assert b"type Query {" in answer.body


def test_without_a_token_only_introspection_answers(client: Client) -> None:
    answer = client.graphql("{__typename __schema {queryType {name}} viewer {token {id}}}", token=None)
    assert answer["data"] == {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}, "viewer": None}
    assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert answer["errors"][0]["path"] == ["viewer"]


def test_wrong_expired_or_revoked_token_is_a_401_for_the_whole_request(harness: Harness) -> None:
    document = {"query": "{__typename viewer {token {id}}}"}
    expired = harness.token("org:ci", name="expired", expires_at="2999-01-01T00:00:00Z")
    harness.rows("UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE name = 'expired'")
    revoked = harness.token("org:ci")
    assert harness.client.request("POST", "/graphql", document, token=revoked).status == 200
    harness.run(harness.store.tokens.revoke_token(Principal.operator(1, "acme"), 4, with_made=False))
    for token, message in (("x", "Invalid token"), (expired, "Token expired"), (revoked, "Invalid token")):
        answer = harness.client.request("POST", "/graphql", document, token=token)
        assert (answer.status, answer.json["errors"][0]["message"]) == (401, message)
        rest = harness.client.rest("GET", "organizations/acme/releases/", token=token)
        assert (rest.status, rest.json) == (401, {"detail": message})
        created = harness.client.rest("POST", "organizations/acme/releases/", {"version": "1", "projects": []}, token=token)
        assert created.status == 401


def test_missing_scope_refuses_what_it_would_open(harness: Harness) -> None:
    token = harness.token("org:read")
    answer = harness.client.graphql('{organization(slug: "acme") {slug releases {totalCount}}}', token=token)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert answer["errors"][0]["path"] == ["organization", "releases"]
    assert answer["data"] == {"organization": {"slug": "acme", "releases": None}}
    assert harness.client.graphql('{organization(slug: "acme") {slug}}', token=token) == {
        "data": {"organization": {"slug": "acme"}}
    }
    delete = 'mutation {deleteRelease(input: {release: {id: "x"}}) {userErrors {code}}}'
    refused = harness.client.graphql(delete, token=harness.token("org:ci"))
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_unexpected_error_is_masked_on_every_path(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Trap 2: only an id reaches the caller; the log has the rest."""
    harness.store.releases._reader = None  # type: ignore[assignment]
    harness.store._reader = None  # type: ignore[assignment]
    secret = "NoneType"
    read = harness.client.graphql("{viewer {token {id}}}")
    document = """mutation {createRelease(input: {organization: "acme", version: "1", projects: []}) {release {id}}}"""
    written = harness.client.graphql(document)
    for answer in (read, written):
        error = answer["errors"][0]
        assert error["extensions"]["code"] == "INTERNAL"
        assert secret not in str(answer)
        assert error["extensions"]["errorId"] in caplog.text
    rest = harness.client.rest("GET", "organizations/acme/releases/")
    assert (rest.status, rest.json["detail"]) == (500, "Internal Error")
    assert rest.json["errorId"] in caplog.text
    assert secret not in rest.body.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "path"),
    [
        ("first: 101", "INVALID_ARGUMENT", ["organization", "r"]),
        ("first: -1", "INVALID_ARGUMENT", ["organization", "r"]),
        ("last: 101", "INVALID_ARGUMENT", ["organization", "r"]),
        ("first: 1, last: 1", "INVALID_ARGUMENT", ["organization", "r"]),
        ('after: "x"', "INVALID_CURSOR", ["organization", "r"]),
        ('after: "WzEsInNlbXZlcl9rZXkiLCJhIiwxXQ=="', "INVALID_CURSOR", ["organization", "r"]),
        ('after: "WzEsImRhdGVfY3JlYXRlZCIsIngiLDFd"', "INVALID_CURSOR", ["organization", "r"]),
    ],
)
def test_wrong_list_argument_is_found_with_its_path(client: Client, arguments: str, code: str, path: list[str]) -> None:
    answer = client.graphql(f'{{organization(slug: "acme") {{r: releases({arguments}) {{totalCount}}}}}}')
    assert answer["data"] == {"organization": {"r": None}}
    assert (answer["errors"][0]["extensions"]["code"], answer["errors"][0]["path"]) == (code, path)


def test_operations_are_kept_within_bounds(harness: Harness) -> None:
    budget = CacheBudget(4 * 1024 * 1024)
    operations = OperationCache(core_schema(build_schema()), budget)
    for number in range(1000):
        operations.prepare(f"{{__typename}} # {number}", None)
    assert 100 < budget.entries < 1000
    assert budget.bytes <= budget.limit
    entries = budget.entries
    with pytest.raises(RequestError):
        operations.prepare("{nothing}", None)
    assert budget.entries == entries
    last = operations.prepare("{__typename} # 999", None)
    assert operations.prepare("{__typename} # 999", None) is last
    large = "{viewer{token{" + " ".join(f"a{number}: id" for number in range(900)) + "}}}"
    operations.prepare(large, None)
    assert budget.entries == entries, "one document takes no more than a share of the budget"


def test_use_of_a_token_is_noted(harness: Harness) -> None:
    document = "{viewer {token {lastUsedAt}}}"
    assert harness.client.graphql(document)["data"]["viewer"]["token"]["lastUsedAt"] is None
    harness.run(asyncio.sleep(0.2))
    used = harness.client.graphql(document)["data"]["viewer"]["token"]["lastUsedAt"]
    assert datetime.fromisoformat(used) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ("http://localhost:*", "http://localhost:5173", True),
        ("http://localhost:*", "http://127.0.0.1:9", True),
        ("http://localhost:*", "https://evil.example.com", False),
        ("https://a.example.com, https://b.example.com", "https://b.example.com", True),
        ("", "http://localhost:5173", False),
    ],
)
def test_pages_of_other_origins_may_ask_where_a_setting_says_so(
    template: Any, tmp_path: Any, origins: str, origin: str, allowed: bool
) -> None:
    harness = Harness(template, tmp_path, cors_origins=origins)
    requests = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    before = harness.client.request("OPTIONS", "/graphql", headers=requests)
    answer = harness.client.rest("GET", "organizations/acme/releases/", headers={"origin": origin})
    harness.close()
    assert (before.headers.get("access-control-allow-origin") in (origin, "*")) == allowed
    assert ("access-control-allow-origin" in answer.headers) == allowed
    if allowed:
        assert "Link" in answer.headers["access-control-expose-headers"]


def test_schema_is_public_unless_a_setting_says_otherwise(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, public_schema=False)
    for query in ("{__schema {queryType {name}}}", '{__type(name: "Release") {name}}'):
        hidden = harness.client.graphql(query, token=None)["errors"][0]["extensions"]["code"]
        assert hidden == "UNAUTHENTICATED"
        assert "errors" not in harness.client.graphql(query)
    assert harness.client.graphql("{__typename}", token=None) == {"data": {"__typename": "Query"}}
    assert harness.client.request("GET", "/schema.graphql").status == 404
    harness.close()


FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "headers", "status"),
    [
        (
            "a mutation by GET",
            "GET",
            "?query=mutation+{deleteRelease(input:{release:{id:%22x%22}}){userErrors{code}}}",
            None,
            {},
            405,
        ),
        ("a form by POST", "POST", "", b"query=%7B__typename%7D", FORM, 415),
        ("a batch", "POST", "", [{"query": "{__typename}"}] * 10, {}, 400),
        ("a text by POST", "POST", "", b'{"query": "{__typename}"}', {"content-type": "text/plain"}, 415),
        ("a multipart upload", "POST", "", b"--x--", {"content-type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_what_a_foreign_page_could_send_unasked_is_refused(
    client: Client, name: str, method: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    """With the hostile requests of test_limits.py these are the checks of the tool graphql-cop."""
    assert client.request(method, f"/graphql{path}", body, headers=headers).status == status, name


def test_answers_carry_no_tracing_and_no_traceback(client: Client) -> None:
    for query in ("{__typename}", "{nothing}", "{viewer {token {id}}}"):
        answer = client.request("POST", "/graphql", {"query": query}, headers={"x-apollo-tracing": "1"})
        assert b"racing" not in answer.body
        assert b"raceback" not in answer.body
        assert "extensions" not in answer.json
