"""Uploads as sentry-cli sends them: bundles, chunks, and requests to assemble them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from tests.client import Answer, Client

BOUNDARY = "chunks"
DATE = (2026, 1, 1, 0, 0, 0)
"""The date of files in bundles, so that equal bundles have equal bytes."""
DEBUG_ID = "12345678-1234-4abc-8def-123456789012"
CHUNKS = "organizations/acme/chunk-upload/"
ASSEMBLE = "organizations/acme/artifactbundle/assemble/"


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def make_bundle(files: Mapping[str, tuple[str, bytes, Mapping[str, str]]] | None = None, **manifest: Any) -> bytes:
    """Return a bundle of files: URL -> type, text, headers. By default a script and its map, with a debug id."""
    if files is None:
        by_id = {"debug-id": DEBUG_ID}
        files = {
            "~/app.js": (
                "minified_source",
                b"f();\n//# sourceMappingURL=app.js.map",
                {**by_id, "sourcemap": "app.js.map"},
            ),
            "~/app.js.map": ("source_map", b'{"version": 3, "file": "app.js", "mappings": ""}', by_id),
        }
    output = io.BytesIO()
    output.write(b"SYSB" + struct.pack("<I", 2))
    with zipfile.ZipFile(output, "a", zipfile.ZIP_DEFLATED) as archive:
        entries = {}
        for url, (kind, text, headers) in files.items():
            path = "files/_/_/" + url.removeprefix("~/")
            archive.writestr(zipfile.ZipInfo(path, DATE), text, zipfile.ZIP_DEFLATED)
            entries[path] = {"type": kind, "url": url, "headers": dict(headers)}
        manifest_text = json.dumps({"files": entries, **manifest})
        archive.writestr(zipfile.ZipInfo("manifest.json", DATE), manifest_text, zipfile.ZIP_DEFLATED)
    return output.getvalue()


def encode_parts(parts: Sequence[tuple[str, str | None, bytes]]) -> bytes:
    """Return a multipart body of parts: name, filename, bytes."""
    body = b""
    for name, filename, data in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'.encode()
        body += b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def send_parts(client: Client, parts: Sequence[tuple[str, str | None, bytes]], path: str = CHUNKS, **more: Any) -> Answer:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **more.pop("headers", {})}
    return client.rest("POST", path, encode_parts(parts), headers=headers, **more)


def upload(client: Client, *chunks: bytes, **more: Any) -> None:
    """Upload chunks as sentry-cli does."""
    answer = send_parts(client, [("file_gzip", sha1(chunk), gzip.compress(chunk)) for chunk in chunks], **more)
    assert (answer.status, answer.body) == (200, b""), answer.body


def describe(*chunks: bytes, **fields: Any) -> dict[str, Any]:
    """Return a request to assemble a bundle of chunks for the project web."""
    checksum = sha1(b"".join(chunks))
    return {"checksum": checksum, "chunks": [sha1(chunk) for chunk in chunks], "projects": ["web"], **fields}


def upload_bundle(client: Client, bundle: bytes, *, path: str = ASSEMBLE, **fields: Any) -> dict[str, Any]:
    """Upload a bundle as one chunk, and return the response of its assembly."""
    upload(client, bundle, path=path.replace("artifactbundle/assemble", "chunk-upload"), **_pick_token(fields))
    token = _pick_token(fields)
    fields.pop("token", None)
    answer = client.rest("POST", path, describe(bundle, **fields), **token)
    assert answer.status == 200, answer.body
    result: dict[str, Any] = answer.json
    return result


def _pick_token(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": fields["token"]} if "token" in fields else {}
