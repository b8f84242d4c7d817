"""The worst requests that are allowed, against a served process, while a second client makes point reads.

    .venv/bin/python benchmarks/hostile.py                      # both databases
    .venv/bin/python benchmarks/hostile.py --database sqlite --only path --runs 1

For each kind of request: how often it was answered, and the p99 of at least 1,000 point reads that were made meanwhile (the
median of the runs). Then the memory that 1,000 operations of different shapes leave behind. The exit code is 1 where a
target is missed. Times swing with the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from benchmarks import data, servers
from benchmarks.hostile_requests import Hostile, every, graphql, shapes
from benchmarks.items import Server, point
from benchmarks.processes import end_with_care
from benchmarks.stores import opened, say

RELEASES = 6_000
READS = 1_000
PAUSE = 0.004
"""Seconds between two point reads: a thousand of them last as long as what they are measured beside."""
P99_MS = 100.0
GROWTH_MIB = 100.0
SHAPES = 1_000
WARM = 20
"""Shapes before memory is looked at for the first time."""
CLIENTS = 2
"""Connections that send a hostile request again and again."""


def exchange(port: int, request: bytes, connection: http.client.HTTPConnection | None = None) -> tuple[int, bytes]:
    """Send a request and return the answer's status and body."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        own.request(method, path, body or None, dict(line.split(": ", 1) for line in lines))
        answer = own.getresponse()
        return answer.status, answer.read()
    finally:
        if connection is None:
            own.close()


def read_points(port: int, request: bytes, reads: int, times: Any) -> None:
    """Make point reads, one after the other, and send their milliseconds."""
    connection, seconds = http.client.HTTPConnection("127.0.0.1", port, timeout=120), []
    for _ in range(reads):
        begun = time.perf_counter()
        status, body = exchange(port, request, connection)
        seconds.append(1000 * (time.perf_counter() - begun))
        assert status == 200, body[:500]
        assert b'"errors"' not in body, body[:500]
        time.sleep(PAUSE)
    times.put(seconds)


class Attack(threading.Thread):
    """A client that sends hostile requests until it is stopped."""

    def __init__(self, port: int, hostile: Hostile) -> None:
        super().__init__(daemon=True)
        self._port, self._hostile = port, hostile
        self.outcomes: Counter[str] = Counter()
        self.slowest, self.running = 0.0, True

    def run(self) -> None:
        while self.running:
            request, begun = self._hostile.make(), time.perf_counter()
            status, body = exchange(self._port, request)
            self.slowest = max(self.slowest, time.perf_counter() - begun)
            self.outcomes[outcome_of(status, body)] += 1


def outcome_of(status: int, body: bytes) -> str:
    """Name what became of a request: ok, an error's code, or a status."""
    if status != 200 or b'"errors"' not in body[:200_000]:
        return "ok" if status < 300 else str(status)
    error = json.loads(body)["errors"][0]
    extensions = error.get("extensions", {})
    return str(extensions.get("limit") or extensions.get("code") or error["message"][:60])


def measure(server: Server, hostile: Hostile | None, reads: int) -> tuple[list[float], Counter[str], float]:
    """Read while the hostile requests run; returns the reads' milliseconds, the outcomes, the slowest request's seconds."""
    attacks = [Attack(server.port, hostile) for _ in range(CLIENTS)] if hostile else []
    for attack in attacks:
        attack.start()
    time.sleep(0.2)
    times: Any = multiprocessing.get_context("spawn").Queue()
    reader = multiprocessing.get_context("spawn").Process(
        target=read_points, args=(server.port, point(server, data.version_of(7)), reads, times)
    )
    reader.start()
    seconds = times.get(timeout=600)
    reader.join()
    for attack in attacks:
        attack.running = False
    for attack in attacks:
        attack.join(120)
    outcomes = sum((attack.outcomes for attack in attacks), Counter[str]())
    return sorted(seconds), outcomes, max([attack.slowest for attack in attacks], default=0.0)


def is_allowed(server: Server, query: str, variables: dict[str, Any]) -> bool:
    """Return whether the server would execute an operation."""
    _, body = exchange(server.port, graphql(server, query, variables, extensions={"dryRun": True}))
    return "errors" not in json.loads(body)


def rss_mib(process: int) -> float:
    """Return the resident memory of a process and those below it."""
    own = psutil.Process(process)
    return float(sum(item.memory_info().rss for item in (own, *own.children(recursive=True)))) / 2**20


def measure_growth(server: Server, count: int) -> tuple[float, Counter[str]]:
    """Send operations of different shapes and return the MiB by which the server has grown, and the outcomes."""
    requests, outcomes = shapes(server, seed=2), Counter[str]()
    lock, before = threading.Lock(), 0.0

    def send(number: int) -> None:
        for _ in range(number):
            with lock:
                request = next(requests)
            outcome = outcome_of(*exchange(server.port, request))
            with lock:
                outcomes[outcome] += 1

    def send_all(number: int) -> None:
        threads = [threading.Thread(target=send, args=(number // CLIENTS,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    send_all(WARM)
    before = rss_mib(server.process)
    send_all(count)
    return rss_mib(server.process) - before, outcomes


def run(database: str, options: argparse.Namespace) -> bool:
    """Print the table of a database, and return whether all of it holds."""
    folder = Path(tempfile.mkdtemp(prefix="gql-releases-hostile-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stores = stack.enter_context(opened(database, folder))
        server = servers.ours(stack, stores, folder, options.releases)
        holds = True
        print(
            f"\n{database}, {options.releases} releases, {options.runs} runs of {options.reads} point reads, {CLIENTS} hostile clients"
        )
        print(f"{'request':34} {'size':>14} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>8} {'slowest s':>9}  outcomes")
        for hostile in (None, *every(server, lambda query, variables: is_allowed(server, query, variables))):
            kind, size = (hostile.kind, hostile.size) if hostile else ("nothing", "")
            if hostile and options.only and not any(word in kind for word in options.only.split("|")):
                continue
            runs = [measure(server, hostile, options.reads) for _ in range(options.runs)]
            p99 = statistics.median(row[int(len(row) * 0.99)] for row, _, _ in runs)
            p50 = statistics.median(row[len(row) // 2] for row, _, _ in runs)
            outcomes = sum((result for _, result, _ in runs), Counter[str]())
            missed = "" if p99 <= P99_MS else "  MISSED"
            holds &= not missed
            words = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
            slowest, longest = max(row[-1] for row, _, _ in runs), max(seconds for _, _, seconds in runs)
            print(
                f"{kind:34} {size:>14} {p50:7.1f} {p99:7.1f} {slowest:8.1f} {longest:9.1f}  {words}{missed}",
                flush=True,
            )
        if not options.only and options.shapes:
            grown, outcomes = measure_growth(server, options.shapes)
            missed = "" if grown <= GROWTH_MIB else "  MISSED"
            holds &= not missed
            words = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
            print(
                f"{options.shapes} shapes: resident memory grew by {grown:.0f} MiB to {rss_mib(server.process):.0f}  {words}{missed}",
                flush=True,
            )
    return holds


def main() -> None:
    """Run it; exits with 1 where a target is missed."""
    end_with_care()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("both", "sqlite", "postgres"), default="both")
    parser.add_argument("--releases", type=int, default=RELEASES)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--reads", type=int, default=READS)
    parser.add_argument("--shapes", type=int, default=SHAPES)
    parser.add_argument(
        "--only", default="", help="kinds with one of these in their name, as `project|commit`, and no memory"
    )
    options = parser.parse_args()
    databases = ("sqlite", "postgres") if options.database == "both" else (options.database,)
    held = [run(database, options) for database in databases]
    say("all targets hold" if all(held) else "a target is missed")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
