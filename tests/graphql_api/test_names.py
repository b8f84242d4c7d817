"""Names from outside in messages and suggestions: cut at 100 characters, and suggestions only to whom the schema is open."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_nullable_type

from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Answer, Client
from tests.conftest import Harness, Template
from tests.graphql_api.positions import positions

NEW = {"accept": "application/graphql-response+json"}
SCHEMA = core_schema(build_schema())
FILTER = 'query ($f: ReleaseFilter) {organization(slug: "acme") {releases(filter: $f) {totalCount}}}'
INPUTS = {
    str(declared): place
    for place in positions(SCHEMA)
    if isinstance(declared := get_nullable_type(place.declared), GraphQLInputObjectType)
}
STRANGE = [
    "\u0130",
    "filt\u0130er",
    "\u00df",
    "\ufb01lter",
    "\u1e9e" * 40,
    "",
    "a b",
    "\0",
    "\ud800",
    "\U0001f600",
    "status\n",
    "Status",
]
DOCUMENTS = {
    "field": "{NAME}",
    "alias": "{NAME: nothing}",
    "argument": '{organization(slug: "acme", NAME: 1) {id}}',
    "input field": "{organizations {nodes {releases(filter: {NAME: 1}) {totalCount}}}}",
    "enum value": "{organizations {nodes {releases(filter: {status: NAME}) {totalCount}}}}",
    "type of a variable": "query ($v: NAME) {organizations {totalCount}}",
    "type of a fragment": "{...F} fragment F on NAME {id}",
    "directive": "{organizations @NAME {totalCount}}",
    "argument of a directive": "{organizations @include(if: true, NAME: 1) {totalCount}}",
    "variable": "query {organization(slug: $NAME) {id}}",
    "unused variable": "query ($NAME: Int) {organizations {totalCount}}",
    "variable twice": "query ($NAME: Int, $NAME: Int) {organizations {totalCount}}",
    "variable of a wrong type": "query ($NAME: Int) {organization(slug: $NAME) {id}}",
    "fragment": "{...NAME}",
    "unused fragment": "{__typename} fragment NAME on Query {__typename}",
    "operation": "query NAME {__typename} query NAME {__typename}",
    "word": "{} NAME",
    "text for a number": '{organizations(first: "NAME") {totalCount}}',
    "date": '{organizations {nodes {releases(filter: {dateCreated: {from: "NAME"}}) {totalCount}}}}',
}
"""Where a name stands in a document that validation or the parser refuses."""


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_unknown_input_field_is_refused_by_its_name(client: Client, caplog: pytest.LogCaptureFixture, name: str) -> None:
    answer = client.request("POST", "/graphql", {"query": FILTER, "variables": {"f": {name: 1}}}, token=None, headers=NEW)
    assert answer.status == 400
    messages = [error["message"] for error in answer.json["errors"]]
    assert any("not to include unknown field" in message and name in message for message in messages)
    assert not any("Did you mean" in message for message in messages)
    for declared, place in INPUTS.items():
        errors = client.graphql(place.document("$v", f"$v: {declared}!"), {"v": {name: 1}})["errors"]
        assert any(f"not to include unknown field '{name}'" in error["message"] for error in errors), declared
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("size", [101, 1000, 1_000_000])
def test_many_long_unknown_fields_are_refused_soon(client: Client, size: int) -> None:
    names = {f"{number:02}{'n' * size}": 1 for number in range(25)}
    for value in (names, {"or": [names]}, {"not": {"not": names}}):
        answer, seconds = measure(client, {"query": FILTER, "variables": {"f": value}}, client.token)
        assert seconds < 1.5
        assert len(answer.body) < 100_000
        assert_cut([error["message"] for error in answer.json["errors"]])


def measure(client: Client, body: dict[str, Any], token: str | None) -> tuple[Answer, float]:
    """Send a request and return the answer and its CPU seconds: the least of three, for a collection of garbage takes one."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        answer = client.request("POST", "/graphql", body, token=token)
        times.append(time.process_time() - begun)
    return answer, min(times)


def assert_cut(messages: list[str]) -> None:
    assert messages
    for message in messages:
        assert len(message) < 2_100
        assert not re.search(r"\w{101}", message), message


@pytest.mark.parametrize("size", [101, 5_000, 100_000])
def test_long_name_in_a_document_is_cut_in_messages(client: Client, size: int) -> None:
    for place, document in DOCUMENTS.items():
        answer, seconds = measure(client, {"query": document.replace("NAME", "n" * size)}, None)
        assert seconds < 1, place
        messages = [error["message"] for error in answer.json["errors"]]
        assert_cut(messages)
        assert not any("Did you mean" in message for message in messages), place


def test_long_name_of_an_operation_is_cut(client: Client) -> None:
    answer = client.graphql("query A {__typename}", operation="B" * 5_000)
    assert_cut([error["message"] for error in answer["errors"]])


LONG = "n" * 500_000
LONG_VALUES: list[Any] = [LONG, [LONG], {LONG: 1}, [{LONG: "n"}], {"a": {LONG: LONG}}]
USES = {
    "Int": "organizations(first: $v) {totalCount}",
    "ID!": "nodes(ids: [$v]) {id}",
    "String!": "organization(slug: $v) {id}",
    "[ID!]!": "nodes(ids: $v) {id}",
    "ReleaseFilter": "organizations {nodes {releases(filter: $v) {totalCount}}}",
    "ReleaseBy!": "release(by: $v) {id}",
    "ReleaseStatus": "organizations {nodes {releases(filter: {status: $v}) {totalCount}}}",
}


def test_long_value_of_a_variable_is_cut(client: Client) -> None:
    for declared, use in USES.items():
        for value in LONG_VALUES:
            answer = client.graphql(f"query ($v: {declared}) {{{use}}}", {"v": value})
            if "errors" in answer:  # a long text is a text
                assert_cut([error["message"] for error in answer["errors"]])


PARAMETERS = {
    "sort": "releases/?sort=NAME",
    "status": "releases/?status=NAME",
    "project": "releases/?project=NAME",
    "environment": "releases/?environment=NAME",
    "statsPeriod": "releases/?statsPeriod=NAME",
    "start": "releases/?start=NAME&end=NAME",
    "query": "releases/?query=NAME:x",
    "comparison": "releases/?query=release:>NAME",
    "version": "releases/?query=release.version:NAME",
    "cursor": "releases/?cursor=NAME",
    "per_page": "releases/?per_page=NAME",
    "path": "NAME/",
    "repository": "releases/1/commits/?repo_name=NAME",
    "period": "releases/1/?healthStatsPeriod=NAME",
}


def test_long_parameter_is_cut_in_messages(client: Client) -> None:
    client.rest("POST", "organizations/acme/releases/", {"version": "1", "projects": ["web"]})
    for place, path in PARAMETERS.items():
        answer = client.rest("GET", "organizations/acme/" + path.replace("NAME", "n" * 5_000))
        text = "" if answer.status == 200 else answer.body.decode()
        assert not re.search(r"\w{201}", text), place
        assert answer.status < 500 or answer.status == 501, place


def test_long_value_of_a_body_is_cut_in_messages(client: Client) -> None:
    for field in ("version", "status", "ref", "url", "dateReleased", "projects", "commits", "refs"):
        for value in LONG_VALUES:
            body = {"version": "1", "projects": ["web"]} | {field: value}
            answer = client.rest("POST", "organizations/acme/releases/", body)
            assert len(answer.body) < 2_000
            assert answer.status < 500


@pytest.fixture
def private(template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(template, tmp_path, public_schema=False)
    yield harness
    harness.close()


TYPOS = {
    "field": ("{vewer {token {id}}}", "viewer"),
    "field below": ("{viewer {tokn {id}}}", "token"),
    "selection": ("{viewer}", "viewer {"),
    "field of another type": ("{node(id: 1) {version}}", "Release"),
    "argument": ('{organization(slg: "acme") {id}}', "slug"),
    "argument of a directive": ("{viewer @include(f: true) {__typename}}", "if"),
    "input field": ("{release(by: {ky: 1}) {id}}", "key"),
    "enum value": ("{organizations {nodes {releases(filter: {status: OPN}) {totalCount}}}}", "OPEN"),
    "enum as a text": ('{organizations {nodes {releases(filter: {status: "OPEN"}) {totalCount}}}}', "OPEN"),
    "type of a variable": ("query ($v: ReleaseFiltr) {organization(slug: $v) {id}}", "ReleaseFilter"),
    "type of a fragment": ("{... on Qury {__typename}}", "Query"),
}


def test_private_schema_makes_suggestions_only_with_a_token(private: Harness) -> None:
    for document, name in [*TYPOS.values()] * 2:  # what one client was answered is not kept for another
        with_token = private.client.graphql(document)["errors"][0]["message"]
        without = private.client.graphql(document, token=None)["errors"]
        assert name in with_token.partition("Did you mean")[2]
        assert not any("Did you mean" in error["message"] for error in without)


def test_private_schema_makes_no_suggestions_for_variables(private: Harness) -> None:
    for value in ({"statu": "OPEN"}, {"status": "OPN"}, {"version": {"equal": 1}}):
        for token in (None, ""):
            answer = private.client.graphql(FILTER, {"f": value}, token=token)
            assert not any("Did you mean" in error["message"] for error in answer["errors"])


def test_private_schema_answers_a_wrong_token_without_a_look_at_the_document(private: Harness) -> None:
    answer = private.client.request("POST", "/graphql", {"query": "{vewer}"}, token="gqlr_wrong")
    assert answer.status == 401
    assert b"mean" not in answer.body


def test_public_schema_makes_suggestions(client: Client) -> None:
    for document, name in TYPOS.values():
        message = client.graphql(document, token=None)["errors"][0]["message"]
        assert name in message.partition("Did you mean")[2]
