"""The plan of a read: levels, each a statement while and after it is built, and the lists of their objects."""

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
from gql_releases.storage.reading.row_codegen import PutLists, SourceBuilder

MAX_JOINS = 55
"""References of one level, aliases included. Source: https://sqlite.org/limits.html, 64 tables in a join."""
LEVEL_BYTES = 4608
CHARACTER_BYTES = 12
"""Memory of a level, and of a character of its SQL."""


class Shape(NamedTuple):
    """The properties of a page that its statement depends on; `limit` only if the database plans by it."""

    limit: int | None
    order: Order | None
    backward: bool
    after: bool
    before: bool
    conditions: Names
    names: tuple[str, ...] = ()


def build_shape(page: PageRequest, dialect: Dialect) -> Shape:
    """Return the shape of a page.

    PostgreSQL estimates a bound limit as a tenth of all rows, finds every generic plan worse than one for the actual number,
    and so plans each execution again, which takes as long as the read.
    """
    limit = page.size + 1 if dialect.has_network_latency else None
    names = condition_names(page.conditions) if page.conditions else ()
    kinds = tuple([check.kind for check in page.names]) if page.names else ()
    return Shape(limit, page.order, page.backward, page.after is not None, page.before is not None, names, kinds)


class JoinedList(NamedTuple):
    """A list in its parent's own statement: the index of its first column, and of one that is NULL if it is empty."""

    start: int
    marker: int


@dataclass(slots=True)
class ListPlan:
    """A list of some objects: the statement over their keys, and how its rows become connections.

    `parent` is the index of the parent's key in a row, None if there is only one parent. The rows of a parent are sorted by
    the values at `sort`, unless SQL has sorted them.
    """

    slot: int
    level: Level
    put: PutLists
    parent: int | None
    sort: tuple[int, ...] = ()
    descending: bool = False
    joined: JoinedList | None = None


@dataclass(slots=True)
class Level:
    """A statement while and after it is built: its columns, its joins, and the lists of its objects."""

    dialect: Dialect
    catalogue: Catalogue
    shapes: Sequence[Shape]
    source: Any
    code: SourceBuilder
    aliases: Aliases
    is_root: bool = False
    columns: list[ColumnElement[Any]] = field(default_factory=list)
    lists: list[ListPlan] = field(default_factory=list)
    computed: dict[tuple[FromClause, str, int | None], int] = field(default_factory=dict)
    """The indexes of computed columns, by rows, attribute and slot."""
    has_rows: bool = False
    """Whether a list is joined to the root: the statement returns a row for each of the list's rows."""
    has_texts: bool = False
    """Whether the root's statement returns lists as text, which each row of a joined list would repeat."""
    has_totals: bool = False
    """Whether the root's statement counts a list, which each row of a joined list would repeat."""
    finish: Callable[[Select[Any]], Select[Any]] = field(default_factory=lambda: _keep_statement)
    joins: int = 0
    """Joined references of the statement's rows."""
    whole: bool = False
    """Whether one of the lists is scanned as a whole."""
    is_long: bool = False
    """Whether a statement of this level or below is not kept prepared on a connection."""
    statement: Statement = field(init=False)

    def count_join(self) -> None:
        """Count a join. Raises DomainError(INVALID_ARGUMENT) for more joins than a statement can have."""
        self.joins += 1
        require_joins(self.joins)

    def add(self, column: ColumnElement[Any]) -> int:
        """Add a column and return its index in the row; a column of a table is added once."""
        if isinstance(column, ColumnClause):
            for index, existing in enumerate(self.columns):
                if existing.element is column:
                    return index
        # Labelled, because SQLAlchemy merges two columns of one name.
        self.columns.append(column.label(f"c{len(self.columns)}"))
        return len(self.columns) - 1

    def add_computed(
        self, rows: FromClause, attribute: str, slot: int | None, build: Callable[[], ColumnElement[Any]]
    ) -> int:
        """Add a computed column and return its index in the row; each is added once."""
        index = self.computed.get((rows, attribute, slot))
        if index is None:
            index = self.computed[rows, attribute, slot] = self.add(build())
        return index

    def compile_statements(self, *, is_kept: bool) -> int:
        """Compile the statements of this level and all below, drop their constructs, and return their size in bytes.

        Measured: a level takes 4.5 KB, of which the source of each of its functions is 0.5 KB, and 4 bytes for each
        character of its SQL; a connection to SQLite takes 11 more bytes a character.
        """
        weight = LEVEL_BYTES
        if hasattr(self, "statement"):  # a list joined to its parent has none
            prepared = self.statement.compile_once(self.dialect, is_kept=is_kept)
            weight += CHARACTER_BYTES * len(prepared.sql)
            self.is_long = not prepared.is_kept
        self.source, self.columns, self.shapes, self.code, self.finish = None, [], (), SourceBuilder(), _keep_statement
        self.computed = {}
        for below in self.lists:
            weight += below.level.compile_statements(is_kept=is_kept)
            self.is_long |= below.level.is_long
        return weight


def require_joins(count: int) -> None:
    """Check the number of joins. Raises DomainError(INVALID_ARGUMENT) for more than a statement can have."""
    if count > MAX_JOINS:
        message = f"One object leads to more than {MAX_JOINS} others at once: ask for fewer of them."
        raise DomainError(ErrorCode.INVALID_ARGUMENT, message)


def _keep_statement(statement: Select[Any]) -> Select[Any]:
    return statement


def get_tenant_column(rows: FromClause) -> ColumnElement[Any]:
    """Return the column with the organization of these rows."""
    return rows.c.organization_id if "organization_id" in rows.c else rows.c.id


def join_reference(
    source: Any, target: Entity, rows: FromClause, key: ColumnElement[Any], aliases: Aliases
) -> tuple[Any, FromClause]:
    """Join the row of `target` that `key` refers to to `source`, which contains `rows`; return the join and its alias."""
    other = aliases.take(target.table)
    return source.outerjoin(other, and_(other.c[target.tenant] == get_tenant_column(rows), other.c.id == key)), other
