"""Measures how the project's answers slow down as the store grows: two sizes side by side, in turns, on one connection."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import report, servers
from benchmarks.measuring import Measuring, Plan
from benchmarks.processes import end_with_care
from benchmarks.stores import opened, say

ITEMS = ["Q1", "Q2", "Q3", "M1"]
TARGETS = {"Q1": 1.2, "Q2": 1.3, "Q3": 1.3, "M1": 1.3}


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Give each item's p50 at both sizes, and the median of the rounds' quotients with its interval."""
    folder = Path(tempfile.mkdtemp(prefix="gql-releases-growth-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stores = stack.enter_context(opened(options.database, folder))
        started = [servers.ours(stack, stores, folder, size, f"ours_{size}") for size in options.sizes]
        measuring = Measuring(Plan(started, options.items, options.rounds, options.seconds, [1]))
        measuring.prepare()
        runs = list(measuring.measure())
    small, large = started
    grown = []
    for item in options.items:
        here, there = (report.of(runs, item=item, server=row.name) for row in (large, small))
        middle, low, high = report.interval([a["p50_ms"] / b["p50_ms"] for a, b in zip(here, there, strict=True)])
        p50 = {str(row.releases): report.median(report.of(runs, item=item, server=row.name), "p50_ms") for row in started}
        row = {"item": item, "p50_ms": p50, "ratio": middle, "low": low, "high": high, "rounds": options.rounds}
        grown.append({**row, "target": TARGETS.get(item)})
        say(f"{item}: {middle:.2f}")
    return grown


def main() -> None:
    """Run, print, write."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--database", choices=("sqlite", "postgres"), required=True)
    ask.add_argument("--sizes", type=lambda text: sorted(map(int, text.split(","))), default=[1_000, 200_000])
    ask.add_argument("--items", type=lambda text: text.split(","), default=ITEMS)
    ask.add_argument("--rounds", type=int, default=15)
    ask.add_argument("--seconds", type=float, default=1.0)
    ask.add_argument("--json", type=Path)
    options = ask.parse_args()
    end_with_care()
    if len(options.sizes) != 2:
        ask.error("--sizes wants two numbers")
    grown = measure(options)
    print(f"\n{options.database}: p50 at {options.sizes[1]} releases by p50 at {options.sizes[0]}, one connection")
    for row in grown:
        small, large = row["p50_ms"].values()
        print(
            f"{row['item']:4} {small:.3f} ms, {large:.3f} ms: {row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f}),"
            f" target {row['target'] or '-'}"
        )
    if options.json:
        result = {"when": report.now(), "commit": report.commit(), "machine": report.machine(), "database": options.database}
        options.json.write_text(json.dumps({**result, "growth": grown}, indent=1) + "\n")


if __name__ == "__main__":
    main()
