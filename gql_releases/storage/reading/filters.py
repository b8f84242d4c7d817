"""What lists can be filtered by: each filter a condition on rows, with one bound value (or several, if it is a tuple).

Every filter is true or false and never NULL, so that `not` means what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, bindparam, exists, false, func, select, tuple_

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema import tables
from gql_releases.storage.schema.tables import table

Filter = Callable[[FromClause, str, Dialect], ColumnElement[bool]]
"""(alias of the rows, name of the bound value, dialect) -> the condition."""

Compare = Callable[[Any, Any], ColumnElement[bool]]


def bound(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Bind a value of a column's type."""
    return bindparam(name, type_=column.type)


def compared(column: str, compare: Compare) -> Filter:
    """The column compares with the value; where it is NULL it does not."""

    def compare_with(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        found = compare(rows.c[column], bound(rows.c[column], name))
        return and_(rows.c[column].is_not(None), found) if rows.c[column].nullable else found

    return compare_with


def equals(column: str) -> Filter:
    """The column has the value."""
    return compared(column, eq)


def among(column: str) -> Filter:
    """The column has one of the values of a list."""
    return lambda rows, name, dialect: dialect.among(rows.c[column], name)


def given(column: str, *, wanted: bool) -> Filter:
    """The column has a value at all, or none."""
    return lambda rows, name, dialect: rows.c[column].is_not(None) if wanted else rows.c[column].is_(None)


def _there(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """All conditions on a column hold, and none does where it is NULL."""
    return and_(*([column.is_not(None)] if getattr(column, "nullable", True) else []), *conditions)


def starts_with(column: str) -> Filter:
    """The column begins with the value."""

    def begin(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        text = rows.c[column]
        prefix = bound(text, name)
        return _there(text, text >= prefix, func.substr(text, 1, func.length(prefix)) == prefix)

    return begin


def ends_with(column: str) -> Filter:
    """The column ends with the value."""

    def end(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        text = rows.c[column]
        suffix = bound(text, name)
        begin = func.length(text) - func.length(suffix) + 1
        return _there(text, begin > 0, func.substr(text, begin) == suffix)

    return end


def has(column: str) -> Filter:
    """The value stands somewhere in the column, in the same case."""
    return lambda rows, name, dialect: _there(rows.c[column], dialect.contains(rows.c[column], bound(rows.c[column], name)))


def _patterns(column: str) -> dict[str, Filter]:
    """Give the filters of a text: what it is, begins with, ends with, has in it."""
    return {
        column: equals(column),
        f"{column}_starts_with": starts_with(column),
        f"{column}_ends_with": ends_with(column),
        f"{column}_has": has(column),
    }


def _build(compare: Compare) -> Filter:
    """The release has a build number, and it compares with the value."""

    def compare_with(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        number = rows.c.build_number
        return and_(number >= 0, compare(number, bound(number, name)))

    return compare_with


def _version_contains(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    # Scans the organization's releases. The value is folded; a folded version is stored where it is not ASCII alone.
    parts = dialect.list_items(name, rows.c.version.type)
    version = func.coalesce(rows.c.folded_version, dialect.folded(rows.c.version))
    return exists(select(parts.c.value).where(dialect.contains(version, parts.c.value)))


def nothing(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """No row is meant."""
    return false()


def own_token(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The token is the reader's: it sees the token that it came with, and no other."""
    return and_(rows.c.id == bound(rows.c.id, name), rows.c.id == bindparam("token", type_=Id))


def own_tokens(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The same for a list of ids."""
    return and_(among("id")(rows, name, dialect), rows.c.id == bindparam("token", type_=Id))


def _linked(rows: FromClause, *more: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    links = table(tables.ReleaseProjectRow).alias()
    same = [links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id]
    return exists(select(links.c.project_id).where(*same, *(condition(links) for condition in more)))


def _has_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return _linked(rows)


def _on_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return _linked(rows, lambda links: links.c.project_id == project_id(name))


def _on_projects(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    return _linked(rows, lambda links: dialect.among(links.c.project_id, name))


def project_id(name: str) -> ColumnElement[int]:
    """Find the reader's project of a bound slug: once for a statement, so that what is the project's is found by index."""
    projects = table(tables.ProjectRow).alias()
    of_slug = [own(projects), projects.c.slug == bound(projects.c.slug, name)]
    return select(projects.c.id).where(*of_slug).scalar_subquery()


def by_project(links: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The link is the project's."""
    return links.c.project_id == project_id(name)


def own(rows: FromClause) -> ColumnElement[bool]:
    """The rows are of the reader's organization. Deep in a statement, where rows outside cannot be seen."""
    return rows.c.organization_id == bindparam("organization", type_=Id)


def _environment_id(name: str) -> ColumnElement[int]:
    """Give the SQL of the key of the organization's environment whose name is bound."""
    environments = table(tables.EnvironmentRow).alias()
    named = [own(environments), environments.c.name == bound(environments.c.name, name)]
    return select(environments.c.id).where(*named).scalar_subquery()


def _deploys_for(name: str) -> tuple[FromClause, Select[Any]]:
    """Give deploys, and the select of those for a project whose id is bound."""
    deploys, projects = table(tables.DeployRow).alias(), table(tables.DeployProjectRow).alias()
    of_deploy = and_(projects.c.organization_id == deploys.c.organization_id, projects.c.deploy_id == deploys.c.id)
    found = select(deploys.c.id).join_from(deploys, projects, of_deploy)
    return deploys, found.where(projects.c.project_id == bound(projects.c.project_id, name))


def _in_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    deploys = table(tables.DeployRow).alias()
    same = [deploys.c.organization_id == rows.c.organization_id, deploys.c.release_id == rows.c.id]
    return exists(select(deploys.c.id).where(*same, deploys.c.environment_id == _environment_id(name)))


def _deployed(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The release was deployed to an environment for a project; the value is (environment's name, project's id)."""
    deploys, found = _deploys_for(f"{name}_1")
    same = [deploys.c.organization_id == rows.c.organization_id, deploys.c.release_id == rows.c.id]
    return exists(found.where(*same, deploys.c.environment_id == _environment_id(f"{name}_0")))


def _latest(rows: FromClause, dialect: Dialect, name: str | None) -> ColumnElement[bool]:
    """The release is the newest of one of the organization's projects, by the date that it is shown under."""
    projects, links = table(tables.ProjectRow).alias(), table(tables.ReleaseProjectRow).alias()
    newest = (
        select(links.c.release_id)
        .where(links.c.organization_id == projects.c.organization_id, links.c.project_id == projects.c.id)
        .order_by(links.c.date_shown.desc(), links.c.release_id.desc())
        .limit(1)
        .correlate(projects)
        .scalar_subquery()
    )
    wanted = [own(projects), newest.is_not(None)]
    if name:
        wanted.append(among("id")(projects, name, dialect))
    return rows.c.id.in_(select(newest).select_from(projects).where(*wanted))


def named_deploy(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The deploy has an external id in a project; the value is (the project's slug, the external id)."""
    links = table(tables.DeployProjectRow).alias()
    same = [links.c.project_id == project_id(f"{name}_0"), links.c.external_id == bound(links.c.external_id, f"{name}_1")]
    return rows.c.id.in_(select(links.c.deploy_id).where(own(links), *same))


def last_deploy(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The deploy is finished, and the last finished of its release in its environment for one of its projects."""
    return _last_deploy(rows)


def last_deploy_of(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The same for one of the projects of a list."""
    return _last_deploy(rows, lambda own: own.c.project_id.in_(select(dialect.list_items(name, Id).c.value)))


def _last_deploy(rows: FromClause, *more: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    own, others = table(tables.DeployProjectRow).alias(), table(tables.DeployProjectRow).alias()
    later = table(tables.DeployRow).alias()
    after = exists(
        select(later.c.id)
        .join_from(
            later, others, and_(others.c.organization_id == later.c.organization_id, others.c.deploy_id == later.c.id)
        )
        .where(
            later.c.organization_id == rows.c.organization_id,
            later.c.release_id == rows.c.release_id,
            later.c.environment_id == rows.c.environment_id,
            later.c.date_finished.is_not(None),
            tuple_(later.c.finish_order, later.c.id) > tuple_(rows.c.finish_order, rows.c.id),
            others.c.project_id == own.c.project_id,
        )
        .correlate(rows, own)
    )
    same = [own.c.organization_id == rows.c.organization_id, own.c.deploy_id == rows.c.id]
    found = select(own.c.project_id).where(*same, *(condition(own) for condition in more), ~after)
    return and_(rows.c.date_finished.is_not(None), exists(found))


def environment_of(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Something of a project, named by its id, was deployed to the environment."""
    deploys, found = _deploys_for(name)
    same = [deploys.c.organization_id == rows.c.organization_id, deploys.c.environment_id == rows.c.id]
    return exists(found.where(*same))


def _with_author(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    links, authors = table(tables.ReleaseAuthorRow).alias(), table(tables.CommitAuthorRow).alias()
    named = [own(authors), authors.c.email == bound(authors.c.email, name)]
    wanted = select(authors.c.id).where(*named).scalar_subquery()
    same = [links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id]
    return exists(select(links.c.author_id).where(*same, links.c.author_id == wanted))


def _of_commits(rows: FromClause, wanted: Any) -> ColumnElement[bool]:
    """The release is one of those that have one of the wanted commits: found from the commits, which are few."""
    links = table(tables.ReleaseCommitRow).alias()
    same = [own(links), links.c.commit_id.in_(wanted)]
    return rows.c.id.in_(select(links.c.release_id).where(*same))


def starting_with(sha: ColumnElement[str], name: str) -> list[ColumnElement[bool]]:
    """The sha begins with a bound one; the value is (prefix, its upper bound), between which an index finds it."""
    return [sha >= bound(sha, f"{name}_0"), sha < bound(sha, f"{name}_1")]


def _with_abbreviated_commit(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    commits = table(tables.CommitRow).alias()
    # The smallest is the whole sha, if there is such a one; that there is no other is a check of its own.
    first = select(func.min(commits.c.sha)).where(own(commits), *starting_with(commits.c.sha, name)).scalar_subquery()
    same = table(tables.CommitRow).alias()
    return _of_commits(rows, select(same.c.id).where(own(same), same.c.sha == first))


def _with_commit(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    commits = table(tables.CommitRow).alias()
    named = [own(commits), commits.c.sha == bound(commits.c.sha, name)]
    return _of_commits(rows, select(commits.c.id).where(*named))


def _with_path(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    changes = table(tables.FileChangeRow).alias()
    named = [own(changes), changes.c.path == bound(changes.c.path, name)]
    return _of_commits(rows, select(changes.c.commit_id).where(*named))


def between(links: FromClause, name: str) -> list[ColumnElement[bool]]:
    """The link's release comes after the base and not after the head; the value is (project, base, head)."""
    conditions = [links.c.project_id == project_id(f"{name}_0")]
    for number, compare in ((1, gt), (2, le)):
        place = tuple_(links.c.date_shown, links.c.release_id)
        conditions.append(compare(place, _place_of(links, f"{name}_0", f"{name}_{number}")))
    return conditions


def _place_of(links: FromClause, project: str, version: str) -> Any:
    """Give the place of a release of a bound version among its project's."""
    other, releases = table(tables.ReleaseProjectRow).alias(), table(tables.ReleaseRow).alias()
    named = [
        own(releases),
        releases.c.version == bound(releases.c.version, version),
        other.c.organization_id == releases.c.organization_id,
        other.c.release_id == releases.c.id,
        other.c.project_id == project_id(project),
    ]
    return select(other.c.date_shown, other.c.release_id).where(*named).scalar_subquery()


def _releases_between(name: str) -> Any:
    links = table(tables.ReleaseProjectRow).alias()
    return select(links.c.release_id).where(own(links), *between(links, name))


def release_between(column: str) -> Filter:
    """The release that the column names is one of those between a base and a head of a project."""
    return lambda rows, name, dialect: rows.c[column].in_(_releases_between(name))


def _commits_between(name: str) -> Any:
    links = table(tables.ReleaseCommitRow).alias()
    return select(links.c.commit_id).where(own(links), links.c.release_id.in_(_releases_between(name)))


def commit_between(column: str) -> Filter:
    """The commit that the column names is in one of the releases between a base and a head."""
    return lambda rows, name, dialect: rows.c[column].in_(_commits_between(name))


def author_between(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The author wrote a commit of one of the releases between a base and a head."""
    commits = table(tables.CommitRow).alias()
    wrote = select(commits.c.author_id).where(
        own(commits), commits.c.id.in_(_commits_between(name)), commits.c.author_id.is_not(None)
    )
    return rows.c.id.in_(wrote)


RELEASE_FILTERS: dict[str, Filter] = {
    "id": equals("id"),
    **_patterns("version"),
    "version_in": among("version"),
    "version_contains": _version_contains,
    **_patterns("package"),
    **_patterns("build_code"),
    "build_equals": _build(eq),
    "build_from": _build(ge),
    "build_above": _build(gt),
    "build_until": _build(le),
    "build_below": _build(lt),
    "semver_from": compared("semver_key", ge),
    "semver_above": compared("semver_key", gt),
    "semver_until": compared("semver_key", le),
    "semver_below": compared("semver_key", lt),
    "status": equals("status"),
    "released": given("date_released", wanted=True),
    "unreleased": given("date_released", wanted=False),
    "created_from": compared("date_created", ge),
    "created_before": compared("date_created", lt),
    "released_from": compared("date_released", ge),
    "released_before": compared("date_released", lt),
    "has_project": _has_project,
    "project": _on_project,
    "on_projects": _on_projects,
    "latest": lambda rows, name, dialect: _latest(rows, dialect, None),
    "latest_of": lambda rows, name, dialect: _latest(rows, dialect, name),
    "environment": _in_environment,
    "deployed": _deployed,
    "author": _with_author,
    "commit": _with_commit,
    "commit_prefix": _with_abbreviated_commit,
    "path": _with_path,
    "nothing": nothing,
}
"""What releases can be filtered by."""
