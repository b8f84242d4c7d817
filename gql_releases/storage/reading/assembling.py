"""Rows into the answer: one assembler for every selection, made of small functions when the plan is.

A statement's row is a tuple. An object's own values stand together in it, in the order of the response, with NULL held in
the place of what is nested; so `dict(zip(names, row))` makes the object and the nested parts are put in afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.paging import Position
from gql_releases.storage.statements import Row

Tree = dict[str, Any]
Bag = list[tuple[Any, Tree, Any]]
"""Objects that wait for a list: (key of the parent, the object, the list's total count if asked for)."""

Build = Callable[[Row, list[Bag]], Tree]
Make = Callable[[Row, list[Bag]], Any]
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An object's list: its bag, and where the row has the parent's key and the total count (None: not asked for).

    `optional`: the key is NULL where the list is not wanted.
    """

    bag: int
    key: int
    total: int | None
    optional: bool = False


def converted(index: int, functions: list[Convert | None]) -> Make | None:
    """Make the function that reads a value and converts it unless it is None; None where nothing is to convert."""
    steps = [function for function in functions if function]
    if not steps:
        return None
    first, rest = steps[0], steps[1:]

    def make(row: Row, bags: list[Bag]) -> Any:
        value = row[index]
        if value is None:
            return None
        value = first(value)
        for function in rest:
            value = function(value)
        return value

    return make


def present(index: int, build: Build) -> Make:
    """Make the function that builds a nested object, or None where the value at `index` is NULL."""
    return lambda row, bags: None if row[index] is None else build(row, bags)


def object_builder(names: list[str], start: int, patches: list[tuple[str, Make]], waiting: list[Waiting]) -> Build:
    """Make the function from a row to an object, whose values begin at `start`."""
    stop = start + len(names)
    # No strict=True in these zips: it is a third of their cost, and the slice has as many values as there are names.

    def plain(row: Row, bags: list[Bag]) -> Tree:
        return dict(zip(names, row[start:stop]))  # noqa: B905

    def full(row: Row, bags: list[Bag]) -> Tree:
        built = dict(zip(names, row[start:stop]))  # noqa: B905
        for name, make in patches:
            built[name] = make(row, bags)
        for wait in waiting:
            if wait.optional and row[wait.key] is None:
                continue
            bags[wait.bag].append((row[wait.key], built, None if wait.total is None else row[wait.total]))
        return built

    return full if patches or waiting else plain


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page of a list, in the order of the response, and what is around them."""

    rows: list[Row]
    has_next: bool
    has_previous: bool
    total: Any


Part = Callable[[Page, list[Bag]], Any]


def nodes(build: Build) -> Part:
    """Make the part that lists the page's objects."""
    return lambda page, bags: [build(row, bags) for row in page.rows]


def edges(fields: list[tuple[str, Make]]) -> Part:
    """Make the part that lists the page's edges."""
    return lambda page, bags: [{name: make(row, bags) for name, make in fields} for row in page.rows]


def cursor_of(field: str, key: int, tie: int, raw: Convert | None, spell: Callable[[Position], str]) -> Make:
    """Make the function that spells a row's place in the list."""

    def make(row: Row, bags: list[Bag]) -> str:
        return spell(Position(field, raw(row[key]) if raw else row[key], row[tie]))

    return make


def page_info(asked: s.PageInfo, cursor: Make) -> Part:
    """Make the part that says what is around the page."""

    def end(index: int) -> Part:
        return lambda page, bags: cursor(page.rows[index], bags) if page.rows else None

    known: dict[str, Part] = {
        "hasNextPage": lambda page, bags: page.has_next,
        "hasPreviousPage": lambda page, bags: page.has_previous,
        "startCursor": end(0),
        "endCursor": end(-1),
    }
    fields = [(f.name, constant(f.value)) if isinstance(f, s.Constant) else (f[0], known[f[1]]) for f in asked.fields]
    return lambda page, bags: {name: part(page, bags) for name, part in fields}


def constant(value: Any) -> Callable[[Any, list[Bag]], Any]:
    """Make the function that answers the same each time."""
    return lambda row, bags: value
