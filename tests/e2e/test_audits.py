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
def test_every_audit_is_passed(served: Served, with_token: bool) -> None:
    words = ["node", str(Path(__file__).parent / "audit.mjs"), str(TOOLS / "audit"), f"{served.base}/graphql"]
    path = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}"
    done = subprocess.run(
        [*words, *([served.token] if with_token else [])],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 61
    assert {name: status for name, status in found.items() if status != "ok"} == {}
