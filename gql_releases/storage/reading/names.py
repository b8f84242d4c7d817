"""Checks of names as columns of a read's own statement: NULL where all is well, else what is wrong.

A statement evaluates such a column once, since no part of it depends on a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import gt
from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, and_, case, exists, func, null, select, tuple_

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.filters import bound, own, project_id, starting_with
from gql_releases.storage.schema import tables
from gql_releases.storage.schema.tables import table

Check = Callable[[str, Dialect], ColumnElement[Any]]
"""(name of the bound value, dialect) -> the column."""


def _first_missing(row: Any, column: str) -> Check:
    """Make the check that all names of a list are those of some row: the column is the first that is not."""

    def build(bind: str, dialect: Dialect) -> ColumnElement[Any]:
        names, rows = dialect.list_items(bind, String()), table(row).alias()
        named = select(rows.c.id).where(own(rows), rows.c[column] == names.c.value)
        return select(names.c.value).where(~exists(named.correlate(names))).limit(1).scalar_subquery()

    return build


def _links_of(bind: str, number: int) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Return links of projects to releases, and the conditions for that of a bound version to the bound project."""
    links, releases = table(tables.ReleaseProjectRow).alias(), table(tables.ReleaseRow).alias()
    version = bound(releases.c.version, f"{bind}_{number}")
    release = select(releases.c.id).where(own(releases), releases.c.version == version).scalar_subquery()
    return links, [own(links), links.c.project_id == project_id(f"{bind}_0"), links.c.release_id == release]


def _comparison(bind: str, dialect: Dialect) -> ColumnElement[Any]:
    """Check a comparison: that its project and both of its releases exist, and that the base is not the later one."""
    (base, of_base), (head, of_head) = _links_of(bind, 1), _links_of(bind, 2)
    later = gt(tuple_(base.c.date_shown, base.c.release_id), tuple_(head.c.date_shown, head.c.release_id))
    return case(
        (project_id(f"{bind}_0").is_(None), "project"),
        (~exists(select(base.c.release_id).where(*of_base)), "base"),
        (~exists(select(head.c.release_id).where(*of_head)), "head"),
        (exists(select(base.c.release_id).where(*of_base, *of_head, later)), "order"),
        else_=null(),
    )


def _commit(repository: bool) -> Check:
    """Make the check that an abbreviated sha is that of one commit at most, in all repositories or in a bound one."""

    def build(bind: str, dialect: Dialect) -> ColumnElement[Any]:
        commits = table(tables.CommitRow).alias()
        within = [own(commits)]
        if repository:
            repositories = table(tables.RepositoryRow).alias()
            named = select(repositories.c.id).where(
                own(repositories), repositories.c.name == bound(repositories.c.name, f"{bind}_2")
            )
            within.append(commits.c.repository_id == named.scalar_subquery())
        first, last = (
            select(pick(commits.c.sha)).where(*within, *starting_with(commits.c.sha, bind)).scalar_subquery()
            for pick in (func.min, func.max)
        )
        # The whole of a sha is no abbreviation, though others begin with it: it comes first in their order.
        return case((and_(first != last, first != bound(commits.c.sha, f"{bind}_0")), "ambiguous"), else_=null())

    return build


CHECKS: Mapping[str, Check] = {
    "project": _first_missing(tables.ProjectRow, "slug"),
    "environment": _first_missing(tables.EnvironmentRow, "name"),
    "repository": _first_missing(tables.RepositoryRow, "name"),
    "comparison": _comparison,
    "commit": _commit(repository=False),
    "commit_in": _commit(repository=True),
}
"""Kind of a NameCheck -> its column."""
