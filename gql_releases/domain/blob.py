"""Content-addressed bytes: chunks that clients upload, and the files that are assembled from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_SHA1 = re.compile(r"[0-9a-f]{40}")


class BlobKind(StrEnum):
    """What a blob is used for; the value is its folder in the store."""

    CHUNK = "chunks"
    BLOB = "blobs"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that is stored durably. SHA-1 is its name; SHA-256 belongs into its row."""

    sha1: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A blob as the store lists it."""

    sha1: str
    size: int
    last_modified: datetime


class BlobNotFound(Exception):
    """The store has no blob of this kind and SHA-1."""

    def __init__(self, kind: BlobKind, sha1: str) -> None:
        super().__init__(f"{kind}/{sha1} is not stored")
        self.kind, self.sha1 = kind, sha1


class ChecksumMismatch(Exception):
    """The bytes have another SHA-1 than expected, or another content of the same SHA-1 is stored. Nothing was stored."""

    def __init__(self) -> None:
        super().__init__("Checksum mismatch")


def is_sha1(text: str) -> bool:
    """Return whether a text is a SHA-1 in lower-case hexadecimal digits."""
    return _SHA1.fullmatch(text) is not None
