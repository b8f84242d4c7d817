"""Writes new releases with their references: any number of releases by the same statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from sqlalchemy import bindparam, func, select

from gql_releases.domain.commit import ORIGIN, NewCommit, sort_commits
from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.outcomes import CreateResult, Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import NewRelease, Outcome
from gql_releases.domain.selection import PagedSelection
from gql_releases.storage.commits.default_repositories import mark_ambiguous
from gql_releases.storage.commits.lookup import CommitLookup, build_lookup, run_lookup, select_part
from gql_releases.storage.commits.ranges import ReleaseCommits, update_ranges, write_lists
from gql_releases.storage.commits.refs import set_refs
from gql_releases.storage.commits.store import (
    CommitBatch,
    CommitReferences,
    LinkedCommit,
    SentCommits,
    build_heads,
    build_new_links,
    collect_references,
    prepare_commits,
    summarize_list,
)
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import StatementRows, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.events.resolutions import (
    IS_AWAITING,
    has_issues,
    resolve_awaiting,
    resolve_by_listed_commits,
    resolve_by_messages,
)
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.outbox.writer import forward_creation
from gql_releases.storage.projects import find_projects
from gql_releases.storage.release_rows import INSERT_RELEASE, LINK_NEW_RELEASE, build_project_links, build_release_row
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.issue import IssueRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.upstream import UpstreamRow

releases, projects, upstreams, issues = table(ReleaseRow), table(ProjectRow), table(UpstreamRow), table(IssueRow)

_OWN = bindparam("organization_id", type_=Id)


def _filter_versions(dialect: Dialect) -> tuple[Any, ...]:
    return releases.c.organization_id == _OWN, dialect.is_among(releases.c.version, "versions")


def _select_other_references(dialect: Dialect) -> list[Any]:
    """Select existing releases and projects that creations name, the upstream, and an issue that waits for a release."""
    return [
        select_part("release", name=releases.c.version, id=releases.c.id).where(*_filter_versions(dialect)),
        select_part("project", name=projects.c.slug, id=projects.c.id).where(
            projects.c.organization_id == _OWN, dialect.is_among(projects.c.slug, "slugs")
        ),
        select_part("upstream", id=upstreams.c.organization_id).where(upstreams.c.organization_id == _OWN),
        select_part("awaiting", id=func.min(issues.c.id)).where(IS_AWAITING),
    ]


def _match_all_existing(dialect: Dialect) -> Any:
    """Return the condition that all releases exist: then none of them writes a list as a new one does."""
    existing = select(func.count()).select_from(releases).where(*_filter_versions(dialect)).scalar_subquery()
    return existing == bindparam("creations", type_=Id)


LOOK_UP_NEW = build_lookup("releases.look_up_new", _select_other_references)
LOOK_UP_AND_LOCK_NEW = build_lookup(
    "releases.look_up_and_lock_new", _select_other_references, lock_unless=_match_all_existing
)


@dataclass(frozen=True, slots=True)
class Creation:
    """A release to create, its caller, and the selection to return."""

    principal: Principal
    new: NewRelease
    view: PagedSelection | None
    create_projects: bool


@dataclass(frozen=True, slots=True)
class ExistingRelease:
    """An existing release of a creation: the projects of the request, and whether the organization has an upstream."""

    projects: Collection[int]
    upstream: bool


@dataclass(frozen=True, slots=True)
class PendingRelease:
    """A release to write: its projects, its commits as they were sent and as they are stored."""

    new: NewRelease
    projects: Collection[int]
    arranged: Sequence[NewCommit]
    linked: Sequence[LinkedCommit]


Show = Callable[[Transaction, Sequence[tuple[Principal, int, PagedSelection | None]]], Awaitable[Sequence[Tree | None]]]
"""Reads the selections of callers of some releases."""


async def create_all(
    transaction: Transaction, organization: int, creations: Sequence[Creation], show: Show
) -> list[CreateResult | ExistingRelease | InvalidInput | None]:
    """Create the new and valid releases of one organization, and return the result of each creation.

    None: another creation has the same version, retry it. A release with refs must be alone: it has ranges.
    Raises InvalidToken if one of the tokens is revoked.
    """
    arranged = [sort_commits(creation.new.commits) for creation in creations]
    references = collect_references(organization, arranged)
    lookup = await _look_up_references(transaction, organization, [creation.new for creation in creations], references)
    results, projects_by_index = await classify_creations(transaction, organization, creations, lookup)
    fresh: dict[str, int] = {}
    for index in projects_by_index:
        fresh.setdefault(creations[index].new.version, index)
    if len(fresh) < len(creations):  # references of the others must not be created
        again = [creations[index] for index in fresh.values()]
        retried = await create_all(transaction, organization, again, show) if again else []
        for index, result in zip(fresh.values(), retried, strict=True):
            results[index] = result
        return results
    stored = await prepare_commits(transaction, organization, list(chain(*arranged)), references, lookup)
    linked = iter(stored.linked)
    news = [
        PendingRelease(creation.new, projects_by_index[index], commits, list(islice(linked, len(commits))))
        for index, (creation, commits) in enumerate(zip(creations, arranged, strict=True))
    ]
    ids = await _write_releases(transaction, organization, news, stored)
    for index, (creation, release) in enumerate(zip(creations, ids, strict=True)):
        principal, new = creation.principal, creation.new
        if new.refs:
            await set_refs(transaction, organization, release, new.refs)
            sent = SentCommits(news[index].linked) if arranged[index] else None
            await update_ranges(transaction, organization, release, sent, ReleaseCommits())
        if "upstream" in lookup.more:
            await forward_creation(transaction, principal, release, new, is_existing=False)
    await _resolve_issues(transaction, organization, news, ids, is_awaited=lookup.more["awaiting"] != [(None, None)])
    if ORIGIN in stored.repositories:
        origin = stored.repositories[ORIGIN]
        pairs = zip(ids, news, strict=True)
        with_origin = [row_id for row_id, new in pairs if any(commit.repository_id == origin for commit in new.linked)]
        await mark_ambiguous(transaction, organization, with_origin)
    requests = [(creation.principal, release, creation.view) for creation, release in zip(creations, ids, strict=True)]
    shown = await show(transaction, requests)
    return [CreateResult(Outcome.CREATED, release, (), tree) for release, tree in zip(ids, shown, strict=True)]


async def _resolve_issues(
    transaction: Transaction, organization: int, news: Sequence[PendingRelease], ids: Sequence[int], *, is_awaited: bool
) -> None:
    """Resolve what the commits of new releases fix, and what waits for them."""
    for release, pending in zip(ids, news, strict=True):
        if pending.new.refs:
            if await has_issues(transaction, organization):
                await resolve_by_listed_commits(transaction, organization, release)
        else:
            messages = [commit.message for commit in pending.arranged]
            await resolve_by_messages(transaction, organization, release, messages)
    if is_awaited:
        await resolve_awaiting(transaction, organization, ids)


async def _look_up_references(
    transaction: Transaction, organization: int, news: Sequence[NewRelease], references: CommitReferences
) -> CommitLookup:
    versions = list(dict.fromkeys(new.version for new in news))
    slugs = dict.fromkeys(name for new in news for name in new.projects if isinstance(name, str))
    list_value = transaction.dialect.list_value
    values = {"versions": list_value(versions), "creations": len(versions), "slugs": list_value(list(slugs))}
    statement = LOOK_UP_NEW if any(new.refs for new in news) else LOOK_UP_AND_LOCK_NEW
    return await run_lookup(transaction, statement, organization, references.lists, values)


async def classify_creations(
    transaction: Transaction, organization: int, creations: Sequence[Creation], lookup: CommitLookup
) -> tuple[list[CreateResult | ExistingRelease | InvalidInput | None], dict[int, Collection[int]]]:
    """Return the results of existing and invalid releases, and the projects of the others by index."""
    results: list[CreateResult | ExistingRelease | InvalidInput | None] = [None] * len(creations)
    projects_by_index: dict[int, Collection[int]] = {}
    versions = {version for version, _ in lookup.more.get("release", ())}
    slugs: dict[str, int] = dict(lookup.more.get("project", ()))
    for index, creation in enumerate(creations):
        if creation.view is None:  # a view is read at the end, which checks the token
            await require_active_token(transaction, creation.principal)
        # A batch creates no projects: each creation would write them in an order of its own.
        create = creation.create_projects and len(creations) == 1
        try:
            ids_by_project = await find_projects(
                transaction, organization, creation.new.projects, create=create, slugs=slugs
            )
        except InvalidInput as error:
            await require_active_token(transaction, creation.principal)
            results[index] = error if create or not creation.create_projects else _drop_new_projects(creation.new, error)
            continue
        if creation.new.version in versions:
            results[index] = ExistingRelease(ids_by_project.values(), "upstream" in lookup.more)
        else:
            projects_by_index[index] = ids_by_project.values()
    return results, projects_by_index


def _drop_new_projects(new: NewRelease, error: InvalidInput) -> InvalidInput | None:
    """Drop the problems of projects that a single creation would create; None if no problem is left."""
    problems = [problem for problem in error.problems if not _can_be_slug(new.projects[int(problem.path[1])])]
    return InvalidInput(problems) if problems else None


def _can_be_slug(name: str | int) -> bool:
    return isinstance(name, str) and not name.isdigit()


async def _write_releases(
    transaction: Transaction, organization: int, news: Sequence[PendingRelease], stored: CommitBatch
) -> list[int]:
    """Write releases with their lists and the rows of `stored`, and return their ids."""
    ids = list(await transaction.allocate_ids(releases, len(news)))
    rows, in_projects = {}, []
    lists: dict[int, list[tuple[str, LinkedCommit]]] = {}
    for release, pending in zip(ids, news, strict=True):
        rows[pending.new.version] = row = {
            **build_release_row(organization, pending.new),
            "id": release,
            **summarize_list(pending.linked),
        }
        in_projects += build_project_links(organization, release, row, pending.projects)
        if not pending.new.refs:
            for commit, linked in zip(pending.arranged, pending.linked, strict=True):
                lists.setdefault(linked.repository_id, []).append((commit.sha, linked))
    of_releases = {release: pending.linked for release, pending in zip(ids, news, strict=True)}
    own: list[StatementRows] = [
        (INSERT_RELEASE, [rows[version] for version in transaction.dialect.sort_for_locking(list(rows))]),
        (LINK_NEW_RELEASE, in_projects),
        *build_new_links(organization, of_releases),
        build_heads(organization, of_releases),
    ]
    await write_lists(transaction, organization, chain(stored.rows, own), stored.completed, lists)
    return ids
