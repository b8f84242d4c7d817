"""Aliases are created once and shared; no alias is used inside a subquery of itself."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Alias, FromClause, Select, select
from sqlalchemy.sql.visitors import iterate

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names
from gql_releases.domain.errors import DomainError
from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect, PostgresDialect, SqliteDialect
from gql_releases.storage.entities import CATALOGUE
from gql_releases.storage.entities.name_checks import NAME_CHECKS
from gql_releases.storage.entities.release import RELEASE_FILTERS
from gql_releases.storage.reading import compile
from gql_releases.storage.reading.aliases import MAX_SHARED_ALIASES, Aliases
from gql_releases.storage.reading.compile import compile_root
from gql_releases.storage.reading.plan import MAX_JOINS, Shape
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseRow

DIALECTS: list[Dialect] = [SqliteDialect(), PostgresDialect()]
CYCLES = 5_000
"""Objects in reference cycles that compiling each filter three times may leave: with copies of columns there were 10,000."""


def list_constructs() -> Iterator[tuple[str, FromClause, Any]]:
    """Yield each filter, name check, computed reference and computed column in a select, with the table that it reads."""
    for dialect in DIALECTS:
        for name, entity in CATALOGUE.entities.items():
            rows = entity.table.alias()
            for filter_name, build_filter in entity.filters.items():
                yield (
                    f"{name} {filter_name}",
                    rows,
                    select(rows.c.organization_id if name != "Organization" else rows.c.id).where(
                        build_filter(rows, "bound", dialect)
                    ),
                )
            for pick_name, pick in entity.computed.items():
                for binds in ({"project": "x"}, {"commit_prefix": "x", "repository": "y"}, {"environment": "x"}, {}):
                    with contextlib.suppress(KeyError, ValueError):  # computed references have different arguments
                        reference = pick.find(rows, binds, dialect).correlate(rows)
                        yield f"{name} {pick_name}", rows, select(reference.scalar_subquery())
            for column_name, computed in entity.columns.items():
                for binds in ({"project": "x", "environment": "y"}, {"hours": "x"}):
                    with contextlib.suppress(KeyError):
                        yield f"{name} {column_name}", rows, select(computed.build(rows, binds, dialect))
            for list_name, link in entity.manys.items():
                links = link.table.alias()
                for filter_name, build_filter in link.filters.items():
                    yield (
                        f"{name} {list_name} {filter_name}",
                        links,
                        select(links).where(build_filter(links, "bound", dialect)),
                    )
        for kind, check in NAME_CHECKS.items():
            yield f"check {kind}", table(ReleaseRow), select(check("bound", dialect))


def list_aliases(selected: Select[Any]) -> set[Any]:
    """Return the aliases in the FROM clause of a select."""
    return {alias for source in selected.get_final_froms() for alias in source._from_objects if isinstance(alias, Alias)}


def find_nested_aliases(construct: Any, rows: FromClause) -> Iterator[str]:
    """Yield the aliases of a select that a select inside it uses, too, without being correlated."""
    selects = [element for element in iterate(construct) if isinstance(element, Select)]
    for outer in selects:
        for inner in (element for element in iterate(outer) if isinstance(element, Select) and element is not outer):
            repeated = (list_aliases(outer) & list_aliases(inner)) - {rows} - set(inner._correlate or ())
            yield from (str(alias.name) for alias in repeated)


def test_no_alias_is_inside_a_subquery_of_itself() -> None:
    """Otherwise SQLAlchemy would correlate the inner select with the outer row."""
    constructs = list(list_constructs())
    assert len(constructs) > 100
    errors = {
        name: repeated for name, rows, construct in constructs if (repeated := [*find_nested_aliases(construct, rows)])
    }
    assert errors == {}


def test_a_read_gets_each_alias_once() -> None:
    """Aliases are shared between reads, not within a read."""
    releases, first, second = table(ReleaseRow), Aliases(), Aliases()
    first_aliases = [first.take(releases) for _ in range(MAX_SHARED_ALIASES + 5)]
    second_aliases = [second.take(releases) for _ in range(MAX_SHARED_ALIASES + 5)]
    assert len(set(first_aliases)) == len(first_aliases)
    assert len(set(first_aliases) & set(second_aliases)) == MAX_SHARED_ALIASES


def releases(*parts: s.Part) -> s.Selection:
    """Select releases of the organization."""
    return s.Selection("Organization", (s.ToManyField("r", "releases", "Release", 0, parts or (VERSIONS,), str),))


VERSIONS = s.Nodes("nodes", s.Selection("Release", (s.Value("version", "version"),)))


def build_shape(names: Names) -> Shape:
    return Shape(2, Order("date_created", descending=True), False, False, False, names)


@pytest.mark.parametrize("dialect", DIALECTS, ids=["sqlite", "postgresql"])
def test_conditions_leave_few_cycles(dialect: Dialect) -> None:
    """The garbage collector stops all threads: with copies of all columns a collection took tenths of a second."""
    shapes = [build_shape((("or", tuple(RELEASE_FILTERS) * 3),))]
    compile_root(dialect, CATALOGUE, releases(), (), shapes, is_kept=False)
    gc.collect()
    gc.disable()
    try:
        compile_root(dialect, CATALOGUE, releases(), (), shapes, is_kept=False)
        assert gc.collect() < CYCLES
    finally:
        gc.enable()


@pytest.mark.parametrize("inside", [False, True], ids=["of the root", "of a list"])
def test_too_many_joins_are_refused_before_anything_is_compiled(monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    """Compiling 55 joins before the 56th is refused took 0.1 s for each request."""
    commit = s.Selection("Commit", (s.Value("sha", "sha"),))
    commits = tuple([s.ToOneField(f"c{number}", "last_commit", commit) for number in range(MAX_JOINS + 1)])
    selection = releases(s.Nodes("nodes", s.Selection("Release", commits))) if inside else s.Selection("Release", commits)
    monkeypatch.setattr(compile, "compile_object", lambda *all: pytest.fail("compiled"))
    with pytest.raises(DomainError, match=f"more than {MAX_JOINS} others"):
        compile_root(DIALECTS[0], CATALOGUE, selection, (), [build_shape(())])
