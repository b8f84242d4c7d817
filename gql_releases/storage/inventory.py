"""Writes what releases are about: projects, repositories, environments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ErrorCode, ProjectNotFound, invalid
from gql_releases.domain.organization import NewProject, ProjectChange, ProjectKey
from gql_releases.domain.outcomes import Kept, Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import Outcome
from gql_releases.domain.selection import Read, View
from gql_releases.storage.commits.store import repository_keeper
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import Keeper, insert, values_of
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.environments import environment_keeper
from gql_releases.storage.lookup import require_alive
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.tables import ProjectRow, table

projects = table(ProjectRow)

INSERT = Statement(
    lambda dialect: (
        insert(dialect, projects)
        .values(values_of(projects, "organization_id", "slug", "name", "date_created", "default_repository_id"))
        .on_conflict_do_nothing()
        .returning(projects.c.id)
    )
)
_selected = select(projects.c.id, projects.c.slug, projects.c.name, projects.c.default_repository_id).where(
    projects.c.organization_id == bindparam("organization", type_=Id)
)
BY_ID = Statement(_selected.where(projects.c.id == bindparam("id", type_=Id)))
BY_SLUG = Statement(_selected.where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type)))
UPDATE = Statement(
    update(projects)
    .values(values_of(projects, "slug", "name", "default_repository_id"))
    .where(projects.c.id == bindparam("project", type_=Id))
)


class InventoryStore:
    """Projects, repositories and environments in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_project(self, principal: Principal, new: NewProject, view: View | None) -> Tree | None:
        """Make a project. Raises InvalidInput where the slug is taken in this organization."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_alive(transaction, principal)
            owner = {"organization_id": principal.organization_id, "date_created": now()}
            default = {"default_repository_id": await _find_or_make_repository(transaction, owner, new.repository)}
            row = await transaction.one(INSERT, {**owner, "slug": new.slug, "name": new.name, **default})
            if row is None:
                raise _taken(new.slug)
            return await self._show(transaction, principal, int(row[0]), view)

        return await self._database.write(work)

    async def update_project(
        self, principal: Principal, key: ProjectKey, change: ProjectChange, view: View | None
    ) -> Tree | None:
        """Change what is given of a project. Raises ProjectNotFound, InvalidInput where the slug is taken."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_alive(transaction, principal)
            owner = {"organization": principal.organization_id}
            statement, named = (BY_ID, {"id": key.id}) if key.id is not None else (BY_SLUG, {"slug": key.slug})
            found = await transaction.one(statement, {**owner, **named})
            if found is None:
                raise ProjectNotFound
            project, slug, name, repository = found
            taken = change.slug and await transaction.one(BY_SLUG, {**owner, "slug": change.slug})
            if change.slug and taken and taken[0] != project:
                raise _taken(change.slug)
            if change.repository is not None:
                common = {"organization_id": principal.organization_id, "date_created": now()}
                repository = await _find_or_make_repository(transaction, common, change.repository)
            values = {"slug": change.slug or slug, "name": change.name or name, "default_repository_id": repository}
            await transaction.run(UPDATE, {"project": project, **values})
            return await self._show(transaction, principal, int(project), view)

        return await self._database.write(work)

    async def create_repository(self, principal: Principal, name: str, view: View | None) -> Kept:
        """Find a repository by its name, or make it."""
        return await self._keep(repository_keeper, principal, name, view)

    async def create_environment(self, principal: Principal, name: str, view: View | None) -> Kept:
        """Find an environment by its name, or make it."""
        return await self._keep(environment_keeper, principal, name, view)

    async def _keep(self, keeper: Keeper, principal: Principal, name: str, view: View | None) -> Kept:
        async def work(transaction: Transaction) -> Kept:
            await require_alive(transaction, principal)
            common = {"organization_id": principal.organization_id, "date_created": now()}
            known = await keeper.find(transaction, common, [name])
            found = known or await keeper.keep(transaction, common, {name: {"name": name}})
            outcome = Outcome.EXISTING if known else Outcome.CREATED
            return Kept(outcome, await self._show(transaction, principal, found[name], view))

        return await self._database.write(work)

    async def _show(self, transaction: Transaction, principal: Principal, key: int, view: View | None) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, Read(view, (("id", key),)))


async def _find_or_make_repository(transaction: Transaction, common: dict[str, Any], name: str | None) -> int | None:
    """Return the id of a repository by its name, a new one if there is none; None without a name."""
    return (await repository_keeper.keep(transaction, common, {name: {"name": name}}))[name] if name else None


def _taken(slug: str) -> Exception:
    return invalid(ErrorCode.ALREADY_EXISTS, ("slug",), f'The project "{slug}" exists already.')
