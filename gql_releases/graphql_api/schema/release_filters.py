"""Filters and orders of release lists."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, count_conditions
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import Order
from gql_releases.domain.versions.ranges import range_conditions
from gql_releases.domain.versions.version import fold_case
from gql_releases.graphql_api.execution.bindings import Arguments, argument
from gql_releases.graphql_api.execution.name_checks import build_commit_condition


@strawberry.enum(description="Whether a release is in use or archived.")
class ReleaseStatus(Enum):
    """The status of the domain, by name."""

    OPEN = strawberry.enum_value("OPEN", description="The release is in use.")
    ARCHIVED = strawberry.enum_value(
        "ARCHIVED", description="The release is archived: the REST API lists it only on request."
    )


@strawberry.enum(description="The direction of an order.")
class OrderDirection(Enum):
    """Ascending or descending."""

    ASC = strawberry.enum_value("ASC", description="Ascending: lowest or oldest first.")
    DESC = strawberry.enum_value("DESC", description="Descending: highest or newest first.")


@strawberry.enum(description="What releases can be sorted by.")
class ReleaseOrderField(Enum):
    """Orders of releases; each ends with the id, so that every position is unique."""

    DATE_CREATED = strawberry.enum_value("DATE_CREATED", description="When the release was created here.")
    DATE_RELEASED = strawberry.enum_value(
        "DATE_RELEASED", description="When the release was finalized; those that are not finalized count as newest."
    )
    SEMVER = strawberry.enum_value(
        "SEMVER",
        description=(
            "The version, by semantic versioning (semver.org): 2.0.0-rc.1 is below 2.0.0. Versions that are not "
            "semantic are lowest."
        ),
    )
    BUILD = strawberry.enum_value(
        "BUILD", description="The build number, such as 77 in `web@1.4.0+77`; releases without one are lowest."
    )


@strawberry.input(description="How a list of releases is sorted, such as {field: SEMVER}.")
class ReleaseOrder:
    """An order and its direction."""

    field: ReleaseOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="ASC or DESC (default).")


def optional_filter(description: str, name: str | None = None) -> Any:
    """Declare an optional condition."""
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


@strawberry.input(description='A range of semantic versions, such as {package: "web", range: ">=1.2 <1.5"}.')
class SemverFilter:
    """Conditions on the parsed version."""

    range: str = strawberry.field(
        description=(
            "Comparators separated by spaces that must all hold: `>=1.2 <2`, `^1.4` (below 2) or `~1.4.2` (below "
            "1.5). 2.0.0-rc.1 is below 2.0.0; builds are ignored. INVALID_ARGUMENT if it is no range."
        )
    )
    package: str | None = optional_filter("Only versions of this package: the part before the @, such as `web`.")


@strawberry.input(description="Conditions on the version; all given ones must hold.")
class VersionFilter:
    """Conditions on the text of a version."""

    equals: str | None = optional_filter("Exactly this version, such as `web@1.4.0+77`; case-sensitive.")
    in_: list[str] | None = optional_filter("One of these versions; case-sensitive.", "in")
    starts_with: str | None = optional_filter("Versions that start with this text, such as `web@1.`; case-sensitive.")
    contains: str | None = optional_filter(
        "Versions that contain this text, in upper or lower case. Costs 1,000: it looks at every version."
    )
    semver: SemverFilter | None = optional_filter(
        "Versions in a semantic range; versions that are not semantic are in no range."
    )


@strawberry.input(description='A period, such as {from: "2026-11-01T00:00:00Z", before: "2026-12-01T00:00:00Z"}.')
class DateRange:
    """Conditions on a date."""

    from_: datetime | None = optional_filter("At this time or later (default: no limit).", "from")
    before: datetime | None = optional_filter("Before this time (default: no limit).")


@strawberry.input(
    description=(
        "Conditions on releases, at most 100; all given ones must hold, and null is the same as absent. "
        "INVALID_ARGUMENT for more."
    )
)
class ReleaseFilter:
    """Conditions on releases."""

    status: ReleaseStatus | None = optional_filter("Only releases of this status, such as OPEN to leave out archived ones.")
    project: str | None = optional_filter(
        "Only releases of the project with this slug, such as `web`; PROJECT_NOT_FOUND if it does not exist."
    )
    version: VersionFilter | None = optional_filter("Only releases whose version meets these conditions.")
    environment: str | None = optional_filter(
        "Only releases that were deployed to this environment, such as `production`, whatever became of the "
        "deploy; ENVIRONMENT_NOT_FOUND if it does not exist. Costs 1,000."
    )
    released: bool | None = optional_filter(
        "true: only releases that have a `dateReleased`; false: only those that have none."
    )
    date_created: DateRange | None = optional_filter("Only releases created in this period.")
    date_released: DateRange | None = optional_filter("Only releases finalized in this period.")
    author: str | None = optional_filter(
        "Only releases with a commit of this author, by e-mail address, such as `ada@example.com`. Costs 1,000."
    )
    commit: str | None = optional_filter(
        "Only releases with this commit: its sha, or its first 7 to 39 hex digits in lower case, such as "
        "`6ba09a7`; AMBIGUOUS_SHA if several commits begin with them. Costs 1,000."
    )
    path: str | None = optional_filter(
        "Only releases with a commit that changed the file of exactly this path, such as `src/total.ts`. Costs 1,000."
    )
    and_: list[ReleaseFilter] | None = optional_filter("All of these must hold.", "and")
    or_: list[ReleaseFilter] | None = optional_filter("At least one of these must hold.", "or")
    not_: ReleaseFilter | None = optional_filter("This must not hold, such as {status: ARCHIVED}.", "not")


def release_conditions(arguments: Arguments) -> Conditions:
    """Return the conditions of a ReleaseFilter. Raises DomainError: an invalid range of versions, too many conditions."""
    release_filter = arguments.get("filter")
    if not release_filter:
        return ()
    _require_readable(release_filter)
    conditions = _filter_conditions(release_filter)
    number = count_conditions(conditions)
    if number > MAX_CONDITIONS:
        message = f"A filter has at most {MAX_CONDITIONS} conditions, not {number}."
        raise DomainError(ErrorCode.INVALID_ARGUMENT, message)
    return conditions


def _require_readable(release_filter: Arguments) -> None:
    """Refuse a filter far beyond its limit before its ranges are parsed, which takes about 10 us per comparator."""
    count, waiting = 0, [release_filter]
    while waiting and count <= 50 * MAX_CONDITIONS:
        nested = waiting.pop()
        count += len(nested) + len(nested.get("range", "")) // 2
        for value in nested.values():
            waiting += [value] if isinstance(value, dict) else _nested_filters(value)
    if count > 50 * MAX_CONDITIONS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"A filter has at most {MAX_CONDITIONS} conditions, not thousands.")


def _nested_filters(value: Any) -> list[Arguments]:
    return value if isinstance(value, list) and value and isinstance(value[0], dict) else []


def _filter_conditions(release_filter: Arguments) -> Conditions:
    conditions: list[tuple[str, Any]] = []
    for name, value in release_filter.items():
        if value is None:
            continue
        if name in ("and_", "or_"):
            conditions.append((name[:-1], tuple([_combine(_filter_conditions(nested)) for nested in value])))
        elif name == "not_":
            conditions.append(("not", _filter_conditions(value)))
        elif name == "version":
            conditions += _version_conditions(value)
        elif name in ("date_created", "date_released"):
            conditions += _range_conditions(name.removeprefix("date_"), value)
        elif name == "released":
            conditions.append(("released" if value else "unreleased", True))
        else:
            conditions.append(
                build_commit_condition(value) if name == "commit" else (name, value.lower() if name == "author" else value)
            )
    return tuple(conditions)


def _combine(conditions: Conditions) -> Condition:
    return conditions[0] if len(conditions) == 1 else ("and", conditions)


def _version_conditions(version_filter: Arguments) -> Conditions:
    conditions: list[tuple[str, Any]] = []
    for name, value in version_filter.items():
        if value is None:
            continue
        if name == "semver":
            conditions += range_conditions(value["range"])
            if value.get("package") is not None:
                conditions.append(("package", value["package"]))
        elif name == "contains":
            conditions.append(("version_contains", [fold_case(value)]))
        elif name == "in_":
            conditions.append(("version_in", value))
        else:
            conditions.append(("version" if name == "equals" else f"version_{name}", value))
    return tuple(conditions)


def _range_conditions(name: str, date_range: Arguments) -> Conditions:
    spelled = {"from_": f"{name}_from", "before": f"{name}_before"}
    return tuple((spelled[side], moment) for side, moment in date_range.items() if moment is not None)


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
        argument(
            "filter",
            ReleaseFilter | None,
            "Conditions that the releases must meet (default: all releases, archived ones too).",
        ),
        argument(
            "order_by",
            ReleaseOrder | None,
            "How the releases are sorted (default: {field: DATE_CREATED, direction: DESC}). A cursor is valid "
            "for one order only.",
        ),
    ],
}
"""What every list of releases offers."""
