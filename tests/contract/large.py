"""A release of 10,000 commits with 10 file changes each, and a client that reads and takes the time meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.crash.gateways import Gateway
from tests.factories import CREATE, as_graphql, commit, release

COMMITS, CHANGES = 10_000, 10
MODULES = 97
PATHS = MODULES * CHANGES
"""Paths that the commits changed."""
REST = "/api/0/organizations/acme/releases/"
EVERY = 0.02
"""Seconds between reads."""
SMALL = "small@1.0.0"
"""A release that is there, and is read meanwhile."""
READ = """query ($version: String!) { release(by: {key: {organization: "acme", version: $version}}) {
  version status dateCreated commitCount projects(first: 5) { nodes { slug } } commits(first: 5) { nodes { sha message } } } }"""


def large_release(version: str) -> dict[str, Any]:
    """The release as REST has it. Lists overlap as in real histories: each file is changed by many commits."""
    commits = [
        commit(
            number,
            message=f"Change number {number}\n\nIt says at some length what it does, and why, as good commits do.",
            author_email=f"ada-{number % 50}@example.com",
            patch_set=[
                {"path": f"packages/web/src/module-{number % MODULES}/part-{n}.ts", "type": "M"} for n in range(CHANGES)
            ],
        )
        for number in range(COMMITS)
    ]
    return release(version, commits=commits)


def request_for(version: str, *, by_graphql: bool) -> tuple[str, bytes]:
    """Give the path and the body of the creation."""
    body = large_release(version)
    if not by_graphql:
        return REST, json.dumps(body).encode()
    document = CREATE.replace("first: 100", "first: 5")
    return "/graphql", json.dumps({"query": document, "variables": {"input": as_graphql(body)}}).encode()


class QueryConnection(contextlib.AbstractContextManager["QueryConnection"]):
    """A connection that stays open."""

    def __init__(self, gateway: Gateway) -> None:
        where = urlsplit(gateway.base)
        self.gateway = gateway
        self.connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        """Send a request and give the status, the headers and the body."""
        headers = {"Authorization": f"Bearer {self.gateway.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def query(self, document: str, **variables: Any) -> Any:
        """Ask over GraphQL and give the data."""
        status, _, body = self.ask("POST", "/graphql", json.dumps({"query": document, "variables": variables}).encode())
        answer = json.loads(body)
        assert (status, answer.get("errors")) == (200, None), answer
        return answer["data"]


@dataclass
class Times:
    """What reads took, in milliseconds."""

    taken: list[float] = field(default_factory=list)

    def share(self, part: float) -> float:
        """Give the time that this part of the reads took at most."""
        return sorted(self.taken)[min(int(len(self.taken) * part), len(self.taken) - 1)]

    def __str__(self) -> str:
        return f"n={len(self.taken)} p50={self.share(0.5):.1f} p99={self.share(0.99):.1f} max={self.share(1):.1f} ms"


@contextlib.contextmanager
def reading(gateway: Gateway) -> Iterator[Times]:
    """Read one small release 50 times a second, by both apis in turns.

    What a read took counts from when it was due: one that is late because another one was slow is slow, too.
    """
    over, times, faults = threading.Event(), Times(), []
    document = json.dumps({"query": READ, "variables": {"version": SMALL}}).encode()
    ways = itertools.cycle((("POST", "/graphql", document), ("GET", REST + SMALL + "/", None)))

    def read() -> None:
        due = time.perf_counter()
        try:
            with QueryConnection(gateway) as line:
                while not over.wait(max(0, due - time.perf_counter())):
                    status, _, body = line.ask(*next(ways))
                    times.taken.append(1000 * (time.perf_counter() - due))
                    assert (status, SMALL.encode() in body) == (200, True), body
                    due += EVERY
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join(60)
    if faults:
        raise faults[0]


def peak_memory(gateway: Gateway) -> float:
    """Give the most memory that the gateway had, in MB (VmHWM)."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
