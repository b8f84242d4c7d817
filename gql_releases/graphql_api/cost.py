"""What an operation may cost, known before it is planned: the most objects that it can answer, and what scans.

An object costs 1. A list costs its page's size (`first` or `last`, 20 where neither is given) times one item with all that
is selected of it. `totalCount` and a search by `contains` have a price of their own, for they look at every row of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    type_from_ast,
    value_from_ast_untyped,
)

from gql_releases.domain.paging import DEFAULT_PAGE, MAX_PAGE
from gql_releases.domain.release import MAX_BULK
from gql_releases.graphql_api import bindings as b
from gql_releases.graphql_api.collecting import Document
from gql_releases.graphql_api.limits import limit_error

COUNTING = 10
"""Price of a totalCount, for each list that it is asked of."""
SCANNING = 1000
"""Price of a search by `contains`, for each list that it is in."""
COMMAND = 10
"""Price of a mutation."""
INTROSPECTION = 1000
"""Price of __schema or __type, whose depth the standard rules bound."""

Variables = Mapping[str, Any]


@dataclass(slots=True)
class _Pricing:
    """One pass over an operation; a fragment is priced once on each type."""

    document: Document
    variables: Variables
    known: dict[tuple[str, str], int] = field(default_factory=dict)
    known_parts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def below(self, parent: Any, selections: SelectionSetNode | None) -> int:
        """Price what is selected of one object."""
        return sum(self.field(parent, node) for node in self.fields(parent, selections)) if selections else 0

    def fields(self, parent: Any, selections: SelectionSetNode) -> list[FieldNode | FragmentSpreadNode]:
        """Give the fields on a type, those in inline fragments too, and spreads of fragments that apply."""
        found: list[FieldNode | FragmentSpreadNode] = []
        for node in selections.selections:
            if not self.document.included(node):
                continue
            if isinstance(node, FieldNode):
                found.append(node)
            elif isinstance(node, FragmentSpreadNode):
                if self.document.applies(parent, self.document.fragments[node.name.value].type_condition.name.value):
                    found.append(node)
            else:
                condition = node.type_condition  # type: ignore[attr-defined]
                if condition is None or self.document.applies(parent, condition.name.value):
                    found += self.fields(parent, node.selection_set)  # type: ignore[attr-defined]
        return found

    def field(self, parent: Any, node: FieldNode | FragmentSpreadNode) -> int:
        if isinstance(node, FragmentSpreadNode):
            key = node.name.value, parent.name
            if key not in self.known:
                self.known[key] = self.below(parent, self.document.fragments[key[0]].selection_set)
            return self.known[key]
        if node.name.value.startswith("__"):
            return 0 if node.name.value == "__typename" else INTROSPECTION
        declared = parent.fields[node.name.value]
        target: Any = get_named_type(declared.type)
        if not is_composite_type(target):
            return self.text(declared)
        binding = _binding_of(declared)
        match binding:
            case b.ListOf() | b.Planned("list"):
                return self.listed(target, node)
            case b.Planned("node"):
                return 1 + self.any_of(target, node)
            case b.Planned("nodes"):
                ids = self.argument(node, "ids")
                return (len(ids) if isinstance(ids, list) else 1) * (1 + self.any_of(target, node))
            case b.ConnectionPart():  # an edge's node is the list's item, which is counted there
                return self.below(target, node.selection_set)
            case b.Commanded():
                return COMMAND + self.below(target, node.selection_set)
        if binding is None and isinstance(get_nullable_type(declared.type), GraphQLList):
            return MAX_BULK * self.below(target, node.selection_set)  # the results of a bulk mutation
        return 1 + self.below(target, node.selection_set)

    def text(self, declared: GraphQLField) -> int:
        binding = _binding_of(declared)
        return binding.size if isinstance(binding, b.Written) else 0

    def any_of(self, target: Any, node: FieldNode) -> int:
        """Price an object of an unknown type: as the dearest of those that it may be."""
        if not is_abstract_type(target):
            return self.below(target, node.selection_set)
        possible = self.document.schema.get_possible_types(target)
        return max(self.below(one, node.selection_set) for one in possible)

    def listed(self, connection: Any, node: FieldNode) -> int:
        """Price a connection: its nodes and edges are the same rows."""
        per_item, once = self.parts(connection, node.selection_set)
        if _scans(self.argument(node, "filter")):
            once += SCANNING
        return self.size(node) * (1 + per_item) + once

    def parts(self, connection: Any, selections: SelectionSetNode | None) -> tuple[int, int]:
        """Price a connection's parts, for each item and once."""
        per_item = once = 0
        for part in self.fields(connection, selections) if selections else ():
            if isinstance(part, FragmentSpreadNode):
                key = part.name.value, connection.name
                if key not in self.known_parts:
                    self.known_parts[key] = self.parts(connection, self.document.fragments[key[0]].selection_set)
                found = self.known_parts[key]
                per_item, once = per_item + found[0], once + found[1]
                continue
            name = part.name.value
            if name == "totalCount":
                once += COUNTING
            elif name in ("nodes", "edges"):
                target: Any = get_named_type(connection.fields[name].type)
                per_item += self.below(target, part.selection_set)
        return per_item, once

    def size(self, node: FieldNode) -> int:
        given = [self.argument(node, name) for name in ("first", "last")]
        sizes = [size for size in given if isinstance(size, int)]
        return min(max(sizes[0], 0), MAX_PAGE) if sizes else DEFAULT_PAGE

    def argument(self, node: FieldNode, name: str) -> Any:
        for one in node.arguments or ():
            if one.name.value == name:
                value = one.value
                if isinstance(value, VariableNode):
                    return self.variables.get(value.name.value)
                return value_from_ast_untyped(value, dict(self.variables))
        return None


def _binding_of(declared: GraphQLField) -> Any:
    definition = declared.extensions.get("strawberry-definition")
    return definition.metadata.get(b.BINDING) if definition is not None else None


def _scans(value: Any) -> bool:
    """Say whether a filter searches inside of texts."""
    if isinstance(value, dict):
        return value.get("contains") is not None or any(map(_scans, value.values()))
    return isinstance(value, list) and any(map(_scans, value))


def price(document: Document, definition: OperationDefinitionNode, variables: Variables) -> int:
    """Price a valid operation for its variables."""
    root = document.schema.get_root_type(definition.operation)
    return _Pricing(document, variables).below(root, definition.selection_set)


def require_affordable(cost: int, maximum: int) -> None:
    """Refuse an operation that may cost more than is allowed. Raises GraphQLError."""
    if cost > maximum:
        raise limit_error("cost", cost, maximum)


Relevant = list[tuple[str, Callable[[Any], Any]]]
"""The variables that a cost depends on, each with the function to what of its value matters."""


def relevant_variables(schema: GraphQLSchema, definition: OperationDefinitionNode) -> Relevant:
    """Say what of an operation's variables its cost depends on, so that a cost can be kept for others alike."""
    found: Relevant = []
    for one in definition.variable_definitions or ():
        what = _relevance(type_from_ast(schema, one.type))
        if what:
            found.append((one.variable.name.value, what))
    return found


def _relevance(declared: Any) -> Callable[[Any], Any] | None:
    """Give the function to what matters of a value: of a filter, whether it scans; of a text, whether there is one."""
    named = get_named_type(declared)
    filters = isinstance(named, GraphQLInputObjectType) and named.name.endswith("Filter")
    if isinstance(get_nullable_type(declared), GraphQLList):
        return lambda value: None if value is None else (len(value), filters and _scans(value))
    if filters:
        return _scans
    if named.name in ("Int", "Boolean"):
        return lambda value: value
    if named.name == "String":  # it may be what `contains` looks for
        return lambda value: value is not None
    return None
