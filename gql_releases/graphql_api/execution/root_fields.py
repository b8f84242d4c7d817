"""The root fields of a plan, each able to run itself."""

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
from gql_releases.domain.errors import DomainError, ErrorCode, InvalidInput, PagesRefused, Unauthenticated
from gql_releases.domain.paging import MAX_PAGE, PageRequest
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import ObjectRead
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.coercion import Evaluate
from gql_releases.graphql_api.execution.collect_fields import Document
from gql_releases.graphql_api.execution.errors import PAYLOAD_CODES, refused_field, user_errors
from gql_releases.graphql_api.execution.input_problems import find_all_problems
from gql_releases.graphql_api.execution.payload_plans import PayloadPlan, render_payload
from gql_releases.graphql_api.execution.planner import ResponsePath, ViewPlan, plan_nodes, plan_view
from gql_releases.graphql_api.execution.refusals import Refusals, locate_refusals
from gql_releases.graphql_api.execution.scalars import from_global_id
from gql_releases.graphql_api.execution.services import Services
from gql_releases.web.request_record import current_record

Variables = Mapping[str, Any]


class ExecutionContext(NamedTuple):
    """One request: who asks (None: nobody), with which variables, coerced and as they came.

    `errors` are those of its response.
    """

    services: Services
    principal: Principal | None
    variables: Variables
    raw_variables: Variables
    public_schema: bool
    errors: list[dict[str, Any]]

    def reader(self) -> Principal:
        """Give who asks. Raises Unauthenticated where nobody does."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal

    def add_errors(self, plan: ViewPlan, refusals: Refusals, value: Any, *path: str | int) -> None:
        """Add the errors of the fields of a value that are null because their arguments were refused."""
        located = locate_refusals(plan.paths(), refusals, value, path)
        self.errors.extend([refused_field(error, list(place)) for error, place in located])


async def read_view(
    asked: ExecutionContext,
    plan: ViewPlan,
    refusals: Refusals,
    conditions: Conditions = (),
    first: PageRequest | None = None,
) -> Any:
    """Read what is planned. Fields whose arguments are refused are null, and come to stand in `refusals`."""
    principal = asked.reader()
    while True:
        view = plan.view(asked.variables, refusals, first)
        try:
            return await asked.services.reads.read(principal, ObjectRead(view, conditions))
        except PagesRefused as error:
            refusals |= error.refusals


class RootField(Protocol):
    """A root field."""

    @property
    def name(self) -> str:
        """The response name."""

    async def run(self, asked: ExecutionContext) -> Any:
        """Answer the field. Raises DomainError."""


@dataclass(frozen=True, slots=True)
class ConstantField:
    """__typename of a root type."""

    name: str
    value: Any

    async def run(self, asked: ExecutionContext) -> Any:
        """Answer without asking."""
        return self.value


@dataclass(frozen=True, slots=True)
class ObjectField:
    """A root field that is one object, or the viewer."""

    name: str
    plan: ViewPlan
    arguments: Evaluate
    find: Any

    async def run(self, asked: ExecutionContext) -> Any:
        """Read the object."""
        principal, refusals = asked.reader(), Refusals()
        conditions = self.find(self.arguments(asked.variables), principal) if self.find else ()
        if conditions is None:
            return None
        tree = await read_view(asked, self.plan, refusals, conditions)
        if refusals:
            asked.add_errors(self.plan, refusals, tree, self.name)
        return tree


@dataclass(frozen=True, slots=True)
class ListField:
    """A root field that is a list."""

    name: str
    plan: ViewPlan

    async def run(self, asked: ExecutionContext) -> Any:
        """Read the list as the viewer's."""
        refusals = Refusals()
        tree = await read_view(asked, self.plan, refusals)
        if refusals and tree:
            asked.add_errors(self.plan, refusals, tree["value"], self.name)
        return tree and tree["value"]


@dataclass(slots=True)
class NodeField:
    """`node` and `nodes`: the ids say which types are read, and each type has a plan of its own, made when it comes."""

    name: str
    document: Document
    nodes: list[FieldNode]
    types: Mapping[str, GraphQLObjectType]
    arguments: Evaluate
    path: ResponsePath
    grow: Callable[[], None]
    plans: dict[str, ViewPlan] = field(default_factory=dict)

    async def run(self, asked: ExecutionContext) -> Any:
        """Read one object, or each type's objects with one statement."""
        asked.reader()
        given = self.arguments(asked.variables)
        if "id" in given:
            return await self._one(asked, given["id"])
        if len(given["ids"]) > MAX_PAGE:
            raise DomainError(ErrorCode.INVALID_ARGUMENT, f"At most {MAX_PAGE} ids, not {len(given['ids'])}.", self.path)
        return await self._many(asked, given["ids"])

    async def _one(self, asked: ExecutionContext, given: str) -> Any:
        entity, key = from_global_id(given) or ("", 0)
        if entity not in self.types:
            return None
        if entity not in self.plans:
            self.plans[entity] = plan_view(self.document, self.types[entity], self.nodes, self.path)
            self.grow()
        plan, refusals = self.plans[entity], Refusals()
        tree = await read_view(asked, plan, refusals, (("id", key),))
        if refusals:
            asked.add_errors(plan, refusals, tree, self.name)
        return tree

    async def _many(self, asked: ExecutionContext, given: list[str]) -> list[Any]:
        ids = [from_global_id(one) or ("", 0) for one in given]
        found: dict[tuple[str, int], Any] = {}
        for entity in sorted({entity for entity, _ in ids} & self.types.keys()):
            if entity not in self.plans:
                self.plans[entity] = plan_nodes(self.document, self.types[entity], self.nodes, self.path)
                self.grow()
            keys = [key for named, key in ids if named == entity]
            by_ids = PageRequest(len(keys), conditions=(("ids", keys),))
            plan, refusals = self.plans[entity], Refusals()
            tree = await read_view(asked, plan, refusals, first=by_ids)
            if 0 in refusals:  # the objects themselves
                raise refusals[0]
            found |= {(entity, one["key"]): one["node"] for one in tree["value"]["nodes"]}
            if refusals:
                for index, identified in enumerate(ids):
                    if identified[0] == entity and identified in found:
                        asked.add_errors(plan, refusals, found[identified], self.name, index)
        return [found.get(one) for one in ids]


@dataclass(frozen=True, slots=True)
class MutationField:
    """A mutation: its arguments coerced, one service call, the payload put together."""

    name: str
    command: b.MutationBinding
    arguments: Evaluate
    input_type: GraphQLInputType
    payload: PayloadPlan
    plan: ViewPlan

    async def run(self, asked: ExecutionContext) -> Any:
        """Do it, and show what was asked for; problems of the input ride in the payload."""
        principal = asked.reader()
        given, refusals = self.arguments(asked.variables)["input"], Refusals()

        def explain(error: DomainError) -> list[dict[str, Any]] | None:
            return user_errors(error, self.input_type, given, principal.organization_slug)

        try:
            done = await self._run(asked, given, refusals)
        except DomainError as error:
            if error.code not in PAYLOAD_CODES:
                raise
            problems = explain(await self._find_all_problems(asked, given, error))
            _note_problems(problems)
            return render_payload(self.payload, {}, problems or [], explain)
        for result in done.get("results", ()):
            if isinstance(result, DomainError):
                _note_problems(explain(result))
        payload = render_payload(self.payload, done, [], explain)
        if refusals:
            asked.add_errors(self.plan, refusals, payload, self.name)
        return payload

    async def _find_all_problems(self, asked: ExecutionContext, given: dict[str, Any], error: DomainError) -> InvalidInput:
        return await find_all_problems(self.command.find_problems, asked.services, asked.reader(), given, error)

    async def _run(self, asked: ExecutionContext, given: dict[str, Any], refusals: Refusals) -> dict[str, Any]:
        """Do it. A field of the payload that cannot be read keeps nothing from being done: it is null."""
        principal = asked.reader()
        while True:
            view = self.plan.view(asked.variables, refusals)
            try:
                return await self.command.run(asked.services, principal, given, view)
            except PagesRefused as error:  # of that attempt nothing was done
                refusals |= error.refusals


@dataclass(slots=True)
class IntrospectionField:
    """__schema or __type: what graphql-core still executes; kept where no variable decides it."""

    name: str
    schema: GraphQLSchema
    document: Document
    operation: OperationDefinitionNode
    nodes: list[FieldNode]
    grow: Callable[[int], None]
    kept: orjson.Fragment | None = None

    async def run(self, asked: ExecutionContext) -> Any:
        """Let graphql-core answer this field alone; to everybody, unless a setting says otherwise."""
        if not asked.public_schema:
            asked.reader()
        if self.kept is not None:
            return self.kept
        alone = OperationDefinitionNode(
            operation=self.operation.operation,
            variable_definitions=tuple(filter(_is_scalar, self.operation.variable_definitions or ())),
            selection_set=SelectionSetNode(selections=tuple(self.nodes)),
        )
        document = DocumentNode(definitions=(alone, *self.document.fragments.values()))
        result: Any = execute(self.schema, document, variable_values=dict(asked.raw_variables))
        if result.errors:
            raise result.errors[0]
        if not self.operation.variable_definitions:
            text = orjson.dumps(result.data[self.name])
            self.kept = orjson.Fragment(text)
            self.grow(len(text))
        return result.data[self.name]


def _note_problems(problems: list[dict[str, Any]] | None) -> None:
    """Record the codes of user errors for the log."""
    current_record().add_codes(problem["code"] for problem in problems or ())


def _is_scalar(definition: VariableDefinitionNode) -> bool:
    """Say whether introspection can use a variable: a Boolean or a name, and no list that graphql-core would read again."""
    declared: Any = definition.type
    named = declared.type if declared.kind == "non_null_type" else declared
    return named.kind == "named_type" and named.name.value in ("Boolean", "String")
