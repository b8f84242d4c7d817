"""How a field of the Strawberry schema says, where it is declared, what it is bound to.

A type reads like its documentation: a field of a node is a column, an object embedded in the row, a to-one, a to-many, or
a part of a connection. Root fields are planned or commanded. The planner reads these bindings; nothing resolves them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import Order
from gql_releases.domain.selection import Render
from gql_releases.graphql_api.execution.scalars import global_id_of

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
"""The attributes of a payload, and those of the node that it shows."""
FindProblems = Callable[["Services", "Principal", Input], Awaitable["list[Problem]"]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the entity, or of the entity that this object is embedded in."""

    attribute: str
    render: Render | None = None


@dataclass(frozen=True, slots=True)
class NodeId:
    """The id of the node."""


@dataclass(frozen=True, slots=True)
class EmbeddedIn:
    """An object made of the row's own columns; null where `present` is NULL, never where it is empty.

    With arguments, `present` is a pick by `conditions`, which the lists below it have, too; it tells of `entities`.
    """

    present: str
    conditions: Callable[[Arguments], Conditions] | None = None
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects from a column that holds JSON: a list whose fields are named as the objects' own."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A to-one."""

    attribute: str


@dataclass(frozen=True, slots=True)
class ComputedReference:
    """A to-one that is found by arguments: the field's own, or those of the object that it is embedded in."""

    attribute: str
    conditions: Callable[[Arguments], Conditions]


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """A text: the column's, or where that is NULL what `write` makes of the first `size` of a list and its total count."""

    attribute: str
    listed: str
    entity: str
    size: int
    columns: tuple[str, ...]
    write: Callable[[list[dict[str, Any]], int], str | None]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A to-many: a connection with the list's own order unless `orders` offers others.

    `inherits`: it has the conditions of the object that it is embedded in.
    """

    attribute: str
    order: Order
    orders: Mapping[str, str] = field(default_factory=dict)
    conditions: Callable[[Arguments], Conditions] | None = None
    inherits: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionPart:
    """A field of a connection, an edge or a pageInfo, by the name that planning knows it under."""

    part: str


@dataclass(frozen=True, slots=True)
class QueryBinding:
    """A root field that reads; `kind` is one of viewer, one, list, node, nodes."""

    kind: str
    find: Callable[[Arguments, Principal], Conditions | None] | None = None


@dataclass(frozen=True, slots=True)
class MutationBinding:
    """A root field that writes: one service call. Its result has the payload's attributes, and the shown object's."""

    run: Callable[[Services, Principal, Input, PagedSelection], Awaitable[Payload]]
    shows: str | None
    find_problems: FindProblems | None = None
    """What is looked up for a refused input beside its organization; None where nothing else could be wrong."""


def _bound(binding: object, description: str) -> Any:
    return strawberry.field(description=description, metadata={BINDING: binding})


def column(attribute: str, description: str, render: Render | None = None) -> Any:
    """Bind a field to a column; `render` spells its value."""
    return _bound(Column(attribute, render), description)


def node_id(description: str = "The id of this object, unique among all objects.") -> Any:
    """Bind a field to the node's id."""
    return _bound(NodeId(), description)


def embedded_field(present: str, description: str) -> Any:
    """Bind a field to an object made of columns of the same row."""
    return _bound(EmbeddedIn(present), description)


def comparison_field(
    present: str, description: str, arguments: list[StrawberryArgument], conditions: Any, *entities: str
) -> Any:
    """Bind a field to an object that arguments decide: its picks and lists have the same conditions."""
    made = _bound(EmbeddedIn(present, conditions, entities), description)
    made.arguments = arguments
    return made


def objects(attribute: str, description: str) -> Any:
    """Bind a field to a column of JSON objects."""
    return _bound(Objects(attribute), description)


def reference_field(
    attribute: str,
    description: str,
    conditions: Callable[[Arguments], Conditions],
    arguments: list[StrawberryArgument] | None = None,
) -> Any:
    """Bind a field to the object that its arguments find."""
    made = _bound(ComputedReference(attribute, conditions), description)
    made.arguments = arguments or []
    return made


def generated_text(binding: GeneratedText, description: str) -> Any:
    """Bind a field to a text that a list makes where none is stored."""
    return _bound(binding, description)


def to_one(attribute: str, description: str) -> Any:
    """Bind a field to a reference."""
    return _bound(Reference(attribute), description)


def part(name: str, description: str) -> Any:
    """Bind a field to a part of a connection."""
    return _bound(ConnectionPart(name), description)


def argument(name: str, annotation: Any, description: str) -> StrawberryArgument:
    """Declare an optional argument."""
    documented = Annotated[annotation, strawberry.argument(description=description)]
    return StrawberryArgument(name, None, StrawberryAnnotation(documented))


def paging_arguments() -> list[StrawberryArgument]:
    """Declare the four arguments of a connection."""
    return [
        argument("first", int | None, "The first so many, at most 100; 20 when neither first nor last is given."),
        argument("after", str | None, "Only what comes after this cursor."),
        argument("last", int | None, "The last so many, at most 100."),
        argument("before", str | None, "Only what comes before this cursor."),
    ]


def to_many(
    attribute: str,
    description: str,
    order: Order,
    *,
    orders: Mapping[str, str] | None = None,
    conditions: Callable[[Arguments], Conditions] | None = None,
    arguments: list[StrawberryArgument] | None = None,
    inherits: bool = False,
) -> Any:
    """Bind a field to a list. `orders` maps the values of its `orderBy.field` to sorts of the store."""
    made = _bound(ListOf(attribute, order, orders or {}, conditions, inherits), description)
    made.arguments = paging_arguments() + (arguments or [])
    return made


def query_field(
    kind: str,
    description: str,
    find: Callable[[Arguments, Principal], Conditions | None] | None = None,
    arguments: list[StrawberryArgument] | None = None,
) -> Any:
    """Bind a root field to a read."""
    made = _bound(QueryBinding(kind, find), description)
    made.arguments = arguments or []
    return made


def mutation_field(
    run: Callable[[Services, Principal, Input, PagedSelection], Awaitable[Payload]],
    input_type: type,
    description: str,
    shows: str | None = None,
    find_problems: FindProblems | None = None,
) -> Any:
    """Bind a root field to a service's operation; `shows` names the payload's field that shows an object."""
    made = _bound(MutationBinding(run, shows, find_problems), description)
    made.arguments = [StrawberryArgument("input", None, StrawberryAnnotation(input_type))]
    return made


def render_id(entity: str) -> Render:
    """Give the function that spells an entity's ids."""
    return global_id_of(entity)
