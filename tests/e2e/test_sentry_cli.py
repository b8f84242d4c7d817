"""Sentry's own command line, unmodified, in both major versions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import TOOLS, Served

pytestmark = pytest.mark.e2e


class SentryCli:
    def __init__(self, version: str, served: Served, home: Path) -> None:
        self.program = TOOLS / version / "node_modules" / ".bin" / "sentry-cli"
        assert self.program.exists(), "run `make e2e`, which installs it"
        self.environment = {
            "PATH": served.environment["PATH"], "HOME": str(home), "SENTRY_URL": served.base,
            "SENTRY_AUTH_TOKEN": served.token, "SENTRY_ORG": "acme", "SENTRY_PROJECT": "web",
            "SENTRY_DISABLE_UPDATE_CHECK": "1", "NO_COLOR": "1",
        }  # fmt: skip
        self.home = home

    def __call__(self, *words: str, ends: int = 0, **more: str) -> str:
        environment = {name: value for name, value in (self.environment | more).items() if value}
        done = subprocess.run(
            [self.program, *words], env=environment, cwd=self.home, capture_output=True, text=True, timeout=60, check=False
        )
        output = done.stdout + done.stderr
        assert done.returncode == ends, output
        return output


@pytest.mark.parametrize("version", ["2.58.6", "3.8.0"])
@pytest.mark.parametrize("project", ["web", ""])
def test_release_commands_work_unmodified(served: Served, tmp_path: Path, version: str, project: str) -> None:
    cli = SentryCli(version, served, tmp_path)
    release = f"cli@{version}+{project or 'none'}"
    odd = f"cli flow #{version}?%41{project}"
    assert cli("--version").startswith(f"sentry-cli {version}")
    for name in (release, odd):
        assert f"Created release {name}" in cli("releases", "new", name)
        assert f"Created release {name}" in cli("releases", "new", name)
    assert re.search(rf"\(unreleased\) +\| {re.escape(release)} ", cli("releases", "list", SENTRY_PROJECT=project))
    assert re.search(rf"\| {re.escape(release)} +\| \d{{4}}-", cli("releases", "info", release, SENTRY_PROJECT=project))
    cli("releases", "info", release + "-absent", ends=1, SENTRY_PROJECT=project)
    assert f"Finalized release {release}" in cli("releases", "finalize", release, SENTRY_PROJECT=project)
    assert re.search(rf"ago +\| {re.escape(release)} ", cli("releases", "list", SENTRY_PROJECT=project))
    assert "Created release" in cli("releases", "new", release), "a repetition keeps the date"
    assert re.search(rf"ago +\| {re.escape(release)} ", cli("releases", "list", SENTRY_PROJECT=project))
    assert "Archived release" in cli("releases", "archive", release)
    assert "Restored release" in cli("releases", "restore", release)
    for name in (release, odd):
        assert f"Deleted release {name}" in cli("releases", "delete", name, SENTRY_PROJECT=project)
    assert "Did nothing" in cli("releases", "delete", release, SENTRY_PROJECT=project)
    cli("releases", "info", release, ends=1, SENTRY_PROJECT=project)


def test_wrong_token_ends_in_an_error(served: Served, tmp_path: Path) -> None:
    cli = SentryCli("3.8.0", served, tmp_path)
    assert "Invalid token" in cli("releases", "new", "x", ends=1, SENTRY_AUTH_TOKEN="wrong")
