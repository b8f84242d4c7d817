"""A client that uploads bundles as sentry-cli does: missing chunks in requests of several parts, then the question for the state."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

BOUNDARY = "----upload-client"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()
CHUNKS_PER_REQUEST = 3
POLL_SECONDS = 0.2
UNFINISHED = ("created", "assembling")


@dataclass(frozen=True)
class Response:
    """Status and body of a response."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def hash_bytes(content: bytes) -> str:
    """Return the SHA-1 of bytes."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Upload:
    """A file to upload, in chunks, and the rest of the body of its request to assemble."""

    content: bytes
    chunk_size: int
    body: dict[str, Any]
    debug_id: str = ""
    name: str = ""
    """The name of a debug file; a bundle has none."""

    @property
    def checksum(self) -> str:
        """The SHA-1 of the whole."""
        return hash_bytes(self.content)

    def split(self) -> list[bytes]:
        """Return the chunks in order."""
        return [self.content[start : start + self.chunk_size] for start in range(0, len(self.content), self.chunk_size)]


@dataclass
class UploadClient:
    """Uploads to one organization. Raises OSError or HTTPException when the gateway has ended."""

    base: str
    token: str
    organization: str = "acme"
    timeout: float = 30
    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    """Checksum of a file -> its chunks that the gateway has acknowledged."""

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> Response:
        """Send a request on a connection of its own."""
        address = urllib.parse.urlsplit(self.base)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=self.timeout)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Response(response.status, response.read())
        finally:
            connection.close()

    def assemble(self, upload: Upload, chunks: Sequence[str] | None = None) -> Response:
        """Ask for a file to be assembled, with its chunks or other ones."""
        chunks = [hash_bytes(chunk) for chunk in upload.split()] if chunks is None else chunks
        if not upload.name:
            body = {**upload.body, "checksum": upload.checksum, "chunks": chunks}
            return self.send("POST", f"/api/0/organizations/{self.organization}/artifactbundle/assemble/", dump(body))
        path = f"/api/0/projects/{self.organization}/web/files/difs/assemble/"
        response = self.send("POST", path, dump({upload.checksum: {**upload.body, "name": upload.name, "chunks": chunks}}))
        return Response(200, dump(response.json[upload.checksum])) if response.status == 200 else response

    def send_chunks(self, *chunks: bytes) -> Response:
        """Send chunks in one request, as gzip without compression."""
        return self.send_parts(*((hash_bytes(chunk), gzip.compress(chunk, 0)) for chunk in chunks))

    def send_parts(self, *parts: tuple[str, bytes], name: str = "file_gzip") -> Response:
        """Send parts, which have a file name and a content."""
        body = b"".join(encode_part(name, filename, content) for filename, content in parts) + END
        path = f"/api/0/organizations/{self.organization}/chunk-upload/"
        return self.send("POST", path, body, FORM)

    def upload_release_file(self, version: str, name: str, content: bytes) -> Response:
        """Upload a single file of a release."""
        path = f"/api/0/projects/{self.organization}/web/releases/{version}/files/"
        body = encode_part("file", "file", content) + encode_part("name", None, name.encode()) + END
        return self.send("POST", path, body, FORM)

    def upload(self, upload: Upload, seconds: float = 60) -> Any:
        """Upload what is missing of a file, wait until it is assembled, and return the last state."""
        options = self.send("GET", f"/api/0/organizations/{self.organization}/chunk-upload/")
        assert options.status == 200, options
        first = self.assemble(upload)
        assert first.status == 200, first
        chunks = {hash_bytes(chunk): chunk for chunk in upload.split()}
        missing = first.json["missingChunks"]
        acknowledged = self.acknowledged.setdefault(upload.checksum, set())
        assert not acknowledged & set(missing), "a chunk that was acknowledged is missing"
        for group in _group(missing):
            response = self.send_chunks(*(chunks[sha1] for sha1 in group))
            assert (response.status, response.body) == (200, b""), response
            acknowledged.update(group)
        return self.wait_until_assembled(upload, seconds)

    def wait_until_assembled(self, upload: Upload, seconds: float = 60) -> Any:
        """Ask for the state until it is final, and return it."""
        deadline = time.monotonic() + seconds
        while True:
            response = self.assemble(upload)
            assert response.status == 200, response
            if response.json["state"] not in UNFINISHED:
                return response.json
            assert time.monotonic() < deadline, f"stuck: {response.json}"
            time.sleep(POLL_SECONDS)


def dump(body: Any) -> bytes:
    """Return JSON as bytes."""
    return json.dumps(body).encode()


def encode_part(name: str, filename: str | None, content: bytes) -> bytes:
    """Return a part of a multipart body, which is a file if it has a file name."""
    file = f'; filename="{filename}"\r\nContent-Type: application/octet-stream' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def _group(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), CHUNKS_PER_REQUEST):
        yield items[start : start + CHUNKS_PER_REQUEST]
