"""Walks a repository's line of history in the store, along the lists of commits that releases were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, null, select

from gql_releases.domain.history import MAX_RANGE, USABLE_STATUSES, CommitList, CommitStatus, RangeWalk
from gql_releases.storage.commits.store import LinkedCommit, commits, heads, links, releases
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id, to_datetime
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseProjectRow

MAX_LISTS = 20
"""Lists with one commit that are compared; of more, those of the first versions."""

release_projects = table(ReleaseProjectRow)


def _same(target: Any, *names: str) -> list[Any]:
    return [target.c[name] == bindparam(name, type_=Id) for name in names]


def _sha(name: str) -> Any:
    return commits.c.sha == bindparam(name, type_=commits.c.sha.type)


_OF_LIST = (heads.c.release_id == links.c.release_id) & (heads.c.repository_id == commits.c.repository_id)
FIND_LISTS_WITH_COMMIT = Statement(
    "commits.find_lists_with",
    select(
        links.c.release_id, links.c.position, case((heads.c.commit_status == "COMPLETE", heads.c.previous_sha), else_=null())
    )
    .select_from(
        commits.join(links, links.c.commit_id == commits.c.id)
        .join(heads, _OF_LIST)
        .join(releases, releases.c.id == links.c.release_id)
    )
    .where(
        *_same(commits, "organization_id", "repository_id"),
        *_same(links, "organization_id"),
        *_same(heads, "organization_id"),
        _sha("sha"),
        heads.c.kind == "LIST",
    )
    .order_by(releases.c.version)
    .limit(MAX_LISTS),
)
LIST_REST_OF_LIST = Statement(
    "commits.list_rest_of_list",
    select(commits.c.id, commits.c.repository_id, commits.c.author_id, commits.c.timestamp, commits.c.sha)
    .select_from(links.join(commits, commits.c.id == links.c.commit_id))
    .where(
        *_same(links, "organization_id", "release_id"),
        *_same(commits, "repository_id"),
        links.c.position >= bindparam("position", type_=Id),
    )
    .order_by(links.c.position)
    .limit(MAX_RANGE + 1),
)
FIND_COMMIT_TIME = Statement(
    "commits.find_time", select(commits.c.timestamp).where(*_same(commits, "organization_id", "repository_id"), _sha("sha"))
)
LIST_HEADS_BEFORE = Statement(
    "commits.list_heads_before",
    select(commits.c.sha, heads.c.head_time)
    .select_from(heads.join(commits, commits.c.id == heads.c.commit_id))
    .where(
        *_same(heads, "organization_id", "repository_id"),
        heads.c.kind == "LIST",
        heads.c.commit_status == "COMPLETE",
        heads.c.head_time < bindparam("time", type_=heads.c.head_time.type),
    )
    .distinct()
    .order_by(heads.c.head_time.desc())
    .limit(2),
)


# Statement by statement and not as one join: PostgreSQL's planner, where it has not seen a young table yet, walks through
# all rows of one for each of the other, which took a second at thirty releases.
LOOK_UP_COMMIT_IDS = Statement(
    "commits.look_up_ids",
    lambda dialect: select(commits.c.sha, commits.c.id).where(
        *_same(commits, "organization_id", "repository_id"), dialect.is_among(commits.c.sha, "shas")
    ),
)
LIST_RELEASES_OF_HEADS = Statement(
    "commits.list_releases_of_heads",
    lambda dialect: select(heads.c.commit_id, heads.c.release_id).where(
        *_same(heads, "organization_id"),
        dialect.is_among(heads.c.commit_id, "commits"),
        heads.c.release_id != bindparam("release_id", type_=Id),
    ),
)
LIST_PROJECTS_OF_RELEASE = Statement(
    "commits.list_projects_of_release",
    select(release_projects.c.project_id).where(*_same(release_projects, "organization_id", "release_id")),
)
LIST_RELEASES_OF_PROJECTS = Statement(
    "commits.list_releases_of_projects",
    lambda dialect: (
        select(release_projects.c.release_id)
        .where(
            *_same(release_projects, "organization_id"),
            dialect.is_among(release_projects.c.release_id, "releases"),
            dialect.is_among(release_projects.c.project_id, "projects"),
        )
        .distinct()
    ),
)


@dataclass(frozen=True, slots=True)
class CommitRange:
    """What is known of a range: its commits, newest first, where `status` is one of USABLE_STATUSES.

    `known_until` is the commit that has to be heard of more, `head_time` as head_commits keeps it.
    """

    status: CommitStatus
    commits: list[LinkedCommit]
    known_until: str | None
    head_time: datetime | None


class CommitHistory:
    """A repository's line, as a release sees it that looks for its range."""

    def __init__(self, transaction: Transaction, organization: int, release: int, repository: int) -> None:
        self._transaction = transaction
        self._here: dict[str, Any] = {"organization_id": organization, "repository_id": repository}
        self._release = release
        self._commits: dict[str, LinkedCommit] = {}
        self._projects: list[int] | None = None

    async def range(self, head: str, previous: str | None) -> CommitRange:
        """Find the commits after `previous`, or after the nearest head of another release of its projects, up to `head`."""
        walk = RangeWalk(head, stops_unknown=previous is None)
        floor = await self._time(previous) if previous else None
        while walk.outcome is None:
            tails = await self._tails(walk.next_sha)
            walk.follow(tails, [previous] if previous else await self._heads(walk.next_sha, tails, head))
            if walk.is_stuck:
                walk.continue_at(await self._before(walk.next_sha, floor))
        found = [self._commits[sha] for sha in walk.shas] if walk.outcome in USABLE_STATUSES else []
        newest = self._commits.get(head)
        time = (newest.timestamp or END_OF_TIME) if newest else None
        return CommitRange(walk.outcome, found, None if walk.outcome in USABLE_STATUSES else walk.next_sha, time)

    async def _tails(self, sha: str) -> list[CommitList]:
        found = []
        for release, position, base in await self._transaction.fetch_all(FIND_LISTS_WITH_COMMIT, {**self._here, "sha": sha}):
            where = {**self._here, "release_id": release, "position": position}
            rows = await self._transaction.fetch_all(LIST_REST_OF_LIST, where)
            for row in rows:
                self._commits[row[4]] = LinkedCommit(row[0], row[1], row[2], to_datetime(row[3]))
            found.append(CommitList(tuple(row[4] for row in rows), base))
        return found

    async def _heads(self, sha: str, tails: Sequence[CommitList], own: str) -> set[str]:
        """Tell which commits of some tails are heads of other releases of the same projects; the own head is none."""
        shas = {sha, *(one for tail in tails for one in (*tail.shas, tail.base) if one is not None)} - {own}
        ids = {one: self._commits[one].id for one in shas if one in self._commits}
        strangers = sorted(shas - ids.keys())
        if strangers:
            ids.update(await self._ask(LOOK_UP_COMMIT_IDS, shas=strangers))
        found = await self._ask(LIST_RELEASES_OF_HEADS, release_id=self._release, commits=sorted(ids.values()))
        if not found:
            return set()
        if self._projects is None:
            self._projects = [row[0] for row in await self._ask(LIST_PROJECTS_OF_RELEASE, release_id=self._release)]
        others = sorted({release for _, release in found})
        related = {row[0] for row in await self._ask(LIST_RELEASES_OF_PROJECTS, releases=others, projects=self._projects)}
        stops = {commit for commit, release in found if release in related}
        return {one for one, row_id in ids.items() if row_id in stops}

    async def _ask(self, statement: Statement, **values: Any) -> list[Any]:
        spelt = self._transaction.dialect.list_value
        given = {name: spelt(value) if isinstance(value, list) else value for name, value in values.items()}
        return await self._transaction.fetch_all(statement, {**self._here, **given})

    async def _before(self, sha: str, floor: datetime | None) -> str | None:
        """Give the newest head of a list that is older than a commit; None where it is older than `floor`, or one of two."""
        time = self._commits[sha].timestamp
        if time is None:
            return None
        rows = await self._transaction.fetch_all(LIST_HEADS_BEFORE, {**self._here, "time": time})
        times = [to_datetime(row[1]) for row in rows]
        if not rows or times[0] in times[1:] or (floor and times[0] and times[0] < floor):
            return None
        return str(rows[0][0])

    async def _time(self, sha: str) -> datetime | None:
        row = await self._transaction.fetch_one(FIND_COMMIT_TIME, {**self._here, "sha": sha})
        return None if row is None else to_datetime(row[0])
