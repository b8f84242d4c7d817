"""Checks at the start that each field of the schema has a binding that the store can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLSchema, get_named_type, is_interface_type, is_leaf_type

from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.operations import node_types
from gql_releases.graphql_api.execution.strawberry_adapter import has_behaviour

Attributes = Mapping[str, tuple[str, bool, str | None]]
"""Attribute -> (kind: column, one, pick or many; whether it can be NULL; the column that is NULL in the same rows)."""
Readable = Mapping[str, Attributes]
"""Entity -> its attributes."""


class UnboundField(Exception):
    """The schema has a field that cannot be planned as declared."""


def check_schema(schema: GraphQLSchema, readable: Readable) -> None:
    """Raise UnboundField for a field without a binding, with one that the store cannot read, or with a resolver."""
    for name in node_types(schema).keys() - readable.keys():
        raise UnboundField(f"the node {name} is not an entity of the store")
    for name, attributes in readable.items():
        declared = schema.type_map[name]
        assert isinstance(declared, GraphQLObjectType)
        _check_object(schema, declared, attributes)
    for root in (schema.query_type, schema.mutation_type):
        for name, field in (root.fields if root else {}).items():
            _check_plain(f"{name}", field)
            match b.read_binding(field):
                case b.QueryBinding() | b.MutationBinding():
                    pass
                case b.ComputedBinding():
                    _check_computed(schema, get_named_type(field.type), set())
                case _:
                    raise UnboundField(f"the root field {name} has no binding of a query, a mutation or a computation")


def _check_object(schema: GraphQLSchema, declared: GraphQLObjectType, attributes: Attributes) -> None:
    for name, field in declared.fields.items():
        where = f"{declared.name}.{name}"
        _check_plain(where, field)
        required = isinstance(field.type, GraphQLNonNull)
        named: Any = get_named_type(field.type)
        match b.read_binding(field):
            case b.NodeId():
                pass
            case b.EmbeddedIn() as binding:
                _check_embedded(schema, where, field, attributes, binding)
            case b.Column() | b.Objects() as binding:
                _check_column(where, field, attributes, binding)
            case b.EmbeddedReference(attribute):
                _check_attribute(where, attributes, attribute, "pick", required)
                if named is not declared:
                    raise UnboundField(f"{where} has another type than the object that it is part of")
            case b.WholeList(attribute):
                _check_attribute(where, attributes, attribute, "many", False)
            case b.ComposedOf(columns):
                _check_composed(where, attributes, columns, named)
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
                    raise UnboundField(f"{where} is a non-null list: invalid arguments would make its siblings null")
            case _:
                raise UnboundField(f"{where} has no binding")


def _check_composed(where: str, attributes: Attributes, columns: Sequence[str], named: Any) -> None:
    for attribute in columns:
        _check_attribute(where, attributes, attribute, "column", True)
    if not is_leaf_type(named):
        raise UnboundField(f"{where} is composed of columns and has fields")


def _check_computed(schema: GraphQLSchema, declared: Any, checked: set[str]) -> None:
    """Check the type of a computed value: its fields are leaves, other computed values, or keys of nodes."""
    if declared.name in checked:
        return
    checked.add(declared.name)
    for name, field in declared.fields.items():
        where, named = f"{declared.name}.{name}", get_named_type(field.type)
        _check_plain(where, field)
        match b.read_binding(field):
            case b.KeyOfNode():
                if named.name not in node_types(schema):
                    raise UnboundField(f"{where} has the binding of a node's key, and is no node")
                if isinstance(field.type, GraphQLNonNull):
                    raise UnboundField(f"{where} has a non-null type, but a node may be deleted before it is read")
            case None:
                if not is_leaf_type(named):
                    _check_computed(schema, named, checked)
            case _:
                raise UnboundField(f"{where} is a field of a computed value, which the store cannot read")


def _check_column(where: str, field: Any, attributes: Attributes, binding: b.Column | b.Objects) -> None:
    named: Any = get_named_type(field.type)
    is_required = isinstance(field.type, GraphQLNonNull) or isinstance(binding, b.Objects)
    _check_attribute(where, attributes, binding.attribute, "column", is_required)
    if isinstance(binding, b.Objects):
        _check_plain_objects(where, named)
    elif not is_leaf_type(named):
        raise UnboundField(f"{where} has the binding of a column and has fields")


def _check_embedded(schema: GraphQLSchema, where: str, field: Any, attributes: Attributes, binding: b.EmbeddedIn) -> None:
    """Check an embedded object: if it is not null, neither are `present` and the columns that are NULL with it."""
    required, present = isinstance(field.type, GraphQLNonNull), binding.present
    if present:
        _check_attribute(where, attributes, present, "pick" if binding.conditions else "column", False)
    elif required == bool(binding.conditions):
        raise UnboundField(f"{where} is never null unless it has invalid arguments, but its type differs")
    if required and present:
        raise UnboundField(f"{where} has a non-null type, but is null if {present} is NULL")
    narrowed = {
        name: (kind, is_nullable and present not in (name, null_with), null_with)
        for name, (kind, is_nullable, null_with) in attributes.items()
    }
    named: Any = get_named_type(field.type)
    _check_object(schema, named, narrowed)


def _check_plain_objects(where: str, declared: Any) -> None:
    """Check the type of objects in a column: its fields are leaves or further objects, without bindings."""
    for name, field in declared.fields.items():
        _check_plain(f"{where}.{name}", field)
        if b.read_binding(field) is not None:
            raise UnboundField(f"{where}.{name} has a binding, and is part of an object in a column")
        if not is_leaf_type(named := get_named_type(field.type)):
            _check_plain_objects(f"{where}.{name}", named)


def _check_attribute(where: str, attributes: Attributes, attribute: str, kind: str, required: bool) -> None:
    actual_kind, is_nullable, _ = attributes.get(attribute, (None, False, None))
    if actual_kind != kind:
        raise UnboundField(f"{where} is bound to {attribute}, which the store does not have as {kind}")
    if required and is_nullable:
        raise UnboundField(f"{where} has a non-null type, but {attribute} can be NULL")


def _check_plain(where: str, field: Any) -> None:
    if has_behaviour(field):
        raise UnboundField(f"{where} has a resolver, a permission class or an extension, which a plan would skip")
    if is_interface_type(get_named_type(field.type)) and not isinstance(b.read_binding(field), b.QueryBinding):
        raise UnboundField(f"{where} is an interface, which only a root field may be")
