"""A page as source: what is around it, and its parts together or its only one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gql_releases.domain import selection as s
from gql_releases.storage.reading.plan import Shape
from gql_releases.storage.reading.row_codegen import Expression, SourceBuilder


def page(code: SourceBuilder, item: s.ToManyField, parts: Sequence[tuple[str, Expression]]) -> Expression:
    """Give the page, or its only part."""
    if not item.bare:
        return code.object(parts, ())
    [(_, only)] = parts
    return only


def page_info(
    asked: s.PageInfo, shape: Shape, code: SourceBuilder, more: Expression, cursor_at: Callable[[int], Expression]
) -> Expression:
    """Give what is around the page: beyond a cursor there is a row, that of the cursor.

    `more` says whether there is a row beyond the page, `cursor_at` gives the cursor of its first row (0) or last one (-1).
    """
    given = str(shape.after), str(shape.before)
    following, preceding = (given[1], more) if shape.backward else (more, given[0])
    known: dict[str, Callable[[], Expression]] = {
        "hasNextPage": lambda: following,
        "hasPreviousPage": lambda: preceding,
        "startCursor": lambda: cursor_at(0),
        "endCursor": lambda: cursor_at(-1),
    }
    parts = [
        (one.name, code.constant(one.value)) if isinstance(one, s.Constant) else (one[0], known[one[1]]())
        for one in asked.fields
    ]
    return code.object(parts, ())
