"""Computed root fields: plans the selection of a service's result, in which nodes are read by plans.

A computed value is a dataclass. A field of its type is an attribute of it: a leaf, a value or a list of values of another
type, or with the binding `node_field` the key of a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLObjectType, get_named_type, is_leaf_type

from gql_releases.domain.selection import Constant
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.collect_fields import Document
from gql_releases.graphql_api.execution.planner import ViewPlan, plan_nodes
from gql_releases.graphql_api.execution.refusals import ResponsePath
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name


@dataclass(frozen=True, slots=True)
class Leaf:
    """An attribute that is a scalar, an enum's name, or a list of them."""

    name: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Nested:
    """An attribute that is a computed value, or a list of them, with the selected parts."""

    name: str
    attribute: str
    parts: Parts


@dataclass(frozen=True, slots=True, eq=False)
class NodeKey:
    """An attribute that is the key of a node, or None; `plan` reads the nodes of all values together."""

    name: str
    attribute: str
    plan: ViewPlan


Part = Constant | Leaf | Nested | NodeKey
Parts = tuple[Part, ...]
Nodes = Mapping[NodeKey, Mapping[int, Any]]
"""The nodes that were read, by their part and key."""


def plan_computed(document: Document, target: GraphQLObjectType, nodes: list[FieldNode], path: ResponsePath) -> Parts:
    """Return the selected parts of a computed type."""
    fields = document.collect_below(target, nodes)
    return tuple([_plan_part(document, target, name, below, (*path, name)) for name, below in fields.items()])


def _plan_part(document: Document, parent: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath) -> Part:
    field_name = nodes[0].name.value
    if field_name == "__typename":
        return Constant(name, parent.name)
    declared = parent.fields[field_name]
    target: Any = get_named_type(declared.type)
    match b.read_binding(declared):
        case b.KeyOfNode(attribute):
            return NodeKey(name, attribute, plan_nodes(document, target, nodes, path))
    attribute = read_python_name(declared, field_name)
    if is_leaf_type(target):
        return Leaf(name, attribute)
    return Nested(name, attribute, plan_computed(document, target, nodes, path))


def list_node_keys(parts: Parts, value: Any) -> Iterator[tuple[NodeKey, int | None]]:
    """Yield each part of a value that is a node, with the node's key; with None if it has none."""
    for part in parts:
        if isinstance(part, NodeKey):
            yield part, getattr(value, part.attribute)
        elif isinstance(part, Nested):
            inner = getattr(value, part.attribute)
            for item in inner if isinstance(inner, tuple | list) else (inner,):
                if item is not None:
                    yield from list_node_keys(part.parts, item)


def render_computed(parts: Parts, value: Any, nodes: Nodes) -> dict[str, Any]:
    """Return the response's object of a computed value."""
    return {part.name: _render_part(part, value, nodes) for part in parts}


def _render_part(part: Part, value: Any, nodes: Nodes) -> Any:
    match part:
        case Constant():
            return part.value
        case Leaf():
            return getattr(value, part.attribute)
        case NodeKey():
            return nodes[part].get(getattr(value, part.attribute))
    inner = getattr(value, part.attribute)
    if isinstance(inner, tuple | list):
        return [render_computed(part.parts, item, nodes) for item in inner]
    return None if inner is None else render_computed(part.parts, inner, nodes)
