"""Plans selections: turns the fields of a document into selections of the store and their pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, Undefined, get_named_type, is_leaf_type

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import DEFAULT_PAGE, MAX_PAGE, Order, PageRequest
from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.coercion import MISSING, Evaluate, Variables, compile_evaluator, has_variable
from gql_releases.graphql_api.execution.collect_fields import Document, Fields
from gql_releases.graphql_api.execution.cursors import decode_cursor, encode_cursor
from gql_releases.graphql_api.execution.name_checks import list_name_checks
from gql_releases.graphql_api.execution.refusals import Refusals, ResponsePath, omit_refused_fields
from gql_releases.graphql_api.execution.scalars import build_id_form
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name

EMPTY_PAGE = PageRequest(0)
"""The page of a field that is omitted because its arguments are invalid."""


def compile_arguments(declared: GraphQLField, node: FieldNode) -> Evaluate:
    """Return the function from variables to a field's arguments, by their Python names, without absent ones.

    It raises DomainError for an argument that must not be null and is.
    """
    evaluators = []
    nodes = {argument.name.value: argument.value for argument in node.arguments or ()}
    for name, argument in declared.args.items():
        if name in nodes:
            has_default = argument.default_value is not Undefined
            find = compile_evaluator(nodes[name], argument.type, name, has_default=has_default)
            evaluators.append((read_python_name(argument, name), find))
    if not evaluators:
        return lambda variables: {}

    def evaluate(variables: Variables) -> dict[str, Any]:
        return {name: value for name, find in evaluators if (value := find(variables)) is not MISSING}

    return evaluate


@dataclass(frozen=True, slots=True)
class PagePlan:
    """Builds the PageRequest of a list from its arguments; `around` is the comparison that the list is part of."""

    path: ResponsePath
    arguments: Evaluate
    binding: b.ListOf
    around: ReferencePlan | None = None

    def build_page(self, variables: Variables) -> PageRequest:
        """Return the page for the variables. Raises DomainError for an invalid argument."""
        arguments = self.arguments(variables)
        order = self._read_order(arguments.get("order_by"))
        size, backward = _read_page_size(arguments.get("first"), arguments.get("last"))
        after, before = (
            decode_cursor(arguments[side], (order or self.binding.order).field) if arguments.get(side) is not None else None
            for side in ("after", "before")
        )
        conditions = self.binding.conditions(arguments) if self.binding.conditions else ()
        names = list_name_checks(conditions) if conditions else ()
        if self.around:
            conditions = self.around.build_page(variables).conditions + conditions
        return PageRequest(size, order, after, before, backward, conditions, names)

    def _read_order(self, order_by: Mapping[str, str] | None) -> Order | None:
        """Return the order of an argument; None for the list's own order."""
        if order_by is None:
            return None
        order = Order(self.binding.orders[order_by["field"]], order_by["direction"] == "DESC")
        return None if order == self.binding.order else order


def _read_page_size(first: int | None, last: int | None) -> tuple[int, bool]:
    if first is not None and last is not None:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Give first or last, not both.")
    name, size = ("last", last) if last is not None else ("first", DEFAULT_PAGE if first is None else first)
    assert size is not None
    if not 0 <= size <= MAX_PAGE:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"{name} must be between 0 and {MAX_PAGE}, not {size}.")
    return size, last is not None


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """Builds the PageRequest of a to-one that arguments select: a page of one item."""

    path: ResponsePath
    arguments: Evaluate
    conditions: Callable[[b.Arguments], Conditions]

    def build_page(self, variables: Variables) -> PageRequest:
        """Return the page for the variables. Raises DomainError for an invalid argument."""
        conditions = self.conditions(self.arguments(variables))
        return PageRequest(1, conditions=conditions, names=list_name_checks(conditions) if conditions else ())


@dataclass(frozen=True, slots=True)
class FixedPlan:
    """A page that does not depend on variables."""

    page: PageRequest
    path: ResponsePath = ()

    def build_page(self, variables: Variables) -> PageRequest:
        """Return the page."""
        return self.page


PageSlotPlan = PagePlan | ReferencePlan | FixedPlan


def _fix_plan(plan: PagePlan, node: FieldNode) -> PageSlotPlan:
    """Return a fixed plan if all arguments are valid literals; invalid ones are reported when the operation is executed."""
    if plan.around or any(has_variable(argument.value) for argument in node.arguments or ()):
        return plan
    try:
        return FixedPlan(plan.build_page({}), plan.path)
    except DomainError:
        return plan


@dataclass(slots=True)
class ViewPlan:
    """A selection, and the plans of its pages by slot."""

    selection: s.Selection
    pages: list[PageSlotPlan]

    def build_view(self, variables: Variables, refusals: Refusals, first: PageRequest | None = None) -> s.PagedSelection:
        """Return the selection with its pages; `first` replaces the first page.

        Errors in the arguments of a field are added to `refusals`, and the field is omitted from the selection.
        """
        if not refusals:
            try:
                return s.PagedSelection(self.selection, self._build_pages(variables, first))
            except DomainError:
                pass
        pages = []
        for slot, plan in enumerate(self.pages):
            page = first if slot == 0 and first else None
            if page is None and slot not in refusals:
                try:
                    page = plan.build_page(variables)
                except DomainError as error:
                    refusals[slot] = error
            pages.append(page or EMPTY_PAGE)
        return s.PagedSelection(omit_refused_fields(self.selection, refusals), tuple(pages))

    def _build_pages(self, variables: Variables, first: PageRequest | None) -> tuple[PageRequest, ...]:
        if first:
            return first, *[page.build_page(variables) for page in self.pages[1:]]
        return tuple([page.build_page(variables) for page in self.pages]) if self.pages else ()

    def paths(self) -> dict[int, ResponsePath]:
        """Return the path of each field with arguments, by its slot."""
        return {slot: plan.path for slot, plan in enumerate(self.pages)}


@dataclass(slots=True)
class SelectionBuilder:
    """Builds a selection from the selected fields of a type, and collects its pages by slot.

    `around` is the plan of the object with arguments in which fields are embedded, and `around_slot` its slot.
    """

    document: Document
    pages: list[PageSlotPlan] = field(default_factory=list)
    around: ReferencePlan | None = None
    around_slot: int | None = None

    def build_selection(self, entity: GraphQLObjectType, fields: Fields, path: ResponsePath) -> s.Selection:
        """Return the selection of an entity."""
        return s.Selection(entity.name, self.build_fields(entity, fields, path))

    def build_below(self, entity: GraphQLObjectType, nodes: list[FieldNode], path: ResponsePath) -> s.Selection:
        """Return the selection of an entity that is the value of a field."""
        return self.build_selection(entity, self.document.collect_below(entity, nodes), path)

    def build_fields(self, parent: GraphQLObjectType, fields: Fields, path: ResponsePath) -> tuple[s.Field, ...]:
        """Return the selected fields of an object."""
        return tuple([self._build_field(parent, name, nodes, (*path, name)) for name, nodes in fields.items()])

    def _build_field(self, parent: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath) -> s.Field:
        field_name = nodes[0].name.value
        if field_name == "__typename":
            return s.Constant(name, parent.name)
        declared = parent.fields[field_name]
        target: Any = get_named_type(declared.type)
        match b.read_binding(declared):
            case b.Column(attribute, render, inherits):
                return s.Value(name, attribute, render, slot=self.around_slot if inherits else None)
            case b.ComposedOf(attributes, compose):
                return s.Composed(name, attributes, compose)
            case b.NodeId():
                return s.Value(name, "id", build_id_form(parent.name))
            case b.EmbeddedIn(present, None):
                return s.Embedded(name, present, self.build_fields(target, self.document.collect_below(target, nodes), path))
            case b.EmbeddedIn() as binding:
                return self._build_comparison(name, declared, nodes, binding, path)
            case b.Objects(attribute, read, _, inherits):
                pick = self._compile_picker(target, nodes)
                slot = self.around_slot if inherits else None
                return s.Value(name, attribute, _render_objects(read, pick), slot=slot)
            case b.EmbeddedReference(attribute, entity):
                fields = self.build_fields(target, self.document.collect_below(target, nodes), path)
                return s.ToOneField(name, attribute, s.Selection(entity, fields), self.around_slot)
            case b.WholeList(attribute, size):
                slot = self._add_page(FixedPlan(PageRequest(size), path))
                parts = (s.Nodes("nodes", self.build_below(target, nodes, path)),)
                return s.ToManyField(name, attribute, target.name, slot, parts, encode_cursor, as_text=True, bare=True)
            case b.ComputedReference(attribute, conditions):
                arguments = (
                    compile_arguments(declared, nodes[0]) if declared.args or not self.around else self.around.arguments
                )
                slot = self._add_page(ReferencePlan(path, arguments, conditions))
                return s.ToOneField(name, attribute, self.build_below(target, nodes, path), slot)
            case b.GeneratedText() as binding:
                return self._build_generated_text(name, binding)
            case b.Reference(attribute):
                return s.ToOneField(name, attribute, self.build_below(target, nodes, path))
            case b.ListOf() as binding:
                return self.build_list(name, declared, nodes, binding, path)
        raise TypeError(f"{parent.name}.{field_name} has no binding")

    def _add_page(self, plan: PageSlotPlan) -> int:
        """Add the plan of a page and return its slot."""
        self.pages.append(plan)
        return len(self.pages) - 1

    def _build_comparison(
        self, name: str, declared: GraphQLField, nodes: list[FieldNode], binding: b.EmbeddedIn, path: ResponsePath
    ) -> s.Embedded:
        """Return an embedded object with arguments: its fields have the same conditions."""
        assert binding.conditions
        before = self.around, self.around_slot
        self.around = ReferencePlan(path, compile_arguments(declared, nodes[0]), binding.conditions)
        slot = self.around_slot = self._add_page(self.around)
        target = get_named_type(declared.type)
        assert isinstance(target, GraphQLObjectType)
        fields = self.build_fields(target, self.document.collect_below(target, nodes), path)
        self.around, self.around_slot = before
        return s.Embedded(name, binding.present, fields, slot, binding.entities)

    def _build_generated_text(self, name: str, binding: b.GeneratedText) -> s.ToManyField:
        """Return the list from which a text is generated."""
        values = tuple([s.Value(column, column) for column in binding.columns])
        parts = (s.Nodes("nodes", s.Selection(binding.entity, values)), s.TotalCount("totalCount"))
        slot = self._add_page(FixedPlan(PageRequest(binding.size)))

        def write(page: dict[str, Any]) -> str | None:
            return binding.write(page["nodes"], page["totalCount"])

        return s.ToManyField(name, binding.listed, binding.entity, slot, parts, encode_cursor, write, binding.attribute)

    def build_list(
        self, name: str, declared: GraphQLField, nodes: list[FieldNode], binding: b.ListOf, path: ResponsePath
    ) -> s.ToManyField:
        """Return a list; its page is added to the pages."""
        around = self.around if binding.inherits else None
        slot = self._add_page(_fix_plan(PagePlan(path, compile_arguments(declared, nodes[0]), binding, around), nodes[0]))
        connection: Any = get_named_type(declared.type)
        entity: Any = get_named_type(connection.fields["nodes"].type)
        fields = self.document.collect_below(connection, nodes)
        parts = tuple([self._build_part(connection, key, below, (*path, key)) for key, below in fields.items()])
        return s.ToManyField(name, binding.attribute, entity.name, slot, parts, encode_cursor, as_text=True)

    def _compile_picker(self, target: GraphQLObjectType, nodes: list[FieldNode]) -> Callable[[Any], Any]:
        """Return the function that picks the selected fields of an object, or of each object of a list."""
        getters: list[tuple[str, Callable[[Any], Any]]] = []
        for key, below in self.document.collect_below(target, nodes).items():
            name = below[0].name.value
            if name == "__typename":
                getters.append((key, partial(_return_constant, target.name)))
                continue
            named: Any = get_named_type(target.fields[name].type)
            pick_below = None if is_leaf_type(named) else self._compile_picker(named, below)
            getters.append((key, partial(_pick_field, name, pick_below) if pick_below else itemgetter(name)))

        def pick(value: Any) -> Any:
            if isinstance(value, list):
                return [pick(item) for item in value]
            return None if value is None else {key: get(value) for key, get in getters}

        return pick

    def _build_part(self, connection: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath) -> s.Part:
        field_name = nodes[0].name.value
        if field_name == "__typename":
            return s.Constant(name, connection.name)
        target: Any = get_named_type(connection.fields[field_name].type)
        match b.read_binding(connection.fields[field_name]):
            case b.ConnectionPart("nodes"):
                return s.Nodes(name, self.build_below(target, nodes, path))
            case b.ConnectionPart("edges"):
                fields = self.document.collect_below(target, nodes)
                return s.Edges(
                    name, tuple([self._build_edge_field(target, key, below, path) for key, below in fields.items()])
                )
            case b.ConnectionPart("pageInfo"):
                return s.PageInfo(name, _plan_page_info(target, self.document.collect_below(target, nodes)))
            case b.ConnectionPart("totalCount"):
                return s.TotalCount(name)
        raise TypeError(f"{connection.name}.{field_name} has no binding")

    def _build_edge_field(
        self, edge: GraphQLObjectType, name: str, nodes: list[FieldNode], path: ResponsePath
    ) -> s.EdgeCursor | s.EdgeNode | s.Constant:
        field_name = nodes[0].name.value
        if field_name == "__typename":
            return s.Constant(name, edge.name)
        if field_name == "cursor":
            return s.EdgeCursor(name)
        target: Any = get_named_type(edge.fields[field_name].type)
        return s.EdgeNode(name, self.build_below(target, nodes, (*path, name)))


def _return_constant(constant: str, content: Any) -> str:
    return constant


def _pick_field(name: str, pick: Callable[[Any], Any], content: Any) -> Any:
    return pick(content[name])


def _render_objects(read: Callable[[Any], Any], pick: Callable[[Any], Any]) -> s.Render:
    """Return the function from a column's value to objects with the selected fields."""
    return lambda value: pick(read(value))


def _plan_page_info(declared: GraphQLObjectType, fields: Fields) -> tuple[tuple[str, str] | s.Constant, ...]:
    return tuple(
        s.Constant(name, declared.name) if nodes[0].name.value == "__typename" else (name, nodes[0].name.value)
        for name, nodes in fields.items()
    )


def plan_view(
    document: Document,
    target: GraphQLObjectType,
    nodes: list[FieldNode],
    path: ResponsePath,
    arguments: Evaluate | None = None,
) -> ViewPlan:
    """Return the plan of a root field that is one object; `arguments` are passed to references without their own."""
    around = ReferencePlan(path, arguments, lambda values: ()) if arguments else None
    builder = SelectionBuilder(document, around=around)
    return ViewPlan(builder.build_below(target, nodes, path), builder.pages)


def plan_list(document: Document, declared: GraphQLField, nodes: list[FieldNode], path: ResponsePath) -> ViewPlan:
    """Return the plan of a root field that is a list: a list of the viewer, with the response name `value`."""
    builder = SelectionBuilder(document)
    attribute = nodes[0].name.value
    many = builder.build_list("value", declared, nodes, b.ListOf(attribute, Order("slug")), path)
    return ViewPlan(s.Selection("Viewer", (many,)), builder.pages)


def plan_nodes(document: Document, target: GraphQLObjectType, nodes: list[FieldNode], path: ResponsePath) -> ViewPlan:
    """Return the plan of objects of one type by their ids: a list of the viewer, whose page is the first."""
    by_ids = PagePlan(path, lambda variables: {}, b.ListOf(f"all_{target.name}", Order("id")))
    builder = SelectionBuilder(document, [by_ids])
    fields = builder.build_fields(target, document.collect_below(target, nodes), path)
    keyed = s.Selection(target.name, (s.Value("key", "id"), s.Embedded("node", "", fields)))
    many = s.ToManyField("value", f"all_{target.name}", target.name, 0, (s.Nodes("nodes", keyed),), encode_cursor)
    return ViewPlan(s.Selection("Viewer", (many,)), builder.pages)


def plan_payload_node(
    document: Document, target: GraphQLObjectType, shown: Mapping[str, list[FieldNode]], path: ResponsePath
) -> ViewPlan:
    """Return the plan of a payload's object: one view with a part for each response name."""
    builder = SelectionBuilder(document)
    parts = [
        s.Embedded(name, "", builder.build_fields(target, document.collect_below(target, nodes), (*path, name)))
        for name, nodes in shown.items()
    ]
    return ViewPlan(s.Selection(target.name, tuple(parts)), builder.pages)
