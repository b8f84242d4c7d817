"""Writes projects and finds them by slug or id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem, ProjectNotFound, invalid
from gql_releases.domain.organization import NewProject, ProjectChange, ProjectKey, wrong_slug
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import UNKNOWN_PROJECT_MESSAGE
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import NaturalKeyTable, bind_columns
from gql_releases.storage.engine.statements import Row, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.repositories import repository_keeper
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow

organizations, projects = table(OrganizationRow), table(ProjectRow)

LIST_PROJECTS = Statement(
    "projects.list",
    select(organizations.c.slug, projects.c.slug, projects.c.name)
    .join_from(projects, organizations)
    .order_by(organizations.c.slug, projects.c.slug),
)
_SELECT_IDS = select(projects.c.id, projects.c.slug).where(
    projects.c.organization_id == bindparam("organization_id", type_=Id)
)
# Two statements, for SQLite finds by slug or id only by looking at every project.
LOOK_UP_PROJECTS_BY_SLUG = Statement(
    "projects.look_up_by_slug", lambda dialect: _SELECT_IDS.where(dialect.is_among(projects.c.slug, "named"))
)
LOOK_UP_PROJECTS_BY_ID = Statement(
    "projects.look_up_by_id", lambda dialect: _SELECT_IDS.where(dialect.is_among(projects.c.id, "named"))
)
project_keeper = NaturalKeyTable(projects, ("slug",), ("name", "date_created"), by="slug")


async def find_projects(
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
    for statement, names in (
        (LOOK_UP_PROJECTS_BY_SLUG, texts),
        (LOOK_UP_PROJECTS_BY_ID, [number for number in numbers if number < 2**63]),
    ):
        if names:
            asked = {"organization_id": organization, "named": transaction.dialect.list_value(names)}
            for row_id, slug in await transaction.fetch_all(statement, asked):
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
    return await project_keeper.find_or_create(transaction, {"organization_id": organization, "date_created": now()}, rows)


INSERT_PROJECT = Statement(
    "projects.insert",
    lambda dialect: (
        dialect.insert(projects)
        .values(bind_columns(projects, "organization_id", "slug", "name", "date_created", "default_repository_id"))
        .on_conflict_do_nothing()
        .returning(projects.c.id)
    ),
)
_SELECT_PROJECT = select(projects.c.id, projects.c.slug, projects.c.name, projects.c.default_repository_id).where(
    projects.c.organization_id == bindparam("organization", type_=Id)
)
FIND_PROJECT_BY_ID = Statement("projects.find_by_id", _SELECT_PROJECT.where(projects.c.id == bindparam("id", type_=Id)))
FIND_PROJECT_BY_SLUG = Statement(
    "projects.find_by_slug", _SELECT_PROJECT.where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type))
)
UPDATE_PROJECT = Statement(
    "projects.update",
    update(projects)
    .values(bind_columns(projects, "slug", "name", "default_repository_id"))
    .where(projects.c.id == bindparam("project", type_=Id)),
)


class ProjectStore:
    """Projects in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_project(self, principal: Principal, new: NewProject, view: PagedSelection | None) -> Tree | None:
        """Make a project. Raises InvalidInput where the slug is taken in this organization."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            owner = {"organization_id": principal.organization_id, "date_created": now()}
            default = {"default_repository_id": await _find_or_make_repository(transaction, owner, new.repository)}
            row = await transaction.fetch_one(INSERT_PROJECT, {**owner, "slug": new.slug, "name": new.name, **default})
            if row is None:
                raise _slug_taken_error(new.slug)
            return await self._show(transaction, principal, int(row[0]), view)

        return await self._database.write(work)

    async def update_project(
        self, principal: Principal, key: ProjectKey, change: ProjectChange, view: PagedSelection | None
    ) -> Tree | None:
        """Change what is given of a project. Raises ProjectNotFound, InvalidInput where the slug is taken."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            owner = {"organization": principal.organization_id}
            statement, named = (
                (FIND_PROJECT_BY_ID, {"id": key.id}) if key.id is not None else (FIND_PROJECT_BY_SLUG, {"slug": key.slug})
            )
            found = await transaction.fetch_one(statement, {**owner, **named})
            if found is None:
                raise ProjectNotFound
            project, slug, name, repository = found
            taken = change.slug and await transaction.fetch_one(FIND_PROJECT_BY_SLUG, {**owner, "slug": change.slug})
            if change.slug and taken and taken[0] != project:
                raise _slug_taken_error(change.slug)
            if change.repository is not None:
                common = {"organization_id": principal.organization_id, "date_created": now()}
                repository = await _find_or_make_repository(transaction, common, change.repository)
            values = {"slug": change.slug or slug, "name": change.name or name, "default_repository_id": repository}
            await transaction.execute(UPDATE_PROJECT, {"project": project, **values})
            return await self._show(transaction, principal, int(project), view)

        return await self._database.write(work)

    async def list_projects(self) -> list[Row]:
        """Return the organization's slug, slug and name of each project, in the order of these."""
        return await self._database.read(lambda transaction: transaction.fetch_all(LIST_PROJECTS, {}))

    async def _show(
        self, transaction: Transaction, principal: Principal, key: int, view: PagedSelection | None
    ) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, ObjectRead(view, (("id", key),)))


async def _find_or_make_repository(transaction: Transaction, common: dict[str, Any], name: str | None) -> int | None:
    """Return the id of a repository by its name, a new one if there is none; None without a name."""
    return (await repository_keeper.find_or_create(transaction, common, {name: {"name": name}}))[name] if name else None


def _slug_taken_error(slug: str) -> Exception:
    return invalid(ErrorCode.ALREADY_EXISTS, ("slug",), f'The project "{slug}" exists already.')
