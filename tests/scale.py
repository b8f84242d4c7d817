"""How much a run does: `make test` takes minutes, and `make soak` (GQL_RELEASES_SOAK=1) everything that it leaves out."""

from __future__ import annotations

import os

SOAK = bool(os.environ.get("GQL_RELEASES_SOAK"))


def scale(default: int, soak: int) -> int:
    """Return how many kills, operations or examples a test has: `default` for each change, `soak` for the long run."""
    return soak if SOAK else default
