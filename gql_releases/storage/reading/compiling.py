"""A selection into SQL: one statement for the root and one for each list below it, whatever the number of parents.

Values are bound by name: `organization` and `token` of the reader, `r0`... of the root's conditions, `s<slot>_...` of a
list's page, `parent` or `parents` of each list's statement. The statements depend on the shape of the pages alone, never on
values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    true,
    tuple_,
)

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names
from gql_releases.domain.paging import Order, Position
from gql_releases.storage import tables
from gql_releases.storage.columns import Id
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.reading.assembling import Build, Expression, Put, Source, Waiting, each, end_of_page, present
from gql_releases.storage.reading.catalogue import CATALOGUE, Entity, ToMany, ToOne
from gql_releases.storage.reading.conditions import condition, numbered
from gql_releases.storage.reading.levels import Joined, Level, ListPlan, Shape, follow, tenant_of
from gql_releases.storage.reading.picks import Pick
from gql_releases.storage.reading.spelling import Speller, array_of, nodes_of
from gql_releases.storage.statements import Statement


def compile_object(level: Level, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> Expression:
    """Add what an object needs to the level and give the source that makes it."""
    parts: list[tuple[str, Expression]] = []
    waiting: list[Waiting] = []
    for item in fields:
        match item:
            case s.Value():
                made = _compile_value(level, rows, item)
            case s.Many() if spelled := _spelled(level, entity, rows, item):
                made = spelled
            case s.Many():
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


def _compile_nested(level: Level, entity: Entity, rows: FromClause, item: s.Constant | s.Embedded | s.One) -> Expression:
    if isinstance(item, s.Constant):
        return level.code.constant(item.value)
    if isinstance(item, s.Embedded):
        if not item.present:
            return compile_object(level, entity, rows, item.fields)
        found = rows.c[item.present] if item.slot is None else _pick(level, entity, rows, item.present, item.slot)
        otherwise = "None" if item.otherwise is None else compile_object(level, entity, rows, item.otherwise)
        return present(level.add(found), compile_object(level, entity, rows, item.fields), otherwise)
    if item.slot is None:
        one: ToOne | Pick = entity.ones[item.attribute]
        key: ColumnElement[Any] = rows.c[entity.ones[item.attribute].column]
    else:
        one = entity.picks[item.attribute]
        key = _pick(level, entity, rows, item.attribute, item.slot)
    target = CATALOGUE[one.target]
    level.source, other = follow(level.source, target, rows, key)
    fields = item.selection.fields
    made = _compile_bare(level, other, *fields) if item.bare else compile_object(level, target, other, fields)
    return present(level.add(other.c.id), made, level.code.constant(item.otherwise))


def _compile_bare(level: Level, rows: FromClause, item: s.Field) -> Expression:
    assert isinstance(item, s.Value)
    return _compile_value(level, rows, item)


def _pick(level: Level, entity: Entity, rows: FromClause, attribute: str, slot: int) -> ColumnElement[Any]:
    binds = {name: bind for name, bind in numbered(level.shapes[slot].conditions, f"s{slot}_c") if isinstance(bind, str)}
    return entity.picks[attribute].find(rows, binds, level.dialect).correlate(rows).scalar_subquery()


def _compile_waiting(level: Level, entity: Entity, rows: FromClause, item: s.Many) -> Waiting:
    key = level.add(rows.c[entity.key])
    instead = level.add(rows.c[item.unless]) if item.unless else None
    total = None
    if any(isinstance(part, s.TotalCount) for part in item.parts):
        total = level.add(_total(level, entity, rows, item))
    level.lists.append(compile_list(level, entity, rows, item))
    return Waiting(item.name, len(level.lists) - 1, key, total, instead)


def _spelled(level: Level, entity: Entity, owner: FromClause, item: s.Many) -> Expression | None:
    """Let a column of the owner's row bring the list as JSON text, where that can be."""
    nodes, shape = nodes_of(item), level.shapes[item.slot]
    if nodes is None or not level.dialect.spells or shape.backward or shape.limit is None:
        return None
    link = routed(entity.manys[item.attribute], shape.conditions)
    found = _Rows(link, level, item.slot, shown=True)
    speller = Speller(found.source)
    parts = speller.parts(CATALOGUE[item.entity], found.rows, nodes.selection.fields)
    if parts is None:
        return None
    order, limit, code = _order_of(link, shape, item), shape.limit - 1, level.code

    def page(columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
        below = Level(level.dialect, level.shapes, speller.source, Source(), columns=list(columns))
        return _walk(below, found, order, item.slot, owner.c[entity.key], limit).correlate(owner)

    text = f"{code.constant(item.json)}(r[{level.add(array_of(parts, page))}])"
    made: list[tuple[str, Expression]] = []
    for part in item.parts:
        match part:
            case s.Constant():
                made.append((part.name, code.constant(part.value)))
            case s.TotalCount():
                made.append((part.name, f"r[{level.add(_total(level, entity, owner, item))}]"))
            case _:
                made.append((part.name, text))
    page_made = _page(code, item, made)
    return f"{code.constant(item.finish)}({page_made})" if item.finish else page_made


def _page(code: Source, item: s.Many, parts: Sequence[tuple[str, Expression]]) -> Expression:
    """Give the page, or its only part."""
    if not item.bare:
        return code.object(parts, ())
    [(_, only)] = parts
    return only


def _order_of(link: ToMany, shape: Shape, item: s.Many) -> Order:
    order = shape.order or link.default
    if order.field not in link.orders:
        raise ValueError(f"{item.attribute} has no order {order.field}")
    return order


def _total(level: Level, entity: Entity, rows: FromClause, item: s.Many) -> ColumnElement[Any]:
    """Count a list's rows as a column of its parent: no statement of its own."""
    link, names = entity.manys[item.attribute], level.shapes[item.slot].conditions
    if link.count and not names:
        return rows.c[link.count]
    inner = _Rows(routed(link, names), level, item.slot)
    count = func.count(inner.links.c[link.counted].distinct()) if link.counted else func.count()
    counted = inner.select(count).where(*inner.within(tenant_of(rows), rows.c[entity.key]))
    return counted.correlate(rows).scalar_subquery()


def routed(link: ToMany, names: Names) -> ToMany:
    """Give the list as its conditions make it be walked."""
    return next((link.routes[name] for name in names if name in link.routes), link)


class _Rows:
    """The rows of a list within one parent: the link's alias, and the target's (`shown`: in any case) where it is needed."""

    def __init__(self, link: ToMany, level: Level, slot: int, *, shown: bool = False) -> None:
        self.link, self.links = link, link.table.alias()
        target = CATALOGUE[link.target]
        conditions = numbered(level.shapes[slot].conditions, f"s{slot}_c")
        self.rows: FromClause = self.links
        self.source: Any = self.links
        if link.child and (shown or any(name not in link.filters for name, _ in conditions)):
            self.rows = target.table.alias()
            self.source = self.links.join(self.rows, _same_row(self.links, self.rows, link))
        self.conditions = [
            link.filters[name](self.links, bind, level.dialect)
            if isinstance(bind, str) and name in link.filters
            else condition(target, self.rows, name, bind, level.dialect)
            for name, bind in conditions
        ]
        self._dialect = level.dialect

    def column(self, name: str) -> ColumnElement[Any]:
        """Give a column of the links, to be compared or sorted by."""
        column = self.links.c[name]
        return self._dialect.checked(column) if name in self.link.checked else column

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        return select(*columns).select_from(self.source)

    def within(self, tenant: ColumnElement[Any], parent: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        own = self.column(str(tenant_of(self.links).key))
        return [own == tenant, self.column(self.link.parent) == parent, *self.conditions]

    def places(self, order: Order) -> list[ColumnElement[Any]]:
        """Give the columns that a list is sorted by; the tie only where the key does not tell rows of a parent apart."""
        sort = self.column(order.field)
        return [sort] if order.field == self.link.tie or self.link.dense else [sort, self.column(self.link.tie)]


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
    return and_(tenant_of(rows) == tenant_of(links), rows.c.id == links.c[link.child])


def _organization() -> ColumnElement[Any]:
    return bindparam("organization", type_=Id)


def _limit(slot: int) -> ColumnElement[Any]:
    return bindparam(f"s{slot}_limit", type_=Integer)


def _limit_of(shape: Shape, slot: int) -> ColumnElement[Any]:
    return _limit(slot) if shape.limit is None else literal_column(str(shape.limit))


def compile_list(level: Level, entity: Entity, owner: FromClause, item: s.Many) -> ListPlan:
    """Make the plan of a list: its statement and its parts."""
    shape = level.shapes[item.slot]
    link = routed(entity.manys[item.attribute], shape.conditions)
    order = _order_of(link, shape, item)
    level.whole |= link.whole
    if not level.is_root:
        return _of_many_parents(level, link, order, item)
    if level.has_list or item.unless:
        return _of_one_parent(level, link, order, item)
    if level.dialect.counts_round_trips:
        return _with_its_parent(level, link, order, item, owner.c[entity.key])
    if link.child is None and not shape.conditions:  # of a filtered one, SQLite would not start from the filter
        return _beside_its_parent(level, link, order, item, owner.c[entity.key])
    return _of_one_parent(level, link, order, item)


def _of_one_parent(level: Level, link: ToMany, order: Order, item: s.Many) -> ListPlan:
    """Select the page of the one parent that there is: the root is one object."""
    below, found, put = _level_of(level, link, order, item)
    if not below.columns:  # rows are only counted
        below.add(found.links.c[link.parent])
    below.statement = Statement(_walk(below, found, order, item.slot, bindparam("parent", type_=Id)))
    return ListPlan(item.slot, below, put, None)


def _with_its_parent(level: Level, link: ToMany, order: Order, item: s.Many, parent: ColumnElement[Any]) -> ListPlan:
    """Let the root's statement bring the list with it: a row for each row of the list, or one with NULLs."""
    below, found, put = _level_of(level, link, order, item)
    by = tuple([below.add(one) for one in found.places(order)])
    page = _walk(below, found, order, item.slot, parent).lateral("page")
    start = len(level.columns)
    level.columns += [column.label(f"p{index}") for index, column in enumerate(page.c)]
    level.source, level.has_list = level.source.outerjoin(page, true()), True
    descending = order.descending != level.shapes[item.slot].backward
    return ListPlan(item.slot, below, put, None, by, descending, Joined(start, start + by[0]))


def _beside_its_parent(level: Level, link: ToMany, order: Order, item: s.Many, parent: ColumnElement[Any]) -> ListPlan:
    """Do the same where there is no LATERAL: SQLite knows that the root is one row, and walks the list's index in order."""
    shape, slot = level.shapes[item.slot], item.slot
    found = _Rows(link, level, slot)
    places = found.places(order)
    on = and_(*found.within(_organization(), parent), *_beyond(shape, slot, places, order))
    below = Level(level.dialect, level.shapes, level.source.outerjoin(found.links, on), Source(), columns=level.columns)
    put = _compile_parts(below, found.rows, item, order, found.links.c[order.field], found.links.c[link.tie])
    level.source, level.has_list = below.source, True
    level.finish = lambda wanted: wanted.order_by(*_directed(places, order.descending != shape.backward)).limit(
        _limit_of(shape, slot)
    )
    return ListPlan(slot, below, put, None, joined=Joined(0, below.add(found.links.c[order.field])))


def _level_of(level: Level, link: ToMany, order: Order, item: s.Many) -> tuple[Level, _Rows, Put]:
    found = _Rows(link, level, item.slot, shown=True)
    below = Level(level.dialect, level.shapes, found.source, Source())
    put = _compile_parts(below, found.rows, item, order, found.links.c[order.field], found.links.c[link.tie])
    return below, found, put


def _walk(
    below: Level, found: _Rows, order: Order, slot: int, parent: ColumnElement[Any], limit: int | None = None
) -> Select[Any]:
    """Walk the index of the order to the limit, that of the page unless another one is given."""
    shape, places = below.shapes[slot], found.places(order)
    where = [*found.within(_organization(), parent), *_beyond(shape, slot, places, order)]
    wanted = select(*below.columns).select_from(below.source).where(*where)
    most = _limit_of(shape, slot) if limit is None else literal_column(str(limit))
    return wanted.order_by(*_directed(places, order.descending != shape.backward)).limit(most)


def _of_many_parents(level: Level, link: ToMany, order: Order, item: s.Many) -> ListPlan:
    """Join to each parent its page, limited per parent in SQL; rows come in any order."""
    dialect, shape, slot = level.dialect, level.shapes[item.slot], item.slot
    parents, links = dialect.list_items("parents", Id), link.table.alias()
    rows = CATALOGUE[link.target].table.alias() if link.child else links
    on = and_(tenant_of(links) == _organization(), links.c[link.parent] == parents.c.value)
    ranged = link.dense and order == link.default and not (shape.backward or shape.before or shape.conditions)
    if ranged:
        source = dialect.join(parents, links, and_(on, _range(links.c[order.field], slot, after=shape.after)))
    else:
        # A release stands in release_projects once a project: what the links must be holds outside, too. A row's own key
        # is enough: of more, SQLite would walk the organization and pick anew for each of its rows.
        on = and_(on, *_of_links(links, link, level, slot)) if link.child else true()
        picked = _picked(level, link, order, slot, parents.c.value)
        source = dialect.join_picked(parents, links, on, links.c[link.child or "id"], picked)
    if link.child:
        source = source.join(rows, _same_row(links, rows, link))
    below = Level(dialect, level.shapes, source, Source())
    sort, tie = links.c[order.field], links.c[link.tie]
    put = _compile_parts(below, rows, item, order, sort, tie)
    parent, places = below.add(parents.c.value), [sort] if link.dense or order.field == link.tie else [sort, tie]
    by = tuple([below.add(one) for one in places])
    below.statement = Statement(select(*below.columns).select_from(below.source))
    return ListPlan(slot, below, put, parent, by, order.descending != shape.backward)


def _range(position: ColumnElement[Any], slot: int, *, after: bool) -> ColumnElement[bool]:
    """Say which dense positions the page has: no limit per parent is needed."""
    if not after:
        return position < _limit(slot)
    begin = bindparam(f"s{slot}_after_key", type_=Integer)
    return and_(position > begin, position <= begin + _limit(slot))


def _picked(level: Level, link: ToMany, order: Order, slot: int, parent: ColumnElement[Any]) -> Select[Any]:
    """Select the keys of one parent's page, limited in SQL."""
    shape, inner = level.shapes[slot], _Rows(link, level, slot)
    places = inner.places(order)
    where = [*inner.within(_organization(), parent), *_beyond(shape, slot, places, order)]
    wanted = inner.select(inner.links.c[link.child or "id"]).where(*where)
    return wanted.order_by(*_directed(places, order.descending != shape.backward)).limit(_limit_of(shape, slot))


def _beyond(shape: Shape, slot: int, places: Sequence[ColumnElement[Any]], order: Order) -> list[ColumnElement[bool]]:
    """Say which rows are on the page's side of its cursors."""
    found = []
    for side, given, forward in (("after", shape.after, True), ("before", shape.before, False)):
        if given:
            named = [f"s{slot}_{side}_key", f"s{slot}_{side}_tie"][: len(places)]
            bound = tuple_(*(bindparam(name, type_=place.type) for name, place in zip(named, places, strict=True)))
            found.append(tuple_(*places) < bound if order.descending == forward else tuple_(*places) > bound)
    return found


def _directed(columns: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column for column in columns]


def _compile_parts(
    level: Level, rows: FromClause, item: s.Many, order: Order, sort: ColumnElement[Any], tie: ColumnElement[Any]
) -> Put:
    """Make the function that puts the list's connections into its objects."""
    shape, code = level.shapes[item.slot], level.code
    target = CATALOGUE[item.entity]

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
                return code.object(_page_info(asked, shape, cursor, code), ())
            case s.TotalCount():
                return "total"
            case s.Constant():
                return code.constant(asked.value)

    page = _page(code, item, [(asked.name, part(asked)) for asked in item.parts])
    return code.putter(item.name, page, backward=shape.backward, finish=item.finish)


def _page_info(
    asked: s.PageInfo, shape: Shape, cursor: Callable[[], Expression], code: Source
) -> list[tuple[str, Expression]]:
    """Give what is around the page: beyond a cursor there is a row, that of the cursor."""
    more, given = "more", (str(shape.after), str(shape.before))
    following, preceding = (given[1], more) if shape.backward else (more, given[0])
    known: dict[str, Callable[[], Expression]] = {
        "hasNextPage": lambda: following,
        "hasPreviousPage": lambda: preceding,
        "startCursor": lambda: end_of_page(0, cursor()),
        "endCursor": lambda: end_of_page(-1, cursor()),
    }
    return [
        (one.name, code.constant(one.value)) if isinstance(one, s.Constant) else (one[0], known[one[1]]())
        for one in asked.fields
    ]


@dataclass(slots=True)
class RootPlan:
    """A whole read: the root's statement, the builder of its object, and where the row says that it is there.

    `single`: it is one statement, which needs no transaction.
    """

    level: Level
    build: Build
    present: int
    single: bool


def compile_root(dialect: Dialect, selection: s.Selection, conditions: Names, shapes: Sequence[Shape]) -> RootPlan:
    """Make the plan of a read. Its root statement starts from the token's row: a revoked one answers no row at all."""
    entity = CATALOGUE[selection.entity]
    tokens = tables.table(tables.TokenRow).alias()
    if selection.entity == "Viewer":
        rows: FromClause = tokens
        level = Level(dialect, shapes, tokens, Source(), is_root=True)
    else:
        rows = entity.table.alias()
        found = [condition(entity, rows, name, bind, dialect) for name, bind in numbered(conditions, "r")]
        same = rows.c[entity.tenant] == tokens.c.organization_id
        level = Level(dialect, shapes, tokens.outerjoin(rows, and_(same, *found)), Source(), is_root=True)
    build = level.code.builder(compile_object(level, entity, rows, selection.fields))
    present = level.add(rows.c.id)
    alive = and_(tokens.c.id == bindparam("token", type_=Id), tokens.c.revoked_at.is_(None))
    level.statement = Statement(level.finish(select(*level.columns).select_from(level.source).where(alive)))
    lists = level.lists
    single = not lists or (len(lists) == 1 and lists[0].joined is not None and not lists[0].level.lists)
    return RootPlan(level, build, present, single)
