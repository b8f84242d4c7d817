"""Requests of the ingest endpoint to the services, and the protocols of these services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gql_releases.domain.events.outcomes import OutcomeCount


@dataclass(frozen=True, slots=True)
class IngestProject:
    """The project of a DSN key."""

    organization_id: int
    project_id: int


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event as it was sent: parsed JSON, its id (32 lower-case hex digits), its size in bytes."""

    data: Any
    event_id: str
    size: int


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What is kept of a request: at most 4 MiB of items, 1 MiB each.

    `sessions` are NewSession, `aggregates` SessionAggregate. `sent_at` is None where the envelope has none, as on `/store/`.
    """

    received: datetime
    sent_at: datetime | None = None
    events: Sequence[SentEvent] = ()
    sessions: Sequence[Any] = ()
    aggregates: Sequence[Any] = ()
    outcomes: Sequence[OutcomeCount] = ()


class Overloaded(Exception):
    """The queue of events has been full for MAX_WAIT_SECONDS; nothing was stored."""


class QuotaExceeded(Exception):
    """The project has sent as many events in this hour as it may; nothing was stored. `seconds` remain of the hour."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


MAX_WAIT_SECONDS = 2.0
"""Seconds for which a request waits for a full queue or an unavailable store: an SDK never sends an event again."""


class ProjectKeyLookup(Protocol):
    """Finds projects by the public key of a DSN."""

    async def find_project(self, public_key: str) -> IngestProject | None:
        """Return the project of an active key, at most 60 seconds old; None if there is none. Raises Unavailable."""


class IngestSink(Protocol):
    """Stores what was sent."""

    async def wait_for_space(self) -> None:
        """Return when the queue of events has space. Raises Overloaded after MAX_WAIT_SECONDS."""

    async def submit(self, project: IngestProject, request: IngestRequest) -> None:
        """Return after the commit of all of a request: events, sessions and outcomes.

        Raises Overloaded and QuotaExceeded, for requests with events only, and Unavailable: the same request may
        be submitted again. Nothing was stored, unless the connection was lost during the COMMIT: then a second submission
        stores events and sessions once, and may count aggregates and outcomes twice.
        """

    def note_outcomes(self, project: IngestProject, outcomes: Sequence[OutcomeCount]) -> None:
        """Count items of refused requests; they are written with a later batch."""
