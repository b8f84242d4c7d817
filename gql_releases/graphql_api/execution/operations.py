"""Operations, prepared once: parsed, validated, planned, and kept by document, name and the Booleans that choose fields."""

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
from gql_releases.graphql_api.execution.coercion import MISSING, Coerce, CoercionError, coercer, evaluator, is_large
from gql_releases.graphql_api.execution.collect_fields import Document, booleans_of, fragments_of, operations_of
from gql_releases.graphql_api.execution.cost import Price, Relevant, price, relevant_variables
from gql_releases.graphql_api.execution.limits import MAXIMA, check_document, check_text
from gql_releases.graphql_api.execution.messages import drop_suggestions, explain_id, has_long_name, shorten_value
from gql_releases.graphql_api.execution.payload_plans import plan_payload
from gql_releases.graphql_api.execution.planner import arguments_of, plan_list, plan_payload_node, plan_view
from gql_releases.graphql_api.execution.root_fields import (
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
"""Errors of a document, or of its variables, that are told: each unknown field is compared with all known ones."""
OPERATION_BYTES = 4096
TOKEN_BYTES = 1000
"""What an operation weighs, and each token of its document: 350 to 600 bytes of syntax tree, 150 to 300 of a plan."""
PLAN_TOKEN_BYTES = 300
"""What each token weighs in another plan, for other Booleans or another type of node."""
PRICE_BYTES = 400
"""What a kept price weighs."""
MAX_PLANS_PER_OPERATION = 16
MAX_PRICES_PER_OPERATION = 64


PARSE_FAILED, VALIDATION_FAILED = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT, NO_OPERATION = "BAD_USER_INPUT", "OPERATION_RESOLUTION_FAILURE"
"""Codes of requests that cannot be executed, as Apollo's tools group them."""


class RequestError(Exception):
    """The request cannot be executed: its document, its operation's name or its variables are wrong.

    `code` is that of the errors that have none of their own.
    """

    def __init__(self, errors: list[GraphQLError], code: str = VALIDATION_FAILED) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.is_syntax = isinstance(errors[0], GraphQLSyntaxError)
        self.code = PARSE_FAILED if self.is_syntax else code


def _ignore(weight: int) -> None:
    """Do nothing: an operation that is not kept has no entry that grows."""


@dataclass(slots=True)
class Operation:
    """An operation of a valid document."""

    schema: GraphQLSchema
    document: DocumentNode
    definition: OperationDefinitionNode
    variables: list[tuple[str, Coerce, Any, bool]]
    booleans: tuple[str, ...]
    priced_by: Relevant
    tokens: int
    plans: OrderedDict[tuple[bool | None, ...], list[RootField]] = field(default_factory=OrderedDict)
    prices: OrderedDict[tuple[Any, ...], Price] = field(default_factory=OrderedDict)
    grow: Callable[[int], None] = _ignore
    """Called with the bytes that the operation has grown by."""
    name: str = field(init=False)
    """The operation's name, or ""."""
    is_query: bool = field(init=False)
    """Whether the operation only reads."""

    def __post_init__(self) -> None:
        self.name = self.definition.name.value if self.definition.name else ""
        self.is_query = self.definition.operation is OperationType.QUERY

    @property
    def weight(self) -> int:
        """The bytes of the operation with one plan, as estimated."""
        return OPERATION_BYTES + TOKEN_BYTES * self.tokens

    def coerce(self, raw: Mapping[str, Any], exact: Callable[[], Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Coerce the request's variables. Raises RequestError with all that is wrong, at most some 20 errors.

        `exact` returns them with their numbers as they were written: it is called where a float decides.
        """
        try:
            return self._coerce(raw)
        except RecursionError:
            raise RequestError([GraphQLError("The variables are nested too deeply.")], BAD_INPUT) from None
        except GraphQLError as error:  # a list beyond its limit
            raise RequestError([error]) from None
        except CoercionError as error:
            if error.needs_exact and exact:
                return self.coerce(exact())
            raise RequestError(self._explain(raw, error), BAD_INPUT) from None

    def _explain(self, raw: Mapping[str, Any], error: CoercionError) -> list[GraphQLError]:
        """Return graphql-core's errors: but for large variables, which it takes seconds for, and where it finds none."""
        count_fall_back("coercion")
        declared = {name: raw[name] for name, _, _, _ in self.variables if name in raw}
        definitions = self.definition.variable_definitions or ()
        if not is_large(declared):
            errors = get_variable_values(
                self.schema, definitions, shorten_value(declared), max_errors=REPORTED_ERRORS, hide_suggestions=True
            )
            if isinstance(errors, list):
                for fault in errors:
                    fault.message = explain_id(fault.message)
                return errors
            logger.warning(
                "the value of $%s is refused by the compiled coercer but accepted by graphql-core", error.path[-1]
            )
        node = next(one for one in definitions if one.variable.name.value == error.path[-1])
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

    def price(self, variables: Mapping[str, Any]) -> Price:
        """Return what the operation may cost for these variables; kept for others of the same weights.

        Raises GraphQLError for a null that @skip or @include reads.
        """
        key = tuple([what(variables.get(name)) for name, what in self.priced_by])
        known = self.prices.get(key)
        if known is None:
            booleans = {name: variables.get(name) for name in self.booleans}
            document = Document(self.schema, fragments_of(self.document), booleans)
            known = self.prices[key] = price(document, self.definition, variables)
            if len(self.prices) > MAX_PRICES_PER_OPERATION:
                self.prices.popitem(last=False)
            else:
                self.grow(PRICE_BYTES)
        return known

    def steps(self, variables: Mapping[str, Any]) -> list[RootField]:
        """Give the root fields for these variables, planned once per values of the Booleans that choose fields.

        Raises GraphQLError for a null that @skip or @include reads.
        """
        key = tuple([variables.get(name) for name in self.booleans])
        steps = self.plans.get(key)
        if steps is None:
            steps = self.plans[key] = self._plan(dict(zip(self.booleans, key, strict=True)))
            if len(self.plans) > MAX_PLANS_PER_OPERATION:
                self.plans.popitem(last=False)
            elif len(self.plans) > 1:
                self.grow(PLAN_TOKEN_BYTES * self.tokens)
        return steps

    def _plan(self, booleans: Mapping[str, bool | None]) -> list[RootField]:
        document = Document(self.schema, fragments_of(self.document), booleans)
        root = self.schema.get_root_type(self.definition.operation)
        assert root
        fields = document.collect(root, [self.definition.selection_set])
        return [self._step(document, root, name, nodes) for name, nodes in fields.items()]

    def _step(self, document: Document, root: GraphQLObjectType, name: str, nodes: list[FieldNode]) -> RootField:
        asked = nodes[0].name.value
        if asked == "__typename":
            return ConstantField(name, root.name)
        if asked in ("__schema", "__type"):
            return IntrospectionField(name, self.schema, document, self.definition, nodes, self.grow)
        declared = root.fields[asked]
        target: Any = get_named_type(declared.type)
        arguments = arguments_of(declared, nodes[0])
        match b.read_binding(declared):
            case b.MutationBinding() as command:
                return self._command(document, name, nodes, target, command)
            case b.QueryBinding("list"):
                return ListField(name, plan_list(document, declared, nodes, (name,)))
            case b.QueryBinding("node" | "nodes"):
                grow = partial(self.grow, PLAN_TOKEN_BYTES * self.tokens)
                return NodeField(name, document, nodes, node_types(self.schema), arguments, (name,), grow)
            case b.QueryBinding(_, find):
                return ObjectField(name, plan_view(document, target, nodes, (name,)), arguments, find)
        raise TypeError(f"{root.name}.{asked} is bound to nothing")

    def _command(
        self, document: Document, name: str, nodes: list[FieldNode], payload: GraphQLObjectType, command: b.MutationBinding
    ) -> MutationField:
        root = self.schema.mutation_type
        assert root
        declared = root.fields[nodes[0].name.value]
        plan, shown = plan_payload(document, payload, nodes, command.shows)
        view = plan_payload_node(document, shown.target or node_types(self.schema)["Release"], shown.nodes, (name,))
        arguments, input_type = arguments_of(declared, nodes[0]), declared.args["input"].type
        return MutationField(name, command, arguments, input_type, plan, view)


def node_types(schema: GraphQLSchema) -> dict[str, GraphQLObjectType]:
    """Give the types that `node` can lead to."""
    interface: Any = schema.type_map["Node"]
    return {one.name: one for one in schema.get_possible_types(interface)}


class OperationCache:
    """Prepares operations and keeps them."""

    def __init__(self, schema: GraphQLSchema, budget: CacheBudget = BUDGET) -> None:
        """Take the schema, and the budget that operations are kept within."""
        self._schema = schema
        self._kept: BoundedCache[tuple[str, str | None], Operation] = BoundedCache("operations", budget)

    def prepare(self, text: str, name: str | None, *, hide_suggestions: bool = False) -> Operation:
        """Return the operation of a document. Raises RequestError, which is not kept: not all clients get suggestions."""
        key = text, name
        operation = self._kept.get(key)
        if operation is None:
            operation = self._prepare(text, name, hide_suggestions)
            operation.grow = partial(self._kept.grow, key)
            self._kept.put(key, operation, operation.weight + sys.getsizeof(text))
        return operation

    def keeps(self, text: str, name: str | None) -> bool:
        """Return whether the operation of a document is prepared."""
        return self._kept.get((text, name)) is not None

    def prepare_all(self, documents: Mapping[str, str]) -> None:
        """Plan each operation of trusted documents, by id. Raises ValueError for one that cannot be executed."""
        for document_id, text in documents.items():
            try:
                for name in _list_names(text):
                    operation = self.prepare(text, name)
                    operation.steps(dict.fromkeys(operation.booleans, True))
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
            for fault in errors if hide_suggestions else ():
                fault.message = drop_suggestions(fault.message)
            raise RequestError(errors)
        definition = _choose_operation(document, name)
        return Operation(
            self._schema,
            document,
            definition,
            self._variables(definition),
            booleans_of(document),
            relevant_variables(self._schema, document, definition),
            _count_tokens(document),
        )

    def _variables(self, definition: OperationDefinitionNode) -> list[tuple[str, Coerce, Any, bool]]:
        found = []
        for one in definition.variable_definitions or ():
            declared: Any = type_from_ast(self._schema, one.type)
            default = evaluator(one.default_value, declared)({}) if one.default_value else MISSING
            required = one.type.kind == "non_null_type"
            found.append((one.variable.name.value, coercer(declared), default, required))
        return found


def _count_tokens(document: DocumentNode) -> int:
    """Count the tokens that a syntax tree keeps."""
    token = document.loc.start_token if document.loc else None
    count = 0
    while token:
        count, token = count + 1, token.next
    return count


def _list_names(text: str) -> list[str | None]:
    """Give the names that a document's operations are asked for by: one alone needs none."""
    found = [one.name.value if one.name else None for one in operations_of(parse(text))]
    return found if len(found) > 1 else [None, *(name for name in found if name)]


def _choose_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = operations_of(document)
    if name is None:
        if len(operations) == 1:
            return operations[0]
        raise RequestError([GraphQLError("The document has several operations: send operationName.")], NO_OPERATION)
    for one in operations:
        if one.name and one.name.value == name:
            return one
    raise RequestError([GraphQLError(f"The document has no operation named {quote_value(name)}.")], NO_OPERATION)
