"""M3: how long `import` takes for a file of REST bodies, beside the statements that it runs, recorded and run by themselves."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import data, recording, report
from benchmarks.processes import cpu_between, cpu_of, end_with_care
from benchmarks.stores import ROOT, Stores, opened, say
from gql_releases.cli import cli
from gql_releases.storage.engine.postgres import SERVER_SETTINGS, use_text_dates

IMPORT = ("import", data.ORGANIZATION, "--create-projects")
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "mmap_size=1073741824")


def timed_import(stores: Stores, url: str, file: Path) -> tuple[float, float]:
    """Import a file by the command line; seconds, and milliseconds of CPU, the database's too."""
    command = [sys.executable, "-m", "gql_releases", *IMPORT, str(file)]
    before, below, begun = resource.getrusage(resource.RUSAGE_CHILDREN), cpu_of(stores.process), time.perf_counter()
    environment = {**os.environ, "GQL_RELEASES_DATABASE_URL": url}
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit(f"the import fails: {process.stderr[-500:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, 1000 * spent + cpu_between(below, cpu_of(stores.process))


def record(stores: Stores, file: Path) -> recording.Log:
    """Import a file in this process and give the statements that it ran."""
    url = stores.empty("import_recorded")
    os.environ["GQL_RELEASES_DATABASE_URL"] = url
    with recording.on_sqlite() if stores.database == "sqlite" else recording.on_postgres() as log:
        cli([*IMPORT, str(file)], standalone_mode=False)
    stores.drop(url)
    return [item for item in log if not item[1].startswith(("PRAGMA", "SELECT pg_", "SELECT alembic"))]


def replay(stores: Stores, url: str, log: recording.Log) -> tuple[float, float]:
    """Run the statements on an empty store."""
    if stores.database == "sqlite":
        return recording.replay_on_sqlite(url, log, PRAGMAS)
    return recording.replay_on_postgres(url, [log], stores.process or 0, SERVER_SETTINGS, use_text_dates)


def measure(stores: Stores, bodies: str, rounds: int) -> dict[str, Any]:
    """Import REST bodies, a line each, and replay in turns, each time into an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        file, nothing = Path(folder) / "releases.jsonl", Path(folder) / "nothing.jsonl"
        file.write_text(bodies)
        nothing.write_text("")
        log = record(stores, file)
        say(f"M3: {len(log)} statements recorded")
        runs = []
        for number in range(rounds):
            started, first, second = (stores.empty(f"import_{name}_{number}") for name in ("none", "whole", "bare"))
            start, whole = timed_import(stores, started, nothing), timed_import(stores, first, file)
            bare = replay(stores, second, log)
            if stores.counts(first) != stores.counts(second):
                sys.exit(
                    f"the statements do not make what the import makes: {stores.counts(first)}, {stores.counts(second)}"
                )
            for url in (started, first, second):
                stores.drop(url)
            runs.append({"start": start, "import": whole, "statements": bare})
    ratios = {}
    for at, name in enumerate(("seconds", "cpu")):
        quotients = [(run["import"][at] - run["start"][at]) / run["statements"][at] for run in runs]
        ratios[name] = dict(zip(("ratio", "low", "high"), report.interval(quotients), strict=True))
    return {"releases": bodies.count("\n"), "statements": len(log), "ratios": ratios, "runs": runs}


def main() -> None:
    """Run, print, write."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--database", choices=("sqlite", "postgres"), required=True)
    ask.add_argument("--releases", type=int, default=2_000, help="lines of the file, each with 10 commits")
    ask.add_argument("--file", type=Path, help="a file of REST bodies, a line each, instead")
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--json", type=Path)
    options = ask.parse_args()
    end_with_care()
    numbers = range(1, options.releases + 1)
    bodies = (
        options.file.read_text() if options.file else "".join(json.dumps(data.body(number)) + "\n" for number in numbers)
    )
    with (
        tempfile.TemporaryDirectory(prefix="gql-releases-import-") as folder,
        opened(options.database, Path(folder)) as stores,
    ):
        result = measure(stores, bodies, options.rounds)
    show(options.database, result)
    if options.json:
        head = {"when": report.now(), "commit": report.commit(), "machine": report.machine(), "database": options.database}
        options.json.write_text(json.dumps({**head, "import": result}, indent=1) + "\n")


def show(database: str, made: dict[str, Any]) -> None:
    """Print what was measured."""
    print(f"\nM3 {database}: {made['releases']} releases imported, {made['statements']} statements")
    for at, (name, unit) in enumerate((("seconds", "s"), ("cpu", "ms of CPU"))):
        parts = {
            part: report.interval([run[part][at] for run in made["runs"]])[0] for part in ("start", "import", "statements")
        }
        ratio = made["ratios"][name]
        print(
            f"import {parts['import']:.2f} {unit} of which start {parts['start']:.2f}; bare statements {parts['statements']:.2f};"
            f" import without start by statements: {ratio['ratio']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
        )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
