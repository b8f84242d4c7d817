"""GraphQL's CollectFields: fragments and aliases merged into response names, @skip and @include decided."""

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

from gql_releases.graphql_api.execution.coercion import reject_null

Fields = dict[str, list[FieldNode]]


@dataclass(frozen=True, slots=True)
class Document:
    """What collecting needs of a document; `booleans` are the variables that @skip and @include read.

    Each method raises GraphQLError for such a variable that is null where it decides.
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

    def below(self, parent: GraphQLObjectType, nodes: list[FieldNode]) -> Fields:
        """Merge what is selected below some nodes of one response name."""
        return self.collect(parent, (node.selection_set for node in nodes))

    def _collect(self, parent: GraphQLObjectType, selections: SelectionSetNode, fields: Fields, seen: set[str]) -> None:
        for node in selections.selections:
            if not self.included(node):
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
        """Say whether a fragment on a type is about a concrete one."""
        if parent.name == condition:
            return True
        named = self.schema.type_map[condition]
        return is_abstract_type(named) and self.schema.is_sub_type(named, parent)

    def included(self, node: SelectionNode) -> bool:
        """Decide @skip and @include."""
        for directive in node.directives or ():
            if directive.name.value == "skip" and self._condition(directive):
                return False
            if directive.name.value == "include" and not self._condition(directive):
                return False
        return True

    def _condition(self, directive: DirectiveNode) -> bool:
        value = directive.arguments[0].value if directive.arguments else None
        if isinstance(value, VariableNode):
            decision = self.booleans[value.name.value]
            if decision is None:
                error = reject_null(f"if of @{directive.name.value}")
                raise GraphQLError(error.message, directive, extensions={"code": error.code.value})
            return decision
        assert isinstance(value, BooleanValueNode)
        return value.value


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Give a document's fragments by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    """Give a document's operations."""
    return [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]


def booleans_of(document: DocumentNode) -> tuple[str, ...]:
    """Give the names of the variables that @skip and @include read anywhere in a document."""
    names = (
        argument.value.name.value
        for node in _nodes_of(document)
        for directive in node.directives or ()
        for argument in directive.arguments or ()
        if directive.name.value in ("skip", "include") and isinstance(argument.value, VariableNode)
    )
    return tuple(dict.fromkeys(names))


def variables_in_arguments(document: DocumentNode) -> Iterator[tuple[str, str, str]]:
    """Yield (name of a variable, name of the field's argument that has it, name of the innermost input field or "")."""
    for node in _nodes_of(document):
        if isinstance(node, FieldNode):
            for argument in node.arguments or ():
                for variable, input_field in _variables_in(argument.value, ""):
                    yield variable, argument.name.value, input_field


def _nodes_of(document: DocumentNode) -> Iterator[SelectionNode]:
    """Yield every field, spread and inline fragment of a document."""
    waiting: list[SelectionSetNode] = [
        one.selection_set for one in (*operations_of(document), *fragments_of(document).values())
    ]
    while waiting:
        for node in waiting.pop().selections:
            yield node
            below: SelectionSetNode | None = getattr(node, "selection_set", None)
            if below:
                waiting.append(below)


def _variables_in(value: ValueNode, input_field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, VariableNode):
        yield value.name.value, input_field
    elif isinstance(value, ListValueNode):
        for item in value.values:
            yield from _variables_in(item, input_field)
    elif isinstance(value, ObjectValueNode):
        for field in value.fields:
            yield from _variables_in(field.value, field.name.value)
