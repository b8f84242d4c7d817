"""Single files of a release over REST (docs/sentry-contract.md#6-5-files)."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.conftest import Harness
from tests.factories import release
from tests.uploads import send_parts, sha1

VERSION = "web@1.0.0"
RELEASE = f"organizations/acme/releases/{VERSION}/"
FILES, PROJECT_FILES = f"{RELEASE}files/", f"projects/acme/web/releases/{VERSION}/files/"
CONTENT = b"function a(){}\n//# sourceMappingURL=app.js.map\n"
EXISTS = {"detail": "A file matching this name already exists for the given release"}
MISSING = {"detail": "The requested resource does not exist"}


@pytest.fixture(autouse=True)
def stored_release(client: Client) -> None:
    assert client.rest("POST", "organizations/acme/releases/", release(VERSION, projects=["web"])).status == 201


def upload(
    client: Client,
    name: str | None = "~/app.js",
    *more: tuple[str, str],
    path: str = FILES,
    data: bytes = CONTENT,
    **options: Any,
) -> Answer:
    """Upload a file as sentry-cli does."""
    fields = [("name", name)] if name is not None else []
    parts = [(field, None, value.encode()) for field, value in (*fields, *more)]
    return send_parts(client, [("file", "app.js", data), *parts], path, **options)


def test_file_is_stored_listed_read_and_downloaded(client: Client) -> None:
    uploaded = upload(client, "~/app.js", ("header", "Sourcemap:app.js.map"), ("dist", "7"))
    assert uploaded.status == 201
    body = uploaded.json
    assert isinstance(body["id"], str)
    assert {name: value for name, value in body.items() if name not in ("id", "dateCreated")} == {
        "name": "~/app.js",
        "dist": "7",
        "headers": {"Content-Type": "application/octet-stream", "Sourcemap": "app.js.map"},
        "size": len(CONTENT),
        "sha1": sha1(CONTENT),
    }
    for files in (FILES, PROJECT_FILES):
        assert client.rest("GET", files).json == [body]
        assert client.rest("GET", f"{files}{body['id']}/").json == body
        download = client.rest("GET", f"{files}{body['id']}/?download=1")
        assert (download.status, download.body) == (200, CONTENT)
        assert download.headers["content-type"] == "application/octet-stream"
        assert download.headers["content-length"] == str(len(CONTENT))
        assert download.headers["content-disposition"] == 'attachment; filename="app.js"'
    part = client.rest("GET", f"{FILES}{body['id']}/?download", headers={"range": "bytes=9-12"})
    assert (part.status, part.body) == (206, CONTENT[9:13])


def test_same_name_is_refused_and_another_dist_is_not(client: Client) -> None:
    assert upload(client).status == 201
    again = upload(client, data=b"other")
    assert (again.status, again.json) == (409, EXISTS)
    assert upload(client, "~/app.js", ("dist", "7")).status == 201
    assert [(row["name"], row["dist"]) for row in client.rest("GET", FILES).json] == [("~/app.js", None), ("~/app.js", "7")]
    assert client.rest("GET", FILES).json[0]["sha1"] == sha1(CONTENT), "the first one is unchanged"


REFUSED_UPLOADS: dict[str, tuple[list[tuple[str, str | None, bytes]], str]] = {
    "no file": ([("name", None, b"x")], "Missing uploaded file"),
    "a field without a filename": ([("file", None, b"x"), ("name", None, b"x")], "Missing uploaded file"),
    "no name": ([("file", "file", b"x")], "File name must be specified"),
    "empty name": ([("file", "a.js", b"x"), ("name", None, b"")], "File name must be specified"),
    "special characters": (
        [("file", "a.js", b"x"), ("name", None, b"a\tb")],
        "File name must not contain special whitespace characters",
    ),
    "long name": (
        [("file", "a.js", b"x"), ("name", None, b"n" * 601)],
        "File name must have at most 600 characters and no NUL",
    ),
    "long dist": (
        [("file", "a.js", b"x"), ("dist", None, b"d" * 65)],
        "dist must have at most 64 characters and no NUL",
    ),
    "header without a colon": (
        [("file", "a.js", b"x"), ("header", None, b"Sourcemap")],
        "header value was not formatted correctly",
    ),
    "header with a line break": (
        [("file", "a.js", b"x"), ("header", None, b"a:b\nc")],
        "header value must not contain special whitespace characters",
    ),
}


@pytest.mark.parametrize("case", REFUSED_UPLOADS)
def test_refused_upload(client: Client, case: str) -> None:
    parts, detail = REFUSED_UPLOADS[case]
    answer = send_parts(client, parts, FILES)
    assert (answer.status, answer.json) == (400, {"detail": detail})
    assert client.rest("GET", FILES).json == []


def test_name_of_the_uploaded_file_is_the_default(client: Client) -> None:
    assert upload(client, None).json["name"] == "app.js"


def test_broken_body_is_refused(client: Client) -> None:
    answer = client.rest("POST", FILES, b"--x", headers={"content-type": "multipart/form-data; boundary=x"})
    assert (answer.status, answer.json) == (400, {"error": "Invalid multipart body"})


def test_list_is_filtered_sorted_and_paged(client: Client) -> None:
    sha1s = {}
    for name, data in (("~/b.js", b"1"), ("~/A.js", b"2"), ("~/a.js.map", b"3")):
        sha1s[name] = upload(client, name, data=data).json["sha1"]

    def names(query: str) -> list[str]:
        return [row["name"] for row in client.rest("GET", f"{FILES}?{query}").json]

    assert names("") == ["~/A.js", "~/a.js.map", "~/b.js"]
    assert names("query=a.JS") == ["~/A.js", "~/a.js.map"]
    assert names("query=a.js&query=b.js") == ["~/A.js", "~/a.js.map", "~/b.js"]
    assert names(f"checksum={sha1s['~/b.js']}&checksum={sha1s['~/A.js']}") == ["~/A.js", "~/b.js"]
    assert names(f"checksum={sha1s['~/b.js']}&query=map") == []
    assert names(f"checksum={'0' * 40}") == []
    first = client.rest("GET", f"{FILES}?per_page=2")
    assert [row["name"] for row in first.json] == ["~/A.js", "~/a.js.map"]
    following = first.headers["link"].split(",")[1]
    assert 'results="true"' in following
    path = following.split(">")[0].split("/api/0/")[1]
    assert [row["name"] for row in client.rest("GET", path).json] == ["~/b.js"]


def test_file_is_renamed_and_deleted(client: Client) -> None:
    first, second = upload(client, "~/a.js").json, upload(client, "~/b.js").json
    renamed = client.rest("PUT", f"{FILES}{first['id']}/", {"name": "~/c.js"})
    assert (renamed.status, renamed.json) == (200, {**first, "name": "~/c.js"})
    conflict = client.rest("PUT", f"{FILES}{first['id']}/", {"name": "~/b.js"})
    assert (conflict.status, conflict.json) == (409, EXISTS)
    wrong = client.rest("PUT", f"{FILES}x/", {"name": "~/c.js"})
    assert (wrong.status, wrong.json) == (400, {"detail": "Can only update release files with integer IDs"})
    assert client.rest("PUT", f"{FILES}{first['id']}/", {}).json == {"name": ["This field is required."]}
    assert client.rest("PUT", f"{FILES}{first['id']}/", {"name": "n" * 201}).status == 400
    assert client.rest("DELETE", f"{FILES}{second['id']}/").status == 204
    again = client.rest("DELETE", f"{FILES}{second['id']}/")
    assert (again.status, again.json) == (404, MISSING)
    assert [row["name"] for row in client.rest("GET", FILES).json] == ["~/c.js"]


def test_all_files_of_a_version_are_deleted(client: Client) -> None:
    upload(client, "~/a.js"), upload(client, "~/a.js", ("dist", "1"))
    assert client.rest("DELETE", "projects/acme/web/files/source-maps/?name=unknown").status == 404
    assert client.rest("DELETE", f"projects/acme/api/files/source-maps/?name={VERSION}").status == 404
    assert client.rest("DELETE", f"projects/acme/web/files/source-maps/?name={VERSION}").status == 204
    assert client.rest("GET", FILES).json == []
    assert client.rest("GET", RELEASE).status == 200


def test_releases_are_listed_with_the_number_of_their_files(client: Client) -> None:
    upload(client, "~/a.js"), upload(client, "~/b.js")
    assert client.rest("POST", "organizations/acme/releases/", release("web@2.0.0", projects=["web"])).status == 201
    path = "projects/acme/web/files/source-maps/"
    rows = client.rest("GET", path).json
    assert [(row["type"], row["name"], row["fileCount"]) for row in rows] == [
        ("release", "web@2.0.0", 0),
        ("release", VERSION, 2),
    ]
    assert client.rest("GET", f"{RELEASE}meta/").json["releaseFileCount"] == 2
    assert [row["name"] for row in client.rest("GET", f"{path}?sortBy=date_added").json] == [VERSION, "web@2.0.0"]
    assert [row["name"] for row in client.rest("GET", f"{path}?query=1.0").json] == [VERSION]
    assert client.rest("GET", f"{path}?sortBy=name").status == 400
    assert client.rest("GET", "projects/acme/unknown/files/source-maps/").status == 404


def test_missing_release_file_or_organization(client: Client) -> None:
    path = "organizations/acme/releases/unknown/files/"
    assert upload(client, path=path).json == MISSING
    assert client.rest("GET", path).status == 404
    for method in ("GET", "DELETE"):
        assert client.rest(method, f"{FILES}999/").status == 404
    assert client.rest("GET", f"{FILES}x/").status == 404
    assert client.rest("PUT", f"{FILES}999/", {"name": "x"}).status == 404
    assert upload(client, path=f"projects/acme/api/releases/{VERSION}/files/").status == 404
    assert upload(client, path=f"projects/acme//releases/{VERSION}/files/").status == 404


SCOPES = {
    "project:read": (200, 403, 403, 403),
    "project:write": (200, 200, 201, 403),
    "project:releases": (200, 403, 201, 204),
    "org:ci": (200, 403, 201, 403),
    "org:read": (403, 403, 403, 403),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_scopes(harness: Harness, client: Client, scope: str) -> None:
    uploaded = upload(client).json
    token = harness.token(scope)
    path = f"{FILES}{uploaded['id']}/"
    statuses = (
        client.rest("GET", path, token=token).status,
        client.rest("GET", f"{path}?download", token=token).status,
        upload(client, "~/new.js", token=token).status,
        client.rest("DELETE", path, token=token).status,
    )
    assert statuses == SCOPES[scope]


def test_files_of_another_organization_do_not_exist(harness: Harness, client: Client) -> None:
    uploaded, other = upload(client).json, harness.tokens["other"]
    body = release(VERSION, projects=["web"])
    assert client.rest("POST", "organizations/other/releases/", body, token=other).status == 201
    path = f"organizations/other/releases/{VERSION}/files/"
    for method, change in (("GET", None), ("DELETE", None), ("PUT", {"name": "x"})):
        assert client.rest(method, f"{path}{uploaded['id']}/", change, token=other).status == 404
        assert client.rest(method, f"{FILES}{uploaded['id']}/", change, token=other).status == 403
    assert client.rest("GET", path, token=other).json == []
    assert upload(client, path=path, token=other).status == 201
    assert len(client.rest("GET", FILES).json) == 1


def test_deleted_release_has_no_files(client: Client) -> None:
    upload(client)
    assert client.rest("DELETE", RELEASE).status == 204
    assert client.rest("POST", "organizations/acme/releases/", release(VERSION, projects=["web"])).status == 201
    assert client.rest("GET", FILES).json == []


def build_bundle(files: dict[str, tuple[str, bytes]], **members: Any) -> bytes:
    """Return a release bundle: files by their name in the zip, with their URL and bytes."""
    target = io.BytesIO()
    entries = {path: {"url": url, "type": "source", "headers": {"sourcemap": "x.map"}} for path, (url, _) in files.items()}
    with zipfile.ZipFile(target, "w") as archive:
        for path, (_, data) in files.items():
            archive.writestr(path, data)
        archive.writestr("manifest.json", json.dumps({"org": "acme", "release": VERSION, "files": entries, **members}))
    return target.getvalue()


def assemble(client: Client, bundle: bytes) -> Any:
    """Upload a bundle as one chunk, and return the state after its assembling."""
    digest = sha1(bundle)
    body = {"checksum": digest, "chunks": [digest]}
    assert client.rest("POST", f"{RELEASE}assemble/", body).json == {"state": "not_found", "missingChunks": [digest]}
    assert send_parts(client, [("file_gzip", digest, gzip.compress(bundle))]).status == 200
    answer = client.rest("POST", f"{RELEASE}assemble/", body)
    assert answer.status == 200
    return answer.json


def test_files_of_a_release_bundle_replace_those_of_their_name(client: Client) -> None:
    upload(client, "~/a.js"), upload(client, "~/c.js")
    bundle = build_bundle({"files/a": ("~/a.js", b"new a"), "files/b": ("~/b.js", b"new b")})
    assert assemble(client, bundle) == {"state": "ok", "missingChunks": [], "detail": None}
    rows = client.rest("GET", FILES).json
    assert [(row["name"], row["sha1"]) for row in rows] == [
        ("~/a.js", sha1(b"new a")),
        ("~/b.js", sha1(b"new b")),
        ("~/c.js", sha1(CONTENT)),
    ]
    assert rows[0]["headers"] == {"Sourcemap": "x.map"}
    assert client.rest("GET", f"{FILES}{rows[0]['id']}/?download").body == b"new a"


REFUSED_BUNDLES: dict[str, tuple[bytes, str]] = {
    "of another organization": (build_bundle({}, org="other"), "organization does not match uploaded bundle"),
    "of another release": (build_bundle({}, release="other"), "release does not match uploaded bundle"),
    "no zip file": (b"x" * 100, "the bundle is invalid"),
    "a long URL": (build_bundle({"a": ("~/" + "a" * 600, b"x")}), "the bundle is invalid"),
}


@pytest.mark.parametrize("case", REFUSED_BUNDLES)
def test_refused_release_bundle(client: Client, case: str) -> None:
    bundle, detail = REFUSED_BUNDLES[case]
    status = assemble(client, bundle)
    assert (status["state"], status["detail"]) == ("error", detail)
    assert client.rest("GET", FILES).json == []


def test_release_bundle_of_a_missing_release(client: Client) -> None:
    body = {"checksum": "0" * 40, "chunks": []}
    answer = client.rest("POST", "organizations/acme/releases/unknown/assemble/", body)
    assert (answer.status, answer.json) == (404, MISSING)
    wrong = client.rest("POST", f"{RELEASE}assemble/", {"checksum": "x", "chunks": []})
    assert wrong.status == 400
    assert wrong.json == {"error": "The checksum field is required and must be a 40-character hexadecimal string."}
