"""How much a run does: `make test` takes minutes, and `make soak` (GQL_RELEASES_SOAK=1) everything that it leaves out."""

from __future__ import annotations

import os

import pytest

SOAK = bool(os.environ.get("GQL_RELEASES_SOAK"))
IN_SOAK = pytest.mark.skipif(not SOAK, reason="one of several cases: make soak runs it")


def scale(default: int, soak: int) -> int:
    """Return how many kills, operations or examples a test has: `default` for each change, `soak` for the long run."""
    return soak if SOAK else default
