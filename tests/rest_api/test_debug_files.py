"""Debug files over REST: assembling, zip files of them, lists, downloads, ProGuard mappings, and who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.blobs.blob_store import open_blob_store
from gql_releases.domain.blob import BlobKind
from gql_releases.domain.principal import Principal
from gql_releases.symbolication.worker_pool import WorkerPool
from tests.client import Answer, Client
from tests.conftest import Harness, Template
from tests.debug_files import (
    DEBUG_ID,
    MAPPING,
    OTHER_UUID,
    UUID,
    build_program,
    digest,
    write_breakpad,
    write_fat_macho,
    write_macho,
    write_public_symbols,
    write_source_bundle,
    write_zip,
)
from tests.uploads import send_parts

ACME = Principal.operator(1, "acme")
PATH = "projects/acme/web/files/"
ASSEMBLE, DSYMS, PROGUARD = PATH + "difs/assemble/", PATH + "dsyms/", PATH + "proguard-artifact-releases"
BREAKPAD_ID = f"{DEBUG_ID}-a"
NO_FILE = {"detail": "The requested resource does not exist"}
HELLO = b"hello"


class Uploads:
    """Uploads files as sentry-cli does."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness, self.client = harness, harness.client
        self.blobs = open_blob_store(folder.as_uri())

    def put_chunk(self, content: bytes, organization: str = "acme") -> str:
        """Store a chunk of an organization and return its SHA-1."""

        async def work() -> str:
            async with await self.blobs.begin(BlobKind.CHUNK) as writer:
                await writer.write(content)
                chunk = await writer.commit()
            principal = Principal.operator({"acme": 1, "other": 2}[organization], organization)
            await self.harness.store.chunks.record_chunks(principal, [chunk])
            return chunk.sha1

        return self.harness.run(work())

    def assemble(self, content: bytes, name: str, path: str = ASSEMBLE, **more: Any) -> Any:
        """Ask for a file to be assembled, and return the response for it."""
        body = {digest(content): {"name": name, "chunks": [digest(content)], **more}}
        response = self.client.rest("POST", path, body)
        assert response.status == 200, response.body
        return response.json[digest(content)]

    def upload(self, content: bytes, name: str, **more: Any) -> Any:
        """Upload a file and return the response to its assembling."""
        self.put_chunk(content)
        return self.assemble(content, name, **more)

    def upload_zip(self, content: bytes, name: str = "file", **more: Any) -> Answer:
        """Upload a zip file of debug files."""
        return send_parts(self.client, [(name, UUID, content)], DSYMS, **more)

    def list_ids(self, query: str = "") -> list[str]:
        """Return the debug ids of a list."""
        response = self.client.rest("GET", DSYMS + query)
        assert response.status == 200, response.body
        return [file["debugId"] for file in response.json]


@pytest.fixture
def harness(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    pools: list[WorkerPool] = []
    create = WorkerPool.__init__

    def note_pool(self: WorkerPool, *arguments: Any, **more: Any) -> None:
        create(self, *arguments, **more)
        pools.append(self)

    monkeypatch.setattr(WorkerPool, "__init__", note_pool)
    built = Harness(template, tmp_path, files=(tmp_path / "files").as_uri())
    yield built
    for pool in pools:
        built.run(pool.close())
    built.close()


@pytest.fixture
def uploads(harness: Harness, tmp_path: Path) -> Uploads:
    return Uploads(harness, tmp_path / "files")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_program(tmp_path_factory.mktemp("native")).read_bytes()


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


def test_a_list_is_filtered(uploads: Uploads) -> None:
    uploads.upload(write_breakpad("crash"), "crash.sym")
    uploads.upload(write_macho(bytes(range(16))), "Shop_1%")
    uploads.upload(MAPPING, f"/proguard/{UUID}.txt")
    macho = "00010203-0405-0607-0809-0a0b0c0d0e0f"
    for query, expected in {
        "": [UUID, macho, BREAKPAD_ID],
        f"?debug_id={BREAKPAD_ID}": [BREAKPAD_ID],
        f"?debug_id={DEBUG_ID.replace('-', '').upper()}a": [BREAKPAD_ID],
        f"?debug_id={DEBUG_ID}": [],
        "?debug_id=x": [],
        f"?debug_id={macho}&code_id=0102&query=crash": [macho],
        "?code_id=0102": [BREAKPAD_ID],
        "?code_id=000102030405060708090A0B0C0D0E0F": [macho],
        "?code_id=01": [],
        "?query=SHOP_1%25": [macho],
        "?query=1%25": [macho],
        "?query=X86": [macho, BREAKPAD_ID],
        "?query=aeb6a777": [BREAKPAD_ID],
        f"?query={DEBUG_ID.replace('-', '').upper()}": [BREAKPAD_ID],
        "?query=0102": [macho, BREAKPAD_ID],
        "?query=x-mach-BINARY": [macho],
        "?query=breakpad": [BREAKPAD_ID],
        "?query=nothing": [],
        "?file_formats=macho": [macho],
        "?file_formats=macho&file_formats=proguard": [UUID, macho],
        "?file_formats=proguard&query=crash": [],
        "?file_formats=unknown": [],
        "?query=": [UUID, macho, BREAKPAD_ID],
    }.items():
        assert uploads.list_ids(query) == expected, query
    assert uploads.client.rest("GET", DSYMS + "?query=%00").status == 400


def test_a_list_has_pages_of_twenty(uploads: Uploads) -> None:
    uploads.upload_zip(write_zip({f"proguard/{UUID[:-2]}{number:02}.txt": MAPPING for number in range(45)}))
    sizes, ids, path = [], [], f"/api/0/{DSYMS}?file_formats=proguard"
    while path:
        response = uploads.client.request("GET", path)
        sizes.append(len(response.json))
        ids += [int(file["id"]) for file in response.json]
        following = re.search(r'<http://testserver([^>]+)>; rel="next"; results="true"', response.headers["link"])
        path = following[1] if following else ""
    assert (sizes, ids) == ([20, 20, 5], sorted(ids, reverse=True))


def test_a_file_is_downloaded(uploads: Uploads, program: bytes) -> None:
    files = {
        uploads.upload(content, name)["dif"]["id"]: (content, extension)
        for content, name, extension in (
            (write_breakpad(), "a.sym", ".sym"),
            (MAPPING, f"proguard/{UUID}.txt", ".txt"),
            (program, "main", ""),
            (write_source_bundle(), "a.src.zip", ".src.zip"),
            (write_macho(bytes(range(16))), "a", ""),
        )
    }
    for row_id, (content, extension) in files.items():
        response = uploads.client.rest("GET", f"{DSYMS}?id={row_id}")
        debug_id = next(file["debugId"] for file in uploads.client.rest("GET", DSYMS).json if file["id"] == row_id)
        assert (response.status, response.body) == (200, content)
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["content-length"] == str(len(content))
        assert response.headers["content-disposition"] == f'attachment; filename="{debug_id}{extension}"'
    part = uploads.client.rest("GET", f"{DSYMS}?id=1", headers={"range": "bytes=0-5"})
    assert (part.status, part.body) == (206, b"MODULE")


@pytest.mark.parametrize("row_id", ["", "7", "x", "-1", "0", "1.5", str(2**63), "9" * 30])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_id_is_not_found(client: Client, method: str, row_id: str) -> None:
    response = client.rest(method, f"{DSYMS}?id={row_id}")
    assert (response.status, response.json) == (404, NO_FILE)


def test_unknown_checksums_are_listed(uploads: Uploads) -> None:
    uploads.upload(write_breakpad(), "a.sym")
    query = f"?checksums={'f' * 40}&checksums={digest(write_breakpad())}&checksums={'0' * 40}&checksums=x"
    response = uploads.client.rest("GET", DSYMS + "unknown/" + query)
    assert response.json == {"missing": ["0" * 40, "f" * 40, "x"]}
    assert uploads.client.rest("GET", DSYMS + "unknown/").json == {"missing": []}


def test_a_mapping_is_associated_with_releases(uploads: Uploads) -> None:
    def create(**body: Any) -> tuple[int, Any]:
        response = uploads.client.rest("POST", PROGUARD, body)
        return response.status, response.json if response.body else None

    missing = "Missing required fields: "
    assert create() == (400, {"error": missing + "release_name, proguard_uuid"})
    assert create(release_name="a") == (400, {"error": missing + "proguard_uuid"})
    assert create(release_name="a", proguard_uuid="x") == (400, {"error": "Invalid proguard_uuid"})
    assert create(release_name="a", proguard_uuid=1) == (400, {"error": "Invalid proguard_uuid"})
    assert create(release_name=1, proguard_uuid=UUID) == (400, {"error": "Invalid release_name"})
    assert create(release_name="a\0", proguard_uuid=UUID) == (400, {"error": "Invalid release_name"})
    unknown = {"error": "No matching proguard mapping file with this uuid found"}
    assert create(release_name="a", proguard_uuid=UUID) == (400, unknown)
    uploads.upload(MAPPING, f"/proguard/{UUID}.txt")
    assert create(release_name="com.x@1.0+7", proguard_uuid=UUID.upper()) == (201, None)
    existing = {"error": "Proguard artifact release with this name in this project already exists."}
    assert create(release_name="com.x@1.0+7", proguard_uuid=UUID) == (409, existing)
    assert create(release_name="com.x@1.0+8", proguard_uuid=UUID) == (201, None)
    releases = {"releases": ["com.x@1.0+7", "com.x@1.0+8"]}
    for path in (PROGUARD, PROGUARD + "/"):
        assert uploads.client.rest("GET", f"{path}?proguard_uuid={UUID}").json == releases
        assert uploads.client.rest("GET", path).json == {"releases": None}
        assert uploads.client.rest("GET", f"{path}?proguard_uuid={OTHER_UUID}").json == {"releases": []}
    # A newer mapping of the same id keeps them.
    uploads.upload(MAPPING + b"\n", f"/proguard/{UUID}.txt")
    assert uploads.list_ids() == [UUID]
    assert uploads.client.rest("GET", f"{PROGUARD}?proguard_uuid={UUID}").json == releases


def test_nothing_is_reprocessed_or_associated(client: Client) -> None:
    for body in (None, b"", b"{"):
        response = client.rest("POST", "projects/acme/web/reprocessing/", body)
        assert (response.status, response.json) == (200, {})
    response = client.rest("POST", DSYMS + "associate/", {"platform": "apple", "checksums": []})
    assert (response.status, response.json) == (200, {"associatedDsymFiles": []})


REQUESTS = {
    "assemble": ("POST", ASSEMBLE, {}),
    "zip": ("POST", DSYMS, b""),
    "list": ("GET", DSYMS, None),
    "download": ("GET", DSYMS + "?id=1", None),
    "delete": ("DELETE", DSYMS + "?id=1", None),
    "unknown": ("GET", DSYMS + "unknown/", None),
    "associate": ("POST", DSYMS + "associate/", {}),
    "proguard": ("POST", PROGUARD, {}),
    "proguard list": ("GET", PROGUARD, None),
    "reprocessing": ("POST", "projects/acme/web/reprocessing/", {}),
}
WRITES = {"assemble", "zip", "associate", "proguard", "reprocessing"}


@pytest.mark.parametrize(
    "scope", ["project:read", "project:write", "project:admin", "project:releases", "org:ci", "org:read"]
)
def test_scopes(harness: Harness, uploads: Uploads, scope: str) -> None:
    uploads.upload(write_breakpad(), "a.sym")
    token = harness.token(scope)
    statuses = {
        name: harness.client.rest(method, path, body, token=token).status
        for name, (method, path, body) in REQUESTS.items()
        if name != "delete"
    }
    statuses["delete"] = harness.client.rest("DELETE", DSYMS + "?id=1", token=token).status
    may_read, may_write, may_download = (
        scope != "org:read",
        scope not in ("org:read", "project:read"),
        scope == "project:write",
    )
    for name, status in statuses.items():
        if name == "delete":
            assert status == (204 if may_download else 404 if may_read else 403), name
        elif name == "download":
            assert status == (200 if may_download else 403), name
        else:
            assert (status == 403) is not (may_write if name in WRITES else may_read), name


@pytest.mark.parametrize("name", REQUESTS)
def test_an_unknown_project_or_organization_has_nothing(client: Client, name: str) -> None:
    method, path, body = REQUESTS[name]
    missing = client.rest(method, path.replace("/web/", "/nothing/"), body)
    assert (missing.status, missing.json) == (404, NO_FILE)
    assert client.rest(method, path.replace("/acme/", "/other/"), body).status == 403
    assert client.rest(method, path, body, token=None).status == 401


def test_another_organization_has_nothing_of_it(harness: Harness, uploads: Uploads) -> None:
    content = write_breakpad()
    file = uploads.upload(content, "a.sym")["dif"]
    other = harness.tokens["other"]

    def request(method: str, path: str, body: Any = None) -> Answer:
        return harness.client.rest(method, path.replace("/acme/", "/other/"), body, token=other)

    body = {file["sha1"]: {"name": "a.sym", "chunks": [file["sha1"]]}}
    assert request("POST", ASSEMBLE, body).json == {
        file["sha1"]: {"state": "not_found", "missingChunks": [file["sha1"]]},
    }  # fmt: skip
    for query in ("", f"?debug_id={file['debugId']}", "?code_id=0102", "?query=a"):
        assert request("GET", DSYMS + query).json == []
    for method in ("GET", "DELETE"):
        assert request(method, f"{DSYMS}?id={file['id']}").status == 404
    assert request("GET", f"{DSYMS}unknown/?checksums={file['sha1']}").json == {"missing": [file["sha1"]]}
    # The same bytes of their own chunk are a file of their own.
    uploads.put_chunk(content, "other")
    theirs = request("POST", ASSEMBLE, body).json[file["sha1"]]["dif"]
    assert theirs["id"] != file["id"]
    assert request("DELETE", f"{DSYMS}?id={theirs['id']}").status == 204
    assert [item["id"] for item in uploads.client.rest("GET", DSYMS).json] == [file["id"]]
    assert harness.rows("SELECT organization_id FROM blobs ORDER BY 1") == [(1,), (2,)]


def test_another_project_has_nothing_of_it(uploads: Uploads) -> None:
    file = uploads.upload(write_breakpad(), "a.sym")["dif"]
    path = "projects/acme/api/files/dsyms/"
    assert uploads.client.rest("GET", path).json == []
    assert uploads.client.rest("GET", f"{path}?id={file['id']}").status == 404
    assert uploads.client.rest("DELETE", f"{path}?id={file['id']}").status == 404
    assert uploads.client.rest("GET", f"{path}unknown/?checksums={file['sha1']}").json == {"missing": [file["sha1"]]}


def test_responses_are_json(uploads: Uploads) -> None:
    assert json.loads(uploads.client.rest("GET", DSYMS).body) == []
