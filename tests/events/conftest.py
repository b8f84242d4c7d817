"""Fixtures of the tests of events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Harness
from tests.events.writes import EventHarness


@pytest.fixture
def events(harness: Harness) -> Iterator[EventHarness]:
    """Yield an ingest service over a store of its own."""
    built = EventHarness(harness)
    yield built
    built.close()
