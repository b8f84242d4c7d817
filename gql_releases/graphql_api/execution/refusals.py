"""Fields with invalid arguments: each is null with an error at its path, and its siblings have their values.

Source: GraphQL specification, section 6.4.4 (Handling Execution Errors). A read with valid arguments does none of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.errors import DomainError

MAX_ERRORS_OF_A_FIELD = 100
"""Maximum number of errors of one field: below a list it has one for each item of the list."""

Refusals = dict[int, DomainError]
"""The error in the arguments of a field, by the slot of the field's page in the view."""
ResponsePath = tuple[str | int, ...]


def omit_refused_fields(selection: s.Selection, refusals: Mapping[int, DomainError]) -> s.Selection:
    """Return the selection with null instead of each field in `refusals`, and without lists as JSON text."""
    return s.Selection(selection.entity, tuple([_omit_refused(field, refusals) for field in selection.fields]))


def _omit_refused(field: s.Field, refusals: Mapping[int, DomainError]) -> s.Field:
    match field:
        case s.Embedded(name, slot=slot) | s.ToOneField(name, slot=slot) | s.ToManyField(name, slot=slot) if (
            slot in refusals
        ):
            return s.Constant(name, None)
        case s.Embedded():
            return replace(field, fields=tuple([_omit_refused(below, refusals) for below in field.fields]))
        case s.ToOneField():
            return replace(field, selection=omit_refused_fields(field.selection, refusals))
        case s.ToManyField():
            return replace(field, parts=tuple([_omit_in_part(part, refusals) for part in field.parts]), as_text=False)
    return field


def _omit_in_part(part: s.Part, refusals: Mapping[int, DomainError]) -> s.Part:
    if isinstance(part, s.Nodes):
        return replace(part, selection=omit_refused_fields(part.selection, refusals))
    if isinstance(part, s.Edges):
        return replace(part, fields=tuple([_omit_in_edge(field, refusals) for field in part.fields]))
    return part


def _omit_in_edge(field: s.EdgeCursor | s.EdgeNode | s.Constant, refusals: Mapping[int, DomainError]) -> Any:
    return (
        replace(field, selection=omit_refused_fields(field.selection, refusals)) if isinstance(field, s.EdgeNode) else field
    )


def locate_refusals(
    paths: Mapping[int, ResponsePath], refusals: Refusals, value: Any, at: ResponsePath
) -> list[tuple[DomainError, ResponsePath]]:
    """Return each error with each path at which its field is null in `value`, which is at `at` in the response.

    `paths` are the plan's, by slot: response names only, the first of which is the root field's. A field below a null or
    below an empty list has no error.
    """
    located = []
    for slot, error in sorted(refusals.items()):
        steps = [name for step in paths[slot][1:] for name in str(step).split(".")]
        located += [(error, path) for path in islice(_find_nulls(value, steps, at), MAX_ERRORS_OF_A_FIELD)]
    return located


def _find_nulls(value: Any, steps: list[str], at: ResponsePath) -> Iterator[ResponsePath]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_nulls(item, steps, (*at, index))
    elif not steps:
        if value is None:
            yield at
    elif isinstance(value, dict) and steps[0] in value:
        yield from _find_nulls(value[steps[0]], steps[1:], (*at, steps[0]))
