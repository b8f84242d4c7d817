"""A selection into SQL: one statement for the root and one for each list below it, whatever the number of parents.

Values are bound by name: `organization` and `token` of the reader, `r0`... of the root's conditions, `s<slot>_...` of a
list's page, `parent` or `parents` of each list's statement. The statements depend on the shape of the pages alone, never on
values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, and_, bindparam, select, true

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names
from gql_releases.domain.paging import Order, Position
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.engine.types import Id
from gql_releases.storage.reading.aliases import Aliases
from gql_releases.storage.reading.conditions import condition, number_conditions
from gql_releases.storage.reading.entity import Catalogue, ComputedReferenceQuery, Entity, ToMany, ToOne
from gql_releases.storage.reading.json_lists import render_list
from gql_releases.storage.reading.list_queries import (
    ListRows,
    choose_link,
    of_links,
    order_of,
    organization,
    page_limit,
    same_row,
    total_of,
)
from gql_releases.storage.reading.pages import page, page_info
from gql_releases.storage.reading.plan import JoinedList, Level, ListPlan, Shape, follow, require_joins, tenant_of
from gql_releases.storage.reading.row_codegen import (
    Build,
    Expression,
    ListSlot,
    Put,
    SourceBuilder,
    each,
    end_of_page,
    present,
)
from gql_releases.storage.reading.scanning import is_scanning_read
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.token import TokenRow


def compile_object(level: Level, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> Expression:
    """Add what an object needs to the level and give the source that makes it.

    Lists that come as text are first: each row of a list that comes with its parent would bring them again.
    """
    lists = [item for item in fields if isinstance(item, s.ToManyField)]
    texts = {item.name: text for item in lists if (text := render_list(level, entity, rows, item)) is not None}
    parts: list[tuple[str, Expression]] = []
    waiting: list[ListSlot] = []
    for item in fields:
        match item:
            case s.Value():
                made = _compile_value(level, rows, item)
            case s.ToManyField() if item.name in texts:
                made = texts[item.name]
            case s.ToManyField():
                waiting.append(_compile_waiting(level, entity, rows, item))
                instead = waiting[-1].instead
                made = "None" if instead is None else f"r[{instead}]"
            case _:
                made = _compile_nested(level, entity, rows, item)
        parts.append((item.name, made))
    return level.code.object(parts, waiting)


def _compile_value(level: Level, rows: FromClause, item: s.Value) -> Expression:
    column = rows.c[item.attribute]
    index = level.add(column)
    if item.otherwise is None:
        return level.code.converted(index, item.render, nullable=bool(column.nullable))
    other = _compile_value(level, rows, s.Value(item.name, item.otherwise, item.render))
    return present(index, level.code.converted(index, item.render, nullable=False), other)


def _compile_nested(
    level: Level, entity: Entity, rows: FromClause, item: s.Constant | s.Embedded | s.ToOneField
) -> Expression:
    if isinstance(item, s.Constant):
        return level.code.constant(item.value)
    if isinstance(item, s.Embedded):
        if not item.present:
            return compile_object(level, entity, rows, item.fields)
        found = rows.c[item.present] if item.slot is None else _pick(level, entity, rows, item.present, item.slot)
        otherwise = "None" if item.otherwise is None else compile_object(level, entity, rows, item.otherwise)
        return present(level.add(found), compile_object(level, entity, rows, item.fields), otherwise)
    if item.slot is None:
        one: ToOne | ComputedReferenceQuery = entity.ones[item.attribute]
        key: ColumnElement[Any] = rows.c[entity.ones[item.attribute].column]
    else:
        one = entity.picks[item.attribute]
        key = _pick(level, entity, rows, item.attribute, item.slot)
    target = level.catalogue.entities[one.target]
    level.join()
    level.source, other = follow(level.source, target, rows, key, level.aliases)
    fields = item.selection.fields
    made = _compile_bare(level, other, *fields) if item.bare else compile_object(level, target, other, fields)
    return present(level.add(other.c.id), made, level.code.constant(item.otherwise))


def _compile_bare(level: Level, rows: FromClause, item: s.Field) -> Expression:
    assert isinstance(item, s.Value)
    return _compile_value(level, rows, item)


def _pick(level: Level, entity: Entity, rows: FromClause, attribute: str, slot: int) -> ColumnElement[Any]:
    binds = {
        name: bind for name, bind in number_conditions(level.shapes[slot].conditions, f"s{slot}_c") if isinstance(bind, str)
    }
    return entity.picks[attribute].find(rows, binds, level.dialect).correlate(rows).scalar_subquery()


def _compile_waiting(level: Level, entity: Entity, rows: FromClause, item: s.ToManyField) -> ListSlot:
    key = level.add(rows.c[entity.key])
    instead = level.add(rows.c[item.unless]) if item.unless else None
    total = None
    if any(isinstance(part, s.TotalCount) for part in item.parts):
        total = level.add(total_of(level, entity, rows, item))
    level.lists.append(compile_list(level, entity, rows, item))
    return ListSlot(item.name, len(level.lists) - 1, key, total, instead)


def compile_list(level: Level, entity: Entity, owner: FromClause, item: s.ToManyField) -> ListPlan:
    """Make the plan of a list: its statement and its parts."""
    shape = level.shapes[item.slot]
    link = choose_link(entity.manys[item.attribute], shape.conditions)
    order = order_of(link, shape, item)
    level.whole |= link.whole
    if not level.is_root:
        return _of_many_parents(level, link, order, item)
    if level.has_rows or level.has_texts or item.unless:
        return _of_one_parent(level, link, order, item)
    if level.dialect.has_network_latency:
        return _with_its_parent(level, link, order, item, owner.c[entity.key])
    if link.child is None and not shape.conditions:  # of a filtered one, SQLite would not start from the filter
        return _beside_its_parent(level, link, order, item, owner.c[entity.key])
    return _of_one_parent(level, link, order, item)


def _of_one_parent(level: Level, link: ToMany, order: Order, item: s.ToManyField) -> ListPlan:
    """Select the page of the one parent that there is: the root is one object."""
    below, found, put = _level_of(level, link, order, item)
    if not below.columns:  # rows are only counted
        below.add(found.links.c[link.parent])
    below.statement = Statement(
        f"read.{link.target}", found.walk(below.columns, below.source, order, bindparam("parent", type_=Id))
    )
    return ListPlan(item.slot, below, put, None)


def _with_its_parent(level: Level, link: ToMany, order: Order, item: s.ToManyField, parent: ColumnElement[Any]) -> ListPlan:
    """Let the root's statement bring the list with it: a row for each row of the list, or one with NULLs."""
    below, found, put = _level_of(level, link, order, item)
    by = tuple([below.add(one) for one in found.places(order)])
    brought = found.walk(below.columns, below.source, order, parent).lateral("page")
    start = len(level.columns)
    level.columns += [column.label(f"p{index}") for index, column in enumerate(brought.c)]
    level.source, level.has_rows = level.source.outerjoin(brought, true()), True
    descending = order.descending != level.shapes[item.slot].backward
    return ListPlan(item.slot, below, put, None, by, descending, JoinedList(start, start + by[0]))


def _beside_its_parent(
    level: Level, link: ToMany, order: Order, item: s.ToManyField, parent: ColumnElement[Any]
) -> ListPlan:
    """Do the same where there is no LATERAL: SQLite knows that the root is one row, and walks the list's index in order."""
    found = ListRows(link, level, item.slot)
    on = and_(*found.within(organization(), parent), *found.beyond(order))
    source = level.source.outerjoin(found.links, on)
    below = Level(
        level.dialect,
        level.catalogue,
        level.shapes,
        source,
        SourceBuilder(),
        level.aliases,
        columns=level.columns,
        joins=level.joins,
    )
    below.join()
    put = _compile_parts(below, found.rows, item, order, found.links.c[order.field], found.links.c[link.tie])
    level.source, level.has_rows, level.joins = below.source, True, below.joins
    level.finish = lambda wanted: found.paged(wanted, order)
    return ListPlan(item.slot, below, put, None, joined=JoinedList(0, below.add(found.links.c[order.field])))


def _level_of(level: Level, link: ToMany, order: Order, item: s.ToManyField) -> tuple[Level, ListRows, Put]:
    found = ListRows(link, level, item.slot, shown=True)
    below = Level(level.dialect, level.catalogue, level.shapes, found.source, SourceBuilder(), level.aliases)
    put = _compile_parts(below, found.rows, item, order, found.links.c[order.field], found.links.c[link.tie])
    return below, found, put


def _of_many_parents(level: Level, link: ToMany, order: Order, item: s.ToManyField) -> ListPlan:
    """Join to each parent its page, limited per parent in SQL; rows come in any order."""
    dialect, shape, slot = level.dialect, level.shapes[item.slot], item.slot
    parents, links = dialect.list_items("parents", Id), level.aliases.of(link.table)
    rows = level.aliases.of(level.catalogue.entities[link.target].table) if link.child else links
    on = and_(tenant_of(links) == organization(), links.c[link.parent] == parents.c.value)
    ranged = link.dense and order == link.default and not (shape.backward or shape.before or shape.conditions)
    if ranged:
        source = dialect.join(parents, links, and_(on, _range(links.c[order.field], slot, after=shape.after)))
    else:
        # A release stands in release_projects once a project: what the links must be holds outside, too. A row's own key
        # is enough: of more, SQLite would walk the organization and pick anew for each of its rows.
        on = and_(on, *of_links(links, link, level, slot)) if link.child else true()
        picked = _picked(level, link, order, slot, parents.c.value)
        source = dialect.join_picked(parents, links, on, links.c[link.child or "id"], picked)
    if link.child:
        source = source.join(rows, same_row(links, rows, link))
    below = Level(dialect, level.catalogue, level.shapes, source, SourceBuilder(), level.aliases)
    sort, tie = links.c[order.field], links.c[link.tie]
    put = _compile_parts(below, rows, item, order, sort, tie)
    parent, places = below.add(parents.c.value), [sort] if link.dense or order.field == link.tie else [sort, tie]
    by = tuple([below.add(one) for one in places])
    below.statement = Statement(f"read.{link.target}", select(*below.columns).select_from(below.source))
    return ListPlan(slot, below, put, parent, by, order.descending != shape.backward)


def _range(position: ColumnElement[Any], slot: int, *, after: bool) -> ColumnElement[bool]:
    """Say which dense positions the page has: no limit per parent is needed."""
    if not after:
        return position < page_limit(slot)
    begin = bindparam(f"s{slot}_after_key", type_=BigInteger)  # the sum below may have more than 32 bits
    return and_(position > begin, position <= begin + page_limit(slot))


def _picked(level: Level, link: ToMany, order: Order, slot: int, parent: ColumnElement[Any]) -> Select[Any]:
    """Select the keys of one parent's page, limited in SQL."""
    inner = ListRows(link, level, slot)
    return inner.walk([inner.links.c[link.child or "id"]], inner.source, order, parent)


def _compile_parts(
    level: Level, rows: FromClause, item: s.ToManyField, order: Order, sort: ColumnElement[Any], tie: ColumnElement[Any]
) -> Put:
    """Make the function that puts the list's connections into its objects."""
    shape, code = level.shapes[item.slot], level.code
    target = level.catalogue.entities[item.entity]

    def cursor() -> Expression:
        place = f"{code.constant(Position)}({order.field!r}, r[{level.add(sort)}], r[{level.add(tie)}])"
        return f"{code.constant(item.cursor)}({place})"

    def edge(asked: s.EdgeCursor | s.EdgeNode | s.Constant) -> Expression:
        match asked:
            case s.EdgeCursor():
                return cursor()
            case s.EdgeNode():
                return compile_object(level, target, rows, asked.selection.fields)
            case s.Constant():
                return code.constant(asked.value)

    def part(asked: s.Part) -> Expression:
        match asked:
            case s.Nodes():
                return each(compile_object(level, target, rows, asked.selection.fields))
            case s.Edges():
                return each(code.object([(one.name, edge(one)) for one in asked.fields], ()))
            case s.PageInfo():
                return page_info(asked, shape, code, "more", lambda index: end_of_page(index, cursor()))
            case s.TotalCount():
                return "total"
            case s.Constant():
                return code.constant(asked.value)

    made = page(code, item, [(asked.name, part(asked)) for asked in item.parts])
    return code.putter(item.name, made, backward=shape.backward, finish=item.finish)


@dataclass(slots=True)
class RootPlan:
    """A whole read: the root's statement, the builder of its object, and where the row says that it is there.

    `single`: it is one statement, which needs no transaction. `weight` in bytes. `scans`: it may look at every row of an
    organization's lists, or has once taken long.
    """

    level: Level
    build: Build
    present: int
    single: bool
    weight: int
    scans: bool = False
    checks: tuple[tuple[int, int, int], ...] = ()
    """Columns that are NULL unless a name does not hold: (index, slot of the page, index of its check)."""


def _count_joins(fields: Sequence[Any]) -> int:
    """Count the joins of an object's level, without those of lists. Raises DomainError where a level below has too many."""
    count = 0
    for item in fields:
        match item:
            case s.ToOneField():
                count += 1 + _count_joins(item.selection.fields)
            case s.Embedded():
                count += _count_joins((*item.fields, *(item.otherwise or ())))
            case s.ToManyField():
                require_joins(sum(_count_joins(_fields_of(part)) for part in item.parts))
    return count


def _fields_of(part: s.Part) -> Sequence[Any]:
    """Return what a part of a list selects of each row."""
    match part:
        case s.Nodes():
            return part.selection.fields
        case s.Edges():
            return [one for edge in part.fields if isinstance(edge, s.EdgeNode) for one in edge.selection.fields]
    return ()


def compile_root(
    dialect: Dialect,
    catalogue: Catalogue,
    selection: s.Selection,
    conditions: Names,
    shapes: Sequence[Shape],
    *,
    is_kept: bool = True,
) -> RootPlan:
    """Make the plan of a read, which is kept or is used once.

    Its root statement starts from the token's row: a revoked one answers no row at all. Raises
    DomainError(INVALID_ARGUMENT) where one object leads to too many others.
    """
    require_joins(_count_joins(selection.fields))  # before anything is compiled in vain
    entity, aliases = catalogue.entities[selection.entity], Aliases()
    tokens = aliases.of(table(TokenRow))
    if selection.entity == "Viewer":
        rows: FromClause = tokens
        level = Level(dialect, catalogue, shapes, tokens, SourceBuilder(), aliases, is_root=True)
    else:
        rows = aliases.of(entity.table)
        found = [condition(entity, rows, name, bind, dialect) for name, bind in number_conditions(conditions, "r")]
        same = rows.c[entity.tenant] == tokens.c.organization_id
        level = Level(
            dialect, catalogue, shapes, tokens.outerjoin(rows, and_(same, *found)), SourceBuilder(), aliases, is_root=True
        )
    build = level.code.builder(compile_object(level, entity, rows, selection.fields))
    present = level.add(rows.c.id)
    checks = tuple(
        [
            (level.add(catalogue.name_checks[kind](f"s{slot}_n{number}", dialect)), slot, number)
            for slot, shape in enumerate(shapes)
            for number, kind in enumerate(shape.names)
        ]
    )
    alive = and_(tokens.c.id == bindparam("token", type_=Id), tokens.c.revoked_at.is_(None))
    level.statement = Statement(
        f"read.{selection.entity}", level.finish(select(*level.columns).select_from(level.source).where(alive))
    )
    lists = level.lists
    single = not lists or (len(lists) == 1 and lists[0].joined is not None and not lists[0].level.lists)
    scans = is_scanning_read(catalogue, selection, shapes)
    return RootPlan(level, build, present, single, level.settle(is_kept=is_kept), scans, checks)
