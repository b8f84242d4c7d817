"""A served process with the demo, for clients that know nothing of us."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv" / "e2e"


@dataclass
class Served:
    base: str
    token: str
    environment: dict[str, str]


def free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        assert process.poll() is None, "serve ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise AssertionError("serve does not listen")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": f"sqlite:///{folder}/releases.db"}
    program = [sys.executable, "-m", "gql_releases"]

    def run(*words: str) -> str:
        return subprocess.run([*program, *words], env=environment, check=True, capture_output=True, text=True).stdout

    run("migrate")
    run("demo")
    scopes = ("org:read", "org:ci", "project:read", "project:write", "project:admin", "project:releases")
    token = json.loads(
        run("token", "create", "acme", "--name", "e2e", "--json", *(w for s in scopes for w in ("--scope", s)))
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*program, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log)
        wait_for(process, port)
        yield Served(f"http://127.0.0.1:{port}", token["token"], environment)
        process.terminate()
        process.wait(20)
    assert b"Traceback" not in (folder / "log").read_bytes()
