"""Writes new releases with all that they name: any number of them by the same statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from sqlalchemy import bindparam, func, select

from gql_releases.domain.commit import ORIGIN, NewCommit, sort_commits
from gql_releases.domain.dates import now
from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.outcomes import CreateResult, Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import RELEASE_FIELDS, NewRelease, Outcome
from gql_releases.domain.selection import PagedSelection
from gql_releases.domain.versions.version import fold_case
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
from gql_releases.storage.engine.natural_keys import insert_all
from gql_releases.storage.engine.statements import StatementRows, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.outbox.writer import forward_creation
from gql_releases.storage.projects import find_projects
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.upstream import UpstreamRow

releases, links = table(ReleaseRow), table(ReleaseProjectRow)
projects, upstreams = table(ProjectRow), table(UpstreamRow)

_OWN = bindparam("organization_id", type_=Id)
_SHARED = ("organization_id",)
INSERT_RELEASE = insert_all(
    "releases.insert", releases, *[column.name for column in releases.c if column.name != "last_deploy_id"], shared=_SHARED
)
LINK_NEW_RELEASE = insert_all("releases.link_new", links, *[column.name for column in links.c], shared=_SHARED)
COPIED = ("date_created", "release_order", "semver_key", "build_number")
"""Sort keys of a release that its links to projects have, too."""


def _of_versions(dialect: Dialect) -> tuple[Any, ...]:
    return releases.c.organization_id == _OWN, dialect.is_among(releases.c.version, "versions")


def _named_beside(dialect: Dialect) -> list[Any]:
    """Select what creations name beside commits."""
    return [
        select_part("release", name=releases.c.version, id=releases.c.id).where(*_of_versions(dialect)),
        select_part("project", name=projects.c.slug, id=projects.c.id).where(
            projects.c.organization_id == _OWN, dialect.is_among(projects.c.slug, "slugs")
        ),
        select_part("upstream", id=upstreams.c.organization_id).where(upstreams.c.organization_id == _OWN),
    ]


def _all_known(dialect: Dialect) -> Any:
    """Say that all releases are there: then none of them comes with a list as a new one does."""
    found = select(func.count()).select_from(releases).where(*_of_versions(dialect)).scalar_subquery()
    return found == bindparam("creations", type_=Id)


LOOK_UP_NEW = build_lookup("releases.look_up_new", _named_beside)
LOOK_UP_AND_LOCK_NEW = build_lookup("releases.look_up_and_lock_new", _named_beside, lock_unless=_all_known)


@dataclass(frozen=True, slots=True)
class Creation:
    """A release to be created, by whom, and what is to be shown of it."""

    principal: Principal
    new: NewRelease
    view: PagedSelection | None
    create_projects: bool


@dataclass(frozen=True, slots=True)
class ExistingRelease:
    """What was found where a release is there already: its projects, and whether it has an upstream."""

    projects: Collection[int]
    upstream: bool


@dataclass(frozen=True, slots=True)
class PendingRelease:
    """A release that is to be written: its projects, and its commits as they came and as they are stored."""

    new: NewRelease
    projects: Collection[int]
    arranged: Sequence[NewCommit]
    linked: Sequence[LinkedCommit]


Show = Callable[[Transaction, Sequence[tuple[Principal, int, PagedSelection | None]]], Awaitable[Sequence[Tree | None]]]
"""Gives what is to be shown to somebody of a release, for each of some."""


async def create_all(
    transaction: Transaction, organization: int, creations: Sequence[Creation], show: Show
) -> list[CreateResult | ExistingRelease | InvalidInput | None]:
    """Create those releases of one organization that are new and can be, and say of each what became of it.

    None: another one has its version, it is to be tried again. One with refs must come alone: ranges are made of it.
    Raises InvalidToken where one of the tokens is dead.
    """
    arranged = [sort_commits(one.new.commits) for one in creations]
    named = collect_references(organization, arranged)
    looked = await _look(transaction, organization, [one.new for one in creations], named)
    results, found = await _judge(transaction, organization, creations, looked)
    fresh: dict[str, int] = {}
    for index in found:
        fresh.setdefault(creations[index].new.version, index)
    if len(fresh) < len(creations):  # what the others name is not to be made
        again = [creations[index] for index in fresh.values()]
        made = await create_all(transaction, organization, again, show) if again else []
        for index, result in zip(fresh.values(), made, strict=True):
            results[index] = result
        return results
    stored = await prepare_commits(transaction, organization, list(chain(*arranged)), named, looked)
    linked = iter(stored.linked)
    news = [
        PendingRelease(creation.new, found[index], commits, list(islice(linked, len(commits))))
        for index, (creation, commits) in enumerate(zip(creations, arranged, strict=True))
    ]
    ids = await _write(transaction, organization, news, stored)
    for index, (creation, release) in enumerate(zip(creations, ids, strict=True)):
        principal, new = creation.principal, creation.new
        if new.refs:
            await set_refs(transaction, organization, release, new.refs)
            sent = SentCommits(news[index].linked) if arranged[index] else None
            await update_ranges(transaction, organization, release, sent, ReleaseCommits())
        if "upstream" in looked.more:
            await forward_creation(transaction, principal, release, new, is_existing=False)
    if ORIGIN in stored.repositories:
        origin = stored.repositories[ORIGIN]
        pairs = zip(ids, news, strict=True)
        named_so = [row_id for row_id, new in pairs if any(one.repository_id == origin for one in new.linked)]
        await mark_ambiguous(transaction, organization, named_so)
    wanted = [(creation.principal, release, creation.view) for creation, release in zip(creations, ids, strict=True)]
    shown = await show(transaction, wanted)
    return [CreateResult(Outcome.CREATED, release, (), tree) for release, tree in zip(ids, shown, strict=True)]


async def _look(
    transaction: Transaction, organization: int, news: Sequence[NewRelease], named: CommitReferences
) -> CommitLookup:
    versions = list(dict.fromkeys(new.version for new in news))
    slugs = dict.fromkeys(name for new in news for name in new.projects if isinstance(name, str))
    list_value = transaction.dialect.list_value
    asked = {"versions": list_value(versions), "creations": len(versions), "slugs": list_value(list(slugs))}
    statement = LOOK_UP_NEW if any(new.refs for new in news) else LOOK_UP_AND_LOCK_NEW
    return await run_lookup(transaction, statement, organization, named.lists, asked)


async def _judge(
    transaction: Transaction, organization: int, creations: Sequence[Creation], looked: CommitLookup
) -> tuple[list[CreateResult | ExistingRelease | InvalidInput | None], dict[int, Collection[int]]]:
    """Say which releases are there or cannot be, and which projects the others are to have."""
    results: list[CreateResult | ExistingRelease | InvalidInput | None] = [None] * len(creations)
    found: dict[int, Collection[int]] = {}
    known = {version for version, _ in looked.more.get("release", ())}
    slugs: dict[str, int] = dict(looked.more.get("project", ()))
    for index, one in enumerate(creations):
        if one.view is None:  # what is shown at the end is shown to a living token only
            await require_active_token(transaction, one.principal)
        create = (
            one.create_projects and len(creations) == 1
        )  # the projects of several would be made in an order of their own
        try:
            named = await find_projects(transaction, organization, one.new.projects, create=create, slugs=slugs)
        except InvalidInput as error:
            await require_active_token(transaction, one.principal)
            results[index] = error if create or not one.create_projects else _without_new_projects(one.new, error)
            continue
        if one.new.version in known:
            results[index] = ExistingRelease(named.values(), "upstream" in looked.more)
        else:
            found[index] = named.values()
    return results, found


def _without_new_projects(new: NewRelease, error: InvalidInput) -> InvalidInput | None:
    """Leave out the problems of projects that can be made, which a creation that is alone does; None where none is left."""
    problems = [problem for problem in error.problems if not _can_be_slug(new.projects[int(problem.path[1])])]
    return InvalidInput(problems) if problems else None


def _can_be_slug(name: str | int) -> bool:
    return isinstance(name, str) and not name.isdigit()


async def _write(
    transaction: Transaction, organization: int, news: Sequence[PendingRelease], stored: CommitBatch
) -> list[int]:
    """Write releases with their lists, and what is `stored` for these, and give their ids."""
    ids = list(await transaction.allocate_ids(releases, len(news)))
    rows, in_projects = {}, []
    lists: dict[int, list[tuple[str, LinkedCommit]]] = {}
    for release, one in zip(ids, news, strict=True):
        rows[one.new.version] = row = {**_row(organization, one.new), "id": release, **summarize_list(one.linked)}
        in_projects += links_to(organization, release, row, one.projects)
        if not one.new.refs:
            for commit, linked in zip(one.arranged, one.linked, strict=True):
                lists.setdefault(linked.repository_id, []).append((commit.sha, linked))
    of_releases = {release: one.linked for release, one in zip(ids, news, strict=True)}
    own: list[StatementRows] = [
        (INSERT_RELEASE, [rows[version] for version in transaction.dialect.sort_for_locking(list(rows))]),
        (LINK_NEW_RELEASE, in_projects),
        *build_new_links(organization, of_releases),
        build_heads(organization, of_releases),
    ]
    await write_lists(transaction, organization, chain(stored.rows, own), stored.completed, lists)
    return ids


def links_to(organization: int, release: int, keys: Mapping[str, Any], projects: Collection[int]) -> list[dict[str, Any]]:
    """Give the rows that link a release to projects, with copies of its sort keys."""
    common = {"organization_id": organization, "release_id": release, **{name: keys[name] for name in COPIED}}
    common["date_shown"] = keys["date_released"] or keys["date_created"]
    return [{**common, "project_id": one} for one in sorted(set(projects))]


def _row(organization: int, new: NewRelease) -> dict[str, Any]:
    info = new.version_info
    said = ("package", "raw", "pre", "build_code", "components", "description", "build_hash")
    numbers = ("major", "minor", "patch")
    return {
        "organization_id": organization,
        "version": new.version,
        **{field.column: new.values.get(field.name, field.default) for field in RELEASE_FIELDS},
        "user_agent": new.user_agent,
        "folded_version": None if new.version.isascii() else fold_case(new.version),
        "date_created": new.date_created or now(),
        "release_order": new.values.get("date_released") or END_OF_TIME,
        "deploy_count": 0,
        **{name: getattr(info, name) if info else None for name in said},
        # Sentry's numbers go up to 2^64-1, which no database's integer holds.
        **{name: str(value) if info and (value := getattr(info, name)) is not None else None for name in numbers},
        "semver_key": info.semver_key if info else "",
        "build_number": info.build_number if info else -1,
    }
