"""Fields whose arguments are refused: each becomes null with an error at its path, and its siblings are answered.

GraphQL specification 6.4.4, Handling Execution Errors. A usual read does none of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.errors import DomainError

MAX_ERRORS_OF_A_FIELD = 100
"""Errors of one field: below a list it has one for each item of the list."""

Refusals = dict[int, DomainError]
"""What refuses the arguments of a field, by its slot among the pages of a view."""
Path = tuple[str | int, ...]


def leave_out(selection: s.Selection, refusals: Mapping[int, DomainError]) -> s.Selection:
    """Return the selection with null in the place of each field whose slot is refused, and no list as JSON text."""
    return s.Selection(selection.entity, tuple([_leave_out(field, refusals) for field in selection.fields]))


def _leave_out(field: s.Field, refusals: Mapping[int, DomainError]) -> s.Field:
    match field:
        case s.Embedded(name, slot=slot) | s.ToOneField(name, slot=slot) | s.ToManyField(name, slot=slot) if (
            slot in refusals
        ):
            return s.Constant(name, None)
        case s.Embedded():
            return replace(field, fields=tuple([_leave_out(below, refusals) for below in field.fields]))
        case s.ToOneField():
            return replace(field, selection=leave_out(field.selection, refusals))
        case s.ToManyField():
            return replace(field, parts=tuple([_part(part, refusals) for part in field.parts]), json=None)
    return field


def _part(part: s.Part, refusals: Mapping[int, DomainError]) -> s.Part:
    if isinstance(part, s.Nodes):
        return replace(part, selection=leave_out(part.selection, refusals))
    if isinstance(part, s.Edges):
        return replace(part, fields=tuple([_edge(field, refusals) for field in part.fields]))
    return part


def _edge(field: s.EdgeCursor | s.EdgeNode | s.Constant, refusals: Mapping[int, DomainError]) -> Any:
    return replace(field, selection=leave_out(field.selection, refusals)) if isinstance(field, s.EdgeNode) else field


def locate_refusals(paths: Mapping[int, Path], refusals: Refusals, value: Any, at: Path) -> list[tuple[DomainError, Path]]:
    """Return each error with each path at which its field is null in `value`, which the response has at `at`.

    `paths` are those of the plan, by slot: response names alone, of which the first is the root field's. A field below
    one that is null, or below an empty list, has no error.
    """
    located = []
    for slot, error in sorted(refusals.items()):
        steps = [name for step in paths[slot][1:] for name in str(step).split(".")]  # a payload's results are one step
        located += [(error, path) for path in islice(_nulls(value, steps, at), MAX_ERRORS_OF_A_FIELD)]
    return located


def _nulls(value: Any, steps: list[str], at: Path) -> Iterator[Path]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, steps, (*at, index))
    elif not steps:
        if value is None:
            yield at
    elif isinstance(value, dict) and steps[0] in value:
        yield from _nulls(value[steps[0]], steps[1:], (*at, steps[0]))
