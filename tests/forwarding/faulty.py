"""A proxy in front of an upstream that fails as networks do and records the requests that it delivers.

Requests of one release are forwarded one after the other: a query for a deploy does not overtake the request that creates it,
however slow the machine is.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import struct
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

FAULTS = ("unavailable", "limited", "silent", "redirected", "dropped", "unheard", "deaf", "greeted")
"""503; 429; no response; a redirect; the connection is reset before or after the request is delivered; the request is
delivered without a response; another server responds with 200."""
DELIVERED = {"", "unheard", "deaf"}
DOUBTFUL = 0


@dataclass
class Delivered:
    """A request that reached the upstream; with status DOUBTFUL the upstream ended before it responded."""

    method: str
    version: str
    body: Any
    status: int
    fault: str


@dataclass
class FaultyProxy:
    """Listens on 127.0.0.1 and forwards requests to the port `target`; a `share` of them has a fault, drawn from a seed."""

    target: int
    trap: int
    share: float = 0.0
    seed: int = 7
    only: tuple[str, ...] = FAULTS
    plan: dict[int, str] = field(default_factory=dict)
    """Faults of deploys by the number of deploys that were created before, each used once: a request that is repeated because
    the machine is slow does not shift them."""
    faults: Counter[str] = field(default_factory=Counter)
    delivered: list[Delivered] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chance, self._lock, self._over = random.Random(self.seed), threading.Lock(), threading.Event()
        self._release_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _choose_fault(self, method: str, path: str) -> str:
        with self._lock:
            fault = self._chance.choice(self.only) if self._chance.random() < self.share else ""
            if self.plan and method == "POST" and path.endswith("/deploys/"):
                deploys = sum(request.status == 201 and "environment" in request.body for request in self.delivered)
                fault = self.plan.pop(deploys, fault)
            self.faults[fault or "none"] += 1
            return fault

    def _handle(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            connection.settimeout(30)
            with connection.makefile("rb") as lines:
                method, path, _ = lines.readline().decode().split(" ")
                headers = {}
                while line := lines.readline().strip():
                    name, _, value = line.decode().partition(": ")
                    headers[name.lower()] = value
                body = lines.read(int(headers.get("content-length", 0)))
            self.tokens.add(headers.get("authorization", ""))
            with self._lock:
                release_lock = self._release_locks[_read_version(path, body)]
            with release_lock:
                fault = self._choose_fault(method, path)
                response = self._deliver(method, path, headers, body, fault) if fault in DELIVERED else None
            if fault in DELIVERED and response is None:
                _cut(connection)
            elif response and not fault:
                status, value, link = response
                _send(connection, status, value, f"Link: {link}\r\n" if link else "")
            else:
                self._fail(connection, fault)

    def _fail(self, connection: socket.socket, fault: str) -> None:
        match fault:
            case "unavailable":
                _send(connection, 503, {"detail": "away"})
            case "limited":
                _send(connection, 429, "slow down", "Retry-After: 0.1\r\n")
            case "redirected":
                _send(connection, 307, {}, f"Location: http://127.0.0.1:{self.trap}/api/0/\r\n")
            case "greeted":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello")
            case "silent" | "deaf":
                connection.recv(1)  # returns when the client closes the connection after its timeout
            case _:
                _cut(connection)

    def _deliver(
        self, method: str, path: str, headers: dict[str, str], body: bytes, fault: str
    ) -> tuple[int, Any, str | None] | None:
        """Forward a request and record it; return the response, None if there is none."""
        try:
            response = self._forward(method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                self.faults["upstream away"] += 1
            if not isinstance(error, ConnectionRefusedError):
                self._note(method, path, body, DOUBTFUL, fault)
            return None
        self._note(method, path, body, response[0], fault)
        return response

    def _note(self, method: str, path: str, body: bytes, status: int, fault: str) -> None:
        if method != "GET":
            fields = json.loads(body) if body else None
            with self._lock:
                self.delivered.append(Delivered(method, _read_version(path, body), fields, status, fault))

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, str | None]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.target, timeout=20)
        forwarded_headers: dict[str, str] = {
            name: headers[name] for name in ("authorization", "content-type", "user-agent") if name in headers
        }
        with contextlib.closing(upstream):
            upstream.request(method, path, body or None, forwarded_headers)
            response = upstream.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None, response.getheader("link")


def _read_version(path: str, body: bytes) -> str:
    """Return the version of the release that a request concerns; "" if it concerns none."""
    segments = urlsplit(path).path.split("/")
    if len(segments) > 7:
        return unquote(segments[6])
    return str(json.loads(body)["version"]) if body else ""


def _send(connection: socket.socket, status: int, value: Any, more_headers: str = "") -> None:
    text = b"" if value is None else json.dumps(value).encode()
    head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{more_headers}Connection: close\r\n"
    if status != 204:
        head += f"Content-Length: {len(text)}\r\n"
    connection.sendall(head.encode() + b"\r\n" + text)


def _cut(connection: socket.socket) -> None:
    """Reset the connection instead of closing it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Trap:
    """The target of redirects, which counts its connections."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.visits += 1
                connection.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
