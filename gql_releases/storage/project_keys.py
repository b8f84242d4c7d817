"""Writes project keys, with which SDKs send events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.errors import ProjectKeyNotFound
from gql_releases.domain.organization import ProjectReference
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.project_key import (
    DEFAULT_KEY_NAME,
    ProjectKeyChange,
    ProjectKeyReference,
    generate_public_key,
)
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import bind_columns, insert_returning, match_ids
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import find_project, require_active_token
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.project_key import ProjectKeyRow

project_keys, projects = table(ProjectKeyRow), table(ProjectRow)

_COLUMNS = ("organization_id", "project_id", "public_key", "name", "is_active", "date_created")


class StoredKey(NamedTuple):
    """The columns of a project key that an update needs."""

    id: int
    name: str
    is_active: bool


class ListedKey(NamedTuple):
    """A project key in the list of a project's keys."""

    public_key: str
    name: str
    is_active: bool


INSERT_KEY = insert_returning("project_keys.insert", project_keys, *_COLUMNS)
_has_key = select(project_keys.c.id).where(
    project_keys.c.organization_id == projects.c.organization_id, project_keys.c.project_id == projects.c.id
)
INSERT_DEFAULT_KEY = Statement(
    "project_keys.insert_default",
    lambda dialect: dialect.insert(project_keys).from_select(
        list(_COLUMNS),
        select(projects.c.organization_id, projects.c.id, *bind_columns(project_keys, *_COLUMNS[2:]).values()).where(
            projects.c.organization_id == bindparam("organization_id", type_=Id),
            projects.c.id == bindparam("project_id", type_=Id),
            ~_has_key.exists(),
        ),
    ),
)
_SELECT_KEY = select(project_keys.c.id, project_keys.c.name, project_keys.c.is_active)
FIND_KEY_BY_ID = RowStatement(
    "project_keys.find_by_id", StoredKey, _SELECT_KEY.where(*match_ids(project_keys, "organization_id", "id"))
)
FIND_KEY_BY_PUBLIC_KEY = RowStatement(
    "project_keys.find_by_public_key",
    StoredKey,
    _SELECT_KEY.where(
        *match_ids(project_keys, "organization_id", "project_id"),
        project_keys.c.public_key == bindparam("public_key", type_=project_keys.c.public_key.type),
    ),
)
LIST_KEYS = RowStatement(
    "project_keys.list",
    ListedKey,
    select(project_keys.c.public_key, project_keys.c.name, project_keys.c.is_active)
    .where(*match_ids(project_keys, "organization_id", "project_id"))
    .order_by(project_keys.c.id),
)
UPDATE_KEY = Statement(
    "project_keys.update",
    update(project_keys)
    .values(bind_columns(project_keys, "name", "is_active"))
    .where(*match_ids(project_keys, "organization_id", "id")),
)
DELETE_KEY = Statement("project_keys.delete", delete(project_keys).where(*match_ids(project_keys, "organization_id", "id")))


async def create_default_keys(transaction: Transaction, organization: int, projects: Iterable[int]) -> None:
    """Insert an active key for each project that has none: another writer may have created the project, with its key."""
    rows = [_build_row(organization, project, DEFAULT_KEY_NAME) for project in sorted(projects)]
    await transaction.execute_many(INSERT_DEFAULT_KEY, rows)


def _build_row(organization: int, project: int, name: str) -> dict[str, Any]:
    return {
        "organization_id": organization,
        "project_id": project,
        "public_key": generate_public_key(),
        "name": name,
        "is_active": True,
        "date_created": now(),
    }


class ProjectKeyStore:
    """Project keys in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_key(
        self, principal: Principal, project: ProjectReference, name: str, view: PagedSelection | None
    ) -> Tree | None:
        """Insert a key of a project. Raises ProjectNotFound."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            row = await find_project(transaction, principal, project)
            [(key,)] = await transaction.fetch_many(INSERT_KEY, [_build_row(principal.organization_id, row.id, name)])
            return await self._read_view(transaction, principal, int(key), view)

        return await self._database.write(work)

    async def update_key(
        self, principal: Principal, key: ProjectKeyReference, change: ProjectKeyChange, view: PagedSelection | None
    ) -> Tree | None:
        """Update the columns that a change has. Raises ProjectNotFound, ProjectKeyNotFound."""

        async def work(transaction: Transaction) -> Tree | None:
            await require_active_token(transaction, principal)
            stored = await _find_key(transaction, principal, key)
            values = {
                "name": stored.name if change.name is None else change.name,
                "is_active": bool(stored.is_active) if change.is_active is None else change.is_active,
            }
            own = {"organization_id": principal.organization_id, "id": stored.id}
            await transaction.execute(UPDATE_KEY, {**own, **values})
            return await self._read_view(transaction, principal, stored.id, view)

        return await self._database.write(work)

    async def delete_key(self, principal: Principal, key: ProjectKeyReference) -> None:
        """Delete a key. Raises ProjectNotFound, ProjectKeyNotFound."""

        async def work(transaction: Transaction) -> None:
            await require_active_token(transaction, principal)
            stored = await _find_key(transaction, principal, key)
            await transaction.execute(DELETE_KEY, {"organization_id": principal.organization_id, "id": stored.id})

        await self._database.write(work)

    async def list_keys(self, principal: Principal, project: ProjectReference) -> tuple[int, list[ListedKey]]:
        """Return the id of a project and its keys, the first created first. Raises ProjectNotFound."""

        async def work(transaction: Transaction) -> tuple[int, list[ListedKey]]:
            row = await find_project(transaction, principal, project)
            own = {"organization_id": principal.organization_id, "project_id": row.id}
            return row.id, await LIST_KEYS.fetch_all(transaction, own)

        return await self._database.read(work)

    async def _read_view(
        self, transaction: Transaction, principal: Principal, key: int, view: PagedSelection | None
    ) -> Tree | None:
        if view is None:
            return None
        return await self._reader.read(transaction, principal, ObjectRead(view, (("id", key),)))


async def _find_key(transaction: Transaction, principal: Principal, key: ProjectKeyReference) -> StoredKey:
    """Return a key of the caller's organization. Raises ProjectNotFound, ProjectKeyNotFound."""
    own: dict[str, Any] = {"organization_id": principal.organization_id}
    if key.id is not None:
        row = await FIND_KEY_BY_ID.fetch_one(transaction, {**own, "id": key.id})
    else:
        project = await find_project(transaction, principal, key.project)
        values = {**own, "project_id": project.id, "public_key": key.public_key}
        row = await FIND_KEY_BY_PUBLIC_KEY.fetch_one(transaction, values)
    if row is None:
        raise ProjectKeyNotFound
    return row
