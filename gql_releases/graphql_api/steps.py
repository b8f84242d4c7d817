"""The root fields of a plan, each able to run itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

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

from gql_releases.domain.errors import DomainError, ErrorCode, Unauthenticated
from gql_releases.domain.paging import MAX_PAGE, PageRequest
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import Read, View
from gql_releases.graphql_api import bindings as b
from gql_releases.graphql_api.coercing import Evaluate
from gql_releases.graphql_api.collecting import Document
from gql_releases.graphql_api.errors import user_errors
from gql_releases.graphql_api.payloads import PayloadPlan, answer
from gql_releases.graphql_api.planning import ResponsePath, ViewPlan, plan_nodes, plan_view
from gql_releases.graphql_api.scalars import from_global_id
from gql_releases.graphql_api.services import Services
from gql_releases.web.request_record import current_record

Variables = Mapping[str, Any]


class Asked(NamedTuple):
    """One request: who asks (None: nobody), with which variables, coerced and as they came."""

    services: Services
    principal: Principal | None
    variables: Variables
    raw_variables: Variables
    public_schema: bool = True

    def reader(self) -> Principal:
        """Give who asks. Raises Unauthenticated where nobody does."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal


class Step(Protocol):
    """A root field."""

    @property
    def name(self) -> str:
        """The response name."""

    async def run(self, asked: Asked) -> Any:
        """Answer the field. Raises DomainError."""


@dataclass(frozen=True, slots=True)
class ConstantStep:
    """__typename of a root type."""

    name: str
    value: Any

    async def run(self, asked: Asked) -> Any:
        """Answer without asking."""
        return self.value


@dataclass(frozen=True, slots=True)
class OneStep:
    """A root field that is one object, or the viewer."""

    name: str
    plan: ViewPlan
    arguments: Evaluate
    find: Any

    async def run(self, asked: Asked) -> Any:
        """Read the object."""
        principal = asked.reader()
        view = self.plan.view(asked.variables)
        conditions = self.find(self.arguments(asked.variables), principal) if self.find else ()
        if conditions is None:
            return None
        return await asked.services.reads.read(principal, Read(view, conditions))


@dataclass(frozen=True, slots=True)
class ListStep:
    """A root field that is a list."""

    name: str
    plan: ViewPlan

    async def run(self, asked: Asked) -> Any:
        """Read the list as the viewer's."""
        principal = asked.reader()
        tree = await asked.services.reads.read(principal, Read(self.plan.view(asked.variables)))
        return tree and tree["value"]


@dataclass(slots=True)
class NodeStep:
    """`node` and `nodes`: the ids say which types are read, and each type has a plan of its own, made when it comes."""

    name: str
    document: Document
    nodes: list[FieldNode]
    types: Mapping[str, GraphQLObjectType]
    arguments: Evaluate
    path: ResponsePath
    plans: dict[str, ViewPlan] = field(default_factory=dict)

    async def run(self, asked: Asked) -> Any:
        """Read one object, or each type's objects with one statement."""
        principal, given = asked.reader(), self.arguments(asked.variables)
        if "id" in given:
            return await self._one(asked, principal, given["id"])
        if len(given["ids"]) > MAX_PAGE:
            raise DomainError(ErrorCode.INVALID_ARGUMENT, f"At most {MAX_PAGE} ids, not {len(given['ids'])}.", self.path)
        return await self._many(asked, principal, given["ids"])

    async def _one(self, asked: Asked, principal: Principal, given: str) -> Any:
        entity, key = from_global_id(given) or ("", 0)
        if entity not in self.types:
            return None
        if entity not in self.plans:
            self.plans[entity] = plan_view(self.document, self.types[entity], self.nodes, self.path)
        view = self.plans[entity].view(asked.variables)
        return await asked.services.reads.read(principal, Read(view, (("id", key),)))

    async def _many(self, asked: Asked, principal: Principal, given: list[str]) -> list[Any]:
        ids = [from_global_id(one) or ("", 0) for one in given]
        found: dict[tuple[str, int], Any] = {}
        for entity in sorted({entity for entity, _ in ids} & self.types.keys()):
            if entity not in self.plans:
                self.plans[entity] = plan_nodes(self.document, self.types[entity], self.nodes, self.path)
            keys = [key for named, key in ids if named == entity]
            by_ids = PageRequest(len(keys), conditions=(("ids", keys),))
            pages = [page.request(asked.variables) for page in self.plans[entity].pages[1:]]
            view = View(self.plans[entity].selection, (by_ids, *pages))
            tree = await asked.services.reads.read(principal, Read(view))
            assert tree
            found |= {(entity, one["key"]): one["node"] for one in tree["value"]["nodes"]}
        return [found.get(one) for one in ids]


@dataclass(frozen=True, slots=True)
class CommandStep:
    """A mutation: its arguments coerced, one service call, the payload put together."""

    name: str
    command: b.Commanded
    arguments: Evaluate
    input_type: GraphQLInputType
    payload: PayloadPlan
    plan: ViewPlan

    async def run(self, asked: Asked) -> Any:
        """Do it, and show what was asked for; problems of the input ride in the payload."""
        principal, view = asked.reader(), self.plan.view(asked.variables)
        given = self.arguments(asked.variables)["input"]
        try:
            done = await self.command.run(asked.services, principal, given, view)
        except DomainError as error:
            problems = self._explain(error)
            if problems is None:
                raise
            _note_problems(problems)
            return answer(self.payload, {}, problems, self._explain)
        for result in done.get("results", ()):
            if isinstance(result, DomainError):
                _note_problems(self._explain(result))
        return answer(self.payload, done, [], self._explain)

    def _explain(self, error: DomainError) -> list[dict[str, Any]] | None:
        return user_errors(error, self.input_type)


@dataclass(slots=True)
class IntrospectionStep:
    """__schema or __type: what graphql-core still executes; kept where no variable decides it."""

    name: str
    schema: GraphQLSchema
    document: Document
    operation: OperationDefinitionNode
    nodes: list[FieldNode]
    kept: Any = None

    async def run(self, asked: Asked) -> Any:
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
            self.kept = result.data[self.name]
        return result.data[self.name]


def _note_problems(problems: list[dict[str, Any]] | None) -> None:
    """Record the codes of user errors for the log."""
    current_record().add_codes(problem["code"] for problem in problems or ())


def _is_scalar(definition: VariableDefinitionNode) -> bool:
    """Say whether introspection can use a variable: a Boolean or a name, and no list that graphql-core would read again."""
    declared: Any = definition.type
    named = declared.type if declared.kind == "non_null_type" else declared
    return named.kind == "named_type" and named.name.value in ("Boolean", "String")
