"""Uploads survive SIGKILL of the gateway: what was acknowledged is there and whole, and a client that runs again ends well."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.blobs.zips import write_bundle
from tests.conftest import Template
from tests.crash.gateways import start_gateway, wait_until
from tests.scale import scale
from tests.upload_client import Upload, UploadClient, dump

KILLS = scale(5, 50)
SMALL_BYTES, LARGE_BYTES = 150_000, 9_000_000
"""Files up to 8 MiB are assembled within the request, larger ones afterwards."""
CHUNK_BYTES = {SMALL_BYTES: 20_000, LARGE_BYTES: 1_000_000}
ARTIFACT = """query ($id: String!) { artifact(organization: "acme", project: "web", debugId: $id) { bundle { size } } }"""
UNFINISHED = "SELECT count(*) FROM assemblies WHERE state IN ('created', 'assembling')"


def make_upload(chance: random.Random, version: str, size: int) -> Upload:
    """Return a bundle of about a size whose bytes have no order, with a script of a debug id of its own."""
    debug_id = str(uuid.UUID(bytes=chance.randbytes(16)))
    files = {"files/app.js": b"//" + chance.randbytes(size)}
    entry = {"url": "~/app.js", "type": "minified_source", "headers": {"debug-id": debug_id}}
    content = write_bundle({"files": {"files/app.js": entry}}, files, method=zipfile.ZIP_STORED)
    return Upload(content, CHUNK_BYTES[size], {"projects": ["web"], "version": version}, debug_id)


@dataclass
class Uploaders:
    """Threads that upload one bundle after the other until the gateway has ended."""

    chance: random.Random
    finished: list[Upload] = field(default_factory=list)
    interrupted: list[tuple[UploadClient, Upload]] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self, base: str, token: str, name: str) -> None:
        """Start the threads: two of small files, one of large ones."""
        for number, size in enumerate((SMALL_BYTES, SMALL_BYTES, LARGE_BYTES)):
            chance = random.Random(self.chance.random())
            arguments = (UploadClient(base, token), chance, f"{name}-{number}", size)
            thread = threading.Thread(target=self._upload, args=arguments, daemon=True)
            self.threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Wait for the threads of a gateway that has ended. Raises the first unexpected error."""
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        self.threads.clear()
        if self.faults:
            raise self.faults[0]

    def _upload(self, client: UploadClient, chance: random.Random, name: str, size: int) -> None:
        for number in itertools.count():
            upload = make_upload(chance, f"{name}-{number}", size)
            try:
                assert client.upload(upload)["state"] == "ok"
            except (OSError, http.client.HTTPException):  # the process was killed
                self.interrupted.append((client, upload))
                return
            except BaseException as error:
                self.faults.append(error)
                return
            self.finished.append(upload)


def test_gateway_killed_under_uploads_loses_nothing_and_is_stuck_nowhere(template: Template, tmp_path: Path) -> None:
    url, token, chance = template.databases.copy(template.url, tmp_path), template.tokens["acme"], random.Random(7)
    uploaders = Uploaders(chance)
    for kill in range(KILLS + 1):
        with start_gateway(url, token, tmp_path / "log", files=f"file://{tmp_path}/files") as gateway:
            for client, upload in uploaders.interrupted:  # the same command again
                client.base = gateway.base
                assert client.upload(upload)["state"] == "ok"
                uploaders.finished.append(upload)
            uploaders.interrupted.clear()
            check = UploadClient(gateway.base, token)
            for upload in uploaders.finished if kill in (1, KILLS) else uploaders.finished[-5:]:
                assert_stored(check, tmp_path / "files", upload)
            if kill == KILLS:
                break
            before = len(uploaders.finished)
            uploaders.start(gateway.base, token, f"kill-{kill}")
            wait_until(lambda: len(uploaders.finished) > before or bool(uploaders.faults), pause=0.002)  # noqa: B023 - called now
            time.sleep(chance.uniform(0, 0.3))
            gateway.kill()
            uploaders.stop()
    assert template.databases.rows(url, UNFINISHED) == [(0,)]
    assert "Traceback" not in (tmp_path / "log").read_text()
    template.databases.drop(url)


def assert_stored(client: UploadClient, folder: Path, upload: Upload) -> None:
    """Assert that a bundle is known, is found by its debug id, and has all its bytes."""
    assert client.assemble(upload, chunks=[]).json["state"] == "ok"
    body = {"query": ARTIFACT, "variables": {"id": upload.debug_id}}
    response = client.send("POST", "/graphql", dump(body)).json
    assert response["data"]["artifact"]["bundle"]["size"] == len(upload.content)
    sha1 = upload.checksum
    assert (folder / "blobs" / sha1[:2] / sha1[2:4] / sha1).read_bytes() == upload.content
