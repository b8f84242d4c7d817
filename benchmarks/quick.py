"""Reads and creations in this process, without HTTP: for a quick look before and after a change.

    make bench                     # 2,000 releases of 10 commits in a temporary store

Times swing with the machine: compare two versions in alternating runs, and trust ratios only.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gql_releases.app import create_app
from gql_releases.auth.minting import Mint
from gql_releases.domain.organization import NewProject, NewToken
from gql_releases.domain.principal import Scope
from gql_releases.services.inventory import InventoryService
from gql_releases.services.organizations import OrganizationService
from gql_releases.settings import Settings
from gql_releases.storage.migrating import migrate
from gql_releases.storage.store import Store, open_store

RELEASES, COMMITS, SECONDS = 2_000, 10, 2.0

Q1 = """query Q1($by: ReleaseBy!) { release(by: $by) {
  id version shortVersion ref url status dateCreated dateReleased commitCount deployCount
  versionInfo { package description buildHash version { raw major minor patch pre buildCode components } } } }"""
Q2 = """query Q2($organization: String!) { organization(slug: $organization) { releases(first: 50) {
  pageInfo { hasNextPage endCursor }
  nodes { id version dateCreated dateReleased commitCount projects(first: 5) { nodes { slug } }
    lastCommit { sha } deploys(first: 5) { nodes { environment { name } dateFinished url } }
    commits(first: 10) { nodes { sha message timestamp author { name email } } } } } } }"""
M1 = """mutation M1($input: CreateReleaseInput!) { createRelease(input: $input) {
  outcome release { id version commitCount } userErrors { code message field } } }"""


def body(number: int, commits: int = COMMITS) -> dict[str, Any]:
    """A release with commits by four of 300 authors."""
    listed = [
        {
            "sha": f"{number:030x}{index:010x}",
            "repository": "acme/web",
            "message": f"Change {index} of {number}",
            "authorName": f"Author {(4 * number + index % 4) % 300}",
            "authorEmail": f"author{(4 * number + index % 4) % 300}@example.com",
            "timestamp": "2026-01-01T00:00:00Z",
        }
        for index in range(commits)
    ]
    version = f"web@1.{number}.0+{number}"
    return {"organization": "acme", "version": version, "projects": ["web"], "ref": listed[0]["sha"], "commits": listed}


async def prepare(store: Store) -> str:
    """Make the organization and a token."""
    organizations = OrganizationService(store.organizations)
    await organizations.create_organization({"slug": "acme"})
    operator = await organizations.operator_of("acme")
    await InventoryService(store.inventory).create_project(operator, "acme", NewProject("web", "web"))
    return (await Mint(store.tokens).create_token(operator, "acme", NewToken("bench", frozenset(Scope)))).text


async def ask(app: Any, token: str, document: str, variables: dict[str, Any]) -> None:
    """Send one GraphQL request through the whole application."""
    sent = json.dumps({"query": document, "variables": variables}).encode()
    headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
    path = {"path": "/graphql", "raw_path": b"/graphql", "query_string": b"", "root_path": ""}
    scope = {"type": "http", "method": "POST", "scheme": "http", "headers": headers, **path}
    answer: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answer.append(message.get("body", b""))

    await app(scope, receive, send)
    assert b'"errors"' not in b"".join(answer), b"".join(answer)[:300]


async def measure(name: str, once: Callable[[int], Awaitable[None]]) -> None:
    """Repeat for some seconds; print the median and the fastest, in microseconds."""
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        begun = time.perf_counter()
        await once(len(times))
        times.append(1e6 * (time.perf_counter() - begun))
    print(f"{name}: median {statistics.median(times):.0f} us, fastest {min(times):.0f} us, {len(times)} times")


async def main(url: str) -> None:
    """Fill a store and measure."""
    migrate(url)
    store = open_store(url)
    app, token = create_app(Settings(database_url=url), store), await prepare(store)
    for first in range(0, RELEASES, 50):
        await asyncio.gather(*(ask(app, token, M1, {"input": body(number)}) for number in range(first, first + 50)))

    def by(number: int) -> dict[str, Any]:
        return {"by": {"key": {"organization": "acme", "version": f"web@1.{number % RELEASES}.0+{number % RELEASES}"}}}

    await measure("Q1 one release", lambda number: ask(app, token, Q1, by(7 * number)))
    await measure("Q2 the newest 50", lambda _: ask(app, token, Q2, {"organization": "acme"}))
    await measure("M1 create with 20 commits", lambda number: ask(app, token, M1, {"input": body(10**6 + number, 20)}))
    await store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(f"sqlite:///{Path(folder) / 'bench.db'}"))
