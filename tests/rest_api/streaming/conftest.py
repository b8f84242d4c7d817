"""The application of streaming handlers, for each test a new one."""

from __future__ import annotations

import pytest

from tests.conftest import Harness
from tests.rest_api.streaming.application import Files, Server


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def server(harness: Harness, files: Files) -> Server:
    return Server(harness, files)
