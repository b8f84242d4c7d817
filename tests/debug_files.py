"""Debug files that tests upload: built, or written here."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

DEBUG_ID = "dfb8e43a-f242-3d73-a453-aeb6a777ef75"
UUID = "9a1f6b0c-5d1e-4b57-8a52-0f6d2ce1a7e3"
OTHER_UUID = "11111111-2222-4333-8444-555555555555"
MAPPING = b"""com.example.Cart -> a.a:
    1:1:void pay():12:12 -> b
"""
FAT_HEADER = b"\xca\xfe\xba\xbe\0\0\0\2"


def digest(content: bytes) -> str:
    """Return the SHA-1 of a content."""
    return hashlib.sha1(content).hexdigest()


def write_breakpad(name: str = "crash", debug_id: str = DEBUG_ID, age: str = "a", note: str = "") -> bytes:
    """Return symbols in Breakpad's format; `note` changes the content and no symbol."""
    return (
        f"MODULE Linux x86_64 {debug_id.replace('-', '').upper()}{age} {name}\n"
        f"INFO CODE_ID 0102{note}\n"
        "FILE 0 src/crash.c\nFUNC 1000 10 0 crash\n1000 8 42 0\n1008 8 43 0\nPUBLIC 2000 0 helper\n"
    ).encode()


def write_public_symbols(note: str = "") -> bytes:
    """Return symbols of the same debug id that have no lines."""
    return f"MODULE Linux x86_64 {DEBUG_ID.replace('-', '').upper()}a crash\nPUBLIC 2000 0 helper{note}\n".encode()


def write_source_bundle(debug_id: str = DEBUG_ID) -> bytes:
    """Return the sources of an object, as `debug-files bundle-sources` writes them."""
    manifest = {
        "files": {"files/a.c": {"type": "source", "path": "/src/a.c"}},
        "arch": "x86_64",
        "debug_id": debug_id,
        "code_id": "0102",
        "object_name": "a",
    }
    stream = BytesIO()
    stream.write(b"SYSB" + struct.pack("<I", 2))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(zipfile.ZipInfo("files/a.c"), "int main() {}\n")
        archive.writestr(zipfile.ZipInfo("manifest.json"), json.dumps(manifest))
    return stream.getvalue()


def write_macho(uuid: bytes, cpu: int = 0x01000007) -> bytes:
    """Return a Mach-O file of one architecture that has nothing but a UUID."""
    return struct.pack("<IIIIIIII", 0xFEEDFACF, cpu, 3, 2, 1, 24, 0, 0) + struct.pack("<II16s", 0x1B, 24, uuid)


def write_fat_macho() -> bytes:
    """Return a Mach-O file of two architectures."""
    objects = [write_macho(bytes(range(16))), write_macho(bytes(range(16, 32)), 0x0100000C)]
    header, body, offset = b"", b"", 4096
    for item, cpu in zip(objects, (0x01000007, 0x0100000C), strict=True):
        header += struct.pack(">IIIII", cpu, 3, offset, len(item), 12)
        body += item.ljust(4096, b"\0")
        offset += 4096
    return (FAT_HEADER + header).ljust(4096, b"\0") + body


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def build_program(folder: Path, *options: str) -> Path:
    """Compile a program with debug information, `main` with `divide` inlined, and return the path of the ELF file."""
    if shutil.which("gcc") is None:
        pytest.skip("NOT TESTED: there is no gcc on this machine, so no ELF file")
    folder.mkdir(exist_ok=True)
    (folder / "main.c").write_text(
        "static inline __attribute__((always_inline)) int divide(int by) { volatile int b = by; return 100 / b; }\n"
        "int main(int count, char **values) {\n"
        "  return divide(count - 1);\n"
        "}\n"
    )
    build_id = "-Wl,--build-id=0xdfb8e43af2423d73a453aeb6a777ef7500000001"
    command = ["gcc", "-g", "-O1", "-no-pie", build_id, *options, "-o", "main", "main.c"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder / "main"
