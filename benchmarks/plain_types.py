"""The plain schema's releases and what hangs on them, with a resolver for each field."""

from __future__ import annotations

import strawberry

from benchmarks.floor_http import release_id
from benchmarks.plain_store import Info, loaders, wire
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.deploy import DeployRow
from gql_releases.storage.schema.tables.release import ReleaseRow


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

    row: strawberry.Private[CommitRow]

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

    row: strawberry.Private[DeployRow]

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

    row: strawberry.Private[ReleaseRow]

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
        rows = await loaders(info).project.load_many([link.project_id for link in links])
        return Projects(nodes=[Project(slug=row.slug) for row in rows])

    @strawberry.field
    async def last_commit(self, info: Info) -> Commit | None:
        row = await loaders(info).commit.load(self.row.last_commit_id) if self.row.last_commit_id else None
        return row and Commit(row=row)

    @strawberry.field
    async def deploys(self, info: Info, first: int) -> Deploys:
        rows = await loaders(info).deploys.load((self.row.organization_id, self.row.id))
        return Deploys(nodes=[Deploy(row=row) for row in rows[:first]])

    @strawberry.field
    async def commits(self, info: Info, first: int) -> Commits:
        links = (await loaders(info).commits.load((self.row.organization_id, self.row.id)))[:first]
        rows = await loaders(info).commit.load_many([link.commit_id for link in links])
        return Commits(nodes=[Commit(row=row) for row in rows])


@strawberry.type
class Releases:
    """A page of releases."""

    page_info: PageInfo
    nodes: list[Release]
