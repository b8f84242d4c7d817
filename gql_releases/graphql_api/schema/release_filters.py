"""How releases are filtered and sorted."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, size_of
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import Order
from gql_releases.domain.versions.ranges import range_conditions
from gql_releases.domain.versions.version import fold_case
from gql_releases.graphql_api.execution.bindings import Arguments, argument
from gql_releases.graphql_api.execution.name_checks import commit_condition


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


def optional_filter(description: str, name: str | None = None) -> Any:
    """Declare a condition that may be left out."""
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


@strawberry.input(description="A range of semantic versions.")
class SemverFilter:
    """Conditions on what a version says."""

    range: str = strawberry.field(
        description="Comparators that all must hold, as `>=1.2 <2`, `^1.4` or `~1.4.2`; 2.0.0-rc.1 is below 2.0.0."
    )
    package: str | None = optional_filter("Only versions of this package, the part before the @.")


@strawberry.input(description="Which versions; every given field must hold.")
class VersionFilter:
    """Conditions on a version."""

    equals: str | None = optional_filter("Exactly this version.")
    in_: list[str] | None = optional_filter("One of these versions.", "in")
    starts_with: str | None = optional_filter("Versions that begin so.")
    contains: str | None = optional_filter(
        "Versions with this in them, in capitals or not, by Unicode's case folding; looks at every version."
    )
    semver: SemverFilter | None = optional_filter("Versions in a range; those without an order are in none.")


@strawberry.input(description="A span of time.")
class DateRange:
    """Conditions on a date."""

    from_: datetime | None = optional_filter("At this moment or later.", "from")
    before: datetime | None = optional_filter("Before this moment.")


@strawberry.input(description="Which releases; every given field must hold, null means any.")
class ReleaseFilter:
    """Conditions on a release."""

    status: ReleaseStatus | None = optional_filter("Only of this status.")
    project: str | None = optional_filter("Only of the project with this slug; PROJECT_NOT_FOUND if there is none.")
    version: VersionFilter | None = optional_filter("Only of such versions.")
    environment: str | None = optional_filter(
        "Only what was deployed to the environment of this name; ENVIRONMENT_NOT_FOUND if there is none."
    )
    released: bool | None = optional_filter("Only what has a date of release, or only what has none.")
    date_created: DateRange | None = optional_filter("Only what the store heard of first in this span.")
    date_released: DateRange | None = optional_filter("Only what was released in this span.")
    author: str | None = optional_filter(
        "Only with commits by the author of this e-mail address; none for one that nobody has."
    )
    commit: str | None = optional_filter(
        "Only with a commit of this sha, or of one that begins with these 7 to 39 hex digits, as git abbreviates."
    )
    path: str | None = optional_filter("Only with commits that touched this path.")
    and_: list[ReleaseFilter] | None = optional_filter("All of these must hold.", "and")
    or_: list[ReleaseFilter] | None = optional_filter("At least one of these must hold.", "or")
    not_: ReleaseFilter | None = optional_filter("This must not hold.", "not")


def release_conditions(arguments: Arguments) -> Conditions:
    """Turn a ReleaseFilter into the store's conditions. Raises DomainError: no range of versions, or too many filters."""
    given = arguments.get("filter")
    if not given:
        return ()
    _require_readable(given)
    conditions = _filter_conditions(given)
    number = size_of(conditions)
    if number > MAX_CONDITIONS:
        message = f"A filter has at most {MAX_CONDITIONS} conditions, not {number}."
        raise DomainError(ErrorCode.INVALID_ARGUMENT, message)
    return conditions


def _require_readable(given: Arguments) -> None:
    """Refuse a filter far beyond its limit before its ranges are read, which takes some 10 us a comparator."""
    count, waiting = 0, [given]
    while waiting and count <= 50 * MAX_CONDITIONS:
        one = waiting.pop()
        count += len(one) + len(one.get("range", "")) // 2
        for value in one.values():
            waiting += [value] if isinstance(value, dict) else _nested_filters(value)
    if count > 50 * MAX_CONDITIONS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"A filter has at most {MAX_CONDITIONS} conditions, not thousands.")


def _nested_filters(value: Any) -> list[Arguments]:
    return value if isinstance(value, list) and value and isinstance(value[0], dict) else []


def _filter_conditions(given: Arguments) -> Conditions:
    found: list[tuple[str, Any]] = []
    for name, value in given.items():
        if value is None:
            continue
        if name in ("and_", "or_"):
            found.append((name[:-1], tuple([_combine(_filter_conditions(one)) for one in value])))
        elif name == "not_":
            found.append(("not", _filter_conditions(value)))
        elif name == "version":
            found += _version_conditions(value)
        elif name in ("date_created", "date_released"):
            found += _range_conditions(name.removeprefix("date_"), value)
        elif name == "released":
            found.append(("released" if value else "unreleased", True))
        else:
            found.append(
                commit_condition(value) if name == "commit" else (name, value.lower() if name == "author" else value)
            )
    return tuple(found)


def _combine(conditions: Conditions) -> Condition:
    return conditions[0] if len(conditions) == 1 else ("and", conditions)


def _version_conditions(given: Arguments) -> Conditions:
    found: list[tuple[str, Any]] = []
    for name, value in given.items():
        if value is None:
            continue
        if name == "semver":
            found += range_conditions(value["range"])
            if value.get("package") is not None:
                found.append(("package", value["package"]))
        elif name == "contains":
            found.append(("version_contains", [fold_case(value)]))
        elif name == "in_":
            found.append(("version_in", value))
        else:
            found.append(("version" if name == "equals" else f"version_{name}", value))
    return tuple(found)


def _range_conditions(name: str, given: Arguments) -> Conditions:
    spelled = {"from_": f"{name}_from", "before": f"{name}_before"}
    return tuple((spelled[side], moment) for side, moment in given.items() if moment is not None)


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
