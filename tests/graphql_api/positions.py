"""Every place of the schema that takes a value, each with an operation around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_composite_type,
)

PARENTS = {
    "Organization": 'organization(slug: "acme") { %s }',
    "Release": 'organization(slug: "acme") { releases { nodes { %s } } }',
}
"""Types with fields that have arguments, and the way to them."""
RESPONSE_PATHS = {"Organization": ["organization"], "Release": ["organization", "releases", "nodes"]}
SCALARS = {"String": '"x"', "ID": '"x"', "Int": "1", "BigInt": "1", "Boolean": "true", "JSONObject": "{a: 1}"}
SCALARS["DateTime"] = '"2026-01-01"'
NAMED = {"organization": '"acme"', "projects": '["web"]', "environment": '"live"'}
"""Values of fields that an operation would be refused without."""
DEEPEST = 4
"""Levels of input objects; a filter holds filters."""


@dataclass(frozen=True)
class Position:
    """A place in an argument of a field: its type, its path as messages name it, its default, and the operation around it."""

    declared: Any
    where: str
    has_default: bool
    field_path: list[str]
    operation: str
    wrap: Callable[[str], str]
    parent: Any = None

    def document(self, value: str, variables: str = "") -> str:
        """Write the operation with a literal or a variable in this place."""
        return f"{self.operation}{f'({variables})' if variables else ''} {{ {self.wrap(value)} }}"


def literal(declared: Any) -> str:
    """Write a valid literal of a type: of an object, only what it needs."""
    declared = get_nullable_type(declared)
    if isinstance(declared, GraphQLList):
        return f"[{literal(declared.of_type)}]"
    if isinstance(declared, GraphQLEnumType):
        return next(iter(declared.values))
    if isinstance(declared, GraphQLInputObjectType):
        names = [next(iter(declared.fields))] if declared.is_one_of else list_required(declared)
        return "{" + ", ".join(_field(declared, name) for name in names) + "}"
    return SCALARS[declared.name]


def _field(declared: GraphQLInputObjectType, name: str) -> str:
    return f"{name}: {NAMED.get(name) or literal(declared.fields[name].type)}"


def list_required(declared: GraphQLInputObjectType) -> list[str]:
    """Name the fields that an object needs."""
    return [
        name
        for name, field in declared.fields.items()
        if isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined
    ]


def positions(schema: GraphQLSchema) -> Iterator[Position]:
    """Give every place in every argument of every field that can be reached."""
    for operation, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        assert root
        for name, field in root.fields.items():
            yield from _list_positions_of_field(operation, [name], name, field, "%s")
    for parent, way in PARENTS.items():
        declared: Any = schema.type_map[parent]
        for name, field in declared.fields.items():
            yield from _list_positions_of_field("query", [*RESPONSE_PATHS[parent], name], name, field, way)


def _list_positions_of_field(
    operation: str, path: list[str], name: str, field: GraphQLField, way: str
) -> Iterator[Position]:
    selection = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    for argument_name, argument in field.args.items():
        others = [
            f"{other}: {literal(item.type)}"
            for other, item in field.args.items()
            if other != argument_name and isinstance(item.type, GraphQLNonNull)
        ]

        def wrap(value: str, argument_name: str = argument_name, others: list[str] = others) -> str:
            arguments = ", ".join([*others, f"{argument_name}: {value}"])
            return way % f"{name}({arguments}) {selection}"

        has_default = argument.default_value is not Undefined
        yield from _below(Position(argument.type, argument_name, has_default, path, operation, wrap), 0)


def _below(place: Position, depth: int) -> Iterator[Position]:
    yield place
    declared = get_nullable_type(place.declared)
    outer = place.wrap
    if isinstance(declared, GraphQLList):
        # The second element: the first is right.
        first = literal(declared.of_type)

        def in_list(value: str) -> str:
            return outer(f"[{first}, {value}]")

        inner = Position(declared.of_type, f"{place.where}[1]", False, place.field_path, place.operation, in_list, declared)
        yield from _below(inner, depth)
    elif isinstance(declared, GraphQLInputObjectType) and depth < DEEPEST:
        if depth and place.where.count(".") > 1 and declared.name.endswith("Filter") and ".not" in place.where:
            return  # enough: `not` within a filter within a filter
        for name, field in declared.fields.items():
            names = [] if declared.is_one_of else [other for other in list_required(declared) if other != name]
            others = [_field(declared, other) for other in names]

            def in_object(value: str, name: str = name, others: list[str] = others) -> str:
                return outer("{" + ", ".join([*others, f"{name}: {value}"]) + "}")

            has_default = field.default_value is not Undefined
            where = f"{place.where}.{name}"
            inner = Position(field.type, where, has_default, place.field_path, place.operation, in_object, declared)
            yield from _below(inner, depth + 1)
