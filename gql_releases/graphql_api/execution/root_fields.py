"""The root fields of a plan; each reads or writes when it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    execute,
)

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, ErrorCode, PagesRefused, Unauthenticated
from gql_releases.domain.paging import MAX_PAGE, PageRequest
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import ObjectRead
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.coercion import Evaluate, Variables
from gql_releases.graphql_api.execution.collect_fields import Document
from gql_releases.graphql_api.execution.computed_plans import NodeKey, Parts, list_node_keys, render_computed
from gql_releases.graphql_api.execution.errors import PAYLOAD_CODES, render_refusal, render_user_errors
from gql_releases.graphql_api.execution.input_problems import find_all_problems
from gql_releases.graphql_api.execution.payload_plans import PayloadPlan, render_payload
from gql_releases.graphql_api.execution.planner import ViewPlan, plan_nodes, plan_view
from gql_releases.graphql_api.execution.refusals import Refusals, ResponsePath, locate_refusals
from gql_releases.graphql_api.execution.scalars import from_global_id
from gql_releases.graphql_api.execution.services import Services
from gql_releases.web.request_record import current_record


class ExecutionContext(NamedTuple):
    """One request: its principal (None without a token), and its variables, coerced and raw.

    `errors` are those of the response.
    """

    services: Services
    principal: Principal | None
    variables: Variables
    raw_variables: Variables
    public_schema: bool
    errors: list[dict[str, Any]]

    def require_principal(self) -> Principal:
        """Return the request's principal. Raises Unauthenticated if it has none."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal

    def add_errors(self, plan: ViewPlan, refusals: Refusals, value: Any, *path: str | int) -> None:
        """Add an error for each field of a value that is null because its arguments are invalid."""
        located = locate_refusals(plan.paths(), refusals, value, path)
        self.errors.extend([render_refusal(error, list(location)) for error, location in located])


async def read_view(
    context: ExecutionContext,
    plan: ViewPlan,
    refusals: Refusals,
    conditions: Conditions = (),
    first: PageRequest | None = None,
) -> Any:
    """Read a view. A field with invalid arguments is null and is added to `refusals`."""
    principal = context.require_principal()
    while True:
        view = plan.build_view(context.variables, refusals, first)
        try:
            return await context.services.reads.read(principal, ObjectRead(view, conditions))
        except PagesRefused as error:
            refusals |= error.refusals


async def read_nodes(context: ExecutionContext, plan: ViewPlan, keys: list[int], refusals: Refusals) -> dict[int, Any]:
    """Read nodes of one type with one statement; return them by their keys. `plan` is one of `plan_nodes`."""
    if not keys:
        return {}
    by_ids = PageRequest(len(keys), conditions=(("ids", keys),))
    tree = await read_view(context, plan, refusals, first=by_ids)
    if 0 in refusals:  # the list of the objects
        raise refusals[0]
    return {row["key"]: row["node"] for row in tree["value"]["nodes"]}


class RootField(Protocol):
    """A root field."""

    @property
    def name(self) -> str:
        """The response name."""

    async def run(self, context: ExecutionContext) -> Any:
        """Return the value of the field. Raises DomainError."""


@dataclass(frozen=True, slots=True)
class ConstantField:
    """__typename of a root type."""

    name: str
    value: Any

    async def run(self, context: ExecutionContext) -> Any:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class ObjectField:
    """A root field that is one object, or the viewer."""

    name: str
    plan: ViewPlan
    arguments: Evaluate
    find: Any

    async def run(self, context: ExecutionContext) -> Any:
        """Return the object; None if it does not exist."""
        principal, refusals = context.require_principal(), Refusals()
        conditions = self.find(self.arguments(context.variables), principal) if self.find else ()
        if conditions is None:
            return None
        tree = await read_view(context, self.plan, refusals, conditions)
        if refusals:
            context.add_errors(self.plan, refusals, tree, self.name)
        return tree


@dataclass(frozen=True, slots=True)
class ListField:
    """A root field that is a list."""

    name: str
    plan: ViewPlan

    async def run(self, context: ExecutionContext) -> Any:
        """Return the list, which is read as a list of the viewer."""
        refusals = Refusals()
        tree = await read_view(context, self.plan, refusals)
        if refusals and tree:
            context.add_errors(self.plan, refusals, tree["value"], self.name)
        return tree and tree["value"]


@dataclass(slots=True)
class NodeField:
    """`node` and `nodes`: each type has a plan of its own, which is made for the first id of the type."""

    name: str
    document: Document
    nodes: list[FieldNode]
    types: Mapping[str, GraphQLObjectType]
    arguments: Evaluate
    path: ResponsePath
    grow: Callable[[], None]
    plans: dict[str, ViewPlan] = field(default_factory=dict)

    async def run(self, context: ExecutionContext) -> Any:
        """Return the object or the objects; the objects of a type are read with one statement."""
        context.require_principal()
        arguments = self.arguments(context.variables)
        if "id" in arguments:
            return await self._read_object(context, arguments["id"])
        ids = arguments["ids"]
        if len(ids) > MAX_PAGE:
            raise DomainError(ErrorCode.INVALID_ARGUMENT, f"At most {MAX_PAGE} ids, not {len(ids)}.", self.path)
        return await self._read_objects(context, ids)

    async def _read_object(self, context: ExecutionContext, global_id: str) -> Any:
        entity, key = from_global_id(global_id) or ("", 0)
        if entity not in self.types:
            return None
        if entity not in self.plans:
            self.plans[entity] = plan_view(self.document, self.types[entity], self.nodes, self.path)
            self.grow()
        plan, refusals = self.plans[entity], Refusals()
        tree = await read_view(context, plan, refusals, (("id", key),))
        if refusals:
            context.add_errors(plan, refusals, tree, self.name)
        return tree

    async def _read_objects(self, context: ExecutionContext, global_ids: list[str]) -> list[Any]:
        ids = [from_global_id(global_id) or ("", 0) for global_id in global_ids]
        objects: dict[tuple[str, int], Any] = {}
        for entity in sorted({entity for entity, _ in ids} & self.types.keys()):
            if entity not in self.plans:
                self.plans[entity] = plan_nodes(self.document, self.types[entity], self.nodes, self.path)
                self.grow()
            keys = [key for key_entity, key in ids if key_entity == entity]
            plan, refusals = self.plans[entity], Refusals()
            nodes = await read_nodes(context, plan, keys, refusals)
            objects |= {(entity, key): node for key, node in nodes.items()}
            if refusals:
                for index, object_id in enumerate(ids):
                    if object_id[0] == entity and object_id in objects:
                        context.add_errors(plan, refusals, objects[object_id], self.name, index)
        return [objects.get(object_id) for object_id in ids]


@dataclass(frozen=True, slots=True)
class MutationField:
    """A mutation: coerces the arguments, calls a service and renders the payload."""

    name: str
    binding: b.MutationBinding
    arguments: Evaluate
    input_type: GraphQLInputType
    payload: PayloadPlan
    plan: ViewPlan

    async def run(self, context: ExecutionContext) -> Any:
        """Execute the mutation and return its payload, which also has the problems of the input."""
        principal = context.require_principal()
        values, refusals = self.arguments(context.variables)["input"], Refusals()

        def explain(error: DomainError) -> list[dict[str, Any]] | None:
            return render_user_errors(error, self.input_type, values, principal.organization_slug)

        try:
            result = await self._call_service(context, values, refusals)
        except DomainError as error:
            if error.code not in PAYLOAD_CODES:
                raise
            find = self.binding.find_problems
            problems = explain(await find_all_problems(find, context.services, principal, values, error))
            _note_problems(problems)
            return render_payload(self.payload, {}, problems or [], explain)
        for item in result.get("results", ()):
            if isinstance(item, DomainError):
                _note_problems(explain(item))
        payload = render_payload(self.payload, result, [], explain)
        if refusals:
            context.add_errors(self.plan, refusals, payload, self.name)
        return payload

    async def _call_service(self, context: ExecutionContext, values: dict[str, Any], refusals: Refusals) -> dict[str, Any]:
        """Return the service's result. A field with invalid arguments does not prevent the mutation: it is null."""
        principal = context.require_principal()
        while True:
            view = self.plan.build_view(context.variables, refusals)
            try:
                return await self.binding.run(context.services, principal, values, view)
            except PagesRefused as error:  # the attempt was rolled back
                refusals |= error.refusals


@dataclass(frozen=True, slots=True)
class ComputedField:
    """A query that a service computes; the nodes in its result are read by their plans."""

    name: str
    binding: b.ComputedBinding
    arguments: Evaluate
    parts: Parts

    async def run(self, context: ExecutionContext) -> Any:
        """Return the result, with the nodes that are selected in it; None if the service returns None."""
        principal = context.require_principal()
        value = await self.binding.run(context.services, principal, self.arguments(context.variables)["input"])
        if value is None:
            return None
        keys: dict[NodeKey, set[int]] = {}
        for part, key in list_node_keys(self.parts, value):
            keys.setdefault(part, set()).update(() if key is None else (key,))
        nodes, refused = {}, []
        for part, part_keys in keys.items():
            refusals = Refusals()
            nodes[part] = await read_nodes(context, part.plan, sorted(part_keys), refusals)
            refused.append((part.plan, refusals))
        tree = render_computed(self.parts, value, nodes)
        for plan, refusals in refused:
            context.add_errors(plan, refusals, tree, self.name)
        return tree


@dataclass(slots=True)
class IntrospectionField:
    """__schema or __type, which graphql-core executes; the result is cached if the operation has no variables."""

    name: str
    schema: GraphQLSchema
    document: Document
    operation: OperationDefinitionNode
    nodes: list[FieldNode]
    grow: Callable[[int], None]
    cached: orjson.Fragment | None = None

    async def run(self, context: ExecutionContext) -> Any:
        """Return graphql-core's result for this field. Raises Unauthenticated without a token if the schema is private."""
        if not context.public_schema:
            context.require_principal()
        if self.cached is not None:
            return self.cached
        operation = OperationDefinitionNode(
            operation=self.operation.operation,
            variable_definitions=tuple(filter(_is_scalar, self.operation.variable_definitions or ())),
            selection_set=SelectionSetNode(selections=tuple(self.nodes)),
        )
        document = DocumentNode(definitions=(operation, *self.document.fragments.values()))
        result: Any = execute(self.schema, document, variable_values=dict(context.raw_variables))
        if result.errors:
            raise result.errors[0]
        if not self.operation.variable_definitions:
            text = orjson.dumps(result.data[self.name])
            self.cached = orjson.Fragment(text)
            self.grow(len(text))
        return result.data[self.name]


def _note_problems(problems: list[dict[str, Any]] | None) -> None:
    """Add the codes of user errors to the request's record."""
    current_record().add_codes(problem["code"] for problem in problems or ())


def _is_scalar(definition: VariableDefinitionNode) -> bool:
    """Return whether introspection can use a variable: a Boolean or a name, not a list that graphql-core would coerce."""
    declared: Any = definition.type
    nullable = declared.type if declared.kind == "non_null_type" else declared
    return nullable.kind == "named_type" and nullable.name.value in ("Boolean", "String")
