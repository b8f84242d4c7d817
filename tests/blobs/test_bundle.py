"""Manifests of artifact bundles, release bundles and source bundles, and the real names of minified files."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from gql_releases.blobs import bundle as bundle_module
from gql_releases.blobs.archive import Archive
from gql_releases.blobs.bundle import list_file_names, read_manifest, read_source_map_comment
from gql_releases.domain.bundle import (
    BundleFault,
    BundleFile,
    BundleManifest,
    FileType,
    InvalidBundle,
    choose_bundle_id,
    normalize_uuid,
)
from tests.blobs.zips import PREFIX, Entry, write_bundle, write_zip

DEBUG_ID = "5a1d7b2c-3e4f-5061-8293-a4b5c6d7e8f9"
OTHER_ID = "11111111-2222-3333-4444-555555555555"
SCRIPT = "files/_/_/app.min.js"


def open_bundle(manifest: Any, files: dict[str, bytes] | None = None, prefix: bytes = PREFIX) -> Archive:
    return Archive(io.BytesIO(write_bundle(manifest, files or {}, prefix)))


def refuse(manifest: Any, files: dict[str, bytes] | None = None) -> BundleFault:
    with pytest.raises(InvalidBundle) as caught:
        read_manifest(open_bundle(manifest, files))
    return caught.value.fault


@pytest.mark.parametrize("prefix", [PREFIX, b""])
def test_artifact_bundle(prefix: bytes) -> None:
    manifest = {
        "files": {
            SCRIPT: {
                "type": "minified_source",
                "url": "~/app.min.js",
                "headers": {"Debug-Id": DEBUG_ID.upper(), "Sourcemap": "app.min.js.map"},
            },
            "files/_/_/app.min.js.map": {"type": "source_map", "url": "~/app.min.js.map", "headers": {"debug-id": DEBUG_ID}},
            "files/_/_/readme": {"type": "text", "headers": {"X-SourceMap": "x.map", "debug-id": "none"}},
        },
        "org": "acme",
        "project": "web",
        "release": "1.0",
        "dist": "7",
        "debug_id": DEBUG_ID.replace("-", ""),
    }
    files = {SCRIPT: b"a", "files/_/_/app.min.js.map": b"{}", "files/_/_/readme": b"text", "not in the manifest": b"x"}
    headers = {"debug-id": DEBUG_ID.upper(), "sourcemap": "app.min.js.map"}
    assert read_manifest(open_bundle(manifest, files, prefix)) == BundleManifest(
        files=(
            BundleFile(SCRIPT, FileType.MINIFIED_SOURCE, 1, "~/app.min.js", None, headers, DEBUG_ID, "app.min.js.map"),
            BundleFile(
                "files/_/_/app.min.js.map",
                FileType.SOURCE_MAP,
                2,
                "~/app.min.js.map",
                None,
                {"debug-id": DEBUG_ID},
                DEBUG_ID,
            ),
            BundleFile(
                "files/_/_/readme",
                FileType.OTHER,
                4,
                headers={"x-sourcemap": "x.map", "debug-id": "none"},
                source_map="x.map",
            ),
        ),
        org="acme",
        project="web",
        release="1.0",
        dist="7",
        debug_id=DEBUG_ID,
    )


def test_source_bundle() -> None:
    manifest = {
        "files": {"files/a.c": {"type": "source", "path": "/src/a.c"}},
        "arch": "x86_64",
        "object_name": "a.elf",
        "code_id": "ab",
        "debug_id": f"{DEBUG_ID}-a",
    }
    expected = BundleManifest(
        (BundleFile("files/a.c", FileType.SOURCE, 3, source_path="/src/a.c"),),
        debug_id=DEBUG_ID,
        arch="x86_64",
        object_name="a.elf",
        code_id="ab",
    )
    assert read_manifest(open_bundle(manifest, {"files/a.c": b"int"})) == expected


@pytest.mark.parametrize("manifest", [{}, {"files": {}}, {"files": None, "org": None, "release": "", "dist": ""}])
def test_manifest_without_files(manifest: Any) -> None:
    assert read_manifest(open_bundle(manifest)) == BundleManifest()


def test_manifest_may_be_first() -> None:
    data = write_zip(Entry(b"manifest.json", b'{"files": {"a": {"type": "source"}}}'), Entry(b"a", b"1"))
    assert read_manifest(Archive(io.BytesIO(data))).files == (BundleFile("a", FileType.SOURCE, 1),)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{", b"[]", b"null", b'"a"', b"\xff", b"[" * 100_000, {"files": []}, {"files": {SCRIPT: None}}, {"files": {SCRIPT: "a"}}, {"files": {SCRIPT: {"headers": []}}},
     {"files": {SCRIPT: {"url": 1}}}, {"files": {SCRIPT: {"url": "a" * 8193}}}, {"files": {SCRIPT: {"url": "a\0"}}}, {"files": {SCRIPT: {"type": {}}}},
     {"files": {SCRIPT: {"headers": {"a": ["b"]}}}}, {"files": {SCRIPT: {"headers": {"a\0": "b"}}}}, {"files": {SCRIPT: {"headers": {str(n): "" for n in range(51)}}}},
     {"release": 1}, {"org": []}, {"debug_id": 5}, b'{"more": [' + b"0," * 2_000_000 + b"0]}"],
)  # fmt: skip
def test_manifest_that_is_not_valid_is_refused(manifest: Any) -> None:
    assert refuse(manifest, {SCRIPT: b"a"}) is BundleFault.BAD_MANIFEST


def test_manifest_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "MAX_MANIFEST_BYTES", 100)
    assert refuse({"org": "a" * 100}) is BundleFault.FILE_TOO_LARGE


def test_zip_without_manifest_is_refused() -> None:
    with pytest.raises(InvalidBundle) as caught:
        read_manifest(Archive(io.BytesIO(write_zip(Entry(b"a/manifest.json", b"{}")))))
    assert caught.value.fault is BundleFault.NO_MANIFEST


def test_file_that_is_missing_is_refused() -> None:
    for path in ("a", "../a", "/etc/passwd"):
        assert refuse({"files": {path: {"type": "source"}}}) is BundleFault.MISSING_FILE


def test_bundle_of_65534_files_is_read() -> None:
    paths = [f"files/_/_/static/js/chunk-{number}.js" for number in range(65_534)]
    manifest = {
        "files": {path: {"type": "minified_source", "url": f"~/{path}", "headers": {"debug-id": DEBUG_ID}} for path in paths}
    }
    entries = [Entry(path.encode(), method=0) for path in paths]
    data = write_zip(*entries, Entry(b"manifest.json", json.dumps(manifest).encode()))
    files = read_manifest(Archive(io.BytesIO(data))).files
    assert [file.path for file in files] == paths


@pytest.mark.parametrize(
    ("text", "debug_id"),
    [
        (DEBUG_ID, DEBUG_ID), (DEBUG_ID.upper(), DEBUG_ID), (DEBUG_ID.replace("-", ""), DEBUG_ID), (f"{DEBUG_ID}-1", DEBUG_ID),
        (f"{DEBUG_ID}-ffffffff", DEBUG_ID), (f" {DEBUG_ID}\n", DEBUG_ID), (DEBUG_ID.replace("-", "") + "1", DEBUG_ID), ("", None),
        (DEBUG_ID[:-1], None), (f"{DEBUG_ID}-123456789", None), ("g" * 32, None),
    ],
)  # fmt: skip
def test_debug_ids_have_one_form(text: str, debug_id: str | None) -> None:
    assert normalize_uuid(text) == debug_id


def test_id_of_a_bundle() -> None:
    checksum = "0123456789ABCDEF0123456789abcdef01234567".lower()
    assert choose_bundle_id(BundleManifest(debug_id=DEBUG_ID), checksum) == DEBUG_ID
    assert choose_bundle_id(BundleManifest(), checksum) == "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (f"a()\n//# sourceMappingURL=a.js.map\n//# debugId={DEBUG_ID}\n", "a.js.map"),
        (f"a()\r\n//# debugId={DEBUG_ID.upper()}\r\n//# sourceMappingURL=a.js.map\r\n", "a.js.map"),
        ("//# sourceMappingURL=first.map\na()\n//@ sourceMappingURL=last.map", "last.map"),
        ("a('//# sourceMappingURL=no.map')\n", None),
        ("a() //# sourceMappingURL=no.map\n", None),
        ("//# sourceMappingURL=no.map\n" + "a()\n" * 300, None),
        ("a()\n" * 100_000 + "//# sourceMappingURL=a.map\n", "a.map"),
        ("", None),
    ],
)
def test_comment_at_the_end_of_a_file(text: str, reference: str | None) -> None:
    assert read_source_map_comment(open_bundle({}, {"a": text.encode()}), "a") == reference


def name_file(script: bytes, source_map: bytes | None, url: str = "~/made-up-0.js", **headers: str) -> list[str]:
    """Return the names of a bundle with one minified file and one map."""
    entry = {"type": "minified_source", "url": url, "headers": headers}
    files, contents = {"a.js": entry}, {"a.js": script}
    if source_map is not None:
        map_headers = {"debug-id": headers["debug-id"]} if "debug-id" in headers else {}
        files["a.js.map"] = {"type": "source_map", "url": "~/x/made-up-0.js.map", "headers": map_headers}
        contents["a.js.map"] = source_map
    archive = open_bundle({"files": files}, contents)
    return [name for file, name in list_file_names(archive, read_manifest(archive)) if file.path == "a.js"]


FILLING = json.dumps("x" * 100_000)


def test_name_is_that_of_the_comment() -> None:
    script = b"a()\n//# sourceMappingURL=index-M_nZClP9.js.map\n"
    assert name_file(script, b'{"file": "other.js"}', **{"debug-id": DEBUG_ID, "sourcemap": "made-up-0.js.map"}) == [
        "index-M_nZClP9.js"
    ]
    assert name_file(b"//# sourceMappingURL=https://x.org/js/a.js.map?v=1#z", None) == ["a.js"]


@pytest.mark.parametrize(
    "source_map",
    [
        '{"version":3,"file":"app.js","sources":[]}',
        f'{{"file": "dist/app.js", "mappings": {FILLING}}}',
        f'{{"mappings": {FILLING}, "file" : "app.js"}}',
    ],
)
def test_name_is_in_the_map_where_there_is_no_comment(source_map: str) -> None:
    assert name_file(b"a()", source_map.encode(), **{"debug-id": DEBUG_ID, "sourcemap": "made-up-0.js.map"}) == ["app.js"]
    assert name_file(b"a()", source_map.encode(), "~/x/made-up-0.js", sourcemap="made-up-0.js.map") == ["app.js"]
    assert name_file(b"a()", source_map.encode(), "~/x/y/a.js", sourcemap="../made-up-0.js.map") == ["app.js"]
    assert name_file(b"a()", source_map.encode(), "~/y/a.js", sourcemap="/x/made-up-0.js.map") == ["app.js"]
    assert name_file(b"a()", source_map.encode(), "https://x.org/a.js", sourcemap="~/x/made-up-0.js.map") == ["app.js"]


def test_name_is_in_the_header_where_it_is_nowhere_else() -> None:
    source_map = json.dumps({"sourcesContent": ['{"file":"no.js"}']}).encode()
    assert name_file(b"a()", source_map, **{"debug-id": DEBUG_ID, "sourcemap": "index-M_nZClP9.js.map"}) == [
        "index-M_nZClP9.js"
    ]
    assert name_file(b"//# sourceMappingURL=data:application/json;base64,e30=", None, sourcemap="b.js.map") == ["b.js"]
    assert name_file(b"a()", None) == []
    assert name_file(b"a()", b'{"file": ""}', **{"debug-id": DEBUG_ID}) == []
