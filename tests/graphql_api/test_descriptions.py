"""Descriptions: the schema is the reference that frontend developers read in GraphiQL and in their editors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    introspection_types,
)

from gql_releases.domain.errors import ErrorCode
from gql_releases.graphql_api.schema import build

SPECIFIED_SCALARS = {"Boolean", "Float", "ID", "Int", "String"}


def list_descriptions() -> Iterator[tuple[str, str | None]]:
    """Return the coordinate of each element of the schema as it is printed, with its description."""
    schema = build_schema(build.print_sdl(build.build_schema()))
    yield "schema", schema.description
    for name, definition in schema.type_map.items():
        if name in introspection_types or name in SPECIFIED_SCALARS:
            continue
        yield name, definition.description
        if isinstance(definition, GraphQLEnumType):
            for value, item in definition.values.items():
                yield f"{name}.{value}", item.description
        if isinstance(definition, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in definition.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{name}.{field_name}({argument_name}:)", argument.description


def test_every_element_has_a_description() -> None:
    """Types, fields, arguments, input fields and enum values, in whole sentences."""
    wrong = {where: text for where, text in list_descriptions() if not re.search(r"\w.*[.`]$", text or "", re.DOTALL)}
    assert wrong == {}


def test_codes_in_descriptions_exist() -> None:
    """A description names the errors that an input can produce: each is a code that clients can compare with."""
    enum_values = {
        value
        for definition in build_schema(build.print_sdl(build.build_schema())).type_map.values()
        if isinstance(definition, GraphQLEnumType)
        for value in definition.values
    }
    words = {word for _, text in list_descriptions() for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text or "")}
    settings = {word for word in words if word.startswith(("GQL_RELEASES_", "SENTRY_"))}
    assert words - settings - enum_values - set(ErrorCode) == set()
