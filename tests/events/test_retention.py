"""Old events and counters are removed; the first event of an issue and the counts of issues and releases stay."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from gql_releases.domain.events.retention import DAYS_AHEAD, KEPT_BETWEEN, Pruned, RetentionLock, choose_kept
from gql_releases.services.event_retention import EventRetention
from gql_releases.storage.engine.process_locks import hold_process_lock
from tests.conftest import Template
from tests.events.writes import NOW, EventHarness, build_event, build_session
from tests.test_commands import Console
from tests.test_commands import console as console
from tests.test_commands import url as url

DAY = timedelta(days=1)
NO_LIMIT = 10**12


class RetentionHarness:
    """The retention of a store, at any time."""

    def __init__(self, events: EventHarness) -> None:
        self.events = events

    def prune(self, moment: datetime, *, project_bytes: int = NO_LIMIT, dry_run: bool = False) -> Pruned:
        open_lock = partial(hold_process_lock, self.events.harness.url)
        retention = EventRetention(self.events.store.event_retention, open_lock, project_bytes)
        pruned = self.events.harness.run(retention.prune_alone(moment, dry_run=dry_run))
        assert isinstance(pruned, Pruned)
        return pruned

    def count(self, table: str) -> int:
        [(number,)] = self.events.rows(f"SELECT count(*) FROM {table}")
        return int(number)

    def send_at(self, moment: datetime, *texts: str, **more: str) -> None:
        self.events.send(
            *(build_event("1.0", text=text, timestamp=moment.isoformat(), **more) for text in texts), received=moment
        )


@pytest.fixture
def retention(events: EventHarness) -> RetentionHarness:
    return RetentionHarness(events)


def test_events_expire_by_age_but_not_the_first_of_an_issue(retention: RetentionHarness) -> None:
    for days in range(4):
        retention.send_at(NOW + days * DAY, "a", "a", "b")
    moment = NOW + 91 * DAY + timedelta(minutes=1)
    assert retention.prune(moment, dry_run=True).expired_events == 4
    assert retention.count("events") == 12
    pruned = retention.prune(moment)
    assert pruned.expired_events in (0, 4), "PostgreSQL drops the days"
    assert retention.count("events") == 2 + 2 * 3, "two first events, and those of the last two days"
    assert retention.events.issue("times") == 8
    assert retention.prune(moment).expired_events == 0
    [(stored,)] = retention.events.rows("SELECT sum(bytes) FROM ingest_hours")
    [(length,)] = retention.events.rows("SELECT sum(length(body)) FROM events WHERE day > 0")
    assert stored == pytest.approx(length, abs=2 * length / 8), "hours of the first events have expired with their day"
    retention.send_at(moment, "a")
    assert retention.events.issue("times") == 9


def test_the_oldest_events_beyond_the_size_of_a_project_are_removed(retention: RetentionHarness) -> None:
    for minutes in range(20):
        retention.send_at(NOW + timedelta(minutes=minutes), "a")
    [(total,)] = retention.events.rows("SELECT sum(bytes) FROM ingest_hours")
    [(length,)] = retention.events.rows("SELECT sum(length(body)) FROM events")
    assert total == length
    moment = NOW + timedelta(minutes=30)
    assert retention.prune(moment, project_bytes=total).events_beyond_size == 0
    assert retention.prune(moment, project_bytes=total // 2, dry_run=True).events_beyond_size == 10
    assert retention.prune(moment, project_bytes=total // 2).events_beyond_size == 10
    kept = [event_time for (event_time,) in retention.events.rows("SELECT timestamp FROM events ORDER BY timestamp")]
    assert len(kept) == 10
    assert str(kept[0]) < str(kept[1])
    [(left,)] = retention.events.rows("SELECT sum(bytes) FROM ingest_hours")
    assert left <= total // 2


def test_many_events_of_an_issue_are_thinned_after_an_hour(retention: RetentionHarness) -> None:
    for begin in range(0, 120, 40):
        bodies = [
            build_event("1.0", timestamp=(NOW + timedelta(seconds=begin + number)).isoformat()) for number in range(40)
        ]
        retention.events.send(*bodies, received=NOW + timedelta(seconds=begin + 40))
    retention.send_at(NOW + timedelta(hours=2), "boom")
    early = NOW + timedelta(minutes=30)
    assert retention.prune(early).thinned_events == 0
    moment = NOW + timedelta(hours=2, minutes=1)
    assert retention.prune(moment, dry_run=True).thinned_events == 120 - KEPT_BETWEEN - 2
    assert retention.prune(moment).thinned_events == 120 - KEPT_BETWEEN - 2
    assert retention.count("events") == KEPT_BETWEEN + 3
    assert retention.events.issue("times") == 121
    assert retention.prune(moment).thinned_events == 0


@pytest.mark.parametrize("number", [1, 2, 51, 52, 53, 54, 1000])
def test_thinning_keeps_the_ends_and_spreads_the_others(number: int) -> None:
    ids = sorted(random.Random(number).sample(range(10_000), number))
    kept = sorted(choose_kept(ids))
    assert len(kept) == min(number, KEPT_BETWEEN + 2)
    assert (kept[0], kept[-1]) == (ids[0], ids[-1])
    places = [ids.index(row_id) for row_id in kept]
    gaps = {after - before for before, after in itertools.pairwise(places)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_counters_expire(retention: RetentionHarness) -> None:
    retention.send_at(NOW, "a")
    retention.events.send(sessions=[build_session("1.0", "a" * 32, did="u")])
    moved = NOW + timedelta(days=31)
    retention.events.rows("INSERT INTO deleted_releases VALUES (1, 'x', '2026-11-30T12:30:00.000000Z')")
    assert retention.prune(moved) == Pruned(live_sessions=1, deleted_releases=1)
    later = retention.prune(NOW + 92 * DAY)
    assert (later.session_users, later.ingest_hours) == (1, 1)
    assert later.outcomes > 0
    assert (later.event_hours, later.session_hours) == (0, 0)
    last = retention.prune(NOW + 400 * DAY)
    assert (last.event_hours, last.session_hours) == (1, 1)
    assert retention.count("release_events") == 1


@pytest.mark.postgres
def test_days_are_made_ahead_and_dropped(retention: RetentionHarness) -> None:
    def list_days() -> list[int]:
        rows = retention.events.rows(
            "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'events'::regclass"
        )
        return sorted(int(name[7:]) for (name,) in rows if name != "events_default")

    today = int(datetime.now(UTC).timestamp()) // 86_400
    assert list_days() == [today + ahead for ahead in range(DAYS_AHEAD)]
    retention.prune(datetime.now(UTC) + DAY)
    assert list_days()[-1] == today + DAYS_AHEAD
    retention.send_at(datetime.now(UTC), "a", "a")
    retention.prune(datetime.now(UTC) + 95 * DAY)
    assert min(list_days()) >= today + 4
    assert retention.count("events") == 1
    assert retention.count("events_default") == 1


def test_the_command_prints_what_it_removes(template: Template, url: str, console: Console) -> None:
    assert console.run("events", "prune") == (0, "nothing to remove\n", "")
    template.databases.rows(url, "INSERT INTO deleted_releases VALUES (1, 'x', '2020-01-01T00:00:00.000000Z')")
    assert console.run("events", "prune", "--dry-run") == (0, "would remove 1 names of deleted releases\n", "")
    assert console.run("events", "prune") == (0, "removed 1 names of deleted releases\n", "")


def test_one_process_prunes_at_a_time(url: str, console: Console) -> None:
    with asyncio.Runner() as runner:
        lock = hold_process_lock(url, RetentionLock.RETENTION_RUN)
        assert runner.run(lock.__aenter__())
        outcome = console.run("events", "prune")
        runner.run(lock.__aexit__(None, None, None))
    assert outcome == (1, "", "Another process removes old events at the moment.\n")
