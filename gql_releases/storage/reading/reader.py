"""Runs reads: plans kept per selection and shape, levels one after another on one snapshot."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from weakref import WeakKeyDictionary

from gql_releases.domain.conditions import Conditions, Names, leaves, names_of
from gql_releases.domain.errors import InvalidToken
from gql_releases.domain.paging import PageRequest
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import Read, Selection
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.reading.assembling import Bag, Page, Tree
from gql_releases.storage.reading.compiling import Level, ListPlan, RootPlan, Shape, compile_root, shape_of
from gql_releases.storage.statements import Row, Transaction

PLANS_PER_SELECTION = 64
LARGE = 2000
"""Rows from which on a read is better not run on the event loop (about 3 ms of SQLite)."""

_Key = tuple[Names, tuple[Shape, ...]]


class Reader:
    """Reads for one database, from any thread: two that plan the same at once make the same plan."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._plans: WeakKeyDictionary[Selection, OrderedDict[_Key, RootPlan]] = WeakKeyDictionary()

    async def read(self, transaction: Transaction, principal: Principal, read: Read) -> Tree | None:
        """Read one object with all below it; None when it is not there, or not the reader's. Raises InvalidToken."""
        plan = self._plan(read)
        values = self._values(principal, read)
        row = await transaction.one(plan.level.statement, values)
        if row is None:
            raise InvalidToken
        if row[plan.present] is None:
            return None
        bags: list[Bag] = [[] for _ in plan.level.lists]
        tree = plan.build(row, bags)
        await self._fill(transaction, plan.level, bags, values, read.view.pages)
        return tree

    def weigh(self, read: Read) -> tuple[bool, bool]:
        """Say whether a read may fetch so many rows that it is large, and whether it is a single statement."""
        level = self._plan(read).level
        return bool(level.lists) and _expected_rows(level, read.view.pages) > LARGE, not level.lists

    def _plan(self, read: Read) -> RootPlan:
        view = read.view
        plans = self._plans.get(view.selection)
        if plans is None:
            plans = self._plans[view.selection] = OrderedDict()
        key = names_of(read.conditions), tuple([shape_of(page) for page in view.pages])
        plan = plans.get(key)
        if plan is None:
            plan = plans[key] = compile_root(self._dialect, view.selection, *key)
            if len(plans) > PLANS_PER_SELECTION:
                plans.popitem(last=False)
        return plan

    def _values(self, principal: Principal, read: Read) -> dict[str, Any]:
        values: dict[str, Any] = {"organization": principal.organization_id, "token": principal.token_id}
        self._bind(values, "r", read.conditions)
        for slot, page in enumerate(read.view.pages):
            values[f"s{slot}_limit"] = page.size + 1
            for side, place in (("after", page.after), ("before", page.before)):
                if place:
                    values[f"s{slot}_{side}_key"], values[f"s{slot}_{side}_tie"] = place.key, place.id
            if page.conditions:
                self._bind(values, f"s{slot}_c", page.conditions)
        return values

    def _bind(self, values: dict[str, Any], prefix: str, conditions: Conditions) -> None:
        for index, (_, value) in enumerate(leaves(conditions)):
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
        pages: tuple[PageRequest, ...],
    ) -> None:
        """Run the statement of each list that objects wait for, then of the lists below."""
        for plan, bag in zip(level.lists, bags, strict=True):
            if not bag:
                continue
            first = self._dialect.first_key
            numbers = {key: number for number, key in enumerate(dict.fromkeys([key for key, _, _ in bag]), first)}
            values["parents"] = self._dialect.list_value(list(numbers))
            groups: list[list[Row]] = [[] for _ in range(len(numbers) + first)]
            for row in await transaction.all(plan.level.statement, values):
                groups[row[plan.parent]].append(row)
            below: list[Bag] = [[] for _ in plan.level.lists]
            for key, tree, total in bag:
                page = _connection(plan, groups[numbers[key]], total, pages[plan.slot].size, below)
                tree[plan.name] = plan.finish(page) if plan.finish else page
            await self._fill(transaction, plan.level, below, values, pages)


def _connection(plan: ListPlan, rows: list[Row], total: Any, size: int, below: list[Bag]) -> Tree:
    more = len(rows) > size
    if more:
        rows = rows[:size]
    after, before = plan.bounded
    if plan.backward:
        page = Page(rows[::-1], before, more, total)
    else:
        page = Page(rows, more, after, total)
    return {name: part(page, below) for name, part in plan.parts}


def _expected_rows(level: Level, pages: tuple[PageRequest, ...]) -> int:
    """Give the most rows that a level's lists can fetch for one object."""
    return sum(pages[plan.slot].size * (1 + _expected_rows(plan.level, pages)) for plan in level.lists)
