"""What became of the events that SDKs sent for a project."""

from __future__ import annotations

from typing import Any

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.events.outcomes import INVALID_RELEASE, ItemOutcome
from gql_releases.graphql_api.execution.bindings import Arguments, argument, column, objects
from gql_releases.graphql_api.execution.scalars import BigInt

DEFAULT_HOURS = 24
MAX_HOURS = 90 * 24
EVENT_CATEGORIES = ("error", "default")


def stats_conditions(arguments: Arguments) -> Conditions:
    """Return the condition for a number of hours. Raises DomainError for too many or none."""
    hours = arguments.get("hours")
    hours = DEFAULT_HOURS if hours is None else hours
    if not 1 <= hours <= MAX_HOURS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"hours must be between 1 and {MAX_HOURS}, not {hours}.")
    return (("hours", hours),)


STATS_ARGUMENTS = [
    argument(
        "hours", int | None, f"How many hours back, 1 to {MAX_HOURS:,} (default {DEFAULT_HOURS}); else INVALID_ARGUMENT."
    )
]


def _count_accepted(text: str) -> int:
    rows = orjson.loads(text)
    return sum(row[4] for row in rows if row[0] == ItemOutcome.ACCEPTED and row[2] in EVENT_CATEGORIES)


def _list_outcomes(text: str, *outcomes: ItemOutcome) -> list[dict[str, Any]]:
    """Return the number and bytes of items by reason and category, the most frequent first."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for outcome, reason, category, _, quantity, size in orjson.loads(text):
        if outcome in outcomes and reason != INVALID_RELEASE:
            count, sizes = totals.get((reason, category), (0, 0))
            totals[reason, category] = count + quantity, sizes + size
    ranked = sorted(totals.items(), key=lambda item: (-item[1][0], item[0]))
    return [
        {"reason": reason, "category": category, "quantity": count, "bytes": sizes}
        for (reason, category), (count, sizes) in ranked
    ]


def _list_discarded(text: str) -> list[dict[str, Any]]:
    return _list_outcomes(text, ItemOutcome.DROPPED, ItemOutcome.REJECTED)


def _list_client_discards(text: str) -> list[dict[str, Any]]:
    return _list_outcomes(text, ItemOutcome.CLIENT_DISCARD)


def _list_refused_releases(text: str) -> list[dict[str, Any]]:
    totals: dict[str, int] = {}
    for _, reason, _, value, quantity, _ in orjson.loads(text):
        if reason == INVALID_RELEASE:
            totals[value] = totals.get(value, 0) + quantity
    return [
        {"name": name, "quantity": count} for name, count in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]


@strawberry.type(description="A number of items that were not stored.")
class DiscardedItems:
    """Items of one reason and category."""

    reason: str = strawberry.field(description="Why, such as `not_stored`, `quota` or, in an SDK, `sample_rate`.")
    category: str = strawberry.field(description="What, such as `error`, `transaction` or `session`.")
    quantity: BigInt = strawberry.field(description="How many.")
    bytes: BigInt = strawberry.field(description="Their size as they were sent, in bytes; 0 where it is not known.")


@strawberry.type(description="A release name that SDKs sent and that is invalid.")
class RefusedRelease:
    """A refused release name."""

    name: str = strawberry.field(description="The name as it was sent, such as `feature/login`: often a branch.")
    quantity: BigInt = strawberry.field(description="How many events had it. They are stored without a release.")


@strawberry.type(description="What became of the events that SDKs sent for a project: the answer to why some are missing.")
class ProjectStats:
    """The outcomes of a project."""

    accepted: BigInt = column("outcomes", "The number of events that were stored.", _count_accepted, inherits=True)
    discarded: list[DiscardedItems] = objects(
        "outcomes", "What was received and not stored, the most frequent first.", _list_discarded, size=5, inherits=True
    )
    client_discards: list[DiscardedItems] = objects(
        "outcomes",
        "What SDKs discarded and never sent, by their own reports, the most frequent first.",
        _list_client_discards,
        size=5,
        inherits=True,
    )
    refused_releases: list[RefusedRelease] = objects(
        "outcomes",
        "Release names that are invalid, the most frequent first: a slash, `latest`, more than 200 bytes.",
        _list_refused_releases,
        size=5,
        inherits=True,
    )
