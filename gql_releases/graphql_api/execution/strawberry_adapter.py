"""All uses of Strawberry's internals."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import (
    GraphQLSchema,
)
from strawberry.types.lazy_type import LazyType


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Give graphql-core's schema below Strawberry's."""
    return schema._schema


def lazy_type(name: str, module: str) -> Any:
    """Return a reference to a type of another module of the schema: types of two nouns may refer to each other.

    `strawberry.lazy` would need an alias of another name: an annotation that is a text is evaluated where that name stands.
    """
    return LazyType(name, f"gql_releases.graphql_api.schema.{module}")
