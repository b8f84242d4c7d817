"""Writes deploys."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

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
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id
from gql_releases.storage.environments import environment_keys, find_running_release, refresh_current
from gql_releases.storage.events.release_changes import claim_release
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
    *(column.name for column in deploy_projects.c),
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
_UPDATED_COLUMNS = ("name", "url", "date_started", "date_finished", "finish_order", "status", "comment", "links")
UPDATE_DEPLOY = Statement(
    "deploys.update",
    update(deploys)
    .values(bind_columns(deploys, *_UPDATED_COLUMNS, "previous_release_id"))
    .where(deploys.c.id == bindparam("deploy", type_=Id)),
)


class StoredDeploy(NamedTuple):
    """The columns of a deploy that an update reads; those that it can change have their columns' names."""

    id: int
    environment_id: int
    previous_release_id: int | None
    name: str | None
    url: str | None
    date_started: Any
    date_finished: Any
    finish_order: Any
    status: str
    comment: str | None
    links: Any


class ExistingDeploy(NamedTuple):
    """A deploy with the external id of a creation."""

    id: int
    release_id: int
    environment_id: int


_select_stored = select(*(deploys.c[name] for name in StoredDeploy._fields)).where(
    deploys.c.organization_id == bindparam("organization", type_=Id)
)
FIND_DEPLOY_BY_ID = RowStatement(
    "deploys.find_by_id", StoredDeploy, _select_stored.where(deploys.c.id == bindparam("id", type_=Id))
)
_PROJECT = select(projects_table.c.id).where(
    projects_table.c.organization_id == bindparam("organization", type_=Id),
    projects_table.c.slug == bindparam("project", type_=projects_table.c.slug.type),
)
FIND_DEPLOY_BY_EXTERNAL_ID = RowStatement(
    "deploys.find_by_external_id",
    StoredDeploy,
    _select_stored.where(
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


def _select_existing(dialect: Dialect) -> Any:
    projects = dialect.list_items("projects", Id)
    same = and_(
        deploy_projects.c.organization_id == bindparam("organization", type_=Id),
        deploy_projects.c.project_id == projects.c.value,
        deploy_projects.c.external_id == bindparam("external_id", type_=deploys.c.external_id.type),
    )
    joined = dialect.join(projects, deploy_projects, same)
    return (
        select(deploys.c.id, deploys.c.release_id, deploys.c.environment_id)
        .select_from(joined.join(deploys, deploys.c.id == deploy_projects.c.deploy_id))
        .limit(1)
    )


FIND_EXISTING_DEPLOY = RowStatement("deploys.find_existing", ExistingDeploy, _select_existing)


class DeployStore:
    """Deploys in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_deploy(
        self, principal: Principal, key: ReleaseKey, new: NewDeploy, view: PagedSelection | None
    ) -> UpsertResult:
        """Create a deploy of a release, unless its external id exists. Raises ReleaseNotFound, InvalidInput."""

        async def work(transaction: Transaction) -> UpsertResult:
            await lock_organization(transaction, OrganizationLock.DEPLOYS, principal.organization_id, shared=True)
            release = await find_release(transaction, principal, key)
            await claim_release(transaction, principal.organization_id, release)
            outcome, deploy = await _create_or_find(transaction, principal.organization_id, release, new)
            if outcome is Outcome.CREATED and new.status is DeployStatus.SUCCEEDED:
                await forward_deploy(transaction, principal, deploy)
            return UpsertResult(outcome, await self._read_result(transaction, principal, deploy, view))

        return await self._database.write(work)

    async def update_deploy(self, principal: Principal, key: DeployKey, change: DeployChange, view: PagedSelection) -> Tree:
        """Update the fields of a deploy that are sent. Raises DeployNotFound."""

        async def work(transaction: Transaction) -> Tree:
            await lock_organization(transaction, OrganizationLock.DEPLOYS, principal.organization_id, shared=True)
            await require_active_token(transaction, principal)
            deploy = await _update_deploy(transaction, principal, key, change)
            shown = await self._read_result(transaction, principal, deploy, view)
            assert shown is not None
            return shown

        return await self._database.write(work)

    async def _read_result(
        self, transaction: Transaction, principal: Principal, deploy: int, view: PagedSelection | None
    ) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, ObjectRead(view, (("id", deploy),)))


async def _create_or_find(
    transaction: Transaction, organization: int, release: ReleaseHandle, new: NewDeploy
) -> tuple[Outcome, int]:
    """Return the deploy with the external id, or create it. Raises InvalidInput."""
    projects = await _choose_projects(transaction, organization, release, new)
    common = {"organization_id": organization, "date_created": now()}
    named = {new.environment: {"name": new.environment}}
    environment = (await environment_keys.find_or_create(transaction, common, named))[new.environment]
    if new.external_id is not None:
        dialect = transaction.dialect
        values = {"organization": organization, "projects": dialect.list_value(projects), "external_id": new.external_id}
        existing = await FIND_EXISTING_DEPLOY.fetch_one(transaction, values)
        if existing:
            if (existing.release_id, existing.environment_id) != (release.id, environment):
                message = f'The external id "{new.external_id}" belongs to a deploy of another release or environment.'
                raise invalid(ErrorCode.ALREADY_EXISTS, ("external_id",), message)
            return Outcome.EXISTING, existing.id
    row = {**common, **await _build_row(transaction, organization, environment, projects, new), "release_id": release.id}
    [(deploy,)] = await transaction.fetch_many(INSERT_DEPLOY, [row])
    link = {"organization_id": organization, "deploy_id": deploy, "external_id": new.external_id}
    await transaction.execute_many(LINK_PROJECTS, [{**link, "project_id": project} for project in projects])
    await transaction.execute(COUNT_DEPLOY, {"release": release.id, "deploy": deploy})
    if new.status is DeployStatus.SUCCEEDED:
        await refresh_current(transaction, organization, [(environment, project) for project in projects])
    return Outcome.CREATED, int(deploy)


async def _build_row(
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


async def _choose_projects(transaction: Transaction, organization: int, release: ReleaseHandle, new: NewDeploy) -> list[int]:
    """Return the deploy's projects: those of the request, else all of the release. Raises InvalidInput."""
    rows = await transaction.fetch_all(LIST_PROJECTS_OF_RELEASE, {"organization": organization, "release": release.id})
    on_release = [project for (project,) in rows]
    if new.projects is None:
        return on_release
    named = await find_projects(transaction, organization, new.projects, unknown="Invalid project")
    unknown = [str(name) for name, row_id in named.items() if row_id not in on_release]
    if unknown:
        message = f"Invalid projects ({', '.join(unknown)}) for release {release.version}"
        raise invalid(ErrorCode.PROJECT_NOT_ON_RELEASE, ("projects",), message)
    return sorted(set(named.values()))


async def _update_deploy(transaction: Transaction, principal: Principal, key: DeployKey, change: DeployChange) -> int:
    organization = principal.organization_id
    if key.id is not None:
        stored = await FIND_DEPLOY_BY_ID.fetch_one(transaction, {"organization": organization, "id": key.id})
    else:
        named = {"project": key.project, "external_id": key.external_id}
        stored = await FIND_DEPLOY_BY_EXTERNAL_ID.fetch_one(transaction, {"organization": organization, **named})
    if stored is None:
        raise DeployNotFound
    deploy, environment = stored.id, stored.environment_id
    rows = await transaction.fetch_all(LIST_PROJECTS_OF_DEPLOY, {"organization": organization, "deploy": deploy})
    projects = [int(project) for (project,) in rows]
    was, values = DeployStatus(stored.status), {**stored._asdict(), **change.values}
    status = DeployStatus(values["status"])
    values["date_finished"] = _choose_finish(status, status is not was, stored, change)
    values["finish_order"] = values["date_finished"] or END_OF_TIME
    if status is DeployStatus.SUCCEEDED and was is not status:
        values["previous_release_id"] = await find_running_release(transaction, organization, environment, projects)
    await transaction.execute(UPDATE_DEPLOY, {**values, "deploy": deploy})
    await refresh_current(transaction, organization, [(environment, project) for project in projects])
    if status is DeployStatus.SUCCEEDED and was is not status:
        await forward_deploy(transaction, principal, deploy)
    return deploy


def _choose_finish(status: DeployStatus, changed: bool, stored: StoredDeploy, change: DeployChange) -> datetime | str | None:
    """Return when a deploy finished: the date sent, else for a finished status the stored date or now."""
    sent: datetime | None = change.values.get("date_finished")
    if sent or (changed and status in UNFINISHED):
        return sent
    if status in UNFINISHED:
        return None if "date_finished" in change.values else stored.date_finished
    return stored.date_finished or now()
