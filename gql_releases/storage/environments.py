"""Writes environments, and what runs in them now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from gql_releases.domain.deploy import DeployStatus
from gql_releases.domain.outcomes import UpsertResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import NaturalKeyTable, bind_columns
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import find_or_create_named
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.deploy import CurrentDeployRow, DeployProjectRow, DeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow

current, deploys, deploy_projects = table(CurrentDeployRow), table(DeployRow), table(DeployProjectRow)

environment_keeper = NaturalKeyTable(table(EnvironmentRow), ("name",), ("date_created",), by="name")

_KEY = ("organization_id", "environment_id", "project_id")


def filter_by_environment(target: Any, *names: str) -> list[Any]:
    """Return the conditions for the rows of one project in one environment."""
    return [target.c[name] == bindparam(name, type_=Id) for name in names]


NEWEST_DEPLOY = Statement(
    "environments.newest_deploy",
    select(deploys.c.id, deploys.c.release_id)
    .where(
        *filter_by_environment(deploys, "organization_id", "environment_id"),
        deploys.c.status == DeployStatus.SUCCEEDED.value,
        select(deploy_projects.c.deploy_id)
        .where(
            *filter_by_environment(deploy_projects, "organization_id", "project_id"),
            deploy_projects.c.deploy_id == deploys.c.id,
        )
        .exists(),
    )
    .order_by(deploys.c.finish_order.desc(), deploys.c.id.desc())
    .limit(1),
)
CLEAR_CURRENT = Statement("environments.clear_current", delete(current).where(*filter_by_environment(current, *_KEY)))
DELETE_CURRENT_OF_RELEASE = Statement(
    "environments.delete_current_of_release",
    update(deploys)
    .values(previous_release_id=None)
    .where(
        deploys.c.organization_id == bindparam("organization", type_=Id),
        deploys.c.previous_release_id == bindparam("release", type_=Id),
    ),
)
FIND_RUNNING_RELEASE = Statement(
    "environments.find_running_release",
    select(current.c.environment_id, current.c.project_id).where(
        current.c.organization_id == bindparam("organization", type_=Id),
        current.c.release_id == bindparam("release", type_=Id),
    ),
)


def _upsert_current(dialect: Dialect) -> Any:
    made = dialect.insert(current).values(bind_columns(current, *_KEY, "deploy_id", "release_id"))
    newer = {"deploy_id": made.excluded.deploy_id, "release_id": made.excluded.release_id}
    return made.on_conflict_do_update(index_elements=list(_KEY), set_=newer)


def _select_current_before(dialect: Dialect) -> Any:
    return (
        select(current.c.release_id)
        .select_from(current.join(deploys, deploys.c.id == current.c.deploy_id))
        .where(
            *filter_by_environment(current, "organization_id", "environment_id"),
            dialect.is_among(current.c.project_id, "projects"),
        )
        .order_by(deploys.c.finish_order.desc(), deploys.c.id.desc())
        .limit(1)
    )


UPSERT_CURRENT, FIND_RELEASE_BEFORE = (
    Statement("environments.upsert_current", _upsert_current),
    Statement("environments.find_release_before", _select_current_before),
)


async def find_running_release(
    transaction: Transaction, organization: int, environment: int, projects: Sequence[int]
) -> int | None:
    """Give the release that was put into an environment last, of those that one of the projects runs there now."""
    place = {"organization_id": organization, "environment_id": environment}
    row = await transaction.fetch_one(FIND_RELEASE_BEFORE, {**place, "projects": transaction.dialect.list_value(projects)})
    return None if row is None else int(row[0])


async def refresh_current(transaction: Transaction, organization: int, places: Iterable[tuple[int, int]]) -> None:
    """Note what runs in places, (environment, project) pairs: the last finished of the deploys that succeeded there."""
    for environment, project in sorted(places):
        place = {"organization_id": organization, "environment_id": environment, "project_id": project}
        row = await transaction.fetch_one(NEWEST_DEPLOY, place)
        if row is None:
            await transaction.execute(CLEAR_CURRENT, place)
        else:
            await transaction.execute(UPSERT_CURRENT, {**place, "deploy_id": row[0], "release_id": row[1]})


async def delete_release_environments(transaction: Transaction, organization: int, release: int) -> list[tuple[int, int]]:
    """Take a release that will be deleted out of what deploys remember; give the places where it runs."""
    where = {"organization": organization, "release": release}
    await transaction.execute(DELETE_CURRENT_OF_RELEASE, where)
    return [
        (int(environment), int(project)) for environment, project in await transaction.fetch_all(FIND_RUNNING_RELEASE, where)
    ]


class EnvironmentStore:
    """Environments in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_environment(self, principal: Principal, name: str, view: PagedSelection | None) -> UpsertResult:
        """Find an environment by its name, or create it. Raises InvalidToken."""

        async def work(transaction: Transaction) -> UpsertResult:
            return await find_or_create_named(transaction, self._reader, environment_keeper, principal, name, view)

        return await self._database.write(work)
