"""The items: what each asks a server, and when two servers' answers say the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks import data, documents, load

ITEMS = {
    "Q1": "one release by its version, 20 scalars",
    "Q2": "the newest 50 with projects, last commit, 5 deploys, 10 commits with authors",
    "Q3": "page 100 of 50, by cursor",
    "S1": "50 of a project by semver, from a filter",
    "R1": "the REST list of 50",
    "W1": "nine point reads and a creation, over and over",
    "M1": "createRelease with 20 commits",
    "M2": "the REST POST of the same",
}
"""In the order in which they are measured: those that write come last, for the newest releases are then theirs."""
READS = ("Q1", "Q2", "Q3", "S1", "R1")
OVER_REST = ("R1", "M2")
PAGE, DEEP, WRITTEN = 50, 100, 20
"""Rows of a page; the page that Q3 asks for; commits of a creation."""
POINTS, NEIGHBOURS, CREATIONS = 200, 5, 75
"""Different point reads, deep pages and creations, so that none is answered out of a memory of the last one."""
RELEASES = f"/api/0/organizations/{data.ORGANIZATION}/releases/"


@dataclass(slots=True)
class Server:
    """Where a server listens, the processes whose CPU and memory are its own, and how it is spoken to."""

    name: str
    port: int
    process: int
    token: str
    url: str = ""
    """Its store."""
    releases: int = 0
    stores: Any = None
    """Where the store is from."""
    dialect: str = "gateway"
    """Whose documents it reads."""
    rest: bool = True


Ask = Callable[[bytes], Any]
"""Sends a request and gives the JSON of the answer."""


def graphql(server: Server, item: str, variables: dict[str, Any], headers: dict[str, str] | None = None) -> bytes:
    """Make the request of an operation."""
    body = {"query": documents.of(server.dialect)[item], "operationName": item, "variables": variables}
    return _request(server, "POST", "/graphql", headers, json.dumps(body).encode())


def _request(server: Server, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    options = {"accept": "application/json", "authorization": f"Bearer {server.token}", **(headers or {})}
    return load.request(method, path, options, body)


def point(server: Server, version: str) -> bytes:
    """Make the point read of a version."""
    key: dict[str, Any] = {"organization": data.ORGANIZATION, "version": version}
    if server.dialect == "postgraphile":
        return graphql(server, "Q1", {"organization": "1", "version": version})
    return graphql(server, "Q1", {"by": {"key": key}})


def page(server: Server, item: str, after: str | None = None) -> bytes:
    """Make the request of a page of releases."""
    return graphql(server, item, {"organization": data.ORGANIZATION, "first": PAGE, "after": after})


def creation(server: Server, number: int) -> bytes:
    """Make a creation whose numbers are open."""
    body = data.creation(number, WRITTEN)
    names = {"id": "sha", "author_name": "authorName", "author_email": "authorEmail"}
    commits = [{names.get(name, name): value for name, value in commit.items()} for commit in body["commits"]]
    row = {**body, "organization": data.ORGANIZATION, "commits": commits}
    return graphql(server, "M1", {"input": {"asked": row} if server.dialect == "postgraphile" else row})


def requests(server: Server, item: str, ask: Ask) -> list[bytes]:
    """Make the requests of an item, which are sent in turn; deep pages are found by walking there."""
    spread = [1 + (number * 7919) % server.releases for number in range(POINTS)]
    match item:
        case "Q1":
            return [point(server, data.version_of(number)) for number in spread]
        case "Q2":
            return [page(server, item)]
        case "Q3":
            return _deep_pages(server, ask)
        case "S1":
            return [graphql(server, item, {"organization": data.ORGANIZATION, "first": PAGE, "project": "api"})]
        case "R1":
            return [_request(server, "GET", f"{RELEASES}?per_page={PAGE}")]
        case "M1":
            return [creation(server, number) for number in range(1, CREATIONS + 1)]
        case "M2":
            bodies = (json.dumps(data.creation(number, WRITTEN)).encode() for number in range(1, CREATIONS + 1))
            return [_request(server, "POST", RELEASES, body=body) for body in bodies]
    assert item == "W1"
    points = requests(server, "Q1", ask)
    mixed = []
    for number in range(CREATIONS):
        mixed += [points[(9 * number + i) % len(points)] for i in range(9)] + [creation(server, number + 1)]
    return mixed


def _deep_pages(server: Server, ask: Ask) -> list[bytes]:
    after, pages = None, []
    for _ in range(max(1, min(DEEP, server.releases // PAGE))):
        pages.append(page(server, "Q3", after))
        after = ask(pages[-1])["data"]["organization"]["releases"]["pageInfo"]["endCursor"]
    return pages[-NEIGHBOURS:]


_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_OWN = {"endCursor", "id", "cursor"}
"""What each server spells in its own way."""


def values(answer: Any, name: str = "") -> Counter[tuple[str, str]]:
    """Count the values of an answer by name, whatever the nesting; dates as moments, ids and cursors left out."""
    counter: Counter[tuple[str, str]] = Counter()
    if isinstance(answer, dict):
        for key, below in answer.items():
            counter += values(below, key)
    elif isinstance(answer, list):
        for below in answer:
            counter += values(below, name)
    elif name not in _OWN:
        if isinstance(answer, str) and _DATE.match(answer):
            answer = datetime.fromisoformat(answer).astimezone(UTC)
        counter[name, str(answer)] += 1
    return counter


def same(one: Any, other: Any) -> bool:
    """Say whether two answers are equal, but for how they spell dates."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str) and one != other and _DATE.match(one) and _DATE.match(other):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return bool(one == other)
