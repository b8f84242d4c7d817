"""Hostile files sent over HTTP to a gateway process: each has its documented answer, and other clients are served meanwhile."""

from __future__ import annotations

import gzip
import json
import os
import random
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.blobs.zips import Entry, write_bundle, write_zip
from tests.conftest import Template
from tests.crash.gateways import Gateway, start_gateway
from tests.slow import POINT
from tests.source_maps import SCRIPT, dump_map
from tests.upload_client import BOUNDARY, END, FORM, Upload, UploadClient, encode_part, hash_bytes

INVALID = "the bundle is invalid"
POINT_SECONDS = 5.0
"""A read of one row beside hostile files takes less, on a machine that does other things as well."""
MIB = 1024 * 1024
CHUNK_BYTES = 8 * MIB
MANIFEST = b'{"files": {"a.js": {"url": "~/a.js", "type": "minified_source"}}}'
DEBUG_ID = "7f4a1c9e-3c1b-4a52-9d0b-0c1b6a2e5f10"


def with_manifest(*entries: Entry, manifest: bytes = MANIFEST) -> bytes:
    """Return a zip of entries and a manifest."""
    return write_zip(*entries, Entry(b"manifest.json", manifest))


def deflate_zeros(size: int) -> bytes:
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(encoder.compress(bytes(MIB)) for _ in range(size // MIB)) + encoder.flush()


SCRIPT_ENTRY = Entry(b"a.js", b"//")


def make_bundles() -> dict[str, tuple[bytes, str]]:
    """Return bundles by what is wrong with them, each with the detail of its error, or `ok`."""
    bomb = deflate_zeros(300 * MIB)
    return {
        "no zip": (b"x" * 1000, INVALID),
        "a zip that is cut off": (with_manifest(SCRIPT_ENTRY)[:-30], INVALID),
        "no manifest": (write_zip(SCRIPT_ENTRY), INVALID),
        "a manifest that is no JSON": (with_manifest(SCRIPT_ENTRY, manifest=b"{"), INVALID),
        "a manifest that is a list": (with_manifest(SCRIPT_ENTRY, manifest=b"[]"), INVALID),
        "a manifest nested 100,000 deep": (with_manifest(manifest=b'{"files":' + b"[" * 100_000), INVALID),
        "a manifest of 90 MB": (
            with_manifest(manifest=b'{"files": {}}' + b" " * 90_000_000),
            f"File manifest.json exceeds maximum size (90000013 > {32 * MIB})",
        ),
        "a manifest of five million lists": (with_manifest(manifest=b'{"a":[' + b"[]," * 5_000_000 + b"1]}"), INVALID),
        "a file of the manifest that is absent": (with_manifest(), INVALID),
        "a path above": (with_manifest(SCRIPT_ENTRY, Entry(b"../../../etc/cron.d/x", b"x")), INVALID),
        "a path above in the middle": (with_manifest(SCRIPT_ENTRY, Entry(b"a/../../x", b"x")), INVALID),
        "an absolute path": (with_manifest(SCRIPT_ENTRY, Entry(b"/etc/passwd", b"x")), INVALID),
        "a path with backslashes": (with_manifest(SCRIPT_ENTRY, Entry(b"..\\..\\x", b"x")), INVALID),
        "a path of a drive": (with_manifest(SCRIPT_ENTRY, Entry(b"C:x", b"x")), INVALID),
        "a path with a zero byte": (with_manifest(SCRIPT_ENTRY, Entry(b"a\0b", b"x")), INVALID),
        "two files of the same name": (with_manifest(SCRIPT_ENTRY, SCRIPT_ENTRY), INVALID),
        "two manifests": (with_manifest(SCRIPT_ENTRY, Entry(b"manifest.json", MANIFEST)), INVALID),
        "another name in the local header": (with_manifest(Entry(b"a.js", b"//", local_name=b"b.js")), INVALID),
        "an encrypted file": (with_manifest(Entry(b"a.js", b"//", flags=1)), INVALID),
        "a compression that is not supported": (with_manifest(Entry(b"a.js", b"//", method=12, data=b"//")), INVALID),
        "a wrong checksum": (with_manifest(Entry(b"a.js", b"//", checksum=1)), INVALID),
        "a file that is larger than declared": (
            with_manifest(Entry(b"a.js", data=deflate_zeros(50 * MIB), size=10)), INVALID,
        ),
        "a file of 300 MB in 300 KB": (with_manifest(Entry(b"a.js", data=bomb, size=300 * MIB)), INVALID),
        "40 files of 10 MB in 400 KB": (
            with_manifest(SCRIPT_ENTRY, *(Entry(b"%d" % n, data=deflate_zeros(10 * MIB), size=10 * MIB) for n in range(40))), INVALID,
        ),
        "1,000 files that share their bytes": (
            with_manifest(SCRIPT_ENTRY, *(Entry(b"%d" % n, data=b"", size=MIB, offset=0) for n in range(1000))), INVALID,
        ),
        "a zip in its own gap": (write_bundle(MANIFEST, {"a.js": b"//"}) + write_bundle(MANIFEST, {"a.js": b"//"}), INVALID),
        "66,000 files": (write_bundle(MANIFEST, {str(number): b"" for number in range(66_000)}), INVALID),
        "a file that is declared as 3 GB": (
            with_manifest(Entry(b"a.js", b"//", size=3 << 30)), f"File a.js exceeds maximum size ({3 << 30} > {2048 * MIB})",
        ),
        "a bomb in a zip": (with_manifest(Entry(b"a.js", with_manifest(Entry(b"a.js", bomb)))), "ok"),
        "a debug id that is none": (
            write_bundle({"files": {"a.js": {"type": "minified_source", "headers": {"debug-id": "' OR 1=1"}}}}, {"a.js": b"//"}),
            "ok",
        ),
        "a URL of 100,000 characters": (
            write_bundle({"files": {"a.js": {"type": "minified_source", "url": "~/" + "x" * 100_000}}}, {"a.js": b"//"}), INVALID,
        ),
        "a URL with a zero character": (
            write_bundle({"files": {"a.js": {"type": "minified_source", "url": "~/\0"}}}, {"a.js": b"//"}), INVALID,
        ),
    }  # fmt: skip


@pytest.fixture
def gateway(template: Template, tmp_path: Path) -> Iterator[Gateway]:
    url = template.databases.copy(template.url, tmp_path)
    with start_gateway(url, template.tokens["acme"], tmp_path / "log", files=f"file://{tmp_path}/files") as gateway:
        yield gateway
        assert gateway.process.poll() is None, "the gateway has ended"
    assert "Traceback" not in (tmp_path / "log").read_text()
    template.databases.drop(url)


@contextmanager
def reading(gateway: Gateway) -> Iterator[None]:
    """Read one row again and again, and assert that each read is answered in time."""
    over, seconds, faults = threading.Event(), [0.0], list[BaseException]()

    def read() -> None:
        while not over.is_set():
            begin = time.monotonic()
            try:
                status, body = gateway.post("/graphql", POINT)
                assert (status, body["data"]) == (200, {"organization": {"slug": "acme"}}), body
            except BaseException as error:
                faults.append(error)
                return
            seconds.append(time.monotonic() - begin)
            time.sleep(0.01)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(30)
    assert not faults, faults
    assert len(seconds) > 3
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert max(seconds) < POINT_SECONDS * max(1, load)


def test_hostile_bundles_have_their_answer(gateway: Gateway, tmp_path: Path) -> None:
    client = UploadClient(gateway.base, gateway.token)
    with reading(gateway):
        for name, (content, expected) in make_bundles().items():
            upload = Upload(content, 4 * MIB, {"projects": ["web"], "version": "1"})
            status = client.upload(upload)
            text = "ok" if status["state"] == "ok" else (status["state"] == "error" and status["detail"])
            assert text == expected, (name, status)
            assert client.assemble(upload).json["state"] == status["state"], name
    good = Upload(write_bundle(json.loads(MANIFEST), {"a.js": SCRIPT}), 100, {"projects": ["web"], "version": "1"})
    assert client.upload(good)["state"] == "ok"
    refused = write_bundle({"files": {"a.js": {"type": "minified_source", "url": "~/a.js"}}}, {"a.js": b"//"})
    status = client.upload(Upload(refused, MIB, {"projects": ["web"]}))
    assert status["detail"] == "uploading a bundle without debug ids or release is prohibited"
    assert not [path for path in tmp_path.rglob("*") if path.name in ("x", "passwd", "a.js")], (
        "no file has a name of a bundle"
    )


def test_hostile_chunks_have_their_answer(gateway: Gateway) -> None:
    client = UploadClient(gateway.base, gateway.token)
    path = "/api/0/organizations/acme/chunk-upload/"
    zeros = gzip.compress(bytes(100 * MIB), 9)
    part = encode_part("file", hash_bytes(b"x"), b"x")
    with reading(gateway):
        for parts, error in (
            ([(hash_bytes(b""), zeros)], "Chunk size too large"),
            ([(hash_bytes(b"x"), gzip.compress(b"y"))], "Checksum mismatch"),
            ([("../../x", gzip.compress(b"y"))], "Checksum mismatch"),
            ([(hash_bytes(b"x").upper(), gzip.compress(b"x"))], "Checksum mismatch"),
            ([(hash_bytes(b"x"), b"x")], "Invalid gzip payload"),
            ([(hash_bytes(b"x"), gzip.compress(b"x")[:-4])], "Invalid gzip payload"),
            ([(hash_bytes(b"x"), gzip.compress(b"x"))] * 65, "Too many chunks"),
            ([(hash_bytes(bytes(CHUNK_BYTES)), gzip.compress(bytes(CHUNK_BYTES)))] * 5, "Request too large"),
        ):
            response = client.send_parts(*parts)
            assert (response.status, response.json) == (400, {"error": error})
        for body in (
            part,
            part + END[:-6],
            b"x" * 100_000,
            END[:-4] + b"x" * 100_000,
            f"--{BOUNDARY}\r\n".encode() + b"x: y\r\n" * 100_000,
            f"--{BOUNDARY}\r\n{'x' * 100_000}: y\r\n\r\n".encode() + END,
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{"x" * 100_000}"\r\n\r\n\r\n'.encode()
            + END,
        ):
            response = client.send("POST", path, body, FORM)
            assert (response.status, response.json) == (400, {"error": "Invalid multipart body"}), body[:200]
        response = client.send("POST", path, encode_part("file", hash_bytes(b""), b"x" * (34 * MIB)) + END, FORM)
        assert (response.status, response.json) in (
            (400, {"error": "Chunk size too large"}),
            (413, {"error": "Request too large"}),
        )
        many = encode_part("file", hash_bytes(b"x"), b"x") * 20_000 + END
        response = client.send("POST", path, many, FORM)
        assert (response.status, response.json) == (400, {"error": "Too many chunks"})
        unknown = encode_part("x", "y", b"x") * 20_000 + END
        assert client.send("POST", path, unknown, FORM).status in (200, 400)
    assert client.send_chunks(b"x").status == 200


SYMBOLICATE = """query ($input: SymbolicateInput!) { symbolicate(input: $input) { frames {
  symbolicated line column function problem { code } } } }"""
SCRIPTS = {
    "100,000 open brackets": b"(" * 100_000,
    "5,000 nested functions": b"(function(){" * 5_000 + b"})" * 5_000,
    "100,000 open templates": b"`${" * 100_000,
    "bytes without order": random.Random(7).randbytes(100_000),
}
MAPS = {
    "no JSON": b"{",
    "100,000 open lists": b"[" * 100_000,
    "a number of five million digits": dump_map(mappings="A" * 5_000_000),
    "five million lines": dump_map(mappings=";" * 5_000_000),
    "continued digits": dump_map(mappings="gggggg" * 1_000_000),
    "huge columns": dump_map(mappings="+/////D,+/////D,+/////D,+/////D"),
    "sections in sections": b'{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":' * 500 + b"1" + b"}]}" * 500,
    "no version": dump_map(version=None),
}


def test_scripts_and_maps_that_end_a_native_library_leave_the_gateway_alive(gateway: Gateway) -> None:
    client = UploadClient(gateway.base, gateway.token)
    cases = {
        **{name: (script, dump_map()) for name, script in SCRIPTS.items()},
        **{name: (SCRIPT, source_map) for name, source_map in MAPS.items()},
    }
    with reading(gateway):
        for number, (name, (script, source_map)) in enumerate(cases.items()):
            frame = symbolicate_upload(client, gateway, f"hostile-{number}", script, source_map)
            if name in SCRIPTS:
                assert (frame["line"], frame["column"], frame["problem"]) == (3, 5, None), (name, frame)
            else:
                assert frame["symbolicated"] or frame["problem"]["code"] in (
                    "MALFORMED_SOURCEMAP", "INVALID_LOCATION", "SYMBOLICATION_FAILED"
                ), (name, frame)  # fmt: skip
    frame = symbolicate_upload(client, gateway, "good", SCRIPT, dump_map())
    assert (frame["line"], frame["function"]) == (3, "checkout")


def symbolicate_upload(client: UploadClient, gateway: Gateway, version: str, script: bytes, source_map: bytes) -> Any:
    """Upload a script with its map for a version, and return the frame of the script's error."""
    entries = {
        "cart.min.js": {"url": "~/cart.min.js", "type": "minified_source", "headers": {"Sourcemap": "cart.min.js.map"}},
        "cart.min.js.map": {"url": "~/cart.min.js.map", "type": "source_map"},
    }
    content = write_bundle({"files": entries}, {"cart.min.js": script, "cart.min.js.map": source_map})
    assert client.upload(Upload(content, MIB, {"projects": ["web"], "version": version}))["state"] == "ok"
    frames = [{"url": "https://shop.example/cart.min.js", "line": 1, "column": 29}]
    values = {"organization": "acme", "project": "web", "release": version, "stack": {"frames": frames}}
    status, body = gateway.post("/graphql", {"query": SYMBOLICATE, "variables": {"input": values}})
    assert status == 200, body
    assert "errors" not in body, body
    [frame] = body["data"]["symbolicate"]["frames"]
    return frame


DEBUG_FILE_FAULTS = ("Unsupported debug information file", "Invalid debug information file", INVALID, "Object contains")
BREAKPAD = f"MODULE Linux x86_64 {'AB' * 16}0 shop\n".encode()
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
MACH_O = b"\xca\xfe\xba\xbe"


def make_debug_files() -> dict[str, bytes]:
    """Return files with the first bytes of each format and hostile ones after them."""
    generator = random.Random(7)
    noise = generator.randbytes(100_000)
    marks = {
        "ELF": ELF, "Mach-O": b"\xcf\xfa\xed\xfe\x07\x00\x00\x01", "Mach-O of many objects": MACH_O + b"\x00\x00\x00\x28",
        "PE": b"MZ", "PDB": b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0", "portable PDB": b"BSJB\x01\x00\x01\x00",
        "WebAssembly": b"\0asm\x01\0\0\0", "Breakpad": BREAKPAD, "a bundle of sources": b"SYSB\x02\0\0\0",
    }  # fmt: skip
    return {
        **{f"{name} and noise": mark + noise for name, mark in marks.items()},
        **{f"{name} and zeros": mark + bytes(100_000) for name, mark in marks.items()},
        **{f"{name} and ones": mark + b"\xff" * 100_000 for name, mark in marks.items()},
        **{f"{name} alone": mark for name, mark in marks.items()},
        "Breakpad with a long line": BREAKPAD + b"FUNC " + b"f" * 5_000_000,
        "Breakpad with large numbers": BREAKPAD + b"FUNC ffffffffffffffff ffffffffffffffff ffffffffffffffff x\n" * 10_000,
        "Breakpad with 300,000 functions": BREAKPAD + b"".join(b"FUNC %x 10 0 f\n" % (n * 16) for n in range(300_000)),
        "a bundle of sources that is a bomb": write_zip(
            Entry(b"a.c", data=deflate_zeros(150 * MIB), size=150 * MIB),
            Entry(b"manifest.json", b'{"debug_id": "%s", "files": {"a.c": {"path": "/a.c"}}}' % DEBUG_ID.encode()),
            prefix=b"SYSB\x02\0\0\0",
        ),
        "a bundle of sources with a path above": write_zip(
            Entry(b"../../x", b"x"), Entry(b"manifest.json", b'{"files": {"../../x": {}}}'), prefix=b"SYSB\x02\0\0\0"
        ),
    }


def test_hostile_debug_files_have_their_answer(gateway: Gateway, tmp_path: Path) -> None:
    client = UploadClient(gateway.base, gateway.token)
    with reading(gateway):
        for name, content in make_debug_files().items():
            upload = Upload(content, MIB, {}, name="../../x")
            status = client.upload(upload)
            if status["state"] == "ok":
                assert (status["dif"]["objectName"], status["dif"]["size"]) == ("x", len(content)), name
            else:
                assert (status["state"], str(status["detail"]).startswith(DEBUG_FILE_FAULTS)) == ("error", True), (
                    name,
                    status,
                )
    good = Upload(BREAKPAD.replace(b"AB", b"CD") + b"FUNC 1000 10 0 main\n", MIB, {}, name="shop.sym")
    assert client.upload(good)["state"] == "ok"
    assert not [path for path in tmp_path.rglob("x") if path.is_file()], "no file has a name of a client"


def test_hostile_zips_of_debug_files_have_their_answer(gateway: Gateway, tmp_path: Path) -> None:
    client = UploadClient(gateway.base, gateway.token)
    path = "/api/0/projects/acme/web/files/dsyms/"
    mapping = Entry(f"proguard/{DEBUG_ID}.txt".encode(), b"com.example.Cart -> a.a:\n    1:1:void pay():12:12 -> b\n")
    with reading(gateway):
        for content, status in (
            (b"", 400),
            (b"x" * 1_000, 400),
            (write_zip(Entry(b"../../x", b"x")), 400),
            (write_zip(mapping, mapping), 400),
            (write_zip(Entry(b"a.sym", data=deflate_zeros(300 * MIB), size=300 * MIB)), 400),
            (write_zip(Entry(b"a.sym", data=BREAKPAD, method=8, size=100)), 400),
            (write_zip(Entry(b"a.txt", b"x"), Entry(f"proguard/{DEBUG_ID}.txt".encode(), b"\xff" * 100_000)), 201),
            (write_zip(*(Entry(b"%d.elf" % number, ELF + b"%d" % number) for number in range(50))), 201),
            (write_zip(mapping), 201),
        ):
            response = client.send("POST", path, encode_part("file", "x", content) + END, FORM)
            assert response.status == status, response
            if status == 400:
                assert response.json["detail"].startswith("Invalid zip file"), response
    [row] = client.send("GET", f"{path}?debug_id={DEBUG_ID}&query=").json
    assert row["symbolType"] == "proguard"
    assert not [path for path in tmp_path.rglob("x") if path.is_file()], "no file has a name of a client"
