"""Writes deploys and their environments."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.deploy import NewDeploy
from gql_releases.domain.errors import ErrorCode, invalid
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.selection import Read, View
from gql_releases.storage.columns import Id
from gql_releases.storage.database import Database
from gql_releases.storage.finding import Found, find_release
from gql_releases.storage.organizations import project_ids
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.statements import Statement, Transaction
from gql_releases.storage.tables import (
    DeployProjectRow,
    DeployRow,
    EnvironmentRow,
    ReleaseProjectRow,
    ReleaseRow,
    table,
)
from gql_releases.storage.upserts import Keeper, insert_returning, values_of

deploys, deploy_projects, links = table(DeployRow), table(DeployProjectRow), table(ReleaseProjectRow)
releases = table(ReleaseRow)

environment_keeper = Keeper(table(EnvironmentRow), ("name",), ("date_created",))
INSERT = insert_returning(
    deploys,
    "organization_id", "release_id", "environment_id", "name", "url", "date_started", "date_finished", "date_created",
)  # fmt: skip
LINK = Statement(deploy_projects.insert().values(values_of(deploy_projects, "organization_id", "deploy_id", "project_id")))
OF_RELEASE = Statement(
    select(links.c.project_id)
    .where(
        links.c.organization_id == bindparam("organization", type_=Id),
        links.c.release_id == bindparam("release", type_=Id),
    )
    .order_by(links.c.project_id)
)
COUNT = Statement(
    update(releases)
    .values(deploy_count=releases.c.deploy_count + 1, last_deploy_id=bindparam("deploy", type_=Id))
    .where(releases.c.id == bindparam("release", type_=Id))
)


class DeployStore:
    """Deploys in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_deploy(self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: View | None) -> Tree | None:
        """Record a deploy of a release and show it. Raises ReleaseNotFound, InvalidInput."""

        async def work(transaction: Transaction) -> Tree | None:
            found = await find_release(transaction, principal, key)
            deploy = await _create(transaction, principal.organization_id, found, new)
            if view is None:
                return None
            return await self._reader.read(transaction, principal, Read(view, (("id", deploy),)))

        return await self._database.write(work)


async def _create(transaction: Transaction, organization: int, found: Found, new: NewDeploy) -> int:
    projects = await _projects(transaction, organization, found, new)
    common = {"organization_id": organization, "date_created": now()}
    environments = await environment_keeper.keep(transaction, common, {new.environment: {"name": new.environment}})
    row = {
        **common,
        "release_id": found.id,
        "environment_id": environments[new.environment],
        "name": new.name,
        "url": new.url,
        "date_started": new.date_started,
        "date_finished": new.date_finished or now(),
    }
    [(deploy,)] = await transaction.all_many(INSERT, [row])
    linked = [{"organization_id": organization, "deploy_id": deploy, "project_id": one} for one in projects]
    await transaction.run_many(LINK, linked)
    await transaction.run(COUNT, {"release": found.id, "deploy": deploy})
    return int(deploy)


async def _projects(transaction: Transaction, organization: int, found: Found, new: NewDeploy) -> list[int]:
    """Give the projects that the deploy is of: the named ones, else all of the release's."""
    rows = await transaction.all(OF_RELEASE, {"organization": organization, "release": found.id})
    on_release = [row[0] for row in rows]
    if new.projects is None:
        return on_release
    named = await project_ids(transaction, organization, new.projects, unknown="Invalid project")
    strange = [str(name) for name, row_id in named.items() if row_id not in on_release]
    if strange:
        message = f"Invalid projects ({', '.join(strange)}) for release {found.version}"
        raise invalid(ErrorCode.PROJECT_NOT_ON_RELEASE, ("projects",), message)
    return sorted(set(named.values()))
