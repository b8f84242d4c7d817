"""The coercer against graphql-core's: all input types, values of every kind of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    Undefined,
    get_nullable_type,
    is_input_type,
)
from graphql.utilities import coerce_input_value

from gql_releases.domain.numbers import WrittenNumber
from gql_releases.graphql_api.execution.coercion import VALUE_CONVERTER, CoercionError, compile_coercer
from gql_releases.graphql_api.execution.operations import OperationCache, RequestError
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema, read_metadata, read_python_name
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.web.http import parse_exact_json, parse_json
from tests.graphql_api.positions import list_required, literal

SCHEMA = core_schema(build_schema())
TYPES: dict[str, Any] = {
    name: item for name, item in SCHEMA.type_map.items() if is_input_type(item) and not name.startswith("__")
}
INTEGERS = [
    0,
    1,
    -1,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**32,
    2**53,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    -(2**64),
    2**200,
]
VALUES = [
    "null", "true", "false", *map(str, INTEGERS), "1.0", "-0.0", "1.5", "1e5", "1e22", "1e400", "-1e400", '""', '"a"', '"1"',
    '"\\u0000"', '"\\ud800"', '"true"', '"2026-01-01"', '"2026-01-01T00:00:00Z"', '"OPEN"', '"open"', '"DESC"', "[]", "[null]",
    "[[]]", "[1]", '["a"]', '["a", null]', '["a", ["b"]]', "[true, 1.5]", "{}", '{"a": 1}', '{"": null}', '[{}]', '{"id": "x"}',
]  # fmt: skip
"""JSON texts; each stands alone, and in each field of each input object."""
DIFFERENCES = {
    ("ID", number): "3.5.5: other input values, floats with an integral value too, raise a request error"
    for number in ("1.0", "-0.0", "1e5", "1e22")
}
"""(Scalar, value) -> the clause of the GraphQL specification for which the coercer refuses what graphql-core takes."""


def wrap_types() -> Iterator[Any]:
    """Give each input type, alone and in lists and non-null."""
    for declared in TYPES.values():
        yield from (declared, GraphQLNonNull(declared), GraphQLList(declared), GraphQLList(GraphQLNonNull(declared)))
        yield from (GraphQLNonNull(GraphQLList(declared)), GraphQLList(GraphQLList(GraphQLNonNull(declared))))


def objects(declared: GraphQLInputObjectType) -> Iterator[str]:
    """Write an object with each value in each field beside what it needs, and without each thing that it needs."""
    needed = {name: to_json(declared.fields[name].type) for name in list_required(declared)}
    yield from ("{" + ", ".join(f'"{n}": {v}' for n, v in needed.items() if n != name) + "}" for name in (*needed, None))
    for name in declared.fields:
        for value in VALUES:
            yield "{" + ", ".join(f'"{n}": {v}' for n, v in (needed | {name: value}).items()) + "}"


def to_json(declared: Any) -> str:
    """Write a valid value."""
    declared = get_nullable_type(declared)
    if isinstance(declared, GraphQLInputObjectType):
        names = [next(iter(declared.fields))] if declared.is_one_of else list_required(declared)
        return "{" + ", ".join(f'"{name}": {to_json(declared.fields[name].type)}' for name in names) + "}"
    if isinstance(declared, GraphQLList):
        return f"[{to_json(declared.of_type)}]"
    if declared.name == "JSONObject":
        return "{}"
    return json.dumps(literal(declared)) if isinstance(declared, GraphQLEnumType) else literal(declared)


def to_our_value(declared: Any, value: Any) -> Any:
    """Turn what graphql-core made of a value into what the domain reads: Python names, names of enum values."""
    declared = get_nullable_type(declared)
    if value is None:
        return None
    if isinstance(declared, GraphQLList):
        return [to_our_value(declared.of_type, item) for item in value]
    if isinstance(declared, GraphQLEnumType):
        return value.name
    if not isinstance(declared, GraphQLInputObjectType):
        return value
    built = {}
    for name, field in declared.fields.items():
        if name in value:
            below = to_our_value(field.type, value[name])
            spell: Any = read_metadata(field, VALUE_CONVERTER)
            built[read_python_name(field, name)] = spell(below) if spell and below is not None else below
    return built


def differs(declared: Any, value: Any) -> bool:
    """Return whether graphql-core takes a value that ours refuses for a clause of the specification."""
    declared = get_nullable_type(declared)
    if isinstance(declared, GraphQLList):
        return any(differs(declared.of_type, item) for item in (value if isinstance(value, list) else [value]))
    if isinstance(declared, GraphQLInputObjectType) and isinstance(value, dict):
        return any(
            name in declared.fields and differs(declared.fields[name].type, field_value)
            for name, field_value in value.items()
        )
    return (
        isinstance(value, WrittenNumber)
        and isinstance(declared, GraphQLScalarType)
        and (declared.name, value.text) in DIFFERENCES
    )


def assert_coerced_alike(declared: Any, text: str) -> None:
    """Check that a value is coerced as graphql-core does, or refused for a clause of the specification."""
    reference = coerce_input_value(json.loads(text), declared)
    exact = parse_exact_json(text.encode())
    refused: str | None = None
    try:
        result = compile_coercer(declared)(exact)
    except CoercionError as error:
        refused = error.message
    if refused is not None:
        assert reference is Undefined or differs(declared, exact), (str(declared), text)
        assert len(refused) > 20
        return
    assert reference is not Undefined, (str(declared), text, result)
    assert not differs(declared, exact), (str(declared), text, result)
    assert result == to_our_value(declared, reference), (str(declared), text)


def test_all_types_are_compared() -> None:
    assert {
        "String",
        "ID",
        "Int",
        "Boolean",
        "DateTime",
        "JSONObject",
        "ReleaseBy",
        "ReleaseStatus",
        "ReleaseFilter",
    } <= TYPES.keys()


@pytest.mark.parametrize("text", VALUES)
def test_value_is_coerced_as_graphql_core_does(text: str) -> None:
    for declared in wrap_types():
        assert_coerced_alike(declared, text)


@pytest.mark.parametrize("name", [name for name, declared in TYPES.items() if isinstance(declared, GraphQLInputObjectType)])
def test_fields_of_objects_are_coerced_as_graphql_core_does(name: str) -> None:
    for text in objects(TYPES[name]):
        assert_coerced_alike(TYPES[name], text)
        assert_coerced_alike(GraphQLList(GraphQLNonNull(TYPES[name])), f"[{text}]")


def test_every_difference_is_met() -> None:
    for (name, text), clause in DIFFERENCES.items():
        assert clause
        assert coerce_input_value(json.loads(text), TYPES[name]) is not Undefined
        with pytest.raises(CoercionError):
            compile_coercer(TYPES[name])(parse_exact_json(text.encode()))


USES = {
    "Int": "organizations(first: $v) {totalCount}",
    "ID!": "node(id: $v) {id}",
    "[ID!]!": "nodes(ids: $v) {id}",
    "String!": "organization(slug: $v) {id}",
    "Boolean!": "organizations @include(if: $v) {totalCount}",
    "ReleaseBy!": "release(by: $v) {id}",
    "ReleaseFilter": "organizations {nodes {releases(filter: $v) {totalCount}}}",
    "ReleaseOrder": "organizations {nodes {releases(orderBy: $v) {totalCount}}}",
    "ReleaseStatus": "organizations {nodes {releases(filter: {status: $v}) {totalCount}}}",
    "DateTime": "organizations {nodes {releases(filter: {dateCreated: {from: $v}}) {totalCount}}}",
    "[ReleaseFilter!]": "organizations {nodes {releases(filter: {or: $v}) {totalCount}}}",
}


@pytest.mark.parametrize("declared", USES)
def test_every_refusal_says_what_is_wrong(declared: str) -> None:
    operation = OperationCache(SCHEMA).prepare(f"query ($v: {declared}) {{{USES[declared]}}}", None)
    bulky = json.dumps(["x"] * 3_000)  # graphql-core does not look at so many values
    for text in [*VALUES, None, *(f'{{"path": {bulky}, "status": {item}}}' for item in VALUES), bulky, f"[{bulky}]"]:
        body = b"{}" if text is None else f'{{"v": {text}}}'.encode()
        try:
            operation.coerce(parse_json(body), lambda body=body: parse_exact_json(body))  # type: ignore[misc]
        except RequestError as refused:
            for error in refused.errors:
                assert "does not fit" not in error.message
                assert error.message.startswith("Variable '$v' ")
                assert error.locations
                assert len(error.message) > 45
