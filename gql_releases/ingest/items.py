"""Turns the items of an envelope, or the event of a request, into what is stored."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gql_releases.domain.events.fields import read_uuid
from gql_releases.domain.events.ingest_request import IngestRequest, SentEvent
from gql_releases.domain.events.json_text import InvalidEvent, parse_json
from gql_releases.domain.events.outcomes import CountKey, ItemOutcome, OutcomeCount, add_count
from gql_releases.domain.events.sessions import (
    NewSession,
    SessionAggregate,
    describe_dropped_session,
    parse_session,
    parse_sessions,
)
from gql_releases.ingest.client_reports import parse_client_report
from gql_releases.ingest.envelope import CATEGORIES, EnvelopeReader, HeldItem
from gql_releases.web.large_bodies import LARGE_BODY_BYTES, run_in_thread

MAX_EVENTS = 100
"""Events of an envelope; SDKs send one."""
MAX_AGGREGATES = 1_000
"""Aggregates of sessions of an envelope; an SDK sends one for each minute and release."""
MAX_TIME_LENGTH = 64
"""Characters of a time in a header."""


@dataclass(slots=True)
class SentItems:
    """What is stored of a request. `causes` are the reasons why items were dropped."""

    received: datetime
    sent_at: datetime | None = None
    header_id: str | None = None
    """The event's id in the header of the envelope, for the first event without an own one."""
    events: list[SentEvent] = field(default_factory=list)
    sessions: list[NewSession] = field(default_factory=list)
    aggregates: list[SessionAggregate] = field(default_factory=list)
    outcomes: dict[CountKey, OutcomeCount] = field(default_factory=dict)
    """Added up: an envelope can hold thousands of client reports."""
    causes: list[str] = field(default_factory=list)
    is_too_large: bool = False
    """Whether an item was larger than what is held."""
    has_skipped: bool = False
    """Whether there were items of kinds that are not stored."""
    is_usable: bool = False
    """Whether an item was read, be it stored or not."""

    def build_request(self) -> IngestRequest:
        """Return the request for the sink."""
        outcomes = list(self.outcomes.values())
        return IngestRequest(self.received, self.sent_at, self.events, self.sessions, self.aggregates, outcomes)

    def add_event(self, data: dict[str, Any], size: int) -> None:
        """Add an event of parsed JSON."""
        if len(self.events) >= MAX_EVENTS:
            self.drop("too_many", "error")
            return
        self.is_usable = True
        header_id = None if self.events else self.header_id
        event_id = read_uuid(data.get("event_id")) or header_id or uuid.uuid4().hex
        self.events.append(SentEvent(data, event_id, size))

    def drop(self, reason: str, category: str, quantity: int = 1, size: int = 0, value: str = "") -> None:
        """Count items that are not stored."""
        add_count(self.outcomes, OutcomeCount(ItemOutcome.DROPPED, reason, category, quantity, value, size))


async def read_items(reader: EnvelopeReader, received: datetime) -> SentItems:
    """Return what is stored of an envelope."""
    header = reader.header or {}
    items = SentItems(received, read_sent_at(header.get("sent_at")), read_uuid(header.get("event_id")))
    for item in reader.items:
        await _add_item(items, item)
    for category, skipped in reader.skipped.items():
        items.has_skipped = items.is_usable = True
        items.drop("not_stored", category, skipped.quantity, skipped.size)
    for category, skipped in reader.too_large.items():
        items.is_too_large = True
        items.causes.append(f"an item of the category {category} is too large")
        items.drop("too_large", category, skipped.quantity, skipped.size)
    if reader.fault:
        items.causes.append(reader.fault)
        items.drop("invalid_envelope", "default")
    return items


async def _add_item(items: SentItems, item: HeldItem) -> None:
    category, size = CATEGORIES[item.kind], len(item.payload)
    try:
        data = await parse_payload(item.payload)
    except InvalidEvent as error:
        items.causes.append(str(error))
        items.drop("invalid_json", category, size=size)
        return
    if item.kind == "event":
        if type(data) is dict:
            items.add_event(data, size)
        else:
            items.causes.append("an event is not a JSON object")
            items.drop("invalid_event", category, size=size)
    elif item.kind == "client_report":
        counts = parse_client_report(data)
        if counts is None:
            items.causes.append("a client report has no list of discarded events")
        else:
            items.is_usable = True
            for count in counts:
                add_count(items.outcomes, count)
    elif item.kind == "session":
        items.is_usable = True
        session = parse_session(data, items.received)
        if session:
            items.sessions.append(session)
        else:
            _drop_session(items, data)
    elif len(items.aggregates) >= MAX_AGGREGATES:
        items.drop("too_many", category)
    else:
        items.is_usable = True
        aggregates = parse_sessions(data, items.received)
        items.aggregates += aggregates
        if not aggregates:
            _drop_session(items, data)


def _drop_session(items: SentItems, data: Any) -> None:
    reason, value = describe_dropped_session(data)
    items.drop(reason, "session", value=value)


async def parse_payload(payload: bytes) -> Any:
    """Parse JSON, a large payload in a thread. Raises InvalidEvent."""
    return parse_json(payload) if len(payload) <= LARGE_BODY_BYTES else await run_in_thread(parse_json, payload)


def read_sent_at(value: object) -> datetime | None:
    """Return the time of a header in RFC 3339; None if it is none."""
    if type(value) is not str or len(value) > MAX_TIME_LENGTH:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
