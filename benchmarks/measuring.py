"""Compares answers, then measures item by item, round by round, the servers taking turns."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import items as what
from benchmarks import load, servers
from benchmarks.data import SERIAL
from benchmarks.items import Server
from benchmarks.processes import cpu_between, cpu_of
from benchmarks.stores import say

FIRST_SERIAL = 10_000_000
PAUSE = 0.1
"""Seconds between two measurements: what a server still does of the last one is not the next one's."""


LONGEST = 60.0
"""Seconds after which a server that answers nothing is given up."""


@dataclass(slots=True)
class Plan:
    """What is asked: servers in turn, items, rounds, seconds of each measurement, connections."""

    servers: list[Server]
    items: list[str]
    rounds: int
    seconds: float
    connections: list[int]
    echo: Server | None = None
    echo_folder: Path | None = None
    bare: Server | None = None
    """Answers what the floor does after the floor's statements, and has no floor."""
    writes: dict[str, Callable[[], float]] = field(default_factory=dict)
    """What the bare statements of a writing item cost now, milliseconds of CPU a request."""
    generator: str = field(default_factory=load.generator)


class Measuring:
    """One run."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self._serial = plan, FIRST_SERIAL
        self._requests: dict[tuple[str, str], list[bytes]] = {}
        self._sizes: dict[tuple[str, str], float] = {}

    def takes_part(self, server: Server, item: str) -> bool:
        """Say whether a server can do an item."""
        return server.rest or item not in what.OVER_REST

    def prepare(self) -> None:
        """Make every server's requests; reads must be answered alike, creations must write alike. Ends the run otherwise."""
        expected = {*self.plan.items} | ({"Q1", "M1"} if "W1" in self.plan.items else set())
        for item in what.ITEMS:
            if item not in expected:
                continue
            taking = [server for server in self.plan.servers if self.takes_part(server, item)]
            for server in taking:
                result = what.requests(server, item, partial(servers.ask, server))
                self._requests[item, server.name] = result
            if item in what.READS:
                self._compare(item, taking)
            elif item != "W1":
                self._compare_writes(item, taking)
            say(f"{item}: {', '.join(server.name for server in taking)} answer alike")
        for server in self.plan.servers if "W1" in expected else ():
            reads, writes = self._sizes["Q1", server.name], self._sizes["M1", server.name]
            self._sizes["W1", server.name] = 0.9 * reads + 0.1 * writes

    def _compare(self, item: str, taking: list[Server]) -> None:
        body = zip(*(self._requests[item, server.name] for server in taking), strict=True)
        sizes: dict[str, list[int]] = {server.name: [] for server in taking}
        for together in body:
            options = []
            for server, request in zip(taking, together, strict=True):
                options.append(servers.ask(server, request))
                _, text, size = servers.exchange(server, request)
                sizes[server.name].append(size)
                self._keep_for_echo(item, server, text)
            for server, answer in zip(taking[1:], options[1:], strict=True):
                if server.releases != taking[0].releases:
                    continue
                alike = {server.dialect, taking[0].dialect} == {"gateway"}
                equal = what.same(options[0], answer) if alike else what.values(options[0]) == what.values(answer)
                if not equal:
                    self._differ(item, taking[0], server, options[0], answer)
        for name, listed in sizes.items():
            self._sizes[item, name] = statistics.mean(listed)

    @staticmethod
    def _differ(item: str, one: Server, other: Server, first: Any, second: Any) -> None:
        here, there = what.values(first), what.values(second)
        only = f"only {one.name}: {list((here - there).items())[:5]}, only {other.name}: {list((there - here).items())[:5]}"
        sys.exit(
            f"WRONG ANSWER: {item}: {one.name} and {other.name} differ; {only}; {str(first)[:500]} / {str(second)[:500]}"
        )

    def _compare_writes(self, item: str, taking: list[Server]) -> None:
        added, answers = [], []
        for server in taking:
            before = server.stores.counts(server.url)
            request = self._numbered(self._requests[item, server.name][0])
            answers.append(servers.ask(server, request))
            _, text, size = servers.exchange(server, self._numbered(self._requests[item, server.name][1]))
            self._sizes[item, server.name] = size
            self._keep_for_echo(item, server, text)
            after = server.stores.counts(server.url)
            added.append({table: after[table] - before[table] for table in after})
            self._require_written(server, self._serial)
        for server, rows in zip(taking, added, strict=True):
            if rows != added[0]:
                sys.exit(f"WRONG WRITE: {item}: {taking[0].name} adds {added[0]}, {server.name} {rows}")

    def _numbered(self, request: bytes) -> bytes:
        if SERIAL.encode() not in request:
            return request
        self._serial += 1
        return request.replace(SERIAL.encode(), b"%08d" % self._serial)

    def _require_written(self, server: Server, serial: int) -> None:
        version = f"web@2.{serial}.0+{serial}"
        release = servers.ask(server, what.point(server, version))["data"]["release"]
        if not release or release["commitCount"] != what.WRITTEN:
            sys.exit(f"LOST WRITE: {server.name} has acknowledged {version}, which reads as {release}")

    def _keep_for_echo(self, item: str, server: Server, text: bytes) -> None:
        if self.plan.echo_folder and server.name == "floor":
            (self.plan.echo_folder / item).write_bytes(text)

    def measure(self) -> Iterator[dict[str, Any]]:
        """Measure; gives each measurement as it is made."""
        for item in self.plan.items:
            taking = [server for server in self.plan.servers if self.takes_part(server, item)]
            if self.plan.echo and any(server.name == "floor" for server in taking) and item != "W1":
                self._requests[item, "echo"] = [self._echoed(item, request) for request in self._requests[item, "floor"]]
                taking.append(self.plan.echo)
                if self.plan.bare and item in what.READS:
                    self._requests[item, "bare"] = self._requests[item, "echo"]
                    taking.append(self.plan.bare)
            for server in taking:
                self._once(server, item, self.plan.connections[0], min(1.0, self.plan.seconds))
            for stores in {id(server.stores): server.stores for server in taking if server.stores}.values():
                stores.settle()
            for number in range(self.plan.rounds):
                turn = number % len(taking)
                for connections in self.plan.connections:
                    for server in taking[turn:] + taking[:turn]:
                        time.sleep(PAUSE)
                        yield {"round": number, **self._once(server, item, connections, self.plan.seconds)}
                if item in self.plan.writes:
                    existing = {"item": item, "server": "bare", "connections": self.plan.connections[0], "round": number}
                    yield {**existing, "cpu_server_ms": self.plan.writes[item](), "cpu_database_ms": 0.0}
            say(f"{item}: measured")

    def ceiling(self) -> float:
        """Give how many requests a second the load generator has out of the echo, with a point read's few bytes."""
        assert self.plan.echo
        assert self.plan.echo_folder
        (self.plan.echo_folder / "ceiling").write_bytes(b"x" * 500)
        requests = [load.request("POST", "/graphql", {"echo": "ceiling"}, b"x" * 600)]
        runs = [load.run(self.plan.echo.port, requests, 16, self.plan.seconds, 0, self.plan.generator) for _ in range(5)]
        return statistics.median(run.requests / run.seconds for run in runs)

    def floor_requests(self, item: str, times: int) -> list[bytes]:
        """Give so many requests of an item for the floor, their numbers filled in."""
        result = self._requests[item, "floor"]
        return [self._numbered(result[number % len(result)]) for number in range(times)]

    def _echoed(self, item: str, request: bytes) -> bytes:
        method, _, rest = request.partition(b"\r\n")
        return method + b"\r\necho: " + item.encode() + b"\r\n" + rest

    def _once(self, server: Server, item: str, connections: int, seconds: float) -> dict[str, Any]:
        requests = self._requests[item, server.name]
        database = server.stores.process if server.stores else None
        while True:
            before = cpu_of(server.process), cpu_of(database)
            run = load.run(server.port, requests, connections, seconds, self._serial, self.plan.generator)
            after = cpu_of(server.process), cpu_of(database)
            if run.requests >= connections or seconds > LONGEST:
                break
            seconds *= 4  # too slow to have answered once on each connection
        if run.failed or not run.requests:
            sys.exit(f"WRONG ANSWER: {server.name} {item} under load: {run}")
        expected, found = self._sizes.get((item, server.name)), run.bytes / run.requests
        if expected and abs(found - expected) > 100 + expected / 50:
            sys.exit(
                f"WRONG ANSWER: {server.name} {item} under load: {found:.0f} bytes an answer, when compared {expected:.0f}"
            )
        if item in ("M1", "M2", "W1") and server.name != "echo":
            self._require_written(server, self._serial + max(1, run.requests // (20 if item == "W1" else 2)))
            self._serial = run.serial
        return {
            "item": item, "server": server.name, "connections": connections, "requests": run.requests,
            "rps": run.requests / run.seconds, "p50_ms": run.p50, "p99_ms": run.p99,
            "cpu_server_ms": cpu_between(before[0], after[0]) / run.requests,
            "cpu_database_ms": cpu_between(before[1], after[1]) / run.requests,
        }  # fmt: skip
