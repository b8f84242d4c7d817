"""Objects by their ids."""

from __future__ import annotations

import strawberry

from gql_releases.graphql_api.execution.bindings import argument, query_field
from gql_releases.graphql_api.execution.connections import Node


@strawberry.type
class NodeQuery:
    """Queries of nodes."""

    node: Node | None = query_field(
        "node",
        "The object with this id; null if there is none that the token opens.",
        None,
        [argument("id", strawberry.ID, "The object's id.")],
    )
    nodes: list[Node | None] | None = query_field(
        "nodes",
        "The objects with these ids, at most 100, in their order; null in the place of each that is not there.",
        None,
        [argument("ids", list[strawberry.ID], "The objects' ids.")],
    )


QUERY = NodeQuery
