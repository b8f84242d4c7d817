"""What a read asks for: entities, fields by response name, nested lists. It speaks no SQL and no GraphQL.

Entities and attributes are named as in the store's catalogue (storage/reading/catalogue.py). GraphQL's selections are made
by planning an operation, REST's are written by hand; both are run by the same reader. A selection is compiled once and
compared by identity, so keep it.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import PageRequest, Position

Render = Callable[[Any], Any]
"""Turns a stored value that is not None into the door's spelling of it (an id, an enum's name)."""


class Base64:
    """Spells a number as base64 of a prefix and its digits. A database can do the same, which is why this is no function."""

    __match_args__ = ("prefix",)
    __slots__ = ("_form", "prefix")

    def __init__(self, prefix: str) -> None:
        self.prefix, self._form = prefix, f"{prefix}%d".encode()

    def __call__(self, key: int) -> str:
        """Spell a number."""
        return b2a_base64(self._form % key, newline=False).decode()


class ShortDate:
    """Says that a date is spelled without its fraction where that is zero.

    No function, for the same reason, and because a list has so many of them that a call each would be felt.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A column under its response name; where it is NULL the column `otherwise`, if one is named."""

    name: str
    attribute: str
    render: Render | ShortDate | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is known without asking, as `__typename`."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object made of the same row's columns; None where the attribute `present` is NULL ("" for: always there).

    With a `slot`, `present` is a pick with arguments, and tells something of `entities`. `otherwise`: the fields of the
    object that is there instead of None.
    """

    name: str
    present: str
    fields: tuple[Field, ...]
    slot: int | None = None
    entities: tuple[str, ...] = ()
    otherwise: tuple[Field, ...] | None = None


@dataclass(frozen=True, slots=True)
class ToOneField:
    """The object that a reference leads to, or None; with a `slot`, the one that a pick finds by its arguments.

    `bare`: the value of its only field in its place. `otherwise`: a value instead of None.
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
    """What is around the page: (response name, one of hasNextPage, hasPreviousPage, startCursor, endCursor)."""

    name: str
    fields: tuple[tuple[str, str] | Constant, ...]


@dataclass(frozen=True, slots=True)
class TotalCount:
    """How many rows the whole list has, counted only when asked for."""

    name: str


Part = Nodes | Edges | PageInfo | TotalCount | Constant


@dataclass(frozen=True, slots=True)
class ToManyField:
    """A page of the rows of `entity` behind a to-many; `slot` is the index of its PageRequest in the read.

    `finish` makes something else of the page. `unless` names a column that is answered instead where it is not NULL.
    With `json`, the nodes may come as what it makes of a JSON text of them, and `finish` does not look at them.
    `bare`: the only part in the page's place.
    """

    name: str
    attribute: str
    entity: str
    slot: int
    parts: tuple[Part, ...]
    cursor: Callable[[Position], str]
    finish: Callable[[Any], Any] | None = None
    unless: str | None = None
    json: Callable[[str], Any] | None = None
    bare: bool = False


Field = Value | Constant | Embedded | ToOneField | ToManyField


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
        elif isinstance(item, ToManyField):  # its total alone tells something of the entity, too
            names |= {item.entity, *_entities(item.parts)}
    return names


class PagedSelection(NamedTuple):
    """A selection with the pages that its lists are asked for, by slot."""

    selection: Selection
    pages: tuple[PageRequest, ...] = ()


class ObjectRead(NamedTuple):
    """A view of one entity, found by conditions, all of which must hold."""

    view: PagedSelection
    conditions: Conditions = ()
