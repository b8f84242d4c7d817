"""A wheel, installed where nothing else is, does everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, free_port, wait_for

pytestmark = pytest.mark.e2e


def test_installed_wheel_serves_with_migrations_and_graphiql(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("0001_the_first_tables.py") for name in names)
    assert any(name.startswith("gql_releases/web/graphiql/assets/") for name in names)
    assert "gql_releases/py.typed" in names
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    program = tmp_path / "venv" / "bin" / "gql-releases"
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", wheel], check=True, cwd=tmp_path
    )
    environment = {"PATH": os.environ["PATH"]}

    def run(*words: str) -> str:
        return subprocess.run(
            [program, *words], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    assert "type Query" in run("schema")
    run("migrate")
    run("org", "create", "acme")
    run("project", "create", "acme", "web", "--name", "The web")
    built = json.loads(run("token", "create", "acme", "--scope", "org:ci", "--expires", "1", "--json"))
    assert set(built) == {"token", "id", "scopes", "expiresAt"}
    assert built["token"] not in run("token", "list", "acme")
    port = free_port()
    process = subprocess.Popen([program, "serve", "--port", str(port), "--workers", "2"], env=environment, cwd=tmp_path)
    try:
        wait_for(process, port)
        page = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", headers={"Accept": "text/html"})
        text = urllib.request.urlopen(page, timeout=30).read().decode()
        script = text.split('src="')[1].split('"')[0]
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}{script}", timeout=30).status == 200
        requests = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/0/organizations/acme/releases/",
            json.dumps({"version": "1", "projects": ["web"]}).encode(),
            {"Authorization": f"Bearer {built['token']}", "Content-Type": "application/json"},
        )
        assert urllib.request.urlopen(requests, timeout=30).status == 201
    finally:
        process.terminate()
        process.wait(20)
    run("token", "revoke", "acme", str(built["id"]))
    assert "revoked" in run("token", "list", "acme")
    assert (tmp_path / "gql-releases.db").exists()
