"""Results of operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.release import Outcome

Tree = dict[str, Any]
"""The values of a selection by response name."""


@dataclass(frozen=True, slots=True)
class CreateResult:
    """The result of a creation; `ignored` are the fields that an existing release keeps; `shown` is the view, if any."""

    outcome: Outcome
    id: int
    ignored: tuple[str, ...] = ()
    shown: Tree | None = None


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """The result of creating an object with a natural key: CREATED or EXISTING; `shown` is the view."""

    outcome: Outcome
    shown: Tree | None


Result = CreateResult | InvalidInput
"""The result for one release of a bulk creation."""
