"""What a read is compiled into: levels, each a statement in the making and then made, and the lists that hang on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnClause, ColumnElement, FromClause, Select, and_

from gql_releases.domain.conditions import Names, condition_names
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.reading.aliases import Aliases
from gql_releases.storage.reading.entity import Catalogue, Entity
from gql_releases.storage.reading.row_codegen import Put, SourceBuilder

MAX_JOINS = 55
"""To-ones of one level, aliases included. Source: https://sqlite.org/limits.html, 64 tables in a join."""
LEVEL_BYTES = 4608
CHARACTER_BYTES = 12
"""What a level weighs, and a character of its SQL."""


class Shape(NamedTuple):
    """What of a page decides its statement; `limit` where the database plans by it."""

    limit: int | None
    order: Order | None
    backward: bool
    after: bool
    before: bool
    conditions: Names
    names: tuple[str, ...] = ()


def shape_of(page: PageRequest, dialect: Dialect) -> Shape:
    """Give the shape of a page.

    Where a limit is bound, PostgreSQL takes it for a tenth of all rows, finds every plan for it worse than one for the very
    number, and so plans each time anew, which takes as long as to read.
    """
    limit = page.size + 1 if dialect.has_network_latency else None
    names = condition_names(page.conditions) if page.conditions else ()
    kinds = tuple([check.kind for check in page.names]) if page.names else ()
    return Shape(limit, page.order, page.backward, page.after is not None, page.before is not None, names, kinds)


class JoinedList(NamedTuple):
    """A list that its parent's own statement brings: where its columns begin, and one that is NULL where it is empty."""

    start: int
    marker: int


@dataclass(slots=True)
class ListPlan:
    """A list of some objects: the statement over their keys, and how its rows become connections.

    `parent` is the index of the parent's key in a row, None where there is only one parent. Rows of one parent are put in
    order by the values at `sort`, unless SQL has sorted them.
    """

    slot: int
    level: Level
    put: Put
    parent: int | None
    sort: tuple[int, ...] = ()
    descending: bool = False
    joined: JoinedList | None = None


@dataclass(slots=True)
class Level:
    """A statement in the making, then made: its columns, its joins, and the lists that hang on its objects."""

    dialect: Dialect
    catalogue: Catalogue
    shapes: Sequence[Shape]
    source: Any
    code: SourceBuilder
    aliases: Aliases
    is_root: bool = False
    columns: list[ColumnElement[Any]] = field(default_factory=list)
    lists: list[ListPlan] = field(default_factory=list)
    has_rows: bool = False
    """Whether the rows of a list come with the root's: its statement has a row for each."""
    has_texts: bool = False
    """Whether the root's statement brings lists as text, which each of such rows would have."""
    finish: Callable[[Select[Any]], Select[Any]] = field(default_factory=lambda: _as_it_is)
    joins: int = 0
    """Objects that the statement's rows lead to, each by a join."""
    whole: bool = False
    """Whether one of the lists is looked at as a whole."""
    is_long: bool = False
    """Whether a statement of this level or below is not kept prepared on a connection."""
    statement: Statement = field(init=False)

    def join(self) -> None:
        """Count a join. Raises DomainError(INVALID_ARGUMENT) for more than a statement can have."""
        self.joins += 1
        require_joins(self.joins)

    def add(self, column: ColumnElement[Any]) -> int:
        """Add a column and give its index in the row; a column of a table that is there already is not read twice."""
        if isinstance(column, ColumnClause):
            for index, known in enumerate(self.columns):
                if known.element is column:
                    return index
        # Labelled, because two columns of one name would be one for SQLAlchemy.
        self.columns.append(column.label(f"c{len(self.columns)}"))
        return len(self.columns) - 1

    def settle(self, *, is_kept: bool) -> int:
        """Compile the statements of this level and all below, drop what they were made of, and return their bytes.

        Measured: a level takes 4.5 KB, of which the source of each of its functions is 0.5 KB, and 4 bytes for each
        character of its SQL; a connection to SQLite takes 11 more of these.
        """
        weight = LEVEL_BYTES
        if hasattr(self, "statement"):  # a list that comes with its parent's rows has none
            prepared = self.statement.compile_once(self.dialect, is_kept=is_kept)
            weight += CHARACTER_BYTES * len(prepared.sql)
            self.is_long = not prepared.is_kept
        self.source, self.columns, self.shapes, self.code, self.finish = None, [], (), SourceBuilder(), _as_it_is
        for below in self.lists:
            weight += below.level.settle(is_kept=is_kept)
            self.is_long |= below.level.is_long
        return weight


def require_joins(count: int) -> None:
    """Refuse more joins than a statement can have. Raises DomainError(INVALID_ARGUMENT)."""
    if count > MAX_JOINS:
        message = f"One object leads to more than {MAX_JOINS} others at once: ask for fewer of them."
        raise DomainError(ErrorCode.INVALID_ARGUMENT, message)


def _as_it_is(wanted: Select[Any]) -> Select[Any]:
    return wanted


def tenant_of(rows: FromClause) -> ColumnElement[Any]:
    """Give the column that says whose rows these are."""
    return rows.c.organization_id if "organization_id" in rows.c else rows.c.id


def follow(
    source: Any, target: Entity, rows: FromClause, key: ColumnElement[Any], aliases: Aliases
) -> tuple[Any, FromClause]:
    """Join to `source`, which has `rows`, the row of `target` that `key` refers to, and give both."""
    other = aliases.of(target.table)
    return source.outerjoin(other, and_(other.c[target.tenant] == tenant_of(rows), other.c.id == key)), other
