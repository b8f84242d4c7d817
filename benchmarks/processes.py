"""Starts processes and ends them; says what CPU time and memory a process and those below it have used (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil


def end_with_care() -> None:
    """Let SIGTERM end this process as an error would, so that what it has started is ended too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))


def free_port() -> int:
    """Find a port that nobody listens on."""
    with contextlib.closing(socket.socket()) as result:
        result.bind(("127.0.0.1", 0))
        return int(result.getsockname()[1])


@contextlib.contextmanager
def running(words: list[str], port: int, log: Path, **environment: str) -> Iterator[int]:
    """Run a server until the block ends, from the moment that it listens on; gives its process id."""
    with log.open("ab") as out:
        options = {"env": {**os.environ, **environment}, "stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        process = subprocess.Popen(words, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        for _ in range(3000):
            if process.poll() is not None:
                sys.exit(f"{' '.join(words[:4])} has ended: {log.read_text(errors='replace')[-1500:]}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.02)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # its session is its own
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


ENDED = "ended"
"""The key of what processes had run that a process has waited for."""


def _tree(process: int) -> list[int]:
    try:
        top = psutil.Process(process)
        return [process, *(item.pid for item in top.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def cpu_of(process: int | None) -> dict[str, int]:
    """Give the nanoseconds that each thread of a process, and of those below it, has run, and all that have ended (proc(5))."""
    result = {}
    if process:
        with contextlib.suppress(OSError):
            after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            result[ENDED] = sum(map(int, after_name[13:15])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    for item in _tree(process) if process else ():
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{item}/task").iterdir():
                with contextlib.suppress(OSError):
                    result[task.name] = int((task / "schedstat").read_text().split()[0])
    return result


def cpu_between(before: dict[str, int], after: dict[str, int]) -> float:
    """Give the milliseconds run between two looks; a thread that began meanwhile counts whole, and so does a process that ended."""
    ended = after.get(ENDED, 0) - before.get(ENDED, 0) - sum(before[task] for task in before.keys() - after.keys())
    return (max(0, ended) + sum(spent - before.get(task, 0) for task, spent in after.items() if task != ENDED)) / 1e6


def memory_of(process: int) -> dict[str, float]:
    """Give peak resident and present anonymous memory of a process and those below it, in MiB."""
    sums = {"VmHWM": 0, "RssAnon": 0}
    for item in _tree(process):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{item}/status").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in sums:
                    sums[name] += int(rest.split()[0])
    return {"peak_rss_mib": sums["VmHWM"] / 1024, "rss_anon_mib": sums["RssAnon"] / 1024}
