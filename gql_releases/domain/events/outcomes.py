"""Outcomes of the items that SDKs sent or discarded, counted by reason and category."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

INVALID_RELEASE = "invalid_release"
"""The reason of an outcome whose value is a refused release name."""


class ItemOutcome(StrEnum):
    """The outcome of an item."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    """Answered with 200 and not stored, for example a transaction."""
    REJECTED = "refused"
    """Answered with 4xx."""
    CLIENT_DISCARD = "client_discard"
    """Discarded by the SDK, and reported in a client report."""


OutcomeKey = tuple[str, str, str]
"""An outcome, its reason and the category of the items."""
CountKey = tuple[ItemOutcome, str, str, str]
"""An outcome, its reason, the category of the items and the refused name, if that is the reason."""


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """A number of items of one category with one outcome and reason.

    `value` is the refused name of a release, environment or dist, if that is the reason. `size` is the number of bytes of
    the items, 0 if it is not known.
    """

    outcome: ItemOutcome
    reason: str
    category: str
    quantity: int
    value: str = ""
    size: int = 0

    @property
    def key(self) -> CountKey:
        """What equal counts have in common: outcome, reason, category and value."""
        return self.outcome, self.reason, self.category, self.value


def add_count(counts: dict[CountKey, OutcomeCount], count: OutcomeCount) -> None:
    """Add a count to the one with the same key, if there is one."""
    other = counts.get(count.key)
    if other:
        count = replace(count, quantity=other.quantity + count.quantity, size=other.size + count.size)
    counts[count.key] = count
