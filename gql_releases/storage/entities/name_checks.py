"""Checks of names as columns of a read's own statement: NULL where the name exists, else what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from operator import gt
from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, and_, case, exists, func, null, select, tuple_

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import in_own_organization, prefix_conditions, project_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import NameCheckQuery
from gql_releases.storage.reading.filters import bind_value
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow


def select_first_missing(row: Any, column: str) -> NameCheckQuery:
    """Make the check that all names of a list are those of some row: the column is the first that is not."""

    def build(bind: str, dialect: Dialect) -> ColumnElement[Any]:
        names, rows = dialect.list_items(bind, String()), get_alias(row, "first_missing rows")
        named = select(rows.c.id).where(in_own_organization(rows), rows.c[column] == names.c.value)
        return select(names.c.value).where(~exists(named.correlate(names))).limit(1).scalar_subquery()

    return build


def _select_links(bind: str, number: int) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Return links of projects to releases, and the conditions for that of a bound version to the bound project."""
    links = get_alias(ReleaseProjectRow, f"links_of links {number}")  # those of two releases stand side by side
    releases = get_alias(ReleaseRow, "select_links releases")
    version = bind_value(releases.c.version, f"{bind}_{number}")
    release = select(releases.c.id).where(in_own_organization(releases), releases.c.version == version).scalar_subquery()
    return links, [in_own_organization(links), links.c.project_id == project_id(f"{bind}_0"), links.c.release_id == release]


def _check_comparison(bind: str, dialect: Dialect) -> ColumnElement[Any]:
    """Check a comparison: that its project and both of its releases exist, and that the base is not the later one."""
    (base, of_base), (head, of_head) = _select_links(bind, 1), _select_links(bind, 2)
    later = gt(tuple_(base.c.date_shown, base.c.release_id), tuple_(head.c.date_shown, head.c.release_id))
    return case(
        (project_id(f"{bind}_0").is_(None), "project"),
        (~exists(select(base.c.release_id).where(*of_base)), "base"),
        (~exists(select(head.c.release_id).where(*of_head)), "head"),
        (exists(select(base.c.release_id).where(*of_base, *of_head, later)), "order"),
        else_=null(),
    )


def _check_commit(repository: bool) -> NameCheckQuery:
    """Make the check that an abbreviated sha is that of one commit at most, in all repositories or in a bound one."""

    def build(bind: str, dialect: Dialect) -> ColumnElement[Any]:
        commits = get_alias(CommitRow, "commit commits")
        within = [in_own_organization(commits)]
        if repository:
            repositories = get_alias(RepositoryRow, "commit repositories")
            named = select(repositories.c.id).where(
                in_own_organization(repositories), repositories.c.name == bind_value(repositories.c.name, f"{bind}_2")
            )
            within.append(commits.c.repository_id == named.scalar_subquery())
        first, last = (
            select(pick(commits.c.sha)).where(*within, *prefix_conditions(commits.c.sha, bind)).scalar_subquery()
            for pick in (func.min, func.max)
        )
        # The whole of a sha is no abbreviation, though others begin with it: it comes first in their order.
        return case((and_(first != last, first != bind_value(commits.c.sha, f"{bind}_0")), "ambiguous"), else_=null())

    return build


NAME_CHECKS: Mapping[str, NameCheckQuery] = {
    "project": select_first_missing(ProjectRow, "slug"),
    "environment": select_first_missing(EnvironmentRow, "name"),
    "repository": select_first_missing(RepositoryRow, "name"),
    "comparison": _check_comparison,
    "commit": _check_commit(repository=False),
    "commit_in": _check_commit(repository=True),
}
"""Kind of a NameCheck -> its column."""
