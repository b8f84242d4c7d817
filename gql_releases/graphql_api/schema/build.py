"""The schema, the only definition of the graph: what the modules of this package declare, put together.

A module declares QUERY and MUTATION (classes with root fields) and NODES (its types that have an id).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, build_ast_schema, lexicographic_sort_schema, parse, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from gql_releases.graphql_api import schema as package
from gql_releases.graphql_api.execution.scalars import SCALARS
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema

QUERY_DESCRIPTION = "What can be read."
MUTATION_DESCRIPTION = "What can be changed. Every mutation is one transaction."
DESCRIPTION = """Releases, their commits, deploys and environments.

Every request needs `Authorization: Bearer <token>`; start at `organization(slug)`, `release(by)` or `viewer`. Lists are
Relay connections with `nodes`, `edges`, `pageInfo` and `totalCount`. Mutations return validation errors in `userErrors`."""


def _collect(constant: str) -> tuple[Any, ...]:
    """Return a constant of each module of this package that has it, in the order of the modules' names."""
    names = sorted(module.name for module in iter_modules(package.__path__) if module.name != "build")
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return tuple(getattr(module, constant) for module in modules if hasattr(module, constant))


@cache
def build_schema() -> strawberry.Schema:
    """Return the schema, which is built once in a process: that takes tens of milliseconds."""
    schema = strawberry.Schema(
        query=merge_types("Query", _collect("QUERY")),
        mutation=merge_types("Mutation", _collect("MUTATION")),
        types=[node for nodes in _collect("NODES") for node in nodes],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    core_schema(schema).type_map["Query"].description = QUERY_DESCRIPTION
    core_schema(schema).type_map["Mutation"].description = MUTATION_DESCRIPTION
    core_schema(schema).description = DESCRIPTION
    for named in core_schema(schema).type_map.values():
        # Strawberry leaves graphql-core's flag False, and `release(by: {})` would pass validation.
        if isinstance(named, GraphQLInputObjectType) and named.ast_node is None:
            definition = named.extensions.get("strawberry-definition")
            named.is_one_of = bool(getattr(definition, "is_one_of", False))
    return schema


@cache
def print_sdl(schema: strawberry.Schema) -> str:
    """Return the schema as it is committed: sorted, so that a change shows as what it is. Takes a tenth of a second."""
    printed = build_ast_schema(parse(schema.as_str()))
    printed.description = DESCRIPTION  # Strawberry's printer leaves it out
    return print_schema(lexicographic_sort_schema(printed)) + "\n"
