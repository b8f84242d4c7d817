"""The outbox: the cost of a write without an upstream, and which sender claims which request when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gql_releases.domain.dates import now
from gql_releases.domain.forwarding import Claimed, Kind
from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import commit, release
from tests.storage.recorder import Recorder, record_client

LEASE = timedelta(seconds=60)
RELEASES = "organizations/acme/releases/"


@pytest.fixture
def upstream_harness(harness: Harness) -> Harness:
    """Return a harness whose organization acme has an upstream and which has no sender."""
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    return harness


@pytest.fixture
def recording(template: Template, tmp_path: Path) -> Iterator[tuple[Client, Recorder, Harness]]:
    harness = Harness(template, tmp_path)
    with record_client(harness) as (client, recorder):
        yield client, recorder, harness
    harness.close()


def test_write_without_an_upstream_costs_one_look_up(recording: tuple[Client, Recorder, Harness]) -> None:
    client, recorder, harness = recording
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
        outbox_statements = [sql for sql, _ in recorder.take() if "upstream" in sql or "outbox" in sql]
        # A deploy is read back first, because the stored deploy is forwarded.
        assert len(outbox_statements) == 1, (method, path, outbox_statements)
        assert "FROM upstreams" in outbox_statements[0]
    assert harness.rows("SELECT count(*) FROM upstream_releases") == [(0,)]


def claim_requests(harness: Harness, limit: int = 9, *, well: bool = True) -> list[Claimed]:
    claims: list[Claimed] = harness.run(harness.store.outbox.claim(1, limit, now() + LEASE, well=well))
    return claims


def test_a_release_is_claimed_once_and_its_requests_come_in_order(upstream_harness: Harness) -> None:
    for version in ("web@1", "web@2"):
        assert upstream_harness.client.rest("POST", RELEASES, release(version)).status == 201
        assert upstream_harness.client.rest("PUT", f"{RELEASES}{version}/", {"ref": "main"}).status == 200
    assert upstream_harness.run(upstream_harness.store.outbox.list_due()) == [(1, True)]
    claims = claim_requests(upstream_harness)
    assert [(claim.version, claim.kind, claim.attempts) for claim in claims] == [
        ("web@1", Kind.CREATION, 1),
        ("web@2", Kind.CREATION, 1),
    ]
    assert claim_requests(upstream_harness) == []
    assert upstream_harness.run(upstream_harness.store.outbox.list_due()) == []
    following = upstream_harness.run(upstream_harness.store.outbox.mark_sent(claims[0], now() + LEASE, None))
    assert (following.version, following.kind, following.attempts) == ("web@1", Kind.CHANGE, 1)
    assert upstream_harness.run(upstream_harness.store.outbox.mark_sent(following, now() + LEASE, None)) is None
    states = upstream_harness.rows("SELECT version, state FROM upstream_releases ORDER BY version")
    assert states == [("web@1", "SENT"), ("web@2", "PENDING")]


def test_a_refused_write_adds_nothing_to_the_outbox(upstream_harness: Harness) -> None:
    body = release("web@1", refs=[{"repository": "acme/web", "commit": "a..b..c"}])
    assert upstream_harness.client.rest("POST", RELEASES, body).status == 400
    for table in ("releases", "upstream_releases", "outbox"):
        assert upstream_harness.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_sender_that_took_longer_than_the_lease_changes_nothing_of_the_next_one(upstream_harness: Harness) -> None:
    assert upstream_harness.client.rest("POST", RELEASES, release("web@1")).status == 201
    assert upstream_harness.client.rest("PUT", f"{RELEASES}web@1/", {"ref": "main"}).status == 200
    outbox = upstream_harness.store.outbox
    [slow] = upstream_harness.run(outbox.claim(1, 9, now() - LEASE, well=True))
    [quick] = claim_requests(upstream_harness)
    assert (quick.item, quick.attempts) == (slow.item, 2)
    upstream_harness.run(outbox.postpone(slow, now() + 100 * LEASE, "slow", None))
    upstream_harness.run(outbox.mark_refused(slow, "slow"))
    assert upstream_harness.rows("SELECT state, last_error FROM upstream_releases") == [("PENDING", None)]
    assert upstream_harness.run(outbox.mark_sent(slow, now() + LEASE, None)) is None, "a delivered request is not sent again"
    following = upstream_harness.run(outbox.mark_sent(quick, now() + LEASE, None))
    assert following.kind is Kind.CHANGE


def test_an_unreachable_upstream_is_tried_by_one_sender(upstream_harness: Harness) -> None:
    for number in range(5):
        assert upstream_harness.client.rest("POST", RELEASES, release(f"web@{number}")).status == 201
    outbox = upstream_harness.store.outbox
    [first] = claim_requests(upstream_harness, 1)
    upstream_harness.run(outbox.postpone(first, now() - LEASE, "away", now() - LEASE))
    assert upstream_harness.run(outbox.list_due()) == [(1, False)]

    async def all_at_once() -> list[list[Claimed]]:
        return await asyncio.gather(*(outbox.claim(1, 9, now() + LEASE, well=False) for _ in range(4)))

    claims = [claim for sender_claims in upstream_harness.run(all_at_once()) for claim in sender_claims]
    assert len(claims) == 1
    assert upstream_harness.run(outbox.list_due()) == []
    upstream_harness.run(outbox.mark_sent(claims[0], now() + LEASE, None))
    assert upstream_harness.run(outbox.list_due()) == [(1, True)]
    assert len(claim_requests(upstream_harness)) == 4


def test_claims_of_many_senders_never_overlap(upstream_harness: Harness) -> None:
    for number in range(40):
        assert upstream_harness.client.rest("POST", RELEASES, release(f"web@{number}")).status == 201

    async def race() -> list[list[Claimed]]:
        return await asyncio.gather(
            *(upstream_harness.store.outbox.claim(1, 3, now() + LEASE, well=True) for _ in range(20))
        )

    claims = [claim for sender_claims in upstream_harness.run(race()) for claim in sender_claims]
    assert len(claims) == len({claim.queue for claim in claims})
    claims += claim_requests(upstream_harness, 100)
    assert {claim.version for claim in claims} == {f"web@{number}" for number in range(40)}


def test_a_release_created_again_continues_the_queue_of_its_version(upstream_harness: Harness) -> None:
    for method, path in (("POST", RELEASES), ("DELETE", f"{RELEASES}web@1/"), ("POST", RELEASES)):
        assert upstream_harness.client.rest(method, path, release("web@1") if method == "POST" else None).status < 300
    [claimed] = claim_requests(upstream_harness)
    kinds = []
    while claimed:
        kinds.append(claimed.kind)
        claimed = upstream_harness.run(upstream_harness.store.outbox.mark_sent(claimed, now() + LEASE, None))
    assert kinds == [Kind.CREATION, Kind.DELETION, Kind.CREATION]
    assert upstream_harness.rows("SELECT count(*) FROM upstream_releases") == [(1,)]


def test_the_queue_of_a_deleted_release_is_deleted_when_the_deletion_is_delivered(upstream_harness: Harness) -> None:
    assert upstream_harness.client.rest("POST", RELEASES, release("web@1")).status == 201
    assert upstream_harness.client.rest("DELETE", f"{RELEASES}web@1/").status == 204
    [claimed] = claim_requests(upstream_harness)
    while claimed:
        claimed = upstream_harness.run(upstream_harness.store.outbox.mark_sent(claimed, now() + LEASE, None))
    assert upstream_harness.rows("SELECT count(*) FROM upstream_releases") == [(0,)]


def test_other_organizations_are_not_forwarded(upstream_harness: Harness) -> None:
    body = release("web@1")
    assert (
        upstream_harness.client.rest(
            "POST", "organizations/other/releases/", body, token=upstream_harness.tokens["other"]
        ).status
        == 201
    )
    assert upstream_harness.rows("SELECT count(*) FROM outbox") == [(0,)]
