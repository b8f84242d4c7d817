"""Debug files and ProGuard mappings: what is in them, and look-ups."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from gql_releases.domain.native_symbolication import DebugObject, JavaFrame, NativeFrame, UnreadableDebugFile
from gql_releases.domain.symbolication import FileNotProcessed, InputFile
from gql_releases.symbolication.worker_pool import WorkerPool
from tests.debug_files import build_program
from tests.scale import scale
from tests.symbolication.test_source_maps import as_file, with_pool
from tests.symbolication.test_worker_pool import change_bytes

DEBUG_ID = "dfb8e43a-f242-3d73-a453-aeb6a777ef75"
BREAKPAD = b"""MODULE Linux x86_64 DFB8E43AF2423D73A453AEB6A777EF75a crash
INFO CODE_ID 0102
FILE 0 src/crash.c
FUNC 1000 10 0 crash
1000 8 42 0
1008 8 43 0
PUBLIC 2000 0 helper
"""
PROGUARD = b"""com.example.Cart -> a.a:
    1:1:void pay():12:12 -> b
    2:3:void add(int):20:21 -> c
"""


def make_source_bundle() -> bytes:
    manifest = {
        "files": {"files/a.c": {"type": "source", "path": "/src/a.c"}},
        "arch": "x86_64",
        "debug_id": DEBUG_ID,
        "code_id": "0102",
        "object_name": "a",
    }
    stream = BytesIO()
    stream.write(b"SYSB" + struct.pack("<I", 2))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("files/a.c", "int main() {}\n")
        archive.writestr("manifest.json", json.dumps(manifest))
    return stream.getvalue()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an ELF file with debug information: `main`, with `divide` inlined into it."""
    return build_program(tmp_path_factory.mktemp("native"))


@pytest.mark.parametrize(
    ("content", "objects"),
    [
        (
            BREAKPAD,
            [DebugObject(f"{DEBUG_ID}-a", "0102", "x86_64", "dbg", "breakpad", ("debug", "symtab"))],
        ),
        (make_source_bundle(), [DebugObject(DEBUG_ID, "0102", "x86_64", "src", "sourcebundle", ("sources",))]),
    ],
    ids=["breakpad", "source bundle"],
)
def test_objects_of_a_debug_file(content: bytes, objects: list[DebugObject]) -> None:
    assert list(with_pool(lambda pool: pool.list_objects(as_file(content)))) == objects


def test_objects_of_an_elf_file(program: Path) -> None:
    (debug_object,) = with_pool(lambda pool: pool.list_objects(InputFile("main", str(program))))
    assert (debug_object.format, debug_object.kind) == ("elf", "exe")
    assert debug_object.code_id == "dfb8e43af2423d73a453aeb6a777ef7500000001"
    assert debug_object.debug_id == "3ae4b8df-42f2-733d-a453-aeb6a777ef75"
    assert debug_object.features == ("debug", "symtab", "unwind")


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "Unsupported debug information file: unsupported object file format"),
        (b"hello", "Unsupported debug information file: unsupported object file format"),
        (b"MODULE Linux x86_64\n", "Invalid debug information file: parsing error"),
        (b"\xca\xfe\xba\xbe\0\0\0\1" + b"\0" * 20, "Invalid debug information file: invalid MachO file"),
    ],
)
def test_a_file_that_is_no_debug_file_says_why(content: bytes, detail: str) -> None:
    async def work(pool: WorkerPool) -> None:
        with pytest.raises(UnreadableDebugFile) as raised:
            await pool.list_objects(as_file(content))
        assert str(raised.value) == detail

    with_pool(work)


def test_addresses_are_looked_up_in_a_symcache(tmp_path: Path) -> None:
    async def work(pool: WorkerPool) -> None:
        path = str(tmp_path / "cache")
        size = await pool.create_symcache(as_file(BREAKPAD), f"{DEBUG_ID}-a", path)
        assert size == os.path.getsize(path) > 0  # noqa: ASYNC240
        for _ in range(2):
            rows = await pool.look_up_addresses(InputFile("c", path), [0x1009, 0x1000, 0, 2**64 - 1, 2**64, -1])
            assert [[(frame.function, frame.line) for frame in frames] for frames in rows] == [
                [("crash", 43)],
                [("crash", 42)],
                [],
                [(frame.function, frame.line) for frame in rows[3]],
                [],
                [],
            ]
            assert rows[0][0].path == "src/crash.c"
        with pytest.raises(UnreadableDebugFile, match="no object has this debug id"):
            await pool.create_symcache(as_file(BREAKPAD), DEBUG_ID, path)
        with pytest.raises(UnreadableDebugFile, match="Invalid debug information file"):
            await pool.look_up_addresses(as_file(b"SYMC"), [1])

    with_pool(work)


def test_inlined_functions_come_first(program: Path, tmp_path: Path) -> None:
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.splitlines()
    address = next(int(line.split()[0], 16) for line in symbols if line.endswith(" T main")) - 0x400000

    async def work(pool: WorkerPool) -> list[tuple[NativeFrame, ...]]:
        path = str(tmp_path / "cache")
        await pool.create_symcache(InputFile("main", str(program)), None, path)
        return list(await pool.look_up_addresses(InputFile("cache", path), range(address, address + 16)))

    rows = with_pool(work)
    assert [frame.function for frame in rows[0]] == ["main"]
    source = str(program.parent / "main.c")
    assert (NativeFrame("divide", source, 1, "c"), NativeFrame("main", source, 3, "c")) in rows


def test_changed_debug_files_leave_the_pool_alive(program: Path, tmp_path: Path) -> None:
    generator = random.Random(7)
    files = [BREAKPAD, make_source_bundle(), program.read_bytes()]

    async def work(pool: WorkerPool) -> None:
        for number in range(scale(60, 3000)):
            content = change_bytes(files[number % 3], generator)
            try:
                await pool.list_objects(as_file(content))
                await pool.create_symcache(as_file(content), None, str(tmp_path / "cache"))
            except (UnreadableDebugFile, FileNotProcessed):
                pass
        assert len(await pool.list_objects(as_file(BREAKPAD))) == 1

    with_pool(work)


def test_java_frames_are_deobfuscated() -> None:
    async def work(pool: WorkerPool) -> None:
        mapping = as_file(PROGUARD)
        frames = [
            JavaFrame("a.a", "b", 1),
            JavaFrame("a.a", "c", 3),
            JavaFrame("a.a", "b"),
            JavaFrame("a.a", "b", -5),
            JavaFrame("a.a", "unknown", 7),
            JavaFrame("b.b", "b", 1),
            JavaFrame("\ud800", "b", 2**40),
        ]
        for _ in range(2):
            assert await pool.deobfuscate(mapping, frames) == (
                (JavaFrame("com.example.Cart", "pay", 12),),
                (JavaFrame("com.example.Cart", "add", 21),),
                (JavaFrame("com.example.Cart", "pay"),),
                (JavaFrame("com.example.Cart", "pay", -5),),
                (JavaFrame("com.example.Cart", "unknown", 7),),
                (),
                (),
            )

    with_pool(work)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 100, b" -> :\n" * 1000, PROGUARD[:-20]])
def test_broken_mappings_have_an_answer(content: bytes) -> None:
    async def work(pool: WorkerPool) -> None:
        assert len(await pool.deobfuscate(as_file(content), [JavaFrame("a.a", "b", 1)])) == 1

    with_pool(work)
