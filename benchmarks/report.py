"""What the measurements say: medians, ratios with their intervals, the floor's check; as JSON and as text."""

from __future__ import annotations

import platform
import random
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.items import READS

PAIRS = (("ours", "floor"), ("ours", "postgraphile"), ("ours", "plain"), ("floor", "postgraphile"))
MEASURES = ("rps", "p50_ms", "p99_ms", "cpu_server_ms", "cpu_database_ms")
DRAWS, COVERED = 2000, 0.90
ALLOWED = 1.15
"""What an honest floor may cost: an echo of the same bytes and its bare statements, and so much more."""

Runs = list[dict[str, Any]]


def of(runs: Runs, **equal: Any) -> Runs:
    """Pick measurements."""
    return [run for run in runs if all(run[name] == value for name, value in equal.items())]


def median(runs: Runs, name: str) -> float:
    """Give the median of one figure."""
    return statistics.median(run[name] for run in runs)


def cpu(run: dict[str, Any]) -> float:
    """Give the CPU of a request, server and database together, in milliseconds."""
    return float(run["cpu_server_ms"] + run["cpu_database_ms"])


def interval(quotients: list[float]) -> tuple[float, float, float]:
    """Give the median of some rounds' quotients, and a bootstrap interval of it that covers 90 %."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(quotients, k=len(quotients))) for _ in range(DRAWS))
    side = round(DRAWS * (1 - COVERED) / 2)
    return statistics.median(quotients), medians[side], medians[-side - 1]


def summarize(runs: Runs) -> list[dict[str, Any]]:
    """Give the medians of each item, server and number of connections."""
    runs = [run for run in runs if "rps" in run]
    result = dict.fromkeys((run["item"], run["server"], run["connections"]) for run in runs)
    listed = []
    for item, server, connections in result:
        some = of(runs, item=item, server=server, connections=connections)
        medians = {name: median(some, name) for name in MEASURES}
        listed.append({"item": item, "server": server, "connections": connections, **medians})
    return listed


def compare(runs: Runs) -> list[dict[str, Any]]:
    """Give the ratios: of requests a second, and of CPU a request (the other's by ours); more than 1 is better for the first."""
    listed = []
    for item, connections in dict.fromkeys((run["item"], run["connections"]) for run in runs):
        for row, other in PAIRS:
            here, there = (of(runs, item=item, connections=connections, server=name) for name in (row, other))
            if not here or not there:
                continue
            for name, quotients in (
                ("rps", [a["rps"] / b["rps"] for a, b in zip(here, there, strict=True)]),
                ("cpu", [cpu(b) / cpu(a) for a, b in zip(here, there, strict=True)]),
            ):
                middle, low, high = interval(quotients)
                pair = {"item": item, "connections": connections, "of": row, "to": other, "measure": name}
                listed.append({**pair, "ratio": middle, "low": low, "high": high, "rounds": len(quotients)})
    return listed


def check_floor(runs: Runs, connections: int) -> list[dict[str, Any]]:
    """Hold the floor's CPU against an echo of the same bytes with the bare statements, in milliseconds a request.

    Those of reads are served, those of writes run by themselves, in turns with the floor.
    """
    listed = []
    for item in dict.fromkeys(run["item"] for run in runs):
        floor, echo, bare = (of(runs, item=item, connections=connections, server=name) for name in ("floor", "echo", "bare"))
        if not floor or not bare:
            continue
        served = item in READS
        least = [cpu(row) + (0 if served else cpu(run)) for row, run in zip(bare, echo, strict=True)]
        share, low, high = interval([cpu(run) / best for run, best in zip(floor, least, strict=True)])
        parts = {"floor_ms": statistics.median(map(cpu, floor)), "echo_ms": statistics.median(map(cpu, echo))}
        parts |= {"least_ms": statistics.median(least), "share": share, "low": low, "high": high}
        listed.append({"item": item, **parts, "honest": share <= ALLOWED})
    return listed


def commit() -> str:
    """Name the commit that was measured, and say whether the tree had changes."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "HEAD") + (" with changes" if git("status", "--porcelain", "--", "..") else "")


def machine() -> str:
    """Name the processor and Python."""
    models = [
        line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return f"{len(models)} x {models[0] if models else platform.machine()}, Python {platform.python_version()}"


def now() -> str:
    """Give the time, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def show(report: dict[str, Any]) -> None:
    """Print a report."""
    options = report["arguments"]
    print(
        f"\n{options['database']}, {options['releases']} releases, {options['rounds']} rounds of {options['seconds']} s; {report['machine']}"
    )
    print(f"load by {report['generator']}; its ceiling against the echo: {report['ceiling_rps']:.0f} requests/s\n")
    print(f"{'item':4} {'server':13} {'c':>3} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8} {'of database':>11}")
    for row in report["summary"]:
        print(
            f"{row['item']:4} {row['server']:13} {row['connections']:3} {row['rps']:8.0f} {row['p50_ms']:8.2f} {row['p99_ms']:8.2f}"
            f" {row['cpu_server_ms'] + row['cpu_database_ms']:8.3f} {row['cpu_database_ms']:11.3f}"
        )
    print(f"\n{'item':4} {'c':>3} {'ratio':21} {'of':4} {'median':>7}   90 % interval (above 1: the first is better)")
    for row in report["ratios"]:
        pair = f"{row['of']}/{row['to']}"
        print(
            f"{row['item']:4} {row['connections']:3} {pair:21} {row['measure']:4} {row['ratio']:7.2f}   {row['low']:.2f} to {row['high']:.2f}"
        )
    if report["floor_check"]:
        print(
            "\nThe floor's CPU against an echo of the same bytes with the bare statements, ms a request (honest up to 1.15):"
        )
        for row in report["floor_check"]:
            print(
                f"{row['item']:4} {row['floor_ms']:.3f}; echo {row['echo_ms']:.3f}, with statements {row['least_ms']:.3f}: {row['share']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
                f" {'honest' if row['honest'] else 'NOT HONEST'}"
            )
    print(
        "\nMemory, MiB: after the reads, and with what was created (peak resident with mapped pages of the file; anonymous):"
    )
    for name, row in report["memory_at_end"].items():
        print(f"{name:13} {_mebibytes(report['memory'].get(name))}   {_mebibytes(row)}")


def _mebibytes(row: dict[str, float] | None) -> str:
    return f"{row['peak_rss_mib']:6.0f} {row['rss_anon_mib']:6.0f}" if row else f"{'-':>6} {'-':>6}"
