"""A variable at a field of a @oneOf input object is non-null (GraphQL specification, section 5.8.5)."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, build_schema, parse, validate

from gql_releases.graphql_api.execution.rules import RULES
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema import build as ours
from tests.client import Client
from tests.conftest import Harness
from tests.graphql_api.positions import literal, positions

SCHEMA = core_schema(ours.build_schema())
PLACES = [
    position
    for position in positions(SCHEMA)
    if isinstance(position.parent, GraphQLInputObjectType) and position.parent.is_one_of
]


def test_every_one_of_type_is_flagged_and_met() -> None:
    flagged = {name for name, item in SCHEMA.type_map.items() if getattr(item, "is_one_of", False)}
    assert flagged == {line.split()[1] for line in ours.print_sdl(ours.build_schema()).splitlines() if "@oneOf" in line}
    assert {place.parent.name for place in PLACES} == flagged
    assert {place.operation for place in PLACES} == {"query", "mutation"}


@pytest.mark.parametrize("default", [False, True], ids=["no default", "default"])
def test_nullable_variable_is_refused_with_its_locations(client: Client, default: bool) -> None:
    for place in PLACES:
        declared = f"{place.declared} = {literal(place.declared)}" if default else f"{place.declared}"
        document = place.document("$v", f"$v: {declared}")
        variables: list[Any] = [{}, {"v": None}, {"v": "x"}]
        for value in variables:
            answer = client.graphql(document, value)
            (error,) = answer["errors"]
            assert error["message"] == (
                f"Variable '$v' is of type '{place.declared}'"
                f" but must be non-nullable to be used for OneOf Input Object '{place.parent.name}'."
            )
            assert len(error["locations"]) == 2
            assert "data" not in answer


def test_non_null_variable_is_taken(client: Client) -> None:
    for place in PLACES:
        document = place.document("$v", f"$v: {place.declared}!")
        assert validate(SCHEMA, parse(document), RULES) == []
    assert client.graphql("query($i: ID!) {release(by: {id: $i}) {id}}", {"i": "x"}) == {"data": {"release": None}}


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ("query($i: ID) {...F} fragment F on Query {release(by: {id: $i}) {id}}", 1),
        ("fragment F on Query {release(by: {id: $i}) {id}} query($i: ID) {...F}", 1),
        ("fragment F on Query {release(by: {id: $i}) {id}} query A($i: ID) {...F} query B($i: ID!) {...F}", 1),
        ("query($i: ID) {a: release(by: {id: $i}) {id} b: release(by: {id: $i}) {id}}", 2),
        ("query($k: ReleaseByKey) {release(by: {key: $k}) {id}}", 1),
        ('query($v: String = "1") {release(by: {key: {organization: "acme", version: $v}}) {id}}', 0),
        ('query($b: ReleaseBy = {id: "x"}) {release(by: $b) {id}}', 0),
    ],
)
def test_variables_are_found_wherever_they_are(document: str, faults: int) -> None:
    errors = validate(SCHEMA, parse(document), RULES)
    assert [("must be non-nullable" in error.message, len(error.locations or ())) for error in errors] == [
        (True, 2)
    ] * faults


@pytest.mark.parametrize("declared", ["By", "By!", "[By]", "[By!]", "[By!]!", "[[By!]!]!"])
def test_fault_is_reported_once_whatever_wraps_the_object(declared: str) -> None:
    schema = build_schema(f"input By @oneOf {{ a: ID b: Int }} type Query {{ f(by: {declared}): Int }}")
    brackets = declared.count("[")
    values = ["{a: $v}", *(["[" * brackets + "{a: $v}" + "]" * brackets] if brackets else [])]
    for value in values:
        (error,) = validate(schema, parse(f"query($v: ID) {{f(by: {value})}}"), RULES)
        assert "must be non-nullable" in error.message
        assert validate(schema, parse(f"query($v: ID!) {{f(by: {value})}}"), RULES) == []


def test_nullable_variable_is_never_logged_as_internal(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    for value in ({}, {"i": None}, {"i": "x"}):
        harness.client.graphql("query($i: ID) {release(by: {id: $i}) {version}}", value)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
