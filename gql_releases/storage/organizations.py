"""Writes organizations, their projects and repositories."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, func, select

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, InvalidInput, OrganizationNotFound, Problem, invalid
from gql_releases.domain.organization import NewOrganization, wrong_slug
from gql_releases.domain.release import UNKNOWN_PROJECT_MESSAGE
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import Keeper, insert, values_of
from gql_releases.storage.engine.statements import Row, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema.tables import OrganizationRow, ProjectRow, ReleaseRow, table

organizations, projects, releases = table(OrganizationRow), table(ProjectRow), table(ReleaseRow)

FIND = Statement(select(organizations.c.id).where(organizations.c.slug == bindparam("slug")))
INSERT = Statement(
    lambda dialect: (
        insert(dialect, organizations)
        .values(values_of(organizations, "slug", "name", "date_created"))
        .on_conflict_do_nothing()
        .returning(organizations.c.id)
    )
)
LIST_ORGANIZATIONS = Statement(
    select(
        organizations.c.slug,
        organizations.c.name,
        select(func.count()).where(projects.c.organization_id == organizations.c.id).scalar_subquery().label("projects"),
        select(func.count()).where(releases.c.organization_id == organizations.c.id).scalar_subquery().label("releases"),
    ).order_by(organizations.c.slug)
)
LIST_PROJECTS = Statement(
    select(organizations.c.slug, projects.c.slug, projects.c.name)
    .join_from(projects, organizations)
    .order_by(organizations.c.slug, projects.c.slug)
)
_KNOWN = select(projects.c.id, projects.c.slug).where(projects.c.organization_id == bindparam("organization_id", type_=Id))
# Two statements, for SQLite finds by slug or id only by looking at every project.
PROJECTS_BY_SLUG = Statement(lambda dialect: _KNOWN.where(dialect.among(projects.c.slug, "named")))
PROJECTS_BY_ID = Statement(lambda dialect: _KNOWN.where(dialect.among(projects.c.id, "named")))
project_keeper = Keeper(projects, ("slug",), ("name", "date_created"), by="slug")


class OrganizationStore:
    """Organizations in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_organization(self, new: NewOrganization) -> int:
        """Make an organization and give its id. Raises InvalidInput where the slug is taken."""

        async def work(transaction: Transaction) -> int:
            row = await transaction.one(INSERT, {"slug": new.slug, "name": new.name, "date_created": now()})
            if row is None:
                raise invalid(ErrorCode.ALREADY_EXISTS, ("slug",), f'The organization "{new.slug}" exists already.')
            return int(row[0])

        return await self._database.write(work)

    async def find_organization(self, slug: str) -> int:
        """Give an organization's id. Raises OrganizationNotFound."""

        async def work(transaction: Transaction) -> int:
            row = await transaction.one(FIND, {"slug": slug})
            if row is None:
                raise OrganizationNotFound
            return int(row[0])

        return await self._database.read(work)

    async def list_organizations(self) -> list[Row]:
        """Return slug, name, number of projects and of releases of each organization, by slug."""
        return await self._database.read(lambda transaction: transaction.all(LIST_ORGANIZATIONS, {}))

    async def list_projects(self) -> list[Row]:
        """Return the organization's slug, slug and name of each project, in the order of these."""
        return await self._database.read(lambda transaction: transaction.all(LIST_PROJECTS, {}))


async def project_ids(
    transaction: Transaction,
    organization: int,
    named: tuple[str | int, ...],
    *,
    create: bool = False,
    unknown: str = UNKNOWN_PROJECT_MESSAGE,
    slugs: Mapping[str, int] | None = None,
) -> dict[str | int, int]:
    """Give the id of each project, named by slug or id, in the order of the naming; `slugs` were looked up already.

    `create` makes projects for unknown slugs. Raises InvalidInput for each unknown one, worded by `unknown`, and for each
    that is to be made and has no slug for a name.
    """
    texts = [name for name in named if isinstance(name, str)] if slugs is None else []
    numbers = [int(name) for name in named if isinstance(name, int) or (name.isascii() and name.isdigit())]
    known: dict[str, int] = {}
    for slug, row_id in (slugs or {}).items():
        known |= {slug: row_id, str(row_id): row_id}
    for statement, names in ((PROJECTS_BY_SLUG, texts), (PROJECTS_BY_ID, [number for number in numbers if number < 2**63])):
        if names:
            asked = {"organization_id": organization, "named": transaction.dialect.list_value(names)}
            for row_id, slug in await transaction.all(statement, asked):
                known |= {slug: row_id, str(row_id): row_id}
    new: list[str] = []
    problems: list[Problem] = []
    for index, name in enumerate(named):
        if str(name) in known:
            continue
        if not create or not isinstance(name, str) or name.isdigit():
            problems.append(Problem(ErrorCode.UNKNOWN_PROJECT, ("projects", index), unknown))
        elif wrong := wrong_slug(name):
            problems.append(Problem(ErrorCode.INVALID_SLUG, ("projects", index), wrong))
        else:
            new.append(name)
    if problems:
        raise InvalidInput(problems)
    if new:
        known |= await _create_missing(transaction, organization, new)
    return {name: known[str(name)] for name in named}


async def create_missing_projects(transaction: Transaction, organization: int, names: Collection[str | int]) -> None:
    """Make projects of those names that are valid slugs and not there, in the order of the slugs."""
    slugs = sorted(name for name in names if isinstance(name, str) and not name.isdigit() and not wrong_slug(name))
    if slugs:
        await _create_missing(transaction, organization, slugs)


async def _create_missing(transaction: Transaction, organization: int, slugs: list[str]) -> dict[str, int]:
    rows = {slug: {"slug": slug, "name": slug} for slug in slugs}
    return await project_keeper.keep(transaction, {"organization_id": organization, "date_created": now()}, rows)
