"""Prints the table of targets, and what was measured for each, as Markdown: table.py sqlite.json postgres.json ..."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGETS: dict[str, tuple[str, float | None, float | None, float | None, float | None]] = {
    "Q1": ("point read", 0.7, 0.7, 2.5, 1.7),
    "Q2": ("dashboard", 0.7, 0.7, 3.5, 2.5),
    "Q3": ("page 100 by cursor", 0.7, 0.7, 2.0, 1.6),
    "M1": ("createRelease, 20 commits", 0.6, 0.7, 2.0, 1.4),
    "M2": ("the REST POST of the same", 0.6, 0.7, None, None),
    "R1": ("the REST list of 50", 0.7, 0.7, None, None),
    "S1": ("filter and semver order", None, None, None, None),
    "W1": ("90 % reads, 10 % writes", None, None, None, None),
}
COLUMNS = (("sqlite", "floor"), ("postgres", "floor"), ("sqlite", "postgraphile"), ("postgres", "postgraphile"))
CONNECTIONS = 16


def cell(report: dict[str, Any] | None, item: str, peer: str, target: float | None) -> str:
    """Say what was measured of one item beside one peer: requests a second, then CPU a request."""
    result = {}
    for row in report["ratios"] if report else ():
        if (row["item"], row["of"], row["to"], row["connections"]) == (item, "ours", peer, CONNECTIONS):
            result[row["measure"]] = row
    if not result:
        return "-"
    spoken = [f"{result[m]['ratio']:.2f} ({result[m]['low']:.2f} to {result[m]['high']:.2f})" for m in ("rps", "cpu")]
    expected = f", wanted {target}" if target else ""
    return f"{spoken[0]}; CPU {spoken[1]}{expected}"


def table(reports: dict[str, dict[str, Any]]) -> list[str]:
    """Make the lines of the table of ratios."""
    lines = [
        "| item | of the floor, SQLite | of the floor, PostgreSQL | of PostGraphile, ours on SQLite | of PostGraphile, same PostgreSQL |",
        "|---|---|---|---|---|",
    ]
    for item, (name, *targets) in TARGETS.items():
        cells = [
            cell(reports.get(database), item, peer, target)
            for (database, peer), target in zip(COLUMNS, targets, strict=True)
        ]
        lines.append(f"| {item} {name} | {' | '.join(cells)} |")
    return lines


def main(files: list[str]) -> None:
    """Read reports, of the comparison, of imports and of growth, and print what they say."""
    reports, lines = {}, []
    for file in files:
        run = json.loads(Path(file).read_text())
        if "ratios" in run:
            reports[run["arguments"]["database"]] = run
        elif "import" in run:
            ratio = run["import"]["ratios"]["cpu"]
            lines.append(f"- M3 import on {run['database']}: {ratio['ratio']:.2f} of the CPU of its bare statements.")
        elif "growth" in run:
            for row in run["growth"]:
                lines.append(
                    f"- {row['item']} on {run['database']}, p50 at {' and '.join(row['p50_ms'])} releases, the second by the first: {row['ratio']:.2f}, wanted {row['target']} at most."
                )
    for database, run in sorted(reports.items()):
        memory = run["memory"].get("ours")
        print(f"{database}: commit {run['commit']}, {run['when']}, {run['machine']}, {run['arguments']['rounds']} rounds.")
        if memory:
            lines.append(
                f"- Memory on {database} after the reads: peak resident {memory['peak_rss_mib']:.0f} MiB, anonymous {memory['rss_anon_mib']:.0f} MiB."
            )
    print("\n" + "\n".join(table(reports)) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
