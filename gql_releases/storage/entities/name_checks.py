"""Checks of names as columns of a read's own statement: NULL if the name exists, else the kind of failure."""

from __future__ import annotations

from collections.abc import Mapping
from operator import gt
from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, and_, case, exists, func, null, select, tuple_

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import filter_by_prefix, filter_own_organization, select_project_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import NameCheckQuery
from gql_releases.storage.reading.filters import bind_value
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow


def check_all_exist(row: Any, column: str) -> NameCheckQuery:
    """Return the check that all names of a list exist: the column is the first missing name."""

    def build(bind: str, dialect: Dialect) -> ColumnElement[Any]:
        names, rows = dialect.list_items(bind, String()), get_alias(row, "first_missing rows")
        named = select(rows.c.id).where(filter_own_organization(rows), rows.c[column] == names.c.value)
        return select(names.c.value).where(~exists(named.correlate(names))).limit(1).scalar_subquery()

    return build


def _select_links(bind: str, number: int) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Return links of projects to releases, and the conditions for a bound version's link to the bound project."""
    links = get_alias(ReleaseProjectRow, f"links_of links {number}")  # two releases are joined in one statement
    releases = get_alias(ReleaseRow, "select_links releases")
    version = bind_value(releases.c.version, f"{bind}_{number}")
    release = select(releases.c.id).where(filter_own_organization(releases), releases.c.version == version).scalar_subquery()
    return links, [
        filter_own_organization(links),
        links.c.project_id == select_project_id(f"{bind}_0"),
        links.c.release_id == release,
    ]


def _check_comparison(bind: str, dialect: Dialect) -> ColumnElement[Any]:
    """Check that the project and both releases of a comparison exist, and that the base is not the later one."""
    (base, of_base), (head, of_head) = _select_links(bind, 1), _select_links(bind, 2)
    later = gt(tuple_(base.c.date_shown, base.c.release_id), tuple_(head.c.date_shown, head.c.release_id))
    return case(
        (select_project_id(f"{bind}_0").is_(None), "project"),
        (~exists(select(base.c.release_id).where(*of_base)), "base"),
        (~exists(select(head.c.release_id).where(*of_head)), "head"),
        (exists(select(base.c.release_id).where(*of_base, *of_head, later)), "order"),
        else_=null(),
    )


def _check_commit(repository: bool) -> NameCheckQuery:
    """Return the check that at most one commit has an abbreviated sha, in all repositories or in a bound one."""

    def build(bind: str, dialect: Dialect) -> ColumnElement[Any]:
        commits = get_alias(CommitRow, "commit commits")
        within = [filter_own_organization(commits)]
        if repository:
            repositories = get_alias(RepositoryRow, "commit repositories")
            named = select(repositories.c.id).where(
                filter_own_organization(repositories), repositories.c.name == bind_value(repositories.c.name, f"{bind}_2")
            )
            within.append(commits.c.repository_id == named.scalar_subquery())
        first, last = (
            select(pick(commits.c.sha)).where(*within, *filter_by_prefix(commits.c.sha, bind)).scalar_subquery()
            for pick in (func.min, func.max)
        )
        # A complete sha is no abbreviation, even if others begin with it: it sorts first.
        return case((and_(first != last, first != bind_value(commits.c.sha, f"{bind}_0")), "ambiguous"), else_=null())

    return build


NAME_CHECKS: Mapping[str, NameCheckQuery] = {
    "project": check_all_exist(ProjectRow, "slug"),
    "environment": check_all_exist(EnvironmentRow, "name"),
    "repository": check_all_exist(RepositoryRow, "name"),
    "introduced_in": check_all_exist(ReleaseRow, "version"),
    "seen_in": check_all_exist(ReleaseRow, "version"),
    "comparison": _check_comparison,
    "commit": _check_commit(repository=False),
    "commit_in": _check_commit(repository=True),
}
"""The column of a NameCheck by its kind."""
