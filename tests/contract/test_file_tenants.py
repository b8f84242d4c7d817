"""Two organizations attack each other's files by hash, id, URL, version and cursor through both APIs: nothing is shown or changed.

Both upload with equal slugs, versions, bundle ids, debug ids and contents, and each has files of its own, too. An attack
that names something of the other organization has the response of one that names what does not exist.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from tests.client import Answer
from tests.conftest import Harness, Template
from tests.debug_files import DEBUG_ID as NATIVE_ID
from tests.debug_files import MAPPING, UUID, write_breakpad, write_zip
from tests.factories import release
from tests.source_maps import ORIGINAL, SCRIPT, dump_map
from tests.uploads import make_bundle, send_parts, sha1, upload, upload_bundle

Request = tuple[str, str, Any]
Names = Mapping[str, str]

OWNERS = {"acme": 1, "other": 2}
ORGANIZATIONS = [("acme", "other"), ("other", "acme")]
VERSION = "web@1"
BUNDLE_ID, SCRIPT_ID = "11111111-2222-4333-8444-555555555555", "4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b"
COMMON = b"function common(){}\n"
CHUNKED_MAPPING = b"com.example.Chunked -> %s.b:\n"
MISSING_NUMBER = 900_001
SYMBOLICATE = """query ($i: SymbolicateInput!) { symbolicate(input: $i) { text complete frames { file absPath function
  contextLine preContext postContext resolvedWith bundle { id bundleId } problem { code message } } } }"""
NATIVE = """query ($i: SymbolicateNativeInput!) { symbolicateNative(input: $i) { complete addresses {
  frames { function path line } debugFile { id objectName sha1 } problem { code message } } } }"""
JAVA = """query ($i: DeobfuscateInput!) { deobfuscate(input: $i) { complete mapping { id sha1 } frames {
  frames { class method line } problem { code message } } } }"""
NODE = """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on ReleaseFile { name sha1 release { version } }
  ... on ArtifactBundle { bundleId files { nodes { path url debugId } } associations { nodes { version } } projects { nodes { slug } } }
  ... on DebugFile { debugId objectName sha1 proguardReleases } } }"""
ARTIFACT = """query ($o: String!, $p: String!, $d: String!) { artifact(organization: $o, project: $p, debugId: $d) {
  debugId bundle { id bundleId } minifiedSource { url size } sourceMap { url size } sources { nodes { path } } } }"""
LISTS = """query ($by: ReleaseBy!, $o: String!, $f: ReleaseFileFilter, $d: DebugFileFilter, $q: String) {
  release(by: $by) { files(filter: $f) { totalCount nodes { id name sha1 } } artifactBundles { totalCount nodes { id bundleId } } }
  organization(slug: $o) { projects { nodes { artifactBundles(query: $q) { totalCount nodes { id bundleId } }
    debugFiles(filter: $d) { totalCount nodes { id objectName sha1 } } } } } }"""
PAGES = """query ($o: String!, $v: String!, $files: String, $bundles: String, $own: String, $debug: String) {
  release(by: {key: {organization: $o, version: $v}}) { files(first: 1, after: $files) { nodes { id name } pageInfo { endCursor } }
    artifactBundles(first: 1, after: $bundles) { nodes { id bundleId } pageInfo { endCursor } } }
  organization(slug: $o) { projects { nodes {
    artifactBundles(first: 1, after: $own) { nodes { id bundleId } pageInfo { endCursor } }
    debugFiles(first: 1, after: $debug) { nodes { id objectName } pageInfo { endCursor } } } } } }"""
DELETE_FILES = """mutation ($i: DeleteReleaseFilesInput!) {
  deleteReleaseFiles(input: $i) { deletedReleaseFileIds userErrors { code message field } } }"""
DELETE_BUNDLE = """mutation ($i: DeleteArtifactBundleInput!) {
  deleteArtifactBundle(input: $i) { deletedArtifactBundleId userErrors { code message field } } }"""
DELETE_DEBUG_FILE = """mutation ($i: DeleteDebugFileInput!) {
  deleteDebugFile(input: $i) { deletedDebugFileId userErrors { code message field } } }"""


def make_secret(organization: str) -> str:
    return f"secret-of-{organization}"


def make_id(organization: str, kind: str) -> str:
    """Return the UUID of something that only one organization has."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} of {organization}"))


def make_global_id(kind: str, number: Any) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def make_files(organization: str) -> dict[str, bytes]:
    """Return the contents that an organization uploads."""
    secret = make_secret(organization)
    source_map = dump_map(sourcesContent=[ORIGINAL.replace("empty", secret)])

    def build(bundle_id: str, debug_id: str, url: str) -> bytes:
        by_id = {"debug-id": debug_id}
        script = ("minified_source", SCRIPT, {**by_id, "sourcemap": "cart.min.js.map"})
        files = {f"{url}/cart.min.js": script, f"{url}/cart.min.js.map": ("source_map", source_map, by_id)}
        return make_bundle(files, debug_id=bundle_id)

    return {
        "common bundle": build(BUNDLE_ID, SCRIPT_ID, "~/js"),
        "own bundle": build(make_id(organization, "bundle"), make_id(organization, "script"), f"~/{secret}"),
        "chunk": f"chunk with {secret}".encode(),
        "script": SCRIPT,
        "map": source_map,
        "release file": f"file with {secret}".encode(),
        "common symbols": write_breakpad(secret, note=organization),
        "own symbols": write_breakpad(secret, make_id(organization, "symbols")),
        "common mapping": MAPPING.replace(b"Cart", secret.replace("-", "_").encode()),
        "own mapping": MAPPING.replace(b"pay", secret.replace("-", "_").encode()),
        "chunked mapping": CHUNKED_MAPPING % organization.encode(),
    }


def fill(harness: Harness, organization: str, statuses: tuple[int, ...] = (201,)) -> None:
    """Upload the files of an organization with the requests of its clients; they have one of these statuses."""
    client, token, files, secret = (
        harness.client,
        harness.tokens[organization],
        make_files(organization),
        make_secret(organization),
    )
    root, project = f"organizations/{organization}", f"projects/{organization}/web"
    own_version = f"{organization}@1"
    for version in (VERSION, own_version):
        assert client.rest("POST", f"{root}/releases/", release(version, projects=["web"]), token=token).status in statuses
    assemble = f"{root}/artifactbundle/assemble/"
    for bundle, version in (("common bundle", VERSION), ("own bundle", own_version)):
        assembly = upload_bundle(client, files[bundle], path=assemble, token=token, version=version)
        assert assembly["state"] == "ok"
    upload(client, files["chunk"], files["chunked mapping"], path=f"{root}/chunk-upload/", token=token)
    named = {
        (VERSION, "~/common.js"): COMMON, (VERSION, f"~/{secret}.js"): files["release file"],
        (own_version, "~/old/cart.min.js"): SCRIPT, (own_version, "~/old/cart.min.js.map"): files["map"],
    }  # fmt: skip
    for (version, name), content in named.items():
        parts = [("file", "app.js", content), ("name", None, name.encode())]
        assert send_parts(client, parts, f"{root}/releases/{version}/files/", token=token).status in statuses
    archive = write_zip({
        f"a/{secret}.sym": files["common symbols"], f"b/{secret}.sym": files["own symbols"],
        f"proguard/{UUID}.txt": files["common mapping"], f"proguard/{make_id(organization, 'mapping')}.txt": files["own mapping"],
    })  # fmt: skip
    response = send_parts(client, [("file", "x", archive)], f"{project}/files/dsyms/", token=token)
    assert response.status == 201
    assert len(response.json) == 4 or len(statuses) > 1
    digest, name = sha1(files["chunked mapping"]), f"/proguard/{make_id(organization, 'chunked mapping')}.txt"
    body: dict[str, Any] = {digest: {"name": name, "chunks": [digest]}}
    response = client.rest("POST", f"{project}/files/difs/assemble/", body, token=token)
    assert response.json[digest]["state"] == "ok", response.body
    body = {"release_name": secret, "proguard_uuid": make_id(organization, "mapping")}
    assert client.rest("POST", f"{project}/files/proguard-artifact-releases", body, token=token).status in statuses


@pytest.fixture
def both(template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(template, tmp_path, max_cost=10**9)
    fill(harness, "acme")
    rows = dump_rows(harness, "acme")
    fill(harness, "other")
    assert dump_rows(harness, "acme") == rows, "uploads of equal names change nothing of the other organization"
    yield harness
    harness.close()


def dump_rows(harness: Harness, organization: str) -> dict[str, list[Any]]:
    """Return all rows of an organization, by table."""
    owner = OWNERS[organization]
    tables = [name for name, table in SQLModel.metadata.tables.items() if "organization_id" in table.c]
    return {
        name: sorted(harness.rows(f"SELECT * FROM {name} WHERE organization_id = {owner}"), key=repr)
        for name in sorted(tables)
    }


def list_names(harness: Harness, organization: str, *, common: bool = False) -> dict[str, str]:
    """Return what names the files of an organization: those of its own, or those that the other one has, too."""
    files, owner, kind = make_files(organization), OWNERS[organization], "common" if common else "own"

    def find(table: str, column: str, value: str) -> str:
        [(number,)] = harness.rows(f"SELECT id FROM {table} WHERE organization_id = {owner} AND {column} = '{value}'")
        return str(number)

    script_id, bundle_id = (
        (SCRIPT_ID, BUNDLE_ID) if common else (make_id(organization, "script"), make_id(organization, "bundle"))
    )
    version = VERSION if common else f"{organization}@1"
    release_number = find("releases", "version", version)
    content = COMMON if common else files["map"]
    return {
        "organization": organization,
        "project": "web",
        "version": version,
        "bundle_id": bundle_id,
        "script_id": script_id,
        "native_id": f"{NATIVE_ID if common else make_id(organization, 'symbols')}-a",
        "mapping_id": UUID if common else make_id(organization, "mapping"),
        "url": "https://x.org/js/cart.min.js" if common else "https://x.org/old/cart.min.js",
        "path": "files/_/_/js/cart.min.js" if common else f"files/_/_/{make_secret(organization)}/cart.min.js",
        "query": "cart" if common else make_secret(organization),
        "checksum": sha1(files[f"{kind} bundle"]),
        "chunk": sha1(COMMON if common else files["chunk"]),
        "symbols": sha1(files[f"{kind} symbols"]),
        "chunked mapping": sha1(files["chunked mapping"]),
        "content": sha1(content),
        "bundle": find("artifact_bundles", "bundle_id", bundle_id),
        "file": find("release_files", "name", "~/common.js" if common else "~/old/cart.min.js.map"),
        "debug file": find("debug_files", "sha1", sha1(files[f"{kind} symbols"])),
        "release": release_number,
    }


MISSING: dict[str, str] = {
    "organization": "nobody",
    "project": "web",
    "version": "nobody@1",
    "bundle_id": make_id("nobody", "bundle"),
    "script_id": make_id("nobody", "script"),
    "native_id": f"{make_id('nobody', 'symbols')}-a",
    "mapping_id": make_id("nobody", "mapping"),
    "url": "https://x.org/old/cart.min.js",
    "path": "files/_/_/secret-of-nobody/cart.min.js",
    "query": "secret-of-nobody",
    **{name: sha1(name.encode()) for name in ("checksum", "chunk", "symbols", "chunked mapping", "content")},
    **dict.fromkeys(("bundle", "file", "debug file", "release"), str(MISSING_NUMBER)),
}
"""Names of what no organization has."""


def ask(document: str, **variables: Any) -> Request:
    return "POST", "/graphql", {"query": document, "variables": variables}


def list_reads(names: Names, organization: str) -> dict[str, Request]:
    """Return the requests that read or assemble what has these names, sent to an organization."""
    return {
        **list_assemblies(names, organization),
        **list_rest_reads(names, organization),
        **list_graphql_reads(names, organization),
    }


def list_assemblies(names: Names, organization: str) -> dict[str, Request]:
    root, project = f"/api/0/organizations/{organization}", f"/api/0/projects/{organization}/{names['project']}"
    assembly = {"checksum": names["chunk"], "chunks": [names["chunk"]], "projects": [names["project"]]}
    return {
        "assemble a bundle of chunks": ("POST", f"{root}/artifactbundle/assemble/", assembly),
        "poll the assembly of a bundle": (
            "POST", f"{root}/artifactbundle/assemble/", {**assembly, "checksum": names["checksum"], "chunks": []},
        ),
        "assemble a bundle again": (
            "POST", f"{root}/artifactbundle/assemble/", {**assembly, "checksum": names["checksum"]},
        ),
        "assemble a bundle of a release": (
            "POST", f"{root}/releases/{VERSION}/assemble/", {"checksum": names["chunk"], "chunks": [names["chunk"]]},
        ),
        "assemble a debug file of chunks": (
            "POST", f"{project}/files/difs/assemble/", {names["chunk"]: {"name": "a.sym", "chunks": [names["chunk"]]}},
        ),
        "assemble a debug file": (
            "POST", f"{project}/files/difs/assemble/", {names["symbols"]: {"name": "a.sym", "chunks": [names["chunk"]]}},
        ),
        "poll the assembly of a mapping": (
            "POST", f"{project}/files/difs/assemble/", {names["chunked mapping"]: {"name": "a.txt", "chunks": []}},
        ),
    }  # fmt: skip


def list_rest_reads(names: Names, organization: str) -> dict[str, Request]:
    root, project = f"/api/0/organizations/{organization}", f"/api/0/projects/{organization}/{names['project']}"
    release_root = f"{root}/releases/{names['version'].replace('@', '%40')}"
    file_id = base64.urlsafe_b64encode(names["path"].encode()).decode()
    bundle_files = f"{project}/artifact-bundles/{names['bundle_id']}/files/"
    lookup, dsyms, version = f"{project}/artifact-lookup/", f"{project}/files/dsyms/", names["version"]
    own_release = f"{root}/releases/{VERSION}/files/"
    return {
        "unknown checksums of debug files": ("GET", f"{dsyms}unknown/?checksums={names['symbols']}", None),
        "bundles by id": ("GET", f"{project}/files/artifact-bundles/?query={names['bundle_id']}", None),
        "bundles by version": ("GET", f"{project}/files/artifact-bundles/?query={version}", None),
        "files of a bundle": ("GET", bundle_files, None),
        "download of a file of a bundle": ("GET", f"{bundle_files}{file_id}/", None),
        "look-up by debug id": ("GET", f"{lookup}?debug_id={names['script_id']}", None),
        "look-up by version": ("GET", f"{lookup}?release={version}&url=cart", None),
        "download of a bundle": ("GET", f"{lookup}?download=artifact_bundle/{names['bundle']}", None),
        "download of a looked up file": ("GET", f"{lookup}?download=release_file/{names['file']}", None),
        "releases with source maps": ("GET", f"{project}/files/source-maps/?query={version}", None),
        "files of a release": ("GET", f"{release_root}/files/", None),
        "files of a release of the project": (
            "GET", f"{project}/releases/{version}/files/?checksum={names['content']}", None,
        ),
        "file of a release": ("GET", f"{release_root}/files/{names['file']}/", None),
        "file of the attacker's release": ("GET", f"{own_release}{names['file']}/?download=1", None),
        "download of a file of a release": ("GET", f"{release_root}/files/{names['file']}/?download=1", None),
        "release": ("GET", f"{release_root}/", None),
        "debug files by debug id": ("GET", f"{dsyms}?debug_id={names['native_id']}", None),
        "debug files by text": ("GET", f"{dsyms}?query={names['query']}", None),
        "download of a debug file": ("GET", f"{dsyms}?id={names['debug file']}", None),
        "releases of a mapping": ("GET", f"{project}/files/proguard-artifact-releases?proguard_uuid={names['mapping_id']}", None),
    }  # fmt: skip


def list_graphql_reads(names: Names, organization: str) -> dict[str, Request]:
    version, target = names["version"], {"organization": organization, "project": names["project"]}
    stack = {"text": f"Error: x\n    at c ({names['url']}:1:29)"}
    frame = {"url": "https://x.org/none.js", "line": 1, "column": 29}
    image = {"address": "0x1000", "debugId": names["native_id"]}
    by_key = {"key": {"organization": organization, "version": version}}
    return {
        "nodes": ask(NODE, ids=[
            make_global_id("ReleaseFile", names["file"]), make_global_id("ArtifactBundle", names["bundle"]),
            make_global_id("DebugFile", names["debug file"]),
        ]),
        "artifact": ask(ARTIFACT, o=organization, p=names["project"], d=names["script_id"]),
        "lists": ask(
            LISTS, by=by_key, o=organization, f={"checksums": [names["content"]]},
            d={"debugId": names["native_id"]}, q=names["bundle_id"],
        ),
        "lists of a release by id": ask(
            LISTS, by={"id": make_global_id("Release", names["release"])}, o=organization,
            d={"query": names["query"]}, q=version,
        ),
        "stack of a release": ask(SYMBOLICATE, i={**target, "release": version, "stack": stack}),
        "stack with debug ids": ask(
            SYMBOLICATE, i={**target, "stack": {"frames": [{**frame, "debugId": names["script_id"]}]}},
        ),
        "stack with images": ask(
            SYMBOLICATE,
            i={**target, "stack": {"frames": [frame]}, "images": [{"codeFile": frame["url"], "debugId": names["script_id"]}]},
        ),
        "native addresses": ask(NATIVE, i={**target, "images": [image], "addresses": ["0x2000"]}),
        "Java frames": ask(JAVA, i={**target, "uuid": names["mapping_id"], "frames": [{"class": "a.a", "method": "b", "line": 1}]}),
    }  # fmt: skip


def list_writes(names: Names, organization: str) -> dict[str, Request]:
    """Return the requests that change or delete what has these names, sent to an organization."""
    root, project = f"/api/0/organizations/{organization}", f"/api/0/projects/{organization}/{names['project']}"
    version = names["version"]
    file, bundle = make_global_id("ReleaseFile", names["file"]), make_global_id("ArtifactBundle", names["bundle"])
    by_key = {"key": {"organization": organization, "version": version}}
    by_own_key = {"key": {"organization": organization, "version": VERSION}}
    by_id = {"id": make_global_id("Release", names["release"])}
    mapping = {"release_name": "stolen", "proguard_uuid": names["mapping_id"]}
    return {
        "associate a mapping": ("POST", f"{project}/files/proguard-artifact-releases", mapping),
        "delete a file of a release": ("DELETE", f"{root}/releases/{version}/files/{names['file']}/", None),
        "delete a file of the attacker's release": ("DELETE", f"{root}/releases/{VERSION}/files/{names['file']}/", None),
        "delete a file of a release of the project": (
            "DELETE",
            f"{project}/releases/{VERSION}/files/{names['file']}/",
            None,
        ),
        "delete files by id": ask(DELETE_FILES, i={"release": by_own_key, "ids": [file]}),
        "delete files of a release by id": ask(DELETE_FILES, i={"release": by_id, "ids": [file]}),
        "delete all files of a release by id": ask(DELETE_FILES, i={"release": by_id, "all": True}),
        "delete all files of a release": ask(DELETE_FILES, i={"release": by_key, "all": True}),
        "delete the release files of a version": ("DELETE", f"{project}/files/source-maps/?name={version}", None),
        "delete a debug file": ("DELETE", f"{project}/files/dsyms/?id={names['debug file']}", None),
        "delete a debug file by id": ask(DELETE_DEBUG_FILE, i={"id": make_global_id("DebugFile", names["debug file"])}),
        "delete a bundle of a project": ask(DELETE_BUNDLE, i={"id": bundle, "project": names["project"]}),
        "delete a bundle by id": ask(DELETE_BUNDLE, i={"id": bundle}),
        "delete a bundle": ("DELETE", f"{project}/files/artifact-bundles/?bundleId={names['bundle_id']}", None),
    }


def list_attacks(names: Names, organization: str) -> dict[str, Request]:
    return {**list_reads(names, organization), **list_writes(names, organization)}


def send(harness: Harness, request: Request, organization: str) -> Answer:
    """Send a request with the token of an organization."""
    method, path, body = request
    return harness.client.request(method, path, body, token=harness.tokens[organization])


def hide_names(response: Answer, names: Names, organization: str) -> tuple[int, str, str]:
    """Return a response without what its request named."""
    text = response.body.decode("latin-1")
    values = {name: value for name, value in names.items() if len(value) > 3 and name not in ("organization", "project")}
    values["node"] = make_global_id("Release", names["release"])
    for kind, name in (("ReleaseFile", "file"), ("ArtifactBundle", "bundle"), ("DebugFile", "debug file")):
        values[f"node of {name}"] = make_global_id(kind, names[name])
    for name, value in sorted(values.items(), key=lambda item: -len(item[1])):
        text = text.replace(value, f"<{name}>")
    text = text.replace(f'\\"{names["project"]}\\"', "<project>")
    text = re.sub(rf"\b{organization}\b", "<organization>", text)
    return response.status, response.headers.get("content-type", ""), text


def list_secrets(harness: Harness, victim: str) -> list[str]:
    """Return what no response to another organization contains, unless its request named it."""
    owner, secret = OWNERS[victim], make_secret(victim)
    nodes = {"ReleaseFile": "release_files", "ArtifactBundle": "artifact_bundles", "DebugFile": "debug_files"}
    ids = [
        make_global_id(kind, number)
        for kind, table in nodes.items()
        for (number,) in harness.rows(f"SELECT id FROM {table} WHERE organization_id = {owner}")
    ]
    hashes = [sha1(content) for content in make_files(victim).values() if content != SCRIPT]
    kinds = ("bundle", "script", "symbols", "mapping")
    return [secret, secret.replace("-", "_"), *ids, *hashes, *(make_id(victim, kind) for kind in kinds)]


def check_secrets(response: Answer, request: Request, secrets: list[str], contents: list[bytes], title: str) -> None:
    text = response.body.decode("latin-1")
    sent = json.dumps(request)
    assert not [secret for secret in secrets if secret in text and secret not in sent], (title, text)
    assert response.body not in contents, title


def test_files_of_another_organization_cannot_be_named(both: Harness, record_property: Any) -> None:
    """Attacks have the responses of requests for what does not exist; those of the owner have others."""
    count = 0
    for attacker, victim in ORGANIZATIONS:
        secrets, contents = list_secrets(both, victim), [text for text in make_files(victim).values() if text != SCRIPT]
        names, rows = list_names(both, victim), dump_rows(both, victim)
        project_names = {**names, "project": str({"acme": 1, "other": 3}[victim])}
        pairs = [
            # The attacker's organization and the victim's names, and names of nothing.
            (names, attacker, MISSING, attacker),
            # The victim's organization, and none.
            (names, victim, names, "nobody"),
            # The number of the victim's project in the attacker's organization, and of none.
            (project_names, attacker, {**names, "project": "99"}, attacker),
            (list_names(both, victim, common=True), victim, list_names(both, victim, common=True), "nobody"),
        ]
        for foreign, organization, missing, empty in pairs:
            without = list_attacks(missing, empty)
            for title, request in list_attacks(foreign, organization).items():
                response, expected = send(both, request, attacker), send(both, without[title], attacker)
                assert response.status < 500, (title, response.body)
                check_secrets(response, request, secrets, contents, title)
                assert hide_names(response, foreign, organization) == hide_names(expected, missing, empty), title
                count += 1
        assert dump_rows(both, victim) == rows
    for owner in OWNERS:
        own, common = list_names(both, owner), list_names(both, owner, common=True)
        for title, request in list_reads(MISSING, owner).items():
            absent = hide_names(send(both, request, owner), MISSING, owner)
            responses = [
                hide_names(send(both, list_reads(names, owner)[title], owner), names, owner) for names in (own, common)
            ]
            assert any(response != absent for response in responses), f"{title} finds nothing"
    record_property("counts", f"{count} attacks on files of another organization")
    assert count > 350


def test_attacks_that_change_files_work_for_their_owner(both: Harness) -> None:
    """Otherwise it would prove nothing that they change nothing of another organization."""
    for title, request in list_writes(MISSING, "acme").items():
        expected = hide_names(send(both, request, "acme"), MISSING, "acme")
        responses = []
        for common in (False, True):
            names = list_names(both, "acme", common=common)
            responses.append(hide_names(send(both, list_writes(names, "acme")[title], "acme"), names, "acme"))
            fill(both, "acme", (201, 208, 409))
        assert any(response != expected for response in responses), f"{title} changes nothing"


def test_equal_names_open_only_ones_own_files(both: Harness) -> None:
    """Each reads, overwrites and deletes by names that both have, and by those of the other organization."""
    for attacker, victim in ORGANIZATIONS:
        secrets, contents = list_secrets(both, victim), [text for text in make_files(victim).values() if text != SCRIPT]
        rows, names = dump_rows(both, victim), list_names(both, attacker, common=True)
        for title, request in list_reads(names, attacker).items():
            response = send(both, request, attacker)
            assert response.status < 500, (title, response.body)
            check_secrets(response, request, secrets, contents, title)
        stack = send(both, list_reads(names, attacker)["stack of a release"], attacker).body.decode()
        assert make_secret(attacker) in stack, "the attacker reads its own source"
        # Uploads under the ids of the other organization make files of the attacker.
        path, token = f"organizations/{attacker}/artifactbundle/assemble/", both.tokens[attacker]
        for bundle in ("common bundle", "own bundle"):
            content = make_files(victim)[bundle]
            assembly = upload_bundle(both.client, content, path=path, token=token, version=f"{victim}@1")
            assert assembly["state"] == "ok"
        assert dump_rows(both, victim) == rows
    for attacker, victim in ORGANIZATIONS:
        rows, names = dump_rows(both, victim), list_names(both, attacker, common=True)
        for request in list_writes(names, attacker).values():
            assert send(both, request, attacker).status < 500
        assert dump_rows(both, victim) == rows
        assert both.rows(f"SELECT count(*) FROM artifact_bundles WHERE organization_id = {OWNERS[attacker]}") == [(2,)]
    for organization in OWNERS:
        names = list_names_after_deletion(both, organization)
        response = send(both, list_reads(names, organization)["download of a bundle"], organization)
        assert response.body == make_files(organization)["own bundle"], "the bytes are still there"


def list_names_after_deletion(harness: Harness, organization: str) -> dict[str, str]:
    """Return names with the number of the organization's own bundle, the others as of nothing."""
    condition = f"organization_id = {OWNERS[organization]} AND bundle_id = '{make_id(organization, 'bundle')}'"
    [(number,)] = harness.rows(f"SELECT id FROM artifact_bundles WHERE {condition}")
    return {**MISSING, "bundle": str(number)}


def test_cursors_of_another_organization_open_only_ones_own_lists(both: Harness) -> None:
    for attacker, victim in ORGANIZATIONS:
        secrets = list_secrets(both, victim)
        result = json.loads(send(both, ask(PAGES, o=victim, v=VERSION), victim).body)
        assert "errors" not in result
        data = result["data"]
        project = next(node for node in data["organization"]["projects"]["nodes"] if node["debugFiles"]["nodes"])
        cursors = {
            "files": data["release"]["files"], "bundles": data["release"]["artifactBundles"],
            "own": project["artifactBundles"], "debug": project["debugFiles"],
        }  # fmt: skip
        variables = {name: connection["pageInfo"]["endCursor"] for name, connection in cursors.items()}
        assert all(variables.values())
        request = ask(PAGES, o=attacker, v=VERSION, **variables)
        response = send(both, request, attacker)
        assert "errors" not in json.loads(response.body)
        check_secrets(response, request, secrets, [], "cursors")
        for path in (f"organizations/{{}}/releases/{VERSION}/files/", "projects/{}/web/files/dsyms/",
                     "projects/{}/web/files/artifact-bundles/", "projects/{}/web/files/source-maps/"):  # fmt: skip
            target = ("GET", f"/api/0/{path.format(victim)}?per_page=1", None)
            for cursor in re.findall(r'rel="next"[^,]* cursor="([^"]+)"', send(both, target, victim).headers["link"]):
                request = ("GET", f"/api/0/{path.format(attacker)}?per_page=1&cursor={cursor}", None)
                response = send(both, request, attacker)
                assert response.status == 200
                check_secrets(response, request, secrets, [], path)
