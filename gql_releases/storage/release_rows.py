"""The rows of releases and of their links to projects, for all that creates releases."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from gql_releases.domain.dates import now
from gql_releases.domain.release import RELEASE_FIELDS, NewRelease, Origin
from gql_releases.domain.versions.version import fold_case
from gql_releases.storage.engine.natural_keys import insert_all
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import END_OF_TIME, Id
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow

releases, links = table(ReleaseRow), table(ReleaseProjectRow)

RELEASE_COLUMNS = tuple(column.name for column in releases.c if column.name != "last_deploy_id")
_SHARED = ("organization_id",)
INSERT_RELEASE = insert_all("releases.insert", releases, *RELEASE_COLUMNS, shared=_SHARED)
LINK_NEW_RELEASE = insert_all("releases.link_new", links, *[column.name for column in links.c], shared=_SHARED)
COPIED_TO_LINKS = ("date_created", "release_order", "semver_key", "build_number")
"""Sort keys of a release that are copied to its links to projects."""
_SORT_KEYS = (*COPIED_TO_LINKS, "shipping_date")
FIND_SORT_KEYS = Statement(
    "releases.find_sort_keys",
    select(*(releases.c[name] for name in _SORT_KEYS)).where(releases.c.id == bindparam("release_id", type_=Id)),
)


def build_release_row(
    organization: int,
    new: NewRelease,
    *,
    origin: Origin = Origin.CLIENT,
    date_created: datetime | None = None,
    shipping_date: datetime | None = None,
) -> dict[str, Any]:
    """Return the row of a new release, without its id and commits; `shipping_date` replaces its date where it is set."""
    info = new.version_info
    texts = ("package", "raw", "pre", "build_code", "components", "description", "build_hash")
    numbers = ("major", "minor", "patch")
    created = date_created or new.date_created or now()
    return {
        "organization_id": organization,
        "version": new.version,
        **{field.column: new.values.get(field.name, field.default) for field in RELEASE_FIELDS},
        "user_agent": new.user_agent,
        "folded_version": None if new.version.isascii() else fold_case(new.version),
        "date_created": created,
        "release_order": new.values.get("date_released") or END_OF_TIME,
        "shipping_date": shipping_date or new.values.get("date_released") or created,
        "origin": origin,
        "deploy_count": 0,
        **{name: getattr(info, name) if info else None for name in texts},
        # Sentry's numbers go up to 2^64-1, which exceeds the integers of both databases.
        **{name: str(value) if info and (value := getattr(info, name)) is not None else None for name in numbers},
        "semver_key": info.semver_key if info else "",
        "build_number": info.build_number if info else -1,
    }


def build_project_links(
    organization: int, release: int, keys: Mapping[str, Any], projects: Collection[int]
) -> list[dict[str, Any]]:
    """Return the rows that link a release to projects, with copies of its sort keys."""
    common = {"organization_id": organization, "release_id": release, **{name: keys[name] for name in COPIED_TO_LINKS}}
    common["date_shown"] = keys["shipping_date"]
    return [{**common, "project_id": project} for project in sorted(set(projects))]


async def find_sort_keys(transaction: Transaction, release: int) -> dict[str, Any]:
    """Return the sort keys of a release that is known to exist."""
    row = await transaction.fetch_one(FIND_SORT_KEYS, {"release_id": release})
    assert row
    return dict(zip(_SORT_KEYS, row, strict=True))
