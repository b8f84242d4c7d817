"""What operations answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.release import Outcome

Tree = dict[str, Any]
"""What a view showed: response names to values, as the selection asked."""


@dataclass(frozen=True, slots=True)
class CreateResult:
    """What a creation did; `ignored` names the fields that a known release did not take; `shown` is the view, if any."""

    outcome: Outcome
    id: int
    ignored: tuple[str, ...] = ()
    shown: Tree | None = None


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """What the making of something known by its key did: CREATED or EXISTING; `shown` is the view."""

    outcome: Outcome
    shown: Tree | None


Result = CreateResult | InvalidInput
"""What became of one release of a bulk creation."""
