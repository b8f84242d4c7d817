"""The outbox: what a write costs without one, who claims what, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gql_releases.app import create_app
from gql_releases.domain.dates import now
from gql_releases.domain.forwarding import Claimed, Kind
from gql_releases.storage.store import Store, open_database
from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import commit, release
from tests.storage.recorder import Recorder

LEASE = timedelta(seconds=60)
RELEASES = "organizations/acme/releases/"


@pytest.fixture
def named(harness: Harness) -> Harness:
    """A harness whose organization acme has an upstream; nobody sends."""
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    return harness


@pytest.fixture
def recorded(template: Template, tmp_path: Path) -> Iterator[tuple[Client, Recorder, Harness]]:
    harness = Harness(template, tmp_path)
    recorder = Recorder(open_database(harness.url))
    client = Client(create_app(harness.settings, Store(recorder)), harness.tokens["acme"])
    yield client, recorder, harness
    client.runner.run(recorder.close())
    client.close()
    harness.close()


def test_write_without_an_upstream_costs_one_look_up(recorded: tuple[Client, Recorder, Harness]) -> None:
    client, recorder, harness = recorded
    writes: list[tuple[str, str, Any]] = [
        ("POST", RELEASES, release("web@1", commits=[commit(1)])),
        ("POST", RELEASES, release("web@1")),
        ("PUT", f"{RELEASES}web@1/", {"ref": "main", "commits": [commit(2)]}),
        ("POST", f"{RELEASES}web@1/deploys/", {"environment": "production"}),
        ("DELETE", f"{RELEASES}web@1/", None),
    ]
    for method, path, body in writes:
        recorder.take()
        assert client.rest(method, path, body).status < 300
        about = [sql for sql, _ in recorder.take() if "upstream" in sql or "outbox" in sql]
        # A deploy is read back first, for what is sent is what is stored.
        assert len(about) == 1, (method, path, about)
        assert "FROM upstreams" in about[0]
    assert harness.rows("SELECT count(*) FROM upstream_releases") == [(0,)]


def claim(harness: Harness, limit: int = 9, *, well: bool = True) -> list[Claimed]:
    found: list[Claimed] = harness.run(harness.store.outbox.claim(1, limit, now() + LEASE, well=well))
    return found


def test_a_release_is_claimed_once_and_its_requests_come_in_order(named: Harness) -> None:
    for version in ("web@1", "web@2"):
        assert named.client.rest("POST", RELEASES, release(version)).status == 201
        assert named.client.rest("PUT", f"{RELEASES}{version}/", {"ref": "main"}).status == 200
    assert named.run(named.store.outbox.list_due()) == [(1, True)]
    claims = claim(named)
    assert [(one.version, one.kind, one.attempts) for one in claims] == [
        ("web@1", Kind.CREATION, 1),
        ("web@2", Kind.CREATION, 1),
    ]
    assert claim(named) == []
    assert named.run(named.store.outbox.list_due()) == []
    following = named.run(named.store.outbox.mark_sent(claims[0], now() + LEASE, None))
    assert (following.version, following.kind, following.attempts) == ("web@1", Kind.CHANGE, 1)
    assert named.run(named.store.outbox.mark_sent(following, now() + LEASE, None)) is None
    states = named.rows("SELECT version, state FROM upstream_releases ORDER BY version")
    assert states == [("web@1", "SENT"), ("web@2", "PENDING")]


def test_a_refused_write_puts_nothing_in(named: Harness) -> None:
    body = release("web@1", refs=[{"repository": "acme/web", "commit": "a..b..c"}])
    assert named.client.rest("POST", RELEASES, body).status == 400
    for table in ("releases", "upstream_releases", "outbox"):
        assert named.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_who_took_longer_than_the_lease_changes_nothing_of_who_came_after(named: Harness) -> None:
    assert named.client.rest("POST", RELEASES, release("web@1")).status == 201
    assert named.client.rest("PUT", f"{RELEASES}web@1/", {"ref": "main"}).status == 200
    outbox = named.store.outbox
    [slow] = named.run(outbox.claim(1, 9, now() - LEASE, well=True))
    [quick] = claim(named)
    assert (quick.item, quick.attempts) == (slow.item, 2)
    named.run(outbox.postpone(slow, now() + 100 * LEASE, "slow", None))
    named.run(outbox.mark_refused(slow, "slow"))
    assert named.rows("SELECT state, last_error FROM upstream_releases") == [("PENDING", None)]
    assert named.run(outbox.mark_sent(slow, now() + LEASE, None)) is None, "what has arrived is not sent again"
    following = named.run(outbox.mark_sent(quick, now() + LEASE, None))
    assert following.kind is Kind.CHANGE


def test_an_upstream_that_is_away_is_felt_for_by_one(named: Harness) -> None:
    for number in range(5):
        assert named.client.rest("POST", RELEASES, release(f"web@{number}")).status == 201
    outbox = named.store.outbox
    [first] = claim(named, 1)
    named.run(outbox.postpone(first, now() - LEASE, "away", now() - LEASE))
    assert named.run(outbox.list_due()) == [(1, False)]

    async def all_at_once() -> list[list[Claimed]]:
        return await asyncio.gather(*(outbox.claim(1, 9, now() + LEASE, well=False) for _ in range(4)))

    claims = [one for found in named.run(all_at_once()) for one in found]
    assert len(claims) == 1
    assert named.run(outbox.list_due()) == []
    named.run(outbox.mark_sent(claims[0], now() + LEASE, None))
    assert named.run(outbox.list_due()) == [(1, True)]
    assert len(claim(named)) == 4


def test_claims_of_many_senders_never_meet(named: Harness) -> None:
    for number in range(40):
        assert named.client.rest("POST", RELEASES, release(f"web@{number}")).status == 201

    async def race() -> list[list[Claimed]]:
        return await asyncio.gather(*(named.store.outbox.claim(1, 3, now() + LEASE, well=True) for _ in range(20)))

    claims = [one for found in named.run(race()) for one in found]
    assert len(claims) == len({one.queue for one in claims})
    claims += claim(named, 100)
    assert {one.version for one in claims} == {f"web@{number}" for number in range(40)}


def test_a_release_made_again_goes_on_in_the_queue_of_its_version(named: Harness) -> None:
    for method, path in (("POST", RELEASES), ("DELETE", f"{RELEASES}web@1/"), ("POST", RELEASES)):
        assert named.client.rest(method, path, release("web@1") if method == "POST" else None).status < 300
    [claimed] = claim(named)
    kinds = []
    while claimed:
        kinds.append(claimed.kind)
        claimed = named.run(named.store.outbox.mark_sent(claimed, now() + LEASE, None))
    assert kinds == [Kind.CREATION, Kind.DELETION, Kind.CREATION]
    assert named.rows("SELECT count(*) FROM upstream_releases") == [(1,)]


def test_the_queue_of_a_deleted_release_goes_when_the_deletion_has_arrived(named: Harness) -> None:
    assert named.client.rest("POST", RELEASES, release("web@1")).status == 201
    assert named.client.rest("DELETE", f"{RELEASES}web@1/").status == 204
    [claimed] = claim(named)
    while claimed:
        claimed = named.run(named.store.outbox.mark_sent(claimed, now() + LEASE, None))
    assert named.rows("SELECT count(*) FROM upstream_releases") == [(0,)]


def test_other_organizations_are_not_sent_on(named: Harness) -> None:
    body = release("web@1")
    assert named.client.rest("POST", "organizations/other/releases/", body, token=named.tokens["other"]).status == 201
    assert named.rows("SELECT count(*) FROM outbox") == [(0,)]
