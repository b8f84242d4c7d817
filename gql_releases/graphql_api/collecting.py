"""GraphQL's CollectFields: fragments and aliases merged into response names, @skip and @include decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    visit,
)
from graphql.language import Visitor

from gql_releases.graphql_api.coercing import reject_null

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


class _Booleans(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if node.name.value in ("skip", "include") and isinstance(argument.value, VariableNode):
                self.names.append(argument.value.name.value)


def booleans_of(document: DocumentNode) -> tuple[str, ...]:
    """Give the names of the variables that @skip and @include read anywhere in a document."""
    visitor = _Booleans()
    visit(document, visitor)
    return tuple(dict.fromkeys(visitor.names))
