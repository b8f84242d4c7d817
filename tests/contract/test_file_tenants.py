"""Two organizations attack each other's files by hash, id, URL, version and cursor through both APIs: nothing is shown or changed.

Both upload with equal slugs, versions, bundle ids, debug ids and contents, and each has files of its own, too. An attack
that names something of the other organization has the response of one that names what does not exist.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from tests.client import Answer
from tests.conftest import Harness, Template
from tests.contract.file_requests import (
    PAGES,
    VERSION,
    Names,
    Request,
    ask,
    list_attacks,
    list_reads,
    list_writes,
    make_global_id,
)
from tests.debug_files import DEBUG_ID as NATIVE_ID
from tests.debug_files import MAPPING, UUID, write_breakpad, write_zip
from tests.factories import release
from tests.source_maps import ORIGINAL, SCRIPT, dump_map
from tests.uploads import make_bundle, send_parts, sha1, upload, upload_bundle

OWNERS = {"acme": 1, "other": 2}
ORGANIZATIONS = [("acme", "other"), ("other", "acme")]
BUNDLE_ID, SCRIPT_ID = "11111111-2222-4333-8444-555555555555", "4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b"
COMMON = b"function common(){}\n"
CHUNKED_MAPPING = b"com.example.Chunked -> %s.b:\n"
MISSING_NUMBER = 900_001


def make_secret(organization: str) -> str:
    return f"secret-of-{organization}"


def make_id(organization: str, kind: str) -> str:
    """Return the UUID of something that only one organization has."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} of {organization}"))


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
