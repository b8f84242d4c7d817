"""An operation into a plan: each root field a read, a command, a constant, or introspection. Planning is total."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import FieldNode, GraphQLField, GraphQLObjectType, Undefined, get_named_type

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import DEFAULT_PAGE, MAX_PAGE, Order, PageRequest
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.coercion import MISSING, Evaluate, evaluator, has_variable
from gql_releases.graphql_api.execution.collect_fields import Document, Fields
from gql_releases.graphql_api.execution.cursors import decode_cursor, encode_cursor
from gql_releases.graphql_api.execution.name_checks import list_name_checks
from gql_releases.graphql_api.execution.refusals import Refusals, leave_out
from gql_releases.graphql_api.execution.scalars import global_id_of
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name

ResponsePath = tuple[str | int, ...]
Variables = Mapping[str, Any]


def arguments_of(declared: GraphQLField, node: FieldNode) -> Evaluate:
    """Compile a field's arguments to a function of the variables that returns those that are given.

    It raises DomainError for a null where null is not allowed.
    """
    given = []
    nodes = {one.name.value: one.value for one in node.arguments or ()}
    for name, argument in declared.args.items():
        if name in nodes:
            has_default = argument.default_value is not Undefined
            find = evaluator(nodes[name], argument.type, name, has_default=has_default)
            given.append((read_python_name(argument, name), find))
    if not given:
        return lambda variables: {}

    def evaluate(variables: Variables) -> dict[str, Any]:
        return {name: value for name, find in given if (value := find(variables)) is not MISSING}

    return evaluate


@dataclass(frozen=True, slots=True)
class PagePlan:
    """How the arguments of a list become a PageRequest."""

    path: ResponsePath
    arguments: Evaluate
    binding: b.ListOf
    around: ReferencePlan | None = None

    def request(self, variables: Variables) -> PageRequest:
        """Read the arguments. Raises DomainError."""
        given = self.arguments(variables)
        order = self._order(given.get("order_by"))
        size, backward = _size(given.get("first"), given.get("last"))
        after, before = (
            decode_cursor(given[side], (order or self.binding.order).field) if given.get(side) is not None else None
            for side in ("after", "before")
        )
        conditions = self.binding.conditions(given) if self.binding.conditions else ()
        names = list_name_checks(conditions) if conditions else ()
        if self.around:
            conditions = self.around.request(variables).conditions + conditions
        return PageRequest(size, order, after, before, backward, conditions, names)

    def _order(self, given: Mapping[str, str] | None) -> Order | None:
        if given is None:
            return None
        asked = Order(self.binding.orders[given["field"]], given["direction"] == "DESC")
        return None if asked == self.binding.order else asked


def _size(first: int | None, last: int | None) -> tuple[int, bool]:
    if first is not None and last is not None:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Give first or last, not both.")
    name, size = ("last", last) if last is not None else ("first", DEFAULT_PAGE if first is None else first)
    assert size is not None
    if not 0 <= size <= MAX_PAGE:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"{name} must be between 0 and {MAX_PAGE}, not {size}.")
    return size, last is not None


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """How arguments become the conditions that a to-one is picked by: as a page of one."""

    path: ResponsePath
    arguments: Evaluate
    conditions: Callable[[b.Arguments], Conditions]

    def request(self, variables: Variables) -> PageRequest:
        """Read the arguments. Raises DomainError."""
        conditions = self.conditions(self.arguments(variables))
        return PageRequest(1, conditions=conditions, names=list_name_checks(conditions) if conditions else ())


@dataclass(frozen=True, slots=True)
class FixedPlan:
    """A page that no variable decides."""

    page: PageRequest
    path: ResponsePath = ()

    def request(self, variables: Variables) -> PageRequest:
        """Give the page."""
        return self.page


PageSlotPlan = PagePlan | ReferencePlan | FixedPlan
EMPTY_PAGE = PageRequest(0)
"""Stands for the page of a field that is left out."""


def _fix_plan(plan: PagePlan, node: FieldNode) -> PageSlotPlan:
    """Read the arguments of a list now, where they are all literals and right; wrong ones are told when it is asked for."""
    if plan.around or any(has_variable(one.value) for one in node.arguments or ()):
        return plan
    try:
        return FixedPlan(plan.request({}), plan.path)
    except DomainError:
        return plan


@dataclass(slots=True)
class ViewPlan:
    """A selection, and how its pages are asked for."""

    selection: s.Selection
    pages: list[PageSlotPlan]

    def view(self, variables: Variables, refusals: Refusals, first: PageRequest | None = None) -> s.PagedSelection:
        """Fill in the pages, the first one with `first` if it is given: before any SQL.

        What refuses the arguments of a field is put into `refusals`, and the field is left out of the selection.
        """
        if not refusals:
            try:
                return s.PagedSelection(self.selection, self._pages(variables, first))
            except DomainError:
                pass
        pages = []
        for slot, plan in enumerate(self.pages):
            page = first if slot == 0 and first else None
            if page is None and slot not in refusals:
                try:
                    page = plan.request(variables)
                except DomainError as error:
                    refusals[slot] = error
            pages.append(page or EMPTY_PAGE)
        return s.PagedSelection(leave_out(self.selection, refusals), tuple(pages))

    def _pages(self, variables: Variables, first: PageRequest | None) -> tuple[PageRequest, ...]:
        if first:
            return first, *[page.request(variables) for page in self.pages[1:]]
        return tuple([page.request(variables) for page in self.pages]) if self.pages else ()

    def paths(self) -> dict[int, ResponsePath]:
        """Return the path of each field with arguments, by its slot."""
        return {slot: plan.path for slot, plan in enumerate(self.pages)}


@dataclass(slots=True)
class SelectionBuilder:
    """Turns what is selected on a type into a selection, and gathers its pages by slot.

    `around` is the object with arguments that fields are being embedded in.
    """

    document: Document
    pages: list[PageSlotPlan] = field(default_factory=list)
    around: ReferencePlan | None = None

    def selection(self, entity: GraphQLObjectType, fields: Fields, path: ResponsePath) -> s.Selection:
        """Make the selection of an entity."""
        return s.Selection(entity.name, self.fields(entity, fields, path))

    def fields(self, parent: GraphQLObjectType, fields: Fields, path: ResponsePath) -> tuple[s.Field, ...]:
        """Make the fields of an object."""
        return tuple([self._field(parent, name, nodes, (*path, name)) for name, nodes in fields.items()])

    def _field(self, parent: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath) -> s.Field:
        asked = nodes[0].name.value
        if asked == "__typename":
            return s.Constant(name, parent.name)
        declared = parent.fields[asked]
        target: Any = get_named_type(declared.type)
        match b.read_binding(declared):
            case b.Column(attribute, render):
                return s.Value(name, attribute, render)
            case b.NodeId():
                return s.Value(name, "id", global_id_of(parent.name))
            case b.EmbeddedIn(present, None):
                return s.Embedded(name, present, self.fields(target, self.document.below(target, nodes), path))
            case b.EmbeddedIn() as embedded:
                return self._decided(name, declared, nodes, embedded, path)
            case b.Objects(attribute):
                fields = self.document.below(target, nodes)
                return s.Value(
                    name, attribute, _render_objects(target.name, {one: f[0].name.value for one, f in fields.items()})
                )
            case b.ComputedReference(attribute, conditions):
                arguments = arguments_of(declared, nodes[0]) if declared.args or not self.around else self.around.arguments
                slot = self._slot(ReferencePlan(path, arguments, conditions))
                return s.ToOneField(name, attribute, self.selection(target, self.document.below(target, nodes), path), slot)
            case b.GeneratedText() as text:
                return self._written(name, text, path)
            case b.Reference(attribute):
                return s.ToOneField(name, attribute, self.selection(target, self.document.below(target, nodes), path))
            case b.ListOf() as listed:
                return self.many(name, declared, nodes, listed, path)
        raise TypeError(f"{parent.name}.{asked} is bound to nothing")

    def _slot(self, plan: PageSlotPlan) -> int:
        self.pages.append(plan)
        return len(self.pages) - 1

    def _decided(
        self, name: str, declared: GraphQLField, nodes: list[FieldNode], binding: b.EmbeddedIn, path: ResponsePath
    ) -> s.Embedded:
        """Make an embedded object that arguments decide: what is below it has them, too."""
        assert binding.conditions
        before, self.around = self.around, ReferencePlan(path, arguments_of(declared, nodes[0]), binding.conditions)
        slot, target = self._slot(self.around), get_named_type(declared.type)
        assert isinstance(target, GraphQLObjectType)
        fields = self.fields(target, self.document.below(target, nodes), path)
        self.around = before
        return s.Embedded(name, binding.present, fields, slot, binding.entities)

    def _written(self, name: str, binding: b.GeneratedText, path: ResponsePath) -> s.ToManyField:
        """Make the list that a text is written from."""
        values = tuple([s.Value(column, column) for column in binding.columns])
        parts = (s.Nodes("nodes", s.Selection(binding.entity, values)), s.TotalCount("totalCount"))
        slot = self._slot(FixedPlan(PageRequest(binding.size)))

        def write(page: dict[str, Any]) -> str | None:
            return binding.write(page["nodes"], page["totalCount"])

        return s.ToManyField(name, binding.listed, binding.entity, slot, parts, encode_cursor, write, binding.attribute)

    def many(
        self, name: str, declared: GraphQLField, nodes: list[FieldNode], binding: b.ListOf, path: ResponsePath
    ) -> s.ToManyField:
        """Make a list, and its page."""
        around = self.around if binding.inherits else None
        slot = self._slot(_fix_plan(PagePlan(path, arguments_of(declared, nodes[0]), binding, around), nodes[0]))
        connection: Any = get_named_type(declared.type)
        entity: Any = get_named_type(connection.fields["nodes"].type)
        parts = self.document.below(connection, nodes)
        made = tuple([self._part(connection, one, below, (*path, one)) for one, below in parts.items()])
        return s.ToManyField(name, binding.attribute, entity.name, slot, made, encode_cursor, json=orjson.Fragment)

    def _part(self, connection: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath) -> s.Part:
        asked = nodes[0].name.value
        if asked == "__typename":
            return s.Constant(name, connection.name)
        target: Any = get_named_type(connection.fields[asked].type)
        match b.read_binding(connection.fields[asked]):
            case b.ConnectionPart("nodes"):
                return s.Nodes(name, self.selection(target, self.document.below(target, nodes), path))
            case b.ConnectionPart("edges"):
                fields = self.document.below(target, nodes)
                return s.Edges(name, tuple([self._edge(target, *one, path) for one in fields.items()]))
            case b.ConnectionPart("pageInfo"):
                return s.PageInfo(name, _page_info(target, self.document.below(target, nodes)))
            case b.ConnectionPart("totalCount"):
                return s.TotalCount(name)
        raise TypeError(f"{connection.name}.{asked} is bound to nothing")

    def _edge(
        self, edge: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath
    ) -> s.EdgeCursor | s.EdgeNode | s.Constant:
        asked = nodes[0].name.value
        if asked == "__typename":
            return s.Constant(name, edge.name)
        if asked == "cursor":
            return s.EdgeCursor(name)
        target: Any = get_named_type(edge.fields[asked].type)
        return s.EdgeNode(name, self.selection(target, self.document.below(target, nodes), (*path, name)))


def _render_objects(typename: str, asked: Mapping[str, str]) -> s.Render:
    """Make the function from JSON text to objects with the asked fields."""

    def render(text: str) -> list[dict[str, Any]]:
        found = [{**one, "__typename": typename} for one in orjson.loads(text)]
        return [{name: one[key] for name, key in asked.items()} for one in found]

    return render


def _page_info(declared: GraphQLObjectType, fields: Fields) -> tuple[tuple[str, str] | s.Constant, ...]:
    return tuple(
        s.Constant(name, declared.name) if nodes[0].name.value == "__typename" else (name, nodes[0].name.value)
        for name, nodes in fields.items()
    )


def plan_view(document: Document, target: GraphQLObjectType, nodes: list[FieldNode], path: ResponsePath) -> ViewPlan:
    """Plan what is selected below a root field that shows one object."""
    selector = SelectionBuilder(document)
    return ViewPlan(selector.selection(target, document.below(target, nodes), path), selector.pages)


def plan_list(document: Document, declared: GraphQLField, nodes: list[FieldNode], path: ResponsePath) -> ViewPlan:
    """Plan a root field that is a list: a list of the viewer's, under the name `value`."""
    selector = SelectionBuilder(document)
    attribute = nodes[0].name.value
    many = selector.many("value", declared, nodes, b.ListOf(attribute, Order("slug")), path)
    return ViewPlan(s.Selection("Viewer", (many,)), selector.pages)


def plan_nodes(document: Document, target: GraphQLObjectType, nodes: list[FieldNode], path: ResponsePath) -> ViewPlan:
    """Plan objects of one type by their ids: a list of the viewer's, its page to be put before the others."""
    by_ids = PagePlan(path, lambda variables: {}, b.ListOf(f"all_{target.name}", Order("id")))
    selector = SelectionBuilder(document, [by_ids])
    fields = selector.fields(target, document.below(target, nodes), path)
    keyed = s.Selection(target.name, (s.Value("key", "id"), s.Embedded("node", "", fields)))
    many = s.ToManyField("value", f"all_{target.name}", target.name, 0, (s.Nodes("nodes", keyed),), encode_cursor)
    return ViewPlan(s.Selection("Viewer", (many,)), selector.pages)


def plan_payload_node(
    document: Document, target: GraphQLObjectType, shown: Mapping[str, list[FieldNode]], path: ResponsePath
) -> ViewPlan:
    """Plan what a payload shows of an object, each response name a part of one view."""
    selector = SelectionBuilder(document)
    parts = [
        s.Embedded(name, "", selector.fields(target, document.below(target, nodes), (*path, name)))
        for name, nodes in shown.items()
    ]
    return ViewPlan(s.Selection(target.name, tuple(parts)), selector.pages)
