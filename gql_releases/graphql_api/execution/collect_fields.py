"""GraphQL's CollectFields: merges fragments and aliases into response names and evaluates @skip and @include."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    is_abstract_type,
)

from gql_releases.graphql_api.execution.coercion import null_error

Fields = dict[str, list[FieldNode]]


@dataclass(frozen=True, slots=True)
class Document:
    """The parts of a document that CollectFields needs; `booleans` are the variables in @skip and @include.

    Each method raises GraphQLError if such a variable is null and its directive is evaluated.
    """

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    booleans: Mapping[str, bool | None]

    def collect(self, parent: GraphQLObjectType, sets: Iterable[SelectionSetNode | None]) -> Fields:
        """Merge selection sets on a concrete type into fields by response name, in the order of the response."""
        fields: Fields = {}
        seen: set[str] = set()
        for selections in sets:
            if selections:
                self._collect(parent, selections, fields, seen)
        return fields

    def collect_below(self, parent: GraphQLObjectType, nodes: list[FieldNode]) -> Fields:
        """Merge the selection sets of the nodes of one response name."""
        return self.collect(parent, (node.selection_set for node in nodes))

    def _collect(self, parent: GraphQLObjectType, selections: SelectionSetNode, fields: Fields, seen: set[str]) -> None:
        for node in selections.selections:
            if not self.is_included(node):
                continue
            if isinstance(node, FieldNode):
                name = node.alias.value if node.alias else node.name.value
                fields.setdefault(name, []).append(node)
                continue
            condition: Any
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                fragment = self.fragments[node.name.value]
                condition, inner = fragment.type_condition, fragment.selection_set
            else:
                condition, inner = node.type_condition, node.selection_set  # type: ignore[attr-defined]
            if condition is None or self.applies(parent, condition.name.value):
                self._collect(parent, inner, fields, seen)

    def applies(self, parent: GraphQLObjectType, condition: str) -> bool:
        """Return whether a fragment with a type condition applies to a concrete type."""
        if parent.name == condition:
            return True
        declared = self.schema.type_map[condition]
        return is_abstract_type(declared) and self.schema.is_sub_type(declared, parent)

    def is_included(self, node: SelectionNode) -> bool:
        """Return whether a node's @skip and @include include it."""
        for directive in node.directives or ():
            if directive.name.value == "skip" and self._evaluate(directive):
                return False
            if directive.name.value == "include" and not self._evaluate(directive):
                return False
        return True

    def _evaluate(self, directive: DirectiveNode) -> bool:
        value = directive.arguments[0].value if directive.arguments else None
        if isinstance(value, VariableNode):
            decision = self.booleans[value.name.value]
            if decision is None:
                error = null_error(f"if of @{directive.name.value}")
                raise GraphQLError(error.message, directive, extensions={"code": error.code.value})
            return decision
        assert isinstance(value, BooleanValueNode)
        return value.value


def index_fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return a document's fragments by name."""
    fragments = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
    return {fragment.name.value: fragment for fragment in fragments}


def list_operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    """Return a document's operations."""
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def list_boolean_variables(document: DocumentNode) -> tuple[str, ...]:
    """Return the names of the variables in @skip and @include anywhere in a document."""
    names = (
        argument.value.name.value
        for node in _list_selections(document)
        for directive in node.directives or ()
        for argument in directive.arguments or ()
        if directive.name.value in ("skip", "include") and isinstance(argument.value, VariableNode)
    )
    return tuple(dict.fromkeys(names))


def list_argument_variables(document: DocumentNode) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each variable in an argument, of the argument, and of the innermost input field or ""."""
    for node in list_field_nodes(document):
        for argument in node.arguments or ():
            for variable, input_field in _list_variables(argument.value, ""):
                yield variable, argument.name.value, input_field


def list_field_nodes(document: DocumentNode) -> Iterator[FieldNode]:
    """Yield every field of a document."""
    return (node for node in _list_selections(document) if isinstance(node, FieldNode))


def _list_selections(document: DocumentNode) -> Iterator[SelectionNode]:
    """Yield every field, spread and inline fragment of a document."""
    waiting: list[SelectionSetNode] = [
        node.selection_set for node in (*list_operations(document), *index_fragments(document).values())
    ]
    while waiting:
        for node in waiting.pop().selections:
            yield node
            below: SelectionSetNode | None = getattr(node, "selection_set", None)
            if below:
                waiting.append(below)


def _list_variables(value: ValueNode, input_field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, VariableNode):
        yield value.name.value, input_field
    elif isinstance(value, ListValueNode):
        for item in value.values:
            yield from _list_variables(item, input_field)
    elif isinstance(value, ObjectValueNode):
        for field in value.fields:
            yield from _list_variables(field.value, field.name.value)
