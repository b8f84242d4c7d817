"""A selection into SQL: one statement for the root and one for each list below it, whatever the number of parents.

Values are bound by name: `organization` and `token` of the reader, `r0`... of the root's conditions, `s<slot>_...` of a
list's page, `parents` of each list's statement. The statements depend on the shape of the pages alone, never on values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, and_, bindparam, case, func, null, select, true, tuple_

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names, names_of
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.storage import tables
from gql_releases.storage.columns import Id
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.reading import assembling as a
from gql_releases.storage.reading.catalogue import CATALOGUE, Entity, ToMany, ToOne
from gql_releases.storage.reading.conditions import condition, numbered
from gql_releases.storage.reading.picks import Pick
from gql_releases.storage.statements import Statement


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a page decides its statement."""

    order: Order | None
    backward: bool
    after: bool
    before: bool
    conditions: Names


def shape_of(page: PageRequest) -> Shape:
    """Give the shape of a page."""
    names = names_of(page.conditions)
    return Shape(page.order, page.backward, page.after is not None, page.before is not None, names)


@dataclass(slots=True)
class ListPlan:
    """A list of some objects: the statement over their keys, and how its rows become connections."""

    name: str
    slot: int
    level: Level
    backward: bool
    bounded: tuple[bool, bool]
    parts: list[tuple[str, a.Part]]
    parent: int
    finish: Callable[[Any], Any] | None


@dataclass(slots=True)
class Level:
    """A statement in the making, then made: its columns, its joins, and the lists that hang on its objects."""

    dialect: Dialect
    shapes: Sequence[Shape]
    source: Any
    columns: list[ColumnElement[Any]] = field(default_factory=list)
    lists: list[ListPlan] = field(default_factory=list)
    statement: Statement = field(init=False)

    def add(self, column: ColumnElement[Any]) -> int:
        """Add a column and give its index in the row."""
        # Labelled, because two columns of one name would be one for SQLAlchemy.
        self.columns.append(column.label(f"c{len(self.columns)}"))
        return len(self.columns) - 1


def _tenant(rows: FromClause) -> ColumnElement[Any]:
    return rows.c.organization_id if "organization_id" in rows.c else rows.c.id


def compile_object(level: Level, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> a.Build:
    """Add what an object needs to the level and make its builder."""
    start = len(level.columns)
    patches: list[tuple[str, a.Make]] = []
    for item in fields:
        if isinstance(item, s.Value):
            column = rows.c[item.attribute]
            index = level.add(column)
            make = a.converted(index, [level.dialect.raw(column.type), item.render])
            if make:
                patches.append((item.name, make))
        elif isinstance(item, s.Many) and item.unless:
            level.add(rows.c[item.unless])
        else:
            level.add(null())
    waiting = []
    for item in fields:
        if isinstance(item, s.Many):
            waiting.append(_compile_waiting(level, entity, rows, item))
        elif not isinstance(item, s.Value):
            patches.append((item.name, _compile_nested(level, entity, rows, item)))
    return a.object_builder([item.name for item in fields], start, patches, waiting)


def _compile_nested(level: Level, entity: Entity, rows: FromClause, item: s.Constant | s.Embedded | s.One) -> a.Make:
    if isinstance(item, s.Constant):
        return a.constant(item.value)
    if isinstance(item, s.Embedded):
        if not item.present:
            return compile_object(level, entity, rows, item.fields)
        found = rows.c[item.present] if item.slot is None else _pick(level, entity, rows, item.present, item.slot)
        return a.present(level.add(found), compile_object(level, entity, rows, item.fields))
    if item.slot is None:
        one: ToOne | Pick = entity.ones[item.attribute]
        key: ColumnElement[Any] = rows.c[entity.ones[item.attribute].column]
    else:
        one = entity.picks[item.attribute]
        key = _pick(level, entity, rows, item.attribute, item.slot)
    target = CATALOGUE[one.target]
    other = target.table.alias()
    same = and_(other.c[target.tenant] == _tenant(rows), other.c.id == key)
    level.source = level.source.outerjoin(other, same)
    return a.present(level.add(other.c.id), compile_object(level, target, other, item.selection.fields))


def _pick(level: Level, entity: Entity, rows: FromClause, attribute: str, slot: int) -> ColumnElement[Any]:
    binds = {name: bind for name, bind in numbered(level.shapes[slot].conditions, f"s{slot}_c") if isinstance(bind, str)}
    return entity.picks[attribute].find(rows, binds, level.dialect).correlate(rows).scalar_subquery()


def _compile_waiting(level: Level, entity: Entity, rows: FromClause, item: s.Many) -> a.Waiting:
    wanted = rows.c[entity.key]
    key = level.add(case((rows.c[item.unless].is_(None), wanted)) if item.unless else wanted)
    total = None
    if any(isinstance(part, s.TotalCount) for part in item.parts):
        total = level.add(_total(level, entity, rows, item))
    level.lists.append(compile_list(level, entity, item))
    return a.Waiting(len(level.lists) - 1, key, total, item.unless is not None)


def _total(level: Level, entity: Entity, rows: FromClause, item: s.Many) -> ColumnElement[Any]:
    """Count a list's rows as a column of its parent: no statement of its own."""
    link, names = entity.manys[item.attribute], level.shapes[item.slot].conditions
    if link.count and not names:
        return rows.c[link.count]
    link = routed(link, names)
    inner = _Rows(link, level, item.slot)
    counted = inner.select(func.count()).where(*inner.within(_tenant(rows), rows.c[entity.key]))
    return counted.correlate(rows).scalar_subquery()


def routed(link: ToMany, names: Names) -> ToMany:
    """Give the list as its conditions make it be walked."""
    return next((link.routes[name] for name in names if name in link.routes), link)


class _Rows:
    """The rows of a list within one parent: the link's alias, the target's where conditions need it."""

    def __init__(self, link: ToMany, level: Level, slot: int) -> None:
        self.links = link.table.alias()
        target = CATALOGUE[link.target]
        conditions = numbered(level.shapes[slot].conditions, f"s{slot}_c")
        rows: FromClause = self.links
        self.source: Any = self.links
        if link.child and any(name not in link.filters for name, _ in conditions):
            rows = target.table.alias()
            self.source = self.links.join(rows, _same_row(self.links, rows, link))
        self.conditions = [
            link.filters[name](self.links, bind, level.dialect)
            if isinstance(bind, str) and name in link.filters
            else condition(target, rows, name, bind, level.dialect)
            for name, bind in conditions
        ]
        self._link, self._dialect = link, level.dialect

    def column(self, name: str) -> ColumnElement[Any]:
        """Give a column of the links, to be compared or sorted by."""
        column = self.links.c[name]
        return self._dialect.checked(column) if name in self._link.checked else column

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        return select(*columns).select_from(self.source)

    def within(self, tenant: ColumnElement[Any], parent: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        own = self.column(str(_tenant(self.links).key))
        return [own == tenant, self.column(self._link.parent) == parent, *self.conditions]


def _of_links(links: FromClause, link: ToMany, level: Level, slot: int) -> list[ColumnElement[bool]]:
    """Give those of a list's conditions that are about its links."""
    conditions = numbered(level.shapes[slot].conditions, f"s{slot}_c")
    return [
        link.filters[name](links, bind, level.dialect)
        for name, bind in conditions
        if isinstance(bind, str) and name in link.filters
    ]


def _same_row(links: FromClause, rows: FromClause, link: ToMany) -> ColumnElement[bool]:
    assert link.child
    return and_(_tenant(rows) == _tenant(links), rows.c.id == links.c[link.child])


def _organization() -> ColumnElement[Any]:
    return bindparam("organization", type_=Id)


def compile_list(level: Level, entity: Entity, item: s.Many) -> ListPlan:
    """Make the plan of a list: its statement and its parts."""
    shape = level.shapes[item.slot]
    link = routed(entity.manys[item.attribute], shape.conditions)
    order = shape.order or link.default
    if order.field not in link.orders:
        raise ValueError(f"{item.attribute} has no order {order.field}")
    dialect = level.dialect
    parents, links = dialect.list_items("parents", Id), link.table.alias()
    target = CATALOGUE[link.target]
    rows = target.table.alias() if link.child else links
    on = and_(_tenant(links) == _organization(), links.c[link.parent] == parents.c.value)
    ranged = link.dense and order == link.default and not (shape.backward or shape.before or shape.conditions)
    if ranged:
        source = dialect.join(parents, links, and_(on, _range(links.c[order.field], item.slot, after=shape.after)))
    else:
        if link.child:  # a release stands in release_projects once a project: what the links must be holds here, too
            on = and_(on, *_of_links(links, link, level, item.slot))
        else:  # the keys say all: of more, SQLite would walk the organization and pick anew for each of its rows
            on = true()
        picked = _picked(level, link, order, item.slot, parents.c.value)
        source = dialect.join_picked(parents, links, on, links.c[link.child or "id"], picked)
    if link.child:
        source = source.join(rows, _same_row(links, rows, link))
    below = Level(dialect, level.shapes, source)
    sort, tie = links.c[order.field], links.c[link.tie]
    parts, parent = _compile_parts(below, target, rows, item, order, sort, tie, parents.c.key)
    ordering = [parents.c.key, *_directed([sort, tie], order.descending != shape.backward)]
    below.statement = Statement(select(*below.columns).select_from(below.source).order_by(*ordering))
    bounded = shape.after, shape.before
    return ListPlan(item.name, item.slot, below, shape.backward, bounded, parts, parent, item.finish)


def _range(position: ColumnElement[Any], slot: int, *, after: bool) -> ColumnElement[bool]:
    """Say which dense positions the page has: no limit per parent is needed."""
    limit = bindparam(f"s{slot}_limit", type_=Integer)
    if not after:
        return position < limit
    begin = bindparam(f"s{slot}_after_key", type_=Integer)
    return and_(position > begin, position <= begin + limit)


def _picked(level: Level, link: ToMany, order: Order, slot: int, parent: ColumnElement[Any]) -> Select[Any]:
    """Select the keys of one parent's page, limited in SQL."""
    shape, inner = level.shapes[slot], _Rows(link, level, slot)
    places = [inner.column(order.field)]
    if order.field != link.tie and not link.dense:  # else the key alone tells rows of a parent apart
        places.append(inner.column(link.tie))
    where = inner.within(_organization(), parent)
    for side, given, forward in (("after", shape.after, True), ("before", shape.before, False)):
        if given:
            named = [f"s{slot}_{side}_key", f"s{slot}_{side}_tie"][: len(places)]
            bound = tuple_(*(bindparam(name, type_=place.type) for name, place in zip(named, places, strict=True)))
            where.append(tuple_(*places) < bound if order.descending == forward else tuple_(*places) > bound)
    limit = bindparam(f"s{slot}_limit", type_=Integer)
    wanted = inner.select(inner.links.c[link.child or "id"]).where(*where)
    return wanted.order_by(*_directed(places, order.descending != shape.backward)).limit(limit)


def _directed(columns: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column for column in columns]


def _compile_parts(
    level: Level,
    target: Entity,
    rows: FromClause,
    item: s.Many,
    order: Order,
    sort: ColumnElement[Any],
    tie: ColumnElement[Any],
    parent: ColumnElement[Any],
) -> tuple[list[tuple[str, a.Part]], int]:
    """Make the connection's parts; give with them the index of the parent's number in the row."""
    builders = {wanted: compile_object(level, target, rows, wanted.fields) for wanted in _selections(item)}
    parent_index, sort_index, tie_index = level.add(parent), level.add(sort), level.add(tie)
    cursor = a.cursor_of(order.field, sort_index, tie_index, level.dialect.raw(sort.type), item.cursor)

    def edge(asked: s.EdgeCursor | s.EdgeNode | s.Constant) -> a.Make:
        if isinstance(asked, s.Constant):
            return a.constant(asked.value)
        return cursor if isinstance(asked, s.EdgeCursor) else builders[asked.selection]

    def part(asked: s.Part) -> a.Part:
        match asked:
            case s.Nodes():
                return a.nodes(builders[asked.selection])
            case s.Edges():
                return a.edges([(one.name, edge(one)) for one in asked.fields])
            case s.PageInfo():
                return a.page_info(asked, cursor)
            case s.TotalCount():
                return lambda page, bags: page.total
            case s.Constant():
                return a.constant(asked.value)

    return [(asked.name, part(asked)) for asked in item.parts], parent_index


def _selections(item: s.Many) -> list[s.Selection]:
    """Give the selections of a list's nodes: the plain ones and those in edges."""
    found = []
    for part in item.parts:
        if isinstance(part, s.Nodes):
            found.append(part.selection)
        elif isinstance(part, s.Edges):
            found += [one.selection for one in part.fields if isinstance(one, s.EdgeNode)]
    return found


@dataclass(slots=True)
class RootPlan:
    """A whole read: the root's statement, the builder of its object, and where the row says that it is there."""

    level: Level
    build: a.Build
    present: int


def compile_root(dialect: Dialect, selection: s.Selection, conditions: Names, shapes: Sequence[Shape]) -> RootPlan:
    """Make the plan of a read. Its root statement starts from the token's row: a revoked one answers no row at all."""
    entity = CATALOGUE[selection.entity]
    tokens = tables.table(tables.TokenRow).alias()
    if selection.entity == "Viewer":
        rows: FromClause = tokens
        level = Level(dialect, shapes, tokens)
    else:
        rows = entity.table.alias()
        found = [condition(entity, rows, name, bind, dialect) for name, bind in numbered(conditions, "r")]
        same = rows.c[entity.tenant] == tokens.c.organization_id
        level = Level(dialect, shapes, tokens.outerjoin(rows, and_(same, *found)))
    build = compile_object(level, entity, rows, selection.fields)
    present = level.add(rows.c.id)
    alive = and_(tokens.c.id == bindparam("token", type_=Id), tokens.c.revoked_at.is_(None))
    level.statement = Statement(select(*level.columns).select_from(level.source).where(alive))
    return RootPlan(level, build, present)
