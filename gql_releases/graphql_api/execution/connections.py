"""Relay's connections: the shape of every list."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

from gql_releases.graphql_api.execution.bindings import node_id, part

T = TypeVar("T")


@strawberry.interface(description="An object that can be fetched again by its id.")
class Node:
    """An object with a global id."""

    id: strawberry.ID = node_id()


@strawberry.type(description="What is around a page of a list.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = part("hasNextPage", "Whether there is more after this page.")
    has_previous_page: bool = part("hasPreviousPage", "Whether there is more before this page.")
    start_cursor: str | None = part("startCursor", "The cursor of the first item; null on an empty page.")
    end_cursor: str | None = part("endCursor", "The cursor of the last item; null on an empty page.")


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[T]):
    """Relay's edge."""

    cursor: str = part("cursor", "Where the item stands; survives inserts before and after it.")
    node: T = part("node", "The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """Relay's connection, with `nodes` for whoever needs no cursors."""

    nodes: list[T] = part("nodes", "The items of this page.")
    edges: list[Edge[T]] = part("edges", "The items of this page, each with its cursor.")
    page_info: PageInfo = part("pageInfo", "What is around this page.")
    total_count: int = part("totalCount", "How many items the whole list has; counted only when asked for.")
