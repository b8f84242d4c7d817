"""Gateways as processes of their own, and clients that write through both doors and remember what was acknowledged."""

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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.factories import CREATE, as_graphql, commit, release
from tests.processes import Command, start

Process = Command | subprocess.Popen[bytes]
COMMITS = 5
"""Commits of each release that a client writes."""


@dataclass
class Gateway:
    """A serving process."""

    process: Process
    base: str
    token: str

    def post(self, path: str, body: Any, timeout: float = 30) -> tuple[int, Any]:
        """Send JSON and give the status and the answer. Raises OSError or HTTPException when the process is gone."""
        return self.ask("POST", path, body, timeout)

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 30) -> tuple[int, Any]:
        """Send a request as `post` does, by any method."""
        request = urllib.request.Request(
            self.base + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def create(self, version: str, *, by_graphql: bool) -> int:
        """Create a release by one of the doors and give the status: 503 also when GraphQL says UNAVAILABLE."""
        body = release(version, commits=[commit(number) for number in range(COMMITS)])
        if not by_graphql:
            return self.post("/api/0/organizations/acme/releases/", body)[0]
        status, answer = self.post("/graphql", {"query": CREATE, "variables": {"input": as_graphql(body)}})
        if status == 200 and answer.get("errors"):
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE", answer
            return 503
        assert status != 200 or not answer["data"]["createRelease"]["userErrors"], answer
        return status

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


@contextlib.contextmanager
def gateway(
    url: str, token: str, log: Path, *options: str, port: int | None = None, module: str = "gql_releases", **settings: str
) -> Iterator[Gateway]:
    """Serve a database, on a port where it must be a known one; more options of `serve` can be given.

    `module` is the command line that is run: one with shorter waits, maybe. With several workers it is a Python of its own.
    """
    port = port or free_port()
    more = {f"GQL_RELEASES_{name.upper()}": value for name, value in settings.items()}
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": url, "GQL_RELEASES_LOG_LEVEL": "error", **more}
    words = ["serve", "--port", str(port), *options]
    process: Process
    with log.open("ab") as out:
        if "--workers" in options:
            process = subprocess.Popen([sys.executable, "-m", module, *words], env=environment, stdout=out, stderr=out)
        else:
            process = start(*words, environment=environment, out=out, module=module)
    made = Gateway(process, f"http://127.0.0.1:{port}", token)
    try:
        _wait_until_it_listens(process, port, log)
        yield made
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until_it_listens(process: Process, port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise AssertionError("serve does not listen")


@dataclass
class Writers:
    """Threads that create releases through both doors until they are told to stop, or the gateway is gone."""

    name: str
    acknowledged: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self, to: Gateway, count: int = 4) -> None:
        """Begin to write."""
        for number in range(count):
            thread = threading.Thread(target=self._write, args=(to, number), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _write(self, to: Gateway, number: int) -> None:
        for turn in itertools.count():
            version = f"{self.name}-{number}-{turn}"
            if self.over.is_set():
                return
            try:
                status = to.create(version, by_graphql=bool(turn % 2))
            except (OSError, ValueError, http.client.HTTPException):  # the process was killed while it answered
                return
            except BaseException as error:
                self.faults.append(error)
                return
            self.statuses[status] += 1
            if status in (200, 201, 208):
                self.acknowledged.append(version)

    def stop(self) -> None:
        """Let the writers end. What they met that should not be is raised."""
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        if self.faults:
            raise self.faults[0]


WHOLE = """SELECT r.version, count(c.commit_id) FROM releases r
LEFT JOIN release_commits c ON c.release_id = r.id GROUP BY r.id, r.version"""


def assert_whole(rows: list[tuple[Any, ...]], acknowledged: list[str]) -> None:
    """Every acknowledged release is there, and every release that is there has all its commits."""
    found = dict(rows)
    assert not [version for version in acknowledged if version not in found]
    assert not {version: count for version, count in found.items() if count != COMMITS}
