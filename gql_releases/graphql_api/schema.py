"""The schema: the only definition of the graph."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    build_ast_schema,
    lexicographic_sort_schema,
    parse,
    print_schema,
)
from strawberry.schema.config import StrawberryConfig

from gql_releases.graphql_api.mutations import Mutation
from gql_releases.graphql_api.queries import Query
from gql_releases.graphql_api.scalars import SCALARS
from gql_releases.graphql_api.types import NODES

DESCRIPTION = """Releases, their commits, deploys and environments.

Every request needs `Authorization: Bearer <token>`; start at `organization(slug)`, `release(by)` or `viewer`. Lists are
Relay connections with `nodes`, `edges`, `pageInfo` and `totalCount`. Mutations return validation errors in `userErrors`."""


@cache
def build_schema() -> strawberry.Schema:
    """Return the schema, which is built once in a process: that takes tens of milliseconds."""
    schema = strawberry.Schema(query=Query, mutation=Mutation, types=NODES, config=StrawberryConfig(scalar_map=SCALARS))
    core(schema).description = DESCRIPTION
    for named in core(schema).type_map.values():
        # Strawberry leaves graphql-core's flag False, and `release(by: {})` would pass validation.
        if isinstance(named, GraphQLInputObjectType) and named.ast_node is None:
            definition = named.extensions.get("strawberry-definition")
            named.is_one_of = bool(getattr(definition, "is_one_of", False))
    return schema


def core(schema: strawberry.Schema) -> GraphQLSchema:
    """Give graphql-core's schema below Strawberry's."""
    return schema._schema


@cache
def print_sdl(schema: strawberry.Schema) -> str:
    """Return the schema as it is committed: sorted, so that a change shows as what it is. Takes a tenth of a second."""
    printed = build_ast_schema(parse(schema.as_str()))
    printed.description = DESCRIPTION  # Strawberry's printer leaves it out
    return print_schema(lexicographic_sort_schema(printed)) + "\n"
