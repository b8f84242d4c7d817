"""A literal that does not fit a scalar of ours is reported with its location and its argument or input field."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    get_nullable_type,
    parse,
    validate,
)

from gql_releases.graphql_api.execution.rules import RULES
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Client
from tests.graphql_api.positions import positions

SCHEMA = core_schema(build_schema())
LITERALS = ["1", "1.5", "1e400", "1" * 5_000, '"x"', '""', '"""block"""', "true", "WORD", "{a: 1}", "[1]", "[{}]", "[]"]
RIGHT = {"BigInt": ["1", "1" * 5_000], "JSONObject": ["{a: 1}"], "DateTime": []}
WORDS = {"BigInt": "BigInt must be", "JSONObject": "JSONObject must be", "DateTime": "DateTime must be"}
PLACES = [
    (place, declared.name)
    for place in positions(SCHEMA)
    if (declared := get_nullable_type(place.declared)) in [SCHEMA.type_map[name] for name in ("DateTime", "JSONObject")]
]


def test_places_are_found() -> None:
    result = {place.where for place, _ in PLACES}
    assert {"input.dateReleased", "input.commits[1].timestamp", "input.metadata", "filter.dateCreated.from"} <= result


def test_wrong_literal_has_a_location_and_names_its_field(client: Client) -> None:
    for place, name in PLACES:
        wrong = [literal for literal in LITERALS if literal not in RIGHT[name]]
        for value in wrong if place.where.count(".") < 3 else wrong[:5]:
            document = place.document(value)
            (error,) = client.graphql(document)["errors"]
            assert error["message"].startswith(f"Argument {place.where}: {WORDS[name]}"), (place.where, value)
            (location,) = error["locations"]
            assert document.splitlines()[0][location["column"] - 1 :].startswith(value[:20])


def schema_of_all_places(name: str) -> GraphQLSchema:
    """Build a schema in which a scalar stands in an argument, a list, a list of lists, an input field and a directive's way."""
    scalar: Any = SCHEMA.type_map[name]
    inner = GraphQLInputObjectType(
        "Inner", {"one": GraphQLInputField(scalar), "many": GraphQLInputField(GraphQLList(scalar))}
    )
    arguments = {
        "one": GraphQLArgument(scalar),
        "many": GraphQLArgument(GraphQLList(scalar)),
        "deep": GraphQLArgument(GraphQLList(GraphQLList(scalar))),
        "inner": GraphQLArgument(inner),
        "inners": GraphQLArgument(GraphQLList(inner)),
    }
    return GraphQLSchema(GraphQLObjectType("Query", {"f": GraphQLField(GraphQLString, args=arguments)}))


@pytest.mark.parametrize("name", WORDS)
def test_every_place_of_every_scalar_is_named(name: str) -> None:
    schema = schema_of_all_places(name)
    for value in LITERALS:
        if value.startswith("["):
            continue
        right = value in RIGHT[name]
        for document, where in {
            f"{{f(one: {value})}}": "Argument one",
            f"{{f(many: [{value}])}}": "Argument many[0]",
            f"{{f(many: {value})}}": "Argument many",
            f"{{f(deep: [[null, {value}]])}}": "Argument deep[0][1]",
            f"{{f(inner: {{one: {value}}})}}": "Argument inner.one",
            f"{{f(inner: {{many: [null, {value}]}})}}": "Argument inner.many[1]",
            f"{{f(inners: [{{}}, {{one: {value}}}])}}": "Argument inners[1].one",
            f"query ($v: {name} = {value}) {{f(one: $v)}}": "The default of $v",
            f"query ($v: Inner = {{one: {value}}}) {{f(inner: $v)}}": "The default of $v.one",
            f"query ($v: [{name}] = [{value}]) {{f(many: $v)}}": "The default of $v[0]",
        }.items():
            errors = validate(schema, parse(document), RULES)
            assert [error.message.startswith(f"{where}: {WORDS[name]}") for error in errors] == [True] * (not right), (
                document
            )
            assert all(error.locations for error in errors)


def test_other_literals_keep_the_words_of_graphql_core(client: Client) -> None:
    (error,) = client.graphql('{organizations(first: "x") {totalCount}}')["errors"]
    assert error["message"] == 'Int cannot represent non-integer value: "x"'
    assert error["locations"]
