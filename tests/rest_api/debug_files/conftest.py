"""Uploads of debug files, for the tests of their endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.blobs.blob_store import open_blob_store
from gql_releases.domain.blob import BlobKind
from gql_releases.domain.principal import Principal
from gql_releases.symbolication.worker_pool import WorkerPool
from tests.client import Answer
from tests.conftest import Harness, Template
from tests.debug_files import (
    DEBUG_ID,
    UUID,
    build_program,
    digest,
)
from tests.uploads import send_parts

ACME = Principal.operator(1, "acme")
PATH = "projects/acme/web/files/"
ASSEMBLE, DSYMS, PROGUARD = PATH + "difs/assemble/", PATH + "dsyms/", PATH + "proguard-artifact-releases"
BREAKPAD_ID = f"{DEBUG_ID}-a"
NO_FILE = {"detail": "The requested resource does not exist"}
HELLO = b"hello"


class Uploads:
    """Uploads files as sentry-cli does."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness, self.client = harness, harness.client
        self.blobs = open_blob_store(folder.as_uri())

    def put_chunk(self, content: bytes, organization: str = "acme") -> str:
        """Store a chunk of an organization and return its SHA-1."""

        async def work() -> str:
            async with await self.blobs.begin(BlobKind.CHUNK) as writer:
                await writer.write(content)
                chunk = await writer.commit()
            principal = Principal.operator({"acme": 1, "other": 2}[organization], organization)
            await self.harness.store.chunks.record_chunks(principal, [chunk])
            return chunk.sha1

        return self.harness.run(work())

    def assemble(self, content: bytes, name: str, path: str = ASSEMBLE, **more: Any) -> Any:
        """Request the assembly of a file, and return the response for it."""
        body = {digest(content): {"name": name, "chunks": [digest(content)], **more}}
        response = self.client.rest("POST", path, body)
        assert response.status == 200, response.body
        return response.json[digest(content)]

    def upload(self, content: bytes, name: str, **more: Any) -> Any:
        """Upload a file and return the response to its assembling."""
        self.put_chunk(content)
        return self.assemble(content, name, **more)

    def upload_zip(self, content: bytes, name: str = "file", **more: Any) -> Answer:
        """Upload a zip file of debug files."""
        return send_parts(self.client, [(name, UUID, content)], DSYMS, **more)

    def list_ids(self, query: str = "") -> list[str]:
        """Return the debug ids of a list."""
        response = self.client.rest("GET", DSYMS + query)
        assert response.status == 200, response.body
        return [file["debugId"] for file in response.json]


@pytest.fixture
def harness(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    pools: list[WorkerPool] = []
    create = WorkerPool.__init__

    def note_pool(self: WorkerPool, *arguments: Any, **more: Any) -> None:
        create(self, *arguments, **more)
        pools.append(self)

    monkeypatch.setattr(WorkerPool, "__init__", note_pool)
    built = Harness(template, tmp_path, files=(tmp_path / "files").as_uri())
    yield built
    for pool in pools:
        built.run(pool.close())
    built.close()


@pytest.fixture
def uploads(harness: Harness, tmp_path: Path) -> Uploads:
    return Uploads(harness, tmp_path / "files")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_program(tmp_path_factory.mktemp("native")).read_bytes()
