"""Debug files: executables, their symbols and sources, ProGuard mappings; their formats, ids and requests to assemble them.

Formats, names and messages are those of Sentry's server.
"""

from __future__ import annotations

import posixpath
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gql_releases.domain.blob import is_sha1
from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.validation import wrong_characters

MAX_CODE_ID_LENGTH = 64
MAX_RELEASE_NAME_LENGTH = 200
PROGUARD_NAME = "proguard-mapping"
ANY_CPU = "any"

_PROGUARD_PATH = re.compile(
    r"(?:.*/)?proguard/(?:mapping-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.txt", re.IGNORECASE
)


class DebugFileFormat(StrEnum):
    """Formats of debug files, as `symbolType` has them."""

    ELF = "elf"
    MACHO = "macho"
    PE = "pe"
    PDB = "pdb"
    PORTABLEPDB = "portablepdb"
    BREAKPAD = "breakpad"
    WASM = "wasm"
    SOURCEBUNDLE = "sourcebundle"
    PROGUARD = "proguard"
    BCSYMBOLMAP = "bcsymbolmap"
    UUIDMAP = "uuidmap"
    IL2CPP = "il2cpp"


CONTENT_TYPES = {
    DebugFileFormat.ELF: "application/x-elf-binary",
    DebugFileFormat.MACHO: "application/x-mach-binary",
    DebugFileFormat.PE: "application/x-dosexec",
    DebugFileFormat.PDB: "application/x-ms-pdb",
    DebugFileFormat.PORTABLEPDB: "application/x-portable-pdb",
    DebugFileFormat.BREAKPAD: "text/x-breakpad",
    DebugFileFormat.WASM: "application/wasm",
    DebugFileFormat.SOURCEBUNDLE: "application/x-sentry-bundle+zip",
    DebugFileFormat.PROGUARD: "text/x-proguard+plain",
    DebugFileFormat.BCSYMBOLMAP: "text/x-bcsymbolmap",
    DebugFileFormat.UUIDMAP: "application/x-debugid-map",
    DebugFileFormat.IL2CPP: "application/x-il2cpp-json",
}
ID_MAPS = frozenset({DebugFileFormat.BCSYMBOLMAP, DebugFileFormat.UUIDMAP, DebugFileFormat.IL2CPP})
"""Formats of files that do not have their own debug id: it comes with the request."""
_EXTENSIONS = {
    DebugFileFormat.BREAKPAD: ".sym",
    DebugFileFormat.MACHO: ".dSYM",
    DebugFileFormat.PROGUARD: ".txt",
    DebugFileFormat.ELF: ".debug",
    DebugFileFormat.PE: ".dll",
    DebugFileFormat.PDB: ".pdb",
    DebugFileFormat.PORTABLEPDB: ".pdb",
    DebugFileFormat.SOURCEBUNDLE: ".src.zip",
    DebugFileFormat.WASM: ".wasm",
    DebugFileFormat.BCSYMBOLMAP: ".bcsymbolmap",
    DebugFileFormat.UUIDMAP: ".plist",
    DebugFileFormat.IL2CPP: ".json",
}
_EXECUTABLE_EXTENSIONS = {DebugFileFormat.ELF: "", DebugFileFormat.MACHO: "", DebugFileFormat.PE: ".exe"}
_MAGIC = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xbe\xba\xfe\xca",
    b"MZ",
    b"Microsoft C/C++",
    b"MODULE",
    b"SYSB",
    b"BSJB",
    b"\x00asm",
)
MAGIC_BYTES = 16
"""Bytes of a file from which its format is guessed."""
_ID_MAP_MAGIC = {
    b"BCSymbolMap": DebugFileFormat.BCSYMBOLMAP,
    b"<?xml": DebugFileFormat.UUIDMAP,
    b"{": DebugFileFormat.IL2CPP,
}


@dataclass(frozen=True, slots=True)
class NewDebugFile:
    """A debug file to be stored, as its bytes or its name describe it."""

    debug_id: str
    format: DebugFileFormat
    object_name: str
    cpu_name: str = ANY_CPU
    code_id: str | None = None
    kind: str | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredDebugFile:
    """A debug file of a project. `sha1` is its blob, `symcache_sha1` that of the look-up table made of it, None for none."""

    id: int
    project_id: int
    debug_id: str
    code_id: str | None
    object_name: str
    format: str
    kind: str | None
    features: frozenset[str]
    sha1: str
    size: int
    symcache_sha1: str | None


@dataclass(frozen=True, slots=True)
class DebugFileRequest:
    """A file that a client wants to be assembled: its SHA-1, its chunks, its name, and its debug id if the client has it."""

    checksum: str
    name: str
    chunks: tuple[str, ...]
    debug_id: str | None = None
    proguard_uuid: str | None = field(init=False)
    """The UUID of a ProGuard mapping, which is in its name; None for other files."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "proguard_uuid", find_proguard_uuid(self.name))


class InvalidRequest(Exception):
    """A request to assemble debug files breaks a rule; the message is the first broken one."""


def parse_requests(raw: Any) -> list[DebugFileRequest]:
    """Return the files of a body `{sha1: {"name", "debug_id"?, "chunks"}}`.

    Raises InvalidRequest in the words of Sentry's validator.
    """
    if not isinstance(raw, dict):
        raise InvalidRequest(f"{_quote(raw)} is not of type 'object'")
    for checksum in raw:
        if not is_sha1(checksum):
            raise InvalidRequest(f"{_quote(checksum)} does not match any of the regexes: '^[0-9a-f]{{40}}$'")
    return [_parse_request(checksum, value) for checksum, value in raw.items()]


def _parse_request(checksum: str, raw: Any) -> DebugFileRequest:
    if not isinstance(raw, dict):
        raise InvalidRequest(f"{_quote(raw)} is not of type 'object'")
    for name in ("name", "chunks"):
        if name not in raw:
            raise InvalidRequest(f"'{name}' is a required property")
    for name in ("name", "debug_id"):
        if name in raw and not isinstance(raw[name], str):
            raise InvalidRequest(f"{_quote(raw[name])} is not of type 'string'")
    if wrong_characters(raw["name"]):
        raise InvalidRequest("'name' has characters that cannot be stored")
    chunks = raw["chunks"]
    if not isinstance(chunks, list):
        raise InvalidRequest(f"{_quote(chunks)} is not of type 'array'")
    for chunk in chunks:
        if not isinstance(chunk, str):
            raise InvalidRequest(f"{_quote(chunk)} is not of type 'string'")
        if not is_sha1(chunk):
            raise InvalidRequest(f"{_quote(chunk)} does not match '^[0-9a-f]{{40}}$'")
    return DebugFileRequest(checksum, raw["name"], tuple(chunks), normalize_debug_id(raw.get("debug_id", "")))


def _quote(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def find_proguard_uuid(name: str) -> str | None:
    """Return the UUID in the name of a ProGuard mapping, `proguard/<uuid>.txt`; None for other names."""
    match = _PROGUARD_PATH.fullmatch(name)
    return match[1].lower() if match else None


def name_subject(project: int, proguard_uuid: str | None) -> str:
    """Return the subject of an assembly: the project; of a ProGuard mapping, whose content has no id, also the UUID."""
    return f"{project}/{proguard_uuid}" if proguard_uuid else str(project)


def parse_uuid(raw: Any) -> str | None:
    """Return a UUID with dashes, in lower case; None if it is none."""
    try:
        return str(uuid.UUID(raw))
    except (ValueError, TypeError, AttributeError):
        return None


def describe_mapping(proguard_uuid: str) -> NewDebugFile:
    """Return the debug file of a ProGuard mapping."""
    return NewDebugFile(proguard_uuid, DebugFileFormat.PROGUARD, PROGUARD_NAME, features=("mapping",))


def describe_id_map(file_format: DebugFileFormat, debug_id: str, name: str) -> NewDebugFile:
    """Return the debug file of a map that a debug id was sent with."""
    return NewDebugFile(debug_id, file_format, posixpath.basename(name))


def describe_object(
    file_format: str,
    name: str,
    *,
    debug_id: str,
    code_id: str | None,
    arch: str,
    kind: str | None,
    features: Iterable[str],
    sent_debug_id: str | None = None,
) -> NewDebugFile:
    """Return the debug file of an object. The client's debug id counts only if it differs in nothing but the age."""
    object_name = posixpath.basename(name)
    if file_format == DebugFileFormat.BREAKPAD:
        object_name = object_name.removesuffix(".sym")
    if sent_debug_id and sent_debug_id[:36] == debug_id[:36]:
        debug_id = sent_debug_id
    return NewDebugFile(
        debug_id,
        DebugFileFormat(file_format),
        object_name,
        arch,
        code_id[:MAX_CODE_ID_LENGTH] if code_id else None,
        kind,
        tuple(sorted(features)),
    )


def may_be_object(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a format that `list_objects` of a worker can read."""
    return head.startswith(_MAGIC)


def detect_id_map(head: bytes) -> DebugFileFormat | None:
    """Return the format of a map without its own debug id, by the first bytes of the file; None for others."""
    return next((file_format for magic, file_format in _ID_MAP_MAGIC.items() if head.startswith(magic)), None)


def name_download(debug_id: str, file_format: str, kind: str | None) -> str:
    """Return the name of a debug file that is downloaded."""
    own_format = DebugFileFormat(file_format)
    extension = _EXECUTABLE_EXTENSIONS.get(own_format) if kind == "exe" else None
    return debug_id + (_EXTENSIONS[own_format] if extension is None else extension)


def choose_redundant(files: Iterable[tuple[int, str, frozenset[str]]]) -> list[int]:
    """Return the ids of files that newer ones of the same debug id replace; `files` are (id, format, features).

    These are older files whose features the newer ones have together. Of each kind of map the newest is kept.
    """
    redundant: list[int] = []
    features: set[str] = set()
    maps: set[str] = set()
    is_newest = True
    for row_id, file_format, file_features in sorted(files, reverse=True):
        if file_format in ID_MAPS:
            if file_format in maps:
                redundant.append(row_id)
            maps.add(file_format)
            continue
        if not is_newest and file_features <= features:
            redundant.append(row_id)
        features |= file_features
        is_newest = False
    return redundant
