"""A server of Amazon's S3 for tests: moto, as a process on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class ObjectServer:
    """A running server."""

    endpoint: str
    pid: int

    @property
    def options(self) -> dict[str, str]:
        """The options of a blob store for this server."""
        keys = {"access_key_id": "test", "secret_access_key": "test"}
        return {"endpoint": self.endpoint, "region": "us-east-1", **keys}

    def create_bucket(self, name: str) -> str:
        """Create a bucket and return its URL."""
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        return f"s3://{name}"


@contextlib.contextmanager
def run_object_server() -> Iterator[ObjectServer]:
    """Start a server, wait until it responds, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        _wait_for_port(port, process)
        yield ObjectServer(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the object server does not respond")
        time.sleep(0.05)
