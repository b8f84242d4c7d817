"""Debug files and ProGuard mappings over REST: lists, downloads, associations, permissions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.conftest import Harness
from tests.debug_files import (
    DEBUG_ID,
    MAPPING,
    OTHER_UUID,
    UUID,
    digest,
    write_breakpad,
    write_macho,
    write_source_bundle,
    write_zip,
)
from tests.rest_api.debug_files.conftest import ASSEMBLE, BREAKPAD_ID, DSYMS, NO_FILE, PROGUARD, Uploads


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
