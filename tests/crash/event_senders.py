"""Clients that send events and sessions to a gateway, a ledger of what was acknowledged, and its check against the store."""

from __future__ import annotations

import http.client
import json
import random
import threading
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tests.crash.gateways import Gateway
from tests.databases import Databases

RELEASES, ENVIRONMENTS = 30, ("production", "staging", None)
FAULTS = ("TypeError", "KeyError", "OSError", "EOFError", "ValueError", "IndexError", "LookupError", "NameError")
CONTENT = {"Content-Type": "application/x-sentry-envelope"}

STORED_EVENTS = "SELECT event_id FROM events"
STORED_SESSIONS = "SELECT sid FROM live_sessions"
COUNTERS = {
    "issues.times": (
        "SELECT id, times FROM issues",
        "SELECT issue_id, count(*) FROM events GROUP BY issue_id",
    ),
    "issues.users": (
        "SELECT id, users FROM issues",
        "SELECT issue_id, count(DISTINCT user_hash) FROM events GROUP BY issue_id",
    ),
    "issue_users": (
        "SELECT issue_id, user_hash FROM issue_users",
        "SELECT DISTINCT issue_id, user_hash FROM events WHERE user_hash IS NOT NULL",
    ),
    "issue_releases": (
        "SELECT issue_id, release_id, environment_id, times FROM issue_releases",
        "SELECT issue_id, coalesce(release_id, 0), coalesce(environment_id, 0), count(*) FROM events GROUP BY 1, 2, 3",
    ),
    "release_events": (
        "SELECT release_id, environment_id, events FROM release_events",
        "SELECT release_id, coalesce(environment_id, 0), count(*) FROM events WHERE release_id IS NOT NULL GROUP BY 1, 2",
    ),
    "release_events.new_issues": (
        "SELECT sum(new_issues) FROM release_events",
        "SELECT count(*) FROM issues WHERE first_release_id IS NOT NULL",
    ),
    "event_hours": (
        "SELECT release_id, environment_id, sum(events) FROM event_hours GROUP BY 1, 2",
        "SELECT coalesce(release_id, 0), coalesce(environment_id, 0), count(*) FROM events GROUP BY 1, 2",
    ),
    "ingest_hours": (
        "SELECT sum(events), sum(issues), sum(bytes) FROM ingest_hours",
        "SELECT count(*), (SELECT count(*) FROM issues), coalesce(sum(length(body)), 0) FROM events",
    ),
    "accepted outcomes": (
        "SELECT coalesce(sum(quantity), 0) FROM outcomes WHERE outcome = 'accepted' AND category = 'error'",
        "SELECT count(*) FROM events",
    ),
    "session_hours": (
        "SELECT release_id, environment_id, sum(sessions), sum(crashed) FROM session_hours GROUP BY 1, 2",
        "SELECT release_id, environment_id, count(*), count(*) FROM live_sessions GROUP BY 1, 2",
    ),
    "projects.issue_counter": (
        "SELECT max(issue_counter) FROM projects",
        "SELECT count(*) FROM issues",
    ),
}
"""Counter -> its statement, and one that computes the same from the rows that it counts."""


@dataclass(frozen=True)
class Envelope:
    """An event and the session that it ended, as they are sent: once more after a request without a response."""

    event_id: str
    session_id: str
    body: bytes


def build_envelope(chance: random.Random) -> Envelope:
    """Return an event of a random issue, release, environment and user, with a session."""
    event_id, session_id = (uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(2))
    release, environment = f"web@1.{chance.randrange(RELEASES)}.0", chance.choice(ENVIRONMENTS)
    fault = chance.choice(FAULTS)
    event: dict[str, Any] = {
        "event_id": event_id.hex,
        "platform": "python",
        "user": {"id": chance.randrange(50)},
        "exception": {"values": [{"type": fault, "value": "a fault", "mechanism": {"type": "x", "handled": False}}]},
        "extra": {"state": chance.randbytes(chance.choice((100, 100, 100, 40_000))).hex()},
    }
    if chance.random() < 0.9:
        event["release"] = release
    if environment:
        event["environment"] = environment
    attributes = {"release": release, "environment": environment or "production"}
    session = {"sid": str(session_id), "status": "crashed", "errors": 1, "init": True, "attrs": attributes}
    session["started"] = "2026-12-01T00:00:00Z"
    parts: list[Any] = [{"event_id": event_id.hex}, {"type": "event"}, event, {"type": "session"}, session]
    return Envelope(event_id.hex, session_id.hex, "\n".join(map(json.dumps, parts)).encode() + b"\n")


@dataclass
class EventSenders:
    """Threads that send envelopes until `stop` is called or the gateway has ended, and what became of them."""

    path: str
    """Path and query, with the key."""
    chance: random.Random
    acknowledged: list[Envelope] = field(default_factory=list)
    refused: list[Envelope] = field(default_factory=list)
    unanswered: list[Envelope] = field(default_factory=list)
    """Requests without a response: stored or not. The next gateway gets them first, as from an SDK that kept them."""
    statuses: Counter[int] = field(default_factory=Counter)
    limits: set[str | None] = field(default_factory=set)
    """Values of X-Sentry-Rate-Limits of refusals."""
    faults: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self, gateway: Gateway, count: int = 6) -> None:
        """Start the threads."""
        self.over.clear()
        repeated, self.unanswered = self.unanswered, []
        for number in range(count):
            arguments = (gateway.base, random.Random(self.chance.random()), repeated[number::count])
            thread = threading.Thread(target=self._send_repeatedly, args=arguments, daemon=True)
            self.threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop the threads. Raises the first unexpected error."""
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        self.threads.clear()
        if self.faults:
            raise self.faults[0]

    def _send_repeatedly(self, base: str, chance: random.Random, repeated: list[Envelope]) -> None:
        connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=30)
        waiting = deque(repeated)
        try:
            while not self.over.is_set():
                envelope = waiting.popleft() if waiting else build_envelope(chance)
                try:
                    connection.request("POST", self.path, envelope.body, CONTENT)
                    response = connection.getresponse()
                    response.read()
                except (OSError, http.client.HTTPException):  # the process was killed
                    waiting.append(envelope)
                    return
                self.statuses[response.status] += 1
                if response.status == 200:
                    self.acknowledged.append(envelope)
                else:
                    self.refused.append(envelope)
                    self.limits.add(response.getheader("X-Sentry-Rate-Limits"))
        except BaseException as error:
            self.faults.append(error)
        finally:
            self.unanswered += waiting
            connection.close()


def create_key(gateway: Gateway) -> str:
    """Create a key of acme's project web, and return the path to which events are sent with it."""
    status, key = gateway.post("/api/0/projects/acme/web/keys/", {"name": "crash"})
    assert status == 201, key
    dsn = urlsplit(key["dsn"]["public"])
    return f"/api{dsn.path}/envelope/?sentry_version=7&sentry_key={dsn.username}"


def assert_ledger(databases: Databases, url: str, *senders: EventSenders) -> None:
    """Assert that acknowledged events and sessions are stored, no other ones than those sent are, and each counts once."""
    acknowledged = [envelope for sender in senders for envelope in sender.acknowledged]
    uncertain = [envelope for sender in senders for envelope in (*sender.refused, *sender.unanswered)]
    for statement, name in ((STORED_EVENTS, "event_id"), (STORED_SESSIONS, "session_id")):
        rows = [row[0] for row in databases.rows(url, statement)]
        stored = {row.replace("-", "") for row in rows}
        assert len(stored) == len(rows), f"{name} is stored twice"
        assert not {getattr(envelope, name) for envelope in acknowledged} - stored, f"{name} is lost"
        assert not stored - {getattr(envelope, name) for envelope in (*acknowledged, *uncertain)}
    for name, statements in COUNTERS.items():
        counts, rows_of_events = ([tuple(map(_plain, row)) for row in databases.rows(url, text)] for text in statements)
        assert sorted(counts) == sorted(rows_of_events), name


def _plain(value: Any) -> Any:
    """Return a number as an int: sums are decimals on PostgreSQL."""
    return int(value) if isinstance(value, Decimal) else value
