"""A server process with the demo, for clients that know nothing of us."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.databases import ON_POSTGRES, Databases
from tests.object_server import run_object_server

pytest.register_assert_rewrite("tests.e2e.recording_proxy", "tests.e2e.sdks")

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv" / "e2e"
CLIENTS = TOOLS / "clients"


@dataclass
class Served:
    base: str
    token: str
    environment: dict[str, str]


def free_port() -> int:
    with contextlib.closing(socket.socket()) as result:
        result.bind(("127.0.0.1", 0))
        port: int = result.getsockname()[1]
        return port


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        assert process.poll() is None, "serve ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise AssertionError("serve does not listen")


SCOPES = ("org:read", "org:write", "org:ci", "project:read", "project:write", "project:admin", "project:releases")


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """Serve a store of its own with the demo, as another process."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": f"sqlite:///{folder}/releases.db"}
    environment |= {f"GQL_RELEASES_{name.upper()}": value for name, value in settings.items()}
    program = [sys.executable, "-m", "gql_releases"]

    def run(*words: str) -> str:
        return subprocess.run([*program, *words], env=environment, check=True, capture_output=True, text=True).stdout

    run("migrate")
    run("demo")
    token = json.loads(
        run("token", "create", "acme", "--name", "e2e", "--json", *(w for s in SCOPES for w in ("--scope", s)))
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*program, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log)
        try:
            wait_for(process, port)
            yield Served(f"http://127.0.0.1:{port}", token["token"], environment)
        finally:
            process.terminate()
            process.wait(20)
    assert b"Traceback" not in (folder / "log").read_bytes()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Served]:
    """A store with files: on SQLite in the folder beside it, on PostgreSQL in a bucket."""
    folder = tmp_path_factory.mktemp("server")
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(bucket(folder)) if ON_POSTGRES else {}
        yield stack.enter_context(serving(folder, database_url=databases.empty(folder), **files))


@contextlib.contextmanager
def bucket(folder: Path) -> Iterator[dict[str, str]]:
    """Run a server of S3 and yield the settings for files in a bucket of it."""
    with run_object_server() as objects:
        yield {
            "files": f"{objects.create_bucket('releases')}/files",
            "files_work_folder": str(folder / "work"),
            **{f"files_{name}": value for name, value in objects.options.items()},
        }


def create_project(server: Served, slug: str, repository: str | None) -> None:
    """Create a project, with a default repository if one is named."""
    document = "mutation ($input: CreateProjectInput!) { createProject(input: $input) { userErrors { message } } }"
    body = {"query": document, "variables": {"input": {"organization": "acme", "slug": slug, "repository": repository}}}
    answer = ask(server, "/graphql", body)
    assert answer == {"data": {"createProject": {"userErrors": []}}}


def ask(server: Served, path: str, body: Any = None) -> Any:
    """Send a request with the token of the fixture and return the JSON of its answer."""
    headers = {"authorization": f"Bearer {server.token}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(server.base + path, data, headers), timeout=10) as answer:
        return json.load(answer)


def query(server: Served, document: str, variables: dict[str, Any]) -> Any:
    """Run an operation of GraphQL with the token of the fixture and return its data."""
    response = ask(server, "/graphql", {"query": document, "variables": variables})
    assert "errors" not in response, response
    return response["data"]


def make_folder(path: Path) -> Path:
    """Make a folder and return it."""
    path.mkdir()
    return path


FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP foreign.test 127.0.0.1, MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip


@pytest.fixture
def page() -> Any:
    """A page of a headless browser that can reach nothing but this machine."""
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED: playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("NOT TESTED: there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page(viewport={"width": 1400, "height": 900})
        browser.close()


def run_node(
    script: str, *words: str, folder: Path | None = None, program: str = "node", ends: tuple[int, ...] = (0,)
) -> str:
    """Run a script, or a program of npm, in the folder of clients and give what it printed; `ends` are codes that are well."""
    path = f"{CLIENTS / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}"
    process = subprocess.run(
        [program, script, *words],
        cwd=folder or CLIENTS,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode in ends, process.stdout + process.stderr
    return process.stdout
