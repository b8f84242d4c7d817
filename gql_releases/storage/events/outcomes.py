"""Counts what became of events and other items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gql_releases.domain.events.event_batch import PreparedRequest
from gql_releases.domain.events.outcomes import ItemOutcome, OutcomeKey
from gql_releases.storage.engine.merges import add, upsert
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.event import OutcomeRow

outcomes = table(OutcomeRow)

_KEY = ("organization_id", "project_id", "hour", "outcome", "reason", "category", "value")
COUNT_OUTCOME = upsert("outcomes.count", outcomes, _KEY, {"quantity": add, "bytes": add}, ("organization_id",))


class OutcomeCounter:
    """The sums of a batch."""

    def __init__(self, requests: Sequence[PreparedRequest]) -> None:
        """Take the requests, whose own outcomes are counted."""
        self._counts: Counter[tuple[int, int, str, str, str, str]] = Counter()
        self._sizes: Counter[tuple[int, int, str, str, str, str]] = Counter()
        for request in requests:
            for count in request.outcomes:
                self.add(
                    request.project_id,
                    request.hour,
                    count.outcome,
                    count.reason,
                    count.category,
                    count.quantity,
                    count.value,
                    count.size,
                )

    def add(
        self,
        project: int,
        hour: int,
        outcome: ItemOutcome,
        reason: str,
        category: str,
        quantity: int,
        value: str = "",
        size: int = 0,
    ) -> None:
        """Add to the number and bytes of items of a category with an outcome and reason."""
        key = project, hour, outcome.value, reason[:64], category[:32], value[:200]
        self._counts[key] += quantity
        self._sizes[key] += size

    def sum_items(self) -> Mapping[OutcomeKey, int]:
        """Return the number of items by outcome, reason and category."""
        totals: Counter[OutcomeKey] = Counter()
        for (_, _, outcome, reason, category, _), quantity in self._counts.items():
            totals[outcome, reason, category] += quantity
        return totals

    def build_rows(self, organization: int) -> list[dict[str, Any]]:
        """Return the rows to count, in the order of their keys."""
        names = _KEY[1:]
        return [
            {
                "organization_id": organization,
                **dict(zip(names, key, strict=True)),
                "quantity": self._counts[key],
                "bytes": self._sizes[key],
            }
            for key in sorted(self._counts)
            if self._counts[key]
        ]
