"""Bundles that clients upload: their manifest and files, their ids, and why a bundle is refused."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gql_releases.domain.file_urls import normalize_debug_id

UUID_LENGTH = 36


class BundleFault(StrEnum):
    """Why a bundle is refused."""

    NOT_A_ZIP = "no zip file"
    CORRUPT = "a damaged zip file"
    UNSAFE_NAME = "a file name that is absolute or has .. or a backslash"
    DUPLICATE_NAME = "two files of the same name"
    TOO_MANY_FILES = "too many files"
    FILE_TOO_LARGE = "a file that is too large"
    TOO_LARGE = "files that are too large together"
    RATIO = "compressed data that expands too much"
    OVERLAP = "files that share bytes"
    ENCRYPTED = "an encrypted file"
    METHOD = "a compression method that is not supported"
    SIZE_MISMATCH = "a file whose size is not the declared one"
    CHECKSUM_MISMATCH = "a file whose checksum is not the declared one"
    NO_MANIFEST = "no manifest"
    BAD_MANIFEST = "a manifest that is not valid"
    MISSING_FILE = "a file of the manifest that is missing"


class InvalidBundle(Exception):
    """A bundle is refused. `detail` is the text that clients get, `fault` the reason, and `name` the file concerned."""

    def __init__(self, fault: BundleFault, name: str | None = None, detail: str = "the bundle is invalid") -> None:
        super().__init__(f"{detail}: {fault}")
        self.fault, self.name, self.detail = fault, name, detail


class FileType(StrEnum):
    """Types of files in a manifest that are indexed."""

    MINIFIED_SOURCE = "minified_source"
    SOURCE_MAP = "source_map"
    SOURCE = "source"
    INDEXED_RAM_BUNDLE = "indexed_ram_bundle"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file of a manifest. `path` is its name in the zip, `source_path` the path of a source file of a debug file."""

    path: str
    type: FileType
    size: int
    url: str | None = None
    source_path: str | None = None
    headers: Mapping[str, str] | None = None
    """Headers, with names in lower case; None where there are none."""
    debug_id: str | None = None
    source_map: str | None = None
    """The reference to the source map in the headers."""
    sha1: str | None = None
    """Not in a manifest: for whoever computes it."""


@dataclass(frozen=True, slots=True)
class BundleManifest:
    """What a bundle's manifest.json has. `arch`, `object_name` and `code_id` are those of a source bundle."""

    files: tuple[BundleFile, ...] = ()
    org: str | None = None
    project: str | None = None
    release: str | None = None
    dist: str | None = None
    debug_id: str | None = None
    arch: str | None = None
    object_name: str | None = None
    code_id: str | None = None


def normalize_uuid(text: str) -> str | None:
    """Return a debug id without the age that may follow it, as scripts, maps and bundles have it; None if it is none."""
    debug_id = normalize_debug_id(text)
    return debug_id and debug_id[:UUID_LENGTH]


def choose_bundle_id(manifest: BundleManifest, checksum: str) -> str:
    """Return the manifest's debug id, else the start of the bundle's SHA-1 as a UUID."""
    return manifest.debug_id or str(uuid.UUID(checksum[:32]))
