"""Creates the releases and environments that events and sessions name, and links releases to their projects.

The names come from holders of a public key: new ones are limited for each project and hour.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.events.event_batch import NewRows, PreparedRequest, list_facts
from gql_releases.domain.history import CommitStatus
from gql_releases.domain.release import NewRelease, Origin
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import insert_ignoring
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.environments import environment_keys
from gql_releases.storage.events.lookup import LOOK_UP_REFERENCES, BatchLookup, BatchNames
from gql_releases.storage.release_rows import (
    RELEASE_COLUMNS,
    build_project_links,
    build_release_row,
    find_sort_keys,
    links,
    releases,
)
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import DeletedReleaseRow, IngestHourRow

deleted_releases, ingest_hours = table(DeletedReleaseRow), table(IngestHourRow)

DELETED_FOR = timedelta(days=30)
"""Events do not create a deleted release again for so long."""
RELEASE_LIMIT, ENVIRONMENT_LIMIT, DELETED_RELEASE = "release_limit", "environment_limit", "deleted_release"
"""Reasons of outcomes."""

_OWN = bindparam("organization_id", type_=Id)
INSERT_MISSING_RELEASE = insert_ignoring(
    "events.insert_release",
    releases,
    *[name for name in RELEASE_COLUMNS if name not in ("id", "last_commit_id")],
    shared=("organization_id",),
)
LINK_RELEASE = insert_ignoring(
    "events.link_release", links, *[column.name for column in links.c], shared=("organization_id",)
)
FIND_DELETED_RELEASES = Statement(
    "events.find_deleted_releases",
    lambda dialect: select(deleted_releases.c.version).where(
        deleted_releases.c.organization_id == _OWN,
        dialect.is_among(deleted_releases.c.version, "versions"),
        deleted_releases.c.date_deleted > bindparam("since", type_=deleted_releases.c.date_deleted.type),
    ),
)
FIND_FIRST_SHIPPED = Statement(
    "events.find_first_shipped",
    select(func.min(releases.c.shipping_date)).where(
        releases.c.organization_id == _OWN,
        releases.c.package == bindparam("package", type_=releases.c.package.type),
        releases.c.semver_key > bindparam("semver_key", type_=releases.c.semver_key.type),
    ),
)


def _select_limits(dialect: Dialect) -> Any:
    columns = [ingest_hours.c[name] for name in ("project_id", "hour", "releases", "environments", "issues")]
    return select(*columns).where(
        ingest_hours.c.organization_id == _OWN,
        dialect.is_among(ingest_hours.c.project_id, "projects"),
        dialect.is_among(ingest_hours.c.hour, "hours"),
    )


FIND_NEW_COUNTS = Statement("events.find_new_counts", _select_limits)


@dataclass(slots=True)
class Creations:
    """What a batch creates, by (project, hour): `before` and in the batch; and names that were refused, with the reason.

    The counts of a project and hour are read when the first of them is needed.
    """

    limits: NewRows
    before: dict[tuple[int, int], NewRows] | None = None
    new: dict[tuple[int, int], NewRows] = field(default_factory=dict)
    refused_versions: dict[tuple[int, str], str] = field(default_factory=dict)
    refused_environments: dict[tuple[int, str], str] = field(default_factory=dict)

    async def load(self, transaction: Transaction, organization: int, requests: Sequence[PreparedRequest]) -> None:
        """Read what was created in these hours before."""
        if self.before is not None:
            return
        list_value = transaction.dialect.list_value
        values = {
            "organization_id": organization,
            "projects": list_value(list({request.project_id for request in requests})),
            "hours": list_value(list({request.hour for request in requests})),
        }
        rows = await transaction.fetch_all(FIND_NEW_COUNTS, values)
        self.before = {(project, hour): NewRows(*counts) for project, hour, *counts in rows}

    def take(self, place: tuple[int, int], name: str) -> bool:
        """Count one more new row of a project and hour, and return True; False where the limit of its kind is reached."""
        assert self.before is not None, "load() is called before"
        new = self.new.setdefault(place, NewRows())
        before = self.before.get(place)
        count = getattr(new, name)
        if count + (getattr(before, name) if before else 0) >= getattr(self.limits, name):
            return False
        setattr(new, name, count + 1)
        return True


async def create_references(
    transaction: Transaction,
    organization: int,
    requests: Sequence[PreparedRequest],
    names: BatchNames,
    lookup: BatchLookup,
    creations: Creations,
) -> None:
    """Create the missing releases and environments of a batch, and link releases to projects; `lookup` has all then."""
    missing_versions = [version for version in names.versions if version not in lookup.releases]
    missing_names = [name for name in names.environments if name not in lookup.environments]
    if missing_versions or missing_names:
        await creations.load(transaction, organization, requests)
        if missing_versions:
            await _create_releases(transaction, organization, requests, missing_versions, creations)
        if missing_names:
            await _create_environments(transaction, organization, requests, missing_names, creations)
        values = names.build_values(transaction.dialect, organization)
        lookup.add(await transaction.fetch_all(LOOK_UP_REFERENCES, values))
    await _link_releases(transaction, organization, requests, lookup)


async def _create_releases(
    transaction: Transaction,
    organization: int,
    requests: Sequence[PreparedRequest],
    missing: Collection[str],
    creations: Creations,
) -> None:
    deleted = await _find_deleted(transaction, organization, requests, missing)
    rows: dict[str, dict[str, Any]] = {}
    for request in requests:
        for fact in list_facts(request):
            version = fact.release
            if version is None or version not in missing or version in rows:
                continue
            key = request.project_id, version
            if key in creations.refused_versions:
                continue
            if version in deleted:
                creations.refused_versions[key] = DELETED_RELEASE
            elif not creations.take((request.project_id, request.hour), "releases"):
                creations.refused_versions[key] = RELEASE_LIMIT
            else:
                rows[version] = await _build_release(transaction, organization, version, fact.received)
    await transaction.execute_many(INSERT_MISSING_RELEASE, [rows[version] for version in sorted(rows)])


async def _find_deleted(
    transaction: Transaction, organization: int, requests: Sequence[PreparedRequest], versions: Collection[str]
) -> set[str]:
    """Return the versions of releases that were deleted not long ago."""
    arrival = max(fact.received for request in requests for fact in list_facts(request))
    values = {
        "organization_id": organization,
        "versions": transaction.dialect.list_value(list(versions)),
        "since": arrival - DELETED_FOR,
    }
    return {version for (version,) in await transaction.fetch_all(FIND_DELETED_RELEASES, values)}


async def _build_release(transaction: Transaction, organization: int, version: str, received: datetime) -> dict[str, Any]:
    """Return the row of a release that an event creates.

    An old version that reports late was shipped before the earliest release of its package with a greater version.
    """
    new = NewRelease(version, ())
    info, shipped = new.version_info, received
    if info and info.package and info.semver_key:
        values = {"organization_id": organization, "package": info.package, "semver_key": info.semver_key}
        row = await transaction.fetch_one(FIND_FIRST_SHIPPED, values)
        if row and row[0] is not None and row[0] < format_date(received):
            shipped = parse_date(row[0])
    return {
        **build_release_row(organization, new, origin=Origin.EVENT, date_created=received, shipping_date=shipped),
        "commit_count": 0,
        "commit_status": CommitStatus.NO_COMMITS,
    }


async def _create_environments(
    transaction: Transaction,
    organization: int,
    requests: Sequence[PreparedRequest],
    missing: Collection[str],
    creations: Creations,
) -> None:
    rows: dict[str, dict[str, Any]] = {}
    arrival: datetime | None = None
    for request in requests:
        for fact in list_facts(request):
            name = fact.environment
            if name is None or name not in missing or name in rows:
                continue
            key = request.project_id, name
            if key in creations.refused_environments:
                continue
            if creations.take((request.project_id, request.hour), "environments"):
                rows[name] = {"name": name}
                arrival = arrival or fact.received
            else:
                creations.refused_environments[key] = ENVIRONMENT_LIMIT
    await environment_keys.find_or_create(transaction, {"organization_id": organization, "date_created": arrival}, rows)


async def _link_releases(
    transaction: Transaction, organization: int, requests: Sequence[PreparedRequest], lookup: BatchLookup
) -> None:
    """Link the releases of a batch to the projects whose events or sessions name them."""
    projects: dict[int, set[int]] = {}
    for request in requests:
        for fact in list_facts(request):
            release = lookup.releases.get(fact.release) if fact.release is not None else None
            if release and (release.id, request.project_id) not in lookup.links:
                projects.setdefault(release.id, set()).add(request.project_id)
    rows: list[dict[str, Any]] = []
    for release_id in sorted(projects):
        keys = await find_sort_keys(transaction, release_id)
        rows += build_project_links(organization, release_id, keys, projects[release_id])
    await transaction.execute_many(LINK_RELEASE, rows)
