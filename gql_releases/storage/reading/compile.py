"""Compiles a selection into SQL: a statement for the root and one for each list below it, for any number of parents.

Values are bound by name: `organization` and `token` of the reader, `r0`... of the root's conditions, `s<slot>_...` of a
list's page, `parent` or `parents` of each list's statement. The statements depend on the shapes of the pages and never
on values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, FromClause, Select, and_, bindparam, select, true

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names
from gql_releases.domain.paging import Order, Position
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.engine.types import Id
from gql_releases.storage.reading.aliases import Aliases
from gql_releases.storage.reading.conditions import build_condition, number_conditions
from gql_releases.storage.reading.entity import Catalogue, ComputedReferenceQuery, Entity, ToMany, ToOne
from gql_releases.storage.reading.json_lists import render_list
from gql_releases.storage.reading.list_queries import (
    ListRows,
    bind_organization,
    bind_page_limit,
    choose_link,
    choose_order,
    filter_links,
    match_row,
    select_total,
)
from gql_releases.storage.reading.pages import render_page, render_page_info
from gql_releases.storage.reading.plan import (
    JoinedList,
    Level,
    ListPlan,
    Shape,
    get_tenant_column,
    join_reference,
    require_joins,
)
from gql_releases.storage.reading.row_codegen import (
    BuildObject,
    Expression,
    ListSlot,
    PutLists,
    SourceBuilder,
    render_each,
    render_if_present,
    render_page_end,
)
from gql_releases.storage.reading.scanning import is_scanning_read
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.token import TokenRow


def compile_object(level: Level, entity: Entity, rows: FromClause, fields: Sequence[s.Field]) -> Expression:
    """Add the columns, joins and lists of an object to the level and return the source that builds it.

    Lists rendered as text come first: each row of a list joined to its parent would repeat them.
    """
    lists = [item for item in fields if isinstance(item, s.ToManyField)]
    texts = {item.name: text for item in lists if (text := render_list(level, entity, rows, item)) is not None}
    parts: list[tuple[str, Expression]] = []
    slots: list[ListSlot] = []
    level.has_totals |= level.is_root and any(_has_costly_total(level, entity, item) for item in lists)
    for item in fields:
        match item:
            case s.Value():
                source = _compile_value(level, entity, rows, item)
            case s.Composed():
                source = _compile_composed(level, rows, item)
            case s.ToManyField() if item.name in texts:
                source = texts[item.name]
            case s.ToManyField():
                slots.append(_compile_slot(level, entity, rows, item))
                instead = slots[-1].instead
                source = "None" if instead is None else f"r[{instead}]"
            case _:
                source = _compile_nested(level, entity, rows, item)
        parts.append((item.name, source))
    return level.code.render_object(parts, slots)


def _compile_value(level: Level, entity: Entity, rows: FromClause, item: s.Value) -> Expression:
    computed, render = entity.columns.get(item.attribute), item.render
    if computed is None:
        column = rows.c[item.attribute]
        if render is None and isinstance(column.type, Boolean):
            render = bool  # SQLite stores 0 and 1
        index, is_nullable = level.add(column), bool(column.nullable)
    else:
        binds = {} if item.slot is None else _list_binds(level, item.slot)
        build = partial(computed.build, rows, binds, level.dialect)
        index, is_nullable = level.add_computed(rows, item.attribute, item.slot, build), computed.nullable
    if item.otherwise is None:
        return level.code.render_value(index, render, nullable=is_nullable)
    other = _compile_value(level, entity, rows, s.Value(item.name, item.otherwise, item.render))
    return render_if_present(index, level.code.render_value(index, item.render, nullable=False), other)


def _compile_composed(level: Level, rows: FromClause, item: s.Composed) -> Expression:
    values = [f"r[{level.add(rows.c[attribute])}]" for attribute in item.attributes]
    return f"{level.code.add_constant(item.compose)}({', '.join(values)})"


def _compile_nested(
    level: Level, entity: Entity, rows: FromClause, item: s.Constant | s.Embedded | s.ToOneField
) -> Expression:
    if isinstance(item, s.Constant):
        return level.code.add_constant(item.value)
    if isinstance(item, s.Embedded):
        if not item.present:
            return compile_object(level, entity, rows, item.fields)
        column = (
            rows.c[item.present] if item.slot is None else _select_reference(level, entity, rows, item.present, item.slot)
        )
        otherwise = "None" if item.otherwise is None else compile_object(level, entity, rows, item.otherwise)
        return render_if_present(level.add(column), compile_object(level, entity, rows, item.fields), otherwise)
    if item.slot is None:
        reference: ToOne | ComputedReferenceQuery = entity.ones[item.attribute]
        key: ColumnElement[Any] = rows.c[entity.ones[item.attribute].column]
    else:
        reference = entity.computed[item.attribute]
        if reference.partition and level.dialect.has_partitions:
            return _compile_partitioned(level, rows, item, reference)
        key = _select_reference(level, entity, rows, item.attribute, item.slot)
    target = level.catalogue.entities[reference.target]
    level.count_join()
    level.source, other = join_reference(level.source, target, rows, key, level.aliases)
    return _compile_joined(level, target, other, item)


def _compile_joined(level: Level, target: Entity, other: FromClause, item: s.ToOneField) -> Expression:
    """Return the source of the object of a reference, whose row is joined."""
    fields = item.selection.fields
    source = _compile_bare(level, target, other, *fields) if item.bare else compile_object(level, target, other, fields)
    return render_if_present(level.add(other.c.id), source, level.code.add_constant(item.otherwise))


def _compile_bare(level: Level, entity: Entity, rows: FromClause, item: s.Field) -> Expression:
    assert isinstance(item, s.Value)
    return _compile_value(level, entity, rows, item)


def _list_binds(level: Level, slot: int) -> dict[str, str]:
    """Return the names of the bound values of the arguments of a computed reference or column."""
    numbered = number_conditions(level.shapes[slot].conditions, f"s{slot}_c")
    return {name: bind for name, bind in numbered if isinstance(bind, str)}


def _select_reference(level: Level, entity: Entity, rows: FromClause, attribute: str, slot: int) -> ColumnElement[Any]:
    query = entity.computed[attribute].find(rows, _list_binds(level, slot), level.dialect)
    return query.correlate(rows).scalar_subquery()


def _compile_partitioned(
    level: Level, rows: FromClause, item: s.ToOneField, reference: ComputedReferenceQuery
) -> Expression:
    """Join a row of a partitioned table by its key and partition, which are selected once.

    In the condition of a join, PostgreSQL would run the query again for each partition.
    """
    assert reference.partition
    assert item.slot is not None
    target = level.catalogue.entities[reference.target]
    picked = reference.find(rows, _list_binds(level, item.slot), level.dialect).correlate(rows).lateral()
    other = level.aliases.take(target.table)
    on = and_(
        other.c[target.tenant] == get_tenant_column(rows),
        other.c.id == picked.c.id,
        other.c[reference.partition] == picked.c[reference.partition],
    )
    level.count_join()
    level.count_join()
    level.source = level.source.outerjoin(picked, true()).outerjoin(other, on)
    return _compile_joined(level, target, other, item)


def _compile_slot(level: Level, entity: Entity, rows: FromClause, item: s.ToManyField) -> ListSlot:
    key = level.add(rows.c[entity.key])
    instead = level.add(rows.c[item.unless]) if item.unless else None
    total = None
    if any(isinstance(part, s.TotalCount) for part in item.parts):
        total = level.add(select_total(level, entity, rows, item))
    level.lists.append(compile_list(level, entity, rows, item))
    return ListSlot(item.name, len(level.lists) - 1, key, total, instead)


def _has_costly_total(level: Level, entity: Entity, item: s.ToManyField) -> bool:
    """Return whether a list's total is counted by a subquery: each row of a joined list would count it again."""
    link, names = entity.manys[item.attribute], level.shapes[item.slot].conditions
    return any(isinstance(part, s.TotalCount) for part in item.parts) and not (link.count and not names)


def compile_list(level: Level, entity: Entity, owner: FromClause, item: s.ToManyField) -> ListPlan:
    """Build the plan of a list: its statement and its parts."""
    shape = level.shapes[item.slot]
    link = choose_link(entity.manys[item.attribute], shape.conditions)
    order = choose_order(link, shape, item)
    level.whole |= link.whole
    if not level.is_root:
        return _plan_many_parents(level, link, order, item)
    if level.has_rows or level.has_texts or level.has_totals or item.unless:
        return _plan_single_parent(level, link, order, item)
    if level.dialect.has_network_latency:
        return _join_lateral(level, link, order, item, owner.c[entity.key])
    if link.child is None and link.exclusions.issuperset(shape.conditions):  # SQLite would not start from another filter
        return _join_beside_parent(level, link, order, item, owner.c[entity.key])
    return _plan_single_parent(level, link, order, item)


def _plan_single_parent(level: Level, link: ToMany, order: Order, item: s.ToManyField) -> ListPlan:
    """Select the page of the only parent: the root is one object."""
    below, rows, put = _build_level(level, link, order, item)
    if not below.columns:  # the rows are only counted
        below.add(rows.links.c[link.parent])
    below.statement = Statement(
        f"read.{link.target}", rows.select_page(below.columns, below.source, order, bindparam("parent", type_=Id))
    )
    return ListPlan(item.slot, below, put, None)


def _join_lateral(level: Level, link: ToMany, order: Order, item: s.ToManyField, parent: ColumnElement[Any]) -> ListPlan:
    """Join the list to the root's statement: a row for each row of the list, or one with NULLs."""
    below, rows, put = _build_level(level, link, order, item)
    by = tuple([below.add(column) for column in rows.list_sort_columns(order)])
    page = rows.select_page(below.columns, below.source, order, parent).lateral("page")
    start = len(level.columns)
    level.columns += [column.label(f"p{index}") for index, column in enumerate(page.c)]
    level.source, level.has_rows = level.source.outerjoin(page, true()), True
    descending = order.descending != level.shapes[item.slot].backward
    return ListPlan(item.slot, below, put, None, by, descending, JoinedList(start, start + by[0]))


def _join_beside_parent(
    level: Level, link: ToMany, order: Order, item: s.ToManyField, parent: ColumnElement[Any]
) -> ListPlan:
    """Join the list without LATERAL: SQLite knows that the root is one row and reads the list's index in order."""
    list_rows = ListRows(link, level, item.slot)
    on = and_(*list_rows.filter_by_parent(bind_organization(), parent), *list_rows.filter_by_cursors(order))
    source = level.source.outerjoin(list_rows.links, on)
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
    below.count_join()
    put = _compile_parts(below, list_rows.rows, item, order, list_rows.links.c[order.field], list_rows.links.c[link.tie])
    level.source, level.has_rows, level.joins = below.source, True, below.joins
    level.finish = lambda statement: list_rows.order_page(statement, order)
    return ListPlan(item.slot, below, put, None, joined=JoinedList(0, below.add(list_rows.links.c[order.field])))


def _build_level(level: Level, link: ToMany, order: Order, item: s.ToManyField) -> tuple[Level, ListRows, PutLists]:
    rows = ListRows(link, level, item.slot, shown=True)
    below = Level(level.dialect, level.catalogue, level.shapes, rows.source, SourceBuilder(), level.aliases)
    put = _compile_parts(below, rows.rows, item, order, rows.links.c[order.field], rows.links.c[link.tie])
    return below, rows, put


def _plan_many_parents(level: Level, link: ToMany, order: Order, item: s.ToManyField) -> ListPlan:
    """Join its page to each parent, limited per parent in SQL; rows are returned in any order."""
    dialect, shape, slot = level.dialect, level.shapes[item.slot], item.slot
    parents, links = dialect.list_items("parents", Id), level.aliases.take(link.table)
    rows = level.aliases.take(level.catalogue.entities[link.target].table) if link.child else links
    on = and_(get_tenant_column(links) == bind_organization(), links.c[link.parent] == parents.c.value)
    ranged = link.dense and order == link.default and not (shape.backward or shape.before or shape.conditions)
    if ranged:
        source = dialect.join(parents, links, and_(on, _filter_positions(links.c[order.field], slot, after=shape.after)))
    else:
        # A release has a row in release_projects for each project, so the conditions on links apply outside, too. A row's
        # own key is enough: with more, SQLite would scan the organization and run the subquery for each of its rows.
        if link.child:
            on = and_(on, *filter_links(links, link, level, slot))
        elif link.key == ("id",):
            on = true()
        else:  # the key's index begins with the organization
            on = get_tenant_column(links) == bind_organization()
        picked = _select_page_keys(level, link, order, slot, parents.c.value)
        source = dialect.join_picked(parents, links, on, _list_key_columns(links, link), picked)
    if link.child:
        source = source.join(rows, match_row(links, rows, link))
    below = Level(dialect, level.catalogue, level.shapes, source, SourceBuilder(), level.aliases)
    sort, tie = links.c[order.field], links.c[link.tie]
    put = _compile_parts(below, rows, item, order, sort, tie)
    parent, places = below.add(parents.c.value), [sort] if link.dense or order.field == link.tie else [sort, tie]
    by = tuple([below.add(column) for column in places])
    below.statement = Statement(f"read.{link.target}", select(*below.columns).select_from(below.source))
    return ListPlan(slot, below, put, parent, by, order.descending != shape.backward)


def _filter_positions(position: ColumnElement[Any], slot: int, *, after: bool) -> ColumnElement[bool]:
    """Return the condition for the page's dense positions: no limit per parent is needed."""
    if not after:
        return position < bind_page_limit(slot)
    begin = bindparam(f"s{slot}_after_key", type_=BigInteger)  # the sum may exceed 32 bits
    return and_(position > begin, position <= begin + bind_page_limit(slot))


def _select_page_keys(level: Level, link: ToMany, order: Order, slot: int, parent: ColumnElement[Any]) -> Select[Any]:
    """Select the keys of one parent's page, limited in SQL."""
    inner = ListRows(link, level, slot)
    return inner.select_page(_list_key_columns(inner.links, link), inner.source, order, parent)


def _list_key_columns(links: FromClause, link: ToMany) -> list[ColumnElement[Any]]:
    """Return the columns that identify a row of a list."""
    return [links.c[name] for name in ((link.child,) if link.child else link.key)]


def _compile_parts(
    level: Level, rows: FromClause, item: s.ToManyField, order: Order, sort: ColumnElement[Any], tie: ColumnElement[Any]
) -> PutLists:
    """Define the function that puts the list's connections into its objects."""
    shape, code = level.shapes[item.slot], level.code
    target = level.catalogue.entities[item.entity]

    def cursor() -> Expression:
        place = f"{code.add_constant(Position)}({order.field!r}, r[{level.add(sort)}], r[{level.add(tie)}])"
        return f"{code.add_constant(item.cursor)}({place})"

    def edge(field: s.EdgeCursor | s.EdgeNode | s.Constant) -> Expression:
        match field:
            case s.EdgeCursor():
                return cursor()
            case s.EdgeNode():
                return compile_object(level, target, rows, field.selection.fields)
            case s.Constant():
                return code.add_constant(field.value)

    def part(element: s.Part) -> Expression:
        match element:
            case s.Nodes():
                return render_each(compile_object(level, target, rows, element.selection.fields))
            case s.Edges():
                return render_each(code.render_object([(field.name, edge(field)) for field in element.fields], ()))
            case s.PageInfo():
                return render_page_info(element, shape, code, "more", lambda index: render_page_end(index, cursor()))
            case s.TotalCount():
                return "total"
            case s.Constant():
                return code.add_constant(element.value)

    source = render_page(code, item, [(element.name, part(element)) for element in item.parts])
    return code.define_put(item.name, source, backward=shape.backward, finish=item.finish)


@dataclass(slots=True)
class RootPlan:
    """A compiled read: the root's statement, the function that builds its object, the index of the object's id in a row.

    `single`: one statement, which needs no transaction. `weight`: in bytes. `scans`: the read may scan every row of an
    organization's lists, or has exceeded the limit for reads on the event loop once.
    """

    level: Level
    build: BuildObject
    present: int
    single: bool
    weight: int
    scans: bool = False
    checks: tuple[tuple[int, int, int], ...] = ()
    """Columns that are NULL unless a name is unknown: (index, slot of the page, index of its check)."""


def _count_joins(fields: Sequence[Any]) -> int:
    """Return the number of joins of an object's level, without lists. Raises DomainError if a lower level has too many."""
    count = 0
    for item in fields:
        match item:
            case s.ToOneField():
                count += 1 + _count_joins(item.selection.fields)
            case s.Embedded():
                count += _count_joins((*item.fields, *(item.otherwise or ())))
            case s.ToManyField():
                require_joins(sum(_count_joins(_list_row_fields(part)) for part in item.parts))
    return count


def _list_row_fields(part: s.Part) -> Sequence[Any]:
    """Return the fields that a part of a list selects of each row."""
    match part:
        case s.Nodes():
            return part.selection.fields
        case s.Edges():
            return [field for edge in part.fields if isinstance(edge, s.EdgeNode) for field in edge.selection.fields]
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
    """Build the plan of a read, which is cached or used once.

    Its root statement starts from the token's row: for a revoked token it returns no row. Raises
    DomainError(INVALID_ARGUMENT) if one object needs too many joins.
    """
    require_joins(_count_joins(selection.fields))  # before the expensive part
    entity, aliases = catalogue.entities[selection.entity], Aliases()
    tokens = aliases.take(table(TokenRow))
    if selection.entity == "Viewer":
        rows: FromClause = tokens
        level = Level(dialect, catalogue, shapes, tokens, SourceBuilder(), aliases, is_root=True)
    else:
        rows = aliases.take(entity.table)
        filters = [build_condition(entity, rows, name, bind, dialect) for name, bind in number_conditions(conditions, "r")]
        own = rows.c[entity.tenant] == tokens.c.organization_id
        level = Level(
            dialect, catalogue, shapes, tokens.outerjoin(rows, and_(own, *filters)), SourceBuilder(), aliases, is_root=True
        )
    build = level.code.define_build(compile_object(level, entity, rows, selection.fields))
    present = level.add(rows.c.id)
    checks = tuple(
        [
            (level.add(catalogue.name_checks[kind](f"s{slot}_n{number}", dialect)), slot, number)
            for slot, shape in enumerate(shapes)
            for number, kind in enumerate(shape.names)
        ]
    )
    is_active = and_(tokens.c.id == bindparam("token", type_=Id), tokens.c.revoked_at.is_(None))
    level.statement = Statement(
        f"read.{selection.entity}", level.finish(select(*level.columns).select_from(level.source).where(is_active))
    )
    lists = level.lists
    single = not lists or (len(lists) == 1 and lists[0].joined is not None and not lists[0].level.lists)
    scans = is_scanning_read(catalogue, selection, shapes)
    return RootPlan(level, build, present, single, level.compile_statements(is_kept=is_kept), scans, checks)
