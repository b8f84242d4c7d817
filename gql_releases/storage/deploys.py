"""Writes deploys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.deploy import UNFINISHED, DeployChange, DeployKey, DeployStatus, NewDeploy
from gql_releases.domain.errors import DeployNotFound, ErrorCode, invalid
from gql_releases.domain.outcomes import Tree, UpsertResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import Outcome, ReleaseKey
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.natural_keys import bind_columns, insert_all, insert_returning
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id
from gql_releases.storage.environments import environment_keeper, find_running_release, refresh_current
from gql_releases.storage.lookup import ReleaseHandle, find_release, require_active_token
from gql_releases.storage.outbox.writer import forward_deploy
from gql_releases.storage.projects import find_projects
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.deploy import DeployProjectRow, DeployRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow

deploys, deploy_projects, links = table(DeployRow), table(DeployProjectRow), table(ReleaseProjectRow)
releases, projects_table = table(ReleaseRow), table(ProjectRow)

INSERT_DEPLOY = insert_returning("deploys.insert", deploys, *(column.name for column in deploys.c if column.name != "id"))
LINK_PROJECTS = insert_all(
    "deploys.link_projects",
    deploy_projects,
    *(one.name for one in deploy_projects.c),
    shared=("organization_id", "deploy_id"),
)
LIST_PROJECTS_OF_RELEASE = Statement(
    "deploys.list_projects_of_release",
    select(links.c.project_id)
    .where(
        links.c.organization_id == bindparam("organization", type_=Id),
        links.c.release_id == bindparam("release", type_=Id),
    )
    .order_by(links.c.project_id),
)
COUNT_DEPLOY = Statement(
    "deploys.count",
    update(releases)
    .values(deploy_count=releases.c.deploy_count + 1, last_deploy_id=bindparam("deploy", type_=Id))
    .where(releases.c.id == bindparam("release", type_=Id)),
)
_CHANGED = ("name", "url", "date_started", "date_finished", "finish_order", "status", "comment", "links")
UPDATE_DEPLOY = Statement(
    "deploys.update",
    update(deploys)
    .values(bind_columns(deploys, *_CHANGED, "previous_release_id"))
    .where(deploys.c.id == bindparam("deploy", type_=Id)),
)
_FOUND = ("id", "environment_id", "previous_release_id", *_CHANGED)
_selected = select(*(deploys.c[name] for name in _FOUND)).where(
    deploys.c.organization_id == bindparam("organization", type_=Id)
)
FIND_DEPLOY_BY_ID = Statement("deploys.find_by_id", _selected.where(deploys.c.id == bindparam("id", type_=Id)))
_PROJECT = select(projects_table.c.id).where(
    projects_table.c.organization_id == bindparam("organization", type_=Id),
    projects_table.c.slug == bindparam("project", type_=projects_table.c.slug.type),
)
FIND_DEPLOY_BY_EXTERNAL_ID = Statement(
    "deploys.find_by_external_id",
    _selected.where(
        deploys.c.id.in_(
            select(deploy_projects.c.deploy_id).where(
                deploy_projects.c.organization_id == bindparam("organization", type_=Id),
                deploy_projects.c.project_id == _PROJECT.scalar_subquery(),
                deploy_projects.c.external_id == bindparam("external_id", type_=deploys.c.external_id.type),
            )
        )
    ),
)
LIST_PROJECTS_OF_DEPLOY = Statement(
    "deploys.list_projects_of",
    select(deploy_projects.c.project_id).where(
        deploy_projects.c.organization_id == bindparam("organization", type_=Id),
        deploy_projects.c.deploy_id == bindparam("deploy", type_=Id),
    ),
)


def _find_existing(dialect: Dialect) -> Any:
    asked = dialect.list_items("projects", Id)
    same = and_(
        deploy_projects.c.organization_id == bindparam("organization", type_=Id),
        deploy_projects.c.project_id == asked.c.value,
        deploy_projects.c.external_id == bindparam("external_id", type_=deploys.c.external_id.type),
    )
    found = dialect.join(asked, deploy_projects, same)
    return (
        select(deploys.c.id, deploys.c.release_id, deploys.c.environment_id)
        .select_from(found.join(deploys, deploys.c.id == deploy_projects.c.deploy_id))
        .limit(1)
    )


FIND_EXISTING_DEPLOY = Statement("deploys.find_existing", _find_existing)


class DeployStore:
    """Deploys in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: PagedSelection | None
    ) -> UpsertResult:
        """Record a deploy of a release, unless its external id is known. Raises ReleaseNotFound, InvalidInput."""

        async def work(transaction: Transaction) -> UpsertResult:
            await lock_organization(transaction, OrganizationLock.DEPLOYS, principal.organization_id, shared=True)
            found = await find_release(transaction, principal, key)
            outcome, deploy = await _keep(transaction, principal.organization_id, found, new)
            if outcome is Outcome.CREATED and new.status is DeployStatus.SUCCEEDED:
                await forward_deploy(transaction, principal, deploy)
            return UpsertResult(outcome, await self._show(transaction, principal, deploy, view))

        return await self._database.write(work)

    async def update_deploy(self, principal: Principal, key: DeployKey, change: DeployChange, view: PagedSelection) -> Tree:
        """Change what is given of a deploy. Raises DeployNotFound."""

        async def work(transaction: Transaction) -> Tree:
            await lock_organization(transaction, OrganizationLock.DEPLOYS, principal.organization_id, shared=True)
            await require_active_token(transaction, principal)
            deploy = await _change(transaction, principal, key, change)
            shown = await self._show(transaction, principal, deploy, view)
            assert shown is not None
            return shown

        return await self._database.write(work)

    async def _show(
        self, transaction: Transaction, principal: Principal, deploy: int, view: PagedSelection | None
    ) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, ObjectRead(view, (("id", deploy),)))


async def _keep(transaction: Transaction, organization: int, found: ReleaseHandle, new: NewDeploy) -> tuple[Outcome, int]:
    """Find the deploy that has the external id, or make it."""
    projects = await _projects(transaction, organization, found, new)
    common = {"organization_id": organization, "date_created": now()}
    named = {new.environment: {"name": new.environment}}
    environment = (await environment_keeper.find_or_create(transaction, common, named))[new.environment]
    if new.external_id is not None:
        dialect = transaction.dialect
        asked = {"organization": organization, "projects": dialect.list_value(projects), "external_id": new.external_id}
        known = await transaction.fetch_one(FIND_EXISTING_DEPLOY, asked)
        if known:
            if tuple(known[1:]) != (found.id, environment):
                message = f'The external id "{new.external_id}" belongs to a deploy of another release or environment.'
                raise invalid(ErrorCode.ALREADY_EXISTS, ("external_id",), message)
            return Outcome.EXISTING, int(known[0])
    row = {**common, **await _row(transaction, organization, environment, projects, new), "release_id": found.id}
    [(deploy,)] = await transaction.fetch_many(INSERT_DEPLOY, [row])
    link = {"organization_id": organization, "deploy_id": deploy, "external_id": new.external_id}
    await transaction.execute_many(LINK_PROJECTS, [{**link, "project_id": one} for one in projects])
    await transaction.execute(COUNT_DEPLOY, {"release": found.id, "deploy": deploy})
    if new.status is DeployStatus.SUCCEEDED:
        await refresh_current(transaction, organization, [(environment, one) for one in projects])
    return Outcome.CREATED, int(deploy)


async def _row(
    transaction: Transaction, organization: int, environment: int, projects: list[int], new: NewDeploy
) -> dict[str, Any]:
    finished = new.date_finished or (None if new.status in UNFINISHED else now())
    return {
        "environment_id": environment,
        "name": new.name,
        "url": new.url,
        "date_started": new.date_started,
        "date_finished": finished,
        "finish_order": finished or END_OF_TIME,
        "status": new.status,
        "external_id": new.external_id,
        "comment": new.comment,
        "links": new.links,
        "previous_release_id": await find_running_release(transaction, organization, environment, projects),
    }


async def _projects(transaction: Transaction, organization: int, found: ReleaseHandle, new: NewDeploy) -> list[int]:
    """Give the projects that the deploy is of: the named ones, else all of the release's."""
    rows = await transaction.fetch_all(LIST_PROJECTS_OF_RELEASE, {"organization": organization, "release": found.id})
    on_release = [row[0] for row in rows]
    if new.projects is None:
        return on_release
    named = await find_projects(transaction, organization, new.projects, unknown="Invalid project")
    strange = [str(name) for name, row_id in named.items() if row_id not in on_release]
    if strange:
        message = f"Invalid projects ({', '.join(strange)}) for release {found.version}"
        raise invalid(ErrorCode.PROJECT_NOT_ON_RELEASE, ("projects",), message)
    return sorted(set(named.values()))


async def _change(transaction: Transaction, principal: Principal, key: DeployKey, change: DeployChange) -> int:
    organization = principal.organization_id
    if key.id is not None:
        found = await transaction.fetch_one(FIND_DEPLOY_BY_ID, {"organization": organization, "id": key.id})
    else:
        named = {"project": key.project, "external_id": key.external_id}
        found = await transaction.fetch_one(FIND_DEPLOY_BY_EXTERNAL_ID, {"organization": organization, **named})
    if found is None:
        raise DeployNotFound
    known = dict(zip(_FOUND, found, strict=True))
    deploy, environment = int(known["id"]), int(known["environment_id"])
    rows = await transaction.fetch_all(LIST_PROJECTS_OF_DEPLOY, {"organization": organization, "deploy": deploy})
    projects = [int(row[0]) for row in rows]
    was, row = DeployStatus(known["status"]), {**known, **change.values}
    status = DeployStatus(row["status"])
    row["date_finished"] = _finished(status, status is not was, known, change)
    row["finish_order"] = row["date_finished"] or END_OF_TIME
    if status is DeployStatus.SUCCEEDED and was is not status:
        row["previous_release_id"] = await find_running_release(transaction, organization, environment, projects)
    await transaction.execute(UPDATE_DEPLOY, {**row, "deploy": deploy})
    await refresh_current(transaction, organization, [(environment, one) for one in projects])
    if status is DeployStatus.SUCCEEDED and was is not status:
        await forward_deploy(transaction, principal, deploy)
    return deploy


def _finished(status: DeployStatus, changed: bool, known: dict[str, Any], change: DeployChange) -> datetime | str | None:
    """Say when a deploy ended: as given; else what it ended by, once its status says that it has."""
    given: datetime | None = change.values.get("date_finished")
    if given or (changed and status in UNFINISHED):
        return given
    if status in UNFINISHED:
        return None if "date_finished" in change.values else known["date_finished"]
    return known["date_finished"] or now()
