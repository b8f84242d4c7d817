"""Sends requests over some connections for some time: by wrk where it is installed, else by a loop of our own."""

from __future__ import annotations

import gc
import json
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.data import SERIAL

MARK = SERIAL.encode()
WRK = shutil.which("wrk")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it: requests answered, seconds, milliseconds, bytes of all answers with their heads; the last number written."""

    requests: int
    seconds: float
    p50: float
    p99: float
    bytes: int
    failed: int
    serial: int


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Spell a request as it goes over the wire."""
    head = {"host": "127.0.0.1", **headers}
    if body:
        head |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def generator(prefer_wrk: bool = True) -> str:
    """Name what sends the requests."""
    return "wrk" if WRK and prefer_wrk else "epoll"


def run(port: int, requests: list[bytes], connections: int, seconds: float, serial: int, name: str) -> Run:
    """Send the requests in turn, each connection waiting for its answer; a SERIAL in them becomes the next number."""
    if name == "wrk":
        return _by_wrk(port, requests, connections, seconds, serial)
    gc.disable()
    try:
        return _Loop(port, requests, connections, serial).run(seconds)
    finally:
        gc.enable()


class _Loop:
    """One thread that waits for whichever connection has been answered and sends the next request there."""

    def __init__(self, port: int, requests: list[bytes], connections: int, serial: int) -> None:
        self._requests, self._serials = requests, count(serial + 1)
        self._open = [MARK in request for request in requests]
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        self._next = 0
        self.serial = serial

    def _send(self, connection: socket.socket) -> None:
        at = self._next
        self._next = at + 1 if at + 1 < len(self._requests) else 0
        expected = self._requests[at]
        if self._open[at]:
            self.serial = next(self._serials)
            expected = expected.replace(MARK, b"%08d" % self.serial)
        connection.sendall(expected)

    def run(self, seconds: float) -> Run:
        poll, by_number = select.epoll(), {}
        for item in self._sockets:
            item.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            item.settimeout(PATIENCE)
            by_number[item.fileno()] = item
            poll.register(item.fileno(), select.EPOLLIN)
        clock, times, sent, missing = time.perf_counter, [], {}, dict.fromkeys(by_number, 0)
        total = failed = 0
        begun = clock()
        for number, item in by_number.items():
            sent[number] = clock()
            self._send(item)
        end, waiting = begun + seconds, len(by_number)
        while waiting:
            result = poll.poll(PATIENCE)
            if not result:
                failed += waiting
                break
            for number, _ in result:
                item = by_number[number]
                got = item.recv(262144)
                total += len(got)
                if missing[number] > 0:
                    missing[number] -= len(got)
                elif (head := got.find(b"\r\n\r\n")) >= 0 and (length := LENGTH.search(got, 0, head)):
                    missing[number] = int(length[1]) + head + 4 - len(got)
                    failed += not got.startswith(b"HTTP/1.1 2")
                else:
                    failed, waiting = failed + 1, waiting - 1
                    poll.unregister(number)
                    continue
                if missing[number] <= 0:
                    now = clock()
                    times.append(now - sent[number])
                    if now < end:
                        sent[number] = now
                        self._send(item)
                    else:
                        waiting -= 1
        took = clock() - begun
        for item in self._sockets:
            item.close()
        times.sort()
        middle, slow = (1000 * times[int(len(times) * part)] if times else 0.0 for part in (0.5, 0.99))
        return Run(len(times), took, middle, slow, total, failed, self.serial)


def _by_wrk(port: int, requests: list[bytes], connections: int, seconds: float, serial: int) -> Run:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\0".join(requests))
        file.flush()
        words = [str(WRK), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
        words += ["-s", str(Path(__file__).with_name("wrk.lua")), f"http://127.0.0.1:{port}/", "--", file.name, str(serial)]
        process = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 90, check=True)
    options = json.loads(process.stdout.strip().splitlines()[-1])
    return Run(
        **options,
        serial=serial + options["requests"] + connections + 2 if any(MARK in request for request in requests) else serial,
    )
