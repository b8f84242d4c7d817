"""Selections of reads: entities, fields by response name, nested lists; independent of SQL and GraphQL.

Entities and attributes have the names of storage/entities. The planner of the GraphQL API builds selections from
operations, the REST API declares its own; the same reader executes both. A selection is compiled once and compared by
identity: reuse the object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import PageRequest, Position

Render = Callable[[Any], Any]
"""Converts a stored value that is not None to its form in an API (an id, an enum's name)."""


@dataclass(frozen=True, slots=True)
class Base64:
    """The form of a number as base64 of a prefix and its digits."""

    prefix: str


@dataclass(frozen=True, slots=True)
class ShortDate:
    """The form of a date without a fraction that is zero."""


@dataclass(frozen=True, slots=True)
class Value:
    """A column under its response name; if it is NULL the column `otherwise`, if that is set.

    With a `slot` it is a computed column with arguments.
    """

    name: str
    attribute: str
    render: Render | Base64 | ShortDate | None = None
    otherwise: str | None = None
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A value that `compose` makes of the values of several columns, none of which is NULL."""

    name: str
    attributes: tuple[str, ...]
    compose: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant value, as `__typename`."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object of columns of the same row; None if the attribute `present` is NULL (with "" it is never None).

    With a `slot`, `present` is a computed reference with arguments, which reads `entities`. `otherwise`: the fields of the
    object that is returned instead of None.
    """

    name: str
    present: str
    fields: tuple[Field, ...]
    slot: int | None = None
    entities: tuple[str, ...] = ()
    otherwise: tuple[Field, ...] | None = None


@dataclass(frozen=True, slots=True)
class ToOneField:
    """The object of a reference, or None; with a `slot`, that of a computed reference with arguments.

    `bare`: its only field's value is returned instead of the object. `otherwise`: the value that is returned for None.
    """

    name: str
    attribute: str
    selection: Selection
    slot: int | None = None
    bare: bool = False
    otherwise: Any = None


@dataclass(frozen=True, slots=True)
class Nodes:
    """The rows of a page."""

    name: str
    selection: Selection


@dataclass(frozen=True, slots=True)
class EdgeCursor:
    """The cursor of an edge."""

    name: str


@dataclass(frozen=True, slots=True)
class EdgeNode:
    """The row of an edge."""

    name: str
    selection: Selection


@dataclass(frozen=True, slots=True)
class Edges:
    """The rows of a page, each with its cursor."""

    name: str
    fields: tuple[EdgeCursor | EdgeNode | Constant, ...]


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Facts about the page: (response name, one of hasNextPage, hasPreviousPage, startCursor, endCursor)."""

    name: str
    fields: tuple[tuple[str, str] | Constant, ...]


@dataclass(frozen=True, slots=True)
class TotalCount:
    """The number of rows of the whole list, counted only if it is selected."""

    name: str


Part = Nodes | Edges | PageInfo | TotalCount | Constant


@dataclass(frozen=True, slots=True)
class ToManyField:
    """A page of the rows of `entity` in a to-many reference; `slot` is the index of its PageRequest in the read.

    `finish` converts the page. `unless` names a column whose value is returned instead if it is not NULL. `as_text`:
    the nodes may be JSON text that a response is to contain as it is, which `finish` must not read. `bare`: the only part
    is returned instead of the page.
    """

    name: str
    attribute: str
    entity: str
    slot: int
    parts: tuple[Part, ...]
    cursor: Callable[[Position], str]
    finish: Callable[[Any], Any] | None = None
    unless: str | None = None
    as_text: bool = False
    bare: bool = False


Field = Value | Composed | Constant | Embedded | ToOneField | ToManyField


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Selection:
    """Fields of one entity, in the order of the response. `entities` are this one and all below it."""

    entity: str
    fields: tuple[Field, ...]
    entities: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", frozenset({self.entity, *_entities(self.fields)}))


def _entities(fields: tuple[Any, ...]) -> set[str]:
    names: set[str] = set()
    for item in fields:
        if isinstance(item, ToOneField | Nodes | EdgeNode):
            names |= item.selection.entities
        elif isinstance(item, Embedded):
            names |= {*item.entities, *_entities(item.fields)}
        elif isinstance(item, Edges):
            names |= _entities(item.fields)
        elif isinstance(item, ToManyField):  # its total count alone reads the entity
            names |= {item.entity, *_entities(item.parts)}
    return names


class PagedSelection(NamedTuple):
    """A selection with the pages of its lists, by slot."""

    selection: Selection
    pages: tuple[PageRequest, ...] = ()


class ObjectRead(NamedTuple):
    """A view of the object that matches all conditions."""

    view: PagedSelection
    conditions: Conditions = ()
