"""Writes environments and their current deploys: which release each project runs there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, update

from gql_releases.domain.deploy import DeployStatus
from gql_releases.domain.outcomes import UpsertResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import NaturalKeyTable, bind_columns, match_ids
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import find_or_create_named
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.deploy import CurrentDeployRow, DeployProjectRow, DeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow

current, deploys, deploy_projects = table(CurrentDeployRow), table(DeployRow), table(DeployProjectRow)

environment_keys = NaturalKeyTable(table(EnvironmentRow), ("name",), ("date_created",), by="name")

_KEY = ("organization_id", "environment_id", "project_id")


class NewestDeploy(NamedTuple):
    """A deploy and its release."""

    deploy_id: int
    release_id: int


class CurrentRelease(NamedTuple):
    """The release of a current deploy."""

    release_id: int


class Place(NamedTuple):
    """A project in an environment."""

    environment_id: int
    project_id: int


NEWEST_DEPLOY = RowStatement(
    "environments.newest_deploy",
    NewestDeploy,
    select(deploys.c.id, deploys.c.release_id)
    .where(
        *match_ids(deploys, "organization_id", "environment_id"),
        deploys.c.status == DeployStatus.SUCCEEDED.value,
        select(deploy_projects.c.deploy_id)
        .where(
            *match_ids(deploy_projects, "organization_id", "project_id"),
            deploy_projects.c.deploy_id == deploys.c.id,
        )
        .exists(),
    )
    .order_by(deploys.c.finish_order.desc(), deploys.c.id.desc())
    .limit(1),
)
CLEAR_CURRENT = Statement("environments.clear_current", delete(current).where(*match_ids(current, *_KEY)))
DELETE_CURRENT_OF_RELEASE = Statement(
    "environments.delete_current_of_release",
    update(deploys)
    .values(previous_release_id=None)
    .where(
        deploys.c.organization_id == bindparam("organization", type_=Id),
        deploys.c.previous_release_id == bindparam("release", type_=Id),
    ),
)
FIND_RUNNING_RELEASE = RowStatement(
    "environments.find_running_release",
    Place,
    select(current.c.environment_id, current.c.project_id).where(
        current.c.organization_id == bindparam("organization", type_=Id),
        current.c.release_id == bindparam("release", type_=Id),
    ),
)


def _upsert_current(dialect: Dialect) -> Any:
    statement = dialect.insert(current).values(bind_columns(current, *_KEY, "deploy_id", "release_id"))
    newer = {"deploy_id": statement.excluded.deploy_id, "release_id": statement.excluded.release_id}
    return statement.on_conflict_do_update(index_elements=list(_KEY), set_=newer)


def _select_current_before(dialect: Dialect) -> Any:
    return (
        select(current.c.release_id)
        .select_from(current.join(deploys, deploys.c.id == current.c.deploy_id))
        .where(
            *match_ids(current, "organization_id", "environment_id"),
            dialect.is_among(current.c.project_id, "projects"),
        )
        .order_by(deploys.c.finish_order.desc(), deploys.c.id.desc())
        .limit(1)
    )


UPSERT_CURRENT = Statement("environments.upsert_current", _upsert_current)
FIND_RELEASE_BEFORE = RowStatement("environments.find_release_before", CurrentRelease, _select_current_before)


async def find_running_release(
    transaction: Transaction, organization: int, environment: int, projects: Sequence[int]
) -> int | None:
    """Return the release deployed last to an environment among those that one of the projects runs there; None for none."""
    place = {"organization_id": organization, "environment_id": environment}
    values = {**place, "projects": transaction.dialect.list_value(projects)}
    row = await FIND_RELEASE_BEFORE.fetch_one(transaction, values)
    return None if row is None else row.release_id


async def refresh_current(transaction: Transaction, organization: int, places: Iterable[tuple[int, int]]) -> None:
    """Store the current deploy of (environment, project) pairs: the successful one that finished last."""
    for environment, project in sorted(places):
        place = {"organization_id": organization, "environment_id": environment, "project_id": project}
        newest = await NEWEST_DEPLOY.fetch_one(transaction, place)
        if newest is None:
            await transaction.execute(CLEAR_CURRENT, place)
        else:
            await transaction.execute(UPSERT_CURRENT, {**place, **newest._asdict()})


async def delete_release_environments(transaction: Transaction, organization: int, release: int) -> list[tuple[int, int]]:
    """Clear the references of deploys to a release that will be deleted; return the places where it is current."""
    where = {"organization": organization, "release": release}
    await transaction.execute(DELETE_CURRENT_OF_RELEASE, where)
    return list(await FIND_RUNNING_RELEASE.fetch_all(transaction, where))


class EnvironmentStore:
    """Environments in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_environment(self, principal: Principal, name: str, view: PagedSelection | None) -> UpsertResult:
        """Find an environment by its name, or create it. Raises InvalidToken."""

        async def work(transaction: Transaction) -> UpsertResult:
            return await find_or_create_named(transaction, self._reader, environment_keys, principal, name, view)

        return await self._database.write(work)
