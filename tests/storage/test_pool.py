"""PostgreSQL's connections: how many, how long they are waited for, and which hosts they lead to."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gql_releases.app import create_app
from gql_releases.settings import Settings
from gql_releases.storage.hosts import hosts_of
from gql_releases.storage.pool import Pool
from gql_releases.storage.store import open_store
from tests.client import Answer, Client
from tests.conftest import Template
from tests.databases import ON_POSTGRES
from tests.factories import CREATE, as_graphql, release

READ_WRITE = "target_session_attrs=read-write"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://u:p@one/x", ["postgresql://u:p@one/x"]),
        ("postgresql://u@/x?host=/run/one", ["postgresql://u@/x?host=%2Frun%2Fone"]),
        ("postgresql://u:a%40b@one:1,two:2/x", [f"postgresql://u:a%40b@one:1/x?{READ_WRITE}", f"postgresql://u:a%40b@two:2/x?{READ_WRITE}"]),
        ("postgresql://[::1]:1,two/x?sslmode=require", [f"postgresql://[::1]:1/x?sslmode=require&{READ_WRITE}", f"postgresql://two/x?sslmode=require&{READ_WRITE}"]),
        ("postgresql:///x?host=/a,/b&port=1,2", [f"postgresql:/x?host=%2Fa&port=1&{READ_WRITE}", f"postgresql:/x?host=%2Fb&port=2&{READ_WRITE}"]),
        ("postgresql://one,two/x?target_session_attrs=any", ["postgresql://one/x?target_session_attrs=any", "postgresql://two/x?target_session_attrs=any"]),
    ],
)  # fmt: skip
def test_each_host_of_a_url_is_asked_and_the_one_that_takes_writes_is_meant(url: str, hosts: list[str]) -> None:
    assert hosts_of(url) == hosts


@pytest.mark.skipif(not ON_POSTGRES, reason="about PostgreSQL")
def test_request_without_a_connection_in_time_gets_503_and_changes_nothing(template: Template, tmp_path: Path) -> None:
    """One connection, which waits for a locked row: other requests wait as long as is set, and no longer."""
    url = template.databases.copy(template.url, tmp_path)
    settings = Settings(database_url=url, pool_size=1, pool_seconds=0.3)
    store = open_store(url, settings.pool_size, settings.pool_seconds)
    client = Client(create_app(settings, store), template.tokens["acme"])
    assert client.rest("POST", "organizations/acme/releases/", release("held")).status == 201
    body = {"query": CREATE, "variables": {"input": as_graphql(release("by-graphql"))}}
    read = {"query": '{ organization(slug: "acme") { slug } }'}

    async def ask() -> tuple[list[Answer], Answer]:
        with contextlib.closing(psycopg.connect(url)) as holder:
            holder.execute("SELECT 1 FROM releases WHERE version = 'held' FOR UPDATE")
            path = "/api/0/organizations/acme/releases/"
            waiting = asyncio.ensure_future(client.send("PUT", f"{path}held/", {"ref": "changed"}))
            await asyncio.sleep(0.2)
            asked: list[Any] = [
                client.send("POST", path, release("by-rest")),
                client.send("POST", "/graphql", body),
                client.send("GET", path),
                client.send("POST", "/graphql", read),
                client.send("GET", path, token=template.tokens["other"]),  # one that is not known yet
            ]
            refused = await asyncio.wait_for(asyncio.gather(*asked), 3)
            holder.rollback()
            return refused, await waiting

    refused, waited = client.runner.run(ask())
    for answer in refused:
        assert (answer.status, answer.headers.get("retry-after")) == (503, "1"), answer
    assert refused[1].json["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (waited.status, waited.json["ref"]) == (200, "changed")
    assert template.databases.rows(url, "SELECT version FROM releases") == [("held",)]
    assert client.rest("POST", "organizations/acme/releases/", release("by-rest")).status == 201
    assert client.request("POST", "/graphql", body).json["data"]["createRelease"]["outcome"] == "CREATED"
    client.runner.run(store.close())
    client.close()
    template.databases.drop(url)


class Connection:
    """What a pool sees of a connection."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True


def test_what_begins_while_the_pool_closes_keeps_nothing_open() -> None:
    """As the note of a token's use does, which no request waits for: the end of the process must not wait for it either."""

    async def work() -> None:
        opened: list[Connection] = []

        async def connect() -> Connection:
            await asyncio.sleep(0)
            opened.append(Connection())
            return opened[-1]

        pool = Pool(connect, 2, 5.0)
        early = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        late = await pool.acquire()
        pool.release(early)
        pool.release(late)
        await asyncio.wait_for(closing, 1)
        assert [one.closed for one in opened] == [True, True]

    asyncio.run(work())
