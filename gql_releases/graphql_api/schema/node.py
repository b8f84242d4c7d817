"""Root fields that read objects by their global ids."""

from __future__ import annotations

import strawberry

from gql_releases.graphql_api.execution.bindings import argument, query_field
from gql_releases.graphql_api.execution.connections import Node


@strawberry.type
class NodeQuery:
    """Root fields that read nodes."""

    node: Node | None = query_field(
        "node",
        "The object with this global id, for refetching; null if it does not exist or the token has no access to it.",
        None,
        [argument("id", strawberry.ID, "The object's `id`, as an earlier response had it.")],
    )
    nodes: list[Node | None] | None = query_field(
        "nodes",
        "The objects with these global ids, in their order; null in place of each that does not exist or "
        "that the token has no access to.",
        None,
        [argument("ids", list[strawberry.ID], "The objects' ids, at most 100; INVALID_ARGUMENT for more.")],
    )


QUERY = NodeQuery
