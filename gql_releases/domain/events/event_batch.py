"""What is written of requests with events and sessions: prepared by the service, stored by one transaction a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gql_releases.domain.events.event import NewEvent
from gql_releases.domain.events.grouping import Grouping
from gql_releases.domain.events.outcomes import OutcomeCount, OutcomeKey
from gql_releases.domain.events.sessions import NewSession, SessionAggregate

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400


class IngestKey(NamedTuple):
    """The project of an active key, and the salt (hex) with which its organization's users are hashed."""

    organization_id: int
    project_id: int
    user_salt: str


class PreparedEvent(NamedTuple):
    """An event, its group, its compressed body and the hash of its user."""

    event: NewEvent
    grouping: Grouping
    body: bytes
    user_hash: str | None


class PreparedSession(NamedTuple):
    """A session, or counts of sessions, and the hash of its user."""

    session: NewSession | SessionAggregate
    user_hash: str | None


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """What is written of one request, whole or not at all. `hour` is that of its arrival, since 1970-01-01 in UTC."""

    project_id: int
    hour: int
    events: Sequence[PreparedEvent] = ()
    sessions: Sequence[PreparedSession] = ()
    outcomes: Sequence[OutcomeCount] = ()


@dataclass(slots=True)
class NewRows:
    """Numbers of releases, environments and issues that events of a project create in an hour."""

    releases: int = 0
    environments: int = 0
    issues: int = 0


DEFAULT_LIMITS = NewRows(releases=100, environments=100, issues=1000)
"""Holders of a public key choose the names: what they can create is bounded."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The number of stored events of each project and hour of a batch, by (project, hour), and of items by outcome."""

    events_by_hour: Mapping[tuple[int, int], int] = field(default_factory=dict)
    items: Mapping[OutcomeKey, int] = field(default_factory=dict)


Fact = NewEvent | NewSession | SessionAggregate


def list_facts(request: PreparedRequest) -> list[Fact]:
    """Return the events and sessions of a request, all of which name a release and an environment."""
    return [*[item.event for item in request.events], *[item.session for item in request.sessions]]
