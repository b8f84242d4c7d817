"""Resolves `origin`, sentry-cli's name for every repository, to the default repository of a release's projects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update

from gql_releases.domain.commit import ORIGIN, NewCommit
from gql_releases.domain.history import CommitStatus
from gql_releases.domain.ref import Ref
from gql_releases.domain.release import NewRelease, ReleaseChange
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow

projects, repositories = table(ProjectRow), table(RepositoryRow)
releases, links = table(ReleaseRow), table(ReleaseProjectRow)

_OWN = bindparam("organization_id", type_=Id)


def _select_defaults() -> Select[Any]:
    default = repositories.c.id == projects.c.default_repository_id
    return select(repositories.c.name).select_from(projects).join(repositories, default)


LIST_DEFAULTS_OF_RELEASE = Statement(
    "commits.list_defaults_of_release",
    select(repositories.c.name)
    .distinct()
    .select_from(links)
    .join(projects, projects.c.id == links.c.project_id)
    .join(repositories, repositories.c.id == projects.c.default_repository_id)
    .where(links.c.organization_id == _OWN, links.c.release_id == bindparam("release_id", type_=Id))
    .limit(2),
)
LIST_DEFAULTS_BY_SLUG = Statement(
    "commits.list_defaults_by_slug",
    lambda dialect: _select_defaults().where(projects.c.organization_id == _OWN, dialect.is_among(projects.c.slug, "named")),
)
LIST_DEFAULTS_BY_ID = Statement(
    "commits.list_defaults_by_id",
    lambda dialect: _select_defaults().where(projects.c.organization_id == _OWN, dialect.is_among(projects.c.id, "named")),
)
FIND_RELEASE = Statement(
    "commits.find_release",
    select(releases.c.id).where(
        releases.c.organization_id == _OWN,
        releases.c.version == bindparam("version", type_=releases.c.version.type),
    ),
)


def _update_ambiguous(dialect: Dialect) -> Any:
    defaults = func.count(projects.c.default_repository_id.distinct())
    defaults_count = (
        select(defaults)
        .select_from(links.join(projects, projects.c.id == links.c.project_id))
        .where(links.c.organization_id == _OWN, links.c.release_id == releases.c.id)
        .scalar_subquery()
    )
    is_chosen = dialect.is_among(releases.c.id, "releases")
    status = {"commit_status": CommitStatus.ORIGIN_AMBIGUOUS}
    return update(releases).values(status).where(releases.c.organization_id == _OWN, is_chosen, defaults_count > 1)


MARK_ORIGIN_AMBIGUOUS = Statement("commits.mark_origin_ambiguous", _update_ambiguous)


async def resolve_creation(transaction: Transaction, organization: int, new: NewRelease) -> NewRelease:
    """Return a new release with `origin` in its commits and refs replaced by the default repository of its projects.

    Its projects are those of the request and of an existing release of this version. Without exactly one default, the
    names are kept.
    """
    if not new.resolves_origin:
        return new
    names = await _find_defaults_of_projects(transaction, organization, new.projects)
    row = await transaction.fetch_one(FIND_RELEASE, {"organization_id": organization, "version": new.version})
    if row is not None:
        (release,) = row
        names |= await _find_defaults_of_release(transaction, organization, int(release))
    if len(names) != 1:
        return new
    [name] = names
    return replace(new, commits=_rename_commits(new.commits, name), refs=_rename_refs(new.refs, name))


async def resolve_change(transaction: Transaction, organization: int, release: int, change: ReleaseChange) -> ReleaseChange:
    """Return the change of a release with `origin` replaced likewise."""
    if not change.resolves_origin:
        return change
    names = await _find_defaults_of_release(transaction, organization, release)
    if len(names) != 1:
        return change
    [name] = names
    commits = None if change.commits is None else _rename_commits(change.commits, name)
    return replace(change, commits=commits, refs=None if change.refs is None else _rename_refs(change.refs, name))


async def has_several_defaults(transaction: Transaction, organization: int, release: int) -> bool:
    """Return whether the projects of a release have several default repositories, so that `origin` could be any of them."""
    return len(await _find_defaults_of_release(transaction, organization, release)) > 1


async def mark_ambiguous(transaction: Transaction, organization: int, created: Sequence[int]) -> None:
    """Set the status of the releases, with commits of `origin`, whose projects have several default repositories."""
    values = {"organization_id": organization, "releases": transaction.dialect.list_value(created)}
    await transaction.execute(MARK_ORIGIN_AMBIGUOUS, values)


async def _find_defaults_of_release(transaction: Transaction, organization: int, release: int) -> set[str]:
    rows = await transaction.fetch_all(LIST_DEFAULTS_OF_RELEASE, {"organization_id": organization, "release_id": release})
    return {name for (name,) in rows}


async def _find_defaults_of_projects(
    transaction: Transaction, organization: int, references: Sequence[str | int]
) -> set[str]:
    slugs = [name for name in references if isinstance(name, str)]
    numbers = [int(name) for name in references if isinstance(name, int) or (name.isascii() and name.isdigit())]
    names: set[str] = set()
    for statement, keys in (
        (LIST_DEFAULTS_BY_SLUG, slugs),
        (LIST_DEFAULTS_BY_ID, [number for number in numbers if 0 <= number < 2**63]),
    ):
        if keys:
            values = {"organization_id": organization, "named": transaction.dialect.list_value(keys)}
            names |= {name for (name,) in await transaction.fetch_all(statement, values)}
    return names


def _rename_commits(commits: Sequence[NewCommit], name: str) -> tuple[NewCommit, ...]:
    return tuple([commit._replace(repository=name) if commit.repository == ORIGIN else commit for commit in commits])


def _rename_refs(refs: Sequence[Ref], name: str) -> tuple[Ref, ...]:
    return tuple([replace(ref, repository=name) if ref.repository == ORIGIN else ref for ref in refs])
