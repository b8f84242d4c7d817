"""What an operation may cost, known before it is planned: the most objects that it can answer, and what scans.

An object costs 1. A list costs its page's size (`first` or `last`, 20 where neither is given) times one item with all that
is selected of it. Conditions, `totalCount` and the items of lists in arguments have prices of their own. The conditions of
all lists of an operation are counted, too: each is a part of a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
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
)

from gql_releases.domain.paging import DEFAULT_PAGE, MAX_PAGE
from gql_releases.domain.release import MAX_BULK
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.coercion import read_literal
from gql_releases.graphql_api.execution.collect_fields import Document, booleans_of, variables_in_arguments
from gql_releases.graphql_api.execution.limits import limit_error, require
from gql_releases.graphql_api.execution.weights import NO_WEIGHT, Measure, Weight, count_comparators, measure_of

COUNT_COST = 10
"""Price of a totalCount, for each list that it is selected of, beside the price of the list's conditions."""
SCAN_COST = 1000
"""Price of a condition of SCANNING_CONDITIONS, for each list that it is in."""
CONDITION_COST = 10
"""Price of any other condition, of a group of conditions, of `orderBy`, and of an argument that finds a to-one."""
MUTATION_COST = 10
"""Price of a mutation, beside that of its lists."""
INTROSPECTION_COST = 1000
"""Price of __schema or __type, whose depth the standard rules bound."""

Variables = Mapping[str, Any]


class Price(NamedTuple):
    """What an operation may cost, and how many conditions its lists and arguments have together."""

    cost: int = 0
    conditions: int = 0

    def plus(self, other: Price) -> Price:
        """Return the sum of two prices."""
        return Price(self.cost + other.cost, self.conditions + other.conditions)

    def times(self, count: int) -> Price:
        """Return the price of several objects: their cost, but the conditions of one, for they share a statement."""
        return Price(count * self.cost, self.conditions)


NO_COST = Price()
OBJECT_COST = Price(1)


@dataclass(slots=True)
class _Pricing:
    """One pass over an operation; a fragment is priced once on each type. `results`: how many a bulk mutation has."""

    document: Document
    variables: Variables
    results: int = MAX_BULK
    known: dict[tuple[Any, ...], Price] = field(default_factory=dict)
    known_parts: dict[tuple[str, str], tuple[Price, Price, int]] = field(default_factory=dict)

    def below(self, parent: Any, selections: SelectionSetNode | None) -> Price:
        """Price what is selected of one object."""
        total = NO_COST
        for node in self.fields(parent, selections) if selections else ():
            total = total.plus(self.field(parent, node))
        return total

    def fields(self, parent: Any, selections: SelectionSetNode) -> list[FieldNode | FragmentSpreadNode]:
        """Return the fields on a type, those in inline fragments too, and spreads of fragments that apply."""
        fields: list[FieldNode | FragmentSpreadNode] = []
        for node in selections.selections:
            if not self.document.included(node):
                continue
            if isinstance(node, FieldNode):
                fields.append(node)
            elif isinstance(node, FragmentSpreadNode):
                if self.document.applies(parent, self.document.fragments[node.name.value].type_condition.name.value):
                    fields.append(node)
            else:
                condition = node.type_condition  # type: ignore[attr-defined]
                if condition is None or self.document.applies(parent, condition.name.value):
                    fields += self.fields(parent, node.selection_set)  # type: ignore[attr-defined]
        return fields

    def field(self, parent: Any, node: FieldNode | FragmentSpreadNode) -> Price:
        if isinstance(node, FragmentSpreadNode):
            key = node.name.value, parent.name, self.results
            if key not in self.known:
                self.known[key] = self.below(parent, self.document.fragments[node.name.value].selection_set)
            return self.known[key]
        if node.name.value.startswith("__"):
            return NO_COST if node.name.value == "__typename" else Price(INTROSPECTION_COST)
        declared = parent.fields[node.name.value]
        target: Any = get_named_type(declared.type)
        binding = b.read_binding(declared)
        if not is_composite_type(target):
            return Price(binding.size) if isinstance(binding, b.GeneratedText) else NO_COST
        match binding:
            case b.ListOf() | b.QueryBinding("list"):
                return self.listed(target, declared, node, compared=isinstance(binding, b.ListOf) and binding.inherits)
            case b.QueryBinding("node"):
                return OBJECT_COST.plus(self.any_of(target, node))
            case b.QueryBinding("nodes"):
                count = self.weight(declared, node, "ids").length
                return OBJECT_COST.plus(self.any_of(target, node)).times(count).plus(Price(0, 1))
            case b.ConnectionPart():  # an edge's node is the list's item, which is counted there
                return self.below(target, node.selection_set)
            case b.MutationBinding():
                return self.commanded(target, declared, node)
            case b.ComputedReference() | b.EmbeddedIn():
                arguments = len(node.arguments or ())
                own = Price(1 + CONDITION_COST * arguments, arguments)
                return own.plus(self.below(target, node.selection_set))
        if binding is None and isinstance(get_nullable_type(declared.type), GraphQLList):
            return self.below(target, node.selection_set).times(self.results)
        return OBJECT_COST.plus(self.below(target, node.selection_set))

    def commanded(self, payload: Any, declared: GraphQLField, node: FieldNode) -> Price:
        """Price a mutation: its payload, and each item of the lists of its input."""
        weight = self.weight(declared, node, "input")
        self.results = min(weight.length, MAX_BULK)
        cost = MUTATION_COST + weight.points // 2
        return Price(cost).plus(self.below(payload, node.selection_set))

    def any_of(self, target: Any, node: FieldNode) -> Price:
        """Price an object of an unknown type: as the dearest of those that it may be."""
        if not is_abstract_type(target):
            return self.below(target, node.selection_set)
        prices = [self.below(kind, node.selection_set) for kind in self.document.schema.get_possible_types(target)]
        return Price(max(price.cost for price in prices), max(price.conditions for price in prices))

    def listed(self, connection: Any, declared: GraphQLField, node: FieldNode, *, compared: bool) -> Price:
        """Price a connection: its nodes and edges are the same rows; a total looks at all rows that its conditions do."""
        per_item, once, totals = self.parts(connection, node.selection_set)
        own = self.conditions(declared, node, compared=compared)
        item = OBJECT_COST.plus(per_item).times(self.size(node))
        return item.plus(once).plus(own).plus(Price(totals * own.cost))

    def conditions(self, declared: GraphQLField, node: FieldNode, *, compared: bool) -> Price:
        """Price the conditions of a list: those of its filter, its order, and the comparison that it is in."""
        weight = self.weight(declared, node, "filter")
        scanning = weight.scanning + compared
        simple = weight.conditions - weight.scanning + any(one.name.value == "orderBy" for one in node.arguments or ())
        cost = SCAN_COST * scanning + CONDITION_COST * simple + weight.points // 2
        return Price(cost, scanning + simple)

    def parts(self, connection: Any, selections: SelectionSetNode | None) -> tuple[Price, Price, int]:
        """Price a connection's parts, for each item and once, and count the totals among them."""
        per_item, once, totals = NO_COST, NO_COST, 0
        for part in self.fields(connection, selections) if selections else ():
            if isinstance(part, FragmentSpreadNode):
                key = part.name.value, connection.name
                if key not in self.known_parts:
                    self.known_parts[key] = self.parts(connection, self.document.fragments[key[0]].selection_set)
                spread = self.known_parts[key]
                per_item, once, totals = per_item.plus(spread[0]), once.plus(spread[1]), totals + spread[2]
                continue
            name = part.name.value
            if name == "totalCount":
                once, totals = once.plus(Price(COUNT_COST)), totals + 1
            elif name in ("nodes", "edges"):
                target: Any = get_named_type(connection.fields[name].type)
                per_item = per_item.plus(self.below(target, part.selection_set))
        return per_item, once, totals

    def size(self, node: FieldNode) -> int:
        values = [self.argument(node, name) for name in ("first", "last")]
        sizes = [size for size in values if isinstance(size, int)]
        return min(max(sizes[0], 0), MAX_PAGE) if sizes else DEFAULT_PAGE

    def weight(self, declared: GraphQLField, node: FieldNode, name: str) -> Weight:
        """Weigh an argument; one that the field does not have, or that is null, weighs nothing."""
        argument, value = declared.args.get(name), self.argument(node, name)
        measure = measure_of(argument.type) if argument and value is not None else None
        return measure(value) if measure else NO_WEIGHT

    def argument(self, node: FieldNode, name: str) -> Any:
        for argument in node.arguments or ():
            if argument.name.value == name:
                value = argument.value
                if isinstance(value, VariableNode):
                    return self.variables.get(value.name.value)
                return read_literal(value, self.variables)
        return None


def price(document: Document, definition: OperationDefinitionNode, variables: Variables) -> Price:
    """Price a valid operation for its variables."""
    root = document.schema.get_root_type(definition.operation)
    return _Pricing(document, variables).below(root, definition.selection_set)


def require_affordable(price: Price, maximum: int) -> None:
    """Refuse an operation that may cost more than is allowed, or has too many conditions. Raises GraphQLError."""
    require("conditions", price.conditions)
    if price.cost > maximum:
        raise limit_error("cost", price.cost, maximum)


Relevant = list[tuple[str, Callable[[Any], Any]]]
"""The variables that a price depends on, each with the function to what of its value matters."""


def relevant_variables(schema: GraphQLSchema, document: DocumentNode, definition: OperationDefinitionNode) -> Relevant:
    """Return what of an operation's variables its price depends on, so that a price can be kept for others alike.

    Of a list or an input its weight matters, of a page's size its value, of a scalar in a filter whether it is null, of a
    range of versions how many comparators it has, and what @skip and @include read.
    """
    uses: dict[str, set[Callable[[Any], Any]]] = {name: {_identity} for name in booleans_of(document)}
    for name, argument, input_field in variables_in_arguments(document):
        if argument in ("first", "last"):
            uses.setdefault(name, set()).add(_identity)
        elif argument == "filter":
            uses.setdefault(name, set()).add(_range_of if input_field == "range" else _is_given)
    relevant: Relevant = []
    for variable in definition.variable_definitions or ():
        name = variable.variable.name.value
        measure = measure_of(type_from_ast(schema, variable.type))
        relevant += [(name, _unless_null(measure))] if measure else [(name, use) for use in uses.get(name, ())]
    return relevant


def _unless_null(measure: Measure) -> Callable[[Any], Any]:
    return lambda value: None if value is None else measure(value)


def _range_of(value: Any) -> int | None:
    return None if value is None else count_comparators(value)


def _is_given(value: Any) -> bool:
    return value is not None


def _identity(value: Any) -> Any:
    return value
