"""Writes releases: each method is one transaction, which also reads what the caller wants to see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import bindparam, delete, null, select, update

from gql_releases.domain.commit import NewCommit, arrange
from gql_releases.domain.dates import now
from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.outcomes import Created, Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.ref import Ref
from gql_releases.domain.release import NewRelease, Outcome, ReleaseChange, ReleaseKey, Status
from gql_releases.domain.selection import Read, View
from gql_releases.storage.columns import NEVER, Id
from gql_releases.storage.commits import (
    Linked,
    Sent,
    clear_commits,
    counts_of,
    heads_of,
    names_of,
    new_links,
    set_commits,
    store,
)
from gql_releases.storage.database import Database
from gql_releases.storage.dialects import Dialect
from gql_releases.storage.environments import forget_release, refresh_current
from gql_releases.storage.finding import Found, find_release, require_alive
from gql_releases.storage.forwarding import forward_change, forward_creation, forward_deletion
from gql_releases.storage.looking import look, looking, part
from gql_releases.storage.organizations import project_ids
from gql_releases.storage.ranges import Known, known, settle, write_lists
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.refs import set_refs
from gql_releases.storage.statements import RowsStatement, Statement, Transaction
from gql_releases.storage.tables import ProjectRow, ReleaseProjectRow, ReleaseRow, UpstreamRow, table
from gql_releases.storage.upserts import insert, insert_all, insert_rows, values_of

releases, links = table(ReleaseRow), table(ReleaseProjectRow)
projects, upstreams = table(ProjectRow), table(UpstreamRow)

_NEW = [column.name for column in releases.c if column.name != "last_deploy_id"]
INSERT = Statement(lambda dialect: insert(dialect, releases).values(values_of(releases, *_NEW)))


_OF_VERSION = (
    releases.c.organization_id == bindparam("organization_id", type_=Id),
    releases.c.version == bindparam("version", type_=releases.c.version.type),
)


def _named_beside(dialect: Dialect) -> list[Any]:
    """Select what a creation names beside commits."""
    own = bindparam("organization_id", type_=Id)
    return [
        part("release", id=releases.c.id).where(*_OF_VERSION),
        part("project", name=projects.c.slug, id=projects.c.id).where(
            projects.c.organization_id == own, dialect.among(projects.c.slug, "slugs")
        ),
        part("upstream", id=upstreams.c.organization_id).where(upstreams.c.organization_id == own),
    ]


LOOK = looking(_named_beside)
LOOK_AND_LOCK = looking(_named_beside, lock_unless=select(releases.c.id).where(*_OF_VERSION).exists())
_LINK = [column.name for column in links.c if column.name != "project_id"]
LINK = RowsStatement(
    lambda dialect: (
        insert_rows(dialect, links, (*_LINK, "project_id"), _LINK).on_conflict_do_nothing().returning(links.c.project_id)
    ),
    _LINK,
)
LINK_NEW = insert_all(links, *_LINK, "project_id", shared=_LINK)
_COPIED = ("date_created", "release_order", "semver_key", "build_number")
_SORT_KEYS = (*_COPIED, "date_released")
SORT_KEYS = Statement(
    select(*(releases.c[name] for name in _SORT_KEYS)).where(releases.c.id == bindparam("release_id", type_=Id))
)


def _where_release(column: Any) -> Any:
    return column == bindparam("release", type_=Id)


SET = {
    name: Statement(update(releases).values(values_of(releases, name)).where(_where_release(releases.c.id)))
    for name in ("ref", "url", "status", "notes", "metadata_json")
}
COLUMN_OF = {"metadata": "metadata_json"}
SET_DATE = Statement(
    update(releases).values(values_of(releases, "date_released", "release_order")).where(_where_release(releases.c.id))
)
SET_DATE_OF_LINKS = Statement(
    update(links)
    .values(values_of(links, "release_order", "date_shown"))
    .where(links.c.organization_id == bindparam("organization", type_=Id), _where_release(links.c.release_id))
)
FORGET_DEPLOY = Statement(update(releases).values(last_deploy_id=null()).where(_where_release(releases.c.id)))
DELETE = Statement(delete(releases).where(_where_release(releases.c.id)))

IGNORED = ("ref", "url", "date_released", "notes", "metadata")
"""What a creation does not take for a release that is known."""

LARGE = 1_000
"""Rows from which on a write is better not run on the event loop (about 10 ms of SQLite)."""
ROWS_OF_RELEASE = 20
"""As many as a release takes the time of, without its commits."""

Change = Callable[[Transaction, Found], Awaitable[None]]


class ReleaseStore:
    """Releases in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_release(
        self, principal: Principal, new: NewRelease, view: View | None, *, create_projects: bool
    ) -> Created:
        """Create a release, or touch the one of this version: see contract section 2. Raises InvalidInput."""

        async def work(transaction: Transaction) -> Created:
            if view is None:
                await require_alive(transaction, principal)
            try:  # what is shown at the end is shown to a living token only
                return await self._create(transaction, principal, new, view, create_projects)
            except InvalidInput:
                await require_alive(transaction, principal)
                raise

        return await self._database.write(work, large=_rows(new.commits) > LARGE)

    async def create_releases(
        self, principal: Principal, news: Sequence[NewRelease], view: View | None, *, create_projects: bool
    ) -> list[Created]:
        """Create several releases in one transaction. Raises InvalidInput, its paths below ("releases", index)."""

        async def work(transaction: Transaction) -> list[Created]:
            await require_alive(transaction, principal)
            done = []
            for index, new in enumerate(news):
                try:
                    done.append(await self._create(transaction, principal, new, view, create_projects))
                except InvalidInput as error:
                    raise error.within("releases", index) from error
            return done

        return await self._database.write(work, large=sum(ROWS_OF_RELEASE + _rows(new.commits) for new in news) > LARGE)

    async def _create(
        self, transaction: Transaction, principal: Principal, new: NewRelease, view: View | None, create_projects: bool
    ) -> Created:
        organization = principal.organization_id
        arranged = arrange(new.commits)
        named = names_of(organization, arranged)
        slugs = transaction.dialect.list_value([name for name in new.projects if isinstance(name, str)])
        asked = {"version": new.version, "slugs": slugs}
        looked = await look(transaction, LOOK if new.refs else LOOK_AND_LOCK, organization, named.lists, asked)
        by_slug: dict[str, int] = dict(looked.more.get("project", ()))
        found = await project_ids(transaction, organization, new.projects, create=create_projects, slugs=by_slug)
        if "release" in looked.more:
            return await self._extend(transaction, principal, new, found.values(), view, upstream="upstream" in looked.more)
        stored = await store(transaction, organization, arranged, named, looked)
        (release,) = await transaction.draw(releases, 1)
        values = {**_row(organization, new), "id": release, **counts_of(stored.linked)}
        own = [
            (INSERT, [values]),
            (LINK_NEW, _links(organization, release, values, found.values())),
            *new_links(organization, release, stored.linked),
            heads_of(organization, release, stored.linked),
        ]
        lists: dict[int, list[tuple[str, Linked]]] = {}
        if not new.refs:
            for one, linked in zip(arranged, stored.linked, strict=True):
                lists.setdefault(linked.repository_id, []).append((one.sha, linked))
        await write_lists(transaction, organization, release, chain(stored.rows, own), stored.completed, lists)
        if new.refs:
            await set_refs(transaction, organization, release, new.refs)
            sent = Sent(stored.linked) if arranged else None
            await settle(transaction, organization, release, sent, Known())
        if "upstream" in looked.more:
            await forward_creation(transaction, principal, release, new, known=False)
        return Created(Outcome.CREATED, release, (), await self._show(transaction, principal, release, view))

    async def _extend(
        self,
        transaction: Transaction,
        principal: Principal,
        new: NewRelease,
        named: Collection[int],
        view: View | None,
        *,
        upstream: bool,
    ) -> Created:
        """Give a release that is there what a creation brings: projects, commits, refs, a status."""
        organization = principal.organization_id
        found = await find_release(transaction, principal, ReleaseKey(version=new.version))
        if new.status and new.status is not found.status:
            await transaction.run(SET["status"], {"release": found.id, "status": new.status})
        keys = await _sort_keys(transaction, found.id)
        extended = await transaction.all_many(LINK, _links(organization, found.id, keys, named))
        await _take(transaction, organization, found.id, new.commits, new.refs)
        if upstream:
            await forward_creation(transaction, principal, found.id, new, known=True)
        outcome = Outcome.EXTENDED if extended else Outcome.EXISTING
        ignored = tuple(name for name in IGNORED if getattr(new, name) is not None)
        return Created(outcome, found.id, ignored, await self._show(transaction, principal, found.id, view))

    async def update_release(self, principal: Principal, key: ReleaseKey, change: ReleaseChange, view: View) -> Tree:
        """Change what is given of a release. Raises ReleaseNotFound, InvalidInput."""

        async def apply(transaction: Transaction, found: Found) -> None:
            organization = principal.organization_id
            await self._apply(transaction, organization, found, change.values)
            if change.refs is not None and not change.refs:
                await clear_commits(transaction, organization, found.id)
            await _take(transaction, organization, found.id, change.commits, change.refs)
            await forward_change(transaction, principal, found, change.values, change.commits, change.refs)

        large = change.refs == () or _rows(change.commits or ()) > LARGE
        return await self._change(principal, key, apply, view, large=large)

    async def finalize_release(self, principal: Principal, key: ReleaseKey, at: datetime | None, view: View) -> Tree:
        """Give a release its date: `at`, else the one that it has, else now. Raises ReleaseNotFound."""

        async def apply(transaction: Transaction, found: Found) -> None:
            values = {"date_released": at or found.date_released or now()}
            await self._apply(transaction, principal.organization_id, found, values)
            await forward_change(transaction, principal, found, values)

        return await self._change(principal, key, apply, view)

    async def set_commits(
        self, principal: Principal, key: ReleaseKey, commits: Sequence[NewCommit], repository: str | None, view: View
    ) -> Tree:
        """Replace a release's commits, or those of one repository. Raises ReleaseNotFound."""

        async def apply(transaction: Transaction, found: Found) -> None:
            before = await known(transaction, principal.organization_id, found.id)
            sent = await set_commits(
                transaction, principal.organization_id, found.id, arrange(commits), before.listed, repository
            )
            await settle(transaction, principal.organization_id, found.id, sent, before)
            await forward_change(transaction, principal, found, {}, commits, None, repository)

        return await self._change(principal, key, apply, view, large=not commits or _rows(commits) > LARGE)

    async def set_refs(self, principal: Principal, key: ReleaseKey, refs: Sequence[Ref], view: View) -> Tree:
        """Set a release's heads; an empty list clears heads and commits. Raises ReleaseNotFound, InvalidInput."""

        async def apply(transaction: Transaction, found: Found) -> None:
            if refs:
                await _take(transaction, principal.organization_id, found.id, None, refs)
            else:
                await clear_commits(transaction, principal.organization_id, found.id)
            await forward_change(transaction, principal, found, {}, None, refs)

        return await self._change(principal, key, apply, view, large=not refs)

    async def delete_release(self, principal: Principal, key: ReleaseKey) -> int:
        """Delete a release with its links, heads and deploys, and give its id. Raises ReleaseNotFound."""

        async def work(transaction: Transaction) -> int:
            found = await find_release(transaction, principal, key)
            places = await forget_release(transaction, principal.organization_id, found.id)
            await transaction.run(FORGET_DEPLOY, {"release": found.id})
            await transaction.run(DELETE, {"release": found.id})
            await refresh_current(transaction, principal.organization_id, places)
            await forward_deletion(transaction, principal, found.version)
            return found.id

        return await self._database.write(work, large=True)  # as its list of commits may be

    async def _change(
        self, principal: Principal, key: ReleaseKey, change: Change, view: View, *, large: bool = False
    ) -> Tree:
        async def work(transaction: Transaction) -> Tree:
            found = await find_release(transaction, principal, key)
            await change(transaction, found)
            shown = await self._show(transaction, principal, found.id, view)
            assert shown is not None
            return shown

        return await self._database.write(work, large=large)

    async def _apply(self, transaction: Transaction, organization: int, found: Found, values: Any) -> None:
        for name in ("ref", "url", "status", "notes", "metadata"):
            if name in values:
                column = COLUMN_OF.get(name, name)
                await transaction.run(SET[column], {"release": found.id, column: values[name]})
        if "date_released" in values:
            date = values["date_released"]
            order = {"release": found.id, "release_order": date or NEVER}
            await transaction.run(SET_DATE, {**order, "date_released": date})
            shown = date or found.date_created
            await transaction.run(SET_DATE_OF_LINKS, {**order, "organization": organization, "date_shown": shown})

    async def _show(self, transaction: Transaction, principal: Principal, release: int, view: View | None) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, Read(view, (("id", release),)))


async def _sort_keys(transaction: Transaction, release: int) -> dict[str, Any]:
    row = await transaction.one(SORT_KEYS, {"release_id": release})
    assert row
    return dict(zip(_SORT_KEYS, row, strict=True))


def _links(organization: int, release: int, keys: Mapping[str, Any], projects: Collection[int]) -> list[dict[str, Any]]:
    """Give the rows that link a release to projects, with copies of its sort keys."""
    common = {"organization_id": organization, "release_id": release, **{name: keys[name] for name in _COPIED}}
    common["date_shown"] = keys["date_released"] or keys["date_created"]
    return [{**common, "project_id": one} for one in sorted(set(projects))]


async def _take(
    transaction: Transaction,
    organization: int,
    release: int,
    commits: Sequence[NewCommit] | None,
    refs: Sequence[Ref] | None,
) -> None:
    """Take commits and refs as they came, where some came, then put together what they make known."""
    if not commits and not refs:
        return
    before = await known(transaction, organization, release)
    sent = None
    if commits:
        sent = await set_commits(transaction, organization, release, arrange(commits), before.listed)
    if refs:
        await set_refs(transaction, organization, release, refs)
    await settle(transaction, organization, release, sent, before)


def _rows(commits: Sequence[NewCommit]) -> int:
    return len(commits) + sum([len(one.file_changes) for one in commits])


def _row(organization: int, new: NewRelease) -> dict[str, Any]:
    info = new.version_info
    said = ("package", "raw", "pre", "build_code", "components", "description", "build_hash")
    numbers = ("major", "minor", "patch")
    return {
        "organization_id": organization,
        "version": new.version,
        "ref": new.ref,
        "url": new.url,
        "status": new.status or Status.OPEN,
        "user_agent": new.user_agent,
        "notes": new.notes,
        "metadata_json": new.metadata,
        "date_created": new.date_created or now(),
        "date_released": new.date_released,
        "release_order": new.date_released or NEVER,
        "deploy_count": 0,
        **{name: getattr(info, name) if info else None for name in said},
        # Sentry's numbers go up to 2^64-1, which no database's integer holds.
        **{name: str(value) if info and (value := getattr(info, name)) is not None else None for name in numbers},
        "semver_key": info.semver_key if info else "",
        "build_number": info.build_number if info else -1,
    }
