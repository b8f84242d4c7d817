"""Measures the project against a floor, plain Strawberry and PostGraphile: same data, same machine, in turns. See README.md."""

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

from benchmarks import bare, load, report, servers
from benchmarks.items import ITEMS, READS, Server
from benchmarks.measuring import Measuring, Plan
from benchmarks.processes import end_with_care, memory_of
from benchmarks.stores import Stores, opened, say

ORDER = list(ITEMS)


def listed(text: str) -> list[str]:
    """Read words between commas."""
    return text.split(",")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument(
        "--database", choices=("sqlite", "postgres"), required=True, help="below all but PostGraphile, which has PostgreSQL"
    )
    ask.add_argument("--releases", type=int, default=20_000, help="in each store, with 10 commits each")
    ask.add_argument("--items", type=listed, default=ORDER, help=f"of {', '.join(ORDER)}; all of them")
    ask.add_argument(
        "--servers", type=listed, default=list(servers.SERVERS), help=f"of {', '.join(servers.SERVERS)}; all of them"
    )
    ask.add_argument("--rounds", type=int, default=15)
    ask.add_argument("--seconds", type=float, default=1.0, help="of each measurement; wrk takes whole ones")
    ask.add_argument(
        "--connections", type=lambda text: [*map(int, text.split(","))], default=[16], help="16; 16,1 measures both"
    )
    ask.add_argument(
        "--peer-language", choices=("plpgsql", "sql"), default="plpgsql", help="of PostGraphile's create_release"
    )
    ask.add_argument("--no-check", action="store_true", help="leave out what the floor's statements cost by themselves")
    ask.add_argument("--own-load", action="store_true", help="send by the own loop even where there is wrk")
    ask.add_argument("--json", type=Path, help="write everything that was measured")
    options = ask.parse_args(words)
    for values, existing in ((options.items, ORDER), (options.servers, list(servers.SERVERS))):
        if unknown := set(values) - set(existing):
            ask.error(f"unknown: {', '.join(sorted(unknown))}")
    options.items = sorted(options.items, key=ORDER.index)
    return options


def start(stack: contextlib.ExitStack, options: argparse.Namespace, stores: Stores, folder: Path) -> list[Server]:
    """Start the servers; PostGraphile beside SQLite gets a PostgreSQL of its own."""
    started = []
    for name in options.servers:
        say(f"starting {name}")
        if name == "postgraphile":
            below = stores if options.database == "postgres" else stack.enter_context(opened("postgres", folder))
            started.append(servers.postgraphile(stack, below, folder, options.releases, options.peer_language))
        else:
            started.append(servers.SERVERS[name](stack, stores, folder, options.releases))
    return started


def check_beside(
    stack: contextlib.ExitStack, measuring: Measuring, stores: Stores, folder: Path, options: argparse.Namespace
) -> None:
    """Let the floor's bare statements take their turns in the measuring."""
    reads = {item: measuring.floor_requests(item, bare.READS_RECORDED) for item in options.items if item in READS}
    bare.record_reads(stores, options.releases, reads, folder)
    measuring.plan.bare = servers.statements(stack, stores, folder, options.releases)
    for item in options.items:
        if item in ("M1", "M2"):
            recorded = bare.Writes(stores, options.releases, item, measuring.floor_requests(item, bare.WRITES_RECORDED))
            measuring.plan.writes[item] = recorded.cost


def _memory(started: list[Server]) -> dict[str, dict[str, float]]:
    return {server.name: memory_of(server.process) for server in started}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Do all of it and give the report."""
    folder = Path(tempfile.mkdtemp(prefix="gql-releases-bench-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stores = stack.enter_context(opened(options.database, folder))
        started = start(stack, options, stores, folder)
        echo = servers.echo(stack, folder)
        generator = load.generator(not options.own_load)
        plan = Plan(
            started, options.items, options.rounds, options.seconds, options.connections, echo, folder, generator=generator
        )
        measuring = Measuring(plan)
        measuring.prepare()
        if "floor" in options.servers and not options.no_check:
            check_beside(stack, measuring, stores, folder, options)
        runs, memory = [], {}
        for item in measuring.measure():
            runs.append(item)
            if item["item"] in READS:  # creations make the stores larger
                memory = _memory(started)
        return {
            "when": report.now(), "commit": report.commit(), "machine": report.machine(), "generator": generator,
            "ceiling_rps": measuring.ceiling(), "arguments": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
            "summary": report.summarize(runs), "ratios": report.compare(runs),
            "floor_check": report.check_floor(runs, options.connections[0]), "memory": memory,
            "memory_at_end": _memory(started), "runs": runs,
        }  # fmt: skip


def main() -> None:
    """Run, print, write."""
    options = arguments()
    end_with_care()
    result = run(options)
    report.show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
