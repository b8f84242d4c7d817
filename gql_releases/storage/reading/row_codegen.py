"""Rows into the answer: each plan's functions are written as Python source when the plan is made, then only run.

A literal `{"sha": r[3], "author": None if r[5] is None else {"name": r[6]}}` makes an object several times faster than
any general code that looks up what to do. Source is made of indexes, of literals by `repr`, and of names of constants that
are given to it; nothing that a caller wrote becomes code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.selection import ShortDate
from gql_releases.storage.engine.generated_source import define_function
from gql_releases.storage.engine.statements import Row

Tree = dict[str, Any]
Bag = list[tuple[Any, Tree, Any]]
"""Objects that wait for a list: (key of the parent, the object, the list's total count if asked for)."""

Build = Callable[[Row, list[Bag]], Tree]
Put = Callable[[Bag, dict[Any, list[Row]], int, list[Bag]], None]
"""Puts a list into each object of a bag: (bag, rows by the parent's key, size of a page, the bags of the lists below)."""

Convert = Callable[[Any], Any]
Expression = str
"""Source that gives a value of the row `r`; an object that has lists is added to `bags`."""


@dataclass(frozen=True, slots=True)
class ListSlot:
    """An object's list: its name, its bag, and where the row has the parent's key and the total (None: not asked for).

    `instead`: where the row has a value that is answered in the list's place unless it is NULL.
    """

    name: str
    bag: int
    key: int
    total: int | None
    instead: int | None = None


@dataclass(slots=True)
class SourceBuilder:
    """Functions in the making, and the constants that they name."""

    names: dict[str, Any] = field(default_factory=dict)

    def constant(self, value: Any) -> Expression:
        """Name a value."""
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, name: str, arguments: str, lines: Sequence[str]) -> Any:
        """Make a function of these lines."""
        source = f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in lines)
        return define_function("row builder", source, self.names)

    def converted(self, index: int, convert: Convert | ShortDate | None, *, nullable: bool) -> Expression:
        """Read a value and convert it, unless it is NULL."""
        value = f"r[{index}]"
        match convert:
            case None:
                return value
            case ShortDate():
                made = f"({value}[:19] + 'Z' if {value}[19:26] == '.000000' else {value})"
            case _:
                made = f"{self.constant(convert)}({value})"
        return f"(None if {value} is None else {made})" if nullable else made

    def object(self, parts: Sequence[tuple[str, Expression]], waiting: Sequence[ListSlot]) -> Expression:
        """Make an object; one with lists is made by a function, which adds it to their bags."""
        literal = "{" + ", ".join(f"{name!r}: {value}" for name, value in parts) + "}"
        if not waiting:
            return literal
        lines = [f"o = {literal}"]
        for one in waiting:
            total = "None" if one.total is None else f"r[{one.total}]"
            only = "" if one.instead is None else f"if r[{one.instead}] is None: "
            lines.append(f"{only}bags[{one.bag}].append((r[{one.key}], o, {total}))")
        return f"{self.constant(self.function('build_object', 'r, bags', [*lines, 'return o']))}(r, bags)"

    def builder(self, made: Expression) -> Build:
        """Make the function from a row to an object."""
        build: Build = self.function("build_row", "r, bags", [f"return {made}"])
        return build

    def putter(self, name: str, page: Expression, *, backward: bool, finish: Callable[[Any], Any] | None) -> Put:
        """Make the function that puts a list into its objects; `page` is source over `rows`, `more`, `total` and `bags`."""
        made = f"{self.constant(finish)}({page})" if finish else page
        put: Put = self.function(
            "put_list",
            "bag, groups, size, bags",
            [
                "for key, o, total in bag:",
                "    rows = groups[key]",
                "    more = len(rows) > size",
                "    if more: rows = rows[:size]",
                *(["    rows = rows[::-1]"] if backward else []),
                f"    o[{name!r}] = {made}",
            ],
        )
        return put


def present(index: int, made: Expression, otherwise: Expression = "None") -> Expression:
    """Give a nested object, or something else where the value at `index` is NULL."""
    return f"({otherwise} if r[{index}] is None else {made})"


def each(made: Expression) -> Expression:
    """Give what is made of each row of a page."""
    return f"[{made} for r in rows]"


def end_of_page(index: int, cursor: Expression) -> Expression:
    """Give the cursor of a page's first row (0) or last one (-1), or None where the page is empty."""
    return f"(None if not rows else [{cursor} for r in (rows[{index}],)][0])"
