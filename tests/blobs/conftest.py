"""Stores of blobs for tests: a folder, and a bucket of an object server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from tests.object_server import ObjectServer, run_object_server

OpenStore = Callable[[], BlobStore]
BUCKETS = itertools.count(1)


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    with run_object_server() as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Return a function that opens the same empty store again and again."""
    if request.param == "folder":
        return lambda: open_blob_store((tmp_path / "files").as_uri())
    server: ObjectServer = request.getfixturevalue("object_server")
    url = f"{server.create_bucket(f'bucket{next(BUCKETS)}')}/some/prefix"
    return lambda: open_blob_store(url, server.options, work_folder=tmp_path / "work")
