"""Source maps by sentry-cli and npm's `sentry`, unmodified: repeated uploads, and the same files for several releases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Served, query
from tests.e2e.sample_files import read_debug_id, write_script
from tests.e2e.test_sentry_cli import CLI, SENTRY, Program
from tests.scale import IN_SOAK

pytestmark = pytest.mark.e2e

VERSIONS = [pytest.param(version, marks=() if version == CLI[0] else IN_SOAK) for version in CLI]
BUNDLES = """query ($bundle: String!) { organization(slug: "acme") { projects(last: 20) { nodes { slug
  artifactBundles(first: 10, query: $bundle) { nodes { bundleId fileCount
    projects(first: 10) { nodes { slug } }
    associations(first: 10) { nodes { version dist release { version } } } } } } } } }"""
ARTIFACT = """query ($id: String!) { artifact(organization: "acme", project: "web", debugId: $id) {
  bundle { bundleId } sourceMap { type } minifiedSource { type } } }"""
SYMBOLICATE = """query ($input: SymbolicateInput!) { symbolicate(input: $input) {
  frames { file line column function resolvedWith problem { code } } } }"""


def symbolicate(server: Served, script: Path, debug_id: str) -> Any:
    """Return the frame of the error of a script that has a debug id; a client has moved its lines."""
    line = next(number for number, text in enumerate(script.read_text().splitlines(), 1) if text.startswith("function c"))
    values = {
        "organization": "acme",
        "project": "web",
        "images": [{"codeFile": "app:///cart.min.js", "debugId": debug_id}],
        "stack": {"text": f"c@app:///cart.min.js:{line}:29"},
    }
    [frame] = query(server, SYMBOLICATE, {"input": values})["symbolicate"]["frames"]
    return frame


def list_bundles(server: Served, bundle_id: str) -> Any:
    """Return the bundles of project web with an id."""
    projects = query(server, BUNDLES, {"bundle": bundle_id})["organization"]["projects"]["nodes"]
    [web] = (project for project in projects if project["slug"] == "web")
    return web["artifactBundles"]["nodes"]


@pytest.mark.parametrize("version", VERSIONS)
def test_same_files_for_other_releases_dists_and_projects_add_associations(
    server: Served, tmp_path: Path, version: str
) -> None:
    cli = Program("sentry-cli", version, server, tmp_path)
    script = write_script(cli.work / "dist")
    assert "Modified" in cli("sourcemaps", "inject", "dist")
    debug_id = read_debug_id(script)
    releases = {name: f"maps@{version}-{name}" for name in ("first", "second")}
    cli("releases", "new", releases["first"])
    upload = ("sourcemaps", "upload", "--wait", "dist")
    first = (*upload, "--release", releases["first"])
    assert "File processing complete" in cli(*first)
    for _ in range(2):
        assert "Nothing to upload" in cli(*first)
    bundle_id = query(server, ARTIFACT, {"id": debug_id})["artifact"]["bundle"]["bundleId"]
    [bundle] = list_bundles(server, bundle_id)
    assert bundle["associations"]["nodes"] == [
        {"version": releases["first"], "dist": None, "release": {"version": releases["first"]}}
    ]
    cli(*upload, "--release", releases["second"])
    cli(*upload, "--release", releases["second"], "--dist", "7")
    cli(*upload, "--release", releases["second"], SENTRY_PROJECT="api")
    bundles = list_bundles(server, bundle_id)
    assert len(bundles) == 1
    assert bundles[0]["fileCount"] == bundle["fileCount"] == 2
    assert sorted(project["slug"] for project in bundles[0]["projects"]["nodes"]) == ["api", "web"]
    associations = {(node["version"], node["dist"]): node["release"] for node in bundles[0]["associations"]["nodes"]}
    assert associations == {
        (releases["first"], None): {"version": releases["first"]},
        (releases["second"], None): None,
        (releases["second"], "7"): None,
    }
    cli("releases", "new", releases["second"])
    nodes = list_bundles(server, bundle_id)[0]["associations"]["nodes"]
    assert {node["release"]["version"] for node in nodes} == set(releases.values()), "a release that was created later"
    frame = symbolicate(server, script, debug_id)
    assert (frame["line"], frame["column"], frame["resolvedWith"]) == (3, 5, "DEBUG_ID")


@pytest.mark.parametrize("version", SENTRY)
def test_npms_sentry_uploads_source_maps(server: Served, tmp_path: Path, version: str) -> None:
    sentry = Program("sentry", version, server, tmp_path)
    script = write_script(sentry.work / "dist")
    release = f"npm-maps@{version}"
    printed = sentry("sourcemap", "upload", "dist", "--release", release)
    assert not re.search("error|fail", printed, re.IGNORECASE), printed
    debug_id = read_debug_id(script)
    artifact = query(server, ARTIFACT, {"id": debug_id})["artifact"]
    assert (artifact["sourceMap"]["type"], artifact["minifiedSource"]["type"]) == ("SOURCE_MAP", "MINIFIED_SOURCE")
    frame = symbolicate(server, script, debug_id)
    assert (frame["file"], frame["line"], frame["column"], frame["function"]) == ("src/cart.js", 3, 5, "checkout")
    assert frame["resolvedWith"] == "DEBUG_ID"
    sentry("sourcemap", "upload", "dist", "--release", release)
    [bundle] = list_bundles(server, artifact["bundle"]["bundleId"])
    assert [node["version"] for node in bundle["associations"]["nodes"]] == [release]
