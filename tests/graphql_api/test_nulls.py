"""Null, or a variable that is absent, where null is not allowed (GraphQL specification, sections 6.4.1 and 3.10)."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLNonNull, get_nullable_type

from gql_releases.graphql_api.execution.coercion import CoercionError
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Client
from tests.graphql_api.positions import Position, literal, positions

POSITIONS = [
    position for position in positions(core_schema(build_schema())) if isinstance(position.declared, GraphQLNonNull)
]
SHALLOW = [position for position in POSITIONS if position.where.count(".") < 4]


def name_variable(place: Position) -> str:
    """Declare the variable $v: of the place's type, but nullable, with a default."""
    return f"$v: {get_nullable_type(place.declared)} = {literal(place.declared)}"


def test_positions_are_found() -> None:
    result = {position.where for position in POSITIONS}
    assert {"slug", "by.key.version", "ids[1]", "input.commits[1].fileChanges[1].type", "orderBy.direction"} <= result
    assert {"filter.and[1].version.semver.range", "input.mode", "project", "commit"} <= result


def test_null_is_refused_at_the_fields_path_and_names_the_place(client: Client) -> None:
    client.rest("POST", "organizations/acme/releases/", {"version": "1", "projects": ["web"]})
    for place in POSITIONS:
        answer = client.graphql(place.document("$v", name_variable(place)), {"v": None})
        (error,) = answer["errors"]
        assert error["message"] == f"Argument {place.where} must not be null.", place.where
        assert error["extensions"] == {"code": "INVALID_ARGUMENT"}, place.where
        assert [step for step in error["path"] if isinstance(step, str)] == place.field_path, place.where
        value = answer["data"]
        for step in error["path"]:
            value = value[step]
        assert value is None, place.where


def test_nothing_is_executed_for_a_field_with_a_wrong_null(client: Client) -> None:
    for place in SHALLOW:
        if place.operation == "mutation":
            client.graphql(place.document("$v", name_variable(place)), {"v": None})
    lists = "releases {totalCount} repositories {totalCount} environments {totalCount}"
    listed = client.graphql(f'{{organization(slug: "acme") {{{lists}}}}}')["data"]["organization"]
    assert [item["totalCount"] for item in listed.values()] == [0, 0, 0]


def test_other_fields_are_answered_beside_a_wrong_null(client: Client) -> None:
    answer = client.graphql(
        'query($s: String = "x") {a: organization(slug: "acme") {slug} b: organization(slug: $s) {slug}}', {"s": None}
    )
    assert answer["data"] == {"a": {"slug": "acme"}, "b": None}
    assert [error["path"] for error in answer["errors"]] == [["b"]]


@pytest.mark.parametrize("variables", [{}, None], ids=["absent", "none"])
def test_absent_variable_takes_its_default(client: Client, variables: Any) -> None:
    for place in SHALLOW:
        answer = client.graphql(place.document("$v", name_variable(place)), variables)
        messages = [error["message"] for error in answer.get("errors", [])]
        assert not any("null" in message or "Internal" in message for message in messages), (place.where, messages)


def test_absent_variable_without_a_default_takes_that_of_its_place(client: Client) -> None:
    for place in POSITIONS:
        if not place.has_default:
            continue
        answer = client.graphql(place.document("$v", f"$v: {get_nullable_type(place.declared)}"), {})
        assert "errors" not in answer, answer


@pytest.mark.parametrize(
    "document",
    [
        "query($b: Boolean = true) {viewer @include(if: $b) {__typename}}",
        "query($b: Boolean = false) {viewer @skip(if: $b) {__typename}}",
        "query($b: Boolean = true) {viewer {__typename @include(if: $b)}}",
        "query($b: Boolean = true) {viewer {... @skip(if: $b) {__typename}}}",
        "query($b: Boolean = true) {...F} fragment F on Query {viewer {... on Viewer @include(if: $b) {__typename}}}",
        "query($b: Boolean = true) {organizations {pageInfo {hasNextPage @include(if: $b)}}}",
        'query($b: Boolean = true) {organization(slug: "acme") {releases {nodes {version @skip(if: $b)}}}}',
        'mutation($b: Boolean = true) {createEnvironment(input: {organization: "acme", name: "e"}) '
        "{userErrors {code @include(if: $b)}}}",
    ],
)
def test_null_in_a_directive_is_refused(client: Client, document: str) -> None:
    for before in ({"b": False}, {"b": True}, {}):  # plans and costs for these are kept
        assert "errors" not in client.graphql(document, before)
    answer = client.graphql(document, {"b": None})
    (error,) = answer["errors"]
    assert "Argument if of @" in error["message"]
    assert error["message"].endswith("must not be null.")
    assert error["locations"]
    assert error["extensions"] == {"code": "INVALID_ARGUMENT"}


def test_null_for_the_directive_of_what_is_left_out_is_no_fault(client: Client) -> None:
    document = "query($b: Boolean = true) {__typename viewer @include(if: false) {__typename @include(if: $b)}}"
    assert client.graphql(document, {"b": None}) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("path", [[], ["input"], [0], [0, "input"], ["x" * 1000, "input"], ["\ud800", 5, "input"]])
def test_coercion_error_has_a_text_whatever_is_in_it(path: list[str | int]) -> None:
    error = CoercionError("wrong")
    error.path = path
    assert len(str(error)) < 200
    assert repr(error)
