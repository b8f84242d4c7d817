"""Debug files as the library reads them, and the frames that it finds in them and in ProGuard mappings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


MAX_ADDRESSES = 500
MAX_JAVA_FRAMES = 500
MAX_DEBUG_FILES = 20
"""Different debug files of one operation."""


@dataclass(frozen=True, slots=True)
class NativeImage:
    """An executable or library in the memory of a process: its ids, and where it begins; it ends with the next one."""

    address: str
    debug_id: str | None = None
    code_id: str | None = None
    size: int | None = None


class NativeProblemCode(StrEnum):
    """Why an address or a frame has no original place."""

    INVALID_ADDRESS = "INVALID_ADDRESS"
    MISSING_IMAGE = "MISSING_IMAGE"
    MISSING_DEBUG_FILE = "MISSING_DEBUG_FILE"
    MISSING_SYMBOL = "MISSING_SYMBOL"
    MALFORMED_DEBUG_FILE = "MALFORMED_DEBUG_FILE"
    SYMBOLICATION_FAILED = "SYMBOLICATION_FAILED"


_PROBLEM_MESSAGES = {
    NativeProblemCode.INVALID_ADDRESS: "The address is not a number such as 0x7f3a10001139.",
    NativeProblemCode.MISSING_IMAGE: "The address is in none of the images.",
    NativeProblemCode.MISSING_DEBUG_FILE: "No debug file of the image was uploaded.",
    NativeProblemCode.MISSING_SYMBOL: "The debug file has nothing there.",
    NativeProblemCode.MALFORMED_DEBUG_FILE: "The debug file cannot be parsed.",
    NativeProblemCode.SYMBOLICATION_FAILED: "The debug file could not be processed; it is tried again in ten minutes.",
}


@dataclass(frozen=True, slots=True)
class NativeProblem:
    """Why an address or a frame has no original place, with a sentence for people."""

    code: NativeProblemCode
    message: str


def native_problem(code: NativeProblemCode) -> NativeProblem:
    """Return a problem with the sentence of its code."""
    return NativeProblem(code, _PROBLEM_MESSAGES[code])


@dataclass(frozen=True, slots=True)
class SymbolicatedAddress:
    """An address and its functions, the innermost first; none with a problem. `debug_file_id`: where they are from."""

    address: str
    frames: tuple[NativeFrame, ...] = ()
    debug_file_id: int | None = None
    problem: NativeProblem | None = None


@dataclass(frozen=True, slots=True)
class NativeSymbolication:
    """Symbolicated addresses. It is complete if none has a problem."""

    addresses: tuple[SymbolicatedAddress, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class DeobfuscatedFrame:
    """A Java frame and its original frames, the innermost first; none with a problem."""

    raw: JavaFrame
    frames: tuple[JavaFrame, ...] = ()
    problem: NativeProblem | None = None


@dataclass(frozen=True, slots=True)
class Deobfuscation:
    """Deobfuscated frames and the mapping; None if it was not uploaded."""

    frames: tuple[DeobfuscatedFrame, ...]
    complete: bool
    mapping_id: int | None


def read_address(text: str) -> int | None:
    """Return an address, hexadecimal with 0x or decimal; None for another text."""
    try:
        number = int(text, 16) if text[:2].lower() == "0x" else int(text) if text.isascii() and text.isdigit() else -1
    except ValueError:
        return None
    return number if 0 <= number < 2**64 and len(text) <= _MAX_ADDRESS_LENGTH else None


_MAX_ADDRESS_LENGTH = 20
