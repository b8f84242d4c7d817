"""Zip files for tests, honest ones and hostile ones."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import zstandard

PREFIX = b"SYSB\x02\x00\x00\x00"


@dataclass(frozen=True)
class Entry:
    """A member as it is written; what is not named is computed from the content."""

    name: bytes
    content: bytes = b""
    method: int = 8
    data: bytes | None = None
    size: int | None = None
    checksum: int | None = None
    flags: int = 0
    local_name: bytes | None = None
    offset: int | None = None
    """Where the central directory says that the member is."""

    def encode(self) -> bytes:
        """Return the compressed content."""
        if self.data is not None:
            return self.data
        if self.method == 8:
            encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
            return encoder.compress(self.content) + encoder.flush()
        return zstandard.compress(self.content) if self.method == 93 else self.content


def write_zip(*entries: Entry, prefix: bytes = b"", shift: int = 0, comment: bytes = b"") -> bytes:
    """Return a zip file; `shift` is subtracted from all offsets."""
    body, directory = bytearray(prefix), bytearray()
    for entry in entries:
        offset = len(body) - shift if entry.offset is None else entry.offset
        data = entry.encode()
        size = len(entry.content) if entry.size is None else entry.size
        checksum = zlib.crc32(entry.content) if entry.checksum is None else entry.checksum
        local_name = entry.name if entry.local_name is None else entry.local_name
        head = (20, entry.flags, entry.method, 0, 0, checksum, len(data), size)
        body += struct.pack("<4s5H3I2H", b"PK\x03\x04", *head, len(local_name), 0) + local_name + data
        directory += (
            struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, *head, len(entry.name), 0, 0, 0, 0, 0, offset) + entry.name
        )
    end = (0, 0, len(entries), len(entries), len(directory), len(body) - shift, len(comment))
    return bytes(body) + directory + struct.pack("<4s4H2IH", b"PK\x05\x06", *end) + comment


def write_bundle(
    manifest: Any, files: Mapping[str, bytes], prefix: bytes = PREFIX, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a bundle as clients write it: offsets include the prefix."""
    file = io.BytesIO()
    file.write(prefix)
    with zipfile.ZipFile(file, "a", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", manifest if isinstance(manifest, bytes) else json.dumps(manifest))
    return file.getvalue()
