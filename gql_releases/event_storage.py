"""Builds the retention of events, for the server and for a command."""

from __future__ import annotations

from functools import partial

from gql_releases.services.event_retention import EventRetention
from gql_releases.settings import Settings
from gql_releases.storage.engine.process_locks import hold_process_lock
from gql_releases.storage.store import Store


def build_retention(settings: Settings, store: Store) -> EventRetention:
    """Return the service that removes old events."""
    return EventRetention(
        store.event_retention, partial(hold_process_lock, settings.database_url), settings.events_project_bytes
    )
