"""The benchmark runs: a tiny store, the floor, the project and plain Strawberry, their answers and writes compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_servers_answer_alike(database: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ["--database", database, "--releases", "50", "--rounds", "1", "--seconds", "0.2"]
    # Not below tmp_path: another run of pytest takes away the permissions that PostgreSQL's own user needs there.
    with tempfile.TemporaryDirectory() as cache:
        process = subprocess.run(
            [sys.executable, "benchmarks/run.py", *words, "--servers", "floor,ours,plain", "--own-load", "--no-check", "--json", str(report)],
            cwd=ROOT, env={**os.environ, "BENCH_CACHE": cache}, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
    assert process.returncode == 0, process.stderr[-3000:]
    built = json.loads(report.read_text())
    measured = {(row["item"], row["server"]) for row in built["summary"] if row["rps"] > 0}
    assert {item for item, _ in measured} == {"Q1", "Q2", "Q3", "S1", "R1", "W1", "M1", "M2"}
    assert {server for _, server in measured} == {"echo", "floor", "ours", "plain"}
