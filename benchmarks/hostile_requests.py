"""The worst requests that the limits allow, one for each kind of work that a client can ask for.

What is allowed is the server's to say: each request is made as large as a dry run says that it may be.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import data, load
from benchmarks.items import Server

Condition = dict[str, Any]
LISTS = 50
"""Lists of an operation that are tried at most: the limit on root fields."""
IN_ONE_LIST = 99
"""Conditions of one list that are tried at most: with the group around them a hundred."""
BULK = 1000
JOINS = 54
"""To-ones of one object that are tried at most; one with more than 55 is refused, which a dry run does not know."""
ORGANIZATION = f'organization(slug: "{data.ORGANIZATION}")'
RELEASES_PATH = f"/api/0/organizations/{data.ORGANIZATION}/releases/"

CONDITIONS: dict[str, Callable[[int], Condition]] = {
    "version equals": lambda n: {"version": {"equals": f"a{n}"}},
    "version in": lambda n: {"version": {"in": [f"a{n}-{m}" for m in range(20)]}},
    "version startsWith": lambda n: {"version": {"startsWith": f"a{n}"}},
    "version contains": lambda n: {"version": {"contains": f"a{n}"}},
    "semver": lambda n: {"version": {"semver": {"package": "web", "range": f">=9.{n} <9.{n + 1}"}}},
    "status": lambda n: {"status": "ARCHIVED"},
    "released": lambda n: {"released": False},
    "dateCreated": lambda n: {"dateCreated": {"from": f"2039-01-01T00:00:{n % 60:02}Z"}},
    "dateReleased": lambda n: {"dateReleased": {"from": f"2039-01-01T00:00:{n % 60:02}Z"}},
    "project": lambda n: {"and": [{"status": "ARCHIVED"}, {"project": data.PROJECTS[n % len(data.PROJECTS)]}]},
    "environment": lambda n: {"environment": data.ENVIRONMENTS[n % 2], "status": "ARCHIVED"},
    "author": lambda n: {"author": f"nobody{n}@example.com"},
    "known author": lambda n: {"not": {"author": f"author{n % data.AUTHORS}@example.com"}},
    "commit": lambda n: {"commit": f"{n:040x}"},
    "path": lambda n: {"path": f"a{n}"},
}
"""Kind -> the n-th condition of it; none holds for a release, so that no page is ever full."""


CONDITIONS_OF = {"semver": 6, "project": 3, "environment": 3}
"""Kind -> conditions of a statement for one of it, where there are more than one: a dry run does not know those of a list."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A kind of request, and what makes the requests: each may be another one."""

    kind: str
    size: str
    make: Callable[[], bytes]


def graphql(server: Server, query: str, variables: dict[str, Any] | None = None, **more: Any) -> bytes:
    """Make the request of a document."""
    body = json.dumps({"query": query, "variables": variables or {}, **more}).encode()
    headers = {"authorization": f"Bearer {server.token}", "accept": "application/json"}
    return load.request("POST", "/graphql", headers, body)


def rest(server: Server, path: str) -> bytes:
    """Make the request of a path of the REST API."""
    return load.request("GET", path, {"authorization": f"Bearer {server.token}"})


def filtered(lists: int, conditions: int, kind: Callable[[int], Condition], group: str = "or") -> tuple[str, dict[str, Any]]:
    """Make an operation of so many lists, each with so many conditions in a group."""
    part = "totalCount" if conditions < IN_ONE_LIST else "nodes { version }"
    query = "query ($f: ReleaseFilter) {" + ORGANIZATION + " {"
    query += " ".join(f"r{n}: releases(first: 1, filter: $f) {{ {part} }}" for n in range(lists)) + " } }"
    return query, {"f": {group: [kind(n) for n in range(conditions)]}}


Allowed = Callable[[str, dict[str, Any]], bool]


def most(allowed: Callable[[int], bool], highest: int) -> int:
    """Return the largest number up to `highest` that is allowed, where all smaller ones are, too."""
    low, high = 0, highest
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle - 1)
    return low


def of_conditions(server: Server, allowed: Allowed) -> Iterator[Hostile]:
    """Make, for each kind of condition, as many as one list may have, and as many lists as an operation may have."""
    for name, kind in CONDITIONS.items():
        highest = IN_ONE_LIST // CONDITIONS_OF.get(name, 1)
        count = most(lambda n, kind=kind: allowed(*filtered(1, n, kind)), highest)  # type: ignore[misc]
        lists = most(lambda n, kind=kind, count=count: allowed(*filtered(n, count, kind)), LISTS)  # type: ignore[misc]
        yield _fixed(server, name, f"{lists} x {count}", *filtered(lists, count, kind))
        few = max(1, count // 10)
        lists = most(lambda n, kind=kind, few=few: allowed(*filtered(n, few, kind)), LISTS)  # type: ignore[misc]
        yield _fixed(server, name, f"{lists} x {few}", *filtered(lists, few, kind, "and"))


def _fixed(server: Server, kind: str, size: str, query: str, variables: dict[str, Any] | None = None) -> Hostile:
    request = graphql(server, query, variables)
    return Hostile(kind, size, lambda: request)


def _repeated(
    server: Server, allowed: Allowed, kind: str, field: str, start: str = "query {", end: str = "}", highest: int = 900
) -> Hostile:
    """Make an operation of as many aliases of a field as are allowed, up to `highest`."""

    def query(count: int) -> str:
        return start + " ".join(f"f{n}: {field}" for n in range(count)) + end

    count = most(lambda n: allowed(query(n), {}), highest)
    return _fixed(server, kind, f"{count} x", query(count))


def of_other_reads(server: Server, allowed: Allowed) -> Iterator[Hostile]:
    """Make the worst operations without filters, by GraphQL."""
    inside = "query {" + ORGANIZATION + " {"
    first, last = data.version_of(1), data.version_of(server.releases)
    lists = ["releases", "commits", "authors", "fileChanges", "deploys"]
    compared = " ".join(f"{name}(first: 100) {{ nodes {{ id }} }}" for name in lists)
    counted = " ".join(f"{name} {{ totalCount }}" for name in lists)
    compare = f'compare(project: "web", base: "{first}", head: "{last}")'
    sha = data.commit(1, 0)["id"]
    page = "releases(first: 100) { nodes { id version commits(first: %d) { nodes { id sha message author { name email } repository { name } } } projects { nodes { slug } } deploys(first: 2) { nodes { id environment { name } } } } }"
    commits = most(lambda n: allowed(inside + page % n + "} }", {}), 100)
    yield _fixed(server, "largest page", f"100 x {commits}", inside + page % commits + "} }")
    for field in ("SEMVER", "BUILD", "DATE_RELEASED", "DATE_CREATED"):
        ordered = f"releases(last: 100, orderBy: {{field: {field}, direction: ASC}}) {{ nodes {{ id version }} }}"
        yield _repeated(server, allowed, f"orderBy {field}", ordered, inside, "} }")
    yield _repeated(server, allowed, "totalCount", "releases(first: 1) { totalCount }", inside, "} }")
    yield _repeated(server, allowed, "compare, pages", f"{compare} {{ {compared} }}", inside, "} }")
    yield _repeated(server, allowed, "compare, totals", f"{compare} {{ {counted} }}", inside, "} }")
    containing = f'releaseContaining(commit: "{sha}") {{ version commits(first: 100) {{ nodes {{ sha }} }} }}'
    yield _repeated(server, allowed, "releaseContaining", containing, inside, "} }", JOINS)
    yield _repeated(server, allowed, "releaseContaining, refused", containing, inside, "} }")
    deep = "projects { nodes { releases(first: 20) { nodes { commits(first: 20) { nodes { releases(first: 10) { nodes { version } } } } } } } }"
    yield _repeated(server, allowed, "lists in lists", deep, inside, "} }")
    yield _repeated(
        server, allowed, "root fields", f"{ORGANIZATION} {{ releases(first: 100) {{ nodes {{ id version }} }} }}"
    )
    ids = [f"Release:{n}" for n in range(1, 101)]
    yield _fixed(server, "nodes by id", "100", f"query {{ nodes(ids: {json.dumps(ids)}) {{ id }} }}")


def of_documents(server: Server) -> Iterator[Hostile]:
    """Make documents that were never seen: parsing, validation, planning and compiling are done each time."""
    numbers = itertools.count()
    aliased = " ".join(f"v{n}: version" for n in range(900))

    def wide() -> bytes:
        return graphql(
            server, f"query {{ {ORGANIZATION} {{ releases(first: 1) {{ nodes {{ {aliased} }} }} }} }} # {next(numbers)}"
        )

    def lists() -> bytes:
        many = " ".join(
            f"r{n}: releases(first: {n + 1}) {{ nodes {{ version commits(first: 1) {{ nodes {{ sha }} }} }} }}"
            for n in range(40)
        )
        return graphql(server, f"query {{ {ORGANIZATION} {{ {many} }} }} # {next(numbers)}")

    yield Hostile("new documents, 900 aliases", "each once", wide)
    yield Hostile("new documents, 80 lists", "each once", lists)
    yield Hostile("new documents, drawn filters", "each once", shapes(server).__next__)


def drawn(generator: random.Random, size: int) -> Condition:
    """Draw a filter of about so many conditions, nested as it comes."""
    if size <= 1:
        return generator.choice(list(CONDITIONS.values()))(generator.randrange(1000))
    group, parts = generator.choice(("and", "or")), []
    while size > 0:
        seconds = min(size, generator.randint(1, 8))
        parts.append(drawn(generator, seconds if seconds < size else seconds - 1))
        size -= seconds + 1
    return {group: parts}


def shapes(server: Server, seed: int = 1) -> Iterator[bytes]:
    """Make operations without end, no two of which have the same statements."""
    generator = random.Random(seed)
    for number in itertools.count():
        lists = generator.choice((1, 2, 5, 10, 20))
        filters = {f"f{n}": drawn(generator, max(1, 90 // lists)) for n in range(lists)}
        declared = ", ".join(f"${name}: ReleaseFilter" for name in filters)
        fields = " ".join(
            f"r{n}: releases(first: {n + 1}, filter: ${name}) {{ nodes {{ version }} }}" for n, name in enumerate(filters)
        )
        yield graphql(server, f"query ({declared}) {{ {ORGANIZATION} {{ {fields} }} }} # {number}", filters)


def of_writes(server: Server, allowed: Allowed) -> Iterator[Hostile]:
    """Make the largest creations, each of new releases."""
    numbers = itertools.count(10_000_000)
    bulk = "mutation ($i: CreateReleasesInput!) { createReleases(input: $i) { results { outcome } userErrors { code } } }"
    single = "mutation ($i: CreateReleaseInput!) { createRelease(input: $i) { outcome userErrors { code } } }"

    def several(count: int, mode: str = "EACH") -> dict[str, Any]:
        listed = [{"version": f"bulk@{next(numbers)}", "projects": ["web"]} for _ in range(count)]
        return {"i": {"organization": data.ORGANIZATION, "mode": mode, "releases": listed}}

    def large() -> bytes:
        number = next(numbers)
        commits = [
            {
                "sha": f"{number:08x}{n:032x}",
                "repository": "acme/web",
                "fileChanges": [{"path": f"src/{n}/{m}.py", "type": "MODIFIED"} for m in range(2)],
            }
            for n in range(5_000)
        ]
        release = {"organization": data.ORGANIZATION, "version": f"big@{number}", "projects": ["web"], "commits": commits}
        return graphql(server, single, {"i": release})

    def bulk_of(mode: str) -> bytes:
        return graphql(server, bulk, several(count, mode))

    count = most(lambda n: allowed(bulk, several(n)), BULK)
    for mode in ("EACH", "TOGETHER"):
        yield Hostile(f"createReleases, {mode}", f"{count} releases", partial(bulk_of, mode))
    yield Hostile("createRelease", "5,000 commits", large)
    shown = f"mutation ($i: CreateReleaseInput!) {{ createRelease(input: $i) {{ release {{ {ORGANIZATION.partition('(')[0]} {{ releases(first: 1, filter: {{or: [%s]}}) {{ nodes {{ version }} }} }} }} userErrors {{ code }} }} }}"

    def showing() -> bytes:
        release = {"organization": data.ORGANIZATION, "version": f"shown@{next(numbers)}", "projects": ["web"]}
        return graphql(server, shown % paths, {"i": release})

    sample = {"i": {"organization": data.ORGANIZATION, "version": "x", "projects": ["web"]}}
    count = most(lambda n: allowed(shown % " ".join(f'{{path: "a{m}"}}' for m in range(n)), sample), IN_ONE_LIST)
    paths = " ".join(f'{{path: "a{m}"}}' for m in range(count))
    yield Hostile("createRelease that shows a list", f"{count} x path", showing)


def of_rest(server: Server) -> Iterator[Hostile]:
    """Make the worst reads of the REST API."""
    words = "%20".join(f"!release:*a{n}*" for n in range(45))
    for name, path in {
        "REST search, 45 words": f"?query={words}&per_page=100",
        "REST stats, 1,000 rows": "stats/?per_page=1000",
        "REST stats, searched": f"stats/?per_page=1000&query={words}",
        "REST flatten": "?flatten=1&per_page=100",
        "REST list": "?per_page=100",
    }.items():
        request = rest(server, RELEASES_PATH + path)
        yield Hostile(name, "", lambda request=request: request)  # type: ignore[misc]


def every(server: Server, allowed: Allowed) -> Iterator[Hostile]:
    """Make all kinds."""
    yield from of_conditions(server, allowed)
    yield from of_other_reads(server, allowed)
    yield from of_documents(server)
    yield from of_rest(server)
    yield from of_writes(server, allowed)
