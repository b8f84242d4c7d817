"""The plain schema's roots: the items' reads, and the creation."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry
from sqlalchemy import tuple_
from sqlmodel import select

from benchmarks.floor_http import cursor, place
from benchmarks.plain_creation import CreateReleaseInput, create
from benchmarks.plain_store import Info, loaders, wire
from benchmarks.plain_types import PageInfo, Release, Releases
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow


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
        row, name = ReleaseRow, "semver_key" if order_by else "date_created"
        key = getattr(row, name)
        body = select(row).where(row.organization_id == self.row_id).order_by(key.desc(), row.id.desc()).limit(first + 1)
        if filter:
            of_project = select(ReleaseProjectRow.release_id).join(ProjectRow, ProjectRow.id == ReleaseProjectRow.project_id)
            body = body.where(row.id.in_(of_project.where(ProjectRow.slug == filter.project)))
        if after:
            date, number = place(after)
            body = body.where(tuple_(key, row.id) < (datetime.fromisoformat(date), number))
        rows = [item for (item,) in await loaders(info).store.all(body)]
        more, rows = len(rows) > first, rows[:first]
        last = getattr(rows[-1], name) if rows else None
        end = cursor(name, last if order_by else str(wire(last)), rows[-1].id) if rows else None
        return Releases(page_info=PageInfo(has_next_page=more, end_cursor=end), nodes=[Release(row=row) for row in rows])


@strawberry.input
class ReleaseKey:
    """A release by its version."""

    organization: str
    version: str


@strawberry.input
class ReleaseBy:
    """Which release."""

    key: ReleaseKey


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
    rows = await loaders(info).store.all(select(OrganizationRow.id).where(OrganizationRow.slug == slug))
    return rows[0][0] if rows and rows[0][0] == info.context["owner"] else None


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field
    async def release(self, info: Info, by: ReleaseBy) -> Release | None:
        owner, row = await organization_of(info, by.key.organization), ReleaseRow
        body = select(row).where(row.organization_id == owner, row.version == by.key.version)
        rows = await loaders(info).store.all(body)
        return Release(row=rows[0][0]) if rows else None

    @strawberry.field
    async def organization(self, info: Info, slug: str) -> Organization | None:
        owner = await organization_of(info, slug)
        return Organization(row_id=owner) if owner else None


@strawberry.type
class Mutation:
    """Writes."""

    @strawberry.mutation
    async def create_release(self, info: Info, input: CreateReleaseInput) -> CreateReleasePayload:
        owner = await organization_of(info, input.organization)
        assert owner
        row = await loaders(info).store.write(lambda session: create(session, owner, input))
        return CreateReleasePayload(outcome="CREATED", release=Release(row=row), user_errors=[])
