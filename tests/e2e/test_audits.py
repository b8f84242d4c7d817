"""The audits of GraphQL over HTTP that npm's graphql-http brings."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, TOOLS, Served

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("with_token", [True, False])
def test_every_audit_is_passed(server: Served, with_token: bool) -> None:
    words = ["node", str(Path(__file__).parent / "audit.mjs"), str(TOOLS / "audit"), f"{server.base}/graphql"]
    path = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}"
    process = subprocess.run(
        [*words, *([server.token] if with_token else [])],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout)
    assert len(result) == 61
    assert {name: status for name, status in result.items() if status != "ok"} == {}
