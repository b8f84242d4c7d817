"""Prepares operations: parses, validates and plans them, and caches them by document and name."""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    parse,
    type_from_ast,
    validate,
)
from graphql.execution.values import get_variable_values

from gql_releases.domain.cache_budget import BUDGET, BoundedCache, CacheBudget
from gql_releases.domain.counters import count_fall_back
from gql_releases.domain.errors import quote_value
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.coercion import (
    MISSING,
    Coerce,
    CoercionError,
    Variables,
    compile_coercer,
    compile_evaluator,
    is_large,
)
from gql_releases.graphql_api.execution.collect_fields import (
    Document,
    index_fragments,
    list_boolean_variables,
    list_operations,
)
from gql_releases.graphql_api.execution.computed_plans import plan_computed
from gql_releases.graphql_api.execution.cost import Price, PriceVariables, list_price_variables, price_operation
from gql_releases.graphql_api.execution.limits import MAXIMA, check_document, check_text
from gql_releases.graphql_api.execution.messages import drop_suggestions, explain_id, has_long_name, shorten_value
from gql_releases.graphql_api.execution.payload_plans import plan_payload
from gql_releases.graphql_api.execution.planner import compile_arguments, plan_list, plan_payload_node, plan_view
from gql_releases.graphql_api.execution.root_fields import (
    ComputedField,
    ConstantField,
    IntrospectionField,
    ListField,
    MutationField,
    NodeField,
    ObjectField,
    RootField,
)
from gql_releases.graphql_api.execution.rules import RULES

logger = logging.getLogger(__name__)

REPORTED_ERRORS = 20
"""Maximum number of reported errors of a document or its variables: an unknown field is compared with all fields."""
OPERATION_BYTES = 4096
TOKEN_BYTES = 1000
"""Estimated bytes of an operation, and of each token of its document: 350 to 600 of syntax tree, 150 to 300 of a plan."""
PLAN_TOKEN_BYTES = 300
"""Estimated bytes of each token in a further plan, for other Booleans or another type of node."""
PRICE_BYTES = 400
"""Estimated bytes of a cached price."""
MAX_PLANS_PER_OPERATION = 16
MAX_PRICES_PER_OPERATION = 64

PARSE_FAILED, VALIDATION_FAILED = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT, NO_OPERATION = "BAD_USER_INPUT", "OPERATION_RESOLUTION_FAILURE"
"""Codes of requests that cannot be executed. Source: Apollo Server's error codes."""


class RequestError(Exception):
    """The request cannot be executed: its document, its operation's name or its variables are invalid.

    `code` is the code of errors without a code of their own.
    """

    def __init__(self, errors: list[GraphQLError], code: str = VALIDATION_FAILED) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.is_syntax = isinstance(errors[0], GraphQLSyntaxError)
        self.code = PARSE_FAILED if self.is_syntax else code


def _ignore(weight: int) -> None:
    """Do nothing: an operation that is not cached has no entry in the cache's budget."""


@dataclass(slots=True)
class Operation:
    """An operation of a valid document."""

    schema: GraphQLSchema
    document: DocumentNode
    definition: OperationDefinitionNode
    variables: list[tuple[str, Coerce, Any, bool]]
    booleans: tuple[str, ...]
    price_variables: PriceVariables
    tokens: int
    plans: OrderedDict[tuple[bool | None, ...], list[RootField]] = field(default_factory=OrderedDict)
    prices: OrderedDict[tuple[Any, ...], Price] = field(default_factory=OrderedDict)
    grow: Callable[[int], None] = _ignore
    """Called with the number of bytes by which the operation has grown."""
    name: str = field(init=False)
    """The operation's name, or ""."""
    is_query: bool = field(init=False)
    """Whether the operation only reads."""

    def __post_init__(self) -> None:
        self.name = self.definition.name.value if self.definition.name else ""
        self.is_query = self.definition.operation is OperationType.QUERY

    @property
    def weight(self) -> int:
        """Estimated bytes of the operation with one plan."""
        return OPERATION_BYTES + TOKEN_BYTES * self.tokens

    def coerce(self, raw: Mapping[str, Any], exact: Callable[[], Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Return the request's variables, coerced. Raises RequestError with up to about 20 errors.

        `exact` returns the variables with the text of their numbers: it is called if a float's text decides.
        """
        try:
            return self._coerce(raw)
        except RecursionError:
            raise RequestError([GraphQLError("The variables are nested too deeply.")], BAD_INPUT) from None
        except GraphQLError as error:  # a list above its limit
            raise RequestError([error]) from None
        except CoercionError as error:
            if error.needs_exact and exact:
                return self.coerce(exact())
            raise RequestError(self._explain(raw, error), BAD_INPUT) from None

    def _explain(self, raw: Mapping[str, Any], error: CoercionError) -> list[GraphQLError]:
        """Return graphql-core's errors; `error` alone for large variables, which take seconds, or if there are no others."""
        count_fall_back("coercion")
        declared = {name: raw[name] for name, _, _, _ in self.variables if name in raw}
        definitions = self.definition.variable_definitions or ()
        if not is_large(declared):
            errors = get_variable_values(
                self.schema, definitions, shorten_value(declared), max_errors=REPORTED_ERRORS, hide_suggestions=True
            )
            if isinstance(errors, list):
                for core_error in errors:
                    core_error.message = explain_id(core_error.message)
                return errors
            logger.warning(
                "the value of $%s is refused by the compiled coercer but accepted by graphql-core", error.path[-1]
            )
        node = next(definition for definition in definitions if definition.variable.name.value == error.path[-1])
        return [GraphQLError(str(error), node)]

    def _coerce(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        values = {}
        try:
            for name, coerce, default, required in self.variables:
                if name in raw:
                    values[name] = coerce(raw[name])
                elif default is not MISSING:
                    values[name] = default
                elif required:
                    raise CoercionError("A value must be given.")
        except CoercionError as error:
            error.path.append(name)
            raise
        return values

    def price(self, variables: Variables) -> Price:
        """Return the price of the operation with these variables; it is cached for variables of equal weight.

        Raises GraphQLError if a variable of @skip or @include is null.
        """
        key = tuple([measure(variables.get(name)) for name, measure in self.price_variables])
        cached = self.prices.get(key)
        if cached is None:
            booleans = {name: variables.get(name) for name in self.booleans}
            document = Document(self.schema, index_fragments(self.document), booleans)
            cached = self.prices[key] = price_operation(document, self.definition, variables)
            if len(self.prices) > MAX_PRICES_PER_OPERATION:
                self.prices.popitem(last=False)
            else:
                self.grow(PRICE_BYTES)
        return cached

    def plan(self, variables: Variables) -> list[RootField]:
        """Return the root fields for these variables; the plan is cached by the Booleans in @skip and @include.

        Raises GraphQLError if one of these is null.
        """
        key = tuple([variables.get(name) for name in self.booleans])
        root_fields = self.plans.get(key)
        if root_fields is None:
            root_fields = self.plans[key] = self._plan(dict(zip(self.booleans, key, strict=True)))
            if len(self.plans) > MAX_PLANS_PER_OPERATION:
                self.plans.popitem(last=False)
            elif len(self.plans) > 1:
                self.grow(PLAN_TOKEN_BYTES * self.tokens)
        return root_fields

    def _plan(self, booleans: Mapping[str, bool | None]) -> list[RootField]:
        document = Document(self.schema, index_fragments(self.document), booleans)
        root = self.schema.get_root_type(self.definition.operation)
        assert root
        fields = document.collect(root, [self.definition.selection_set])
        return [self._plan_field(document, root, name, nodes) for name, nodes in fields.items()]

    def _plan_field(self, document: Document, root: GraphQLObjectType, name: str, nodes: list[FieldNode]) -> RootField:
        field_name = nodes[0].name.value
        if field_name == "__typename":
            return ConstantField(name, root.name)
        if field_name in ("__schema", "__type"):
            return IntrospectionField(name, self.schema, document, self.definition, nodes, self.grow)
        declared = root.fields[field_name]
        target: Any = get_named_type(declared.type)
        arguments = compile_arguments(declared, nodes[0])
        match b.read_binding(declared):
            case b.MutationBinding() as binding:
                return self._plan_mutation(document, name, nodes, target, binding)
            case b.ComputedBinding() as computed:
                return ComputedField(name, computed, arguments, plan_computed(document, target, nodes, (name,)))
            case b.QueryBinding("list"):
                return ListField(name, plan_list(document, declared, nodes, (name,)))
            case b.QueryBinding("node" | "nodes"):
                grow = partial(self.grow, PLAN_TOKEN_BYTES * self.tokens)
                return NodeField(name, document, nodes, node_types(self.schema), arguments, (name,), grow)
            case b.QueryBinding(_, find, passes_arguments):
                view = plan_view(document, target, nodes, (name,), arguments if passes_arguments else None)
                return ObjectField(name, view, arguments, find)
        raise TypeError(f"{root.name}.{field_name} has no binding")

    def _plan_mutation(
        self, document: Document, name: str, nodes: list[FieldNode], payload: GraphQLObjectType, binding: b.MutationBinding
    ) -> MutationField:
        root = self.schema.mutation_type
        assert root
        declared = root.fields[nodes[0].name.value]
        plan, shown = plan_payload(document, payload, nodes, binding.shows)
        view = plan_payload_node(document, shown.target or node_types(self.schema)["Release"], shown.nodes, (name,))
        arguments, input_type = compile_arguments(declared, nodes[0]), declared.args["input"].type
        return MutationField(name, binding, arguments, input_type, plan, view)


def node_types(schema: GraphQLSchema) -> dict[str, GraphQLObjectType]:
    """Return the types of nodes, by name."""
    interface: Any = schema.type_map["Node"]
    return {node_type.name: node_type for node_type in schema.get_possible_types(interface)}


class OperationCache:
    """Prepares operations and caches them within a budget of bytes."""

    def __init__(self, schema: GraphQLSchema, budget: CacheBudget = BUDGET) -> None:
        """Create a cache for the operations of a schema."""
        self._schema = schema
        self._operations: BoundedCache[tuple[str, str | None], Operation] = BoundedCache("operations", budget)

    def prepare(self, text: str, name: str | None, *, hide_suggestions: bool = False) -> Operation:
        """Return the operation of a document. Raises RequestError, which is not cached: not all clients get suggestions."""
        key = text, name
        operation = self._operations.get(key)
        if operation is None:
            operation = self._prepare(text, name, hide_suggestions)
            operation.grow = partial(self._operations.grow, key)
            self._operations.put(key, operation, operation.weight + sys.getsizeof(text))
        return operation

    def has(self, text: str, name: str | None) -> bool:
        """Return whether the operation of a document is prepared."""
        return self._operations.get((text, name)) is not None

    def prepare_all(self, documents: Mapping[str, str]) -> None:
        """Plan each operation of trusted documents, by id. Raises ValueError for one that cannot be executed."""
        for document_id, text in documents.items():
            try:
                for name in _list_names(text):
                    operation = self.prepare(text, name)
                    operation.plan(dict.fromkeys(operation.booleans, True))
            except (RequestError, GraphQLError) as error:
                raise ValueError(f"The trusted document {document_id} cannot be executed: {error}") from None

    def _prepare(self, text: str, name: str | None, hide_suggestions: bool) -> Operation:
        try:
            check_text(text)
            document = parse(text, max_tokens=MAXIMA["tokens"])
            check_document(document)
            hidden = hide_suggestions or has_long_name(text)
            errors = validate(self._schema, document, RULES, max_errors=REPORTED_ERRORS, hide_suggestions=hidden)
        except GraphQLError as error:
            raise RequestError([error]) from None
        except RecursionError:
            raise RequestError([GraphQLError("The document is nested too deeply.")]) from None
        if errors:
            for core_error in errors if hide_suggestions else ():
                core_error.message = drop_suggestions(core_error.message)
            raise RequestError(errors)
        definition = _choose_operation(document, name)
        return Operation(
            self._schema,
            document,
            definition,
            self._variables(definition),
            list_boolean_variables(document),
            list_price_variables(self._schema, document, definition),
            _count_tokens(document),
        )

    def _variables(self, definition: OperationDefinitionNode) -> list[tuple[str, Coerce, Any, bool]]:
        variables = []
        for variable in definition.variable_definitions or ():
            declared: Any = type_from_ast(self._schema, variable.type)
            default = compile_evaluator(variable.default_value, declared)({}) if variable.default_value else MISSING
            required = variable.type.kind == "non_null_type"
            variables.append((variable.variable.name.value, compile_coercer(declared), default, required))
        return variables


def _count_tokens(document: DocumentNode) -> int:
    """Return the number of tokens of a syntax tree."""
    token = document.loc.start_token if document.loc else None
    count = 0
    while token:
        count, token = count + 1, token.next
    return count


def _list_names(text: str) -> list[str | None]:
    """Return the operation names that requests with a document may have: None if there is only one operation."""
    names = [operation.name.value if operation.name else None for operation in list_operations(parse(text))]
    return names if len(names) > 1 else [None, *(name for name in names if name)]


def _choose_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = list_operations(document)
    if name is None:
        if len(operations) == 1:
            return operations[0]
        raise RequestError([GraphQLError("The document has several operations: send operationName.")], NO_OPERATION)
    for operation in operations:
        if operation.name and operation.name.value == name:
            return operation
    raise RequestError([GraphQLError(f"The document has no operation named {quote_value(name)}.")], NO_OPERATION)
