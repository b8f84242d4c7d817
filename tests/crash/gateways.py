"""Gateways as separate processes, and clients that write in both APIs and record acknowledged releases."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.factories import CREATE, as_graphql, commit, release
from tests.processes import Command, start

Process = Command | subprocess.Popen[bytes]
COMMITS = 5
"""Commits of each release that a client writes."""

COUNT_COMMITS = """SELECT r.version, count(c.commit_id) FROM releases r
LEFT JOIN release_commits c ON c.release_id = r.id GROUP BY r.id, r.version"""


@dataclass
class Gateway:
    """A serving process."""

    process: Process
    base: str
    token: str

    def post(self, path: str, body: Any, timeout: float = 30) -> tuple[int, Any]:
        """Send JSON by POST and return status and body. Raises OSError or HTTPException when the process has ended."""
        return self.send("POST", path, body, timeout)

    def send(self, method: str, path: str, body: Any = None, timeout: float = 30) -> tuple[int, Any]:
        """Send a request by any method and return status and body. Raises as `post` does."""
        request = urllib.request.Request(
            self.base + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def create(self, version: str, *, by_graphql: bool) -> int:
        """Create a release in one of the APIs and return the status: 503 also for the code UNAVAILABLE of GraphQL."""
        body = release(version, commits=[commit(number) for number in range(COMMITS)])
        if not by_graphql:
            return self.post("/api/0/organizations/acme/releases/", body)[0]
        status, response = self.post("/graphql", {"query": CREATE, "variables": {"input": as_graphql(body)}})
        if status == 200 and response.get("errors"):
            assert response["errors"][0]["extensions"]["code"] == "UNAVAILABLE", response
            return 503
        assert status != 200 or not response["data"]["createRelease"]["userErrors"], response
        return status

    def kill(self) -> None:
        """End the process by SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


@contextlib.contextmanager
def start_gateway(
    url: str, token: str, log: Path, *options: str, port: int | None = None, module: str = "gql_releases", **settings: str
) -> Iterator[Gateway]:
    """Serve a database, on a given or a free port, with more options of `serve`.

    `module` is the command line to run, such as one with shorter waits. Several workers run in a new Python process.
    """
    port = port or find_free_port()
    settings_environment = {f"GQL_RELEASES_{name.upper()}": value for name, value in settings.items()}
    environment = {
        "PATH": os.environ["PATH"],
        "GQL_RELEASES_DATABASE_URL": url,
        "GQL_RELEASES_LOG_LEVEL": "error",
        **settings_environment,
    }
    words = ["serve", "--port", str(port), *options]
    process: Process
    with log.open("ab") as out:
        if "--workers" in options:
            process = subprocess.Popen([sys.executable, "-m", module, *words], env=environment, stdout=out, stderr=out)
        else:
            process = start(*words, environment=environment, out=out, module=module)
    gateway = Gateway(process, f"http://127.0.0.1:{port}", token)
    try:
        _wait_until_it_listens(process, port, log)
        yield gateway
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def find_free_port() -> int:
    """Return a free port."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 60, pause: float = 0.05) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not hold in time"
        time.sleep(pause)


def _wait_until_it_listens(process: Process, port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise AssertionError("serve does not listen")


@dataclass
class Writers:
    """Threads that create releases in both APIs until `stop` is called or the gateway has ended."""

    name: str
    acknowledged: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self, gateway: Gateway, count: int = 4) -> None:
        """Start the threads."""
        for number in range(count):
            thread = threading.Thread(target=self._write, args=(gateway, number), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _write(self, gateway: Gateway, number: int) -> None:
        for turn in itertools.count():
            version = f"{self.name}-{number}-{turn}"
            if self.over.is_set():
                return
            try:
                status = gateway.create(version, by_graphql=bool(turn % 2))
            except (OSError, ValueError, http.client.HTTPException):  # the process was killed during the request
                return
            except BaseException as error:
                self.faults.append(error)
                return
            self.statuses[status] += 1
            if status in (200, 201, 208):
                self.acknowledged.append(version)

    def stop(self) -> None:
        """Stop the threads. Raises the first unexpected error of a writer."""
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        if self.faults:
            raise self.faults[0]


def assert_whole(rows: list[tuple[Any, ...]], acknowledged: list[str]) -> None:
    """Assert that every acknowledged release is stored and every stored release has all its commits."""
    commit_counts = dict(rows)
    assert not [version for version in acknowledged if version not in commit_counts]
    assert not {version: count for version, count in commit_counts.items() if count != COMMITS}
