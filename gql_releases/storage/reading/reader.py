"""Runs reads: plans kept per selection and shape, levels one after another on one snapshot."""

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
from gql_releases.storage.reading.plan import Level, ListPlan, Shape, shape_of
from gql_releases.storage.reading.row_codegen import Bag, Tree
from gql_releases.storage.reading.scanning import MANY_CONDITIONS, count_names
from gql_releases.storage.schema.tables import metadata

USUAL_CONDITIONS = 20
"""Conditions of one list beyond which a plan is not kept: few requests have such, and hardly two the same."""
USUAL_CONDITIONS_TOGETHER = 100
"""The same of all lists of a read."""
NAME_BYTES = 100
"""What a condition or a page weighs in the key of a plan."""
LARGE_READ_ROWS = 2000
"""Rows from which on a read is better not run on the event loop (about 3 ms of SQLite)."""
ASSUMED_LIST_ROWS = 10
"""Rows that a list whose page is WHOLE is taken to have: the projects and authors of a release are such."""

_LARGEST_INTEGER = 2**31 - 1
"""The last value of an INTEGER of PostgreSQL, which takes no larger one, not even to compare it with."""
_NARROW = frozenset(
    column.name
    for table in metadata.tables.values()
    for column in table.columns
    if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
)
"""Columns of that type, by which a list may be sorted."""


def fit_key(position: Position) -> str | int:
    """Return the key of a cursor, one beyond the range of its column as the end of that range: no row lies between."""
    key = position.key
    if position.field in _NARROW and isinstance(key, int):
        return max(min(key, _LARGEST_INTEGER), -_LARGEST_INTEGER)
    return key


_Key = tuple[Names, tuple[Shape, ...]]


class Reader:
    """Reads for one database, from any thread: two that plan the same at once make the same plan."""

    def __init__(self, dialect: Dialect, catalogue: Catalogue) -> None:
        self._dialect, self._catalogue = dialect, catalogue
        self._in_turns = dialect.has_network_latency
        """Whether reads of the database share the event loop; SQLite's that take long are in threads as a whole."""
        self._plans: dict[int, tuple[ref[Selection], BoundedCache[_Key, RootPlan]]] = {}  # by the selection's id

    async def read(
        self, transaction: Transaction, principal: Principal, read: ObjectRead, plan: RootPlan | None = None
    ) -> Tree | None:
        """Read one object with all below it; None when it is not there, or not the reader's. Raises InvalidToken."""
        plan, pages = plan or await self._plan_within(transaction, read), read.view.pages
        values = self.values(principal, read)
        rows = await transaction.fetch_all(plan.level.statement, values)
        if plan.single:
            return build_result(plan, rows, principal, pages)
        tree, bags = _root(plan, rows, principal, pages)
        await self._fill(transaction, plan.level, bags, values, pages, rows)
        return tree

    async def read_all(self, transaction: Transaction, reads: Sequence[tuple[Principal, ObjectRead]]) -> list[Tree | None]:
        """Do several reads. Those of one plan that has a row for each are sent at once. Raises InvalidToken."""
        plans = [await self._plan_within(transaction, read) for _, read in reads]
        if len(reads) > 1 and all(plan is plans[0] for plan in plans) and not plans[0].level.lists:
            rows = await transaction.fetch_many(plans[0].level.statement, [self.values(*one) for one in reads])
            if len(rows) == len(reads):  # else one of the tokens is dead: each finds out for itself
                return [
                    build_result(plans[0], [row], who, read.view.pages) for row, (who, read) in zip(rows, reads, strict=True)
                ]
        return [await self.read(transaction, *one, plan) for one, plan in zip(reads, plans, strict=True)]

    async def _plan_within(self, transaction: Transaction, read: ObjectRead) -> RootPlan:
        """Return the plan of a read within a transaction, as a write shows what it has made. Raises TakesLong."""
        plan = self.kept_plan(read)
        if plan is None:
            many = sum(count_conditions(page.conditions) for page in read.view.pages) > MANY_CONDITIONS
            if many:
                transaction.require_thread()
            plan = await asyncio.to_thread(self.plan, read) if many and self._in_turns else self.plan(read)
        if plan.scans:
            transaction.require_thread()
        return plan

    def kept_plan(self, read: ObjectRead) -> RootPlan | None:
        """Return the plan of a read if it is kept."""
        kept = self._plans.get(id(read.view.selection))
        return kept[1].get(self._key(read)) if kept else None

    def _key(self, read: ObjectRead) -> _Key:
        return condition_names(read.conditions), tuple([shape_of(page, self._dialect) for page in read.view.pages])

    def plan(self, read: ObjectRead) -> RootPlan:
        """Return the plan of a read, with its statements compiled; one of unusually many conditions is not kept."""
        selection, key = read.view.selection, self._key(read)
        kept = self._plans.get(id(selection))
        plans = kept[1] if kept else self._plans_of(selection)
        plan = plans.get(key)
        if plan is None:
            counts = [count_names(shape.conditions) for shape in key[1]]
            is_kept = max(counts, default=0) <= USUAL_CONDITIONS and sum(counts) <= USUAL_CONDITIONS_TOGETHER
            plan = compile_root(self._dialect, self._catalogue, selection, *key, is_kept=is_kept)
            if is_kept:
                plans.put(key, plan, plan.weight + NAME_BYTES * (sum(counts) + len(counts)))
        return plan

    def _plans_of(self, selection: Selection) -> BoundedCache[_Key, RootPlan]:
        """Begin to keep a selection's plans, until it is gone. A WeakKeyDictionary takes ten times as long to look into."""
        name, plans = id(selection), BoundedCache[_Key, RootPlan]("plans")
        self._plans[name] = ref(selection, lambda gone: self._plans.pop(name, None)), plans
        return plans

    def values(self, principal: Principal, read: ObjectRead) -> dict[str, Any]:
        """Give the values that the statements of a read are run with."""
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
                values |= {f"{prefix}{index}_{number}": one for number, one in enumerate(value)}
            else:
                values[f"{prefix}{index}"] = value

    async def _fill(
        self,
        transaction: Transaction,
        level: Level,
        bags: list[Bag],
        values: dict[str, Any],
        pages: Sequence[PageRequest],
        rows: list[Row],
    ) -> None:
        """Run the statement of each list that objects wait for, then of the lists below; `rows` are the level's own."""
        for plan, bag in zip(level.lists, bags, strict=True):
            if not bag:
                continue
            below: list[Bag] = [[] for _ in plan.level.lists]
            groups = _joined(plan, bag, rows) if plan.joined else await self._groups(transaction, plan, bag, values)
            size = pages[plan.slot].size
            if self._in_turns and len(bag) * size > LARGE_READ_ROWS:
                await asyncio.to_thread(plan.put, bag, groups, size, below)
            else:
                plan.put(bag, groups, size, below)
            if below:
                await self._fill(transaction, plan.level, below, values, pages, [])

    async def _groups(
        self, transaction: Transaction, plan: ListPlan, bag: Bag, values: dict[str, Any]
    ) -> dict[Any, list[Row]]:
        """Run a list's statement and give its rows by the parent's key, in order."""
        if plan.parent is None:
            values["parent"] = bag[0][0]
            return {bag[0][0]: await transaction.fetch_all(plan.level.statement, values)}
        groups: dict[Any, list[Row]] = {key: [] for key, _, _ in bag}
        values["parents"] = self._dialect.list_value(list(groups))
        parent = plan.parent
        for row in await transaction.fetch_all(plan.level.statement, values):
            groups[row[parent]].append(row)
        _sort(plan, groups.values())
        return groups


def _root(
    plan: RootPlan, rows: list[Row], principal: Principal, pages: Sequence[PageRequest]
) -> tuple[Tree | None, list[Bag]]:
    """Make the root's object of its statement's rows, and the bags of its lists. Raises InvalidToken, PagesRefused."""
    if not rows:
        raise InvalidToken
    bags: list[Bag] = [[] for _ in plan.level.lists]
    if rows[0][plan.present] is None:
        return None, bags
    if plan.checks:
        _require_names(plan, rows[0], principal, pages)
    return plan.build(rows[0], bags), bags


def _require_names(plan: RootPlan, row: Row, principal: Principal, pages: Sequence[PageRequest]) -> None:
    """Refuse pages that name what is not there. Raises PagesRefused."""
    refusals: dict[int, DomainError] = {}
    for index, slot, number in plan.checks:
        if row[index] is not None and slot not in refusals:
            refusals[slot] = describe_failure(pages[slot].names[number], row[index], principal.organization_slug)
    if refusals:
        raise PagesRefused(refusals)


def build_result(plan: RootPlan, rows: list[Row], principal: Principal, pages: Sequence[PageRequest]) -> Tree | None:
    """Make the object of the rows of a read that is a single statement. Raises InvalidToken, PagesRefused."""
    tree, bags = _root(plan, rows, principal, pages)
    if not bags:
        return tree
    for one, bag in zip(plan.level.lists, bags, strict=True):
        if bag:
            one.put(bag, _joined(one, bag, rows), pages[one.slot].size, [])
    return tree


def _joined(plan: ListPlan, bag: Bag, rows: list[Row]) -> dict[Any, list[Row]]:
    """Take a list's rows out of those of its parent's statement; a parent with an empty list has one with NULLs."""
    assert plan.joined
    start, marker = plan.joined
    found: list[Row] = []
    if rows[0][marker] is not None:
        found = [row[start:] for row in rows] if start else rows
        _sort(plan, [found])
    return {bag[0][0]: found}


def _sort(plan: ListPlan, lists: Iterable[list[Row]]) -> None:
    """Put the rows of each parent in order, unless SQL has."""
    if plan.sort:
        order = itemgetter(*plan.sort)
        for rows in lists:
            if len(rows) > 1:
                rows.sort(key=order, reverse=plan.descending)


def is_large(plan: RootPlan, pages: Sequence[PageRequest]) -> bool:
    """Say whether a read may fetch so many rows that it would hold up whoever waits for the event loop."""
    return (
        plan.level.whole
        or plan.level.is_long
        or (bool(plan.level.lists) and _expected_rows(plan.level, pages) > LARGE_READ_ROWS)
    )


def _expected_rows(level: Level, pages: Sequence[PageRequest]) -> int:
    """Give the most rows that a level's lists can fetch for one object."""
    sizes = [ASSUMED_LIST_ROWS if (size := pages[plan.slot].size) == WHOLE_LIST_SIZE else size for plan in level.lists]
    return sum(size * (1 + _expected_rows(plan.level, pages)) for size, plan in zip(sizes, level.lists, strict=True))
