"""Lists that PostgreSQL spells as JSON text in a column of their parent's row: no statement, and no Python for their values.

A list can come so where its nodes are asked for and not its edges, and the database can spell all that is asked of these:
no lists. What is around the page comes in columns beside the text.
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
from gql_releases.storage.engine.types import END_OF_TIME, UtcDateTime
from gql_releases.storage.reading.aliases import Aliases
from gql_releases.storage.reading.entity import Catalogue, Entity
from gql_releases.storage.reading.list_queries import ListRows, choose_link, order_of, total_of
from gql_releases.storage.reading.pages import page, page_info
from gql_releases.storage.reading.plan import Level, follow
from gql_releases.storage.reading.row_codegen import Expression

DATE_FORM = r'\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"'
"""The wire's form of a date, as PostgreSQL writes it; the session's time zone is UTC."""

BETWEEN = ",\n"
"""What stands between the texts of two rows. JSON escapes line breaks in texts, so that a row can be cut off."""
_TEXT = literal_column(f"string_agg(one.text, '{BETWEEN}')", Text)

Piece = str | ColumnElement[Any]
"""Some JSON text as it stands, or what makes some."""


class JsonConcat(ColumnElement[str]):
    """Pieces one after another. json_build_object and records look up the type of each value for each row."""

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
def _pieces(text: JsonConcat, compiler: Any, **more: Any) -> str:
    made = [_constant(one) if isinstance(one, str) else one for one in text.pieces]
    return " || ".join(compiler.process(one, **more) for one in made)


def render_list(level: Level, entity: Entity, owner: FromClause, item: s.ToManyField) -> Expression | None:
    """Let columns of the owner's row bring a list, and give the source of its page; None where that cannot be."""
    around = any(isinstance(part, s.PageInfo) for part in item.parts)
    rows = None if item.unless else _rows(level, entity, owner, item, beyond=around)
    if rows is None:
        if level.dialect.renders_json:
            count_fall_back("json_list")  # counted once for each plan that is compiled
        return None
    level.has_texts |= level.is_root
    code, shape = level.code, level.shapes[item.slot]
    most = shape.limit or 0
    if around:
        brought = _page(rows, most - 1)
        level.source, text = level.source.outerjoin(brought, true()), level.add(brought.c.text)
        more = f"(r[{level.add(brought.c.count)}] >= {most})"
    else:
        text, more = level.add(select(_TEXT).select_from(rows.subquery("one")).scalar_subquery()), "False"

    def cursor_at(index: int) -> Expression:
        key, tie = (level.add(brought.c[f"{name}{index}"]) for name in ("key", "tie"))
        order = order_of(choose_link(entity.manys[item.attribute], shape.conditions), shape, item)
        made = f"{code.constant(Position)}({order.field!r}, r[{key}], r[{tie}])"
        return f"(None if r[{tie}] is None else {code.constant(item.cursor)}({made}))"

    def part(asked: s.Part) -> Expression:
        match asked:
            case s.PageInfo():
                return page_info(asked, shape, code, more, cursor_at)
            case s.TotalCount():
                return f"r[{level.add(total_of(level, entity, owner, item))}]"
            case s.Constant():
                return code.constant(asked.value)
            case _:
                return f"{code.constant(item.json)}({code.constant(_array)}(r[{text}], {more}))"

    made = page(code, item, [(asked.name, part(asked)) for asked in item.parts])
    return f"{code.constant(item.finish)}({made})" if item.finish else made


def _array(text: str | None, more: bool) -> str:
    """Make an array of the text of some rows, without the last one where there are `more` than the page has."""
    if not text:
        return "[]"
    return f"[{text.rpartition(BETWEEN)[0] if more else text}]"  # a page of no rows has one row more, and no separator


def _rows(level: Level, entity: Entity, owner: FromClause, item: s.ToManyField, *, beyond: bool) -> Select[Any] | None:
    """Select the text of each row of a page; `beyond`: of one row more, and the place of each in the order."""
    nodes = [part for part in item.parts if isinstance(part, s.Nodes)]
    shape = level.shapes[item.slot]
    apart = any(isinstance(part, s.Edges) for part in item.parts)
    if apart or len(nodes) != 1 or not item.json or not level.dialect.renders_json or shape.backward or shape.limit is None:
        return None
    link = choose_link(entity.manys[item.attribute], shape.conditions)
    order = order_of(link, shape, item)
    found = ListRows(link, level, item.slot, shown=True)
    speller = JsonRenderer(found.source, level.catalogue, level.aliases)
    pieces = speller.object(level.catalogue.entities[item.entity], found.rows, nodes[0].selection.fields)
    if pieces is None:
        return None
    columns: list[ColumnElement[Any]] = [JsonConcat(pieces).label("text")]
    if beyond:
        columns += [found.links.c[order.field].label("key"), found.links.c[link.tie].label("tie")]
    most = shape.limit if beyond else shape.limit - 1
    return found.walk(columns, speller.source, order, owner.c[entity.key], most).correlate(owner)


def _page(rows: Select[Any], size: int) -> FromClause:
    """Select the text of a page's rows and of one beyond it, how many there are, and the places of its first and its last.

    PostgreSQL aggregates the rows of a subquery in the order in which it gives them, twice the same only once.
    """
    ends = (0, "1"), (-1, f"least({size}, count(*))")
    places: list[ColumnElement[Any]] = [
        literal_column(f"(array_agg(one.{name}))[{place}]").label(f"{name}{index}")
        for index, place in ends
        for name in ("key", "tie")
    ]
    return select(_TEXT.label("text"), func.count().label("count"), *places).select_from(rows.subquery("one")).lateral()


class JsonRenderer:
    """Names what makes an object of one entity's row; `source` grows by the rows that its references lead to."""

    def __init__(self, source: Any, catalogue: Catalogue, aliases: Aliases) -> None:
        self.source, self.catalogue, self.aliases = source, catalogue, aliases

    def object(self, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> list[Piece] | None:
        """Give an object's text, or None where one of its values is not the database's to spell."""
        return _object([(item.name, self._value(entity, rows, item)) for item in fields])

    def _value(self, entity: Entity, rows: FromClause, item: s.Field) -> list[Piece] | None:
        match item:
            case s.Value(_, attribute, None | s.ShortDate(), None):
                return _plain(rows.c[attribute], short=item.render is not None)
            case s.Value(_, attribute, s.Base64(prefix), None):
                number = JsonConcat([_constant(prefix), cast(rows.c[attribute], Text)])
                text = func.encode(func.convert_to(number, "UTF8"), "base64")  # in lines of 76 characters
                return _given(rows.c[attribute], ['"', text, '"'])
            case s.Constant(_, value):
                return [orjson.dumps(value).decode()]
            case s.Embedded(_, present, inner, None, otherwise=None) if present:
                return _given(rows.c[present], self.object(entity, rows, inner))
            case s.ToOneField(_, attribute, selection, None, False, None) if attribute in entity.ones:
                one = entity.ones[attribute]
                target = self.catalogue.entities[one.target]
                self.source, other = follow(self.source, target, rows, rows.c[one.column], self.aliases)
                made = self.object(target, other, selection.fields)
                return None if made is None else [_or_null(other.c.id, made)]
        return None


def _object(parts: Sequence[tuple[str, list[Piece] | None]]) -> list[Piece] | None:
    pieces: list[Piece] = []
    for index, (name, value) in enumerate(parts):
        if value is None:
            return None
        pieces += [("," if index else "{") + orjson.dumps(name).decode() + ":", *value]
    return [*pieces, "}"] if pieces else ["{}"]


def _given(column: ColumnElement[Any], pieces: list[Piece] | None) -> list[Piece] | None:
    """Give some text, or null where the column is NULL."""
    if pieces is None:
        return None
    return [_or_null(column, pieces)] if getattr(column, "nullable", True) else pieces


def _or_null(present: ColumnElement[Any], pieces: list[Piece]) -> ColumnElement[Any]:
    return case((present.is_(None), _constant("null")), else_=JsonConcat(pieces))


def _plain(column: ColumnElement[Any], *, short: bool) -> list[Piece] | None:
    match column.type:
        case UtcDateTime():
            return _given(column, [_date(column, short=short)])
        case Boolean() | Integer():
            return _given(column, [cast(column, Text)])
        case String():
            return _given(column, [cast(func.to_json(column), Text)])
    return None


def _date(column: ColumnElement[Any], *, short: bool) -> ColumnElement[Any]:
    """Spell a date, in quotes. Most have no fraction, and to_json takes a third of to_char's time."""
    never = column == literal_column("'infinity'"), _constant(f'"{format_date(END_OF_TIME)}"')
    fraction = "" if short else ".000000"
    whole = column == cast(column, TIMESTAMP(timezone=True, precision=0))
    made = func.replace(cast(func.to_json(column), Text), _constant("+00:00"), _constant(f"{fraction}Z"))
    return case(never, (whole, made), else_=func.to_char(column, _constant(DATE_FORM), type_=Text))


def _constant(text: str) -> ColumnElement[str]:
    """Write a text into a statement, whose plan then knows it."""
    return literal_column("'" + text.replace("'", "''") + "'", Text)
