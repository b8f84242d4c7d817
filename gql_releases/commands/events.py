"""`gql-releases events`: removes old events."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from gql_releases.commands.support import require_current
from gql_releases.domain.dates import now
from gql_releases.domain.errors import CommandFailed
from gql_releases.domain.events.retention import Pruned
from gql_releases.event_storage import build_retention
from gql_releases.settings import Settings
from gql_releases.storage.store import open_store

COMMAND = typer.Typer(help="Remove old events and their counters.", no_args_is_help=True, add_completion=False)

NAMES = {
    "expired_events": "events of more than 90 days ago",
    "events_beyond_size": "events beyond the size that a project may have",
    "thinned_events": "events between many others of their issue and release",
    "event_hours": "hours of events",
    "ingest_hours": "hours of quotas",
    "session_hours": "hours of sessions",
    "live_sessions": "sessions that are no longer updated",
    "session_users": "users of sessions",
    "outcomes": "counts of outcomes",
    "deleted_releases": "names of deleted releases",
}
"""Attribute of Pruned -> what is printed."""


@COMMAND.callback()
def events() -> None:
    """Make `prune` a subcommand: Typer makes a single command the group itself."""


@COMMAND.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be removed.")] = False,
) -> None:
    """Remove events and counters that are older than they are kept. A server does the same every hour.

    The first event of an issue is kept, and so are the counts of issues and releases.
    """
    settings = Settings()
    require_current(settings.database_url)
    pruned = asyncio.run(_prune(settings, dry_run=dry_run))
    if pruned is None:
        raise CommandFailed("Another process removes old events at the moment.")
    verb = "would remove" if dry_run else "removed"
    for name, number in asdict(pruned).items():
        if number:
            typer.echo(f"{verb} {number} {NAMES[name]}")
    if not pruned.describe():
        typer.echo("nothing to remove")


async def _prune(settings: Settings, *, dry_run: bool) -> Pruned | None:
    store = open_store(settings.database_url)
    try:
        return await build_retention(settings, store).prune_alone(now(), dry_run=dry_run)
    finally:
        await store.close()
