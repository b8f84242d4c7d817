"""A full disk refuses events with the documented answer, damages nothing, and events are stored again once it has space."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Template
from tests.crash.event_senders import EventSenders, assert_ledger, create_key
from tests.crash.gateways import Gateway, start_gateway, wait_until

UNAVAILABLE = "10:error;default;session:organization:unavailable"
DISK_BYTES = 24 * 1024 * 1024
pytestmark = [pytest.mark.sqlite, pytest.mark.slow]

Disk = contextlib.AbstractContextManager[None]


@contextlib.contextmanager
def mount_small_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of DISK_BYTES on a folder. Skips the test where this user may not."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("NOT TESTED: mounting a file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def fill_disk(gateway: Gateway, folder: Path) -> Iterator[None]:
    """Fill the file system of a folder with another file: writes fail with ENOSPC."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@contextlib.contextmanager
def limit_files(gateway: Gateway, folder: Path) -> Iterator[None]:
    """Limit the size of files that the gateway writes: writes fail with EFBIG."""
    before = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("mount", "use_up"),
    [(contextlib.nullcontext, limit_files), (mount_small_disk, fill_disk)],
    ids=["limit of files", "small disk"],
)
def test_full_disk_refuses_events_and_damages_nothing(
    template: Template, tmp_path: Path, mount: Callable[[Path], Disk], use_up: Callable[[Gateway, Path], Disk]
) -> None:
    databases, token = template.databases, template.tokens["acme"]
    folder = tmp_path / "disk"
    folder.mkdir()
    with mount(folder):
        url = databases.copy(template.url, folder)
        with start_gateway(url, token, tmp_path / "log") as gateway:
            senders = EventSenders(create_key(gateway), random.Random(7))
            send_until(gateway, senders, lambda: len(senders.acknowledged) > 20)
            with use_up(gateway, folder):
                send_until(gateway, senders, lambda: len(senders.refused) >= 6)
                assert gateway.send("GET", "/api/0/organizations/acme/releases/")[0] == 200, "reads go on"
            before = len(senders.acknowledged)
            send_until(gateway, senders, lambda: len(senders.acknowledged) > before + 20)
            assert gateway.process.poll() is None
        assert set(senders.statuses) == {200, 429}
        assert senders.limits == {UNAVAILABLE}
        assert not senders.unanswered
        assert_ledger(databases, url, senders)
        assert databases.rows(url, "PRAGMA integrity_check") == [("ok",)]
        assert databases.rows(url, "PRAGMA foreign_key_check") == []
    assert "Traceback" not in (tmp_path / "log").read_text()


def send_until(gateway: Gateway, senders: EventSenders, condition: Callable[[], bool]) -> None:
    """Send events until a condition holds."""
    senders.start(gateway)
    wait_until(lambda: condition() or bool(senders.faults))
    time.sleep(0.05)
    senders.stop()
