"""Hostile requests against a served process: what each costs the server in CPU, while a second client reads on.

    .venv/bin/python benchmarks/hostile.py

For each request of tests/hostile.py: the server's CPU time for it, and the slowest of the point reads that another client
made meanwhile. Times swing with the machine.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.hostile import HOSTILE

READ = json.dumps({"query": "{ viewer { token { name } } }"}).encode()
TICKS = os.sysconf("SC_CLK_TCK")


def post(port: int, token: str, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST", "/graphql", body, {"content-type": "application/json", "authorization": f"Bearer {token}"}
        )
        return connection.getresponse().read()
    finally:
        connection.close()


def cpu_of(process: int) -> float:
    """Give the milliseconds of CPU that a process has used (Linux), to a clock tick."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / TICKS


class Reader(threading.Thread):
    """A second client that reads until it is stopped."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self._port, self._token = port, token
        self.slowest, self.count, self.running = 0.0, 0, True

    def run(self) -> None:
        while self.running:
            begun = time.perf_counter()
            assert b'"name"' in post(self._port, self._token, READ)
            self.slowest = max(self.slowest, 1000 * (time.perf_counter() - begun))
            self.count += 1
            time.sleep(0.005)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        environment = {**os.environ, "GQL_RELEASES_DATABASE_URL": f"sqlite:///{folder}/x.db"}
        command = [sys.executable, "-m", "gql_releases"]
        for words in (["migrate"], ["org", "create", "acme"]):
            subprocess.run([*command, *words], env=environment, check=True, stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [*command, "token", "create", "acme", "--scope", "project:read"],
            env=environment,
            check=True,
            capture_output=True,
        )
        token = made.stdout.decode().strip()
        server = subprocess.Popen([*command, "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL)
        try:
            measure(server.pid, port, token)
        finally:
            server.terminate()
            server.wait(10)


def measure(server: int, port: int, token: str) -> None:
    for _ in range(100):
        try:
            post(port, token, READ)
            break
        except OSError:
            time.sleep(0.1)
    print(f"{'request':48} {'CPU ms':>7} {'slowest read':>13} {'reads':>6}  refused by")
    for name, (body, _) in HOSTILE.items():
        best = min((once(server, port, token, body) for _ in range(5)), key=lambda one: one[0])
        error = best[3]["errors"][0]
        by = error.get("extensions", {}).get("limit") or error["message"][:40]
        print(f"{name:48} {best[0]:7.0f} {best[1]:10.1f} ms {best[2]:6}  {by}")


def once(server: int, port: int, token: str, body: bytes) -> tuple[float, float, int, Any]:
    idle = cpu_of(server)
    answer = json.loads(post(port, token, body))
    spent = cpu_of(server) - idle
    reader = Reader(port, token)
    reader.start()
    time.sleep(0.02)
    post(port, token, body)
    reader.running = False
    reader.join(60)
    return spent, reader.slowest, reader.count, answer


if __name__ == "__main__":
    main()
