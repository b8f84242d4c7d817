"""The demo's events and sessions: an error that web@1.4.0+77 introduced, older ones, and the health of two releases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from gql_releases.domain.dates import now
from gql_releases.domain.events.ingest_request import IngestProject, IngestRequest, SentEvent
from gql_releases.domain.events.outcomes import ItemOutcome, OutcomeCount
from gql_releases.domain.events.sessions import parse_sessions
from gql_releases.domain.principal import Principal
from gql_releases.services.ingest import IngestService
from gql_releases.storage.store import Store

PROJECT = "web"
BROKEN, BEFORE = "web@1.4.0+77", "web@1.3.4+119"
"""The release with a new error, and the release of the project before it."""
ENVIRONMENT = "production"
EVENT_BYTES = 2000
ERRORS: tuple[tuple[str, str, str, str, str, tuple[tuple[str, int], ...]], ...] = (
    (
        "basket.ts",
        "total",
        "throw new TypeError(`${item.name} has no price`)",
        "TypeError",
        "tea has no price",
        ((BROKEN, 2),),
    ),
    ("payment.ts", "retry", "throw new TimeoutError(url)", "TimeoutError", "pay.example.com: 7 s", ((BROKEN, 7),)),
    ("search.ts", "rank", "return hits[0].score", "TypeError", "hits[0] is undefined", ((BEFORE, 3), (BROKEN, 4))),
    ("header.ts", "render", "cache.get(key)", "RangeError", "key 4711 is out of range", ((BEFORE, 1),)),
)
"""File and function of an error, its line, type and text, and how often each release had it."""
SESSIONS = ((BEFORE, 480, 3, 2, 40), (BROKEN, 260, 4, 14, 25))
"""Release, sessions without errors, with an error, with a crash, and users."""


async def send_events(store: Store, operator: Principal) -> None:
    """Store events and sessions of the last hours, as SDKs send them."""
    [project_id] = (await store.artifact_bundles.find_projects(operator, [PROJECT])).values()
    project, service, received = IngestProject(operator.organization_id, project_id), IngestService(store.events), now()
    outcomes = (
        OutcomeCount(ItemOutcome.CLIENT_DISCARD, "sample_rate", "transaction", 120),
        OutcomeCount(ItemOutcome.DROPPED, "not_stored", "transaction", 31),
    )
    file, function, line, kind, text, _ = ERRORS[-1]
    of_branch = _build_event(received, file, function, line, kind, text, "feature/login", 0)
    events = [*_build_events(received), of_branch]
    aggregates = [aggregate for item in _build_sessions(received) for aggregate in parse_sessions(item, received)]
    await service.submit(project, IngestRequest(received, events=events))
    await service.submit(project, IngestRequest(received, aggregates=aggregates, outcomes=outcomes))
    await service.close()


def _build_events(received: datetime) -> list[SentEvent]:
    """Return the events, the oldest first."""
    events = [
        _build_event(
            received - timedelta(minutes=47 * number + 11 * index), file, function, line, kind, text, version, number
        )
        for index, (file, function, line, kind, text, releases) in enumerate(ERRORS)
        for version, count in releases
        for number in range(count)
    ]
    return sorted(events, key=lambda event: str(event.data["timestamp"]))


def _build_event(
    moment: datetime, file: str, function: str, line: str, kind: str, text: str, version: str, number: int
) -> SentEvent:
    event_id = uuid5(NAMESPACE_URL, f"{version} {file} {number}").hex
    frames = [
        {"function": "handle", "filename": "server.ts", "lineno": 12, "in_app": True, "context_line": "  route(request)"},
        {"function": function, "filename": f"src/{file}", "lineno": 8, "colno": 13, "in_app": True, "context_line": line},
    ]
    exception = {
        "type": kind,
        "value": text,
        "mechanism": {"type": "generic", "handled": number % 3 == 1},
        "stacktrace": {"frames": frames},
    }
    data: dict[str, Any] = {
        "event_id": event_id,
        "timestamp": moment.isoformat(),
        "platform": "node",
        "level": "error",
        "release": version,
        "environment": ENVIRONMENT,
        "tags": {"region": ("eu", "us")[number % 2]},
        "user": {"id": str(number)},
        "sdk": {"name": "sentry.javascript.node", "version": "11.12.0"},
        "exception": {"values": [exception]},
    }
    return SentEvent(data, event_id, EVENT_BYTES)


def _build_sessions(received: datetime) -> list[Any]:
    """Return the bodies of items with the sessions of each user."""
    started = (received - timedelta(hours=2)).isoformat()
    items = []
    for version, exited, errored, crashed, users in SESSIONS:
        attributes = {"release": version, "environment": ENVIRONMENT}
        counts = [
            {
                "started": started,
                "did": f"user {user}",
                **{
                    name: total // users + (user < total % users)
                    for name, total in (("exited", exited), ("errored", errored), ("crashed", crashed))
                },
            }
            for user in range(users)
        ]
        items.append({"aggregates": counts, "attrs": attributes})
    return items
