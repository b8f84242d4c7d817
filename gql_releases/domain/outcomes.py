"""What operations answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .release import Outcome

Tree = dict[str, Any]
"""What a view showed: response names to values, as the selection asked."""


@dataclass(frozen=True, slots=True)
class Created:
    """What a creation did; `ignored` names the fields that a known release did not take; `shown` is the view, if any."""

    outcome: Outcome
    id: int
    ignored: tuple[str, ...] = ()
    shown: Tree | None = None
