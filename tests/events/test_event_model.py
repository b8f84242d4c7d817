"""Any shuffle of any set of events and sessions gives the same counters, dates and introducedIn: those of a model."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.events.model import CREATED, Arrival, compute_counters, draw_arrivals
from tests.events.writes import EventHarness, as_text
from tests.scale import scale

CASES = scale(4, 60)


def read_counters(events: EventHarness) -> dict[str, Any]:
    """Return the stored counters as the model has them."""
    versions = {0: None, None: None} | dict(events.rows("SELECT id, version FROM releases"))
    names = {0: None} | dict(events.rows("SELECT id, name FROM environments"))
    texts = dict(events.rows("SELECT id, title FROM issues"))
    shown = {issue: title.removeprefix("ValueError: ") for issue, title in texts.items()}

    def times(row: Sequence[Any]) -> tuple[int, str, str]:
        return row[0], as_text(row[1]), as_text(row[2])

    issues = events.rows("SELECT id, users, introduced_in_id, last_release_id, times, first_seen, last_seen FROM issues")
    issue_releases = events.rows(
        "SELECT issue_id, release_id, environment_id, times, first_seen, last_seen FROM issue_releases"
    )
    releases = events.rows("SELECT release_id, environment_id, events, first_event, last_event FROM release_events")
    sessions = events.rows(
        "SELECT release_id, environment_id, sum(sessions), sum(crashed), sum(abnormal), sum(unhandled), sum(errored)"
        " FROM session_hours GROUP BY release_id, environment_id"
    )
    [(total, hours)] = events.rows("SELECT sum(events), (SELECT sum(events) FROM event_hours) FROM ingest_hours")
    [(accepted,)] = events.rows("SELECT sum(quantity) FROM outcomes WHERE outcome = 'accepted'")
    assert total == hours == accepted
    return {
        "issues": {
            shown[issue]: (*times(row), users, versions[first], versions[last]) for issue, users, first, last, *row in issues
        },
        "issue_releases": {
            (shown[issue], versions[release], names[environment]): times(row)
            for issue, release, environment, *row in issue_releases
        },
        "release_events": {(versions[release], names[environment]): times(row) for release, environment, *row in releases},
        "ingest_hours": total,
        "session_hours": {
            (versions[release], names[environment]): tuple(int(number) for number in row)
            for release, environment, *row in sessions
            if row[0]
        },
    }


@pytest.mark.parametrize("seed", range(CASES))
def test_the_order_of_arrival_does_not_matter(events: EventHarness, seed: int) -> None:
    rng = random.Random(seed)
    for version, date in CREATED.items():
        events.create_release(version, date)
    arrivals = draw_arrivals(rng, 60)
    rng.shuffle(arrivals)

    async def send(arrival: Arrival) -> None:
        await events.submit(arrival.events, arrival.sessions, arrival.aggregates, received=arrival.received)

    async def work() -> None:
        waiting: list[asyncio.Future[None]] = []
        for arrival in arrivals:
            waiting.append(asyncio.ensure_future(send(arrival)))
            if rng.random() < 0.3:
                await asyncio.gather(*waiting)
                waiting = []
        await asyncio.gather(*waiting)

    events.harness.run(work())
    assert read_counters(events) == compute_counters(arrivals)
