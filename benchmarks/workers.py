"""Measures how long a start takes to its first answer, and how many point reads two workers answer beside one, on one SQLite file."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import items, load, report, servers
from benchmarks.processes import end_with_care
from benchmarks.stores import Stores, opened, say

CONNECTIONS = 32
"""Enough for both workers to have some."""
WARMING = 3.0
"""Seconds until the second worker is there for certain, too."""


def _point_reads(server: items.Server) -> list[bytes]:
    return items.requests(server, "Q1", lambda request: servers.ask(server, request))


def seconds_to_first_answer(stores: Stores, folder: Path, releases: int) -> float:
    """Start the server, ask it once, and end it: seconds since the process was made."""
    with contextlib.ExitStack() as stack:
        server = servers.ours(stack, stores, folder, releases, "started")
        servers.ask(server, _point_reads(server)[0])
        seconds = time.time() - psutil.Process(server.process).create_time()
    stores.drop(server.url)
    return seconds


def reads_per_second(stores: Stores, folder: Path, options: argparse.Namespace, workers: int) -> float:
    """Ask so many workers for releases. Raises RuntimeError where one answer is wrong."""
    with contextlib.ExitStack() as stack:
        server = servers.ours(stack, stores, folder, options.releases, f"workers_{workers}", workers)
        body, generator = _point_reads(server), load.generator()
        load.run(server.port, body, CONNECTIONS, WARMING, 0, generator)
        outcome = load.run(server.port, body, CONNECTIONS, options.seconds, 0, generator)
        if outcome.failed:
            raise RuntimeError(f"{outcome.failed} requests failed")
    stores.drop(server.url)
    return outcome.requests / outcome.seconds


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Give the seconds of each start, the reads of one and of two workers by round, and their quotients' median."""
    folder = Path(tempfile.mkdtemp(prefix="gql-releases-workers-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stores = stack.enter_context(opened("sqlite", folder))
        starts = [seconds_to_first_answer(stores, folder, options.releases) for _ in range(options.starts)]
        say(f"starts: {statistics.median(starts):.2f} s")
        rounds = []
        for number in range(options.rounds):
            rounds.append([reads_per_second(stores, folder, options, workers) for workers in (1, 2)])
            say(f"round {number + 1}: {rounds[-1][1] / rounds[-1][0]:.2f}")
    return {
        "starts": starts,
        "rounds": rounds,
        "ratio": report.interval([two_workers / one_worker for one_worker, two_workers in rounds]),
    }


def main() -> None:
    """Run, print, write."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--releases", type=int, default=20_000)
    ask.add_argument("--starts", type=int, default=7)
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--seconds", type=float, default=4.0)
    ask.add_argument("--json", type=Path)
    options = ask.parse_args()
    end_with_care()
    result = measure(options)
    starts, (middle, low, high) = sorted(result["starts"]), result["ratio"]
    print(
        f"\nfrom the start to the first answer: {starts[0]:.2f} to {starts[-1]:.2f} s, median {statistics.median(starts):.2f}"
    )
    for one_worker, two_workers in result["rounds"]:
        print(f"one worker {one_worker:6.0f} reads/s, two {two_workers:6.0f}: {two_workers / one_worker:.2f}")
    print(f"two by one: {middle:.2f} ({low:.2f} to {high:.2f}), wanted 1.7")
    if options.json:
        message = {"when": report.now(), "commit": report.commit(), "machine": report.machine()}
        options.json.write_text(json.dumps({**message, "workers": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
