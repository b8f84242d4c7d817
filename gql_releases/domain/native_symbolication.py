"""Debug files as the library reads them, and the frames that it finds in them and in ProGuard mappings."""

from __future__ import annotations

from dataclasses import dataclass


class UnreadableDebugFile(Exception):
    """A file is no debug file, or a broken one; the message is the `detail` that clients print."""


@dataclass(frozen=True, slots=True)
class DebugObject:
    """One object of a debug file; a fat Mach-O file has several.

    `format` is one of elf, macho, pe, pdb, breakpad, sourcebundle, portablepdb and wasm, `kind` one of exe, lib, dbg,
    src, rel and others, `features` some of symtab, debug, unwind and sources, sorted.
    """

    debug_id: str
    code_id: str | None
    arch: str
    kind: str
    format: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NativeFrame:
    """A function at an address; an inlined one comes before the one that it was inlined into."""

    function: str
    path: str | None
    line: int | None
    language: str | None


@dataclass(frozen=True, slots=True)
class JavaFrame:
    """A class, method and line, obfuscated or not; the file if it is known."""

    class_name: str
    method: str
    line: int | None = None
    file: str | None = None
