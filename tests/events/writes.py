"""Helpers of the tests of stored events: a service over a store, events, sessions, and the stored rows by name."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gql_releases.domain.events.ingest_request import IngestProject, IngestRequest, SentEvent
from gql_releases.domain.events.outcomes import ItemOutcome, OutcomeCount
from gql_releases.domain.events.sessions import parse_session, parse_sessions
from gql_releases.services.ingest import IngestService
from gql_releases.storage.store import Store, open_store
from tests.client import Client
from tests.conftest import Harness
from tests.factories import CREATE, as_graphql

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Return a time so many minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def build_event(release: str | None = None, *, text: str = "boom", event_id: str | None = None, **more: Any) -> Any:
    """Return an event whose group is that of its text."""
    event = {"event_id": event_id or uuid.uuid4().hex, "platform": "python", "timestamp": NOW.isoformat()}
    exception = {"type": "ValueError", "value": text}
    if release is not None:
        event["release"] = release
    return {**event, "exception": {"values": [exception]}, **more}


def build_session(release: str, sid: str, status: str = "ok", errors: int = 0, **more: Any) -> Any:
    """Return the body of a session item."""
    attributes = {"release": release, "environment": "production"}
    return {"sid": sid, "status": status, "errors": errors, "started": NOW.isoformat(), "attrs": attributes, **more}


class EventHarness:
    """An ingest service over the store of a harness; `project` is `web` of the organization acme."""

    def __init__(self, harness: Harness, store: Store | None = None, **settings: Any) -> None:
        self.harness, self.rows = harness, harness.rows
        self.store: Store = store or open_store(harness.url)
        self.service = IngestService(self.store.events, **settings)
        self.project = self.find_project("web")
        self.client: Client = harness.client

    def find_project(self, slug: str, organization: str = "acme") -> IngestProject:
        """Return a project."""
        [(owner, project)] = self.rows(
            "SELECT organizations.id, projects.id FROM projects JOIN organizations ON organizations.id = organization_id"
            f" WHERE projects.slug = '{slug}' AND organizations.slug = '{organization}'"
        )
        return IngestProject(owner, project)

    async def submit(
        self,
        events: Sequence[Any] = (),
        sessions: Sequence[Any] = (),
        aggregates: Sequence[Any] = (),
        *,
        received: datetime = NOW,
        project: IngestProject | None = None,
        outcomes: Sequence[OutcomeCount] = (),
    ) -> None:
        """Store one request."""
        parsed = [parse_session(session, received) for session in sessions]
        request = IngestRequest(
            received,
            None,
            [SentEvent(event, event.get("event_id") or uuid.uuid4().hex, 1000) for event in events],
            [session for session in parsed if session],
            [aggregate for body in aggregates for aggregate in parse_sessions(body, received)],
            outcomes,
        )
        await self.service.submit(project or self.project, request)

    def send(self, *events: Any, **more: Any) -> None:
        """Store events in one request."""
        self.harness.run(self.submit(events, **more))

    def create_release(self, version: str, date: datetime | None = None, **more: Any) -> Any:
        """Create a release of the project as a client does."""
        body = {"version": version, "projects": ["web"], **more}
        if date:
            body["dateReleased"] = date.isoformat()
        response = self.client.graphql(CREATE, {"input": as_graphql(body)})
        assert "errors" not in response, response
        return response["data"]["createRelease"]

    def version(self, release_id: int | None) -> str | None:
        """Return the version of a release."""
        if not release_id:
            return None
        [(version,)] = self.rows(f"SELECT version FROM releases WHERE id = {release_id}")
        return str(version)

    def issue(self, columns: str, short_id: str = "WEB-1") -> Any:
        """Return columns of an issue; ids of releases as versions."""
        [row] = self.rows(f"SELECT {columns} FROM issues WHERE short_id = '{short_id}'")
        names = [name.strip() for name in columns.split(",")]
        values = [
            self.version(value) if name.endswith("_id") and name != "new_path_of_id" else value
            for name, value in zip(names, row, strict=True)
        ]
        return values[0] if len(values) == 1 else tuple(values)

    def close(self) -> None:
        """Close the service and its store."""

        async def work() -> None:
            await self.service.close()
            await self.store.close()

        self.harness.run(work())


async def write_all_kinds(harness: Harness, store: Store) -> None:
    """Store what uses each statement: new and known releases, environments, issues, users, sessions and outcomes."""
    events = EventHarness(harness, store)
    outcome = OutcomeCount(ItemOutcome.CLIENT_DISCARD, "sample_rate", "error", 1)
    frame = {"module": "shop.pay", "function": "charge", "in_app": True}
    sessions = [build_session("web@77.0.0", f"{number:032x}", did="7") for number in range(20)]
    aggregate = {"started": NOW.isoformat(), "exited": 2}
    aggregates = [{"aggregates": [aggregate], "attrs": {"release": "web@77.0.0", "environment": "production"}}]
    for number in range(2):
        bodies = [
            build_event(f"web@77.0.{index}", text="ab"[index % 2] * index, environment=f"e{index}", user={"id": index})
            for index in range(20)
        ]
        for body in bodies:
            body["exception"]["values"][0]["stacktrace"] = {"frames": [frame]}
        await events.submit(bodies, sessions, aggregates, outcomes=[outcome], received=at(number))
        await events.submit(bodies[:2], received=at(number))
        # Frames of a file and of a module, in a release with commits.
        with_commits = build_event("web@3.9.0+9", text="suspects")
        frames = [{"filename": "src/a.py"}, {"module": "shop.pay"}]
        with_commits["exception"]["values"][0]["stacktrace"] = {"frames": frames}
        await events.submit([with_commits], received=at(number))
    await events.service.find_project("0" * 32)
    await events.service.close()


def as_text(value: Any) -> str:
    """Return a date of a row, a text or datetime, as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def show(moment: datetime) -> str:
    """Return a time as rows have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
