"""Writes and lists organizations."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, OrganizationNotFound, invalid
from gql_releases.domain.organization import NewOrganization
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import IdRow, RowStatement, Transaction
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow

organizations, projects, releases = table(OrganizationRow), table(ProjectRow), table(ReleaseRow)

FIND_ORGANIZATION = RowStatement(
    "organizations.find", IdRow, select(organizations.c.id).where(organizations.c.slug == bindparam("slug"))
)
INSERT_ORGANIZATION = RowStatement(
    "organizations.insert",
    IdRow,
    lambda dialect: (
        dialect.insert(organizations)
        .values(bind_columns(organizations, "slug", "name", "date_created", "user_salt"))
        .on_conflict_do_nothing()
        .returning(organizations.c.id)
    ),
)


class OrganizationSummary(NamedTuple):
    """An organization, with the number of its projects and releases."""

    slug: str
    name: str
    projects: int
    releases: int


LIST_ORGANIZATIONS = RowStatement(
    "organizations.list",
    OrganizationSummary,
    select(
        organizations.c.slug,
        organizations.c.name,
        select(func.count()).where(projects.c.organization_id == organizations.c.id).scalar_subquery().label("projects"),
        select(func.count()).where(releases.c.organization_id == organizations.c.id).scalar_subquery().label("releases"),
    ).order_by(organizations.c.slug),
)


class OrganizationStore:
    """Organizations in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_organization(self, new: NewOrganization) -> int:
        """Insert an organization and return its id. Raises InvalidInput where the slug exists."""

        async def work(transaction: Transaction) -> int:
            values = {"slug": new.slug, "name": new.name, "date_created": now(), "user_salt": secrets.token_hex(16)}
            organization = await INSERT_ORGANIZATION.fetch_one(transaction, values)
            if organization is None:
                raise invalid(ErrorCode.ALREADY_EXISTS, ("slug",), f'The organization "{new.slug}" exists already.')
            return organization.id

        return await self._database.write(work)

    async def find_organization(self, slug: str) -> int:
        """Return an organization's id. Raises OrganizationNotFound."""

        async def work(transaction: Transaction) -> int:
            organization = await FIND_ORGANIZATION.fetch_one(transaction, {"slug": slug})
            if organization is None:
                raise OrganizationNotFound
            return organization.id

        return await self._database.read(work)

    async def list_organizations(self) -> list[OrganizationSummary]:
        """Return all organizations, by slug."""
        return await self._database.read(lambda transaction: LIST_ORGANIZATIONS.fetch_all(transaction, {}))
