"""Finds ranges of a repository's history in the stored lists of commits of its releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, null, select

from gql_releases.domain.history import MAX_RANGE, USABLE_STATUSES, CommitList, CommitStatus, RangeWalk
from gql_releases.storage.commits.store import LinkedCommit, commits, heads, links, releases
from gql_releases.storage.engine.natural_keys import match_ids
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id, to_datetime
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseProjectRow

MAX_LISTS = 20
"""Lists with one commit that are compared; of more, the lists of the first versions."""

release_projects = table(ReleaseProjectRow)


def _match_sha(name: str) -> Any:
    return commits.c.sha == bindparam(name, type_=commits.c.sha.type)


_IS_HEAD_OF_LIST = (heads.c.release_id == links.c.release_id) & (heads.c.repository_id == commits.c.repository_id)
FIND_LISTS_WITH_COMMIT = Statement(
    "commits.find_lists_with",
    select(
        links.c.release_id, links.c.position, case((heads.c.commit_status == "COMPLETE", heads.c.previous_sha), else_=null())
    )
    .select_from(
        commits.join(links, links.c.commit_id == commits.c.id)
        .join(heads, _IS_HEAD_OF_LIST)
        .join(releases, releases.c.id == links.c.release_id)
    )
    .where(
        *match_ids(commits, "organization_id", "repository_id"),
        *match_ids(links, "organization_id"),
        *match_ids(heads, "organization_id"),
        _match_sha("sha"),
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
        *match_ids(links, "organization_id", "release_id"),
        *match_ids(commits, "repository_id"),
        links.c.position >= bindparam("position", type_=Id),
    )
    .order_by(links.c.position)
    .limit(MAX_RANGE + 1),
)
FIND_COMMIT_TIME = Statement(
    "commits.find_time",
    select(commits.c.timestamp).where(*match_ids(commits, "organization_id", "repository_id"), _match_sha("sha")),
)
LIST_HEADS_BEFORE = Statement(
    "commits.list_heads_before",
    select(commits.c.sha, heads.c.head_time)
    .select_from(heads.join(commits, commits.c.id == heads.c.commit_id))
    .where(
        *match_ids(heads, "organization_id", "repository_id"),
        heads.c.kind == "LIST",
        heads.c.commit_status == "COMPLETE",
        heads.c.head_time < bindparam("time", type_=heads.c.head_time.type),
    )
    .distinct()
    .order_by(heads.c.head_time.desc())
    .limit(2),
)


# Separate statements and not one join: PostgreSQL's planner, without statistics of a new table, scans all rows of one table
# for each row of the other, which took a second with 30 releases.
LOOK_UP_COMMIT_IDS = Statement(
    "commits.look_up_ids",
    lambda dialect: select(commits.c.sha, commits.c.id).where(
        *match_ids(commits, "organization_id", "repository_id"), dialect.is_among(commits.c.sha, "shas")
    ),
)
LIST_RELEASES_OF_HEADS = Statement(
    "commits.list_releases_of_heads",
    lambda dialect: select(heads.c.commit_id, heads.c.release_id).where(
        *match_ids(heads, "organization_id"),
        dialect.is_among(heads.c.commit_id, "commits"),
        heads.c.release_id != bindparam("release_id", type_=Id),
    ),
)
LIST_PROJECTS_OF_RELEASE = Statement(
    "commits.list_projects_of_release",
    select(release_projects.c.project_id).where(*match_ids(release_projects, "organization_id", "release_id")),
)
LIST_RELEASES_OF_PROJECTS = Statement(
    "commits.list_releases_of_projects",
    lambda dialect: (
        select(release_projects.c.release_id)
        .where(
            *match_ids(release_projects, "organization_id"),
            dialect.is_among(release_projects.c.release_id, "releases"),
            dialect.is_among(release_projects.c.project_id, "projects"),
        )
        .distinct()
    ),
)


@dataclass(frozen=True, slots=True)
class CommitRange:
    """The known part of a range: its commits, newest first, if `status` is one of USABLE_STATUSES.

    `known_until` is the commit whose predecessors are unknown, `head_time` is the column of head_commits.
    """

    status: CommitStatus
    commits: list[LinkedCommit]
    known_until: str | None
    head_time: datetime | None


class CommitHistory:
    """The history of a repository, from which the range of one release is found."""

    def __init__(self, transaction: Transaction, organization: int, release: int, repository: int) -> None:
        self._transaction = transaction
        self._keys: dict[str, Any] = {"organization_id": organization, "repository_id": repository}
        self._release = release
        self._commits: dict[str, LinkedCommit] = {}
        self._projects: list[int] | None = None

    async def find_range(self, head: str, previous: str | None) -> CommitRange:
        """Return the range up to `head`, from `previous` or from the nearest head of another release of its projects."""
        walk = RangeWalk(head, stops_unknown=previous is None)
        floor = await self._find_time(previous) if previous else None
        while walk.outcome is None:
            tails = await self._find_lists(walk.next_sha)
            walk.follow(tails, [previous] if previous else await self._find_stops(walk.next_sha, tails, head))
            if walk.is_stuck:
                walk.continue_at(await self._find_head_before(walk.next_sha, floor))
        listed = [self._commits[sha] for sha in walk.shas] if walk.outcome in USABLE_STATUSES else []
        newest = self._commits.get(head)
        time = (newest.timestamp or END_OF_TIME) if newest else None
        return CommitRange(walk.outcome, listed, None if walk.outcome in USABLE_STATUSES else walk.next_sha, time)

    async def _find_lists(self, sha: str) -> list[CommitList]:
        lists = []
        for release, position, base in await self._transaction.fetch_all(FIND_LISTS_WITH_COMMIT, {**self._keys, "sha": sha}):
            where = {**self._keys, "release_id": release, "position": position}
            shas = []
            for row_id, repository, author, time, listed in await self._transaction.fetch_all(LIST_REST_OF_LIST, where):
                self._commits[listed] = LinkedCommit(row_id, repository, author, to_datetime(time))
                shas.append(listed)
            lists.append(CommitList(tuple(shas), base))
        return lists

    async def _find_stops(self, sha: str, tails: Sequence[CommitList], own: str) -> set[str]:
        """Return which commits of some lists are heads of other releases of the same projects, without the own head."""
        shas = {sha, *(name for tail in tails for name in (*tail.shas, tail.base) if name is not None)} - {own}
        ids = {name: self._commits[name].id for name in shas if name in self._commits}
        missing = sorted(shas - ids.keys())
        if missing:
            ids.update(await self._fetch(LOOK_UP_COMMIT_IDS, shas=missing))
        heads = await self._fetch(LIST_RELEASES_OF_HEADS, release_id=self._release, commits=sorted(ids.values()))
        if not heads:
            return set()
        if self._projects is None:
            rows = await self._fetch(LIST_PROJECTS_OF_RELEASE, release_id=self._release)
            self._projects = [project for (project,) in rows]
        others = sorted({release for _, release in heads})
        rows = await self._fetch(LIST_RELEASES_OF_PROJECTS, releases=others, projects=self._projects)
        related = {release for (release,) in rows}
        stops = {commit for commit, release in heads if release in related}
        return {name for name, row_id in ids.items() if row_id in stops}

    async def _fetch(self, statement: Statement, **values: Any) -> list[Any]:
        list_value = self._transaction.dialect.list_value
        driver_values = {name: list_value(value) if isinstance(value, list) else value for name, value in values.items()}
        return await self._transaction.fetch_all(statement, {**self._keys, **driver_values})

    async def _find_head_before(self, sha: str, floor: datetime | None) -> str | None:
        """Return the newest head of a list that is older than a commit; None if it is older than `floor`, or not unique."""
        time = self._commits[sha].timestamp
        if time is None:
            return None
        rows = await self._transaction.fetch_all(LIST_HEADS_BEFORE, {**self._keys, "time": time})
        if not rows:
            return None
        [(head, newest), *others] = [(str(head), to_datetime(head_time)) for head, head_time in rows]
        if any(newest == other for _, other in others) or (floor and newest and newest < floor):
            return None
        return head

    async def _find_time(self, sha: str) -> datetime | None:
        row = await self._transaction.fetch_one(FIND_COMMIT_TIME, {**self._keys, "sha": sha})
        if row is None:
            return None
        (time,) = row
        return to_datetime(time)
