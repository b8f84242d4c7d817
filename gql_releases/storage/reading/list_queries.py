"""Queries for a list's rows: from the parent along the index of an order, between the cursors, up to a limit.

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
from gql_releases.storage.reading.conditions import build_condition, number_conditions
from gql_releases.storage.reading.entity import Entity, ToMany
from gql_releases.storage.reading.plan import Level, Shape, get_tenant_column


class ListRows:
    """The rows of a list of one parent: the link's alias, and the target's if it is needed (always if `shown`)."""

    def __init__(self, link: ToMany, level: Level, slot: int, *, shown: bool = False) -> None:
        self.link, self.links = link, level.aliases.take(link.table)
        self.shape, self.slot = level.shapes[slot], slot
        target = level.catalogue.entities[link.target]
        conditions = number_conditions(self.shape.conditions, f"s{slot}_c")
        self.rows: FromClause = self.links
        self.source: Any = self.links
        if link.child and (shown or any(name not in link.filters for name, _ in conditions)):
            self.rows = level.aliases.take(target.table)
            self.source = self.links.join(self.rows, match_row(self.links, self.rows, link))
        self.conditions = [
            link.filters[name](self.links, bind, level.dialect)
            if isinstance(bind, str) and name in link.filters
            else build_condition(target, self.rows, name, bind, level.dialect)
            for name, bind in conditions
        ]
        self._dialect = level.dialect

    def get_column(self, name: str) -> ColumnElement[Any]:
        """Return a column of the links to compare or sort by."""
        column = self.links.c[name]
        return self._dialect.avoid_index(column) if name in self.link.checked else column

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return a select of columns of all rows."""
        return select(*columns).select_from(self.source)

    def filter_by_parent(self, tenant: ColumnElement[Any], parent: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions for the parent's rows that meet the list's conditions."""
        own = self.get_column(str(get_tenant_column(self.links).key))
        return [own == tenant, self.get_column(self.link.parent) == parent, *self.conditions]

    def list_sort_columns(self, order: Order) -> list[ColumnElement[Any]]:
        """Return the columns that a list is sorted by; without the tie if the key is unique within a parent."""
        sort = self.get_column(order.field)
        return [sort] if order.field == self.link.tie or self.link.dense else [sort, self.get_column(self.link.tie)]

    def filter_by_cursors(self, order: Order) -> list[ColumnElement[bool]]:
        """Return the conditions for the rows between the page's cursors."""
        conditions, shape, places = [], self.shape, self.list_sort_columns(order)
        for side, is_bounded, forward in (("after", shape.after, True), ("before", shape.before, False)):
            if is_bounded:
                names = [f"s{self.slot}_{side}_key", f"s{self.slot}_{side}_tie"][: len(places)]
                cursor = tuple_(*(bindparam(name, type_=place.type) for name, place in zip(names, places, strict=True)))
                conditions.append(tuple_(*places) < cursor if order.descending == forward else tuple_(*places) > cursor)
        return conditions

    def select_page(
        self,
        columns: Sequence[ColumnElement[Any]],
        source: Any,
        order: Order,
        parent: ColumnElement[Any],
        limit: int | None = None,
    ) -> Select[Any]:
        """Return the select of a page in the order of its index; the default limit is one row more than the page."""
        where = [*self.filter_by_parent(bind_organization(), parent), *self.filter_by_cursors(order)]
        return self.order_page(select(*columns).select_from(source).where(*where), order, limit)

    def order_page(self, statement: Select[Any], order: Order, limit: int | None = None) -> Select[Any]:
        """Return a select with the page's order and limit."""
        descending = order.descending != self.shape.backward
        sort = [place.desc() if descending else place for place in self.list_sort_columns(order)]
        return statement.order_by(*sort).limit(
            _choose_limit(self.shape, self.slot) if limit is None else literal_column(str(limit))
        )


def bind_organization() -> ColumnElement[Any]:
    """Return the bound id of the reader's organization."""
    return bindparam("organization", type_=Id)


def bind_page_limit(slot: int) -> ColumnElement[Any]:
    """Return the bound limit of a page."""
    return bindparam(f"s{slot}_limit", type_=Integer)


def _choose_limit(shape: Shape, slot: int) -> ColumnElement[Any]:
    return bind_page_limit(slot) if shape.limit is None else literal_column(str(shape.limit))


def match_row(links: FromClause, rows: FromClause, link: ToMany) -> ColumnElement[bool]:
    """Return the condition that joins a link to its row."""
    assert link.child
    return and_(get_tenant_column(rows) == get_tenant_column(links), rows.c.id == links.c[link.child])


def filter_links(links: FromClause, link: ToMany, level: Level, slot: int) -> list[ColumnElement[bool]]:
    """Return those of a list's conditions that apply to its links."""
    conditions = number_conditions(level.shapes[slot].conditions, f"s{slot}_c")
    return [
        link.filters[name](links, bind, level.dialect)
        for name, bind in conditions
        if isinstance(bind, str) and name in link.filters
    ]


def choose_link(link: ToMany, names: Names) -> ToMany:
    """Return the list that the conditions start from."""
    return next((link.routes[name] for name in names if name in link.routes), link)


def choose_order(link: ToMany, shape: Shape, item: s.ToManyField) -> Order:
    """Return the order of a page. Raises ValueError if the list has no such order."""
    order = shape.order or link.default
    if order.field not in link.orders:
        raise ValueError(f"{item.attribute} has no order {order.field}")
    return order


def select_total(level: Level, entity: Entity, rows: FromClause, item: s.ToManyField) -> ColumnElement[Any]:
    """Return the count of a list's rows as a column of the parent's statement."""
    link, names = entity.manys[item.attribute], level.shapes[item.slot].conditions
    if link.count and not names:
        return rows.c[link.count]
    inner = ListRows(choose_link(link, names), level, item.slot)
    count = func.count(inner.links.c[link.counted].distinct()) if link.counted else func.count()
    counted = inner.select(count).where(*inner.filter_by_parent(get_tenant_column(rows), rows.c[entity.key]))
    return counted.correlate(rows).scalar_subquery()
