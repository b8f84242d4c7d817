from __future__ import annotations

import pytest

from tests.ingest.receiver import Receiver


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()
