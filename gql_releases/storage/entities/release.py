"""Releases: their entity, filters, computed references and derived lists."""

from __future__ import annotations

from collections.abc import Mapping
from operator import eq, ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, select, tuple_, union_all

from gql_releases.domain.paging import Order
from gql_releases.domain.release import RELEASE_FIELDS, Status
from gql_releases.storage.engine.dialects import Dialect, ParentsFirst
from gql_releases.storage.entities.artifact_bundle import select_version_artifacts
from gql_releases.storage.entities.shared import (
    NEWEST_FIRST,
    ORGANIZATION_REFERENCE,
    RELEASE_ORDERS,
    filter_between,
    filter_by_prefix,
    filter_by_project,
    filter_linked,
    filter_own_organization,
    select_deploys_for,
    select_environment_id,
    select_project_id,
)
from gql_releases.storage.entities.upstream import select_upstream
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import ComputedReferenceQuery, Entity, Filter, ToMany, ToOne, build_own_list
from gql_releases.storage.reading.filters import (
    Compare,
    bind_value,
    build_text_filters,
    compare_column,
    filter_among,
    filter_equals,
    filter_is_set,
    filter_nothing,
)
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow, HeadCommitRow
from gql_releases.storage.schema.tables.deploy import DeployRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseAuthorRow, ReleaseCommitRow, ReleaseProjectRow, ReleaseRow

release_commits, release_heads = table(ReleaseCommitRow), table(HeadCommitRow)
release_projects = table(ReleaseProjectRow)


def select_previous_release(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the release of a project before this one, by the date that it is shown under."""
    own = get_alias(ReleaseProjectRow, "select_previous_release own")
    other = get_alias(ReleaseProjectRow, "select_previous_release other")
    here = select(own.c.date_shown, own.c.release_id).where(
        own.c.organization_id == rows.c.organization_id,
        own.c.release_id == rows.c.id,
        own.c.project_id == select_project_id(binds["project"]),
    )
    return (
        select(other.c.release_id)
        .where(
            other.c.organization_id == rows.c.organization_id,
            other.c.project_id == select_project_id(binds["project"]),
            tuple_(other.c.date_shown, other.c.release_id) < here.correlate(rows).scalar_subquery(),
        )
        .order_by(other.c.date_shown.desc(), other.c.release_id.desc())
        .limit(1)
    )


def select_previous_with_commits(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the newest other release of the same project, with commits, not archived, and shown under no later date.

    With `projects`, only these of the release's projects count. In each project's list the first earlier release
    with commits is selected, and of these the newest.
    """
    own = get_alias(ReleaseProjectRow, "select_previous_with_commits own")
    other = get_alias(ReleaseProjectRow, "select_previous_with_commits other")
    releases = get_alias(ReleaseRow, "select_previous_with_commits releases")
    previous = get_alias(ReleaseRow, "select_previous_with_commits found")
    of_link = and_(releases.c.organization_id == other.c.organization_id, releases.c.id == other.c.release_id)
    of_project = (
        select(other.c.release_id)
        .join_from(other, releases, of_link)
        .where(
            other.c.organization_id == own.c.organization_id,
            other.c.project_id == own.c.project_id,
            other.c.date_shown <= own.c.date_shown,
            other.c.release_id != own.c.release_id,
            releases.c.last_commit_id.is_not(None),
            releases.c.status != Status.ARCHIVED,
        )
        .order_by(other.c.date_shown.desc(), other.c.release_id.desc())
        .limit(1)
        .correlate(own)
        .scalar_subquery()
    )
    same = and_(previous.c.organization_id == own.c.organization_id, previous.c.id == of_project)
    links = [own.c.organization_id == rows.c.organization_id, own.c.release_id == rows.c.id]
    if "projects" in binds:
        links.append(dialect.is_among(own.c.project_id, binds["projects"]))
    return (
        select(previous.c.id)
        .join_from(own, previous, same)
        .where(*links)
        .order_by(func.coalesce(previous.c.date_released, previous.c.date_created).desc(), previous.c.id.desc())
        .limit(1)
    )


def _match_commits(other: FromClause) -> Any:
    return and_(
        other.c.organization_id == release_commits.c.organization_id, other.c.commit_id == release_commits.c.commit_id
    )


def _join_commit() -> Any:
    commits = table(CommitRow)
    same = and_(commits.c.organization_id == release_commits.c.organization_id, commits.c.id == release_commits.c.commit_id)
    return commits, same


def select_shown_commits() -> FromClause:
    """Select a release's commits and, before them, the heads that are not among them, for a release with refs only."""
    listed = exists(
        select(release_commits.c.position).where(
            release_commits.c.organization_id == release_heads.c.organization_id,
            release_commits.c.release_id == release_heads.c.release_id,
            release_commits.c.commit_id == release_heads.c.commit_id,
        )
    )
    heads = select(
        release_heads.c.organization_id,
        release_heads.c.release_id,
        (-release_heads.c.id).label("position"),
        release_heads.c.commit_id,
    ).where(~listed)
    commits = select(
        release_commits.c.organization_id,
        release_commits.c.release_id,
        release_commits.c.position,
        release_commits.c.commit_id,
    )
    return union_all(commits, heads).subquery()


def select_release_file_changes() -> FromClause:
    """Select the file changes of a release's commits, a row for each commit and path."""
    changes, (commits, same) = table(FileChangeRow), _join_commit()
    return (
        select(
            release_commits.c.organization_id,
            release_commits.c.release_id,
            changes.c.id.label("change_id"),
            changes.c.path,
            commits.c.repository_id,
        )
        .select_from(ParentsFirst(ParentsFirst(release_commits, changes, _match_commits(changes)), commits, same))
        .subquery()
    )


def select_release_repositories() -> FromClause:
    """Select the distinct repositories of a release's commits."""
    commits, same = _join_commit()
    return (
        select(release_commits.c.organization_id, release_commits.c.release_id, commits.c.repository_id)
        .select_from(ParentsFirst(release_commits, commits, same))
        .distinct()
        .subquery()
    )


def _filter_build(compare: Compare) -> Filter:
    """Return the filter that compares the build number with the value; false without a build number."""

    def compare_with(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
        number = rows.c.build_number
        return and_(number >= 0, compare(number, bind_value(number, name)))

    return compare_with


def _filter_version_contains(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    # Scans the organization's releases. The value is folded; a folded version is stored if it is not ASCII only.
    parts = dialect.list_items(name, rows.c.version.type)
    version = func.coalesce(rows.c.folded_version, dialect.fold_case(rows.c.version))
    return exists(select(parts.c.value).where(dialect.contains(version, parts.c.value)))


def filter_has_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match releases that belong to a project."""
    return filter_linked(rows)


def filter_on_project(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match releases of the project with a bound slug."""
    return filter_linked(rows, lambda links: links.c.project_id == select_project_id(name))


def filter_on_projects(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match releases of one of the projects of a bound list of ids."""
    return filter_linked(rows, lambda links: dialect.is_among(links.c.project_id, name))


def _filter_in_environment(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    deploys = get_alias(DeployRow, "filter_in_environment deploys")
    same = [deploys.c.organization_id == rows.c.organization_id, deploys.c.release_id == rows.c.id]
    return exists(select(deploys.c.id).where(*same, deploys.c.environment_id == select_environment_id(name)))


def _filter_deployed(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match releases deployed to an environment for a project; the value is (environment's name, project's id)."""
    deploys, statement = select_deploys_for(f"{name}_1")
    same = [deploys.c.organization_id == rows.c.organization_id, deploys.c.release_id == rows.c.id]
    return exists(statement.where(*same, deploys.c.environment_id == select_environment_id(f"{name}_0")))


def filter_latest(rows: FromClause, dialect: Dialect, name: str | None) -> ColumnElement[bool]:
    """Match the newest release of each of the organization's projects, by the date that it is shown under."""
    projects = get_alias(ProjectRow, "filter_latest projects")
    links = get_alias(ReleaseProjectRow, "filter_latest links")
    newest = (
        select(links.c.release_id)
        .where(links.c.organization_id == projects.c.organization_id, links.c.project_id == projects.c.id)
        .order_by(links.c.date_shown.desc(), links.c.release_id.desc())
        .limit(1)
        .correlate(projects)
        .scalar_subquery()
    )
    conditions = [filter_own_organization(projects), newest.is_not(None)]
    if name:
        conditions.append(filter_among("id")(projects, name, dialect))
    return rows.c.id.in_(select(newest).select_from(projects).where(*conditions))


def _filter_author(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    links = get_alias(ReleaseAuthorRow, "filter_author links")
    authors = get_alias(CommitAuthorRow, "filter_author authors")
    named = [filter_own_organization(authors), authors.c.email == bind_value(authors.c.email, name)]
    author = select(authors.c.id).where(*named).scalar_subquery()
    same = [links.c.organization_id == rows.c.organization_id, links.c.release_id == rows.c.id]
    return exists(select(links.c.author_id).where(*same, links.c.author_id == author))


def _filter_commits(rows: FromClause, commits: Any) -> ColumnElement[bool]:
    """Match releases with one of some commits; starts from the commits, because few match."""
    links = get_alias(ReleaseCommitRow, "filter_commits links")
    same = [filter_own_organization(links), links.c.commit_id.in_(commits)]
    return rows.c.id.in_(select(links.c.release_id).where(*same))


def _filter_commit_prefix(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    commits = get_alias(CommitRow, "filter_commit_prefix commits")
    # The smallest is the complete sha, if that exists; a check of its own requires that no other matches.
    first = (
        select(func.min(commits.c.sha))
        .where(filter_own_organization(commits), *filter_by_prefix(commits.c.sha, name))
        .scalar_subquery()
    )
    same = get_alias(CommitRow, "filter_commit_prefix same")
    return _filter_commits(rows, select(same.c.id).where(filter_own_organization(same), same.c.sha == first))


def _filter_commit(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    commits = get_alias(CommitRow, "filter_commit commits")
    named = [filter_own_organization(commits), commits.c.sha == bind_value(commits.c.sha, name)]
    return _filter_commits(rows, select(commits.c.id).where(*named))


def _filter_path(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    changes = get_alias(FileChangeRow, "filter_path changes")
    named = [filter_own_organization(changes), changes.c.path == bind_value(changes.c.path, name)]
    return _filter_commits(rows, select(changes.c.commit_id).where(*named))


RELEASE_FILTERS: dict[str, Filter] = {
    "id": filter_equals("id"),
    **build_text_filters("version"),
    "version_in": filter_among("version"),
    "version_contains": _filter_version_contains,
    **build_text_filters("package"),
    **build_text_filters("build_code"),
    "build_equals": _filter_build(eq),
    "build_from": _filter_build(ge),
    "build_above": _filter_build(gt),
    "build_until": _filter_build(le),
    "build_below": _filter_build(lt),
    "semver_from": compare_column("semver_key", ge),
    "semver_above": compare_column("semver_key", gt),
    "semver_until": compare_column("semver_key", le),
    "semver_below": compare_column("semver_key", lt),
    **{field.name: filter_equals(field.column) for field in RELEASE_FIELDS if field.is_filter},
    "released": filter_is_set("date_released", is_set=True),
    "unreleased": filter_is_set("date_released", is_set=False),
    "created_from": compare_column("date_created", ge),
    "created_before": compare_column("date_created", lt),
    "released_from": compare_column("date_released", ge),
    "released_before": compare_column("date_released", lt),
    "has_project": filter_has_project,
    "project": filter_on_project,
    "on_projects": filter_on_projects,
    "latest": lambda rows, name, dialect: filter_latest(rows, dialect, None),
    "latest_of": lambda rows, name, dialect: filter_latest(rows, dialect, name),
    "environment": _filter_in_environment,
    "deployed": _filter_deployed,
    "author": _filter_author,
    "commit": _filter_commit,
    "commit_prefix": _filter_commit_prefix,
    "path": _filter_path,
    "nothing": filter_nothing,
}
"""The filters of releases by name."""

# Derived lists have the release as a condition as well: SQLite pushes a value, and not a parent's key, down into the
# select, and would otherwise compute the list of all releases first.
_BY_RELEASE: dict[str, Filter] = {"release": filter_equals("release_id")}

ENTITIES = {
    "Release": Entity(
        table(ReleaseRow),
        ones={
            **ORGANIZATION_REFERENCE,
            "last_commit": ToOne("last_commit_id", "Commit"),
            "last_deploy": ToOne("last_deploy_id", "Deploy"),
        },
        manys={
            "commits": ToMany(
                "Commit", table(ReleaseCommitRow), "release_id", "commit_id", ("position",), "commit_id",
                Order("position"), dense=True, count="commit_count",
            ),
            "authors": ToMany(
                "CommitAuthor", table(ReleaseAuthorRow), "release_id", "author_id", ("position",), "author_id",
                Order("position"), dense=True,
            ),
            "shown_commits": ToMany(
                "Commit", select_shown_commits(), "release_id", "commit_id", ("position",), "commit_id", Order("position"),
                filters=_BY_RELEASE,
            ),
            "file_changes": ToMany(
                "FileChange", select_release_file_changes(), "release_id", "change_id", ("path",), "change_id",
                Order("path"), filters=_BY_RELEASE | {"repository": filter_equals("repository_id")}, whole=True,
            ),
            "changed_paths": ToMany(
                "FileChange", select_release_file_changes(), "release_id", "change_id", ("path",), "change_id",
                Order("path"), filters=_BY_RELEASE, whole=True, counted="path",
            ),
            "head_commits": build_own_list("HeadCommit", table(HeadCommitRow), "release_id", "id"),
        },
        computed={
            "previous": ComputedReferenceQuery("Release", select_previous_release),
            "with_commits": ComputedReferenceQuery("Release", select_previous_with_commits),
            "upstream": ComputedReferenceQuery("Upstream", select_upstream),
            "artifacts": ComputedReferenceQuery("ReleaseArtifacts", select_version_artifacts),
        },
        filters=RELEASE_FILTERS,
        null_with={"raw": "description"},
    )
}  # fmt: skip
LISTS = {
    "Organization": {
        "releases": ToMany(
            "Release", table(ReleaseRow), "organization_id", None, RELEASE_ORDERS, "id", NEWEST_FIRST,
            routes={
                "project": ToMany(
                    "Release", release_projects, "organization_id", "release_id", RELEASE_ORDERS, "release_id", NEWEST_FIRST,
                    filters={"project": filter_by_project},
                )
            },
        ),
        "compared_releases": ToMany(
            "Release", release_projects, "organization_id", "release_id", ("date_shown",), "release_id",
            Order("date_shown", descending=True),
            filters={"between": lambda links, name, dialect: and_(*filter_between(links, name))},
        ),
    }
}  # fmt: skip
