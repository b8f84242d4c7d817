"""Events are stored once, and counted once in each counter, by the rules of issues and releases."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from gql_releases.domain.counters import ITEM_COUNTS, QUEUE_BYTES
from gql_releases.domain.events.event_batch import NewRows
from gql_releases.domain.events.ingest_request import QuotaExceeded
from gql_releases.domain.events.outcomes import ItemOutcome, OutcomeCount
from gql_releases.domain.events.stored_body import unpack_body
from gql_releases.services.ingest import IngestService
from gql_releases.storage.store import open_store
from tests.conftest import Harness
from tests.events.writes import NOW, EventHarness, as_text, at, build_event, show

COUNTERS = ("issues", "issue_hashes", "issue_releases", "release_events", "event_hours", "ingest_hours", "issue_users")


def count(events: EventHarness, table: str) -> int:
    [(number,)] = events.rows(f"SELECT count(*) FROM {table}")
    return int(number)


def test_an_event_is_stored_with_its_issue_release_and_counters(events: EventHarness) -> None:
    event = build_event("web@1.0.0", environment="production", user={"id": "42"}, tags={"a": "b"}, level="fatal", dist="7")
    events.send(event)
    [(event_id, release, level, dist, day, user, body)] = events.rows(
        "SELECT event_id, release_id, level, dist, day, user_hash, body FROM events"
    )
    assert (event_id, level, dist, day) == (event["event_id"], "FATAL", "7", int(NOW.timestamp()) // 86400)
    assert events.version(release) == "web@1.0.0"
    assert len(user) == 32
    stored = unpack_body(bytes(body))
    assert stored["tags"] == [["a", "b"]]
    assert stored["exception"]["values"][0]["value"] == "boom"
    assert events.issue("title, times, users, status, first_release_id, introduced_in_id, last_release_id") == (
        "ValueError: boom", 1, 1, "UNRESOLVED", "web@1.0.0", "web@1.0.0", "web@1.0.0",
    )  # fmt: skip
    [(origin, first, last, number, new)] = events.rows(
        "SELECT origin, first_event, last_event, events, new_issues FROM releases"
        " JOIN release_events ON release_id = releases.id"
    )
    assert (origin, as_text(first), as_text(last), number, new) == ("EVENT", show(NOW), show(NOW), 1, 1)
    assert events.rows("SELECT slug FROM release_projects JOIN projects ON projects.id = project_id") == [("web",)]
    hour = int(NOW.timestamp()) // 3600
    assert events.rows("SELECT hour, events FROM event_hours") == [(hour, 1)]
    assert events.rows("SELECT hour, events, releases, environments, issues FROM ingest_hours") == [(hour, 1, 1, 1, 1)]


def test_items_are_counted_for_the_metrics_after_the_commit(events: EventHarness) -> None:
    before, event, size = Counter(ITEM_COUNTS), build_event("latest"), QUEUE_BYTES["events"]
    discarded = OutcomeCount(ItemOutcome.CLIENT_DISCARD, "sample_rate", "transaction", 7)
    events.send(event, event, build_event(text="other"), outcomes=[discarded])
    assert Counter(ITEM_COUNTS) - before == {
        ("accepted", "", "error"): 2,
        ("refused", "invalid_release", "release"): 1,
        ("client_discard", "sample_rate", "transaction"): 7,
    }
    assert QUEUE_BYTES["events"] == size


def test_the_same_event_id_again_is_counted_once(events: EventHarness) -> None:
    event_id = uuid.uuid4().hex

    async def work() -> None:
        bodies = [build_event(f"1.{index}", text="abc"[index % 3] * 5, event_id=event_id) for index in range(8)]
        await asyncio.gather(*(events.submit([body]) for body in bodies))
        await events.submit([build_event("2.0", text="other", event_id=event_id)])
        await events.submit([build_event("2.0", text="other", event_id=event_id)] * 2)

    events.harness.run(work())
    assert count(events, "events") == 1
    assert events.rows("SELECT times FROM issues") == [(1,)]
    assert events.rows("SELECT events FROM release_events") == [(1,)]
    assert events.rows("SELECT quantity FROM outcomes") == [(1,)]


def test_an_event_again_after_midnight_is_counted_once(events: EventHarness) -> None:
    event = build_event("1.0")
    events.send(event, received=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    events.send(event, received=datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC))
    assert events.rows("SELECT times FROM issues") == [(1,)]


def test_first_and_last_follow_the_contract(events: EventHarness) -> None:
    """IntroducedIn is the first in the order of shipping, firstRelease the first received."""
    for index in range(3):
        events.create_release(f"1.{index}", at(-10_000 + index))
    staging = {"environment": "staging"}
    sent: list[tuple[str, float, dict[str, str]]] = [
        ("1.1", -50, {}), ("1.2", -40, {}), ("1.0", -30, {}), ("1.1", -3000, {}), ("1.1", -10, staging),
    ]  # fmt: skip
    for version, minutes, more in sent:
        events.send(build_event(version, timestamp=at(minutes).isoformat(), **more))
    assert events.issue("times, first_release_id, introduced_in_id, last_release_id") == (5, "1.1", "1.0", "1.2")
    rows = events.rows(
        "SELECT version, first_event, last_event, new_issues, environment_id > 0 FROM release_events"
        " JOIN releases ON releases.id = release_id"
    )
    stored = {
        (version, bool(is_staging)): (as_text(first), as_text(last), new) for version, first, last, new, is_staging in rows
    }
    assert stored == {
        ("1.0", False): (show(at(-30)), show(at(-30)), 0),
        ("1.1", False): (show(at(-3000)), show(at(-50)), 1),
        ("1.1", True): (show(at(-10)), show(at(-10)), 0),
        ("1.2", False): (show(at(-40)), show(at(-40)), 0),
    }


def test_users_are_counted_once_and_hashed(events: EventHarness) -> None:
    for user in ("1", "2", "1"):
        events.send(build_event("1.0", user={"id": user}))
    assert events.issue("times, users") == (3, 2)
    hashes = [user_hash for (user_hash,) in events.rows("SELECT user_hash FROM issue_users")]
    assert all(len(user_hash) == 32 for user_hash in hashes)


def test_short_ids_are_those_of_the_project(events: EventHarness) -> None:
    events.send(build_event(text="a"), build_event(text="b"), build_event(text="a"))
    events.send(build_event(text="c"), project=events.find_project("api"))
    rows = events.rows("SELECT short_id, title, times FROM issues ORDER BY short_id")
    assert rows == [("API-1", "ValueError: c", 1), ("WEB-1", "ValueError: a", 2), ("WEB-2", "ValueError: b", 1)]
    events.rows("UPDATE projects SET slug = CASE slug WHEN 'web' THEN 'old' ELSE 'web' END WHERE slug IN ('web', 'api')")
    events.send(
        build_event(text="d"),
        build_event(text="e"),
        build_event(text="f"),
        project=events.project.__class__(events.project.organization_id, events.find_project("web").project_id),
    )
    assert len(events.rows("SELECT short_id FROM issues")) == 6


def test_a_new_path_names_the_oldest_issue_of_its_site(events: EventHarness) -> None:
    def call(caller: str) -> Any:
        frames = [
            {"module": "shop.views", "function": caller, "in_app": True},
            {"module": "shop.pay", "function": "charge", "in_app": True, "context_line": "raise ValueError"},
        ]
        return build_event(exception={"values": [{"type": "ValueError", "value": "x", "stacktrace": {"frames": frames}}]})

    events.send(call("a"))
    events.send(call("b"), call("c"))
    rows = events.rows("SELECT short_id, new_path_of_id, id FROM issues ORDER BY short_id")
    oldest = rows[0][2]
    assert [(short_id, path) for short_id, path, _ in rows] == [("WEB-1", None), ("WEB-2", oldest), ("WEB-3", oldest)]


def test_refused_names_of_releases_are_counted(events: EventHarness) -> None:
    events.send(build_event("latest"), build_event("feature/x"))
    assert events.rows("SELECT release_id FROM events") == [(None,), (None,)]
    rows = events.rows("SELECT value, quantity FROM outcomes WHERE reason = 'invalid_release' ORDER BY value")
    assert rows == [("feature/x", 1), ("latest", 1)]


def test_new_releases_of_a_project_are_limited(harness: Harness) -> None:
    events = EventHarness(harness, limits=NewRows(releases=3, environments=1, issues=100))
    events.send(*[build_event(f"1.{index}", environment=f"e{index % 2}") for index in range(5)])
    events.send(build_event("2.0", environment="e3"))
    assert count(events, "releases") == 3
    assert count(events, "events") == 6
    assert events.rows("SELECT name FROM environments") == [("e0",)]
    rows = events.rows("SELECT reason, category, quantity FROM outcomes WHERE reason <> '' ORDER BY reason")
    assert rows == [("environment_limit", "environment", 3), ("release_limit", "release", 3)]
    events.send(build_event("2.0"), received=at(60))
    assert count(events, "releases") == 4
    events.close()


def test_new_issues_of_a_project_are_limited(harness: Harness) -> None:
    events = EventHarness(harness, limits=NewRows(releases=9, environments=9, issues=2))
    events.send(*[build_event(text="x" * (index + 1)) for index in range(4)])
    assert (count(events, "issues"), count(events, "events")) == (2, 2)
    assert events.rows("SELECT quantity FROM outcomes WHERE reason = 'issue_limit'") == [(2,)]
    events.close()


def test_the_quota_of_a_project_ends_with_the_hour(harness: Harness) -> None:
    events = EventHarness(harness, quota=2)
    events.send(build_event(), build_event())
    with pytest.raises(QuotaExceeded) as raised:
        events.send(build_event())
    assert raised.value.seconds == 30 * 60
    events.send(outcomes=[OutcomeCount(ItemOutcome.CLIENT_DISCARD, "sample_rate", "error", 3)])
    events.send(build_event(), received=at(31))
    assert count(events, "events") == 3
    events.close()


def test_an_old_version_that_reports_late_was_shipped_before_the_newer(events: EventHarness) -> None:
    events.create_release("web@2.0.0", at(-500))
    events.create_release("web@3.0.0", at(-900))
    events.create_release("api@9.0.0", at(-9000))
    events.send(build_event("web@1.5.0"), build_event("web@4.0.0"))
    rows = dict(events.rows("SELECT version, shipping_date FROM releases WHERE origin = 'EVENT'"))
    assert {version: as_text(date) for version, date in rows.items()} == {
        "web@1.5.0": show(at(-900)),
        "web@4.0.0": show(NOW),
    }


def test_outcomes_of_refused_requests_are_written(events: EventHarness) -> None:
    async def work() -> None:
        for _ in range(3):
            events.service.note_outcomes(
                events.project, [OutcomeCount(ItemOutcome.REJECTED, "overload", "error", 2, size=50)]
            )
        await events.submit([build_event()])

    events.harness.run(work())
    rows = events.rows("SELECT outcome, reason, category, quantity, bytes FROM outcomes ORDER BY outcome")
    assert rows == [("accepted", "", "error", 1, 0), ("refused", "overload", "error", 6, 150)]


def test_two_gateways_store_each_event_once(events: EventHarness) -> None:
    """The same events through two stores at once, which create the same releases, environments and issues."""

    async def work() -> None:
        other = open_store(events.harness.url)
        services = [events.service, IngestService(other.events)]
        first = events.service
        bodies = [
            build_event(
                f"web@1.{index % 4}", text="abcdef"[index % 6] * 9, environment=f"e{index % 3}", user={"id": index % 5}
            )
            for index in range(60)
        ]
        tasks = []
        for index, body in enumerate(bodies * 2):
            events.service = services[(index + index // 60) % 2]
            tasks.append(asyncio.ensure_future(events.submit([body])))
            await asyncio.sleep(0)
        events.service = first
        await asyncio.gather(*tasks)
        await services[1].close()
        await other.close()

    events.harness.run(work())
    assert count(events, "events") == 60
    assert sorted(events.rows("SELECT times FROM issues")) == [(10,)] * 6
    assert events.rows("SELECT sum(events), sum(new_issues) FROM release_events") == [(60, 6)]
    assert events.rows("SELECT sum(times) FROM issue_releases") == [(60,)]
    assert (count(events, "releases"), count(events, "environments")) == (4, 3)
    assert events.rows("SELECT events, releases, environments, issues FROM ingest_hours") == [(60, 4, 3, 6)]


def test_a_key_is_found_and_cached(events: EventHarness) -> None:
    events.rows(
        "INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created)"
        f" VALUES ({events.project.organization_id}, {events.project.project_id}, '{'a' * 32}', 'default', true,"
        " '2026-01-01T00:00:00.000000Z')"
    )
    assert events.harness.run(events.service.find_project("a" * 32)) == events.project
    assert events.harness.run(events.service.find_project("b" * 32)) is None
    events.rows("UPDATE project_keys SET is_active = false")
    assert events.harness.run(events.service.find_project("a" * 32)) == events.project
    events.service._keys.clear()
    assert events.harness.run(events.service.find_project("a" * 32)) is None
