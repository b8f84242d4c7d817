"""Requests of both APIs that read, assemble, change or delete uploaded files, by the names of the files."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

Request = tuple[str, str, Any]
Names = Mapping[str, str]

VERSION = "web@1"
"""A version that each organization of the tests has."""
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


def make_global_id(kind: str, number: Any) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


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
