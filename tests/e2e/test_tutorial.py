"""docs/tutorial.md: its commands run one after the other, unchanged, in one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, TOOLS, Served

pytestmark = pytest.mark.e2e

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```\n(?:<!-- prints: (.*?) -->)?", TUTORIAL, re.DOTALL)
SET_UP = ("make run\n", "npm install --global @sentry/cli\n")
"""Blocks in whose place the test has a server and a client of its own."""


def test_commands_print_what_the_tutorial_says(server: Served, tmp_path: Path) -> None:
    assert [text for text, _ in BLOCKS if text in SET_UP] == list(SET_UP)
    blocks = [(text, prints) for text, prints in BLOCKS if text not in SET_UP]
    assert len(blocks) == 3
    assert all(prints for _, prints in blocks)
    script = "\n".join(f"{text}\necho 'end of a block'" for text, _ in blocks)
    script = script.replace(".venv/bin/gql-releases", f"{sys.executable} -m gql_releases")
    script = script.replace("http://127.0.0.1:8000", server.base)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "https://git.example.com/acme/shop.git"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "Add the basket"], check=True)
    client = TOOLS / "sentry-cli-3.8.0" / "node_modules" / ".bin"
    environment = server.environment | {
        "PATH": f"{client}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "SENTRY_DISABLE_UPDATE_CHECK": "1",
    }
    result = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for printed, (_, expected) in zip(result.stdout.split("end of a block\n"), blocks, strict=False):
        assert expected in printed, result.stdout
