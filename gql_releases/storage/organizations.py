"""Writes and lists organizations."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, OrganizationNotFound, invalid
from gql_releases.domain.organization import NewOrganization
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import Row, Statement, Transaction
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow

organizations, projects, releases = table(OrganizationRow), table(ProjectRow), table(ReleaseRow)

FIND_ORGANIZATION = Statement(
    "organizations.find", select(organizations.c.id).where(organizations.c.slug == bindparam("slug"))
)
INSERT_ORGANIZATION = Statement(
    "organizations.insert",
    lambda dialect: (
        dialect.insert(organizations)
        .values(bind_columns(organizations, "slug", "name", "date_created"))
        .on_conflict_do_nothing()
        .returning(organizations.c.id)
    ),
)
LIST_ORGANIZATIONS = Statement(
    "organizations.list",
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
        """Make an organization and give its id. Raises InvalidInput where the slug is taken."""

        async def work(transaction: Transaction) -> int:
            row = await transaction.fetch_one(
                INSERT_ORGANIZATION, {"slug": new.slug, "name": new.name, "date_created": now()}
            )
            if row is None:
                raise invalid(ErrorCode.ALREADY_EXISTS, ("slug",), f'The organization "{new.slug}" exists already.')
            return int(row[0])

        return await self._database.write(work)

    async def find_organization(self, slug: str) -> int:
        """Give an organization's id. Raises OrganizationNotFound."""

        async def work(transaction: Transaction) -> int:
            row = await transaction.fetch_one(FIND_ORGANIZATION, {"slug": slug})
            if row is None:
                raise OrganizationNotFound
            return int(row[0])

        return await self._database.read(work)

    async def list_organizations(self) -> list[Row]:
        """Return slug, name, number of projects and of releases of each organization, by slug."""
        return await self._database.read(lambda transaction: transaction.fetch_all(LIST_ORGANIZATIONS, {}))
