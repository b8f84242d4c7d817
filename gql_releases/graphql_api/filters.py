"""What lists can be filtered and sorted by."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry

from gql_releases.domain.paging import Order
from gql_releases.graphql_api.bindings import Arguments, Conditions, argument


@strawberry.enum(description="Whether a release is listed by default.")
class ReleaseStatus(Enum):
    """A release's status."""

    OPEN = "OPEN"
    ARCHIVED = "ARCHIVED"


@strawberry.enum(description="Which way a list is sorted.")
class OrderDirection(Enum):
    """A direction."""

    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum(description="What releases can be sorted by.")
class ReleaseOrderField(Enum):
    """Sorts of releases; each ends in the id, so that no two stand in the same place."""

    DATE_CREATED = strawberry.enum_value("DATE_CREATED", description="When the store first heard of them.")
    DATE_RELEASED = strawberry.enum_value("DATE_RELEASED", description="When they were released; the unreleased are newest.")
    SEMVER = strawberry.enum_value("SEMVER", description="By version, as semver.org has it; the unparsable are lowest.")
    BUILD = strawberry.enum_value("BUILD", description="By build number; those without one are lowest.")


@strawberry.input(description="How releases are sorted.")
class ReleaseOrder:
    """A sort and its direction."""

    field: ReleaseOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")


@strawberry.input(description="Which versions; every given field must hold.")
class VersionFilter:
    """Conditions on a version."""

    equals: str | None = strawberry.field(default=strawberry.UNSET, description="Exactly this version.")
    starts_with: str | None = strawberry.field(default=strawberry.UNSET, description="Versions that begin so.")


@strawberry.input(description="Which releases; every given field must hold, null means any.")
class ReleaseFilter:
    """Conditions on a release."""

    status: ReleaseStatus | None = strawberry.field(default=strawberry.UNSET, description="Only of this status.")
    project: str | None = strawberry.field(default=strawberry.UNSET, description="Only of the project with this slug.")
    version: VersionFilter | None = strawberry.field(default=strawberry.UNSET, description="Only of such versions.")


def release_conditions(arguments: Arguments) -> Conditions:
    """Turn a ReleaseFilter into the store's conditions."""
    given = arguments.get("filter") or {}
    version = given.get("version") or {}
    found = {
        "project": given.get("project"),
        "status": given.get("status"),
        "version": version.get("equals"),
        "version_starts_with": version.get("starts_with"),
    }
    return tuple((name, value) for name, value in found.items() if value is not None)


RELEASE_LIST: dict[str, Any] = {
    "order": Order("date_created", descending=True),
    "orders": {
        "DATE_CREATED": "date_created",
        "DATE_RELEASED": "release_order",
        "SEMVER": "semver_key",
        "BUILD": "build_number",
    },
    "conditions": release_conditions,
    "arguments": [
        argument("filter", ReleaseFilter | None, "Which releases."),
        argument("order_by", ReleaseOrder | None, "How they are sorted; the newest first if it is not said."),
    ],
}
"""What every list of releases offers."""
