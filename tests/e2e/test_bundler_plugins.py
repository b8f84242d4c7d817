"""Sentry's plugins of vite, webpack, rollup and esbuild, unmodified: a build uploads, and an error of what was built is symbolicated.

Vite's and webpack's version 11 have npm's `sentry` inside; the others run sentry-cli 2. `make e2e` builds with the newest plugin
of each bundler, `make soak` with all of tests/e2e/plugins.txt.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bundlers import BUNDLERS, CALLS, SOURCES, Checkout
from tests.e2e.conftest import ROOT, Served, query
from tests.scale import IN_SOAK

pytestmark = pytest.mark.e2e

NEWEST_VERSIONS = dict(reversed(BUNDLERS))
CASES = [
    pytest.param(bundler, version, marks=() if NEWEST_VERSIONS[bundler] == version else IN_SOAK)
    for bundler, version in BUNDLERS
]
IN_DOCUMENTATION = "sourcemaps: { disable: true }"
SYMBOLICATE = """query ($input: SymbolicateInput!) { symbolicate(input: $input) { message complete text frames {
  raw { url } symbolicated file line column function contextLine preContext postContext resolvedWith problem { code } } } }"""


@pytest.mark.parametrize(("bundler", "version"), CASES)
def test_error_of_a_built_application_is_symbolicated(server: Served, tmp_path: Path, bundler: str, version: str) -> None:
    checkout = Checkout(bundler, version, server, tmp_path)
    release = f"built-{bundler}-{version}"
    head = checkout.commit("one")
    printed = checkout.build(release)
    assert not re.search("error|warning:|fail", printed, re.IGNORECASE), printed
    shown = checkout.show(release)
    assert shown["dateReleased"], "finalized"
    assert (shown["commitCount"], shown["lastCommit"]["id"]) == (1, head)
    error = checkout.run_app()
    assert error.images, "the plugin registered the debug id"
    by_debug_id = symbolicate(server, checkout.slug, {"stack": {"text": error.stack}, "images": error.images})
    assert_original(by_debug_id, "DEBUG_ID")
    by_file_name = symbolicate(server, checkout.slug, {"stack": {"text": error.stack}, "release": release})
    assert_original(by_file_name, "FILE_NAME")
    assert by_file_name["text"] == by_debug_id["text"]
    for place in ({}, {"release": f"{release}-absent"}):
        unknown = symbolicate(server, checkout.slug, {"stack": {"text": error.stack}, **place})
        assert {frame["symbolicated"] for frame in unknown["frames"]} == {False}
    other = symbolicate(server, "api", {"stack": {"text": error.stack}, "images": error.images, "release": release})
    assert {frame["symbolicated"] for frame in other["frames"]} == {False}, "another project has no part in the upload"


def symbolicate(server: Served, project: str, more: dict[str, Any]) -> Any:
    """Return the symbolication of a stack."""
    document = query(server, SYMBOLICATE, {"input": {"organization": "acme", "project": project, **more}})
    return document["symbolicate"]


def assert_original(symbolication: Any, resolved_with: str) -> None:
    """Assert that the application's frames have their places in the original sources."""
    assert symbolication["message"] == "RangeError: nothing to add"
    frames = symbolication["frames"][: len(CALLS)]
    folder = frames[0]["file"].removesuffix("src/cart.ts")
    assert folder in ("", "./"), "as the bundler names sources"
    for frame, (file, line, statement) in zip(frames, CALLS, strict=True):
        assert (frame["symbolicated"], frame["problem"], frame["resolvedWith"]) == (True, None, resolved_with), frame
        assert (frame["file"], frame["line"]) == (folder + file, line)
        lines = SOURCES[file].splitlines()
        assert frame["contextLine"] == lines[line - 1]
        start = frame["contextLine"].index(statement)
        assert start < frame["column"] <= start + len(statement), frame
        assert frame["preContext"] == lines[max(line - 6, 0) : line - 1]
        assert frame["postContext"] == lines[line : line + 5]
    assert [frame["function"] for frame in frames[:3]] == ["addPrices", "checkout", "pay"]
    assert f"    at addPrices ({folder}src/cart.ts:10:{frames[0]['column']})" in symbolication["text"]


@pytest.mark.parametrize("version", [version for bundler, version in BUNDLERS if bundler == "vite"])
def test_plugin_that_does_not_upload_builds_without_complaint(server: Served, tmp_path: Path, version: str) -> None:
    assert IN_DOCUMENTATION in (ROOT / "docs" / "ci.md").read_text()
    checkout = Checkout("vite", version, server, tmp_path, slug=f"without-{version.replace('.', '-')}")
    head = checkout.commit("one")
    documented = f"documented-{version}"
    settings = {"setCommits": {"auto": True}, "deploy": {"env": "production"}}
    printed = checkout.build(documented, sourcemaps={"disable": True}, release=settings)
    assert not re.search("sentry|error|warn", printed.replace("sentry-vite-plugin · writeBundle", ""), re.IGNORECASE), (
        printed
    )
    release = checkout.show(documented)
    assert release["dateReleased"], "finalized"
    assert (release["commitCount"], release["lastCommit"]["id"]) == (1, head)
    assert release["lastCommit"]["repository"]["name"] == checkout.repository
    assert release["deployCount"] == 1
