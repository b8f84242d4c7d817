"""The parts of an entity: its table, references, lists, filters and computed references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table

from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect

Filter = Callable[[FromClause, str, Dialect], ColumnElement[bool]]
"""(alias of the rows, name of the bound value, dialect) -> the condition."""

BuildKeyQuery = Callable[[FromClause, Mapping[str, str], Dialect], Select[Any]]
"""(alias of the object's rows, name of the bound value by argument, dialect) -> the select of one key."""

BuildColumn = Callable[[FromClause, Mapping[str, str], Dialect], ColumnElement[Any]]
"""(alias of the object's rows, name of the bound value by argument, dialect) -> an expression of the row."""

NameCheckQuery = Callable[[str, Dialect], ColumnElement[Any]]
"""(name of the bound value, dialect) -> the column, which is NULL where the name exists."""


@dataclass(frozen=True, slots=True)
class ToOne:
    """A reference: this entity's column that holds the key of a row of `target`."""

    column: str
    target: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """A list: rows of `table` whose `parent` column is the entity's key.

    `child`: the column with the target's key; None if `table` is the target's own. `orders`: columns of `table`, each made
    unique by `tie`. `dense`: the first order's column counts 0, 1, 2 ... within the parent. `count`: the entity's column
    that stores the list's length. `routes`: by filter, the list to start from instead. `checked`: columns whose index must
    not be used, because a filter that is always set selects few rows. `whole`: any page needs a scan of the whole list.
    `counted`: the column whose distinct values are counted. `exclusions`: filters that exclude few rows, so that the index
    of the order is the best with them, too. `key`: columns of `table` that identify a row of a target's own table.
    """

    target: str
    table: FromClause
    parent: str
    child: str | None
    orders: tuple[str, ...]
    tie: str
    default: Order
    dense: bool = False
    count: str | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    routes: Mapping[str, ToMany] = field(default_factory=dict)
    checked: tuple[str, ...] = ()
    whole: bool = False
    counted: str | None = None
    exclusions: frozenset[str] = frozenset()
    key: tuple[str, ...] = ("id",)


@dataclass(frozen=True, slots=True)
class ComputedReferenceQuery:
    """A reference with arguments: a query for the key of a row of `target`.

    `partition`: the column by which a partition of the target is found; the query selects it as well where there are
    partitions.
    """

    target: str
    find: BuildKeyQuery
    partition: str | None = None


@dataclass(frozen=True, slots=True)
class ComputedColumn:
    """An attribute that is computed from other rows, such as a sum.

    `scans`: any number of rows is read for one object.
    """

    build: BuildColumn
    nullable: bool = True
    scans: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A table whose columns are the attributes of its rows.

    `tenant` is the column with its organization, `key` the column that its lists refer to. `null_with`: column -> another
    that is NULL in the same rows. `never_null`: nullable columns that are not NULL in the entity's rows.
    """

    table: Table
    ones: Mapping[str, ToOne] = field(default_factory=dict)
    manys: Mapping[str, ToMany] = field(default_factory=dict)
    computed: Mapping[str, ComputedReferenceQuery] = field(default_factory=dict)
    columns: Mapping[str, ComputedColumn] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    tenant: str = "organization_id"
    key: str = "id"
    null_with: Mapping[str, str] = field(default_factory=dict)
    never_null: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entities by the names that selections use, and the checks of names by their kind."""

    entities: Mapping[str, Entity]
    name_checks: Mapping[str, NameCheckQuery]


def build_own_list(target: str, rows: Table, parent: str, order: str, *, descending: bool = False, **more: Any) -> ToMany:
    """Return a list of the target's own rows, in one order."""
    return ToMany(target, rows, parent, None, (order,), "id", Order(order, descending), **more)
