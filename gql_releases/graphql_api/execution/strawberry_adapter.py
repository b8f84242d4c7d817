"""All uses of Strawberry's internals: other modules use only what `import strawberry` exports.

tests/graphql_api/test_strawberry_adapter.py has a test for each.
"""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLSchema
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.lazy_type import LazyType
from strawberry.types.scalar import ScalarDefinition

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
"""The key in `extensions` of a type, field or argument of graphql-core under which its Strawberry definition is."""

Argument = StrawberryArgument
ScalarMap = dict[object, ScalarDefinition]


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema below Strawberry's."""
    return schema._schema


def lazy_type(name: str, module: str) -> Any:
    """Return a reference to a type of another module of the schema: types of two nouns may refer to each other.

    `strawberry.lazy` would need an alias of another name: an annotation that is a text is evaluated in its own module.
    """
    return LazyType(name, f"gql_releases.graphql_api.schema.{module}")


def build_argument(name: str, annotation: Any) -> Argument:
    """Return an argument for `declare_field`; `name` is its Python name."""
    return StrawberryArgument(name, None, StrawberryAnnotation(annotation))


def declare_field(
    description: str, metadata: dict[Any, Any], arguments: list[Argument] | None = None, name: str | None = None
) -> Any:
    """Return a field without a resolver, for a class of `strawberry.type`; `name` is that of the schema if it differs."""
    declared: Any = strawberry.field(description=description, metadata=metadata, name=name)
    if arguments:
        declared.arguments = arguments
    return declared


def read_metadata(declared: Any, key: str) -> Any:
    """Return a value of the metadata that a field of graphql-core was declared with; None if it has none."""
    definition = declared.extensions.get(DEFINITION)
    return definition.metadata.get(key) if definition is not None else None


def read_python_name(declared: Any, graphql_name: str) -> str:
    """Return the Python name that a field or an argument was declared with."""
    definition = declared.extensions.get(DEFINITION)
    return getattr(definition, "python_name", None) or graphql_name


def has_behaviour(declared: Any) -> bool:
    """Return whether a field has a resolver or an extension, or is not declared with Strawberry.

    Strawberry turns permission classes into an extension.
    """
    definition = declared.extensions.get(DEFINITION)
    return definition is None or bool(definition.base_resolver or definition.extensions)


def mark_one_of_inputs(schema: GraphQLSchema) -> None:
    """Set graphql-core's flag of OneOf input objects. Strawberry leaves it False: `release(by: {})` would be valid."""
    for declared in schema.type_map.values():
        if isinstance(declared, GraphQLInputObjectType) and declared.ast_node is None:
            definition = declared.extensions.get(DEFINITION)
            declared.is_one_of = bool(getattr(definition, "is_one_of", False))
