"""Shows where the served project spends its time on an item: py-spy samples it while the load generator asks."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import servers
from benchmarks.items import ITEMS
from benchmarks.measuring import Measuring, Plan
from benchmarks.processes import end_with_care
from benchmarks.stores import opened

RATE = 200
SHOWN = 30


def sample(process: int, seconds: int, file: Path) -> None:
    """Write the stacks of a process into a file, one a line with how often it was met."""
    spy = Path(sys.executable).parent / "py-spy"
    result = str(spy) if spy.exists() else shutil.which("py-spy")
    if not result:
        sys.exit("no py-spy here: pip install '.[bench]' brings it")
    words = [result, "record", "--pid", str(process), "--duration", str(seconds), "--rate", str(RATE), "--format", "raw"]
    outcome = subprocess.run([*words, "--output", str(file)], capture_output=True, text=True, check=False)
    if outcome.returncode:
        sys.exit(f"py-spy: {outcome.stderr.strip()}")


def show(file: Path) -> None:
    """Print the functions that had the most samples: of their own, and with all that they called."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in file.read_text().splitlines():
        stack, _, times = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(times)
        for frame in dict.fromkeys(frames):
            whole[frame] += int(times)
    total = sum(own.values()) or 1
    for title, result in (("of their own", own), ("with what they call", whole)):
        print(f"\n{title}, % of {total} samples")
        for frame, samples in result.most_common(SHOWN):
            print(f"{100 * samples / total:6.1f}  {frame}")


def main() -> None:
    """Start a server, ask it, sample it, print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--item", choices=list(ITEMS), default="Q2")
    ask.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    ask.add_argument("--releases", type=int, default=20_000)
    ask.add_argument("--seconds", type=int, default=10)
    options = ask.parse_args()
    end_with_care()
    folder = Path(tempfile.mkdtemp(prefix="gql-releases-profile-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stores = stack.enter_context(opened(options.database, folder))
        server = servers.ours(stack, stores, folder, options.releases)
        measuring = Measuring(Plan([server], [options.item], 1, options.seconds + 3, [16]))
        measuring.prepare()
        asking = threading.Thread(target=lambda: list(measuring.measure()))
        asking.start()
        sample(server.process, options.seconds, folder / "stacks")
        asking.join()
        show(folder / "stacks")


if __name__ == "__main__":
    main()
