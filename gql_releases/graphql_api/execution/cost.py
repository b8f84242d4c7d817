"""Computes the cost of an operation before it is planned: the maximum number of objects in its response, and scans.

An object costs 1. A list costs its page's size (`first` or `last`, default 20) times the cost of an item with its selection.
Conditions, `totalCount` and the items of lists in arguments have prices of their own. The conditions of all lists of an
operation are counted as well: each becomes a part of a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLSchema,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
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
from gql_releases.graphql_api.execution.coercion import Variables, read_literal
from gql_releases.graphql_api.execution.collect_fields import (
    Document,
    list_argument_variables,
    list_boolean_variables,
    list_field_nodes,
)
from gql_releases.graphql_api.execution.limits import limit_error, require
from gql_releases.graphql_api.execution.weights import NO_WEIGHT, Measure, Weight, compile_measure, count_comparators

COUNT_COST = 10
"""Price of a totalCount, for each list, in addition to the price of the list's conditions."""
SCAN_COST = 1000
"""Price of a condition of SCANNING_CONDITIONS, for each list that has it."""
CONDITION_COST = 10
"""Price of any other condition, of a group of conditions, of `orderBy`, and of an argument that selects a to-one."""
SEARCH_ARGUMENT = "query"
"""The argument of a list with a text to search for, which is a condition that scans."""
MUTATION_COST = 10
"""Price of a mutation, in addition to that of its lists."""
INTROSPECTION_COST = 1000
"""Price of __schema or __type, whose depth is limited by graphql-core's rules."""

PriceVariables = list[tuple[str, Callable[[Any], Any]]]
"""The variables that a price depends on, each with the function that returns the relevant part of its value."""


class Price(NamedTuple):
    """The maximum cost of an operation, and the number of conditions of its lists and arguments."""

    cost: int = 0
    conditions: int = 0

    def plus(self, other: Price) -> Price:
        """Return the sum of two prices."""
        return Price(self.cost + other.cost, self.conditions + other.conditions)

    def times(self, count: int) -> Price:
        """Return the price of several objects: their costs, but the conditions of one, as they share a statement."""
        return Price(count * self.cost, self.conditions)


NO_COST = Price()
OBJECT_COST = Price(1)


@dataclass(slots=True)
class _Pricing:
    """One pass over an operation; a fragment is priced once for each type. `results`: those of a bulk mutation."""

    document: Document
    variables: Variables
    results: int = MAX_BULK
    fragment_prices: dict[tuple[Any, ...], Price] = field(default_factory=dict)
    part_prices: dict[tuple[str, str], tuple[Price, Price, int]] = field(default_factory=dict)

    def price_selections(self, parent: Any, selections: SelectionSetNode | None) -> Price:
        """Return the price of what is selected of one object."""
        total = NO_COST
        for node in self.list_fields(parent, selections) if selections else ():
            total = total.plus(self.price_field(parent, node))
        return total

    def list_fields(self, parent: Any, selections: SelectionSetNode) -> list[FieldNode | FragmentSpreadNode]:
        """Return the selected fields of a type, also those in inline fragments, and spreads of fragments that apply."""
        fields: list[FieldNode | FragmentSpreadNode] = []
        for node in selections.selections:
            if not self.document.is_included(node):
                continue
            if isinstance(node, FieldNode):
                fields.append(node)
            elif isinstance(node, FragmentSpreadNode):
                if self.document.applies(parent, self.document.fragments[node.name.value].type_condition.name.value):
                    fields.append(node)
            else:
                condition = node.type_condition  # type: ignore[attr-defined]
                if condition is None or self.document.applies(parent, condition.name.value):
                    fields += self.list_fields(parent, node.selection_set)  # type: ignore[attr-defined]
        return fields

    def price_field(self, parent: Any, node: FieldNode | FragmentSpreadNode) -> Price:
        """Return the price of a field or of a fragment."""
        if isinstance(node, FragmentSpreadNode):
            key = node.name.value, parent.name, self.results
            if key not in self.fragment_prices:
                fragment = self.document.fragments[node.name.value]
                self.fragment_prices[key] = self.price_selections(parent, fragment.selection_set)
            return self.fragment_prices[key]
        if node.name.value.startswith("__"):
            return NO_COST if node.name.value == "__typename" else Price(INTROSPECTION_COST)
        declared = parent.fields[node.name.value]
        target: Any = get_named_type(declared.type)
        binding = b.read_binding(declared)
        if not is_composite_type(target):
            return Price(binding.size) if isinstance(binding, b.GeneratedText) else NO_COST
        match binding:
            case b.ListOf() | b.QueryBinding("list"):
                inherits = isinstance(binding, b.ListOf) and binding.inherits
                return self.price_connection(target, declared, node, is_in_comparison=inherits)
            case b.WholeList(_, size):
                return OBJECT_COST.plus(self.price_selections(target, node.selection_set)).times(size)
            case b.Objects(_, _, size):
                return Price(size)
            case b.QueryBinding("node"):
                return OBJECT_COST.plus(self.price_possible_types(target, node))
            case b.QueryBinding("nodes"):
                count = self.weigh_argument(declared, node, "ids").length
                return OBJECT_COST.plus(self.price_possible_types(target, node)).times(count).plus(Price(0, 1))
            case b.ConnectionPart():  # an edge's node is the list's item, which the list's price includes
                return self.price_selections(target, node.selection_set)
            case b.MutationBinding():
                return self.price_mutation(target, declared, node)
            case b.ComputedBinding():
                return self.price_computed(target, binding, node)
            case b.ComputedReference() | b.EmbeddedIn():
                arguments = len(node.arguments or ())
                own = Price(1 + CONDITION_COST * arguments, arguments)
                return own.plus(self.price_selections(target, node.selection_set))
        if binding is None and isinstance(get_nullable_type(declared.type), GraphQLList):
            return self.price_selections(target, node.selection_set).times(self.results)
        return OBJECT_COST.plus(self.price_selections(target, node.selection_set))

    def price_mutation(self, payload: Any, declared: GraphQLField, node: FieldNode) -> Price:
        """Return the price of a mutation: its payload, and each item of the lists of its input."""
        weight = self.weigh_argument(declared, node, "input")
        self.results = min(weight.length, MAX_BULK)
        cost = MUTATION_COST + weight.points // 2
        return Price(cost).plus(self.price_selections(payload, node.selection_set))

    def price_computed(self, target: Any, binding: b.ComputedBinding, node: FieldNode) -> Price:
        """Return the price of a computed query: its work, and the objects of its lists for each item."""
        self.results = binding.count_items(self.read_argument(node, "input"))
        return Price(1 + binding.price(self.results)).plus(self.price_selections(target, node.selection_set))

    def price_possible_types(self, target: Any, node: FieldNode) -> Price:
        """Return the price of an object of an abstract type: the highest of its possible types."""
        if not is_abstract_type(target):
            return self.price_selections(target, node.selection_set)
        types = self.document.schema.get_possible_types(target)
        prices = [self.price_selections(possible, node.selection_set) for possible in types]
        return Price(max(price.cost for price in prices), max(price.conditions for price in prices))

    def price_connection(self, connection: Any, declared: GraphQLField, node: FieldNode, *, is_in_comparison: bool) -> Price:
        """Return the price of a connection: nodes and edges are the same rows; a total reads all rows of the list."""
        per_item, once, totals = self.price_parts(connection, node.selection_set)
        own = self.price_conditions(declared, node, is_in_comparison=is_in_comparison)
        item = OBJECT_COST.plus(per_item).times(self.read_page_size(node))
        return item.plus(once).plus(own).plus(Price(totals * own.cost))

    def price_conditions(self, declared: GraphQLField, node: FieldNode, *, is_in_comparison: bool) -> Price:
        """Return the price of a list's conditions: its filter, its order, and the comparison that it is part of."""
        weight = self.weigh_argument(declared, node, "filter")
        is_searched = SEARCH_ARGUMENT in declared.args and self.read_argument(node, SEARCH_ARGUMENT) is not None
        scanning = weight.scanning + is_in_comparison + is_searched
        is_sorted = any(argument.name.value == "orderBy" for argument in node.arguments or ())
        simple = weight.conditions - weight.scanning + is_sorted
        cost = SCAN_COST * scanning + CONDITION_COST * simple + weight.points // 2
        return Price(cost, scanning + simple)

    def price_parts(self, connection: Any, selections: SelectionSetNode | None) -> tuple[Price, Price, int]:
        """Return the price of a connection's parts for each item, the price of those that are read once, and its totals."""
        per_item, once, totals = NO_COST, NO_COST, 0
        for part in self.list_fields(connection, selections) if selections else ():
            if isinstance(part, FragmentSpreadNode):
                key = part.name.value, connection.name
                if key not in self.part_prices:
                    self.part_prices[key] = self.price_parts(connection, self.document.fragments[key[0]].selection_set)
                spread = self.part_prices[key]
                per_item, once, totals = per_item.plus(spread[0]), once.plus(spread[1]), totals + spread[2]
                continue
            name = part.name.value
            if name == "totalCount":
                once, totals = once.plus(Price(COUNT_COST)), totals + 1
            elif name in ("nodes", "edges"):
                target: Any = get_named_type(connection.fields[name].type)
                per_item = per_item.plus(self.price_selections(target, part.selection_set))
        return per_item, once, totals

    def read_page_size(self, node: FieldNode) -> int:
        """Return the number of items that a list has at most."""
        values = [self.read_argument(node, name) for name in ("first", "last")]
        sizes = [size for size in values if isinstance(size, int)]
        return min(max(sizes[0], 0), MAX_PAGE) if sizes else DEFAULT_PAGE

    def weigh_argument(self, declared: GraphQLField, node: FieldNode, name: str) -> Weight:
        """Return the weight of an argument; NO_WEIGHT if the field does not have it, or if it is null."""
        argument, value = declared.args.get(name), self.read_argument(node, name)
        measure = compile_measure(argument.type) if argument and value is not None else None
        return measure(value) if measure else NO_WEIGHT

    def read_argument(self, node: FieldNode, name: str) -> Any:
        """Return the value of an argument; None if it is missing."""
        for argument in node.arguments or ():
            if argument.name.value == name:
                value = argument.value
                if isinstance(value, VariableNode):
                    return self.variables.get(value.name.value)
                return read_literal(value, self.variables)
        return None


def price_operation(document: Document, definition: OperationDefinitionNode, variables: Variables) -> Price:
    """Return the price of a valid operation with its variables."""
    root = document.schema.get_root_type(definition.operation)
    return _Pricing(document, variables).price_selections(root, definition.selection_set)


def require_affordable(price: Price, maximum: int) -> None:
    """Raise GraphQLError if an operation's cost or its number of conditions is above the limit."""
    require("conditions", price.conditions)
    if price.cost > maximum:
        raise limit_error("cost", price.cost, maximum)


def list_price_variables(
    schema: GraphQLSchema, document: DocumentNode, definition: OperationDefinitionNode
) -> PriceVariables:
    """Return what of an operation's variables its price depends on: prices are cached by these values.

    They are the weight of a list or an input, the value of a page's size, whether a scalar in a filter is null, the number
    of comparators in a range of versions, the number of items of a computed query, and the values of the variables in @skip
    and @include.
    """
    uses: dict[str, set[Callable[[Any], Any]]] = {name: {_identity} for name in list_boolean_variables(document)}
    for name, argument, input_field in list_argument_variables(document):
        if argument in ("first", "last"):
            uses.setdefault(name, set()).add(_identity)
        elif argument == SEARCH_ARGUMENT:
            uses.setdefault(name, set()).add(_is_not_null)
        elif argument == "filter":
            uses.setdefault(name, set()).add(_count_range_comparators if input_field == "range" else _is_not_null)
    relevant: PriceVariables = []
    for variable in definition.variable_definitions or ():
        name = variable.variable.name.value
        measure = compile_measure(type_from_ast(schema, variable.type))
        relevant += [(name, _unless_null(measure))] if measure else [(name, use) for use in uses.get(name, ())]
    return [*relevant, *_list_counted_variables(schema, document)]


def _list_counted_variables(schema: GraphQLSchema, document: DocumentNode) -> Iterator[tuple[str, Callable[[Any], int]]]:
    """Yield each variable in the input of a computed query, with the function that counts the items that it makes."""
    fields = schema.query_type.fields if schema.query_type else {}
    for node in list_field_nodes(document):
        binding = b.read_binding(fields[node.name.value]) if node.name.value in fields else None
        if isinstance(binding, b.ComputedBinding):
            for argument in node.arguments or ():
                for name, path in _list_input_variables(argument.value, ()):
                    yield name, partial(_count_at, binding.count_items, path)


def _list_input_variables(value: ValueNode, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the variables of an input with their path in it; the length of a list does not depend on those in it."""
    if isinstance(value, VariableNode):
        yield value.name.value, path
    elif isinstance(value, ObjectValueNode):
        for input_field in value.fields:
            yield from _list_input_variables(input_field.value, (*path, input_field.name.value))


def _count_at(count_items: Callable[[Any], int], path: tuple[str, ...], value: Any) -> int:
    """Return the number of items of an input that has the value at a path."""
    for name in reversed(path):
        value = {name: value}
    return count_items(value)


def _unless_null(measure: Measure) -> Callable[[Any], Any]:
    return lambda value: None if value is None else measure(value)


def _count_range_comparators(value: Any) -> int | None:
    return None if value is None else count_comparators(value)


def _is_not_null(value: Any) -> bool:
    return value is not None


def _identity(value: Any) -> Any:
    return value
