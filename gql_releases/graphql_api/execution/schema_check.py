"""The check at start-up that every reachable field has a binding that the store can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLSchema, get_named_type, is_interface_type, is_leaf_type

from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.operations import node_types
from gql_releases.graphql_api.execution.strawberry_adapter import has_behaviour

Readable = Mapping[str, Mapping[str, tuple[str, bool]]]
"""Entity -> attribute -> (kind: column, one or many; whether it can be NULL)."""


ROWS_WITHOUT_ID = ("Viewer", "Upstream")
"""Types that are read by plan and are no nodes."""


class UnboundField(Exception):
    """The schema has a field that a plan would not serve as it says."""


def check_schema(schema: GraphQLSchema, readable: Readable) -> None:
    """Refuse a field of a node that is bound to nothing, to what is not there, or that has behaviour of its own."""
    for node in node_types(schema).values():
        _check_object(schema, node, readable[node.name])
    for name in ROWS_WITHOUT_ID:
        declared = schema.type_map[name]
        assert isinstance(declared, GraphQLObjectType)
        _check_object(schema, declared, readable[name])
    for root in (schema.query_type, schema.mutation_type):
        for name, field in (root.fields if root else {}).items():
            _check_plain(f"{name}", field)
            if not isinstance(b.read_binding(field), b.QueryBinding | b.MutationBinding):
                raise UnboundField(f"the root field {name} is neither planned nor commanded")


def _check_object(schema: GraphQLSchema, declared: GraphQLObjectType, attributes: Mapping[str, tuple[str, bool]]) -> None:
    for name, field in declared.fields.items():
        where = f"{declared.name}.{name}"
        _check_plain(where, field)
        required = isinstance(field.type, GraphQLNonNull)
        named: Any = get_named_type(field.type)
        match b.read_binding(field):
            case b.NodeId():
                pass
            case b.Column(attribute):
                _check_attribute(where, attributes, attribute, "column", required)
                if not is_leaf_type(named):
                    raise UnboundField(f"{where} is bound to a column and has fields")
            case b.EmbeddedIn(present, conditions):
                if present:
                    _check_attribute(where, attributes, present, "pick" if conditions else "column", False)
                elif not required:
                    raise UnboundField(f"{where} is always there and says that it may be null")
                if required and present:
                    raise UnboundField(f"{where} is not null, and is where {present} is NULL")
                _check_embedded(schema, named, attributes, present)
            case b.Objects(attribute):
                _check_attribute(where, attributes, attribute, "column", True)
                _check_leaves(where, named)
            case b.GeneratedText(attribute, listed):
                _check_attribute(where, attributes, attribute, "column", required)
                _check_attribute(where, attributes, listed, "many", False)
            case b.ComputedReference(attribute):
                _check_attribute(where, attributes, attribute, "pick", required)
            case b.Reference(attribute):
                _check_attribute(where, attributes, attribute, "one", required)
            case b.ListOf(attribute):
                _check_attribute(where, attributes, attribute, "many", False)
                if required:
                    raise UnboundField(f"{where} is a list and not null: refused arguments would take its siblings")
            case _:
                raise UnboundField(f"{where} is bound to nothing")


def _check_embedded(
    schema: GraphQLSchema, declared: GraphQLObjectType, attributes: Mapping[str, tuple[str, bool]], present: str
) -> None:
    """Check an embedded object: where it is there, so is `present` and what is written together with it."""
    together = {name: ("column", False) for name in (present, *TOGETHER.get(present, ())) if name}
    _check_object(schema, declared, {**attributes, **together})


def _check_leaves(where: str, declared: Any) -> None:
    for name, field in declared.fields.items():
        _check_plain(f"{where}.{name}", field)
        if not is_leaf_type(get_named_type(field.type)):
            raise UnboundField(f"{where}.{name} is an object in a column of objects")


TOGETHER = {"description": ("raw", "description")}
"""Columns that are NULL together: a version's raw text and its description are written or absent as one."""


def _check_attribute(
    where: str, attributes: Mapping[str, tuple[str, bool]], attribute: str, kind: str, required: bool
) -> None:
    found = attributes.get(attribute)
    if found is None or found[0] != kind:
        raise UnboundField(f"{where} is bound to {attribute}, which the store does not have as {kind}")
    if required and found[1]:
        raise UnboundField(f"{where} is not null, but {attribute} can be NULL")


def _check_plain(where: str, field: Any) -> None:
    if has_behaviour(field):
        raise UnboundField(f"{where} has a resolver, a permission class or an extension, which a plan would skip")
    if is_interface_type(get_named_type(field.type)) and not isinstance(b.read_binding(field), b.QueryBinding):
        raise UnboundField(f"{where} is an interface: only the root may be")
