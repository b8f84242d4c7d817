"""Generates the Python functions that build a result from rows, once for each plan.

A literal `{"sha": r[3], "author": None if r[5] is None else {"name": r[6]}}` builds an object several times faster than
code that interprets the selection. Source consists of indexes, of literals by `repr`, and of names of constants; nothing
that a caller wrote becomes code.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.selection import Base64, ShortDate
from gql_releases.storage.engine.generated_source import define_function
from gql_releases.storage.engine.statements import Row

Tree = dict[str, Any]
Bag = list[tuple[Any, Tree, Any]]
"""Objects that need a list: (key of the parent, the object, the list's total count if it is selected)."""

BuildObject = Callable[[Row, list[Bag]], Tree]
PutLists = Callable[[Bag, dict[Any, list[Row]], int, list[Bag]], None]
"""Puts a list into each object of a bag: (bag, rows by the parent's key, size of a page, the bags of the lists below)."""

Convert = Callable[[Any], Any]
Expression = str
"""Source of a value of the row `r`; an object that has lists is added to `bags`."""


@dataclass(frozen=True, slots=True)
class ListSlot:
    """An object's list: its name, its bag, the row's index of the parent's key and of the total (None: not selected).

    `instead`: the index of a value that replaces the list unless it is NULL.
    """

    name: str
    bag: int
    key: int
    total: int | None
    instead: int | None = None


@dataclass(slots=True)
class SourceBuilder:
    """Builds functions as source, with the constants that they refer to by name."""

    names: dict[str, Any] = field(default_factory=dict)

    def add_constant(self, value: Any) -> Expression:
        """Return the source of a constant: a literal, or a name that is bound to it."""
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def _define(self, name: str, arguments: str, lines: Sequence[str]) -> Any:
        """Return a function with these lines."""
        source = f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in lines)
        return define_function("row builder", source, self.names)

    def render_value(self, index: int, convert: Convert | Base64 | ShortDate | None, *, nullable: bool) -> Expression:
        """Return the source of a value, converted unless it is NULL. JsonRenderer renders the same forms in SQL."""
        value = f"r[{index}]"
        match convert:
            case None:
                return value
            case Base64(prefix):
                digits = f"{self.add_constant(f'{prefix}%d'.encode())} % {value}"
                source = f"{self.add_constant(b2a_base64)}({digits}, newline=False).decode()"
            case ShortDate():  # in the source itself, since a call for each date of a list takes long
                source = f"({value}[:19] + 'Z' if {value}[19:26] == '.000000' else {value})"
            case _:
                source = f"{self.add_constant(convert)}({value})"
        return f"(None if {value} is None else {source})" if nullable else source

    def render_object(self, parts: Sequence[tuple[str, Expression]], slots: Sequence[ListSlot]) -> Expression:
        """Return the source of an object; a function builds one with lists and adds it to their bags."""
        literal = "{" + ", ".join(f"{name!r}: {value}" for name, value in parts) + "}"
        if not slots:
            return literal
        lines = [f"o = {literal}"]
        for slot in slots:
            total = "None" if slot.total is None else f"r[{slot.total}]"
            condition = "" if slot.instead is None else f"if r[{slot.instead}] is None: "
            lines.append(f"{condition}bags[{slot.bag}].append((r[{slot.key}], o, {total}))")
        return f"{self.add_constant(self._define('build_object', 'r, bags', [*lines, 'return o']))}(r, bags)"

    def define_build(self, source: Expression) -> BuildObject:
        """Return the function from a row to an object."""
        build: BuildObject = self._define("build_row", "r, bags", [f"return {source}"])
        return build

    def define_put(self, name: str, page: Expression, *, backward: bool, finish: Callable[[Any], Any] | None) -> PutLists:
        """Return the function that puts a list into its objects; `page` is source of `rows`, `more`, `total`, `bags`."""
        source = f"{self.add_constant(finish)}({page})" if finish else page
        put: PutLists = self._define(
            "put_list",
            "bag, groups, size, bags",
            [
                "for key, o, total in bag:",
                "    rows = groups[key]",
                "    more = len(rows) > size",
                "    if more: rows = rows[:size]",
                *(["    rows = rows[::-1]"] if backward else []),
                f"    o[{name!r}] = {source}",
            ],
        )
        return put


def render_if_present(index: int, source: Expression, otherwise: Expression = "None") -> Expression:
    """Return the source of a nested object, or of another value if the value at `index` is NULL."""
    return f"({otherwise} if r[{index}] is None else {source})"


def render_each(source: Expression) -> Expression:
    """Return the source of a list with a value for each row of a page."""
    return f"[{source} for r in rows]"


def render_page_end(index: int, cursor: Expression) -> Expression:
    """Return the source of the cursor of a page's first row (0) or last row (-1); None for an empty page."""
    return f"(None if not rows else [{cursor} for r in (rows[{index}],)][0])"
