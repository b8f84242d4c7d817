"""Names this process in stored jobs, and finds out whether the process of another name has ended."""

from __future__ import annotations

import os
import secrets
import socket
from functools import lru_cache
from pathlib import Path

_UNKNOWN = "-"


@lru_cache(maxsize=1)
def _name_process(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_read_start(pid)}/{secrets.token_hex(4)}"


def name_this_process() -> str:
    """Return the name of this process: host, process id, start, and a random text."""
    return _name_process(os.getpid())


def has_ended(owner: str) -> bool:
    """Return whether a process has certainly ended: it ran on this host, and its process id is free or used anew."""
    host, pid, start, *_ = [*owner.rsplit("/", 3), "", "", ""]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    if not _is_running(int(pid)):
        return True
    return _UNKNOWN not in (start, current := _read_start(int(pid))) and start != current


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _read_start(pid: int) -> str:
    """Return boot and start of a process on Linux; "-" where they are not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{boot}.{fields[19]}"
    except (OSError, IndexError):
        return _UNKNOWN
