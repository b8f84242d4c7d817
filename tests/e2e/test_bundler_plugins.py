"""Sentry's plugin of Vite, unmodified, in two majors: a build in a git checkout, with its own settings and with docs/ci.md's.

Version 5 runs sentry-cli 2; version 11 has npm's `sentry` inside, sends refs alone, and says of a refusal what HTTP says.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, TOOLS, Served, ask, create_project

pytestmark = pytest.mark.e2e

PLUGINS = [tuple(line.split()) for line in (ROOT / "tests" / "e2e" / "plugins.txt").read_text().splitlines()]
VERSIONS = [version for _, version, _ in PLUGINS]
CONFIGURATION = """import { createRequire } from "node:module";
const require = createRequire(process.env.TOOL + "/package.json");
const { sentryVitePlugin } = require("@sentry/vite-plugin");
export default {
  build: { sourcemap: true },
  plugins: [sentryVitePlugin({ org: "acme", telemetry: false, ...JSON.parse(process.env.OPTIONS) })],
};
"""
IN_DOCUMENTATION = "sourcemaps: { disable: true }"


class Checkout:
    """A git checkout with an application that Vite can build, and a project with a default repository."""

    def __init__(self, version: str, server: Served, folder: Path) -> None:
        self.server, self.work = server, folder / "work"
        self.work.mkdir()
        (folder / "home").mkdir()
        self.tool = TOOLS / f"vite-plugin-{version}"
        assert (self.tool / "node_modules" / ".bin" / "vite").exists(), "run `make e2e`, which installs it"
        self.slug = f"vite-{version.replace('.', '-')}"
        self.repository = f"acme/{self.slug}"
        create_project(server, self.slug, self.repository)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "NO_COLOR": "1", "TOOL": str(self.tool),
            "SENTRY_URL": server.base, "SENTRY_AUTH_TOKEN": server.token, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com", "RUST_BACKTRACE": "0",
        }  # fmt: skip
        (self.work / "index.html").write_text('<script type="module" src="/app.js"></script>')
        (self.work / "app.js").write_text("console.log(1);")
        (self.work / "vite.config.mjs").write_text(CONFIGURATION)
        self._run("git", "init", "-q")
        self._run("git", "remote", "add", "origin", f"https://git.example.com/{self.repository}.git")

    def commit(self, text: str) -> str:
        """Make a commit and return its sha."""
        (self.work / "text").write_text(text)
        self._run("git", "add", "--all")
        self._run("git", "commit", "-q", "-m", text)
        return self._run("git", "rev-parse", "HEAD").strip()

    def build(self, name: str, **options: Any) -> str:
        """Build a release with options of the plugin and return what was printed."""
        named = {"name": name, **options.pop("release", {})}
        self.environment["OPTIONS"] = json.dumps({"project": self.slug, "release": named, **options})
        return self._run(str(self.tool / "node_modules" / ".bin" / "vite"), "build")

    def show(self, release: str) -> dict[str, Any]:
        """Return a release as the REST API shows it."""
        result = ask(self.server, f"/api/0/organizations/acme/releases/{release}/")
        assert isinstance(result, dict)
        return result

    def _run(self, *words: str) -> str:
        process = subprocess.run(
            words, env=self.environment, cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout + process.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_plugin_prints_the_sentence_and_builds_without_complaint_as_documented(
    server: Served, tmp_path: Path, version: str
) -> None:
    assert IN_DOCUMENTATION in (ROOT / "docs" / "ci.md").read_text()
    checkout = Checkout(version, server, tmp_path)
    head = checkout.commit("one")
    default, documented = f"default-{version}", f"documented-{version}"
    printed = checkout.build(default)
    assert re.search(r"501.*This server does not keep |This server does not keep .*501", printed), printed
    assert "docs/ci.md" in printed
    assert "not found" not in printed
    second = checkout.commit("two")
    settings = {"setCommits": {"auto": True}, "deploy": {"env": "production"}}
    printed = checkout.build(documented, sourcemaps={"disable": True}, release=settings)
    assert not re.search("sentry|error|warn", printed.replace("sentry-vite-plugin · writeBundle", ""), re.IGNORECASE), (
        printed
    )
    for name, sha in ((default, head), (documented, second)):
        release = checkout.show(name)
        assert release["dateReleased"], "finalized"
        assert (release["commitCount"], release["lastCommit"]["id"]) == (1, sha), name
        assert release["lastCommit"]["repository"]["name"] == checkout.repository
    assert checkout.show(documented)["deployCount"] == 1
