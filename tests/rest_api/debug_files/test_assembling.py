"""Debug files and ProGuard mappings over REST: uploads, assembling, replacement."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gql_releases.symbolication.worker_pool import WorkerPool
from tests.client import Client
from tests.debug_files import (
    DEBUG_ID,
    MAPPING,
    OTHER_UUID,
    UUID,
    digest,
    write_breakpad,
    write_fat_macho,
    write_public_symbols,
    write_source_bundle,
    write_zip,
)
from tests.rest_api.debug_files.conftest import ASSEMBLE, BREAKPAD_ID, DSYMS, HELLO, Uploads


def test_a_file_is_assembled_when_its_chunks_are_there(uploads: Uploads) -> None:
    content = write_breakpad()
    checksum = digest(content)
    assert uploads.assemble(content, "crash.sym") == {"state": "not_found", "missingChunks": [checksum]}
    assert uploads.assemble(content, "crash.sym", chunks=[]) == {"state": "not_found", "missingChunks": []}
    response = uploads.upload(content, "/a/crash.sym", debug_id=BREAKPAD_ID, more=1)
    file = response["dif"]
    assert response == {"state": "ok", "detail": None, "missingChunks": [], "dif": file}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", file["dateCreated"])
    assert file | {"dateCreated": ""} == {
        "id": "1", "uuid": DEBUG_ID, "debugId": BREAKPAD_ID, "codeId": "0102", "cpuName": "x86_64", "objectName": "crash",
        "symbolType": "breakpad", "headers": {"Content-Type": "text/x-breakpad"}, "size": len(content), "sha1": checksum,
        "dateCreated": "", "data": {"type": "dbg", "features": ["debug", "symtab"]},
    }  # fmt: skip
    for chunks in ([checksum], []):
        assert uploads.assemble(content, "crash.sym", chunks=chunks) == response
    assert uploads.assemble(content, "crash.sym", "projects/acme/api/files/difs/assemble/", chunks=[]) == {
        "state": "not_found", "missingChunks": [],
    }  # fmt: skip


def test_every_file_of_a_request_has_a_response(uploads: Uploads) -> None:
    first, second, third = write_breakpad(), write_source_bundle(), HELLO
    for content in (first, third):
        uploads.put_chunk(content)
    body = {digest(content): {"name": "a", "chunks": [digest(content)]} for content in (first, second, third)}
    response = uploads.client.rest("POST", ASSEMBLE, body).json
    assert list(response) == list(body)
    assert [file["state"] for file in response.values()] == ["ok", "not_found", "error"]
    assert uploads.client.rest("POST", ASSEMBLE, {}).json == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid json body"),
        (b"", "Invalid json body"),
        ([], "[] is not of type 'object'"),
        ({"A" * 40: {"name": "a", "chunks": []}}, f"'{'A' * 40}' does not match any of the regexes: '^[0-9a-f]{{40}}$'"),
        ({"0" * 40 + "\n": {}}, f"'{'0' * 40}\\n' does not match any of the regexes: '^[0-9a-f]{{40}}$'"),
        ({"0" * 40: []}, "[] is not of type 'object'"),
        ({"0" * 40: {"chunks": []}}, "'name' is a required property"),
        ({"0" * 40: {"name": "a"}}, "'chunks' is a required property"),
        ({"0" * 40: {"name": 1, "chunks": []}}, "1 is not of type 'string'"),
        ({"0" * 40: {"name": "a", "debug_id": None, "chunks": []}}, "None is not of type 'string'"),
        ({"0" * 40: {"name": "a", "chunks": "x"}}, "'x' is not of type 'array'"),
        ({"0" * 40: {"name": "a", "chunks": [1]}}, "1 is not of type 'string'"),
        ({"0" * 40: {"name": "a", "chunks": ["x"]}}, "'x' does not match '^[0-9a-f]{40}$'"),
        ({"0" * 40: {"name": "a\0", "chunks": []}}, "'name' has characters that cannot be stored"),
    ],
)
def test_a_broken_body_is_refused(client: Client, body: Any, message: str) -> None:
    response = client.rest("POST", ASSEMBLE, body)
    assert (response.status, response.json) == (400, {"error": message})


@pytest.mark.parametrize(
    ("content", "name", "detail"),
    [
        (HELLO, "a.elf", "Unsupported debug information file: unsupported object file format"),
        (b"MODULE Linux x86_64\n", "a.sym", "Invalid debug information file: parsing error"),
        (write_fat_macho(), "a", "Object contains 2 architectures (1 expected)"),
    ],
    ids=["unknown", "broken", "two objects"],
)
def test_what_is_no_debug_file_is_an_error(uploads: Uploads, content: bytes, name: str, detail: str) -> None:
    error = {"state": "error", "detail": detail, "missingChunks": []}
    assert uploads.upload(content, name) == error
    assert uploads.assemble(content, name) == error
    assert uploads.list_ids() == []


def test_a_wrong_checksum_is_an_error(uploads: Uploads) -> None:
    uploads.put_chunk(HELLO)
    body = {"0" * 40: {"name": "a", "chunks": [digest(HELLO)]}}
    response = uploads.client.rest("POST", ASSEMBLE, body).json
    assert response["0" * 40] == {"state": "error", "detail": "Reported checksum mismatch", "missingChunks": []}


def test_a_file_that_ends_the_worker_is_an_error(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    from gql_releases.domain.symbolication import FileNotProcessed

    calls = []

    async def refuse(self: WorkerPool, file: Any) -> Any:
        calls.append(file.key)
        raise FileNotProcessed("The file could not be processed.")

    monkeypatch.setattr(WorkerPool, "list_objects", refuse)
    error = {"state": "error", "detail": "internal server error", "missingChunks": []}
    assert uploads.upload(write_breakpad(), "a.sym") == error
    assert uploads.assemble(write_breakpad(), "a.sym") == error
    assert len(calls) == 1


def test_the_library_is_needed(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for method, path in (("POST", ASSEMBLE), ("GET", DSYMS), ("GET", DSYMS + "?id=1"), ("DELETE", DSYMS + "?id=1")):
        response = uploads.client.rest(method, path, {} if method == "POST" else None)
        assert response.status == 501
        assert "extra `files`" in response.json["detail"]


def test_an_executable_its_companion_and_its_sources_are_all_kept(uploads: Uploads, program: bytes, tmp_path: Path) -> None:
    executable = uploads.upload(program, "bin/main")["dif"]
    debug_id = executable["debugId"]
    assert (executable["symbolType"], executable["data"]["type"], executable["objectName"]) == ("elf", "exe", "main")
    assert executable["codeId"] == "dfb8e43af2423d73a453aeb6a777ef7500000001"
    assert executable["headers"] == {"Content-Type": "application/x-elf-binary"}
    sources = uploads.upload(write_source_bundle(debug_id), "main.src.zip")["dif"]
    assert (sources["symbolType"], sources["data"]) == ("sourcebundle", {"type": "src", "features": ["sources"]})
    assert uploads.list_ids(f"?debug_id={debug_id}") == [debug_id] * 2


def test_the_age_of_a_debug_id_may_come_from_the_client(uploads: Uploads) -> None:
    other_age, other_id = f"{DEBUG_ID}-b", OTHER_UUID
    assert uploads.upload(write_breakpad(), "a.sym", debug_id=other_age)["dif"]["debugId"] == other_age
    assert uploads.upload(write_breakpad(note="1"), "a.sym", debug_id=other_id)["dif"]["debugId"] == BREAKPAD_ID


def test_a_file_replaces_older_ones_whose_features_it_has(uploads: Uploads) -> None:
    old, new, lesser = write_breakpad(), write_breakpad(note="99"), write_public_symbols()
    assert uploads.upload(lesser, "a.sym")["dif"]["data"]["features"] == ["symtab"]
    assert uploads.upload(old, "a.sym")["state"] == "ok"
    assert uploads.list_ids() == [BREAKPAD_ID]
    uploads.upload(write_source_bundle(BREAKPAD_ID), "a.src.zip")
    newest = uploads.upload(new, "a.sym")["dif"]
    assert [file["symbolType"] for file in uploads.client.rest("GET", DSYMS).json] == ["breakpad", "sourcebundle"]
    assert uploads.client.rest("GET", DSYMS).json[0] == newest
    # A lesser file that comes later is kept beside it.
    uploads.upload(write_public_symbols("x"), "a.sym")
    assert len(uploads.list_ids()) == 3


def test_a_replaced_file_counts_as_uploaded_for_ten_minutes(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write_public_symbols()
    uploads.upload(old, "a.sym")
    uploads.upload(write_breakpad(), "a.sym")
    assert uploads.assemble(old, "a.sym") == {"state": "ok", "detail": None, "missingChunks": []}
    from datetime import timedelta

    from gql_releases.services import debug_files

    monkeypatch.setattr(debug_files, "REPLACED_FOR", timedelta(0))
    assert uploads.assemble(old, "a.sym", chunks=[])["state"] == "not_found"
    assert uploads.upload(old, "a.sym")["dif"]["objectName"] == "a"


def test_a_deleted_file_can_be_uploaded_again(uploads: Uploads) -> None:
    content = write_breakpad()
    file = uploads.upload(content, "a.sym")["dif"]
    assert uploads.client.rest("DELETE", f"{DSYMS}?id={file['id']}").status == 204
    assert uploads.assemble(content, "a.sym", chunks=[])["state"] == "not_found"
    assert uploads.upload(content, "a.sym")["dif"]["id"] != file["id"]


def test_a_mapping_has_the_id_of_its_name(uploads: Uploads) -> None:
    file = uploads.upload(MAPPING, f"/proguard/{UUID}.txt")["dif"]
    assert file | {"dateCreated": ""} == {
        "id": "1", "uuid": UUID, "debugId": UUID, "codeId": None, "cpuName": "any", "objectName": "proguard-mapping",
        "symbolType": "proguard", "headers": {"Content-Type": "text/x-proguard+plain"}, "size": len(MAPPING),
        "sha1": digest(MAPPING), "dateCreated": "", "data": {"type": None, "features": ["mapping"]},
    }  # fmt: skip
    # The same contents under another id are another mapping.
    second = f"/proguard/mapping-{OTHER_UUID.upper()}.txt"
    assert uploads.assemble(MAPPING, second, chunks=[])["state"] == "not_found"
    assert uploads.upload(MAPPING, second)["dif"]["debugId"] == OTHER_UUID
    assert uploads.assemble(MAPPING, f"/proguard/{UUID}.txt")["dif"] == file
    assert uploads.list_ids() == [OTHER_UUID, UUID]
    assert uploads.client.rest("DELETE", f"{DSYMS}?id={file['id']}").status == 204
    assert uploads.assemble(MAPPING, f"/proguard/{UUID}.txt", chunks=[])["state"] == "not_found"
    assert uploads.assemble(MAPPING, second, chunks=[])["state"] == "ok"


@pytest.mark.parametrize(
    ("content", "file_format"),
    [(b"BCSymbolMap Version: 2.0\n", "bcsymbolmap"), (b"<?xml version='1.0'?>", "uuidmap"), (b'{"a": {}}', "il2cpp")],
)
def test_a_map_has_the_id_of_its_request(uploads: Uploads, content: bytes, file_format: str) -> None:
    file = uploads.upload(content, "x/map", debug_id=DEBUG_ID)["dif"]
    assert (file["debugId"], file["symbolType"], file["objectName"]) == (DEBUG_ID, file_format, "map")
    assert uploads.upload(content + b" ", "map")["state"] == "error"


def test_the_files_of_a_zip_are_added(uploads: Uploads) -> None:
    content = write_zip(
        {
            f"proguard/{UUID}.txt": MAPPING,
            "a/b/crash.sym": write_breakpad(),
            "a/b/README": HELLO,
            "broken": b"MZ" + HELLO,
            "empty": b"",
            "fat": write_fat_macho(),
        }
    )
    response = uploads.upload_zip(content)
    assert response.status == 201
    assert [(file["symbolType"], file["objectName"]) for file in response.json] == [
        ("proguard", "proguard-mapping"), ("breakpad", "crash"), ("macho", "fat"), ("macho", "fat"),
    ]  # fmt: skip
    assert len(uploads.list_ids()) == 4
    again = uploads.upload_zip(content)
    assert (again.status, again.json) == (201, [])


@pytest.mark.parametrize(
    ("content", "name", "detail"),
    [
        (HELLO, "file", "Invalid zip file: no zip file"),
        (write_zip({"../a": HELLO}), "file", "Invalid zip file: a file name that is absolute or has .. or a backslash"),
        (write_zip({}), "other", "Missing uploaded file"),
    ],
)
def test_a_broken_zip_is_refused(uploads: Uploads, content: bytes, name: str, detail: str) -> None:
    response = uploads.upload_zip(content, name)
    assert (response.status, response.json) == (400, {"detail": detail})
