"""Finds the token, the project and the release of an operation inside its transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.errors import InvalidToken, ProjectNotFound, ReleaseNotFound
from gql_releases.domain.organization import ProjectReference
from gql_releases.domain.outcomes import UpsertResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import Origin, Outcome, ReleaseKey, Status
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import NaturalKeyTable
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, to_datetime
from gql_releases.storage.entities import CATALOGUE
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.token import TokenRow

projects, releases, tokens = table(ProjectRow), table(ReleaseRow), table(TokenRow)

FIND_ACTIVE_TOKEN = Statement(
    "tokens.find_active",
    select(tokens.c.id).where(tokens.c.id == bindparam("token", type_=Id), tokens.c.revoked_at.is_(None)),
)


async def require_active_token(transaction: Transaction, principal: Principal) -> None:
    """Check again in the transaction of a write that the token is not revoked. Raises InvalidToken."""
    if (
        principal.token_id is not None
        and await transaction.fetch_one(FIND_ACTIVE_TOKEN, {"token": principal.token_id}) is None
    ):
        raise InvalidToken


class StoredProject(NamedTuple):
    """The columns of a project that an update needs."""

    id: int
    slug: str
    name: str
    default_repository_id: int | None


_SELECT_PROJECT = select(projects.c.id, projects.c.slug, projects.c.name, projects.c.default_repository_id).where(
    projects.c.organization_id == bindparam("organization", type_=Id)
)
FIND_PROJECT_BY_ID = RowStatement(
    "projects.find_by_id", StoredProject, _SELECT_PROJECT.where(projects.c.id == bindparam("id", type_=Id))
)
FIND_PROJECT_BY_SLUG = RowStatement(
    "projects.find_by_slug",
    StoredProject,
    _SELECT_PROJECT.where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type)),
)


async def find_project(transaction: Transaction, principal: Principal, project: ProjectReference) -> StoredProject:
    """Return a project of the caller's organization. Raises ProjectNotFound."""
    own = {"organization": principal.organization_id}
    if project.id is not None:
        row = await FIND_PROJECT_BY_ID.fetch_one(transaction, {**own, "id": project.id})
    else:
        row = await FIND_PROJECT_BY_SLUG.fetch_one(transaction, {**own, "slug": project.slug})
    if row is None:
        raise ProjectNotFound
    return row


@dataclass(frozen=True, slots=True)
class ReleaseHandle:
    """The columns of a stored release that an operation needs."""

    id: int
    version: str
    status: Status
    date_created: datetime
    date_released: datetime | None
    origin: Origin
    shipping_date: datetime


class StoredRelease(NamedTuple):
    """The columns of a release as they are stored."""

    id: int
    version: str
    status: str
    date_created: Any
    date_released: Any
    origin: str
    shipping_date: Any


@lru_cache(maxsize=32)
def _build_find_release(names: tuple[str, ...], deleted: bool) -> RowStatement[StoredRelease]:
    filters = CATALOGUE.entities["Release"].filters

    def construct(dialect: Dialect) -> Any:
        columns = [releases.c[name] for name in StoredRelease._fields]
        same = releases.c.organization_id == bindparam("organization", type_=Id)
        conditions = (filters[name](releases, f"r{index}", dialect) for index, name in enumerate(names))
        # On PostgreSQL other writers of this release wait, and writers of references to it only if it is to be deleted.
        return select(*columns).where(same, *conditions).with_for_update(of=releases, key_share=not deleted)

    return RowStatement("releases.find_and_lock" if deleted else "releases.find", StoredRelease, construct)


async def find_release(
    transaction: Transaction, principal: Principal, key: ReleaseKey, *, deleted: bool = False
) -> ReleaseHandle:
    """Find and lock a release of the caller's organization; one to be `deleted` also against new references to it.

    Raises ReleaseNotFound, InvalidToken.
    """
    await require_active_token(transaction, principal)
    conditions = key.conditions()
    values = {"organization": principal.organization_id}
    for index, (_, value) in enumerate(conditions):
        values[f"r{index}"] = transaction.dialect.list_value(value) if isinstance(value, list) else value
    statement = _build_find_release(tuple(name for name, _ in conditions), deleted)
    row = await statement.fetch_one(transaction, values)
    if row is None:
        raise ReleaseNotFound
    created, released, shipped = parse_date(row.date_created), to_datetime(row.date_released), parse_date(row.shipping_date)
    return ReleaseHandle(row.id, row.version, Status(row.status), created, released, Origin(row.origin), shipped)


async def find_or_create_named(
    transaction: Transaction,
    reader: Reader,
    rows: NaturalKeyTable,
    principal: Principal,
    name: str,
    view: PagedSelection | None,
) -> UpsertResult:
    """Return a row of the caller's organization by its name, or create it; idempotent. Raises InvalidToken."""
    await require_active_token(transaction, principal)
    common = {"organization_id": principal.organization_id, "date_created": now()}
    existing = await rows.find(transaction, common, [name])
    ids = existing or await rows.find_or_create(transaction, common, {name: {"name": name}})
    tree = await reader.read(transaction, principal, ObjectRead(view, (("id", ids[name]),))) if view else None
    return UpsertResult(Outcome.EXISTING if existing else Outcome.CREATED, tree)
