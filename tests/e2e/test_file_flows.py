"""Scripts beside the checkout that take unmodified sentry-cli through whole workflows; files of releases are part of each."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.conftest import SHARED
from tests.e2e.conftest import TOOLS, Served, ask

pytestmark = pytest.mark.e2e

FLOWS = [
    ("files-flow.sh", "3.8.0"),
    ("files-flow.sh", "2.58.6"),
    ("files-flow.sh", "2.21.2"),
    ("cli-flow-3.sh", "3.8.0"),
    ("cli-flow-2.sh", "2.58.6"),
]
SKIPPED = {
    "releases files: sentry-cli 3 has no such command",
    "debug-files upload: no gcc",
}
"""Steps that may be left out."""


@pytest.mark.parametrize(("script", "version"), FLOWS)
def test_flow_passes_whole(server: Served, script: str, version: str) -> None:
    path = SHARED / "clients" / script
    if not path.is_file():
        pytest.skip(f"NOT TESTED: there is no {path.name} beside the checkout")
    tool = TOOLS / f"sentry-cli-{version}"
    program = next(
        (path for path in (tool / "node_modules/.bin/sentry-cli", tool / "bin/sentry-cli") if path.exists()), None
    )
    assert program, "run `make e2e`, which installs it"
    key = ask(server, "/api/0/projects/acme/web/keys/")[0]
    process = subprocess.run(
        ["bash", str(path), server.base, server.token, "acme", "web"],
        env={
            "PATH": os.environ["PATH"],
            "SENTRY_CLI": str(program),
            "FLOW_PROJECT2": "api",
            "FLOW_DSN": key["dsn"]["public"],
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    assert "FAIL" not in output
    assert set(re.findall(r"^SKIP  (.*)$", output, re.MULTILINE)) <= SKIPPED, output
    assert re.search(r"^# (\d+) passed, 0 failed", output, re.MULTILINE), output
