"""Runs reads: plans are cached by selection and shape, levels are read one after another on one snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any
from weakref import ref

from sqlalchemy import BigInteger, Integer

from gql_releases.domain.cache_budget import BoundedCache
from gql_releases.domain.conditions import Conditions, Names, condition_names, count_conditions, list_leaves
from gql_releases.domain.errors import DomainError, InvalidToken, PagesRefused
from gql_releases.domain.names import describe_failure
from gql_releases.domain.paging import WHOLE_LIST_SIZE, PageRequest, Position
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import ObjectRead, Selection
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Row, Transaction
from gql_releases.storage.reading.compile import RootPlan, compile_root
from gql_releases.storage.reading.entity import Catalogue
from gql_releases.storage.reading.plan import Level, ListPlan, Shape, build_shape
from gql_releases.storage.reading.row_codegen import Bag, Tree
from gql_releases.storage.reading.scanning import MANY_CONDITIONS, count_names
from gql_releases.storage.schema.tables import metadata

MAX_KEPT_CONDITIONS = 20
"""Conditions of one list beyond which a plan is not cached: few requests have as many, and hardly two the same."""
MAX_KEPT_CONDITIONS_TOGETHER = 100
"""The limit for all lists of a read together."""
NAME_BYTES = 100
"""Memory of a condition or a page in the key of a plan."""
LARGE_READ_ROWS = 2000
"""A read that may fetch more rows does not run on the event loop (they take about 3 ms on SQLite)."""
ASSUMED_LIST_ROWS = 10
"""Assumed size of an unpaged list when rows are estimated, for example of a release's projects or authors."""

_LARGEST_INTEGER = 2**31 - 1
"""The largest INTEGER of PostgreSQL, which accepts no larger value, not even in a comparison."""
_NARROW = frozenset(
    column.name
    for table in metadata.tables.values()
    for column in table.columns
    if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
)
"""Columns of that type that a list may be sorted by."""


def fit_key(position: Position) -> str | int:
    """Return the key of a cursor, limited to the range of its column: there are no rows outside it."""
    key = position.key
    if position.field in _NARROW and isinstance(key, int):
        return max(min(key, _LARGEST_INTEGER), -_LARGEST_INTEGER)
    return key


_Key = tuple[Names, tuple[Shape, ...]]


class Reader:
    """Reads for one database, from any thread: concurrent planning of one read gives equal plans."""

    def __init__(self, dialect: Dialect, catalogue: Catalogue) -> None:
        self._dialect, self._catalogue = dialect, catalogue
        self._shares_event_loop = dialect.has_network_latency
        """Whether reads of the database share the event loop; long reads of SQLite run in a thread as a whole."""
        self._plans: dict[int, tuple[ref[Selection], BoundedCache[_Key, RootPlan]]] = {}  # by the selection's id

    async def read(
        self, transaction: Transaction, principal: Principal, read: ObjectRead, plan: RootPlan | None = None
    ) -> Tree | None:
        """Return one object with all below it; None if it does not exist or is not the reader's. Raises InvalidToken."""
        plan, pages = plan or await self._plan_in_transaction(transaction, read), read.view.pages
        values = self.bind_values(principal, read)
        rows = await transaction.fetch_all(plan.level.statement, values)
        if plan.single:
            return build_result(plan, rows, principal, pages)
        tree, bags = _build_root(plan, rows, principal, pages)
        await self._fill_lists(transaction, plan.level, bags, values, pages, rows)
        return tree

    async def read_all(self, transaction: Transaction, reads: Sequence[tuple[Principal, ObjectRead]]) -> list[Tree | None]:
        """Return the objects of several reads; reads of one plan without lists run together. Raises InvalidToken."""
        plans = [await self._plan_in_transaction(transaction, read) for _, read in reads]
        if len(reads) > 1 and all(plan is plans[0] for plan in plans) and not plans[0].level.lists:
            rows = await transaction.fetch_many(plans[0].level.statement, [self.bind_values(*read) for read in reads])
            if len(rows) == len(reads):  # else a token is revoked, and its own read raises
                return [
                    build_result(plans[0], [row], principal, read.view.pages)
                    for row, (principal, read) in zip(rows, reads, strict=True)
                ]
        return [await self.read(transaction, *read, plan) for read, plan in zip(reads, plans, strict=True)]

    async def _plan_in_transaction(self, transaction: Transaction, read: ObjectRead) -> RootPlan:
        """Return the plan of a read inside a write's transaction. Raises TakesLong."""
        plan = self.find_plan(read)
        if plan is None:
            many = sum(count_conditions(page.conditions) for page in read.view.pages) > MANY_CONDITIONS
            if many:
                transaction.require_thread()
            plan = await asyncio.to_thread(self.plan, read) if many and self._shares_event_loop else self.plan(read)
        if plan.scans:
            transaction.require_thread()
        return plan

    def find_plan(self, read: ObjectRead) -> RootPlan | None:
        """Return the plan of a read if it is cached."""
        kept = self._plans.get(id(read.view.selection))
        return kept[1].get(self._key(read)) if kept else None

    def _key(self, read: ObjectRead) -> _Key:
        return condition_names(read.conditions), tuple([build_shape(page, self._dialect) for page in read.view.pages])

    def plan(self, read: ObjectRead) -> RootPlan:
        """Return the plan of a read with compiled statements; one with unusually many conditions is not cached."""
        selection, key = read.view.selection, self._key(read)
        kept = self._plans.get(id(selection))
        plans = kept[1] if kept else self._start_plans(selection)
        plan = plans.get(key)
        if plan is None:
            counts = [count_names(shape.conditions) for shape in key[1]]
            is_kept = max(counts, default=0) <= MAX_KEPT_CONDITIONS and sum(counts) <= MAX_KEPT_CONDITIONS_TOGETHER
            plan = compile_root(self._dialect, self._catalogue, selection, *key, is_kept=is_kept)
            if is_kept:
                plans.put(key, plan, plan.weight + NAME_BYTES * (sum(counts) + len(counts)))
        return plan

    def _start_plans(self, selection: Selection) -> BoundedCache[_Key, RootPlan]:
        """Create the cache of a selection's plans, dropped with the selection.

        A lookup in a WeakKeyDictionary takes ten times as long.
        """
        name, plans = id(selection), BoundedCache[_Key, RootPlan]("plans")
        self._plans[name] = ref(selection, lambda gone: self._plans.pop(name, None)), plans
        return plans

    def bind_values(self, principal: Principal, read: ObjectRead) -> dict[str, Any]:
        """Return the values that a read's statements are run with."""
        values: dict[str, Any] = {"organization": principal.organization_id, "token": principal.token_id}
        if read.conditions:
            self._bind(values, "r", read.conditions)
        for slot, page in enumerate(read.view.pages):
            values[f"s{slot}_limit"] = page.size + 1
            if page.after:
                values[f"s{slot}_after_key"], values[f"s{slot}_after_tie"] = fit_key(page.after), page.after.id
            if page.before:
                values[f"s{slot}_before_key"], values[f"s{slot}_before_tie"] = fit_key(page.before), page.before.id
            if page.conditions:
                self._bind(values, f"s{slot}_c", page.conditions)
            if page.names:
                self._bind(values, f"s{slot}_n", page.names)
        return values

    def _bind(self, values: dict[str, Any], prefix: str, conditions: Conditions) -> None:
        for index, (_, value) in enumerate(list_leaves(conditions)):
            if isinstance(value, list):
                values[f"{prefix}{index}"] = self._dialect.list_value(value)
            elif isinstance(value, tuple):
                values |= {f"{prefix}{index}_{number}": item for number, item in enumerate(value)}
            else:
                values[f"{prefix}{index}"] = value

    async def _fill_lists(
        self,
        transaction: Transaction,
        level: Level,
        bags: list[Bag],
        values: dict[str, Any],
        pages: Sequence[PageRequest],
        rows: list[Row],
    ) -> None:
        """Run the statement of each list that has objects, then of the lists below; `rows` are the level's own."""
        for plan, bag in zip(level.lists, bags, strict=True):
            if not bag:
                continue
            below: list[Bag] = [[] for _ in plan.level.lists]
            groups = (
                _extract_joined_rows(plan, bag, rows)
                if plan.joined
                else await self._fetch_groups(transaction, plan, bag, values)
            )
            size = pages[plan.slot].size
            if self._shares_event_loop and len(bag) * size > LARGE_READ_ROWS:
                await asyncio.to_thread(plan.put, bag, groups, size, below)
            else:
                plan.put(bag, groups, size, below)
            if below:
                await self._fill_lists(transaction, plan.level, below, values, pages, [])

    async def _fetch_groups(
        self, transaction: Transaction, plan: ListPlan, bag: Bag, values: dict[str, Any]
    ) -> dict[Any, list[Row]]:
        """Run a list's statement and return its rows by the parent's key, in order."""
        if plan.parent is None:
            values["parent"] = bag[0][0]
            return {bag[0][0]: await transaction.fetch_all(plan.level.statement, values)}
        groups: dict[Any, list[Row]] = {key: [] for key, _, _ in bag}
        values["parents"] = self._dialect.list_value(list(groups))
        parent = plan.parent
        for row in await transaction.fetch_all(plan.level.statement, values):
            groups[row[parent]].append(row)
        _sort_rows(plan, groups.values())
        return groups


def _build_root(
    plan: RootPlan, rows: list[Row], principal: Principal, pages: Sequence[PageRequest]
) -> tuple[Tree | None, list[Bag]]:
    """Return the root's object and the bags of its lists. Raises InvalidToken, PagesRefused."""
    if not rows:
        raise InvalidToken
    bags: list[Bag] = [[] for _ in plan.level.lists]
    if rows[0][plan.present] is None:
        return None, bags
    if plan.checks:
        _require_names(plan, rows[0], principal, pages)
    return plan.build(rows[0], bags), bags


def _require_names(plan: RootPlan, row: Row, principal: Principal, pages: Sequence[PageRequest]) -> None:
    """Check the names in pages. Raises PagesRefused for unknown names."""
    refusals: dict[int, DomainError] = {}
    for index, slot, number in plan.checks:
        if row[index] is not None and slot not in refusals:
            refusals[slot] = describe_failure(pages[slot].names[number], row[index], principal.organization_slug)
    if refusals:
        raise PagesRefused(refusals)


def build_result(plan: RootPlan, rows: list[Row], principal: Principal, pages: Sequence[PageRequest]) -> Tree | None:
    """Return the object of a read that is a single statement. Raises InvalidToken, PagesRefused."""
    tree, bags = _build_root(plan, rows, principal, pages)
    if not bags:
        return tree
    for list_plan, bag in zip(plan.level.lists, bags, strict=True):
        if bag:
            list_plan.put(bag, _extract_joined_rows(list_plan, bag, rows), pages[list_plan.slot].size, [])
    return tree


def _extract_joined_rows(plan: ListPlan, bag: Bag, rows: list[Row]) -> dict[Any, list[Row]]:
    """Return a list's rows from those of its parent's statement, where an empty list is one row with NULLs."""
    assert plan.joined
    start, marker = plan.joined
    joined: list[Row] = []
    if rows[0][marker] is not None:
        joined = [row[start:] for row in rows] if start else rows
        _sort_rows(plan, [joined])
    return {bag[0][0]: joined}


def _sort_rows(plan: ListPlan, lists: Iterable[list[Row]]) -> None:
    """Sort the rows of each parent, unless SQL has."""
    if plan.sort:
        order = itemgetter(*plan.sort)
        for rows in lists:
            if len(rows) > 1:
                rows.sort(key=order, reverse=plan.descending)


def is_large(plan: RootPlan, pages: Sequence[PageRequest]) -> bool:
    """Return whether a read may fetch so many rows that it must not run on the event loop."""
    return (
        plan.level.whole
        or plan.level.is_long
        or (bool(plan.level.lists) and _estimate_rows(plan.level, pages) > LARGE_READ_ROWS)
    )


def _estimate_rows(level: Level, pages: Sequence[PageRequest]) -> int:
    """Return the maximum number of rows that a level's lists fetch for one object."""
    sizes = [ASSUMED_LIST_ROWS if (size := pages[plan.slot].size) == WHOLE_LIST_SIZE else size for plan in level.lists]
    return sum(size * (1 + _estimate_rows(plan.level, pages)) for size, plan in zip(sizes, level.lists, strict=True))
