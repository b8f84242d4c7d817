"""A model of the counters of events and sessions: what a set of them counts, whatever the order of their arrival."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.events.writes import NOW, at, build_event, build_session, show

CREATED = {"1.0": at(-900), "1.1": at(-700), "1.2": at(-800), "web@2.0.0": at(-100)}
"""Releases of clients, with their dates."""
REPORTED = {"e1": at(1), "e2": at(2), "e3": at(3)}
"""Releases that events create, with the time of their arrival."""
SHIPPED = CREATED | REPORTED
ENVIRONMENTS = (None, "production", "staging")
TEXTS = ("a", "bb", "ccc")
STATUSES = ("ok", "exited", "errored", "unhandled", "abnormal", "crashed")
COLUMNS = {"crashed": 1, "abnormal": 2, "unhandled": 3, "errored": 4}
"""Status -> its place in the counts of sessions."""


@dataclass(frozen=True)
class Arrival:
    """One event, session or aggregate, and the time of its arrival."""

    received: datetime
    events: tuple[Any, ...] = ()
    sessions: tuple[Any, ...] = ()
    aggregates: tuple[Any, ...] = ()


def draw_arrivals(rng: random.Random, size: int) -> list[Arrival]:
    """Return events, some of them more than once, updates of a few sessions, and aggregates."""
    arrivals: list[Arrival] = []
    for _ in range(size):
        release = rng.choice([None, "bad/name", *SHIPPED])
        event = build_event(
            release,
            text=rng.choice(TEXTS),
            environment=rng.choice(ENVIRONMENTS),
            timestamp=(NOW - timedelta(minutes=rng.randrange(200))).isoformat(),
            user={"id": rng.randrange(4)} if rng.random() < 0.7 else None,
        )
        arrivals += [Arrival(REPORTED.get(release or "", NOW), (event,))] * rng.choice((1, 1, 2))
    for number in range(size // 4):
        release, environment = rng.choice(list(SHIPPED)), rng.choice(ENVIRONMENTS)
        for status in rng.choices(STATUSES, k=rng.randrange(1, 4)):
            more: dict[str, Any] = {"attrs": {"release": release, "environment": environment}, "did": f"user {number % 3}"}
            arrivals.append(
                Arrival(REPORTED.get(release, NOW), sessions=(build_session(release, f"{number:032x}", status, **more),))
            )
    for _ in range(size // 8):
        counts = {name: rng.randrange(3) for name in ("exited", "errored", "crashed", "abnormal", "unhandled")}
        release = rng.choice(list(SHIPPED))
        body = {"aggregates": [{"started": NOW.isoformat(), **counts}], "attrs": {"release": release}}
        arrivals.append(Arrival(REPORTED.get(release, NOW), aggregates=(body,)))
    return arrivals


@dataclass
class Seen:
    """Number of events and the range of their times."""

    times: list[str] = field(default_factory=list)

    @property
    def shown(self) -> tuple[int, str, str]:
        """The number, and the first and last time."""
        return len(self.times), min(self.times), max(self.times)


def compute_counters(arrivals: list[Arrival]) -> dict[str, Any]:
    """Return the counters of a set of arrivals, by the names of releases, environments and texts."""
    events = {event["event_id"]: event for arrival in arrivals for event in arrival.events}.values()
    issues: dict[Any, Seen] = {}
    issue_releases: dict[Any, Seen] = {}
    releases: dict[Any, Seen] = {}
    users: dict[str, set[int]] = {text: set() for text in TEXTS}
    seen_in: dict[str, set[str]] = {text: set() for text in TEXTS}
    for event in events:
        text = event["exception"]["values"][0]["value"]
        release = event.get("release") if event.get("release") in SHIPPED else None
        time = show(datetime.fromisoformat(event["timestamp"]))
        for table, key in ((issues, text), (issue_releases, (text, release, event["environment"]))):
            table.setdefault(key, Seen()).times.append(time)
        if event["user"]:
            users[text].add(event["user"]["id"])
        if release:
            releases.setdefault((release, event["environment"]), Seen()).times.append(time)
            seen_in[text].add(release)
    ordered: dict[str, list[str | None]] = {
        text: [*sorted(seen_in[text], key=lambda release: SHIPPED[release])] or [None] for text in TEXTS
    }
    return {
        "issues": {
            text: (*seen.shown, len(users[text]), ordered[text][0], ordered[text][-1]) for text, seen in issues.items()
        },
        "issue_releases": {key: seen.shown for key, seen in issue_releases.items()},
        "release_events": {key: seen.shown for key, seen in releases.items()},
        "ingest_hours": len(events),
        "session_hours": compute_session_counts(arrivals),
    }


def compute_session_counts(arrivals: list[Arrival]) -> dict[tuple[str, str | None], tuple[int, ...]]:
    """Return sessions, crashed, abnormal, unhandled and errored ones by release and environment."""
    counts: dict[tuple[str, str | None], Counter[int]] = {}
    worst: dict[str, tuple[int, Any]] = {}
    for arrival in arrivals:
        for session in arrival.sessions:
            rank = STATUSES.index(session["status"])
            worst[session["sid"]] = max(worst.get(session["sid"], (-1, None)), (rank, session), key=lambda pair: pair[0])
        for body in arrival.aggregates:
            place = counts.setdefault((body["attrs"]["release"], None), Counter())
            for name, number in body["aggregates"][0].items():
                if name != "started":
                    place[0] += number
                    place[COLUMNS.get(name, 5)] += number
    for rank, session in worst.values():
        place = counts.setdefault((session["attrs"]["release"], session["attrs"]["environment"]), Counter())
        place[0] += 1
        place[COLUMNS.get(STATUSES[rank], 5)] += 1
    return {key: tuple(place[index] for index in range(5)) for key, place in counts.items() if place[0]}
