"""The schema: built from what the modules of this package declare.

A module declares QUERY and MUTATION (classes with root fields) and NODES (its types that have an id).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import strawberry
from graphql import build_ast_schema, lexicographic_sort_schema, parse, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from gql_releases.graphql_api import schema as package
from gql_releases.graphql_api.execution.scalars import SCALARS
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema, mark_one_of_inputs

QUERY_DESCRIPTION = "Root of all queries: start at `organization(slug)`, `release(by)` or `viewer`."
MUTATION_DESCRIPTION = (
    "Root of all mutations. Each is one transaction (createReleases with the mode EACH: one per "
    "release): if `userErrors` is not empty, nothing was changed. Mutations of one operation run in "
    "order, and one that fails does not undo those before it."
)
DESCRIPTION = """The releases of your projects, with their commits, authors, files, deploys and environments.

Send `Authorization: Bearer <token>` with every request, and start at `organization(slug)`, `release(by)` or `viewer`.

Lists are Relay connections with `nodes`, `edges`, `pageInfo` and `totalCount`; a page has 20 items unless `first` or `last`
says otherwise, and at most 100. An object that does not exist or belongs to another organization is null.

Mutations return validation errors in `userErrors`. All other errors are in `errors`, with a stable code in
`extensions.code`: UNAUTHENTICATED without a token, FORBIDDEN if its scopes do not suffice, INVALID_ARGUMENT for a wrong
argument, UNAVAILABLE if a retry is safe. An error in a field's arguments makes that field null and leaves the rest.
Codes, limits and costs are documented in docs/errors.md and docs/graphql-limits.md."""


def _collect(constant: str) -> tuple[Any, ...]:
    """Return a constant of each module of this package that has it, in the order of the modules' names."""
    names = sorted(module.name for module in iter_modules(package.__path__) if module.name != "build")
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return tuple(getattr(module, constant) for module in modules if hasattr(module, constant))


@cache
def build_schema() -> strawberry.Schema:
    """Return the schema. It is built once per process, which takes tens of milliseconds."""
    schema = strawberry.Schema(
        query=merge_types("Query", _collect("QUERY")),
        mutation=merge_types("Mutation", _collect("MUTATION")),
        types=[node for nodes in _collect("NODES") for node in nodes],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    core_schema(schema).type_map["Query"].description = QUERY_DESCRIPTION
    core_schema(schema).type_map["Mutation"].description = MUTATION_DESCRIPTION
    core_schema(schema).description = DESCRIPTION
    mark_one_of_inputs(core_schema(schema))
    return schema


@cache
def print_sdl(schema: strawberry.Schema) -> str:
    """Return the schema as text, sorted by name so that changes are easy to review. Takes 0.1 s."""
    printed = build_ast_schema(parse(schema.as_str()))
    printed.description = DESCRIPTION  # Strawberry's printer leaves it out
    return print_schema(lexicographic_sort_schema(printed)) + "\n"
