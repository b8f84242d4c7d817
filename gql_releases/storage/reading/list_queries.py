"""How a list's rows are found: from the parent along the index of an order, within its cursors, to a limit.

Values are bound by name: `organization`, and `s<slot>_...` of the list's page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, and_, bindparam, func, literal_column, select, tuple_

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names
from gql_releases.domain.paging import Order
from gql_releases.storage.engine.types import Id
from gql_releases.storage.reading.conditions import condition, number_conditions
from gql_releases.storage.reading.entity import Entity, ToMany
from gql_releases.storage.reading.plan import Level, Shape, tenant_of


class ListRows:
    """The rows of a list within one parent: the link's alias, and the target's (`shown`: in any case) where it is needed."""

    def __init__(self, link: ToMany, level: Level, slot: int, *, shown: bool = False) -> None:
        self.link, self.links = link, level.aliases.of(link.table)
        self.shape, self.slot = level.shapes[slot], slot
        target = level.catalogue.entities[link.target]
        conditions = number_conditions(self.shape.conditions, f"s{slot}_c")
        self.rows: FromClause = self.links
        self.source: Any = self.links
        if link.child and (shown or any(name not in link.filters for name, _ in conditions)):
            self.rows = level.aliases.of(target.table)
            self.source = self.links.join(self.rows, same_row(self.links, self.rows, link))
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
        return self._dialect.avoid_index(column) if name in self.link.checked else column

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Select of the rows, without a condition."""
        return select(*columns).select_from(self.source)

    def within(self, tenant: ColumnElement[Any], parent: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Say which rows are the parent's and meet the list's conditions."""
        own = self.column(str(tenant_of(self.links).key))
        return [own == tenant, self.column(self.link.parent) == parent, *self.conditions]

    def places(self, order: Order) -> list[ColumnElement[Any]]:
        """Give the columns that a list is sorted by; the tie only where the key does not tell rows of a parent apart."""
        sort = self.column(order.field)
        return [sort] if order.field == self.link.tie or self.link.dense else [sort, self.column(self.link.tie)]

    def beyond(self, order: Order) -> list[ColumnElement[bool]]:
        """Say which rows are on the page's side of its cursors."""
        found, shape, places = [], self.shape, self.places(order)
        for side, given, forward in (("after", shape.after, True), ("before", shape.before, False)):
            if given:
                named = [f"s{self.slot}_{side}_key", f"s{self.slot}_{side}_tie"][: len(places)]
                bound = tuple_(*(bindparam(name, type_=place.type) for name, place in zip(named, places, strict=True)))
                found.append(tuple_(*places) < bound if order.descending == forward else tuple_(*places) > bound)
        return found

    def walk(
        self,
        columns: Sequence[ColumnElement[Any]],
        source: Any,
        order: Order,
        parent: ColumnElement[Any],
        limit: int | None = None,
    ) -> Select[Any]:
        """Walk the index of the order to the limit, one row beyond the page unless another one is given."""
        where = [*self.within(organization(), parent), *self.beyond(order)]
        return self.paged(select(*columns).select_from(source).where(*where), order, limit)

    def paged(self, wanted: Select[Any], order: Order, limit: int | None = None) -> Select[Any]:
        """Put a select into order, to the limit."""
        descending = order.descending != self.shape.backward
        by = [place.desc() if descending else place for place in self.places(order)]
        return wanted.order_by(*by).limit(_limit_of(self.shape, self.slot) if limit is None else literal_column(str(limit)))


def organization() -> ColumnElement[Any]:
    """Give the reader's organization."""
    return bindparam("organization", type_=Id)


def page_limit(slot: int) -> ColumnElement[Any]:
    """Give the bound limit of a page."""
    return bindparam(f"s{slot}_limit", type_=Integer)


def _limit_of(shape: Shape, slot: int) -> ColumnElement[Any]:
    return page_limit(slot) if shape.limit is None else literal_column(str(shape.limit))


def same_row(links: FromClause, rows: FromClause, link: ToMany) -> ColumnElement[bool]:
    """Say that a link leads to a row."""
    assert link.child
    return and_(tenant_of(rows) == tenant_of(links), rows.c.id == links.c[link.child])


def of_links(links: FromClause, link: ToMany, level: Level, slot: int) -> list[ColumnElement[bool]]:
    """Give those of a list's conditions that are about its links."""
    conditions = number_conditions(level.shapes[slot].conditions, f"s{slot}_c")
    return [
        link.filters[name](links, bind, level.dialect)
        for name, bind in conditions
        if isinstance(bind, str) and name in link.filters
    ]


def choose_link(link: ToMany, names: Names) -> ToMany:
    """Give the list as its conditions make it be walked."""
    return next((link.routes[name] for name in names if name in link.routes), link)


def order_of(link: ToMany, shape: Shape, item: s.ToManyField) -> Order:
    """Give the order of a page. Raises ValueError where the list has no such order."""
    order = shape.order or link.default
    if order.field not in link.orders:
        raise ValueError(f"{item.attribute} has no order {order.field}")
    return order


def total_of(level: Level, entity: Entity, rows: FromClause, item: s.ToManyField) -> ColumnElement[Any]:
    """Count a list's rows as a column of its parent: no statement of its own."""
    link, names = entity.manys[item.attribute], level.shapes[item.slot].conditions
    if link.count and not names:
        return rows.c[link.count]
    inner = ListRows(choose_link(link, names), level, item.slot)
    count = func.count(inner.links.c[link.counted].distinct()) if link.counted else func.count()
    counted = inner.select(count).where(*inner.within(tenant_of(rows), rows.c[entity.key]))
    return counted.correlate(rows).scalar_subquery()
