"""Connections: the shape of every list, by Relay's specification."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

from gql_releases.graphql_api.execution.bindings import node_id, part

T = TypeVar("T")


@strawberry.interface(description="An object with a global id, which `node(id)` and `nodes(ids)` fetch again.")
class Node:
    """An object with a global id."""

    id: strawberry.ID = node_id()


@strawberry.type(description="Where a page of a list is, and whether there are more.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = part(
        "hasNextPage", "Whether there are items after this page: request them with `after: endCursor`."
    )
    has_previous_page: bool = part(
        "hasPreviousPage", "Whether there are items before this page: request them with `last` and `before: startCursor`."
    )
    start_cursor: str | None = part("startCursor", "The cursor of the first item of this page; null if the page is empty.")
    end_cursor: str | None = part("endCursor", "The cursor of the last item of this page; null if the page is empty.")


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[T]):
    """Relay's edge."""

    cursor: str = part(
        "cursor",
        "The position of the item, to be used as `after` or `before`. It stays valid while items are "
        "inserted before or after it.",
    )
    node: T = part("node", "The item.")


@strawberry.type(description="A page of a list: `nodes` has the items, `edges` has them with their cursors.")
class Connection(Generic[T]):
    """Relay's connection, with `nodes` for clients that need no cursors."""

    nodes: list[T] = part("nodes", "The items of this page.")
    edges: list[Edge[T]] = part("edges", "The items of this page, each with its cursor.")
    page_info: PageInfo = part("pageInfo", "Whether there are more items, and the cursors to request them with.")
    total_count: int = part(
        "totalCount", "The number of items on all pages. Costs 10, and again what the conditions of the list's filter cost."
    )
