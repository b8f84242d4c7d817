"""Plain Strawberry, well made: the items' part of the schema with resolvers, ORM rows loaded in batches, documents parsed once.

The naive schema of tests/oracle reads every release of an organization for a page, which no store of some thousand stands: here
each list is one statement for all parents.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import orjson
import strawberry
import uvloop
from sqlalchemy import event, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlmodel import create_engine, select
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.floor_http import cursor, place, read_version, release_id, serve
from gql_releases.auth.tokens import digest_of
from gql_releases.storage import tables as t


def wire(date: datetime | None) -> str | None:
    """Spell a date."""
    return date and date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Store:
    """Runs statements: inline on SQLite, which is faster than a thread, and by asyncpg on PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._sync = self._async = None
        if url.startswith("sqlite"):
            self._sync = create_engine(url, connect_args={"check_same_thread": False})
            event.listen(self._sync, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=FULL"))
        else:
            self._async = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"), pool_size=10)

    async def all(self, statement: Any) -> Sequence[Any]:
        """Give a statement's rows."""
        if self._sync:
            with Session(self._sync, expire_on_commit=False) as session:
                return session.execute(statement).all()
        async with AsyncSession(self._async, expire_on_commit=False) as asynchronous:
            return (await asynchronous.execute(statement)).all()

    async def write(self, work: Any) -> Any:
        """Run some work on a session in one transaction."""
        if self._sync:
            with Session(self._sync, expire_on_commit=False) as session, session.begin():
                return work(session)
        async with AsyncSession(self._async, expire_on_commit=False) as asynchronous, asynchronous.begin():
            return await asynchronous.run_sync(work)


class Loaders:
    """What one request loads in batches."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.commit = DataLoader(self._by_id(t.CommitRow))
        self.author = DataLoader(self._by_id(t.CommitAuthorRow))
        self.environment = DataLoader(self._by_id(t.EnvironmentRow))
        self.project = DataLoader(self._by_id(t.ProjectRow))
        self.projects = DataLoader(self._of_release(t.ReleaseProjectRow, t.ReleaseProjectRow.project_id))
        self.deploys = DataLoader(self._of_release(t.DeployRow, t.DeployRow.finish_order.desc(), t.DeployRow.id.desc()))
        self.commits = DataLoader(self._of_release(t.ReleaseCommitRow, t.ReleaseCommitRow.position))

    def _by_id(self, row: Any) -> Any:
        async def load(keys: list[int]) -> list[Any]:
            found = {one.id: one for (one,) in await self.store.all(select(row).where(row.id.in_(keys)))}
            return [found.get(key) for key in keys]

        return load

    def _of_release(self, row: Any, *order: Any) -> Any:
        async def load(keys: list[tuple[int, int]]) -> list[list[Any]]:
            owner, releases = keys[0][0], [release for _, release in keys]
            found = defaultdict(list)
            asked = select(row).where(row.organization_id == owner, row.release_id.in_(releases)).order_by(*order)
            for (one,) in await self.store.all(asked):
                found[one.release_id].append(one)
            return [found[release] for release in releases]

        return load


Info = strawberry.Info[dict[str, Any], None]


def loaders(info: Info) -> Loaders:
    """Give the request's loaders."""
    found: Loaders = info.context["loaders"]
    return found


@strawberry.type
class PageInfo:
    """A page's ends."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Author:
    """A commit's author."""

    name: str | None
    email: str


@strawberry.type
class Commit:
    """A commit."""

    row: strawberry.Private[t.CommitRow]

    @strawberry.field
    def sha(self) -> str:
        return self.row.sha

    @strawberry.field
    def message(self) -> str | None:
        return self.row.message

    @strawberry.field
    def timestamp(self) -> str | None:
        return wire(self.row.timestamp)

    @strawberry.field
    async def author(self, info: Info) -> Author | None:
        row = await loaders(info).author.load(self.row.author_id) if self.row.author_id else None
        return row and Author(name=row.name, email=row.email)


@strawberry.type
class Environment:
    """An environment."""

    name: str


@strawberry.type
class Deploy:
    """A deploy."""

    row: strawberry.Private[t.DeployRow]

    @strawberry.field
    async def environment(self, info: Info) -> Environment:
        return Environment(name=(await loaders(info).environment.load(self.row.environment_id)).name)

    @strawberry.field
    def date_finished(self) -> str | None:
        return wire(self.row.date_finished)

    @strawberry.field
    def url(self) -> str | None:
        return self.row.url


@strawberry.type
class Project:
    """A project."""

    slug: str


@strawberry.type
class Projects:
    """Some projects."""

    nodes: list[Project]


@strawberry.type
class Deploys:
    """Some deploys."""

    nodes: list[Deploy]


@strawberry.type
class Commits:
    """Some commits."""

    nodes: list[Commit]


@strawberry.type
class Version:
    """A version's parts."""

    raw: str | None
    major: int | None
    minor: int | None
    patch: int | None
    pre: str | None
    build_code: str | None
    components: int | None


@strawberry.type
class VersionInfo:
    """What a version says."""

    package: str | None
    description: str | None
    build_hash: str | None
    version: Version


@strawberry.type
class Release:
    """A release."""

    row: strawberry.Private[t.ReleaseRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(release_id(self.row.id or 0))

    @strawberry.field
    def version(self) -> str:
        return self.row.version

    @strawberry.field
    def short_version(self) -> str:
        return self.row.version

    @strawberry.field
    def ref(self) -> str | None:
        return self.row.ref

    @strawberry.field
    def url(self) -> str | None:
        return self.row.url

    @strawberry.field
    def status(self) -> str:
        return self.row.status

    @strawberry.field
    def date_created(self) -> str | None:
        return wire(self.row.date_created)

    @strawberry.field
    def date_released(self) -> str | None:
        return wire(self.row.date_released)

    @strawberry.field
    def commit_count(self) -> int:
        return self.row.commit_count

    @strawberry.field
    def deploy_count(self) -> int:
        return self.row.deploy_count

    @strawberry.field
    def version_info(self) -> VersionInfo:
        row = self.row
        major, minor, patch = (None if n is None else int(n) for n in (row.major, row.minor, row.patch))
        version = Version(
            raw=row.raw,
            major=major,
            minor=minor,
            patch=patch,
            pre=row.pre,
            build_code=row.build_code,
            components=row.components,
        )
        return VersionInfo(package=row.package, description=row.description, build_hash=row.build_hash, version=version)

    @strawberry.field
    async def projects(self, info: Info, first: int) -> Projects:
        links = (await loaders(info).projects.load((self.row.organization_id, self.row.id)))[:first]
        rows = await loaders(info).project.load_many([one.project_id for one in links])
        return Projects(nodes=[Project(slug=one.slug) for one in rows])

    @strawberry.field
    async def last_commit(self, info: Info) -> Commit | None:
        row = await loaders(info).commit.load(self.row.last_commit_id) if self.row.last_commit_id else None
        return row and Commit(row=row)

    @strawberry.field
    async def deploys(self, info: Info, first: int) -> Deploys:
        rows = await loaders(info).deploys.load((self.row.organization_id, self.row.id))
        return Deploys(nodes=[Deploy(row=one) for one in rows[:first]])

    @strawberry.field
    async def commits(self, info: Info, first: int) -> Commits:
        links = (await loaders(info).commits.load((self.row.organization_id, self.row.id)))[:first]
        rows = await loaders(info).commit.load_many([one.commit_id for one in links])
        return Commits(nodes=[Commit(row=one) for one in rows])


@strawberry.type
class Releases:
    """A page of releases."""

    page_info: PageInfo
    nodes: list[Release]


@strawberry.input
class ReleaseFilter:
    """Which releases."""

    project: str


@strawberry.enum
class Field(Enum):
    """What releases are sorted by."""

    SEMVER = "SEMVER"


@strawberry.enum
class Direction(Enum):
    """Which end is first."""

    DESC = "DESC"


@strawberry.input
class ReleaseOrder:
    """In which order."""

    field: Field
    direction: Direction


@strawberry.type
class Organization:
    """A tenant."""

    row_id: strawberry.Private[int]

    @strawberry.field
    async def releases(
        self,
        info: Info,
        first: int,
        after: str | None = None,
        filter: ReleaseFilter | None = None,
        order_by: ReleaseOrder | None = None,
    ) -> Releases:
        row, name = t.ReleaseRow, "semver_key" if order_by else "date_created"
        key = getattr(row, name)
        asked = select(row).where(row.organization_id == self.row_id).order_by(key.desc(), row.id.desc()).limit(first + 1)
        if filter:
            of_project = select(t.ReleaseProjectRow.release_id).join(
                t.ProjectRow, t.ProjectRow.id == t.ReleaseProjectRow.project_id
            )
            asked = asked.where(row.id.in_(of_project.where(t.ProjectRow.slug == filter.project)))
        if after:
            date, number = place(after)
            asked = asked.where(tuple_(key, row.id) < (datetime.fromisoformat(date), number))
        rows = [one for (one,) in await loaders(info).store.all(asked)]
        more, rows = len(rows) > first, rows[:first]
        last = getattr(rows[-1], name) if rows else None
        end = cursor(name, last if order_by else str(wire(last)), rows[-1].id) if rows else None
        return Releases(page_info=PageInfo(has_next_page=more, end_cursor=end), nodes=[Release(row=one) for one in rows])


@strawberry.input
class ReleaseKey:
    """A release by its version."""

    organization: str
    version: str


@strawberry.input
class ReleaseBy:
    """Which release."""

    key: ReleaseKey


@strawberry.input
class CommitInput:
    """A commit to be stored."""

    sha: str
    repository: str
    message: str
    author_name: str
    author_email: str
    timestamp: datetime


@strawberry.input
class CreateReleaseInput:
    """A release to be stored."""

    organization: str
    version: str
    projects: list[str]
    ref: str
    url: str
    date_released: datetime
    commits: list[CommitInput]


@strawberry.type
class UserError:
    """What is wrong."""

    code: str
    message: str
    field: list[str]


@strawberry.type
class CreateReleasePayload:
    """What came of a creation."""

    outcome: str
    release: Release
    user_errors: list[UserError]


async def organization_of(info: Info, slug: str) -> int | None:
    """Find the organization, if it is the caller's."""
    rows = await loaders(info).store.all(select(t.OrganizationRow.id).where(t.OrganizationRow.slug == slug))
    return rows[0][0] if rows and rows[0][0] == info.context["owner"] else None


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field
    async def release(self, info: Info, by: ReleaseBy) -> Release | None:
        owner, row = await organization_of(info, by.key.organization), t.ReleaseRow
        asked = select(row).where(row.organization_id == owner, row.version == by.key.version)
        rows = await loaders(info).store.all(asked)
        return Release(row=rows[0][0]) if rows else None

    @strawberry.field
    async def organization(self, info: Info, slug: str) -> Organization | None:
        owner = await organization_of(info, slug)
        return owner and Organization(row_id=owner)


def create(session: Session, owner: int, asked: CreateReleaseInput) -> t.ReleaseRow:
    """Write a release by the ORM."""
    now = datetime.now(UTC)

    def keep(row: Any, column: str, key: str, **more: Any) -> Any:
        found = session.scalars(select(row).where(row.organization_id == owner, getattr(row, column) == key)).first()
        if found is None:
            found = row(organization_id=owner, **{column: key}, **more)
            session.add(found)
            session.flush()
        return found

    package, raw, major, minor, patch, build, description, key = read_version(asked.version)
    release = t.ReleaseRow(
        organization_id=owner, version=asked.version, ref=asked.ref, url=asked.url, status="OPEN", date_created=now,
        date_released=asked.date_released, release_order=asked.date_released, commit_count=len(asked.commits), package=package,
        raw=raw, major=major, minor=minor, patch=patch, build_code=build, components=3, description=description,
        semver_key=key, build_number=int(build),
    )  # fmt: skip
    session.add(release)
    session.flush()
    commits, repositories, authors = [], {}, {}
    for one in asked.commits:
        repositories[one.repository] = repositories.get(one.repository) or keep(
            t.RepositoryRow, "name", one.repository, date_created=now
        )
        authors[one.author_email] = authors.get(one.author_email) or keep(
            t.CommitAuthorRow, "email", one.author_email, name=one.author_name
        )
        repository, author = repositories[one.repository], authors[one.author_email]
        commits.append(t.CommitRow(
            organization_id=owner, repository_id=repository.id, sha=one.sha, author_id=author.id, message=one.message,
            timestamp=one.timestamp, date_created=now,
        ))  # fmt: skip
    session.add_all(commits)
    session.flush()
    common = {"organization_id": owner, "release_id": release.id}
    for index, commit in enumerate(commits):
        session.add(t.ReleaseCommitRow(**common, position=index, commit_id=commit.id))
    for index, author in enumerate(authors.values()):
        session.add(t.ReleaseAuthorRow(**common, position=index, author_id=author.id))
    for repository in repositories.values():
        first = next(one for one in commits if one.repository_id == repository.id)
        session.add(t.HeadCommitRow(**common, repository_id=repository.id, commit_id=first.id))
    for slug in asked.projects:
        project = session.scalars(
            select(t.ProjectRow).where(t.ProjectRow.organization_id == owner, t.ProjectRow.slug == slug)
        ).one()
        keys = {"date_created": now, "release_order": asked.date_released, "date_shown": asked.date_released}
        session.add(t.ReleaseProjectRow(**common, **keys, project_id=project.id, semver_key=key, build_number=int(build)))
    release.last_commit_id = commits[0].id
    session.flush()
    return release


@strawberry.type
class Mutation:
    """Writes."""

    @strawberry.mutation
    async def create_release(self, info: Info, input: CreateReleaseInput) -> CreateReleasePayload:
        owner = await organization_of(info, input.organization)
        assert owner
        row = await loaders(info).store.write(lambda session: create(session, owner, input))
        return CreateReleasePayload(outcome="CREATED", release=Release(row=row), user_errors=[])


class App(GraphQL):
    """The schema over HTTP, with a token."""

    def __init__(self, store: Store) -> None:
        super().__init__(strawberry.Schema(Query, Mutation, extensions=[ParserCache(), ValidationCache()]))
        self._store = store

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        digest = digest_of(request.headers["authorization"].removeprefix("Bearer "))
        asked = select(t.TokenRow.organization_id).where(t.TokenRow.digest == digest, t.TokenRow.revoked_at.is_(None))
        ((owner,),) = await self._store.all(asked)
        return {"owner": owner, "loaders": Loaders(self._store)}

    def encode_json(self, data: Any) -> bytes:
        return orjson.dumps(data)


if __name__ == "__main__":
    ask = argparse.ArgumentParser()
    ask.add_argument("--url", required=True)
    ask.add_argument("--port", type=int, required=True)
    said = ask.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(App(Store(said.url)), said.port))
