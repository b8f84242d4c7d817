"""Artifact bundles: each answer of assembling, what is indexed, lists, look-up, downloads, deletion, and other tenants.

Source: docs/sentry-contract.md#6-7-assembly.
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest

from tests.blobs.zips import Entry, write_zip
from tests.client import Answer
from tests.conftest import Harness
from tests.uploads import ASSEMBLE, DEBUG_ID, describe, make_bundle, sha1, upload, upload_bundle

FORTY = "0123456789abcdef0123456789abcdef01234567"
OTHER = "organizations/other/artifactbundle/assemble/"
NO_ACCESS = {"detail": "You do not have permission to perform this action."}
NOT_FOUND = {"detail": "The requested resource does not exist"}
CHECKSUM = "The checksum field is required and must be a 40-character hexadecimal string."
CHUNKS = "The chunks field is required and must be provided as an array of 40-character hexadecimal strings."
PROJECTS = "The projects field is required and must be provided as an array of strings."
VERSION = 'The version field cannot be empty and cannot contain any "/" characters.'
BASE = {"checksum": FORTY, "chunks": [FORTY], "projects": ["web"]}
BUNDLE_ID = "11111111-2222-4333-8444-555555555555"
OK: dict[str, Any] = {"state": "ok", "detail": None, "missingChunks": []}


def assemble(harness: Harness, body: Any, path: str = ASSEMBLE, **more: Any) -> Answer:
    return harness.client.rest("POST", path, body, **more)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in BASE.items() if key != name}


REFUSALS: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{", "Invalid json body"),
    "no body": (b"", "Invalid json body"),
    "a list": ([], "The request must be a JSON object."),
    "no checksum": (without("checksum"), "'checksum' is a required property"),
    "no chunks": (without("chunks"), "'chunks' is a required property"),
    "no projects": (without("projects"), "'projects' is a required property"),
    "another key": ({**BASE, "x": 1}, "Additional properties are not allowed ('x' was unexpected)"),
    "two other keys": ({**BASE, "x": 1, "y": 2}, "Additional properties are not allowed ('x', 'y' were unexpected)"),
    "short checksum": ({**BASE, "checksum": FORTY[1:]}, CHECKSUM),
    "checksum in capitals": ({**BASE, "checksum": FORTY.upper()}, CHECKSUM),
    "checksum of another type": ({**BASE, "checksum": 7}, CHECKSUM),
    "chunks of another type": ({**BASE, "chunks": FORTY}, CHUNKS),
    "a wrong chunk": ({**BASE, "chunks": [FORTY, "x"]}, CHUNKS),
    "projects of another type": ({**BASE, "projects": "web"}, PROJECTS),
    "a project of another type": ({**BASE, "projects": [1]}, PROJECTS),
    "empty version": ({**BASE, "version": ""}, VERSION),
    "version with a slash": ({**BASE, "version": "a/b"}, VERSION),
    "version of another type": ({**BASE, "version": None}, VERSION),
    "version that is not allowed": ({**BASE, "version": "a\nb"}, "Release with name a\nb is not allowed"),
    "long version": ({**BASE, "version": "a" * 201}, "The version field must have at most 200 characters."),
    "version with a zero": ({**BASE, "version": "a\0"}, "Null characters are not allowed."),
    "dist of another type": ({**BASE, "dist": 7}, "The dist field must be a string."),
    "long dist": ({**BASE, "dist": "1" * 65}, "The dist field must have at most 64 characters."),
    "no project": ({**BASE, "projects": []}, "You need to specify at least one project"),
    "empty project": ({**BASE, "projects": [""]}, "One or more projects are invalid"),
    "unknown project": ({**BASE, "projects": ["web", "none"]}, "One or more projects are invalid"),
    "project of another organization": ({**BASE, "projects": ["3"]}, "One or more projects are invalid"),
    "project twice": ({**BASE, "projects": ["web", "web"]}, "One or more projects are invalid"),
    "project by slug and id": ({**BASE, "projects": ["web", "1"]}, "One or more projects are invalid"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_request_has_its_error(harness: Harness, case: str) -> None:
    body, error = REFUSALS[case]
    answer = assemble(harness, body)
    assert (answer.status, answer.json) == (400, {"error": error})
    assert harness.rows("SELECT count(*) FROM assemblies") == [(0,)]


def test_content_type_of_the_body_does_not_matter(harness: Harness) -> None:
    answer = assemble(harness, json.dumps(BASE).encode(), headers={"content-type": "text/plain"})
    assert answer.json == {"state": "not_found", "missingChunks": [FORTY]}


def test_missing_chunks_then_ok_then_nothing_to_upload(harness: Harness) -> None:
    bundle = make_bundle()
    first, second = bundle[:100], bundle[100:]
    request = describe(first, second, version="web@1.0.0")
    answer = assemble(harness, {**request, "chunks": [sha1(first), sha1(second), sha1(first)]})
    assert answer.json == {"state": "not_found", "missingChunks": [sha1(first), sha1(second)]}
    upload(harness.client, first)
    assert assemble(harness, request).json == {"state": "not_found", "missingChunks": [sha1(second)]}
    upload(harness.client, second)
    assert assemble(harness, {**request, "chunks": []}).json == {"state": "not_found", "missingChunks": []}
    for _ in range(2):
        assert assemble(harness, request).json == OK
    assert assemble(harness, {**request, "chunks": []}).json == OK
    assert harness.rows("SELECT count(*) FROM releases") == [(0,)]


def test_index_of_a_bundle(harness: Harness) -> None:
    assert upload_bundle(harness.client, make_bundle(debug_id=BUNDLE_ID, release="ignored"), version="web@1", dist="7") == OK
    assert harness.rows("SELECT bundle_id, file_count FROM artifact_bundles") == [(BUNDLE_ID, 2)]
    assert harness.rows("SELECT version, dist FROM artifact_bundle_associations") == [("web@1", "7")]
    assert harness.rows("SELECT version FROM artifact_bundle_versions") == [("web@1",)]
    assert harness.rows("SELECT project_id FROM artifact_bundle_projects") == [(1,)]
    files = harness.rows("SELECT path, url, type, debug_id, source_map, file_name, size FROM artifact_files ORDER BY path")
    assert files == [
        ("files/_/_/app.js", "~/app.js", "minified_source", DEBUG_ID, "app.js.map", "app.js", 36),
        ("files/_/_/app.js.map", "~/app.js.map", "source_map", DEBUG_ID, None, None, 48),
    ]
    assert harness.rows("SELECT version, total, with_debug_ids FROM version_artifacts") == [("web@1", 2, 2)]


def test_release_and_dist_of_the_manifest_are_the_defaults(harness: Harness) -> None:
    upload_bundle(harness.client, make_bundle({}, release="x"))
    assert harness.rows("SELECT count(*) FROM artifact_bundles") == [(0,)], "a bundle without files is not kept"
    upload_bundle(harness.client, make_bundle(release="web@2", dist="3"))
    assert harness.rows("SELECT version, dist FROM artifact_bundle_associations") == [("web@2", "3")]


def test_bundle_without_an_id_gets_one_of_its_checksum(harness: Harness) -> None:
    bundle = make_bundle()
    upload_bundle(harness.client, bundle)
    assert harness.rows("SELECT bundle_id FROM artifact_bundles") == [(str(uuid.UUID(sha1(bundle)[:32])),)]


def zip_with(*names: str, **options: Any) -> bytes:
    manifest = json.dumps({"files": {name: {"type": "source", "url": f"~/{name}"} for name in names}, "release": "r"})
    entries = [Entry(b"manifest.json", manifest.encode()), *(Entry(name.encode(), b"text", **options) for name in names)]
    return write_zip(*entries)


INVALID = {
    "no zip": b"SYSB\x02\x00\x00\x00hello",
    "empty": b"",
    "zip that is cut": make_bundle()[:-5],
    "no manifest": write_zip(Entry(b"a.js", b"text")),
    "broken manifest": write_zip(Entry(b"manifest.json", b"{")),
    "manifest of another type": write_zip(Entry(b"manifest.json", b"[]")),
    "file of the manifest that is missing": write_zip(Entry(b"manifest.json", b'{"files": {"a.js": {}}}')),
    "path to a parent": zip_with("../a.js"),
    "absolute path": zip_with("/etc/passwd"),
    "backslash": zip_with("a\\b.js"),
    "larger than declared": zip_with("a.js", size=2),
    "wrong checksum": zip_with("a.js", checksum=1),
    "encrypted": zip_with("a.js", flags=1),
    "bomb": write_zip(Entry(b"manifest.json", b"{}"), Entry(b"a", b"\0" * (101 * 1024 * 1024))),
    "long release of the manifest": make_bundle(release="a" * 201),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_bundle_is_an_error_in_the_response(harness: Harness, case: str) -> None:
    bundle = INVALID[case]
    for _ in range(2):
        assert upload_bundle(harness.client, bundle, version="1") == {
            "state": "error", "detail": "the bundle is invalid", "missingChunks": [],
        }  # fmt: skip
    assert harness.rows("SELECT count(*) FROM artifact_bundles") == [(0,)]
    assert upload_bundle(harness.client, make_bundle(), version="1") == OK


def test_plain_zip_is_a_bundle(harness: Harness) -> None:
    assert upload_bundle(harness.client, zip_with("a.js")) == OK


def test_bundle_without_release_and_debug_ids_is_an_error(harness: Harness) -> None:
    bundle = make_bundle({"~/a.js": ("source", b"text", {})})
    detail = "uploading a bundle without debug ids or release is prohibited"
    assert upload_bundle(harness.client, bundle) == {"state": "error", "detail": detail, "missingChunks": []}


def test_wrong_checksum_is_an_error(harness: Harness) -> None:
    upload(harness.client, b"x")
    answer = assemble(harness, {**describe(b"x"), "checksum": FORTY})
    assert answer.json == {"state": "error", "detail": "Reported checksum mismatch", "missingChunks": []}


def test_dist_without_a_release_is_refused_and_not_remembered(harness: Harness) -> None:
    bundle = make_bundle()
    missing = assemble(harness, describe(bundle, dist="1"))
    assert missing.json["state"] == "not_found"
    upload(harness.client, bundle)
    answer = assemble(harness, describe(bundle, dist="1"))
    assert (answer.status, answer.json) == (400, {"error": "You need to specify a release together with a dist"})
    assert harness.rows("SELECT count(*) FROM assemblies") == [(0,)]
    assert assemble(harness, describe(bundle)).json == OK


def test_known_bundle_gets_more_versions_dists_and_projects(harness: Harness) -> None:
    bundle = make_bundle()
    upload_bundle(harness.client, bundle, version="web@1")
    [before] = harness.rows("SELECT date_modified FROM artifact_bundles")
    assert assemble(harness, describe(bundle, version="web@1")).json == OK
    assert harness.rows("SELECT date_modified FROM artifact_bundles") == [before], "nothing is new"
    assert assemble(harness, describe(bundle, version="web@1", dist="9")).json == OK
    assert assemble(harness, describe(bundle, version="web@2", projects=["2"])).json == OK
    pairs = harness.rows("SELECT version, dist FROM artifact_bundle_associations ORDER BY version, dist")
    assert pairs == [("web@1", ""), ("web@1", "9"), ("web@2", "")]
    assert harness.rows("SELECT project_id FROM artifact_bundle_projects ORDER BY 1") == [(1,), (2,)]
    totals = harness.rows("SELECT version, total FROM version_artifacts ORDER BY version")
    assert totals == [("web@1", 2), ("web@2", 2)]
    [(modified,)] = harness.rows("SELECT date_modified FROM artifact_bundles")
    assert (modified,) != before
    copies = "SELECT date_modified FROM artifact_bundle_versions UNION SELECT date_modified FROM artifact_bundle_projects"
    assert harness.rows(copies) == [(modified,)]


def test_bundle_of_the_same_id_replaces_contents_and_adds_associations(harness: Harness) -> None:
    upload_bundle(harness.client, make_bundle(debug_id=BUNDLE_ID), version="web@1")
    changed = {"~/b.js": ("minified_source", b"b()", {"debug-id": DEBUG_ID[:-1] + "3"})}
    upload_bundle(harness.client, make_bundle(changed, debug_id=BUNDLE_ID), version="web@2", projects=["api"])
    assert harness.rows("SELECT bundle_id, file_count FROM artifact_bundles") == [(BUNDLE_ID, 1)]
    assert harness.rows("SELECT url FROM artifact_files") == [("~/b.js",)]
    assert harness.rows("SELECT version FROM artifact_bundle_associations ORDER BY 1") == [("web@1",), ("web@2",)]
    assert harness.rows("SELECT project_id FROM artifact_bundle_projects ORDER BY 1") == [(1,), (2,)]
    assert harness.rows("SELECT total FROM version_artifacts") == [(1,), (1,)]


def list_bundles(harness: Harness, query: str = "", project: str = "web") -> Any:
    answer = harness.client.rest("GET", f"projects/acme/{project}/files/artifact-bundles/{query}")
    assert answer.status == 200, answer.body
    return answer.json


def make_bundle_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def test_list_of_bundles(harness: Harness) -> None:
    for number in range(12):
        upload_bundle(
            harness.client, make_bundle(debug_id=make_bundle_id(number)), version=f"web@{number}", dist="d" if number else ""
        )
    upload_bundle(harness.client, make_bundle(debug_id=make_bundle_id(0)), version="again")
    first = list_bundles(harness)
    assert [row["bundleId"] for row in first] == [make_bundle_id(number) for number in range(11, 1, -1)]
    assert first[0].keys() == {"bundleId", "associations", "date", "dateModified", "fileCount"}
    assert (first[0]["associations"], first[0]["fileCount"]) == ([{"release": "web@11", "dist": "d"}], 2)
    modified = list_bundles(harness, "?sortBy=-date_modified&per_page=2")
    assert [row["bundleId"] for row in modified] == [make_bundle_id(0), make_bundle_id(11)]
    assert modified[0]["associations"] == [{"release": "web@0", "dist": None}, {"release": "again", "dist": None}]
    assert [row["bundleId"] for row in list_bundles(harness, "?sortBy=date_added&per_page=1")] == [make_bundle_id(0)]
    for query, count in ((make_bundle_id(3)[-4:], 1), ("WEB@1", 3), ("D", 10), ("none", 0), ("again", 1)):
        assert len(list_bundles(harness, f"?query={query}")) == count, query
    assert list_bundles(harness, project="api") == []
    answer = harness.client.rest("GET", "projects/acme/web/files/artifact-bundles/?per_page=10")
    cursor = answer.headers["link"].rpartition('cursor="')[2].rstrip('"')
    assert [row["bundleId"] for row in list_bundles(harness, f"?cursor={cursor}")] == [make_bundle_id(1), make_bundle_id(0)]


def test_unknown_order_of_bundles(harness: Harness) -> None:
    answer = harness.client.rest("GET", "projects/acme/web/files/artifact-bundles/?sortBy=name")
    assert (answer.status, answer.json["detail"]["code"]) == (400, "invalid_sort_by_parameter")


def test_files_of_a_bundle_and_their_bytes(harness: Harness) -> None:
    upload_bundle(harness.client, make_bundle(debug_id=BUNDLE_ID), version="web@1")
    path = f"projects/acme/web/artifact-bundles/{BUNDLE_ID}/files/"
    body = harness.client.rest("GET", path).json
    assert body.keys() == {"bundleId", "date", "dateModified", "fileCount", "associations", "files"}
    identifier = base64.urlsafe_b64encode(b"files/_/_/app.js").decode()
    assert body["files"][0] == {
        "id": identifier, "filePath": "~/app.js", "fileType": 2, "debugId": DEBUG_ID, "fileSize": 36, "sourcemap": "app.js.map",
    }  # fmt: skip
    assert [file["fileType"] for file in body["files"]] == [2, 3]
    assert len(harness.client.rest("GET", f"{path}?query=APP.js.map").json["files"]) == 1
    text = b"f();\n//# sourceMappingURL=app.js.map"
    answer = harness.client.rest("GET", f"{path}{identifier}/")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, text, "36")
    part = harness.client.rest("GET", f"{path}{identifier}/", headers={"range": "bytes=5-10"})
    assert (part.status, part.body) == (206, text[5:11])
    for wrong in ("x", "!!", base64.urlsafe_b64encode(b"none").decode(), "%00"):
        assert harness.client.rest("GET", f"{path}{wrong}/").status == 404, wrong
    unknown = harness.client.rest("GET", path.replace(BUNDLE_ID, make_bundle_id(1)))
    assert (unknown.status, unknown.json) == (404, {"error": f"The artifact bundle with {make_bundle_id(1)} does not exist"})
    bound = harness.client.rest("GET", path.replace("web", "api"))
    assert (bound.status, bound.json) == (
        400,
        {"error": f"The artifact bundle with {BUNDLE_ID} is not bound to this project"},
    )
    assert harness.client.rest("GET", path.replace("web", "api") + f"{identifier}/").status == 404


def look_up(harness: Harness, query: str, project: str = "web") -> list[tuple[str, str]]:
    answer = harness.client.rest("GET", f"projects/acme/{project}/artifact-lookup/?{query}")
    assert answer.status == 200, answer.body
    return [(row["id"], row["resolved_with"]) for row in answer.json]


def test_look_up(harness: Harness) -> None:
    for number in range(7):
        upload_bundle(harness.client, make_bundle(debug_id=make_bundle_id(number)), version="web@1")
    plain = make_bundle({"~/x.js": ("minified_source", b"x()", {})}, debug_id=make_bundle_id(7))
    upload_bundle(harness.client, plain, version="web@1", dist="7")
    newest = [f"artifact_bundle/{number}" for number in (3, 4, 5, 6, 7)]
    assert look_up(harness, f"debug_id={DEBUG_ID}") == [(name, "debug-id") for name in newest]
    assert look_up(harness, f"debug_id={DEBUG_ID.replace('-', '').upper()}&release=web@1&url=app") == [
        (name, "debug-id") for name in newest
    ]
    assert look_up(harness, f"debug_id={make_bundle_id(9)}&release=web@1&url=/app") == [(name, "index") for name in newest]
    assert look_up(harness, "release=web@1") == [(name, "release") for name in newest]
    assert look_up(harness, "release=web@1&dist=7&url=/x") == [("artifact_bundle/8", "index")]
    for nothing in ("release=web@2&url=/app", "release=web@1&dist=8&url=/app", "url=/app", "", "release=web@1&url=none",
                    "debug_id=none", f"debug_id={make_bundle_id(9)}"):  # fmt: skip
        assert look_up(harness, nothing) == [], nothing
    assert look_up(harness, f"debug_id={DEBUG_ID}", "api") == []
    answer = harness.client.rest("GET", "projects/acme/web/artifact-lookup/?release=web@1&dist=7").json
    assert answer == [{
        "id": "artifact_bundle/8", "type": "bundle", "resolved_with": "release",
        "url": "http://testserver/api/0/projects/acme/web/artifact-lookup/?download=artifact_bundle/8",
    }]  # fmt: skip
    download = harness.client.rest("GET", answer[0]["url"].partition("/api/0/")[2])
    assert (download.status, download.body) == (200, plain)
    assert download.headers["content-length"] == str(len(plain))
    for wrong in ("artifact_bundle/99", "artifact_bundle/x", "release_file/1", "x/8", "", "artifact_bundle/" + "9" * 30):
        assert harness.client.rest("GET", f"projects/acme/web/artifact-lookup/?download={wrong}").status == 404, wrong
    assert harness.client.rest("GET", "projects/acme/api/artifact-lookup/?download=artifact_bundle/8").status == 404


def test_deletion(harness: Harness) -> None:
    bundle = make_bundle(debug_id=BUNDLE_ID)
    upload_bundle(harness.client, bundle, version="web@1", projects=["web", "api"])

    def delete(query: str, project: str = "web", **more: Any) -> Answer:
        return harness.client.rest("DELETE", f"projects/acme/{project}/files/artifact-bundles/{query}", **more)

    assert delete("").json == {"error": "Supplied an invalid bundle_id None"}
    assert delete(f"?bundleId={make_bundle_id(1)}").status == 404
    assert delete(f"?bundleId={BUNDLE_ID}").status == 204
    again = delete(f"?bundleId={BUNDLE_ID}")
    message = f"Artifact bundle with {BUNDLE_ID} found but it is not connected to project 1"
    assert (again.status, again.json) == (404, {"error": message})
    assert harness.rows("SELECT project_id FROM artifact_bundle_projects") == [(2,)]
    assert assemble(harness, describe(bundle, version="web@1")).json == OK
    assert [delete(f"?bundleId={BUNDLE_ID}", project).status for project in ("web", "api")] == [204, 204]
    for name in ("artifact_bundles", "artifact_files", "artifact_bundle_associations", "version_artifacts"):
        assert harness.rows(f"SELECT count(*) FROM {name}") == [(0,)], name
    assert assemble(harness, describe(bundle, version="web@1")).json == OK
    assert harness.rows("SELECT version, total FROM version_artifacts") == [("web@1", 2)]


@pytest.mark.parametrize(
    "scopes, write, read, download, delete",
    [
        (("project:admin",), 200, 200, 403, 204), (("project:write",), 200, 200, 200, 403),
        (("project:releases",), 200, 200, 403, 204), (("org:ci",), 200, 200, 403, 403),
        (("project:read",), 403, 200, 403, 403), (("org:admin",), 403, 403, 403, 403),
    ],
)  # fmt: skip
def test_scopes(harness: Harness, scopes: tuple[str, ...], write: int, read: int, download: int, delete: int) -> None:
    bundle, token = make_bundle(debug_id=BUNDLE_ID), harness.token(*scopes)
    upload_bundle(harness.client, bundle, version="1")
    assert assemble(harness, describe(bundle, version="2"), token=token).status == write
    files = f"projects/acme/web/artifact-bundles/{BUNDLE_ID}/files/"
    for path in ("projects/acme/web/files/artifact-bundles/", files, "projects/acme/web/artifact-lookup/?release=1"):
        assert harness.client.rest("GET", path, token=token).status == read, path
    identifier = base64.urlsafe_b64encode(b"files/_/_/app.js").decode()
    for path in (f"{files}{identifier}/", "projects/acme/web/artifact-lookup/?download=artifact_bundle/1"):
        assert harness.client.rest("GET", path, token=token).status == download, path
    path = f"projects/acme/web/files/artifact-bundles/?bundleId={BUNDLE_ID}"
    assert harness.client.rest("DELETE", path, token=token).status == delete


def test_nothing_of_another_organization_is_there(harness: Harness) -> None:
    bundle = make_bundle(debug_id=BUNDLE_ID)
    theirs = harness.tokens["other"]
    upload_bundle(harness.client, bundle, path=OTHER, token=theirs, version="web@1")
    assert assemble(harness, describe(bundle, version="web@1")).json == {
        "state": "not_found",
        "missingChunks": [sha1(bundle)],
    }
    assert assemble(harness, describe(bundle), OTHER).json == NO_ACCESS
    assert list_bundles(harness) == []
    assert look_up(harness, f"debug_id={DEBUG_ID}&release=web@1&url=app") == []
    files = f"projects/acme/web/artifact-bundles/{BUNDLE_ID}/files/"
    identifier = base64.urlsafe_b64encode(b"files/_/_/app.js").decode()
    for path in (files, f"{files}{identifier}/", "projects/acme/web/artifact-lookup/?download=artifact_bundle/1"):
        assert harness.client.rest("GET", path).status == 404, path
    deletion = f"projects/acme/web/files/artifact-bundles/?bundleId={BUNDLE_ID}"
    assert harness.client.rest("DELETE", deletion).status == 404
    assert harness.rows("SELECT count(*) FROM artifact_bundles") == [(1,)]
    # Theirs and ours are two bundles of the same id.
    upload_bundle(harness.client, bundle, version="web@1")
    assert harness.client.rest("DELETE", deletion).status == 204
    assert harness.rows("SELECT organization_id FROM artifact_bundles") == [(2,)]
    assert harness.rows("SELECT organization_id FROM version_artifacts") == [(2,)]
