"""Writes projects and finds them by slug or id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem, invalid
from gql_releases.domain.organization import NewProject, ProjectChange, ProjectReference, wrong_slug
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import UNKNOWN_PROJECT_MESSAGE
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import NaturalKeyTable, bind_columns
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import FIND_PROJECT_BY_SLUG, find_project, require_active_token
from gql_releases.storage.project_keys import create_default_keys
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.repositories import repository_keys
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow

organizations, projects = table(OrganizationRow), table(ProjectRow)


class ProjectSummary(NamedTuple):
    """A project in the list of all organizations' projects."""

    organization: str
    slug: str
    name: str


class ProjectId(NamedTuple):
    """A project's id and slug."""

    id: int
    slug: str


LIST_PROJECTS = RowStatement(
    "projects.list",
    ProjectSummary,
    select(organizations.c.slug, projects.c.slug, projects.c.name)
    .join_from(projects, organizations)
    .order_by(organizations.c.slug, projects.c.slug),
)
_SELECT_IDS = select(projects.c.id, projects.c.slug).where(
    projects.c.organization_id == bindparam("organization_id", type_=Id)
)
# Two statements: for a condition on slug or id SQLite scans all projects.
LOOK_UP_PROJECTS_BY_SLUG = RowStatement(
    "projects.look_up_by_slug", ProjectId, lambda dialect: _SELECT_IDS.where(dialect.is_among(projects.c.slug, "named"))
)
LOOK_UP_PROJECTS_BY_ID = RowStatement(
    "projects.look_up_by_id", ProjectId, lambda dialect: _SELECT_IDS.where(dialect.is_among(projects.c.id, "named"))
)
INSERT_PROJECT = RowStatement(
    "projects.insert",
    IdRow,
    lambda dialect: (
        dialect.insert(projects)
        .values(bind_columns(projects, "organization_id", "slug", "name", "date_created", "default_repository_id"))
        .on_conflict_do_nothing()
        .returning(projects.c.id)
    ),
)
UPDATE_PROJECT = Statement(
    "projects.update",
    update(projects)
    .values(bind_columns(projects, "slug", "name", "default_repository_id"))
    .where(projects.c.id == bindparam("project", type_=Id)),
)
project_slugs = NaturalKeyTable(projects, ("slug",), ("name", "date_created"), by="slug")


async def find_projects(
    transaction: Transaction,
    organization: int,
    names: tuple[str | int, ...],
    *,
    create: bool = False,
    unknown: str = UNKNOWN_PROJECT_MESSAGE,
    slugs: Mapping[str, int] | None = None,
) -> dict[str | int, int]:
    """Return the id of each project by its name, a slug or an id, in the order of `names`.

    `create` inserts a project for each unknown slug. `slugs`: ids that were looked up already, by slug. Raises
    InvalidInput with a problem for each unknown project, whose message is `unknown`, and for each invalid new slug.
    """
    texts = [name for name in names if isinstance(name, str)] if slugs is None else []
    numbers = [int(name) for name in names if isinstance(name, int) or (name.isascii() and name.isdigit())]
    ids: dict[str, int] = {}
    for slug, project in (slugs or {}).items():
        ids |= {slug: project, str(project): project}
    for statement, keys in (
        (LOOK_UP_PROJECTS_BY_SLUG, texts),
        (LOOK_UP_PROJECTS_BY_ID, [number for number in numbers if number < 2**63]),
    ):
        if keys:
            values = {"organization_id": organization, "named": transaction.dialect.list_value(keys)}
            for row in await statement.fetch_all(transaction, values):
                ids |= {row.slug: row.id, str(row.id): row.id}
    new: list[str] = []
    problems: list[Problem] = []
    for index, name in enumerate(names):
        if str(name) in ids:
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
        ids |= await _create_missing(transaction, organization, new)
    return {name: ids[str(name)] for name in names}


async def create_missing_projects(transaction: Transaction, organization: int, names: Collection[str | int]) -> None:
    """Insert a project for each name that is a valid slug and has none, in the order of the slugs."""
    slugs = sorted(name for name in names if isinstance(name, str) and not name.isdigit() and not wrong_slug(name))
    if slugs:
        await _create_missing(transaction, organization, slugs)


async def _create_missing(transaction: Transaction, organization: int, slugs: list[str]) -> dict[str, int]:
    rows = {slug: {"slug": slug, "name": slug} for slug in slugs}
    common = {"organization_id": organization, "date_created": now()}
    ids = await project_slugs.find_or_create(transaction, common, rows)
    await create_default_keys(transaction, organization, ids.values())
    return ids


class ProjectStore:
    """Projects in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_project(self, principal: Principal, new: NewProject, view: PagedSelection | None) -> Tree | None:
        """Insert a project. Raises InvalidInput where the slug exists in this organization."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            owner = {"organization_id": principal.organization_id, "date_created": now()}
            default = {"default_repository_id": await _find_or_create_repository(transaction, owner, new.repository)}
            values = {**owner, "slug": new.slug, "name": new.name, **default}
            project = await INSERT_PROJECT.fetch_one(transaction, values)
            if project is None:
                raise _slug_taken_error(new.slug)
            await create_default_keys(transaction, principal.organization_id, [project.id])
            return await self._read_view(transaction, principal, project.id, view)

        return await self._database.write(work)

    async def update_project(
        self, principal: Principal, key: ProjectReference, change: ProjectChange, view: PagedSelection | None
    ) -> Tree | None:
        """Update the columns that a change has. Raises ProjectNotFound, InvalidInput where the slug exists."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            project = await find_project(transaction, principal, key)
            if change.slug:
                own_slug = {"organization": principal.organization_id, "slug": change.slug}
                other = await FIND_PROJECT_BY_SLUG.fetch_one(transaction, own_slug)
                if other and other.id != project.id:
                    raise _slug_taken_error(change.slug)
            repository = project.default_repository_id
            if change.repository is not None:
                common = {"organization_id": principal.organization_id, "date_created": now()}
                repository = await _find_or_create_repository(transaction, common, change.repository)
            values = {
                "slug": change.slug or project.slug,
                "name": change.name or project.name,
                "default_repository_id": repository,
            }
            await transaction.execute(UPDATE_PROJECT, {"project": project.id, **values})
            return await self._read_view(transaction, principal, project.id, view)

        return await self._database.write(work)

    async def list_projects(self) -> list[ProjectSummary]:
        """Return the projects of all organizations, by the slugs of organization and project."""
        return await self._database.read(lambda transaction: LIST_PROJECTS.fetch_all(transaction, {}))

    async def _read_view(
        self, transaction: Transaction, principal: Principal, key: int, view: PagedSelection | None
    ) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, ObjectRead(view, (("id", key),)))


async def _find_or_create_repository(transaction: Transaction, common: dict[str, Any], name: str | None) -> int | None:
    """Return the id of the repository of a name, which is inserted if it is missing; None without a name."""
    return (await repository_keys.find_or_create(transaction, common, {name: {"name": name}}))[name] if name else None


def _slug_taken_error(slug: str) -> Exception:
    return invalid(ErrorCode.ALREADY_EXISTS, ("slug",), f'The project "{slug}" exists already.')
