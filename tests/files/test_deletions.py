"""Deletions of uploaded files over GraphQL: what goes, who may, and nothing of another organization."""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.graphql_api.execution.scalars import to_global_id
from tests.conftest import Harness
from tests.factories import release
from tests.file_rows import insert_files

VERSIONS = ["web@1.0.0", "web@2.0.0"]
RELEASES = "organizations/acme/releases/"
FIELDS = {
    "deleteReleaseFiles": "deletedReleaseFileIds",
    "deleteArtifactBundle": "deletedArtifactBundleId",
    "deleteDebugFile": "deletedDebugFileId",
}


@pytest.fixture
def harness_with_files(harness: Harness) -> Harness:
    """Two releases with files, in each organization; bundle 1 is in two projects."""
    for organization in ("acme", "other"):
        token = harness.tokens[organization]
        for version in VERSIONS:
            body = release(version, projects=["web"])
            response = harness.client.rest("POST", f"organizations/{organization}/releases/", body, token=token)
            assert response.status == 201
        insert_files(harness, organization, VERSIONS)
    return harness


def delete(harness: Harness, name: str, values: dict[str, Any], token: str = "") -> Any:
    """Return the payload of a mutation."""
    document = f"""mutation ($input: {name[0].upper()}{name[1:]}Input!) {{
      {name}(input: $input) {{ {FIELDS[name]} userErrors {{ code field message }} }} }}"""
    response = harness.client.graphql(document, {"input": values}, token=token)
    return response["errors"] if "errors" in response else response["data"][name]


def list_codes(payload: Any) -> list[tuple[str, Any]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


def by_version(version: str = VERSIONS[0], organization: str = "acme") -> dict[str, Any]:
    return {"key": {"organization": organization, "version": version}}


def count(harness: Harness, table: str, condition: str = "organization_id = 1") -> int:
    return int(harness.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0])


def read_total(harness: Harness, version: str) -> int | None:
    rows = harness.rows(f"SELECT total FROM version_artifacts WHERE organization_id = 1 AND version = '{version}'")
    return int(rows[0][0]) if rows else None


def list_files(harness: Harness, version: str) -> list[str]:
    sql = f"""SELECT f.id FROM release_files f JOIN releases r ON r.id = f.release_id
      WHERE r.organization_id = 1 AND r.version = '{version}' ORDER BY f.id"""
    return [to_global_id("ReleaseFile", key) for (key,) in harness.rows(sql)]


def test_release_files_are_deleted_by_id_and_all(harness_with_files: Harness) -> None:
    """The totals are those of what is left."""
    first, second, third = list_files(harness_with_files, VERSIONS[0])
    payload = delete(harness_with_files, "deleteReleaseFiles", {"release": by_version(), "ids": [second, second]})
    assert payload == {"deletedReleaseFileIds": [second], "userErrors": []}
    total = read_total(harness_with_files, VERSIONS[0])
    assert total is not None
    payload = delete(harness_with_files, "deleteReleaseFiles", {"release": by_version(), "all": True})
    assert sorted(payload["deletedReleaseFileIds"]) == sorted([first, third])
    assert read_total(harness_with_files, VERSIONS[0]) == total - 2
    assert len(list_files(harness_with_files, VERSIONS[1])) == 3
    assert (
        delete(harness_with_files, "deleteReleaseFiles", {"release": by_version(), "all": True})["deletedReleaseFileIds"]
        == []
    )
    assert (
        delete(harness_with_files, "deleteReleaseFiles", {"release": by_version(), "ids": []})["deletedReleaseFileIds"] == []
    )


def test_nothing_is_deleted_if_an_id_is_wrong(harness_with_files: Harness) -> None:
    own, foreign = list_files(harness_with_files, VERSIONS[0])[0], list_files(harness_with_files, VERSIONS[1])[0]
    values = {"release": by_version(), "ids": [own, foreign, to_global_id("Release", 1)]}
    payload = delete(harness_with_files, "deleteReleaseFiles", values)
    assert payload["deletedReleaseFileIds"] is None
    assert list_codes(payload) == [("RELEASE_FILE_NOT_FOUND", ["ids", "1"]), ("RELEASE_FILE_NOT_FOUND", ["ids", "2"])]
    assert payload["userErrors"][0]["message"] == f'No file of the release with the id "{foreign}" in acme.'
    assert len(list_files(harness_with_files, VERSIONS[0])) == 3


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, [("REQUIRED", ["ids"])]),
        ({"all": False}, [("REQUIRED", ["ids"])]),
        ({"ids": [], "all": True}, [("INVALID_CHOICE", ["all"])]),
        ({"ids": ["x"] * 1001}, [("TOO_LONG", ["ids"])]),
        ({"all": True, "release": by_version("absent")}, [("RELEASE_NOT_FOUND", ["release"])]),
        (
            {"all": True, "release": by_version(organization="other")},
            [("ORGANIZATION_NOT_FOUND", ["release", "key", "organization"])],
        ),
    ],
)
def test_wrong_inputs_have_codes(harness_with_files: Harness, values: dict[str, Any], codes: list[tuple[str, Any]]) -> None:
    payload = delete(harness_with_files, "deleteReleaseFiles", {"release": by_version()} | values)
    assert list_codes(payload) == codes


def test_bundle_is_taken_from_a_project_and_deleted_with_the_last(harness_with_files: Harness) -> None:
    bundle = {"id": to_global_id("ArtifactBundle", 1)}
    of_bundle = "organization_id = 1 AND artifact_bundle_id = 1"
    for project in ("api", "web"):
        assert count(harness_with_files, "artifact_bundles", "id = 1") == 1
        payload = delete(harness_with_files, "deleteArtifactBundle", {**bundle, "project": project})
        assert payload == {"deletedArtifactBundleId": bundle["id"], "userErrors": []}
        again = delete(harness_with_files, "deleteArtifactBundle", {**bundle, "project": project})
        assert list_codes(again) == [("ARTIFACT_BUNDLE_NOT_FOUND", ["id"])]
    assert (
        count(harness_with_files, "artifact_bundles", "id = 1")
        == count(harness_with_files, "artifact_files", of_bundle)
        == 0
    )
    assert count(harness_with_files, "artifact_bundle_versions", of_bundle) == 0


def test_bundle_is_deleted_for_all_projects(harness_with_files: Harness) -> None:
    payload = delete(harness_with_files, "deleteArtifactBundle", {"id": to_global_id("ArtifactBundle", 1)})
    assert payload["userErrors"] == []
    assert count(harness_with_files, "artifact_bundle_projects", "artifact_bundle_id = 1") == 0
    absent = delete(
        harness_with_files, "deleteArtifactBundle", {"id": to_global_id("ArtifactBundle", 2), "project": "absent"}
    )
    assert list_codes(absent) == [("PROJECT_NOT_FOUND", ["project"])]


def test_debug_file_is_deleted(harness_with_files: Harness) -> None:
    values = {"id": to_global_id("DebugFile", 1)}
    assert delete(harness_with_files, "deleteDebugFile", values) == {"deletedDebugFileId": values["id"], "userErrors": []}
    assert list_codes(delete(harness_with_files, "deleteDebugFile", values)) == [("DEBUG_FILE_NOT_FOUND", ["id"])]
    assert list_codes(delete(harness_with_files, "deleteDebugFile", {"id": "x"})) == [("DEBUG_FILE_NOT_FOUND", ["id"])]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_scopes(harness_with_files: Harness, name: str) -> None:
    """project:admin or project:releases; org:ci, which uploads, may not."""
    inputs: dict[str, dict[str, Any]] = {
        "deleteReleaseFiles": {"release": by_version(), "all": True},
        "deleteArtifactBundle": {"id": to_global_id("ArtifactBundle", 1)},
        "deleteDebugFile": {"id": to_global_id("DebugFile", 1)},
    }
    for scope in ("org:ci", "project:write", "project:read", "org:admin"):
        assert (
            delete(harness_with_files, name, inputs[name], harness_with_files.token(scope))[0]["extensions"]["code"]
            == "FORBIDDEN"
        )
    assert delete(harness_with_files, name, inputs[name], harness_with_files.token("project:releases"))["userErrors"] == []


def test_nothing_of_another_organization_is_deleted(harness_with_files: Harness) -> None:
    tables = ("release_files", "artifact_bundles", "artifact_bundle_projects", "debug_files")
    before = [count(harness_with_files, table, "organization_id = 2") for table in tables]
    for name, table, entity in (
        ("deleteArtifactBundle", "artifact_bundles", "ArtifactBundle"), ("deleteDebugFile", "debug_files", "DebugFile"),
    ):  # fmt: skip
        for (key,) in harness_with_files.rows(f"SELECT id FROM {table} WHERE organization_id = 2"):
            [(code, field)] = list_codes(delete(harness_with_files, name, {"id": to_global_id(entity, key)}))
            assert (code.endswith("_NOT_FOUND"), field) == (True, ["id"])
    for (key,) in harness_with_files.rows("SELECT id FROM release_files WHERE organization_id = 2"):
        values = {"release": by_version(), "ids": [to_global_id("ReleaseFile", key)]}
        assert list_codes(delete(harness_with_files, "deleteReleaseFiles", values)) == [
            ("RELEASE_FILE_NOT_FOUND", ["ids", "0"])
        ]
    assert [count(harness_with_files, table, "organization_id = 2") for table in tables] == before
    assert 0 not in before


def test_deleting_a_release_deletes_its_files_and_associations(harness_with_files: Harness) -> None:
    """Its bundles stay in their projects; those of other versions and organizations are as before."""
    of_version = "organization_id = 1 AND version = 'web@1.0.0'"
    tables = ("artifact_bundle_associations", "artifact_bundle_versions", "version_artifacts")
    assert all(count(harness_with_files, table, of_version) for table in tables)
    rest = [count(harness_with_files, table, f"NOT ({of_version})") for table in tables]
    bundles = count(harness_with_files, "artifact_bundles")
    assert harness_with_files.client.rest("DELETE", f"{RELEASES}{VERSIONS[0]}/").status == 204
    assert [count(harness_with_files, table, of_version) for table in tables] == [0, 0, 0]
    assert [count(harness_with_files, table, f"NOT ({of_version})") for table in tables] == rest
    assert count(harness_with_files, "release_files") == 3
    assert count(harness_with_files, "artifact_bundles") == bundles
