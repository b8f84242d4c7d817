"""Bindings of the fields of the Strawberry schema to data of the store and to services.

A field of a node is a column, an object embedded in the row, a to-one, a to-many or a part of a connection; a root field is
a query or a mutation. The planner reads the bindings; there are no resolvers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import strawberry
from graphql import GraphQLField

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import Order
from gql_releases.domain.selection import Render
from gql_releases.graphql_api.execution.strawberry_adapter import Argument, build_argument, declare_field, read_metadata

if TYPE_CHECKING:
    from gql_releases.domain.errors import Problem
    from gql_releases.domain.principal import Principal
    from gql_releases.domain.selection import PagedSelection
    from gql_releases.graphql_api.execution.services import Services

BINDING = "binding"
"""The key under which a field's metadata carries its binding."""

Arguments = Mapping[str, Any]
Input = dict[str, Any]
"""A coerced input of a mutation."""
Payload = dict[str, Any]
"""The attributes of a payload, and those of the object in it."""
QueryKind = Literal["viewer", "one", "list", "node", "nodes"]
"""What a root field reads: the viewer, an object, a list, or objects by their global ids."""
FindProblems = Callable[["Services", "Principal", Input], Awaitable["list[Problem]"]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the entity, or of the entity in whose row this object is embedded.

    `inherits`: it is computed with the conditions of the object with arguments that it is embedded in.
    """

    attribute: str
    render: Render | None = None
    inherits: bool = False


@dataclass(frozen=True, slots=True)
class ComposedOf:
    """A value that `compose` makes of the values of several columns."""

    attributes: tuple[str, ...]
    compose: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class NodeId:
    """The global id of the node."""


@dataclass(frozen=True, slots=True)
class EmbeddedIn:
    """An object made of the row's own columns; null where `present` is NULL, never where it is empty.

    With arguments, `present` is a computed reference with `conditions`, which its lists have, too. It compares rows of
    `entities`.
    """

    present: str
    conditions: Callable[[Arguments], Conditions] | None = None
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects from a column, as `read` returns them: JSON with the names of the schema, with further objects in it.

    `size`: the cost. `inherits` as for a column.
    """

    attribute: str
    read: Callable[[Any], Any]
    size: int = 1
    inherits: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedReference:
    """An object made of columns of the row of a to-one, which the conditions of the object that it is part of select."""

    attribute: str
    entity: str


@dataclass(frozen=True, slots=True)
class WholeList:
    """A short to-many: all of its items, `size` at most, without a connection."""

    attribute: str
    size: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A to-one."""

    attribute: str


@dataclass(frozen=True, slots=True)
class ComputedReference:
    """A to-one that arguments select: the field's own, or those of the object that it is embedded in."""

    attribute: str
    conditions: Callable[[Arguments], Conditions]


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """A text: the column's, or if that is NULL, what `write` makes of the first `size` items of a list and its count."""

    attribute: str
    listed: str
    entity: str
    size: int
    columns: tuple[str, ...]
    write: Callable[[list[dict[str, Any]], int], str | None]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A to-many: a connection in the list's own order, unless `orders` offers others.

    `inherits`: it has the conditions of the object that it is embedded in.
    """

    attribute: str
    order: Order
    orders: Mapping[str, str] = field(default_factory=dict)
    conditions: Callable[[Arguments], Conditions] | None = None
    inherits: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionPart:
    """A field of a connection, an edge or a pageInfo, by the planner's name for it."""

    part: str


@dataclass(frozen=True, slots=True)
class QueryBinding:
    """A root field that reads.

    `passes_arguments`: references below it that arguments select, and that have none of their own, get the root field's.
    """

    kind: QueryKind
    find: Callable[[Arguments, Principal], Conditions | None] | None = None
    passes_arguments: bool = False


@dataclass(frozen=True, slots=True)
class MutationBinding:
    """A root field that writes with one service call, which returns the payload's attributes and the object in it."""

    run: Callable[[Services, Principal, Input, PagedSelection], Awaitable[Payload]]
    shows: str | None
    find_problems: FindProblems | None = None
    """Finds further problems of an invalid input, besides its organization; None if there can be none."""


@dataclass(frozen=True, slots=True)
class ComputedBinding:
    """A root field that a service computes from its input: a dataclass that the type's fields are attributes of, or None.

    `count_items` returns the maximum number of items of the result's list for an input, coerced or literal; `price` the cost
    of so many items.
    """

    run: Callable[[Services, Principal, Input], Awaitable[Any]]
    count_items: Callable[[Any], int]
    price: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class KeyOfNode:
    """A field of a computed type that is a node: the attribute has its key, and a plan reads it."""

    attribute: str


def read_binding(declared: GraphQLField) -> Any:
    """Return the binding of a field of the schema; None if it has none."""
    return read_metadata(declared, BINDING)


def _bind(binding: object, description: str, arguments: list[Argument] | None = None, name: str | None = None) -> Any:
    return declare_field(description, {BINDING: binding}, arguments, name)


def column(
    attribute: str, description: str, render: Render | None = None, *, inherits: bool = False, name: str | None = None
) -> Any:
    """Declare a field that is read from a column; `render` converts its value."""
    return _bind(Column(attribute, render, inherits), description, name=name)


def composed_field(attributes: tuple[str, ...], description: str, compose: Callable[..., Any]) -> Any:
    """Declare a field that `compose` makes of the values of several columns."""
    return _bind(ComposedOf(attributes, compose), description)


def node_id(
    description: str = (
        "The global id of the object, unique among objects of all types and stable. Opaque: pass it to `node(id)`."
    ),
) -> Any:
    """Declare the field with the node's global id."""
    return _bind(NodeId(), description)


def embedded_field(present: str, description: str) -> Any:
    """Declare an object made of columns of the same row."""
    return _bind(EmbeddedIn(present), description)


def comparison_field(present: str, description: str, arguments: list[Argument], conditions: Any, *entities: str) -> Any:
    """Declare an object whose arguments are the conditions of its references and lists."""
    return _bind(EmbeddedIn(present, conditions, entities), description, arguments)


def objects(
    attribute: str,
    description: str,
    read: Callable[[Any], Any] = orjson.loads,
    *,
    size: int = 1,
    inherits: bool = False,
) -> Any:
    """Declare an object or a list of objects that is read from one column; by default the column holds their JSON."""
    return _bind(Objects(attribute, read, size, inherits), description)


def embedded_reference(attribute: str, entity: str, description: str) -> Any:
    """Declare an object like the one that it is part of, of the row of a reference."""
    return _bind(EmbeddedReference(attribute, entity), description)


def whole_list(attribute: str, size: int, description: str) -> Any:
    """Declare a list without pages, of at most `size` items."""
    return _bind(WholeList(attribute, size), description)


def reference_field(
    attribute: str,
    description: str,
    conditions: Callable[[Arguments], Conditions],
    arguments: list[Argument] | None = None,
) -> Any:
    """Declare a reference that is selected by arguments."""
    return _bind(ComputedReference(attribute, conditions), description, arguments)


def generated_text(binding: GeneratedText, description: str) -> Any:
    """Declare a text that is made from a list if none is stored."""
    return _bind(binding, description)


def to_one(attribute: str, description: str) -> Any:
    """Declare a reference."""
    return _bind(Reference(attribute), description)


def part(name: str, description: str) -> Any:
    """Declare a part of a connection."""
    return _bind(ConnectionPart(name), description)


def argument(name: str, annotation: Any, description: str) -> Argument:
    """Return an argument with a description; it is optional if its annotation allows None."""
    documented = Annotated[annotation, strawberry.argument(description=description)]
    return build_argument(name, documented)


def paging_arguments() -> list[Argument]:
    """Return the four arguments of a connection."""
    return [
        argument("first", int | None, "Number of items, 0 to 100 (default 20). INVALID_ARGUMENT together with `last`."),
        argument(
            "after",
            str | None,
            "Return the items after this cursor, such as the last page's `endCursor`. INVALID_CURSOR if it is of "
            "another order.",
        ),
        argument("last", int | None, "Number of items from the end, 0 to 100. INVALID_ARGUMENT together with `first`."),
        argument(
            "before",
            str | None,
            "Return the items before this cursor, such as the last page's `startCursor`. INVALID_CURSOR if it is "
            "of another order.",
        ),
    ]


def to_many(
    attribute: str,
    description: str,
    order: Order,
    *,
    orders: Mapping[str, str] | None = None,
    conditions: Callable[[Arguments], Conditions] | None = None,
    arguments: list[Argument] | None = None,
    inherits: bool = False,
) -> Any:
    """Declare a list. `orders` maps the values of its `orderBy.field` to orders of the store."""
    binding = ListOf(attribute, order, orders or {}, conditions, inherits)
    return _bind(binding, description, paging_arguments() + (arguments or []))


def query_field(
    kind: QueryKind,
    description: str,
    find: Callable[[Arguments, Principal], Conditions | None] | None = None,
    arguments: list[Argument] | None = None,
    *,
    passes_arguments: bool = False,
) -> Any:
    """Declare a root field that reads."""
    return _bind(QueryBinding(kind, find, passes_arguments), description, arguments)


def mutation_field(
    run: Callable[[Services, Principal, Input, PagedSelection], Awaitable[Payload]],
    input_type: type,
    description: str,
    shows: str | None = None,
    find_problems: FindProblems | None = None,
) -> Any:
    """Declare a root field that writes; `shows` is the payload's field for the written object."""
    arguments = [argument("input", input_type, "The arguments of the mutation, as one object.")]
    return _bind(MutationBinding(run, shows, find_problems), description, arguments)


def computed_field(binding: ComputedBinding, input_type: type, description: str) -> Any:
    """Declare a root field that a service computes."""
    arguments = [argument("input", input_type, "The arguments of the query, as one object.")]
    return _bind(binding, description, arguments)


def node_field(attribute: str, description: str) -> Any:
    """Declare a field of a computed type that is a node; the attribute has its key."""
    return _bind(KeyOfNode(attribute), description)
