"""Renders lists as JSON text in PostgreSQL, in a column of the parent's row: no statement, and no Python for the values.

A list is rendered so if its nodes are selected and not its edges, and PostgreSQL can render each of their fields, which
excludes lists. The page's cursors are returned in columns beside the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.compiler import compiles

from gql_releases.domain import selection as s
from gql_releases.domain.counters import count_fall_back
from gql_releases.domain.dates import format_date
from gql_releases.domain.paging import Position
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.types import END_OF_TIME, UtcDateTime
from gql_releases.storage.reading.aliases import Aliases
from gql_releases.storage.reading.entity import Catalogue, ComputedColumn, Entity
from gql_releases.storage.reading.list_queries import ListRows, choose_link, choose_order, select_total
from gql_releases.storage.reading.pages import render_page, render_page_info
from gql_releases.storage.reading.plan import Level, join_reference
from gql_releases.storage.reading.row_codegen import Expression

DATE_FORM = r'\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"'
"""PostgreSQL's format for a date of the API; the session's time zone is UTC."""

ROW_SEPARATOR = ",\n"
"""Separates the texts of two rows. JSON escapes line breaks in strings, so that the last row can be cut off."""
_JOINED_TEXTS = literal_column(f"string_agg(one.text, '{ROW_SEPARATOR}')", Text)

Piece = str | ColumnElement[Any]
"""Constant JSON text, or an expression that renders some."""


class JsonConcat(ColumnElement[str]):
    """The concatenation of pieces. json_build_object and records look up the type of each value for each row."""

    inherit_cache = False
    type = Text()

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, str) and self.pieces and isinstance(self.pieces[-1], str):
                self.pieces[-1] += piece
            else:
                self.pieces.append(piece)


@compiles(JsonConcat)
def _compile_concat(text: JsonConcat, compiler: Any, **more: Any) -> str:
    elements = [_quote_text(element) if isinstance(element, str) else element for element in text.pieces]
    return " || ".join(compiler.process(element, **more) for element in elements)


def render_list(level: Level, entity: Entity, owner: FromClause, item: s.ToManyField) -> Expression | None:
    """Add a list to the columns of the owner's row and return the source of its page; None if that is impossible."""
    has_page_info = any(isinstance(part, s.PageInfo) for part in item.parts)
    rows = None if item.unless else _select_texts(level, entity, owner, item, has_page_info=has_page_info)
    if rows is None:
        if level.dialect.renders_json:
            count_fall_back("json_list")  # once for each compiled plan
        return None
    level.has_texts |= level.is_root
    code, shape = level.code, level.shapes[item.slot]
    limit = shape.limit or 0
    if has_page_info:
        page_row = _select_page(rows, limit - 1)
        level.source, text = level.source.outerjoin(page_row, true()), level.add(page_row.c.text)
        more = f"(r[{level.add(page_row.c.count)}] >= {limit})"
    else:
        text, more = level.add(select(_JOINED_TEXTS).select_from(rows.subquery("one")).scalar_subquery()), "False"

    def cursor_at(index: int) -> Expression:
        key, tie = (level.add(page_row.c[f"{name}{index}"]) for name in ("key", "tie"))
        order = choose_order(choose_link(entity.manys[item.attribute], shape.conditions), shape, item)
        source = f"{code.add_constant(Position)}({order.field!r}, r[{key}], r[{tie}])"
        return f"(None if r[{tie}] is None else {code.add_constant(item.cursor)}({source}))"

    def part(element: s.Part) -> Expression:
        match element:
            case s.PageInfo():
                return render_page_info(element, shape, code, more, cursor_at)
            case s.TotalCount():
                return f"r[{level.add(select_total(level, entity, owner, item))}]"
            case s.Constant():
                return code.add_constant(element.value)
            case _:
                return f"{code.add_constant(orjson.Fragment)}({code.add_constant(_wrap_array)}(r[{text}], {more}))"

    source = render_page(code, item, [(element.name, part(element)) for element in item.parts])
    return f"{code.add_constant(item.finish)}({source})" if item.finish else source


def _wrap_array(text: str | None, more: bool) -> str:
    """Return an array of the text of some rows, without the last row if there are `more` than the page has."""
    if not text:
        return "[]"
    return f"[{text.rpartition(ROW_SEPARATOR)[0] if more else text}]"  # a page of size 0 has one row, and no separator


def _select_texts(
    level: Level, entity: Entity, owner: FromClause, item: s.ToManyField, *, has_page_info: bool
) -> Select[Any] | None:
    """Select the text of each row of a page; with `has_page_info`, of one more row, and the sort keys of each."""
    nodes = [part for part in item.parts if isinstance(part, s.Nodes)]
    shape = level.shapes[item.slot]
    has_edges = any(isinstance(part, s.Edges) for part in item.parts)
    if (
        has_edges
        or len(nodes) != 1
        or not item.as_text
        or not level.dialect.renders_json
        or shape.backward
        or shape.limit is None
    ):
        return None
    link = choose_link(entity.manys[item.attribute], shape.conditions)
    order = choose_order(link, shape, item)
    list_rows = ListRows(link, level, item.slot, shown=True)
    renderer = JsonRenderer(list_rows.source, level.catalogue, level.aliases, level.dialect)
    pieces = renderer.render_object(level.catalogue.entities[item.entity], list_rows.rows, nodes[0].selection.fields)
    if pieces is None:
        return None
    columns: list[ColumnElement[Any]] = [JsonConcat(pieces).label("text")]
    if has_page_info:
        columns += [list_rows.links.c[order.field].label("key"), list_rows.links.c[link.tie].label("tie")]
    limit = shape.limit if has_page_info else shape.limit - 1
    return list_rows.select_page(columns, renderer.source, order, owner.c[entity.key], limit).correlate(owner)


def _select_page(rows: Select[Any], size: int) -> FromClause:
    """Select the text of a page's rows and of the row after it, their count, and the sort keys of the first and last row.

    PostgreSQL aggregates the rows of a subquery in the subquery's order, and computes equal aggregates once.
    """
    positions = (0, "1" if size else "0"), (-1, f"least({size}, count(*))")  # arrays have no place 0
    places: list[ColumnElement[Any]] = [
        literal_column(f"(array_agg(one.{name}))[{place}]").label(f"{name}{index}")
        for index, place in positions
        for name in ("key", "tie")
    ]
    return (
        select(_JOINED_TEXTS.label("text"), func.count().label("count"), *places).select_from(rows.subquery("one")).lateral()
    )


class JsonRenderer:
    """Renders an entity's row as JSON; the tables of its references are joined to `source`."""

    def __init__(self, source: Any, catalogue: Catalogue, aliases: Aliases, dialect: Dialect) -> None:
        self.source, self.catalogue, self.aliases, self.dialect = source, catalogue, aliases, dialect

    def render_object(self, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> list[Piece] | None:
        """Return an object's text, or None if the database cannot render one of its values."""
        return _concat_object([(item.name, self._value(entity, rows, item)) for item in fields])

    def _value(self, entity: Entity, rows: FromClause, item: s.Field) -> list[Piece] | None:
        match item:
            case s.Value(_, attribute, None, None, None) if attribute in entity.columns:
                return _render_number(entity.columns[attribute], rows, self.dialect)
            case s.Value(_, attribute, None | s.ShortDate(), None, None):
                return _render_column(rows.c[attribute], short=item.render is not None)
            case s.Value(_, attribute, s.Base64(prefix), None):
                number = JsonConcat([_quote_text(prefix), cast(rows.c[attribute], Text)])
                text = func.encode(func.convert_to(number, "UTF8"), "base64")  # in lines of 76 characters
                return _render_nullable(rows.c[attribute], ['"', text, '"'])
            case s.Constant(_, value):
                return [orjson.dumps(value).decode()]
            case s.Embedded(_, present, inner, None, otherwise=None) if present:
                return _render_nullable(rows.c[present], self.render_object(entity, rows, inner))
            case s.ToOneField(_, attribute, selection, None, False, None) if attribute in entity.ones:
                reference = entity.ones[attribute]
                target = self.catalogue.entities[reference.target]
                self.source, other = join_reference(self.source, target, rows, rows.c[reference.column], self.aliases)
                pieces = self.render_object(target, other, selection.fields)
                return None if pieces is None else [_render_or_null(other.c.id, pieces)]
        return None


def _concat_object(parts: Sequence[tuple[str, list[Piece] | None]]) -> list[Piece] | None:
    pieces: list[Piece] = []
    for index, (name, value) in enumerate(parts):
        if value is None:
            return None
        pieces += [("," if index else "{") + orjson.dumps(name).decode() + ":", *value]
    return [*pieces, "}"] if pieces else ["{}"]


def _render_nullable(column: ColumnElement[Any], pieces: list[Piece] | None) -> list[Piece] | None:
    """Return the text, or null if the column is NULL."""
    if pieces is None:
        return None
    return [_render_or_null(column, pieces)] if getattr(column, "nullable", True) else pieces


def _render_or_null(present: ColumnElement[Any], pieces: list[Piece]) -> ColumnElement[Any]:
    return case((present.is_(None), _quote_text("null")), else_=JsonConcat(pieces))


def _render_number(computed: ComputedColumn, rows: FromClause, dialect: Dialect) -> list[Piece] | None:
    """Return the text of a computed integer. Others, whose text has the value several times, would be computed as often."""
    value = computed.build(rows, {}, dialect)
    if computed.nullable or not isinstance(value.type, Integer):
        return None
    return [cast(value, Text)]


def _render_column(column: ColumnElement[Any], *, short: bool) -> list[Piece] | None:
    match column.type:
        case UtcDateTime():
            return _render_nullable(column, [_render_date(column, short=short)])
        case Boolean() | Integer():
            return _render_nullable(column, [cast(column, Text)])
        case String():
            return _render_nullable(column, [cast(func.to_json(column), Text)])
    return None


def _render_date(column: ColumnElement[Any], *, short: bool) -> ColumnElement[Any]:
    """Render a date in quotes. Most have no fraction, and to_json takes a third of to_char's time."""
    never = column == literal_column("'infinity'"), _quote_text(f'"{format_date(END_OF_TIME)}"')
    fraction = "" if short else ".000000"
    whole = column == cast(column, TIMESTAMP(timezone=True, precision=0))
    text = func.replace(cast(func.to_json(column), Text), _quote_text("+00:00"), _quote_text(f"{fraction}Z"))
    return case(never, (whole, text), else_=func.to_char(column, _quote_text(DATE_FORM), type_=Text))


def _quote_text(text: str) -> ColumnElement[str]:
    """Return a text as a literal of the statement, so that the plan depends on its value."""
    return literal_column("'" + text.replace("'", "''") + "'", Text)
