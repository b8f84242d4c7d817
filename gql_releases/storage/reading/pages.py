"""Renders a page as source: its cursors, and all of its parts or its only part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gql_releases.domain import selection as s
from gql_releases.storage.reading.plan import Shape
from gql_releases.storage.reading.row_codegen import Expression, SourceBuilder


def render_page(code: SourceBuilder, item: s.ToManyField, parts: Sequence[tuple[str, Expression]]) -> Expression:
    """Return the source of the page, or of its only part."""
    if not item.bare:
        return code.render_object(parts, ())
    [(_, only)] = parts
    return only


def render_page_info(
    page_info: s.PageInfo, shape: Shape, code: SourceBuilder, more: Expression, cursor_at: Callable[[int], Expression]
) -> Expression:
    """Return the source of a PageInfo: on the far side of a cursor there is a row, that of the cursor.

    `more` is true if a row follows the page; `cursor_at` returns the cursor of its first row (0) or last row (-1).
    """
    has_cursors = str(shape.after), str(shape.before)
    following, preceding = (has_cursors[1], more) if shape.backward else (more, has_cursors[0])
    renderers: dict[str, Callable[[], Expression]] = {
        "hasNextPage": lambda: following,
        "hasPreviousPage": lambda: preceding,
        "startCursor": lambda: cursor_at(0),
        "endCursor": lambda: cursor_at(-1),
    }
    parts = [
        (field.name, code.add_constant(field.value)) if isinstance(field, s.Constant) else (field[0], renderers[field[1]]())
        for field in page_info.fields
    ]
    return code.render_object(parts, ())
