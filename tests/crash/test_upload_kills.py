"""Uploads survive SIGKILL of the gateway: what was acknowledged is there and whole, and a client that runs again ends well."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.blobs.zips import write_bundle
from tests.conftest import Template
from tests.crash.gateways import start_gateway, wait_until
from tests.scale import scale
from tests.upload_client import Upload, UploadClient, hash_bytes

KILLS = scale(5, 50)
SMALL_BYTES, LARGE_BYTES = 150_000, 9_000_000
"""Files up to 8 MiB are assembled within the request, larger ones afterwards."""
LOOK_UP, DEBUG_FILES = "/api/0/projects/acme/web/artifact-lookup/", "/api/0/projects/acme/web/files/dsyms/"
VERSION = "files@1"
RELEASE_FILES = f"/api/0/projects/acme/web/releases/{VERSION}/files/"
UNFINISHED = "SELECT count(*) FROM assemblies WHERE state IN ('created', 'assembling')"

Make = Callable[[random.Random, str], Upload]


def make_bundle(size: int, chunk_size: int, chance: random.Random, name: str) -> Upload:
    """Return a bundle of about a size whose bytes have no order, with a script of a debug id of its own."""
    debug_id = str(uuid.UUID(bytes=chance.randbytes(16)))
    files = {"files/app.js": b"//" + chance.randbytes(size)}
    entry = {"url": "~/app.js", "type": "minified_source", "headers": {"debug-id": debug_id}}
    content = write_bundle({"files": {"files/app.js": entry}}, files, method=zipfile.ZIP_STORED)
    return Upload(content, chunk_size, {"projects": ["web"], "version": name}, debug_id)


def make_symbols(chance: random.Random, name: str) -> Upload:
    """Return symbols of a module, in Breakpad's format."""
    debug_id = uuid.UUID(bytes=chance.randbytes(16))
    text = (
        f"MODULE Linux x86_64 {debug_id.hex.upper()}0 {name}\nFILE 0 {chance.randbytes(20_000).hex()}\nFUNC 1000 10 0 main\n"
    )
    return Upload(text.encode(), 6_000, {}, str(debug_id), f"{name}.sym")


@dataclass
class Uploaders:
    """Threads that upload one file after the other until the gateway has ended."""

    chance: random.Random
    finished: list[Upload] = field(default_factory=list)
    interrupted: list[tuple[UploadClient, Upload]] = field(default_factory=list)
    release_files: dict[str, bytes] = field(default_factory=dict)
    """Names and contents of acknowledged files of a release."""
    faults: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self, base: str, token: str, name: str) -> None:
        """Start the threads: small bundles, large ones, debug files, and files of a release."""
        small, large = partial(make_bundle, SMALL_BYTES, 20_000), partial(make_bundle, LARGE_BYTES, 1_000_000)
        for number, make in enumerate((small, large, make_symbols, None)):
            chance = random.Random(self.chance.random())
            arguments = (UploadClient(base, token), chance, f"{name}-{number}", make)
            thread = threading.Thread(target=self._upload_repeatedly, args=arguments, daemon=True)
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

    def _upload_repeatedly(self, client: UploadClient, chance: random.Random, name: str, make: Make | None) -> None:
        try:
            for number in itertools.count():
                if make is None:
                    content = chance.randbytes(SMALL_BYTES)
                    assert client.upload_release_file(VERSION, f"~/{name}-{number}", content).status == 201
                    self.release_files[f"~/{name}-{number}"] = content
                    continue
                upload = make(chance, f"{name}-{number}")
                try:
                    assert client.upload(upload)["state"] == "ok"
                except (OSError, http.client.HTTPException):
                    self.interrupted.append((client, upload))
                    return
                self.finished.append(upload)
        except (OSError, http.client.HTTPException):  # the process was killed
            return
        except BaseException as error:
            self.faults.append(error)


@pytest.mark.slow
def test_gateway_killed_under_uploads_loses_nothing_and_is_stuck_nowhere(template: Template, tmp_path: Path) -> None:
    url, token, chance = template.databases.copy(template.url, tmp_path), template.tokens["acme"], random.Random(7)
    uploaders = Uploaders(chance)
    for kill in range(KILLS + 1):
        with start_gateway(url, token, tmp_path / "log", files=f"file://{tmp_path}/files") as gateway:
            assert gateway.create(VERSION, by_graphql=False) in (201, 208)
            for client, upload in uploaders.interrupted:  # the same command again
                client.base = gateway.base
                assert client.upload(upload)["state"] == "ok"
                uploaders.finished.append(upload)
            uploaders.interrupted.clear()
            check = UploadClient(gateway.base, token)
            for upload in uploaders.finished if kill == KILLS else uploaders.finished[-5:]:
                assert_stored(check, upload)
            for name, content in uploaders.release_files.items() if kill == KILLS else ():
                assert_release_file(check, name, content)
            if kill == KILLS:
                break
            before = len(uploaders.finished)
            uploaders.start(gateway.base, token, f"kill-{kill}")
            wait_until(lambda: len(uploaders.finished) > before or bool(uploaders.faults), pause=0.002)  # noqa: B023 - called now
            time.sleep(chance.uniform(0, 0.2))
            gateway.kill()
            uploaders.stop()
    kinds = {bool(upload.name): len(upload.content) for upload in uploaders.finished}
    assert len(kinds) == 2, "bundles and debug files"
    assert uploaders.release_files
    assert template.databases.rows(url, UNFINISHED) == [(0,)]
    assert "Traceback" not in (tmp_path / "log").read_text()
    template.databases.drop(url)


def assert_stored(client: UploadClient, upload: Upload) -> None:
    """Assert that a file is known, is found by its debug id, and has all its bytes."""
    assert client.assemble(upload, []).json["state"] == "ok"
    path, parameter = (DEBUG_FILES, "id") if upload.name else (LOOK_UP, "download")
    [file] = client.send("GET", f"{path}?debug_id={upload.debug_id}").json
    response = client.send("GET", f"{path}?{parameter}={file['id']}")
    assert response.status == 200
    assert response.body == upload.content


def assert_release_file(client: UploadClient, name: str, content: bytes) -> None:
    """Assert that a file of a release is listed and has all its bytes."""
    [row] = client.send("GET", f"{RELEASE_FILES}?checksum={hash_bytes(content)}").json
    assert row["name"] == name
    assert client.send("GET", f"{RELEASE_FILES}{row['id']}/?download=1").body == content
